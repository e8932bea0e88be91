//! From the words `fjall:DIRECTORY` or `postgres://…` to an open store.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use acquaint_store::{Store, StoreError};
use acquaint_store_fjall::{FjallStore, Options};
use acquaint_store_postgres::{Address as Database, Options as DatabaseOptions, PostgresStore};

use crate::failure::{Failure, Outcome};
use crate::random;
use crate::settings::{Key, Sources, number, timeout};

/// Memory for rows and blocks, in MiB, where nothing is said.
const CACHE_MIB: u64 = 224;
/// Connections to a database, where nothing is said.
const CONNECTIONS: usize = 8;
/// How long a statement may take, where nothing is said.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(5);
/// How old a list may be that a replica answers with, where nothing is said.
const READ_STALENESS: Duration = Duration::from_secs(5);

const EXPECTED: &str = "expected fjall:DIRECTORY or postgres://USER@HOST/DATABASE";

/// Where a store is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Address {
    /// In a directory of this machine.
    Directory(PathBuf),
    /// In a database.
    Database(Database),
}

impl Default for Address {
    fn default() -> Self {
        Self::Directory("acquaint-data".into())
    }
}

/// In the words in which it is given, but for a password.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(path) => write!(f, "fjall:{}", path.display()),
            Self::Database(database) => database.fmt(f),
        }
    }
}

impl Address {
    /// The directory that it is in, if it is in one.
    pub(crate) fn directory(&self) -> Option<&Path> {
        match self {
            Self::Directory(path) => Some(path),
            Self::Database(_) => None,
        }
    }

    /// What must be removed before it can be filled anew, for messages.
    pub(crate) fn remains(&self) -> String {
        match self {
            Self::Directory(path) => path.display().to_string(),
            Self::Database(database) => format!("what is in the tables of {database}"),
        }
    }

    /// Reads an address. The reason why it is none never repeats the text, which may hold a password.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("fjall", directory)) if !directory.is_empty() => Ok(Self::Directory(directory.into())),
            Some(("postgres" | "postgresql", _)) => text
                .parse()
                .map(Self::Database)
                .map_err(|error: acquaint_store_postgres::AddressError| error.to_string()),
            _ => Err(EXPECTED.into()),
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

/// What a store and the engine may use.
#[derive(Debug, Clone)]
pub(crate) struct Means {
    /// Memory for the blocks of an embedded store, in bytes.
    block_bytes: u64,
    /// Memory for the relations that it keeps packed, in bytes.
    row_bytes: u64,
    /// Memory for the members that the engine keeps, in bytes.
    pub(crate) members_bytes: u64,
    pub(crate) database: DatabaseOptions,
}

pub(crate) fn means(sources: &Sources) -> Outcome<Means> {
    let mib = sources.get(Key::CacheMib, number(8, 1 << 20))?.unwrap_or(CACHE_MIB);
    // A row that is kept saves a read of blocks, and of members every command needs two.
    let sixteenth = (mib << 20) / 16;
    let database = DatabaseOptions {
        connections: sources.get(Key::PoolSize, number(1, 1_000))?.unwrap_or(CONNECTIONS),
        deadline: sources.get(Key::StatementTimeout, timeout)?.unwrap_or(STATEMENT_TIMEOUT),
        ..DatabaseOptions::with_seed(random::bytes()?)
    };
    Ok(Means { block_bytes: 4 * sixteenth, row_bytes: 5 * sixteenth, members_bytes: 7 * sixteenth, database })
}

impl Means {
    /// The same, with lists read from the standbys that were named, if any were.
    pub(crate) fn with_replicas(mut self, sources: &Sources, store: &Address) -> Outcome<Self> {
        self.database.replicas = replicas(sources)?;
        self.database.staleness = sources.get(Key::ReadStaleness, timeout)?.unwrap_or(READ_STALENESS);
        match store {
            Address::Directory(_) if !self.database.replicas.is_empty() => Err(Failure::usage(format_args!(
                "{}: the embedded store has no replicas; they are standbys of a database that --store names",
                sources.blame(Key::ReadReplicas)
            ))),
            _ => Ok(self),
        }
    }
}

/// The standbys that were named, if any.
fn replicas(sources: &Sources) -> Outcome<Vec<Database>> {
    // Said without the text that was found: an address may hold a password.
    let read = |text: &str| Ok(text.split_whitespace().map(Address::parse).collect::<Result<Vec<_>, _>>());
    let wrong = |expected| Failure::usage(format_args!("{}: {expected}", sources.blame(Key::ReadReplicas)));
    let Some(named) = sources.get(Key::ReadReplicas, read)? else { return Ok(Vec::new()) };
    let database = |address| match address {
        Address::Database(database) => Ok(database),
        Address::Directory(_) => Err(wrong("a replica is a PostgreSQL database: postgres://USER@HOST/DATABASE".into())),
    };
    named.map_err(wrong)?.into_iter().map(database).collect()
}

/// Opens a store. A directory is made if there is none; a database must have been migrated.
pub(crate) async fn open(address: &Address, means: &Means) -> Outcome<Arc<dyn Store>> {
    match address {
        Address::Directory(path) => {
            let options = Options { cache_bytes: means.block_bytes, row_bytes: means.row_bytes, ..Options::default() };
            Ok(Arc::new(FjallStore::open(path, &options).map_err(failed)?))
        }
        Address::Database(database) => {
            Ok(Arc::new(PostgresStore::open(database, &means.database).await.map_err(failed)?))
        }
    }
}

/// Opens a store that must be there.
pub(crate) async fn open_existing(address: &Address, means: &Means) -> Outcome<Arc<dyn Store>> {
    let holds_something = |mut entries: std::fs::ReadDir| entries.next().is_some();
    if let Some(path) = address.directory()
        && !std::fs::read_dir(path).is_ok_and(holds_something)
    {
        let path = path.display();
        return Err(Failure::failed(format_args!("there is no store in {path}: name another one with --store")));
    }
    open(address, means).await
}

/// What a failing store says.
pub(crate) fn failed(error: StoreError) -> Failure {
    Failure::failed(error)
}
