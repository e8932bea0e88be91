//! The one file that is kept, changed by one program at a time and whole at any moment.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use acquaint_linkedin::ledger::Ledger;
use tempfile::NamedTempFile;

use crate::backup::sync_directory;
use crate::failure::{Failure, Outcome};

/// Where the ledger lies.
pub(super) struct Kept {
    directory: PathBuf,
    file: PathBuf,
}

impl Kept {
    pub(super) fn new(directory: &Path) -> Self {
        Self { directory: directory.into(), file: directory.join("ledger.json") }
    }

    /// The ledger, which must be there.
    pub(super) fn ledger(&self) -> Outcome<Ledger> {
        self.read()?.ok_or_else(|| {
            let place = self.directory.display();
            Failure::usage(format_args!(
                "there is nothing in {place} yet: `acquaint linkedin import EXPORT` comes first"
            ))
        })
    }

    /// Changes it, and writes it if it is another one then; a failure leaves it as it was. It is for its
    /// owner's eyes alone, like every temporary file.
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut Ledger) -> Outcome<T>) -> Outcome<(T, Ledger)> {
        let held = self.hold()?;
        let before = self.read()?;
        let mut ledger = before.clone().unwrap_or_default();
        let answer = change(&mut ledger)?;
        if before.as_ref() != Some(&ledger) {
            self.write(&ledger).map_err(|error| self.failed("write", &error))?;
        }
        drop(held);
        Ok((answer, ledger))
    }

    /// Waits until no other program changes it.
    fn hold(&self) -> Outcome<File> {
        let held = fs::create_dir_all(&self.directory).and_then(|()| {
            let lock = File::create(self.directory.join("lock"))?;
            lock.lock()?;
            Ok(lock)
        });
        held.map_err(|error| self.failed("use", &error))
    }

    fn read(&self) -> Outcome<Option<Ledger>> {
        let file = match File::open(&self.file) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            other => other.map_err(|error| self.failed("read", &error))?,
        };
        let ledger = Ledger::read(file);
        ledger.map(Some).map_err(|error| Failure::failed(format_args!("{}: {error}", self.file.display())))
    }

    fn write(&self, ledger: &Ledger) -> io::Result<()> {
        let beside = NamedTempFile::new_in(&self.directory)?;
        ledger.write(beside.as_file())?;
        beside.as_file().sync_all()?;
        beside.persist(&self.file)?;
        sync_directory(&self.file)
    }

    fn failed(&self, what: &str, error: &io::Error) -> Failure {
        Failure::failed(format_args!("cannot {what} {}: {error}", self.file.display()))
    }
}
