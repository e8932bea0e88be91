//! Reads a stream of messages, `from,to,unix_time`, row by row.
//!
//! A row is one line: an id cannot contain a line break, so a quote that is never closed spoils its
//! own line and no other. Every line is either a [`Row`], the header, blank, or a [`MalformedRow`]
//! that names its line; memory is bounded by the longest line that can be right.

use std::io::{self, BufRead, BufReader, Read};

use acquaint_core::ids::{IdError, MemberId};
use acquaint_core::time::Time;

/// The names of the columns, as an optional first line.
pub const HEADER: [&str; 3] = ["from", "to", "unix_time"];

/// The longest line in bytes. The longest row that can be right has two ids of 128 bytes, quotes
/// and a number.
const MAX_LINE: usize = 1024;

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The line in the file, counted from 1.
    pub line: u64,
    /// Who wrote.
    pub from: MemberId,
    /// To whom.
    pub to: MemberId,
    /// When, not before the row above.
    pub at: Time,
}

/// A line that is no row, and why.
#[derive(Debug)]
pub struct MalformedRow {
    /// The line in the file, counted from 1.
    pub line: u64,
    /// What is wrong with it.
    pub reason: Reason,
}

/// What can be wrong with a line.
#[derive(Debug)]
pub enum Reason {
    /// Not three fields.
    Fields(usize),
    /// A quote is not closed on its line.
    OpenQuote,
    /// Not UTF-8.
    NotUtf8,
    /// Longer than any row can be.
    TooLong,
    /// A member's id is not one; the column says which.
    Id(&'static str, IdError),
    /// Somebody wrote to themselves.
    SelfMessage,
    /// The time is not a whole number.
    NotANumber(String),
    /// The time lies outside the years 1970 to 9999.
    OutOfRange(String),
    /// The time is earlier than that of the last good row.
    Backwards {
        /// When the last good row was.
        last: Time,
        /// When this one would be.
        at: Time,
    },
    /// The file could not be read on; nothing follows.
    Unreadable(io::Error),
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Reason::Fields(found) => write!(f, "expected 3 fields (from,to,unix_time), found {found}"),
            Reason::OpenQuote => f.write_str("a quote is not closed on its line"),
            Reason::NotUtf8 => f.write_str("not UTF-8 text"),
            Reason::TooLong => write!(f, "longer than {MAX_LINE} bytes"),
            Reason::Id(column, error) => write!(f, "{column}: {error}"),
            Reason::SelfMessage => f.write_str("a member cannot write to themselves"),
            Reason::NotANumber(text) => write!(f, "unix_time: expected a whole number of seconds, found {text:?}"),
            Reason::OutOfRange(text) => write!(f, "unix_time: {text} lies outside the years 1970 to 9999"),
            Reason::Backwards { last, at } => {
                write!(
                    f,
                    "unix_time: {} is earlier than {} in the row before: sort the file by time",
                    at.unix(),
                    last.unix()
                )
            }
            Reason::Unreadable(error) => write!(f, "cannot read on: {error}"),
        }
    }
}

/// The rows of a file and what is no row in it, in order.
pub fn read_rows(reader: impl Read) -> impl Iterator<Item = Result<Row, MalformedRow>> {
    Rows { lines: Lines { reader: BufReader::new(reader), number: 0 }, last: None, may_be_header: true, over: false }
}

struct Rows<R> {
    lines: Lines<R>,
    last: Option<Time>,
    may_be_header: bool,
    over: bool,
}

impl<R: Read> Iterator for Rows<R> {
    type Item = Result<Row, MalformedRow>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.over {
            let text = match self.lines.next() {
                Ok(Some(text)) => text,
                Ok(None) => break,
                Err(reason) => {
                    self.over = matches!(reason, Reason::Unreadable(_));
                    return Some(Err(MalformedRow { line: self.lines.number, reason }));
                }
            };
            if text.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            let fields = split(&text);
            let first = std::mem::take(&mut self.may_be_header);
            if first && fields.as_ref().is_ok_and(is_header) {
                continue;
            }
            let row = fields.and_then(|fields| self.row(&fields));
            let line = self.lines.number;
            return Some(row.map_err(|reason| MalformedRow { line, reason }));
        }
        None
    }
}

impl<R> Rows<R> {
    fn row(&mut self, fields: &csv::StringRecord) -> Result<Row, Reason> {
        let (Some(from), Some(to), Some(at), 3) = (fields.get(0), fields.get(1), fields.get(2), fields.len()) else {
            return Err(Reason::Fields(fields.len()));
        };
        let from = MemberId::new(from).map_err(|error| Reason::Id("from", error))?;
        let to = MemberId::new(to).map_err(|error| Reason::Id("to", error))?;
        if from == to {
            return Err(Reason::SelfMessage);
        }
        let at = time(at)?;
        if let Some(last) = self.last.filter(|last| at < *last) {
            return Err(Reason::Backwards { last, at });
        }
        self.last = Some(at);
        Ok(Row { line: self.lines.number, from, to, at })
    }
}

/// The fields of one line. A quote that stays open would swallow the mark that is put at its end.
fn split(text: &[u8]) -> Result<csv::StringRecord, Reason> {
    const MARK: &[u8] = b",";
    let marked = [text, MARK].concat();
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(csv::Trim::All)
        .buffer_capacity(MAX_LINE + MARK.len())
        .from_reader(marked.as_slice());
    let mut record = csv::StringRecord::new();
    match reader.read_record(&mut record) {
        Ok(true) => {}
        Ok(false) => return Err(Reason::Fields(0)),
        Err(_) => return Err(Reason::NotUtf8),
    }
    let found = record.len();
    if !record.get(found.saturating_sub(1)).is_some_and(str::is_empty) {
        return Err(Reason::OpenQuote);
    }
    record.truncate(found.saturating_sub(1));
    Ok(record)
}

fn is_header(fields: &csv::StringRecord) -> bool {
    fields.len() == HEADER.len() && fields.iter().zip(HEADER).all(|(field, name)| field.eq_ignore_ascii_case(name))
}

fn time(text: &str) -> Result<Time, Reason> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Reason::NotANumber(text.into()));
    }
    let out_of_range = || Reason::OutOfRange(text.into());
    let seconds: i64 = text.parse().map_err(|_| out_of_range())?;
    if (0..=Time::MAX.unix()).contains(&seconds) { Ok(Time::from_unix(seconds)) } else { Err(out_of_range()) }
}

/// Lines of bounded length, without their ends and without a byte order mark.
struct Lines<R> {
    reader: BufReader<R>,
    number: u64,
}

impl<R: Read> Lines<R> {
    fn next(&mut self) -> Result<Option<Vec<u8>>, Reason> {
        let mut text = Vec::new();
        // One more for the newline, one for the carriage return, and one to see that it is too long.
        let most = MAX_LINE as u64 + 3;
        self.number += 1;
        let read = (&mut self.reader).take(most).read_until(b'\n', &mut text).map_err(Reason::Unreadable)?;
        if read == 0 {
            return Ok(None);
        }
        if text.pop_if(|last| *last == b'\n').is_some() {
            text.pop_if(|last| *last == b'\r');
        } else if text.len() > MAX_LINE {
            self.reader.skip_until(b'\n').map_err(Reason::Unreadable)?;
        }
        if self.number == 1 && text.starts_with(b"\xef\xbb\xbf") {
            text.drain(..3);
        }
        if text.len() > MAX_LINE { Err(Reason::TooLong) } else { Ok(Some(text)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: impl AsRef<[u8]>) -> Vec<String> {
        let shown = |row: Result<Row, MalformedRow>| match row {
            Ok(row) => format!("{}: {} → {} at {}", row.line, row.from, row.to, row.at.unix()),
            Err(row) => format!("{}: {}", row.line, row.reason),
        };
        read_rows(text.as_ref()).map(shown).collect()
    }

    #[test]
    fn rows_come_with_and_without_header_mark_and_carriage_returns() {
        let rows = ["2: a → b at 5", "3: b → a at 5"];
        for text in [
            "from,to,unix_time\na,b,5\nb,a,5\n",
            "\u{feff}from,to,unix_time\r\na,b,5\r\nb,a,5",
            "\"From\",\"to\", unix_time\n\"a\",b,\"5\"\n b , a , 5 \n",
            "\na,b,5\nb,a,5\n\n \n",
        ] {
            assert_eq!(read(text), rows, "{text:?}");
        }
        assert_eq!(read("a,b,5"), ["1: a → b at 5"]);
        assert_eq!(read("\"a,\"\"b\",c,0"), ["1: a,\"b → c at 0"]);
        assert!(read("").is_empty());
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        let long = "x".repeat(129);
        let cases = [
            ("a,b", "1: expected 3 fields (from,to,unix_time), found 2"),
            ("a,b,5,", "1: expected 3 fields (from,to,unix_time), found 4"),
            (",b,5", "1: from: an id must have at least one character"),
            ("a,b c,5", "1: to: an id may not contain ' '"),
            (&format!("{long},b,5"), "1: from: an id has at most 128 bytes, this one has 129"),
            ("a,a,5", "1: a member cannot write to themselves"),
            ("a,b,", "1: unix_time: expected a whole number of seconds, found \"\""),
            ("a,b,5.0", "1: unix_time: expected a whole number of seconds, found \"5.0\""),
            ("a,b,+5", "1: unix_time: expected a whole number of seconds, found \"+5\""),
            ("a,b,-1", "1: unix_time: -1 lies outside the years 1970 to 9999"),
            ("a,b,99999999999999999999", "1: unix_time: 99999999999999999999 lies outside the years 1970 to 9999"),
            ("\"a,b,5", "1: a quote is not closed on its line"),
            ("from,to,when", "1: unix_time: expected a whole number of seconds, found \"when\""),
        ];
        for (text, error) in cases {
            assert_eq!(read(text), [error], "{text:?}");
        }
        assert_eq!(read(b"a,\xff,5"), ["1: not UTF-8 text"]);
    }

    #[test]
    fn a_bad_row_spoils_no_other() {
        let long = "y".repeat(5_000);
        let text = format!("a,b,5\n\"c,d,6\na,b,4\n{long}\nfrom,to,unix_time\nc,d,7\n");
        assert_eq!(
            read(text),
            [
                "1: a → b at 5",
                "2: a quote is not closed on its line",
                "3: unix_time: 4 is earlier than 5 in the row before: sort the file by time",
                "4: longer than 1024 bytes",
                "5: unix_time: expected a whole number of seconds, found \"unix_time\"",
                "6: c → d at 7",
            ]
        );
    }

    #[test]
    fn a_file_that_breaks_off_is_told_once() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("gone"))
            }
        }
        let rows: Vec<_> = read_rows(b"a,b,1\n".chain(Broken)).collect();
        assert_eq!(rows.len(), 2);
        assert!(matches!(&rows[1], Err(MalformedRow { line: 2, reason: Reason::Unreadable(_) })));
    }

    proptest::proptest! {
        /// Whatever the bytes, every line that is not blank gives one row or one reason, in order.
        #[test]
        fn any_bytes_are_read(bytes in proptest::collection::vec(proptest::sample::select(b"ab,\"\n\r 019-\xef\xbb\xbf\xff".to_vec()), 0..400)) {
            let lines: Vec<u64> = read_rows(bytes.as_slice()).map(|row| row.map_or_else(|bad| bad.line, |row| row.line)).collect();
            assert!(lines.is_sorted_by(|a, b| a < b));
            let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
            let filled = text.split(|byte| *byte == b'\n').filter(|line| !line.iter().all(u8::is_ascii_whitespace)).count();
            assert_eq!(lines.len(), filled);
        }
    }
}
