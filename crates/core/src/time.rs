//! Moments and spans, in whole seconds.
//!
//! The rules are exact to the second, so a finer clock would only make rows longer. A [`Time`] is
//! an instant in UTC, a [`Span`] a length; both are plain numbers, and nobody here asks what time
//! it is.

use std::fmt;
use std::ops::{Add, Sub};
use std::str::FromStr;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An instant: whole seconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time(i64);

impl Time {
    /// 0001-01-01T00:00:00Z, earlier than anything that happens.
    pub const MIN: Time = Time(-62_135_596_800);
    /// 9999-12-30T00:00:00Z, later than anything that happens, and one that RFC 3339 can write.
    pub const MAX: Time = Time(253_402_128_000);

    /// The instant that many seconds after the epoch, kept between [`Time::MIN`] and [`Time::MAX`].
    #[must_use]
    pub const fn from_unix(seconds: i64) -> Self {
        if seconds < Self::MIN.0 {
            Self::MIN
        } else if seconds > Self::MAX.0 {
            Self::MAX
        } else {
            Self(seconds)
        }
    }

    /// Seconds since the epoch.
    #[must_use]
    pub const fn unix(self) -> i64 {
        self.0
    }

    /// How long after `earlier` this is; zero when it is not after it.
    #[must_use]
    pub const fn since(self, earlier: Time) -> Span {
        Span(if self.0 > earlier.0 { self.0.abs_diff(earlier.0) } else { 0 })
    }

    /// The calendar month in UTC that this instant lies in (rule 3 counts notes by it).
    #[must_use]
    pub fn month(self) -> Month {
        let civil = self.civil();
        Month { year: civil.year(), month: civil.month() }
    }

    fn civil(self) -> jiff::civil::DateTime {
        TimeZone::UTC.to_datetime(self.timestamp())
    }

    /// As the calendar's library has it.
    pub(crate) fn timestamp(self) -> Timestamp {
        // In range by construction (`from_unix` clamps); the epoch stands in for the impossible.
        Timestamp::from_second(self.0).unwrap_or(Timestamp::UNIX_EPOCH)
    }
}

/// A calendar month in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Month {
    year: i16,
    month: i8,
}

impl Month {
    /// The first instant of the month.
    #[must_use]
    pub fn start(self) -> Time {
        jiff::civil::Date::new(self.year, self.month, 1)
            .and_then(|date| TimeZone::UTC.to_timestamp(date.at(0, 0, 0, 0)))
            .map_or(Time::MAX, |start| Time::from_unix(start.as_second()))
    }

    /// The first instant of the month after this one.
    #[must_use]
    pub fn next_start(self) -> Time {
        let (year, month) = if self.month == 12 { (self.year + 1, 1) } else { (self.year, self.month + 1) };
        Self { year, month }.start()
    }
}

/// Why a text is not a moment or a span.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    /// Not an RFC 3339 date and time with an offset.
    #[error("expected a time such as 2026-11-23T08:00:00Z (RFC 3339)")]
    NotATime,
    /// Not a whole number followed by `d`, `h`, `m` or `s`.
    #[error("expected a duration such as \"21d\", \"36h\", \"15m\" or \"90s\"")]
    NotASpan,
    /// Longer than [`Span::MAX`].
    #[error("a duration is at most 36500d")]
    TooLong,
}

impl FromStr for Time {
    type Err = TimeError;

    /// Reads RFC 3339; a fraction of a second is dropped.
    fn from_str(text: &str) -> Result<Self, TimeError> {
        let stamp: Timestamp = text.parse().map_err(|_| TimeError::NotATime)?;
        let seconds = stamp.as_second() - i64::from(stamp.subsec_nanosecond() < 0);
        let time = Self::from_unix(seconds);
        if time.0 == seconds { Ok(time) } else { Err(TimeError::NotATime) }
    }
}

impl fmt::Display for Time {
    /// RFC 3339 in UTC: `2026-11-23T08:00:00Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.timestamp(), f)
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() { serializer.collect_str(self) } else { serializer.serialize_i64(self.0) }
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
            text.parse().map_err(serde::de::Error::custom)
        } else {
            i64::deserialize(deserializer).map(Self::from_unix)
        }
    }
}

/// A length of time in whole seconds, at most a hundred years.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span(u64);

impl Span {
    /// No time at all.
    pub const ZERO: Span = Span(0);
    /// The longest span that a policy or a command may name: 36,500 days.
    pub const MAX: Span = Span::days(36_500);

    /// So many seconds.
    #[must_use]
    pub const fn seconds(n: u64) -> Self {
        Self(n)
    }

    /// So many minutes.
    #[must_use]
    pub const fn minutes(n: u64) -> Self {
        Self(n * 60)
    }

    /// So many hours.
    #[must_use]
    pub const fn hours(n: u64) -> Self {
        Self(n * 3_600)
    }

    /// So many days of 24 hours.
    #[must_use]
    pub const fn days(n: u64) -> Self {
        Self(n * 86_400)
    }

    /// The length in seconds.
    #[must_use]
    pub const fn as_seconds(self) -> u64 {
        self.0
    }
}

impl FromStr for Span {
    type Err = TimeError;

    /// Reads a whole number and one of `d`, `h`, `m`, `s`.
    fn from_str(text: &str) -> Result<Self, TimeError> {
        let unit = match text.chars().next_back() {
            Some('d') => 86_400,
            Some('h') => 3_600,
            Some('m') => 60,
            Some('s') => 1,
            _ => return Err(TimeError::NotASpan),
        };
        let digits = text.get(..text.len() - 1).unwrap_or_default();
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(TimeError::NotASpan);
        }
        let number: u64 = digits.parse().map_err(|_| TimeError::TooLong)?;
        let span = Span(number.checked_mul(unit).ok_or(TimeError::TooLong)?);
        if span > Span::MAX { Err(TimeError::TooLong) } else { Ok(span) }
    }
}

impl fmt::Display for Span {
    /// The largest unit that says it exactly: `21d`, `36h`, `90s`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [(86_400, 'd'), (3_600, 'h'), (60, 'm')];
        let exact = units.iter().find(|(length, _)| self.0.is_multiple_of(*length) && self.0 > 0);
        match exact {
            Some((length, name)) => write!(f, "{}{name}", self.0 / length),
            None if self.0 == 0 => f.write_str("0d"),
            None => write!(f, "{}s", self.0),
        }
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl Add<Span> for Time {
    type Output = Time;

    fn add(self, span: Span) -> Time {
        Time::from_unix(self.0.saturating_add_unsigned(span.0))
    }
}

impl Sub<Span> for Time {
    type Output = Time;

    fn sub(self, span: Span) -> Time {
        Time::from_unix(self.0.saturating_sub_unsigned(span.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_and_written_in_rfc_3339() {
        let time: Time = "2026-11-23T08:00:00Z".parse().unwrap();
        assert_eq!(time.to_string(), "2026-11-23T08:00:00Z");
        assert_eq!("2026-11-23T09:30:00.9+01:30".parse(), Ok(time));
        assert_eq!("2026-11-23".parse::<Time>(), Err(TimeError::NotATime));
        assert_eq!("1969-12-31T23:59:58.5Z".parse::<Time>().unwrap().unix(), -2);
    }

    #[test]
    fn the_ends_of_time_can_be_written() {
        assert_eq!(Time::MIN.to_string().parse(), Ok(Time::MIN));
        assert_eq!(Time::MAX.to_string().parse(), Ok(Time::MAX));
        assert_eq!(Time::MAX + Span::MAX, Time::MAX);
        assert_eq!(Time::MIN - Span::MAX, Time::MIN);
    }

    #[test]
    fn spans_have_a_unit_and_a_bound() {
        for (text, span) in
            [("21d", Span::days(21)), ("36h", Span::hours(36)), ("90s", Span::seconds(90)), ("0d", Span::ZERO)]
        {
            assert_eq!(text.parse(), Ok(span));
            assert_eq!(span.to_string(), text);
        }
        for wrong in ["", "21", "d", "-1d", "1.5h", "21 d", "3w", "é"] {
            assert_eq!(wrong.parse::<Span>(), Err(TimeError::NotASpan), "{wrong}");
        }
        assert_eq!("36501d".parse::<Span>(), Err(TimeError::TooLong));
        assert_eq!("99999999999999999999d".parse::<Span>(), Err(TimeError::TooLong));
    }

    #[test]
    fn months_follow_one_another() {
        let december: Time = "2026-12-31T23:59:59Z".parse().unwrap();
        assert_eq!(december.month().next_start(), december + Span::seconds(1));
        assert_eq!(december.month().start().to_string(), "2026-12-01T00:00:00Z");
        let leap: Time = "2028-02-29T12:00:00Z".parse().unwrap();
        assert_eq!(leap.month().next_start().to_string(), "2028-03-01T00:00:00Z");
    }
}
