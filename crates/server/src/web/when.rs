//! Moments as readers say them: "3 weeks ago", with the exact time beside it.

use acquaint_core::time::{Span, Time};
pub(crate) use acquaint_plot::grouped;

/// A moment, for a template: words, and the exact time for machines and for a closer look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct When {
    /// `3 weeks ago`, `in 5 days`, `just now`.
    pub(crate) words: String,
    /// `2026-11-04T09:00:00Z`.
    pub(crate) machine: String,
    /// `4 November 2026, 09:00 UTC`.
    pub(crate) exact: String,
    /// `4 November 2026`.
    pub(crate) date: String,
}

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
const WEEK: u64 = 7 * DAY;
const TWO_WEEKS: u64 = 2 * WEEK;
const MONTH: u64 = 2_629_746;
const TWO_MONTHS: u64 = 2 * MONTH;
const YEAR: u64 = 12 * MONTH;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

impl When {
    pub(crate) fn new(moment: Time, now: Time) -> Self {
        let machine = moment.to_string();
        let date = date(&machine);
        let exact = format!("{date}, {} UTC", machine.get(11..16).unwrap_or_default());
        Self { words: words(moment, now), exact, date, machine }
    }

    /// The date, with the hour where it lies within two days, so that "until" can be kept.
    pub(crate) fn until(&self, moment: Time, now: Time) -> String {
        if moment.since(now) < Span::days(2) { self.exact.clone() } else { self.date.clone() }
    }
}

fn date(machine: &str) -> String {
    let mut parts = machine.get(..10).unwrap_or_default().splitn(3, '-');
    let (year, month, day) =
        (parts.next().unwrap_or_default(), parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let month = month.parse::<usize>().ok().and_then(|month| MONTHS.get(month.wrapping_sub(1)));
    format!("{} {} {year}", day.trim_start_matches('0'), month.unwrap_or(&""))
}

fn words(moment: Time, now: Time) -> String {
    let (past, length) = if moment <= now { (true, now.since(moment)) } else { (false, moment.since(now)) };
    let length = length.as_seconds();
    if length < MINUTE {
        return if past { "just now".into() } else { "in a moment".into() };
    }
    let length = roughly(length);
    if past { format!("{length} ago") } else { format!("in {length}") }
}

/// A length in its largest unit that fits at least once; weeks only up to two months.
fn roughly(seconds: u64) -> String {
    let (unit, name) = match seconds {
        ..HOUR => (MINUTE, "minute"),
        HOUR..DAY => (HOUR, "hour"),
        DAY..WEEK => (DAY, "day"),
        WEEK..TWO_WEEKS if !seconds.is_multiple_of(WEEK) => (DAY, "day"),
        WEEK..TWO_MONTHS => (WEEK, "week"),
        TWO_MONTHS..YEAR => (MONTH, "month"),
        YEAR.. => (YEAR, "year"),
    };
    counted(seconds / unit, name)
}

/// `1 day`, `3 days`.
pub(crate) fn counted(number: u64, name: &str) -> String {
    if number == 1 { format!("1 {name}") } else { format!("{} {name}s", grouped(number)) }
}

/// A span of a policy: `3 weeks`, `30 days`, `36 hours`.
pub(crate) fn span(span: Span) -> String {
    let seconds = span.as_seconds();
    let (unit, name) = match seconds {
        _ if seconds.is_multiple_of(DAY) => (DAY, "day"),
        _ if seconds.is_multiple_of(HOUR) => (HOUR, "hour"),
        _ => (MINUTE, "minute"),
    };
    counted(seconds / unit, name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_told_in_words() {
        let now: Time = "2026-11-25T09:00:00Z".parse().unwrap();
        let told = |span: Span| When::new(now - span, now).words;
        for (span, words) in [
            (Span::ZERO, "just now"),
            (Span::seconds(59), "just now"),
            (Span::minutes(1), "1 minute ago"),
            (Span::hours(23), "23 hours ago"),
            (Span::days(1), "1 day ago"),
            (Span::days(7), "1 week ago"),
            (Span::days(9), "9 days ago"),
            (Span::days(21), "3 weeks ago"),
            (Span::days(70), "2 months ago"),
            (Span::days(180), "5 months ago"),
            (Span::days(800), "2 years ago"),
        ] {
            assert_eq!(told(span), words);
        }
        let soon = now + Span::days(5);
        assert_eq!(When::new(soon, now).words, "in 5 days");
    }

    #[test]
    fn the_exact_time_stands_beside_them() {
        let now: Time = "2026-11-05T09:03:00Z".parse().unwrap();
        let when = When::new(now, now);
        assert_eq!((when.date.as_str(), when.exact.as_str()), ("5 November 2026", "5 November 2026, 09:03 UTC"));
        let (tomorrow, later) = (now + Span::days(1), now + Span::days(3));
        assert_eq!(When::new(tomorrow, now).until(tomorrow, now), "6 November 2026, 09:03 UTC");
        assert_eq!(When::new(later, now).until(later, now), "8 November 2026");
    }

    #[test]
    fn spans_are_readable() {
        assert_eq!((span(Span::days(21)), span(Span::hours(1))), ("21 days".into(), "1 hour".into()));
    }
}
