//! Dates in the forms that exports hold, and those that Excel makes of them.
//!
//! `1/29/26, 2:37 PM` (Invitations), `08 Feb 2026` (Connections), `2026-03-13 03:18:54 UTC`
//! (messages); Excel's `1/29/2026 14:37`, `8-Feb-26`, `4-Apr-21`. No file names a zone, so all are taken
//! for UTC. Two digits of a year are of this century: LinkedIn is no older.

use acquaint_core::time::Time;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// The moment that a text names; a day is its first second. `None` where it names none.
#[must_use]
pub fn read(text: &str) -> Option<Time> {
    let separators = |c: char| c.is_whitespace() || matches!(c, ',' | '/' | '-' | ':' | '.');
    let parts: Vec<&str> = text.split(separators).filter(|part| !part.is_empty()).collect();
    let ((year, month, day), clock) = match parts.as_slice() {
        [day, month, year, clock @ ..] if !is_number(month) => {
            ((year_of(year)?, month_of(month)?, number(day)?), clock)
        }
        [year, month, day, clock @ ..] if year.len() == 4 => ((year_of(year)?, number(month)?, number(day)?), clock),
        [month, day, year, clock @ ..] if text.contains('/') => ((year_of(year)?, number(month)?, number(day)?), clock),
        _ => return None,
    };
    let (hour, minute, second) = time_of_day(clock)?;
    let civil = DateTime::new(year, month, day, hour, minute, second, 0).ok()?;
    let moment = TimeZone::UTC.to_timestamp(civil).ok()?;
    Some(Time::from_unix(moment.as_second()))
}

fn time_of_day(parts: &[&str]) -> Option<(i8, i8, i8)> {
    let (parts, half) = match parts {
        [rest @ .., last] if !is_number(last) => (rest, Some(last.to_ascii_lowercase())),
        _ => (parts, None),
    };
    let (hour, minute, second) = match parts {
        [] if half.is_none() => return Some((0, 0, 0)),
        [hour, minute] => (number(hour)?, number(minute)?, 0),
        [hour, minute, second] => (number(hour)?, number(minute)?, number(second)?),
        _ => return None,
    };
    let hour = match (half.as_deref(), hour) {
        (None | Some("utc"), _) => hour,
        (Some("am"), 1..=12) => hour % 12,
        (Some("pm"), 1..=12) => hour % 12 + 12,
        _ => return None,
    };
    Some((hour, minute, second))
}

fn is_number(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

fn number(text: &str) -> Option<i8> {
    text.parse().ok().filter(|_| is_number(text))
}

fn year_of(text: &str) -> Option<i16> {
    let year: i16 = text.parse().ok().filter(|_| is_number(text))?;
    match text.len() {
        2 => Some(2000 + year),
        4 => Some(year),
        _ => None,
    }
}

fn month_of(text: &str) -> Option<i8> {
    // English months alone, short or in full.
    let month = text.get(..3)?.to_ascii_lowercase();
    let place = MONTHS.iter().position(|name| *name == month)?;
    i8::try_from(place + 1).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_read() {
        for (text, moment) in [
            ("1/29/26, 2:37 PM", "2026-01-29T14:37:00Z"),
            ("1/29/26, 2:37\u{202f}PM", "2026-01-29T14:37:00Z"),
            ("7/1/26, 12:05 AM", "2026-07-01T00:05:00Z"),
            ("7/1/26, 12:05 PM", "2026-07-01T12:05:00Z"),
            ("1/29/2026 14:37", "2026-01-29T14:37:00Z"),
            ("1/29/26 14:37:10", "2026-01-29T14:37:10Z"),
            ("08 Feb 2026", "2026-02-08T00:00:00Z"),
            ("8-Feb-26", "2026-02-08T00:00:00Z"),
            ("4-Apr-21", "2021-04-04T00:00:00Z"),
            ("2026-02-08", "2026-02-08T00:00:00Z"),
            ("2026-03-13 03:18:54 UTC", "2026-03-13T03:18:54Z"),
            ("29 February 2028", "2028-02-29T00:00:00Z"),
        ] {
            assert_eq!(read(text).map(|time| time.to_string()).as_deref(), Some(moment), "{text}");
        }
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in [
            "",
            "soon",
            "29/1/26, 2:37 PM",
            "2/29/26, 2:37 PM",
            "1/29/26, 13:37 PM",
            "1/29/26, 2 PM",
            "1/29/126",
            "08 Févr 2026",
            "01.02.2026",
            "1/29/26, 2:37 XM",
            "١/٢/٢٦",
            "1-2-26",
            "+1/2/26",
            "1/2/26 25:00",
            "//",
            "é",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    proptest::proptest! {
        /// What LinkedIn writes is read as what it means; anything else does no harm.
        #[test]
        fn written_and_read(minute in 0_i64..50_000_000, noise in "\\PC{0,30}") {
            let time = Time::from_unix(946_684_800 + minute * 60);
            let civil = TimeZone::UTC.to_datetime(jiff::Timestamp::from_second(time.unix()).unwrap());
            let half = if civil.hour() < 12 { "AM" } else { "PM" };
            let hour = (civil.hour() + 11) % 12 + 1;
            let (year, month, day) = (civil.year() - 2000, civil.month(), civil.day());
            let text = format!("{month}/{day}/{year:02}, {hour}:{:02} {half}", civil.minute());
            if year < 100 {
                proptest::prop_assert_eq!(read(&text), Some(time));
            }
            let _ = read(&noise);
        }
    }
}
