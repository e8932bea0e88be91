//! What went wrong, in words that say what to do.

use std::io;
use std::path::{Path, PathBuf};

use acquaint_store::StoreError;

use crate::codec::Unreadable;

/// Why a read failed.
#[derive(Debug)]
pub(crate) enum ReadError {
    /// fjall could not read.
    Fjall(fjall::Error),
    /// A value or a key makes no sense.
    Unreadable(Unreadable),
}

impl From<fjall::Error> for ReadError {
    fn from(error: fjall::Error) -> Self {
        Self::Fjall(error)
    }
}

impl From<Unreadable> for ReadError {
    fn from(error: Unreadable) -> Self {
        Self::Unreadable(error)
    }
}

/// Words errors for the people who look after a data directory.
#[derive(Debug, Clone)]
pub(crate) struct Errors {
    directory: PathBuf,
}

impl Errors {
    pub(crate) fn new(directory: &Path) -> Self {
        Self { directory: directory.to_path_buf() }
    }

    /// The directory, for a sentence.
    fn here(&self) -> std::path::Display<'_> {
        self.directory.display()
    }

    pub(crate) fn held(&self) -> StoreError {
        StoreError::Failed(format!(
            "another process holds the store in {}: stop that server first, or name another directory",
            self.here()
        ))
    }

    pub(crate) fn newer(&self, found: u32, known: u32) -> StoreError {
        StoreError::Failed(format!(
            "the store in {} was written by a newer Acquaint (format {found}, this program reads up to {known}): \
             run the newer program, or restore a backup into an empty directory",
            self.here()
        ))
    }

    pub(crate) fn foreign(&self) -> StoreError {
        StoreError::Failed(format!(
            "{} is not empty and holds no Acquaint store: name an empty or a new directory",
            self.here()
        ))
    }

    pub(crate) fn damaged(&self, what: impl std::fmt::Display) -> StoreError {
        StoreError::Failed(format!(
            "the store in {} is damaged ({what}): keep a copy of the directory as it is, check the disk, and \
             restore the last backup into an empty directory",
            self.here()
        ))
    }

    /// A row that the directory should hold is not there.
    pub(crate) fn missing(&self, what: &'static str) -> ReadError {
        ReadError::Unreadable(Unreadable(what))
    }

    pub(crate) fn reading(&self, error: ReadError) -> StoreError {
        match error {
            ReadError::Unreadable(Unreadable(what)) => self.damaged(format_args!("{what} cannot be read")),
            ReadError::Fjall(error) => self.fjall("read", &error),
        }
    }

    /// An error of the system while this was done with the directory or a file in it.
    pub(crate) fn io(&self, doing: &str, error: &io::Error) -> StoreError {
        let advice = match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                "the disk is full: free space, then start again; everything that was acknowledged is kept"
            }
            io::ErrorKind::ReadOnlyFilesystem => "it is on a read-only file system: remount it, or name another one",
            io::ErrorKind::PermissionDenied => "this user may not write there: change its owner, or name another one",
            io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => {
                "a file stands where the directory should be: move the file, or name another directory"
            }
            io::ErrorKind::NotFound => "it cannot be made there: check the path",
            _ => "check the disk and the system's log, then start again",
        };
        StoreError::Failed(format!("cannot {doing} the store in {}: {advice} ({error})", self.here()))
    }

    /// An error of fjall while this was done.
    pub(crate) fn fjall(&self, doing: &str, error: &fjall::Error) -> StoreError {
        match error {
            fjall::Error::Locked => self.held(),
            fjall::Error::Io(error) | fjall::Error::Storage(fjall::LsmError::Io(error)) if !is_damage(error) => {
                self.io(doing, error)
            }
            fjall::Error::Poisoned => StoreError::Failed(format!(
                "the store in {} no longer accepts changes, because writing to its disk failed: make sure that the \
                 disk is sound and has free space, then start again; everything that was acknowledged is kept",
                self.here()
            )),
            other => self.damaged(other),
        }
    }
}

/// Whether a file that ends too early, or holds what it cannot, is the reason.
fn is_damage(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData)
}

/// The text of an error, to say it again later.
pub(crate) fn text(error: &StoreError) -> String {
    match error {
        StoreError::Conflict => error.to_string(),
        StoreError::Unavailable(text) | StoreError::OutcomeUnknown(text) | StoreError::Failed(text) => text.clone(),
    }
}
