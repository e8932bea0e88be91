//! The backup file: JSON Lines, compressed with zstd, with a digest over everything.
//!
//! ```text
//! {"format":"acquaint-backup","version":1,"made_at":"2026-11-23T08:00:00Z","store":"fjall:acquaint-data"}
//! {"member":{…}}                      one line for each record
//! {"end":{"records":{"member":1},"sha256":"…"}}
//! ```
//!
//! The digest is over every line before the last, newlines included. Nothing follows the last line
//! but the seal: a frame that zstd skips, with a digest over the compressed bytes, so that a flipped
//! bit is found even where it would change no line. Both sides hold one line at a time.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, BufRead, BufReader, Read, Write};

use acquaint_core::time::Time;
use acquaint_store::Record;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

const FORMAT: &str = "acquaint-backup";
/// The newest version that this program reads, and the one it writes.
const VERSION: u32 = 1;
/// A longer line is no record: rows are bounded.
const MAX_LINE: u64 = 64 << 20;
/// zstd's own default: half the size of level 1, and as fast as the store is read.
const LEVEL: i32 = 3;

/// Begins the seal: a skippable frame of 32 bytes, after RFC 8878, section 3.1.2.
const SEAL: [u8; 8] = [0x50, 0x2a, 0x4d, 0x18, 32, 0, 0, 0];

/// The first line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    format: String,
    version: u32,
    /// When the backup was made.
    pub made_at: Time,
    /// Of which store.
    pub store: String,
}

/// How many records of each kind.
pub type Counts = BTreeMap<String, u64>;

/// The last line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Trailer {
    end: End,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct End {
    records: Counts,
    sha256: String,
}

/// The name of a record's kind, as in the file.
pub(crate) fn kind(record: &Record) -> &'static str {
    match record {
        Record::Member(_) => "member",
        Record::Relation(_) => "relation",
        Record::Past { .. } => "past",
        Record::Notification { .. } => "notification",
        Record::Event(_) => "event",
        Record::Claim(_) => "claim",
        Record::Document(_) => "document",
    }
}

/// What passes through, with its digest.
struct Sealed<T> {
    inner: T,
    digest: Sha256,
}

impl<T> Sealed<T> {
    fn new(inner: T) -> Self {
        Self { inner, digest: Sha256::new() }
    }
}

impl<W: Write> Write for Sealed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.digest.update(bytes.get(..written).unwrap_or(bytes));
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl<R: Read> Read for Sealed<BufReader<R>> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(into)?;
        self.consume(read);
        Ok(read)
    }
}

impl<R: Read> BufRead for Sealed<BufReader<R>> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.inner.fill_buf()
    }

    fn consume(&mut self, read: usize) {
        let buffer = self.inner.buffer();
        self.digest.update(buffer.get(..read).unwrap_or(buffer));
        self.inner.consume(read);
    }
}

/// Writes a backup.
pub struct Writer<W: Write> {
    out: zstd::Encoder<'static, Sealed<W>>,
    digest: Sha256,
    counts: Counts,
}

impl<W: Write> Writer<W> {
    /// Begins with the first line.
    ///
    /// # Errors
    /// If `out` cannot be written to.
    pub fn new(out: W, made_at: Time, store: String) -> io::Result<Self> {
        let mut out = zstd::Encoder::new(Sealed::new(out), LEVEL)?;
        // zstd's own checksum tells of a damaged block at once, before a line of it is believed.
        out.include_checksum(true)?;
        let mut writer = Self { out, digest: Sha256::new(), counts: Counts::new() };
        writer.line(&Header { format: FORMAT.into(), version: VERSION, made_at, store })?;
        Ok(writer)
    }

    /// Adds a record.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn record(&mut self, record: &Record) -> io::Result<()> {
        *self.counts.entry(kind(record).into()).or_default() += 1;
        self.line(record)
    }

    fn line(&mut self, value: &impl Serialize) -> io::Result<()> {
        let mut line = serde_json::to_vec(value)?;
        line.push(b'\n');
        self.digest.update(&line);
        self.out.write_all(&line)
    }

    /// Ends with the last line; gives back what was written to, and the counts.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn finish(mut self) -> io::Result<(W, Counts)> {
        let sha256 = hex(&std::mem::take(&mut self.digest).finalize());
        self.line(&Trailer { end: End { records: self.counts.clone(), sha256 } })?;
        let Sealed { mut inner, digest } = self.out.finish()?;
        inner.write_all(&SEAL)?;
        inner.write_all(&digest.finalize())?;
        Ok((inner, self.counts))
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Why a file is not a backup that can be restored.
#[derive(Debug)]
pub enum Damage {
    /// The file could not be read.
    Unreadable(io::Error),
    /// Not a backup at all.
    NotABackup,
    /// Made by a newer program.
    Newer(u32),
    /// It ends before its last line.
    CutOff {
        /// The last line that is whole.
        after: u64,
    },
    /// The compression says that bytes are wrong.
    Corrupt {
        /// The last line before.
        after: u64,
        /// In zstd's words.
        message: String,
    },
    /// A line is neither a record nor the last one.
    Line {
        /// Which, from 1.
        line: u64,
        /// What is wrong with it.
        message: String,
    },
    /// The digest in the last line is not that of the lines before.
    Digest,
    /// The counts in the last line are not those of the lines before.
    Counts,
    /// Something follows the last line.
    Trailing,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Damage::Unreadable(error) => write!(f, "cannot be read: {error}"),
            Damage::NotABackup => f.write_str("is not a backup made by acquaint"),
            Damage::Newer(version) => {
                write!(f, "has format version {version}, and this program reads up to {VERSION}: use a newer acquaint")
            }
            Damage::CutOff { after } => write!(f, "is cut off after line {after}"),
            Damage::Corrupt { after, message } => write!(f, "is damaged after line {after}: {message}"),
            Damage::Line { line, message } => write!(f, "is damaged in line {line}: {message}"),
            Damage::Digest => f.write_str("is damaged: its checksum does not match"),
            Damage::Counts => f.write_str("is damaged: it holds more or fewer records than it says"),
            Damage::Trailing => f.write_str("has something after its end"),
        }
    }
}

/// Reads a backup, record by record. Only once there is no next one is it known to be whole.
pub struct Reader<'a, R: Read> {
    lines: BufReader<zstd::Decoder<'a, Sealed<BufReader<R>>>>,
    /// The number of the last line that was read.
    line: u64,
    digest: Sha256,
    counts: Counts,
    finished: bool,
    header: Header,
}

impl<R: Read> Reader<'_, R> {
    /// Reads the first line.
    ///
    /// # Errors
    /// [`Damage`].
    pub fn new(input: R) -> Result<Self, Damage> {
        let mut input = BufReader::new(input);
        const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
        if !input.fill_buf().map_err(Damage::Unreadable)?.starts_with(&MAGIC) {
            return Err(Damage::NotABackup);
        }
        let decoder = zstd::Decoder::with_buffer(Sealed::new(input)).map_err(Damage::Unreadable)?.single_frame();
        let header = Header { format: String::new(), version: 0, made_at: Time::MIN, store: String::new() };
        let mut reader = Self {
            lines: BufReader::new(decoder),
            line: 0,
            digest: Sha256::new(),
            counts: Counts::new(),
            finished: false,
            header,
        };
        let first = reader.next_line()?.ok_or(Damage::NotABackup)?;
        reader.header = parse_header(&first)?;
        reader.digest.update(&first);
        Ok(reader)
    }

    /// The first line.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// How many records of each kind were read.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// The next record; `None` after the last one, once the digest, the counts and the end of the
    /// file are found to be right.
    ///
    /// # Errors
    /// [`Damage`].
    pub fn next_record(&mut self) -> Result<Option<Record>, Damage> {
        if self.finished {
            return Ok(None);
        }
        let line = self.next_line()?.ok_or(Damage::CutOff { after: self.line })?;
        let wrong = |error: serde_json::Error| Damage::Line { line: self.line, message: error.to_string() };
        if line.starts_with(br#"{"end":"#) {
            let trailer: Trailer = serde_json::from_slice(&line).map_err(wrong)?;
            self.finish(&trailer.end)?;
            return Ok(None);
        }
        let record: Record = serde_json::from_slice(&line).map_err(wrong)?;
        self.digest.update(&line);
        *self.counts.entry(kind(&record).into()).or_default() += 1;
        Ok(Some(record))
    }

    fn finish(&mut self, end: &End) -> Result<(), Damage> {
        if hex(&std::mem::take(&mut self.digest).finalize()) != end.sha256 {
            return Err(Damage::Digest);
        }
        if self.counts != end.records {
            return Err(Damage::Counts);
        }
        if self.next_line()?.is_some() {
            return Err(Damage::Trailing);
        }
        self.check_seal()?;
        self.finished = true;
        Ok(())
    }

    /// What follows the frame is the seal, and nothing else.
    fn check_seal(&mut self) -> Result<(), Damage> {
        let Sealed { inner, digest } = self.lines.get_mut().get_mut();
        let expected = [&SEAL[..], &std::mem::take(digest).finalize()].concat();
        let mut found = Vec::new();
        inner.take(expected.len() as u64 + 1).read_to_end(&mut found).map_err(Damage::Unreadable)?;
        match found.len() {
            length if length < expected.len() => Err(Damage::CutOff { after: self.line }),
            length if length > expected.len() => Err(Damage::Trailing),
            _ if found != expected => Err(Damage::Digest),
            _ => Ok(()),
        }
    }

    /// A line with its newline; `None` at the end.
    fn next_line(&mut self) -> Result<Option<Vec<u8>>, Damage> {
        let mut line = Vec::new();
        let after = self.line;
        let read = (&mut self.lines).take(MAX_LINE).read_until(b'\n', &mut line);
        let read = read.map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => Damage::CutOff { after },
            _ if error.raw_os_error().is_some() => Damage::Unreadable(error),
            _ => Damage::Corrupt { after, message: error.to_string() },
        })?;
        if read == 0 {
            return Ok(None);
        }
        self.line += 1;
        match line.last() {
            Some(b'\n') => Ok(Some(line)),
            _ if read as u64 == MAX_LINE => {
                Err(Damage::Line { line: self.line, message: "longer than any record".into() })
            }
            _ => Err(Damage::CutOff { after }),
        }
    }
}

/// The version is read first, by itself: of a newer one nothing else is known.
fn parse_header(line: &[u8]) -> Result<Header, Damage> {
    #[derive(Deserialize)]
    struct Version {
        format: String,
        version: u32,
    }
    let known: Version = serde_json::from_slice(line).map_err(|_| Damage::NotABackup)?;
    match known {
        Version { format, .. } if format != FORMAT => Err(Damage::NotABackup),
        Version { version, .. } if version > VERSION => Err(Damage::Newer(version)),
        _ => serde_json::from_slice(line).map_err(|error| Damage::Line { line: 1, message: error.to_string() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(lines: &[&str], trailer: Option<&str>) -> Vec<u8> {
        let mut out = zstd::Encoder::new(Vec::new(), LEVEL).unwrap();
        out.include_checksum(true).unwrap();
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        let sha256 = hex(&Sha256::digest(&text));
        out.write_all(text.as_bytes()).unwrap();
        if let Some(records) = trailer {
            writeln!(out, r#"{{"end":{{"records":{records},"sha256":"{sha256}"}}}}"#).unwrap();
        }
        let frame = out.finish().unwrap();
        [&frame, &SEAL[..], &Sha256::digest(&frame)].concat()
    }

    fn read(bytes: &[u8]) -> Result<u64, String> {
        let mut reader = Reader::new(bytes).map_err(|damage| damage.to_string())?;
        while reader.next_record().map_err(|damage| damage.to_string())?.is_some() {}
        Ok(reader.counts().values().sum())
    }

    const FIRST: &str = r#"{"format":"acquaint-backup","version":1,"made_at":"2026-11-23T08:00:00Z","store":"memory"}"#;

    #[test]
    fn an_empty_backup_is_one() {
        assert_eq!(read(&written(&[FIRST], Some("{}"))), Ok(0));
    }

    #[test]
    fn what_is_wrong_is_said() {
        let newer = FIRST.replace("\"version\":1", "\"version\":2,\"more\":true");
        let other = FIRST.replace("acquaint-backup", "another");
        let whole = written(&[FIRST], Some("{}"));
        let after = |more: &[u8]| [&whole, more].concat();
        let cases = [
            (written(&[&newer], Some("{}")), "format version 2, and this program reads up to 1"),
            (written(&[&other], Some("{}")), "is not a backup"),
            (b"from,to,unix_time\n".to_vec(), "is not a backup"),
            (Vec::new(), "is not a backup"),
            (written(&[], None), "is not a backup"),
            (written(&[FIRST], None), "is cut off after line 1"),
            (whole[..whole.len() - 5].to_vec(), "is cut off after line 2"),
            (whole[..whole.len() / 2].to_vec(), "is cut off after line"),
            (written(&[FIRST], Some(r#"{"member":1}"#)), "holds more or fewer records"),
            (written(&[FIRST, r#"{"person":{}}"#], Some("{}")), "is damaged in line 2: unknown variant"),
            (after(b"x"), "something after its end"),
            (after(&whole), "something after its end"),
        ];
        for (bytes, message) in cases {
            let error = read(&bytes).unwrap_err();
            assert!(error.contains(message), "{message}: {error}");
        }
    }

    #[test]
    fn a_cut_or_a_flipped_bit_anywhere_is_found() {
        let whole = written(&[FIRST], Some("{}"));
        for cut in 0..whole.len() {
            assert!(read(&whole[..cut]).is_err(), "cut at {cut}");
        }
        for place in 0..whole.len() {
            for bit in 0..8 {
                let mut bytes = whole.clone();
                bytes[place] ^= 1 << bit;
                assert!(read(&bytes).is_err(), "bit {bit} of byte {place}");
            }
        }
    }
}
