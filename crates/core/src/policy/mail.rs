//! When mails may leave: which kinds there are, quiet hours, and collecting reminders.

use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use jiff::civil::{Date, DateTime};
use jiff::tz::{TimeZone, TimeZoneDatabase};

use crate::time::{Span, Time};

/// The rules for time zones that are compiled in: what a policy means does not depend on a machine.
static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// The longest time for which reminders are collected: as long as what was delivered is remembered.
pub(super) const MAX_DIGEST: Span = Span::days(7);

/// Minutes in a day that is not shortened or lengthened by a change of clocks.
const DAY: u16 = 24 * 60;

/// `[mail]`
#[derive(Debug, Clone, PartialEq)]
pub struct MailPolicy {
    /// Whether the recipient of an invitation is told of it by mail.
    pub first_notice: bool,
    /// Whether the sender is told by mail that an invitation was accepted.
    pub accepted: bool,
    /// Whether the sender is told by mail that a wait is over (rule 41).
    pub may_invite_again: bool,
    /// Hours in which no mail leaves.
    pub quiet_hours: Option<QuietHours>,
    /// Where those hours are.
    pub time_zone: Zone,
    /// A member gets at most one mail of reminders in this time; those that fall due meanwhile
    /// become one. `None` sends each on its own.
    pub digest: Option<Span>,
}

impl MailPolicy {
    /// The first moment from `now` on that is not in the quiet hours.
    #[must_use]
    pub fn open_from(&self, now: Time) -> Time {
        self.quiet_hours.map_or(now, |hours| hours.over_from(now, &self.time_zone.0))
    }
}

/// Hours of every day, from one minute up to another: `22:00-07:00`. They may pass midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuietHours {
    /// The first minute of the day that is quiet.
    from: u16,
    /// The first that is not.
    to: u16,
}

/// A text does not name hours of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected hours of the day such as \"22:00-07:00\", the two not the same")]
pub struct HoursError;

impl QuietHours {
    fn contain(self, minute: u16) -> bool {
        if self.from < self.to {
            (self.from..self.to).contains(&minute)
        } else {
            minute >= self.from || minute < self.to
        }
    }

    /// The first moment from `now` on that a clock there does not show within these hours.
    fn over_from(self, now: Time, zone: &TimeZone) -> Time {
        let is_quiet = |at: Time| self.contain(minute(zone.to_datetime(at.timestamp())));
        if !is_quiet(now) {
            return now;
        }
        let shown = zone.to_datetime(now.timestamp());
        let tomorrow = self.from > self.to && minute(shown) >= self.from;
        let date = if tomorrow { shown.date().tomorrow().unwrap_or(Date::MAX) } else { shown.date() };
        let end = zone.to_ambiguous_timestamp(date.at(signed(self.to / 60), signed(self.to % 60), 0, 0));
        // Where clocks are put back, the end comes twice; where they are changed, the hours may end by that.
        let changed = zone.following(now.timestamp()).next().map(|change| change.timestamp());
        let mut ends: Vec<Time> = [end.earlier().ok(), end.later().ok(), changed]
            .into_iter()
            .flatten()
            .map(|moment| Time::from_unix(moment.as_second()))
            .collect();
        ends.sort();
        ends.into_iter().find(|end| *end > now && !is_quiet(*end)).unwrap_or(now)
    }
}

fn minute(shown: DateTime) -> u16 {
    u16::from(shown.hour().unsigned_abs()) * 60 + u16::from(shown.minute().unsigned_abs())
}

/// Hours and minutes are below 60.
fn signed(number: u16) -> i8 {
    i8::try_from(number).unwrap_or_default()
}

impl FromStr for QuietHours {
    type Err = HoursError;

    fn from_str(text: &str) -> Result<Self, HoursError> {
        let minute = |text: &str| {
            let (hour, minute) = text.split_once(':')?;
            let number = |text: &str| text.parse::<u16>().ok().filter(|_| text.len() == 2 && !text.starts_with('+'));
            Some(number(hour)? * 60 + number(minute).filter(|minute| *minute < 60)?).filter(|minute| *minute < DAY)
        };
        let both = text.split_once('-').and_then(|(from, to)| Some((minute(from)?, minute(to)?)));
        both.filter(|(from, to)| from != to).map(|(from, to)| Self { from, to }).ok_or(HoursError)
    }
}

impl fmt::Display for QuietHours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, to } = self;
        write!(f, "{:02}:{:02}-{:02}:{:02}", from / 60, from % 60, to / 60, to % 60)
    }
}

/// A time zone by its name in the IANA database: `Europe/Rome`.
#[derive(Debug, Clone, PartialEq)]
pub struct Zone(TimeZone);

/// A text is not the name of a time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected the name of a time zone such as \"Europe/Rome\" or \"UTC\"")]
pub struct ZoneError;

impl Zone {
    /// Coordinated universal time.
    pub const UTC: Zone = Zone(TimeZone::UTC);
}

impl FromStr for Zone {
    type Err = ZoneError;

    fn from_str(text: &str) -> Result<Self, ZoneError> {
        if text == "UTC" {
            return Ok(Self::UTC);
        }
        ZONES.get(text).map(Self).map_err(|_| ZoneError)
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.iana_name().unwrap_or("UTC"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn policy(hours: &str, zone: &str) -> MailPolicy {
        MailPolicy {
            first_notice: true,
            accepted: true,
            may_invite_again: true,
            quiet_hours: Some(hours.parse().unwrap()),
            time_zone: zone.parse().unwrap(),
            digest: None,
        }
    }

    #[test]
    fn quiet_hours_end_where_the_members_are() {
        let cases = [
            ("22:00-07:00", "UTC", "2026-03-01T21:59:59Z", "2026-03-01T21:59:59Z"),
            ("22:00-07:00", "UTC", "2026-03-01T22:00:00Z", "2026-03-02T07:00:00Z"),
            ("22:00-07:00", "UTC", "2026-03-02T06:59:59Z", "2026-03-02T07:00:00Z"),
            ("22:00-07:00", "UTC", "2026-03-02T07:00:00Z", "2026-03-02T07:00:00Z"),
            ("22:00-07:00", "Europe/Rome", "2026-03-01T21:00:00Z", "2026-03-02T06:00:00Z"),
            ("12:00-14:30", "Asia/Kolkata", "2026-03-01T06:30:00Z", "2026-03-01T09:00:00Z"),
            // Clocks go forward from 2 to 3: what ends within the hour that is left out ends with it.
            ("22:00-02:30", "Europe/Rome", "2026-03-29T00:59:00Z", "2026-03-29T01:00:00Z"),
            // Clocks go back from 3 to 2: 02:30 comes twice, and what comes after the first 03:00 is 02:00.
            ("22:00-02:30", "Europe/Rome", "2026-10-25T00:10:00Z", "2026-10-25T00:30:00Z"),
            ("22:00-02:30", "Europe/Rome", "2026-10-25T01:10:00Z", "2026-10-25T01:30:00Z"),
            ("22:00-03:00", "Europe/Rome", "2026-10-25T00:10:00Z", "2026-10-25T02:00:00Z"),
        ];
        for (hours, zone, now, expected) in cases {
            let open = policy(hours, zone).open_from(now.parse().unwrap());
            assert_eq!(open.to_string(), expected, "{hours} {zone} {now}");
        }
    }

    #[test]
    fn what_is_no_hours_and_no_zone_is_refused() {
        for wrong in ["", "22-07", "22:00", "22:00-22:00", "24:00-07:00", "2:00-07:00", "22:60-07:00", "+2:00-07:00"] {
            assert_eq!(wrong.parse::<QuietHours>(), Err(HoursError), "{wrong}");
        }
        for wrong in ["", "Rome", "Europe/Atlantis", "../etc/passwd", "+02:00"] {
            assert_eq!(wrong.parse::<Zone>(), Err(ZoneError), "{wrong}");
        }
        assert_eq!("00:00-07:05".parse::<QuietHours>().unwrap().to_string(), "00:00-07:05");
        assert_eq!("Europe/Rome".parse::<Zone>().unwrap().to_string(), "Europe/Rome");
        assert_eq!("UTC".parse::<Zone>().unwrap().to_string(), "UTC");
    }

    proptest! {
        /// It is quiet up to that moment and not at it, whatever the clocks do there.
        #[test]
        fn nothing_leaves_while_it_is_quiet(
            from in 0..DAY, to in 0..DAY, second in 1_767_225_600_i64..1_830_297_600, zone in 0_usize..4,
        ) {
            prop_assume!(from != to);
            let zone = ["Europe/Rome", "America/New_York", "Australia/Lord_Howe", "UTC"].get(zone).unwrap();
            let zone: Zone = zone.parse().unwrap();
            let hours = QuietHours { from, to };
            let now = Time::from_unix(second);
            let open = hours.over_from(now, &zone.0);
            let is_quiet = |at: Time| hours.contain(minute(zone.0.to_datetime(at.timestamp())));
            prop_assert!(open >= now && !is_quiet(open), "{hours} {open}");
            for at in (now.unix()..open.unix()).step_by(60) {
                prop_assert!(is_quiet(Time::from_unix(at)), "{hours} is over before {open}");
            }
        }
    }
}
