//! Where an export's files are: in the archive that LinkedIn sends, in a folder, or one CSV alone.
//!
//! Nothing is unpacked: the two files are read where they lie, one after the other, and no name of an archive
//! becomes a path. What an archive unpacks to is bounded in sum and beside its packed size.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::Path;

use zip::ZipArchive;
use zip::result::ZipError;

use crate::export::Part;
use crate::table::plain;

/// Most that one file may unpack to, in bytes.
pub const MAX_UNPACKED: u64 = 8 << 30;
/// Most that one file may unpack to for each byte that it is packed in. Tables come to about 10.
pub const MAX_RATIO: u64 = 200;
/// What may be unpacked whatever the ratio, in bytes.
const FREE_OF_RATIO: u64 = 16 << 20;
/// Files in an archive; LinkedIn's hold about 50.
const MAX_FILES: usize = 10_000;

/// Why there is nothing to read.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// It cannot be read.
    #[error("it cannot be read: {0}")]
    Io(#[from] io::Error),
    /// Neither of the two files is there.
    #[error(
        "there is no Invitations.csv and no Connections.csv in it: name the archive that LinkedIn sent, its folder, or one of the two"
    )]
    Nothing,
    /// Not an archive that can be read.
    #[error("it is not a zip archive that can be read: {0}")]
    Archive(ZipError),
    /// More files than any export has.
    #[error("it holds more than {MAX_FILES} files, which no export of LinkedIn does")]
    TooManyFiles,
    /// A name that leads out of the archive.
    #[error("it holds a file named {0:?}, which no export of LinkedIn does")]
    UnsafeName(String),
}

/// An export that was found.
#[derive(Debug)]
pub enum Source {
    /// The archive.
    Archive(Box<ZipArchive<File>>),
    /// The files themselves.
    Files(Vec<Named>),
}

/// A file that is a part of an export.
#[derive(Debug)]
pub struct Named {
    part: Part,
    name: String,
    file: File,
}

impl Source {
    /// Finds what there is at a path.
    ///
    /// # Errors
    /// [`SourceError`].
    pub fn find(path: &Path) -> Result<Self, SourceError> {
        if path.is_dir() {
            return Self::folder(path);
        }
        let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
        Self::of_files(vec![(name.into_owned(), File::open(path)?)])
    }

    fn folder(path: &Path) -> Result<Self, SourceError> {
        let mut files = Vec::new();
        for entry in path.read_dir()? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if Part::of_name(&name).is_some() {
                files.push((name, File::open(entry.path())?));
            }
        }
        Self::of_files(files)
    }

    /// Takes files that are open, each with its name: the archive, or one or both of the two.
    ///
    /// # Errors
    /// [`SourceError`].
    pub fn of_files(files: Vec<(String, File)>) -> Result<Self, SourceError> {
        let mut found = Vec::new();
        for (name, mut file) in files {
            if is_archive(&mut file)? {
                return Self::archive(file);
            }
            found.extend(Part::of_name(&name).map(|part| Named { part, name, file }));
        }
        // Of several copies the one whose name is shortest is the original.
        found.sort_by(|a, b| (a.part, a.name.len(), &a.name).cmp(&(b.part, b.name.len(), &b.name)));
        found.dedup_by_key(|it| it.part);
        if found.is_empty() { Err(SourceError::Nothing) } else { Ok(Self::Files(found)) }
    }

    fn archive(file: File) -> Result<Self, SourceError> {
        let mut archive = ZipArchive::new(file).map_err(SourceError::Archive)?;
        if archive.len() > MAX_FILES {
            return Err(SourceError::TooManyFiles);
        }
        for place in 0..archive.len() {
            let file = archive.by_index_raw(place).map_err(SourceError::Archive)?;
            if file.enclosed_name().is_none() || file.name_raw().starts_with(b"/") {
                return Err(SourceError::UnsafeName(String::from_utf8_lossy(file.name_raw()).into_owned()));
            }
        }
        let source = Self::Archive(Box::new(archive));
        if source.name(Part::Invitations).or(source.name(Part::Connections)).is_none() {
            return Err(SourceError::Nothing);
        }
        Ok(source)
    }

    /// The name of that part, if it is there.
    #[must_use]
    pub fn name(&self, part: Part) -> Option<String> {
        match self {
            Self::Archive(archive) => {
                let names = archive.file_names().filter_map(Result::ok);
                let names = names.filter(|name| Part::of_entry(name) == Some(part));
                names.min_by(|a, b| a.len().cmp(&b.len()).then(a.cmp(b))).map(String::from)
            }
            Self::Files(files) => files.iter().find(|it| it.part == part).map(|it| it.name.clone()),
        }
    }

    /// Opens that part; `None` if it is not there.
    ///
    /// # Errors
    /// [`SourceError`].
    pub fn open(&mut self, part: Part) -> Result<Option<Box<dyn Read + '_>>, SourceError> {
        let Some(name) = self.name(part) else { return Ok(None) };
        match self {
            Self::Archive(archive) => {
                let file = archive.by_name(&name).map_err(SourceError::Archive)?;
                let packed = file.compressed_size();
                let most = packed.saturating_mul(MAX_RATIO).clamp(FREE_OF_RATIO, MAX_UNPACKED);
                Ok(Some(Box::new(Bounded { inner: file, left: most })))
            }
            Self::Files(files) => match files.iter_mut().find(|it| it.part == part) {
                Some(Named { file, .. }) => {
                    file.rewind()?;
                    Ok(Some(Box::new(Bounded { inner: file, left: MAX_UNPACKED })))
                }
                None => Ok(None),
            },
        }
    }
}

/// Whether a file is packed, whatever its name; it is at its beginning afterwards.
fn is_archive(file: &mut File) -> io::Result<bool> {
    let mut start = Vec::new();
    file.by_ref().take(2).read_to_end(&mut start)?;
    file.rewind()?;
    Ok(start == b"PK")
}

impl Part {
    /// The part that a file of that name is: case, spaces and underscores do not count, nor what a browser
    /// or Excel adds (`Invitations (1).csv`).
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        let name = plain(name);
        let stem = name.strip_suffix(".csv")?;
        let stem = stem.split_once('(').map_or(stem, |(before, _)| before);
        Part::ALL.into_iter().find(|part| plain(part.name()).strip_suffix(".csv") == Some(stem))
    }

    /// As [`Part::of_name`], for a name within an archive; what macOS puts beside files is none.
    fn of_entry(name: &str) -> Option<Self> {
        let (folder, file) = name.rsplit_once('/').unwrap_or(("", name));
        if folder.starts_with("__MACOSX") { None } else { Self::of_name(file) }
    }
}

/// Ends in an error instead of going on for ever.
struct Bounded<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        match self.left.checked_sub(read as u64) {
            Some(left) => {
                self.left = left;
                Ok(read)
            }
            None => Err(io::Error::other("it unpacks to far more than any export of LinkedIn")),
        }
    }
}
