//! From the words `fjall:DIRECTORY` to an open store.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use acquaint_store::{Store, StoreError};
use acquaint_store_fjall::{FjallStore, Options};

use crate::failure::{Failure, Outcome};
use crate::settings::{Key, Sources, number};

/// Memory for rows and blocks, in MiB, where nothing is said.
const CACHE_MIB: u64 = 200;

/// Where a store is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address(PathBuf);

impl Default for Address {
    fn default() -> Self {
        Self("acquaint-data".into())
    }
}

/// In the words in which it is given.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "fjall:{}", self.0.display())
    }
}

impl Address {
    pub(crate) fn directory(path: &Path) -> Self {
        Self(path.into())
    }

    /// The directory of the store.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("fjall", directory)) if !directory.is_empty() => Ok(Self(directory.into())),
            Some(("postgres" | "postgresql", _)) => {
                Err("expected fjall:DIRECTORY (this build does not serve PostgreSQL yet)".into())
            }
            _ => Err("expected fjall:DIRECTORY".into()),
        }
    }
}

/// Which store was named, if any.
pub(crate) fn address(sources: &Sources) -> Outcome<Option<Address>> {
    // Said without the text that was found: a PostgreSQL address may hold a password.
    match sources.get(Key::Store, |text| Ok(Address::parse(text)))? {
        None => Ok(None),
        Some(Ok(address)) => Ok(Some(address)),
        Some(Err(expected)) => Err(Failure::usage(format_args!("{}: {expected}", sources.blame(Key::Store)))),
    }
}

/// How memory is shared out: the store's blocks and the engine's rows, in bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Memory {
    pub(crate) store: u64,
    pub(crate) engine: u64,
}

pub(crate) fn memory(sources: &Sources) -> Outcome<Memory> {
    let mib = sources.get(Key::CacheMib, number(8, 1 << 20))?.unwrap_or(CACHE_MIB);
    // A row that the engine keeps saves a read of blocks, so that most goes there.
    let store = (mib << 20) / 3;
    Ok(Memory { store, engine: (mib << 20) - store })
}

/// Opens a store, making it if there is none.
pub(crate) fn open(address: &Address, memory: Memory) -> Outcome<Arc<dyn Store>> {
    let options = Options { cache_bytes: memory.store, ..Options::default() };
    let store = FjallStore::open(&address.0, &options).map_err(failed)?;
    Ok(Arc::new(store))
}

/// Opens a store that must be there.
pub(crate) fn open_existing(address: &Address, memory: Memory) -> Outcome<Arc<dyn Store>> {
    let holds_something = |mut entries: std::fs::ReadDir| entries.next().is_some();
    if !std::fs::read_dir(&address.0).is_ok_and(holds_something) {
        let directory = address.0.display();
        return Err(Failure::failed(format_args!("there is no store in {directory}: name another one with --store")));
    }
    open(address, memory)
}

/// What a failing store says.
pub(crate) fn failed(error: StoreError) -> Failure {
    Failure::failed(error)
}
