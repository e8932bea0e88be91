//! A CSV as an export holds it, or as Excel saved it again: where its header is, and its records.
//!
//! Memory holds one record, whatever the file: a quote that is never closed ends at [`MAX_RECORD`], is told
//! with its line, and spoils no other line.

use std::collections::VecDeque;
use std::io::{self, BufRead, Read};

use csv_core::ReadRecordResult;
use encoding_rs::WINDOWS_1252;

/// Longest record in bytes, lines of a quoted field included.
pub const MAX_RECORD: usize = 64 * 1024;
/// The header stands within so many lines.
const HEADER_WITHIN: usize = 50;
/// What may stand between two fields; Excel writes the others in some countries.
const DELIMITERS: [u8; 3] = *b",;\t";
/// Most of a header that is repeated in an error, in characters.
const SHOWN: usize = 120;

/// Why a whole file is of no use.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// None of its first lines is the header that was looked for.
    #[error(
        "its header is not the English one (found {seen:?}): set LinkedIn's language to English \
         (Settings & Privacy, Account preferences, Language), ask for the export again, and do not rename columns"
    )]
    Header {
        /// The line that looks most like one, or the first that is not empty.
        seen: String,
    },
    /// Two bytes a character.
    #[error("it was saved as UTF-16 (\"Unicode text\"): take the file as LinkedIn sent it, or save it as CSV UTF-8")]
    Utf16,
    /// It cannot be read on.
    #[error("it cannot be read: {0}")]
    Io(#[from] io::Error),
}

/// A record that cannot be read, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadRecord {
    /// A quote is not closed before the end, or not within [`MAX_RECORD`].
    #[error("a quote is not closed")]
    OpenQuote,
    /// A line is longer than [`MAX_RECORD`].
    #[error("longer than {MAX_RECORD} bytes")]
    TooLong,
}

/// One column that is looked for.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// Its name in the header; case, spaces and underscores do not count.
    pub name: &'static str,
    /// Whether a file without it is none.
    pub required: bool,
}

/// A record, and how its columns are found.
#[derive(Debug)]
pub struct Record<'a> {
    /// The line on which it begins, counted from 1.
    pub line: u64,
    text: &'a str,
    ends: &'a [usize],
    places: &'a [Option<usize>],
}

impl<'a> Record<'a> {
    /// The field in that column, by its place among those that were looked for, trimmed; empty where the
    /// file has no such column or the record no such field.
    #[must_use]
    pub fn field(&self, column: usize) -> &'a str {
        self.places.get(column).copied().flatten().map_or("", |place| field(self.text, self.ends, place))
    }

    /// Whether every field is empty.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        self.text.chars().all(char::is_whitespace)
    }
}

/// A CSV whose header was found.
pub struct Table<R> {
    lines: Lines<R>,
    splitter: Splitter,
    places: Vec<Option<usize>>,
    converted: bool,
}

impl<R: Read> Table<R> {
    /// Reads up to and with the header.
    ///
    /// # Errors
    /// [`TableError`].
    pub fn open(reader: R, columns: &[Column]) -> Result<Self, TableError> {
        let mut lines =
            Lines { reader: io::BufReader::with_capacity(1 << 16, reader), number: 0, ahead: VecDeque::new() };
        if lines.looks_like_utf16()? {
            return Err(TableError::Utf16);
        }
        let (mut seen, mut first) = (None, None);
        for _ in 0..HEADER_WITHIN {
            let Some(line) = lines.next()? else { break };
            let Ok(text) = line.map(decoded) else { continue };
            let text = text.0.trim_start_matches('\u{feff}').trim_end();
            for delimiter in DELIMITERS {
                let mut splitter = Splitter::new(delimiter);
                let names = splitter.split(text);
                if let Some(places) = places(&names, columns) {
                    return Ok(Self { lines, splitter, places, converted: false });
                }
                if names.len() >= 3 && seen.is_none() {
                    seen = Some(text.chars().take(SHOWN).collect());
                }
            }
            if first.is_none() && !text.is_empty() {
                first = Some(text.chars().take(SHOWN).collect());
            }
        }
        Err(TableError::Header { seen: seen.or(first).unwrap_or_default() })
    }

    /// Whether the file has that column.
    #[must_use]
    pub fn has(&self, column: usize) -> bool {
        self.places.get(column).copied().flatten().is_some()
    }

    /// Whether a record so far was not UTF-8, and was read as Windows-1252.
    #[must_use]
    pub fn was_converted(&self) -> bool {
        self.converted
    }

    /// Hands every record to `take`; what is no record comes with its line.
    ///
    /// # Errors
    /// When the file cannot be read on.
    pub fn each(&mut self, mut take: impl FnMut(Result<Record<'_>, (u64, BadRecord)>)) -> io::Result<()> {
        while let Some(record) = self.lines.record()? {
            match record {
                Err(bad) => take(Err(bad)),
                Ok((line, bytes)) => {
                    let (text, converted) = decoded(bytes);
                    self.converted |= converted;
                    self.splitter.read(&text);
                    let (text, ends) = (self.splitter.text(), self.splitter.ends());
                    take(Ok(Record { line, text, ends, places: &self.places }));
                }
            }
        }
        Ok(())
    }
}

/// Where the columns are, if all that are required are there.
fn places(names: &[String], columns: &[Column]) -> Option<Vec<Option<usize>>> {
    let find = |column: &Column| {
        let place = names.iter().position(|name| plain(name) == plain(column.name));
        (place.is_some() || !column.required).then_some(place)
    };
    columns.iter().map(find).collect()
}

/// A name without case, spaces and underscores.
pub(crate) fn plain(name: &str) -> String {
    name.chars().filter(|c| !c.is_whitespace() && *c != '_').flat_map(char::to_lowercase).collect()
}

/// The text, and whether it was taken for Windows-1252 because it is no UTF-8.
fn decoded(bytes: Vec<u8>) -> (String, bool) {
    String::from_utf8(bytes).map_or_else(
        |error| (WINDOWS_1252.decode_without_bom_handling(error.as_bytes()).0.into_owned(), true),
        |text| (text, false),
    )
}

fn field<'a>(text: &'a str, ends: &[usize], place: usize) -> &'a str {
    let start = place.checked_sub(1).map_or(Some(0), |before| ends.get(before).copied());
    let end = ends.get(place).copied();
    start.zip(end).and_then(|(start, end)| text.get(start..end)).unwrap_or("").trim()
}

/// Splits a record into its fields, in buffers that are used again.
struct Splitter {
    reader: csv_core::Reader,
    text: Vec<u8>,
    ends: Vec<usize>,
    written: usize,
    count: usize,
}

impl Splitter {
    fn new(delimiter: u8) -> Self {
        let reader = csv_core::ReaderBuilder::new().delimiter(delimiter).build();
        Self { reader, text: Vec::new(), ends: vec![0; 16], written: 0, count: 0 }
    }

    /// Reads one record.
    fn read(&mut self, record: &str) {
        self.reader.reset();
        // Unquoting makes nothing longer.
        self.text.resize(record.len(), 0);
        (self.written, self.count) = (0, 0);
        let mut rest = record.as_bytes();
        loop {
            let (text, ends) = (self.text.get_mut(self.written..), self.ends.get_mut(self.count..));
            let (Some(text), Some(ends)) = (text, ends) else { return };
            let (result, read, written, ended) = self.reader.read_record(rest, text, ends);
            rest = rest.get(read..).unwrap_or_default();
            self.written += written;
            self.count += ended;
            match result {
                // Asked once more, with nothing left, it ends the record.
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputEndsFull => self.ends.resize(self.ends.len() * 2, 0),
                ReadRecordResult::OutputFull | ReadRecordResult::Record | ReadRecordResult::End => return,
            }
        }
    }

    fn split(&mut self, record: &str) -> Vec<String> {
        self.read(record);
        let ends = self.ends();
        (0..ends.len()).map(|place| field(self.text(), ends, place).to_owned()).collect()
    }

    fn text(&self) -> &str {
        // Out of UTF-8 by taking ASCII quotes away.
        self.text.get(..self.written).and_then(|text| std::str::from_utf8(text).ok()).unwrap_or("")
    }

    fn ends(&self) -> &[usize] {
        self.ends.get(..self.count).unwrap_or_default()
    }
}

/// What a place of the file holds: a record with the line on which it begins, or why it is none.
type Found = Result<(u64, Vec<u8>), (u64, BadRecord)>;

/// Lines of bounded length, and records over several of them.
struct Lines<R> {
    reader: io::BufReader<R>,
    number: u64,
    /// Lines that were looked at and do not belong to what began before them.
    ahead: VecDeque<Result<Vec<u8>, BadRecord>>,
}

impl<R: Read> Lines<R> {
    fn looks_like_utf16(&mut self) -> io::Result<bool> {
        let start = self.reader.fill_buf()?;
        let start = start.get(..start.len().min(4096)).unwrap_or_default();
        let zeros = start.iter().filter(|byte| **byte == 0).count();
        Ok(start.starts_with(b"\xff\xfe") || start.starts_with(b"\xfe\xff") || zeros * 4 > start.len())
    }

    /// The next line with its end, counted; `None` after the last.
    fn next(&mut self) -> io::Result<Option<Result<Vec<u8>, BadRecord>>> {
        let line = match self.ahead.pop_front() {
            Some(line) => Some(line),
            None => self.fetch()?,
        };
        self.number += u64::from(line.is_some());
        Ok(line)
    }

    fn fetch(&mut self) -> io::Result<Option<Result<Vec<u8>, BadRecord>>> {
        let mut line = Vec::new();
        let most = MAX_RECORD as u64 + 1;
        let read = (&mut self.reader).take(most).read_until(b'\n', &mut line)?;
        if read == 0 {
            return Ok(None);
        }
        if line.len() > MAX_RECORD {
            if line.last() != Some(&b'\n') {
                self.reader.skip_until(b'\n')?;
            }
            return Ok(Some(Err(BadRecord::TooLong)));
        }
        Ok(Some(Ok(line)))
    }

    /// The next record, over as many lines as its quotes ask for.
    fn record(&mut self) -> io::Result<Option<Found>> {
        loop {
            let Some(first) = self.next()? else { return Ok(None) };
            let line = self.number;
            return Ok(Some(match first {
                Err(bad) => Err((line, bad)),
                Ok(text) if text.trim_ascii().is_empty() => continue,
                Ok(text) if is_open(&text) => {
                    self.closed(text)?.ok_or((line, BadRecord::OpenQuote)).map(|text| (line, text))
                }
                Ok(text) => Ok((line, text)),
            }));
        }
    }

    /// The record that begins with that line; `None`, and all lines after it left for others, if its quote
    /// is not closed.
    fn closed(&mut self, mut text: Vec<u8>) -> io::Result<Option<Vec<u8>>> {
        let mut looked_at = Vec::new();
        loop {
            match self.next()? {
                Some(Ok(line)) if text.len() + line.len() <= MAX_RECORD => {
                    text.extend_from_slice(&line);
                    let closes = is_open(&line);
                    looked_at.push(Ok(line));
                    if closes {
                        return Ok(Some(text));
                    }
                }
                last => {
                    looked_at.extend(last);
                    self.number -= looked_at.len() as u64;
                    for line in looked_at.into_iter().rev() {
                        self.ahead.push_front(line);
                    }
                    return Ok(None);
                }
            }
        }
    }
}

/// Whether a quote that begins in it is open at its end.
fn is_open(text: &[u8]) -> bool {
    text.iter().filter(|byte| **byte == b'"').count() % 2 == 1
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const COLUMNS: [Column; 3] = [
        Column { name: "First Name", required: true },
        Column { name: "URL", required: false },
        Column { name: "Connected On", required: true },
    ];

    fn read(bytes: &[u8]) -> Vec<String> {
        let mut table = match Table::open(bytes, &COLUMNS) {
            Ok(table) => table,
            Err(error) => return vec![error.to_string()],
        };
        let mut found = Vec::new();
        let taken = table.each(|record| {
            found.push(match record {
                Ok(it) => format!("{}: {}|{}|{}", it.line, it.field(0), it.field(1), it.field(2)),
                Err((line, bad)) => format!("{line}: {bad}"),
            });
        });
        taken.unwrap();
        found
    }

    #[test]
    fn the_header_is_found_wherever_it_is() {
        let note =
            "Notes:\n\"When exporting your connection data, some of the \"\"e-mail\"\" addresses, are missing\"\n\n";
        for (text, rows) in [
            ("First Name,URL,Connected On\nAnn,u,d\n".to_owned(), ["2: Ann|u|d"]),
            (format!("{note}First Name,URL,Connected On\nAnn,u,d"), ["5: Ann|u|d"]),
            ("\u{feff}Connected On;first_name\r\nd;Ann\r\n".to_owned(), ["2: Ann||d"]),
            ("FIRSTNAME\tConnected on\nAnn\td\n".to_owned(), ["2: Ann||d"]),
            ("First Name,Last Name,URL,Connected On\n\n \n\"Ann, B.\",x\n".to_owned(), ["4: Ann, B.||"]),
            ("First Name,URL,Connected On\n\"Ann\nLee\",\"\"\"u\"\"\",d\n".to_owned(), ["2: Ann\nLee|\"u\"|d"]),
        ] {
            assert_eq!(read(text.as_bytes()), rows, "{text:?}");
        }
    }

    #[test]
    fn another_language_is_told_with_what_was_seen() {
        let told = read("Notes :\n\nPrénom,Nom,Connecté le\nAnn,Lee,x\n".as_bytes());
        assert!(told[0].contains("\"Prénom,Nom,Connecté le\"") && told[0].contains("English"), "{told:?}");
        let told = read(b"\nVon,An\n1,2\n");
        assert!(told[0].contains("\"Von,An\""), "what has too few columns for a header is told too: {told:?}");
        assert!(read(b"")[0].contains("not the English one"));
    }

    #[test]
    fn other_encodings_are_told_or_converted() {
        let utf16: Vec<u8> = "First Name,URL,Connected On\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert!(read(&utf16)[0].contains("UTF-16"));
        assert!(read(&[b"\xff\xfe".as_slice(), &utf16].concat())[0].contains("UTF-16"));
        let bytes = b"First Name,URL,Connected On\nJos\xe9 \x80,u,d\n";
        assert_eq!(read(bytes), ["2: José €|u|d"]);
        let mut table = Table::open(bytes.as_slice(), &COLUMNS).unwrap();
        table.each(|_| {}).unwrap();
        assert!(table.was_converted());
    }

    #[test]
    fn an_open_quote_spoils_one_line() {
        let long = "y".repeat(MAX_RECORD);
        let text = format!("First Name,URL,Connected On\na,u,d\n\"b,u,d\nc,u,d\n{long}\nd,u,d\n");
        let expected = ["2: a|u|d", "3: a quote is not closed", "4: c|u|d", "5: longer than 65536 bytes", "6: d|u|d"];
        assert_eq!(read(text.as_bytes()), expected);
    }

    proptest! {
        /// Whatever the bytes, they are read to the end, and every line is told at most once, in order.
        #[test]
        fn any_bytes_are_read(bytes in prop::collection::vec(prop::sample::select(b"ab,;\"\n\r \xef\xbb\xbf\xff\x00".to_vec()), 0..400)) {
            let text = [b"First Name,URL,Connected On\n".as_slice(), &bytes].concat();
            let Ok(mut table) = Table::open(text.as_slice(), &COLUMNS) else { return Ok(()) };
            let mut lines = Vec::new();
            table.each(|record| lines.push(record.map_or_else(|bad| bad.0, |record| record.line))).unwrap();
            prop_assert!(lines.is_sorted_by(|a, b| a < b), "{lines:?}");
        }
    }
}
