//! How far a copy has come: a small file that is there as long as the copy is not finished.
//!
//! It is written after what it tells of is safe in the target, so it may lag behind by a page and is
//! never ahead. Writing records a second time changes nothing.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use acquaint_store::ScanPlace;
use serde::{Deserialize, Serialize};

use crate::failure::{Failure, Outcome};

/// What the file holds, as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Marker {
    /// The store that is read.
    pub(crate) from: String,
    /// The store that is filled.
    pub(crate) to: String,
    /// How many records are in the target.
    pub(crate) records: u64,
    /// Where the source is read on, in hexadecimal digits; none before the first page.
    place: Option<String>,
    /// Whether all is in the target, and only the comparison is left.
    pub(crate) complete: bool,
}

impl Marker {
    /// Nothing is copied yet.
    pub(crate) fn new(from: String, to: String) -> Self {
        Self { from, to, records: 0, place: None, complete: false }
    }

    /// Where the source is read on.
    pub(crate) fn place(&self) -> Option<ScanPlace> {
        let digits = self.place.as_deref()?.as_bytes();
        let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
        digits.chunks(2).map(byte).collect::<Option<Vec<u8>>>().map(ScanPlace)
    }

    /// More is in the target, up to that place of the source.
    pub(crate) fn advance(&mut self, records: u64, place: Option<&ScanPlace>) {
        self.records += records;
        self.complete = place.is_none();
        self.place = place.map(|ScanPlace(bytes)| bytes.iter().map(|byte| format!("{byte:02x}")).collect());
    }
}

/// The file.
#[derive(Debug)]
pub(crate) struct MarkerFile(pub(crate) PathBuf);

impl MarkerFile {
    /// What it says, if it is there, of a copy between these two.
    pub(crate) fn read(&self, from: &str, to: &str) -> Outcome<Option<Marker>> {
        let file = self.0.display();
        let text = match fs::read(&self.0) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Failure::failed(format_args!("cannot read {file}: {error}"))),
        };
        let marker: Marker = serde_json::from_slice(&text).map_err(|error| {
            Failure::failed(format_args!(
                "{file} does not say how far a copy has come ({error}): name another file with --progress"
            ))
        })?;
        if (marker.from.as_str(), marker.to.as_str()) != (from, to) {
            return Err(Failure::failed(format_args!(
                "{file} belongs to another copy, from {} to {}: finish that one, or name another file with --progress",
                marker.from, marker.to
            )));
        }
        Ok(Some(marker))
    }

    /// Says how far the copy has come; a crash leaves what it said before, or this.
    pub(crate) fn write(&self, marker: &Marker) -> Outcome<()> {
        let mut beside = self.0.clone().into_os_string();
        beside.push(".new");
        let text = serde_json::to_vec(marker).map_err(|error| self.failed(&error.into()))?;
        let written = fs::write(&beside, text).and_then(|()| fs::rename(Path::new(&beside), &self.0));
        written.map_err(|error| self.failed(&error))
    }

    /// The copy is finished.
    pub(crate) fn remove(&self) -> Outcome<()> {
        fs::remove_file(&self.0).map_err(|error| self.failed(&error))
    }

    fn failed(&self, error: &io::Error) -> Failure {
        Failure::failed(format_args!("cannot write {}: {error}; name another file with --progress", self.0.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let file = MarkerFile(folder.path().join("progress"));
        assert_eq!(file.read("a", "b").unwrap(), None);
        let mut marker = Marker::new("a".into(), "b".into());
        assert_eq!(marker.place(), None);
        marker.advance(7, Some(&ScanPlace(vec![0, 1, 255])));
        file.write(&marker).unwrap();
        let read = file.read("a", "b").unwrap().unwrap();
        assert_eq!((&read, read.place()), (&marker, Some(ScanPlace(vec![0, 1, 255]))));
        assert!(file.read("a", "c").unwrap_err().message().contains("belongs to another copy, from a to b"));
        marker.advance(1, None);
        assert!(marker.complete);
        file.remove().unwrap();
        fs::write(&file.0, "{").unwrap();
        assert!(file.read("a", "b").unwrap_err().message().contains("does not say how far"));
    }
}
