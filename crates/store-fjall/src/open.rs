//! Opening a data directory: one owner, a format that we know, nothing damaged.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write as _};
use std::path::Path;

use acquaint_store::StoreResult;
use fjall::config::{BlockSizePolicy, BloomConstructionPolicy, FilterPolicy, FilterPolicyEntry, PinningPolicy};
use fjall::{AbstractTree, CompressionType, Database, Keyspace, KeyspaceCreateOptions};

use crate::error::Errors;
use crate::journal::FirstTwo;
use crate::{journal, manifest};

/// The newest layout of a data directory that this program reads, and the one it writes.
const FORMAT: u32 = 1;
/// Names the layout; written last when a store is made, so that its presence means a whole one.
const FORMAT_FILE: &str = "acquaint-format";
const FORMAT_LINE: &str = "acquaint fjall store, format ";
/// Held for as long as the store is open.
const LOCK_FILE: &str = "acquaint-lock";
/// The one keyspace. Six of them, one a table, were slower and stalled longer: each has its own
/// memtable to flush, and all flushes queue for the same disk.
const KEYSPACE: &str = "acquaint";

/// How much memory and disk the store may use for speed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Bytes of blocks kept in memory.
    pub cache_bytes: u64,
    /// Bytes of relations and of versions kept in memory beside them.
    pub row_bytes: u64,
    /// Bytes of new rows collected in memory before they are written in order. Up to three times
    /// as much is held while the disk catches up.
    pub memtable_bytes: u64,
    /// Bytes of full journals from which on slow tables are flushed so that old journals can go.
    /// Bounds how much is read again after a crash. At least 64 MiB.
    pub journal_bytes: u64,
    /// Threads that flush and compact. With more than one, fjall keeps the first free to flush, and
    /// while the others compact it spins: a whole core for nothing.
    pub worker_threads: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            cache_bytes: 56 << 20,
            row_bytes: 70 << 20,
            memtable_bytes: 24 << 20,
            journal_bytes: 64 << 20,
            worker_threads: 1,
        }
    }
}

/// A data directory that is ours.
pub(crate) struct Opened {
    pub(crate) database: Database,
    pub(crate) rows: Keyspace,
    pub(crate) lock: File,
}

/// Opens the store in `directory`, making it if there is none.
pub(crate) fn open(directory: &Path, options: &Options, errors: &Errors) -> StoreResult<Opened> {
    fs::create_dir_all(directory).map_err(|error| errors.io("open", &error))?;
    let lock = lock(directory, errors)?;
    let journals = match read_format(directory).map_err(|error| errors.io("open", &error))? {
        Some(text) => {
            check_format(&text, errors)?;
            check_files(directory, errors)?
        }
        // Nothing was ever acknowledged here; a making that was cut short is simply made again.
        None => {
            remove_unfinished(directory, errors)?;
            FirstTwo::default()
        }
    };
    let (database, rows) = bare(directory, options).map_err(|error| errors.fjall("open", &error))?;
    if !journals.agree_with(rows.tree.get_highest_persisted_seqno()) {
        return Err(errors.damaged("the first number in its journals was altered"));
    }
    write_format(directory).map_err(|error| errors.io("open", &error))?;
    Ok(Opened { database, rows, lock })
}

/// Opens only fjall, with the same options.
pub(crate) fn bare(directory: &Path, options: &Options) -> fjall::Result<(Database, Keyspace)> {
    let database = Database::builder(directory)
        .cache_size(options.cache_bytes)
        .max_journaling_size(options.journal_bytes)
        .worker_threads(options.worker_threads)
        // Commits sync by themselves; uncompressed journals are what `journal` can check.
        .manual_journal_persist(true)
        .journal_compression(CompressionType::None)
        .open()?;
    let rows = database.keyspace(KEYSPACE, || {
        KeyspaceCreateOptions::default()
            .max_memtable_size(options.memtable_bytes)
            .manual_journal_persist(true)
            .data_block_size_policy(BlockSizePolicy::all(4096))
            // Every new invitation asks for a relation that does not exist: filters at all levels.
            .filter_policy(FilterPolicy::all(FilterPolicyEntry::Bloom(BloomConstructionPolicy::BitsPerKey(10.0))))
            .expect_point_read_hits(false)
            // What leads to a block is kept apart from the blocks, two bytes a key: a read by name
            // goes through it on every level, and most end there.
            .index_block_pinning_policy(PinningPolicy::all(true))
            .filter_block_pinning_policy(PinningPolicy::all(true))
    })?;
    Ok((database, rows))
}

fn lock(directory: &Path, errors: &Errors) -> StoreResult<File> {
    let path = directory.join(LOCK_FILE);
    let file = File::options().create(true).write(true).truncate(false).open(path);
    let file = file.map_err(|error| errors.io("open", &error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(errors.held()),
        Err(TryLockError::Error(error)) => Err(errors.io("lock", &error)),
    }
}

fn read_format(directory: &Path) -> io::Result<Option<String>> {
    match fs::read_to_string(directory.join(FORMAT_FILE)) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Ok(Some(String::new())),
        Err(error) => Err(error),
    }
}

fn check_format(text: &str, errors: &Errors) -> StoreResult<()> {
    let number = text.strip_prefix(FORMAT_LINE).and_then(|rest| rest.trim_end().parse::<u32>().ok());
    match number {
        Some(FORMAT) => Ok(()),
        Some(newer) if newer > FORMAT => Err(errors.newer(newer, FORMAT)),
        _ => Err(errors.damaged(format_args!("{FORMAT_FILE} does not name a format"))),
    }
}

/// Everything that fjall would mend by throwing away what it cannot read.
fn check_files(directory: &Path, errors: &Errors) -> StoreResult<FirstTwo> {
    let reading = |error: io::Error| errors.io("read", &error);
    if let Some(file) = manifest::find_damage(directory).map_err(reading)? {
        return Err(errors.damaged(format_args!("{} is missing or was altered", file.display())));
    }
    match journal::check(directory).map_err(reading)? {
        Ok(seqnos) => Ok(seqnos),
        Err(damage) => Err(errors.damaged(format_args!(
            "{} is missing or was altered, at byte {}",
            damage.file.display(),
            damage.offset
        ))),
    }
}

/// Removes what is left of a store whose making was cut short, and nothing else.
fn remove_unfinished(directory: &Path, errors: &Errors) -> StoreResult<()> {
    let opening = |error: io::Error| errors.io("open", &error);
    let mut ours = Vec::new();
    for entry in fs::read_dir(directory).map_err(opening)? {
        let path = entry.map_err(opening)?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        match name {
            LOCK_FILE | "lost+found" => {}
            "0.jnl" | "version" | "lock" | "keyspaces" => ours.push(path),
            _ if name == temporary_name() => ours.push(path),
            _ => return Err(errors.foreign()),
        }
    }
    // The rows of a store that was ever in use are in tables, or in a journal that is not empty.
    if journal::holds_batches(directory).map_err(opening)? {
        return Err(errors.damaged(format_args!("{FORMAT_FILE} is missing")));
    }
    for path in ours {
        if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }.map_err(opening)?;
    }
    Ok(())
}

fn temporary_name() -> String {
    format!("{FORMAT_FILE}.new")
}

/// Makes the format file, whole or not at all.
fn write_format(directory: &Path) -> io::Result<()> {
    let path = directory.join(FORMAT_FILE);
    if path.try_exists()? {
        return Ok(());
    }
    let temporary = directory.join(temporary_name());
    let mut file = File::create(&temporary)?;
    writeln!(file, "{FORMAT_LINE}{FORMAT}")?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    sync_directory(directory)
}

#[cfg(unix)]
fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

/// Elsewhere a directory cannot be opened as a file; the system keeps renames in order.
#[cfg(not(unix))]
fn sync_directory(_directory: &Path) -> io::Result<()> {
    Ok(())
}
