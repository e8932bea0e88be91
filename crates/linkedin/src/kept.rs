//! The one file that is kept, changed by one program at a time and whole at any moment.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use crate::ledger::{Ledger, LedgerError};

/// What the file is called until it is whole.
const PARTIAL: &str = "ledger.json.partial";

/// Where the ledger lies.
#[derive(Debug, Clone)]
pub struct Kept {
    directory: PathBuf,
    file: PathBuf,
}

/// Why the ledger cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum KeptError {
    /// Nothing was imported yet.
    #[error("there is nothing in {} yet: `acquaint linkedin import EXPORT` comes first", .0.display())]
    Nothing(PathBuf),
    /// What is there is no ledger, or a newer one.
    #[error("{}: {error}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        error: LedgerError,
    },
    /// The system does not let it be read or written.
    #[error("cannot {what} {}: {error}", file.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// The file.
        file: PathBuf,
        /// What the system says.
        error: io::Error,
    },
}

impl Kept {
    /// The one in this directory, whether or not it is there.
    #[must_use]
    pub fn new(directory: &Path) -> Self {
        Self { directory: directory.into(), file: directory.join("ledger.json") }
    }

    /// The ledger, which must be there.
    ///
    /// # Errors
    /// [`KeptError`].
    pub fn ledger(&self) -> Result<Ledger, KeptError> {
        self.read()?.ok_or_else(|| KeptError::Nothing(self.directory.clone()))
    }

    /// Changes it, and writes it if it is another one then; a failure leaves it as it was. It is for its
    /// owner's eyes alone, like every temporary file.
    ///
    /// # Errors
    /// [`KeptError`], and what `change` says.
    pub fn change<T, E: From<KeptError>>(
        &self,
        change: impl FnOnce(&mut Ledger) -> Result<T, E>,
    ) -> Result<(T, Ledger), E> {
        let held = self.hold()?;
        let before = self.read()?;
        let mut ledger = before.clone().unwrap_or_default();
        let answer = change(&mut ledger)?;
        if before.as_ref() != Some(&ledger) {
            self.write(&ledger).map_err(|error| self.failed("write", error))?;
        }
        drop(held);
        Ok((answer, ledger))
    }

    /// Waits until no other program changes it.
    fn hold(&self) -> Result<File, KeptError> {
        let held = fs::create_dir_all(&self.directory).and_then(|()| {
            let lock = File::create(self.directory.join("lock"))?;
            lock.lock()?;
            Ok(lock)
        });
        held.map_err(|error| self.failed("use", error))
    }

    fn read(&self) -> Result<Option<Ledger>, KeptError> {
        let file = match File::open(&self.file) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            other => other.map_err(|error| self.failed("read", error))?,
        };
        let ledger = Ledger::read(file);
        ledger.map(Some).map_err(|error| KeptError::Unreadable { file: self.file.clone(), error })
    }

    fn write(&self, ledger: &Ledger) -> io::Result<()> {
        // One whose writer was killed is in the way of nobody: whoever is here holds the lock.
        match fs::remove_file(self.directory.join(PARTIAL)) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let beside = tempfile::Builder::new().prefix(PARTIAL).rand_bytes(0).tempfile_in(&self.directory)?;
        ledger.write(beside.as_file())?;
        beside.as_file().sync_all()?;
        beside.persist(&self.file)?;
        File::open(&self.directory)?.sync_all()
    }

    fn failed(&self, what: &'static str, error: io::Error) -> KeptError {
        KeptError::Io { what, file: self.file.clone(), error }
    }
}
