//! Dates as other programs subscribe to them: iCalendar (RFC 5545).
//!
//! Written here, because the libraries that write it bring a second calendar of their own
//! (`chrono`) and read the clock; what it takes is escaping and folding.

use acquaint_core::time::Time;
use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::Response;

/// The longest line, in bytes, without its end (section 3.1).
const LONGEST: usize = 75;

/// One date.
pub(crate) struct Entry {
    /// Its name, the same for as long as it is the same date; visible ASCII.
    pub(crate) uid: String,
    /// When it came to be.
    pub(crate) made_at: Time,
    /// When it is.
    pub(crate) at: Time,
    pub(crate) summary: String,
    pub(crate) description: String,
}

/// A calendar of these dates.
pub(crate) fn calendar(name: &str, entries: &[Entry]) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: &str| fold(&mut text, &format!("{name}:{value}"));
    line("BEGIN", "VCALENDAR");
    line("VERSION", "2.0");
    line("PRODID", "-//Acquaint//Wait list//EN");
    // RFC 7986, and what programs took before it.
    line("NAME", &escaped(name));
    line("X-WR-CALNAME", &escaped(name));
    line("REFRESH-INTERVAL;VALUE=DURATION", "PT12H");
    line("X-PUBLISHED-TTL", "PT12H");
    for entry in entries {
        line("BEGIN", "VEVENT");
        line("UID", &entry.uid);
        line("DTSTAMP", &moment(entry.made_at));
        line("DTSTART", &moment(entry.at));
        line("DURATION", "PT15M");
        line("SUMMARY", &escaped(&entry.summary));
        line("DESCRIPTION", &escaped(&entry.description));
        // Nobody is busy then.
        line("TRANSP", "TRANSPARENT");
        line("END", "VEVENT");
    }
    line("END", "VCALENDAR");
    text
}

/// A calendar as an answer.
pub(crate) fn answer(name: &str, entries: &[Entry]) -> Response {
    let mut response = Response::new(Body::from(calendar(name, entries)));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/calendar; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, max-age=3600"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// `20260206T000000Z`.
fn moment(time: Time) -> String {
    time.to_string().replace(['-', ':'], "")
}

/// Text with what stands for something else escaped (section 3.3.11), and without other controls.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | ';' | ',' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

/// Adds a line, going on in the next one, after a space, where it is too long.
fn fold(text: &mut String, line: &str) {
    let mut used = 0;
    for c in line.chars() {
        if used + c.len_utf8() > LONGEST {
            text.push_str("\r\n ");
            used = 1;
        }
        text.push(c);
        used += c.len_utf8();
    }
    text.push_str("\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(summary: &str) -> Entry {
        let at = "2026-02-06T07:30:00Z".parse().unwrap();
        let made_at = "2026-01-16T07:30:00Z".parse().unwrap();
        Entry { uid: "inv_1@acquaint".into(), made_at, at, summary: summary.into(), description: "one\ntwo".into() }
    }

    #[test]
    fn a_calendar_is_what_the_standard_says() {
        let text = calendar("Invite again", &[entry("Invite Bo; Roe, \\ again")]);
        let expected = [
            "BEGIN:VCALENDAR",
            "VERSION:2.0",
            "PRODID:-//Acquaint//Wait list//EN",
            "NAME:Invite again",
            "X-WR-CALNAME:Invite again",
            "REFRESH-INTERVAL;VALUE=DURATION:PT12H",
            "X-PUBLISHED-TTL:PT12H",
            "BEGIN:VEVENT",
            "UID:inv_1@acquaint",
            "DTSTAMP:20260116T073000Z",
            "DTSTART:20260206T073000Z",
            "DURATION:PT15M",
            "SUMMARY:Invite Bo\\; Roe\\, \\\\ again",
            "DESCRIPTION:one\\ntwo",
            "TRANSP:TRANSPARENT",
            "END:VEVENT",
            "END:VCALENDAR",
            "",
        ];
        assert_eq!(text.split("\r\n").collect::<Vec<_>>(), expected);
    }

    #[test]
    fn no_line_is_too_long_and_no_character_is_cut() {
        let name = "Ναυσικά 花子 😀\u{202e}\r\nBEGIN:VEVENT".repeat(20);
        let text = calendar("x", &[entry(&name)]);
        assert!(text.split("\r\n").all(|line| line.len() <= LONGEST), "{text}");
        let whole = text.replace("\r\n ", "");
        assert_eq!(whole.matches("\r\nBEGIN:VEVENT\r\n").count(), 1, "a name opens nothing");
        let told = name.replace('\r', "").replace('\n', "\\n");
        assert!(whole.contains(&format!("\r\nSUMMARY:{told}\r\n")), "{whole}");
    }
}
