//! The rows that were lately read or written: their versions, and those of relations themselves.
//!
//! A commit says which versions it was decided on, and the store compares. It is the only writer of
//! its directory, so what it last read or wrote is still there, and most comparisons need no read.
//! Nor do most reads of a relation: what is kept is what fjall keeps, packed.
//!
//! Each row remembers the commit that wrote it, or one that saw it so. A read begins with the last commit that it certainly
//! sees ([`Before`]) and believes only what is not newer, so that it sees whole commits, whether a row
//! comes from here or from fjall. What it found itself it leaves here, unless a commit may have
//! overtaken it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use quick_cache::Weighter;
use quick_cache::sync::Cache;
use xxhash_rust::xxh3::xxh3_128;

use crate::keys::{Key, Table};

/// A row is longer only with a long note, and seldom asked for twice.
const LONGEST: usize = 512;
/// How many groups rows fall into by their hash; each remembers the last commit that wrote to it.
const GROUPS: usize = 1 << 12;
/// What an entry takes beside the row itself.
const ENTRY_BYTES: u64 = 80;
/// The same beside a row that is kept: reference counts.
const COUNTS_BYTES: u64 = 16;

/// What is known of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Known {
    /// 0 is a row that does not exist.
    pub(crate) version: u64,
    /// The commit that wrote it, or a later one that saw it so.
    commit: u64,
    /// The packed row, of a relation.
    pub(crate) row: Option<Arc<[u8]>>,
}

/// Rows by a hash of their key that is long enough to tell all of them apart.
pub(crate) struct Rows {
    known: Cache<u128, Known, Weight>,
    /// The number of the last commit that wrote to a row of each group.
    groups: Vec<Mutex<u64>>,
    /// The number of the last commit that began.
    begun: AtomicU64,
    /// The number of the last commit that can be read.
    finished: AtomicU64,
}

#[derive(Debug, Clone)]
struct Weight;

impl Weighter<u128, Known> for Weight {
    fn weight(&self, _: &u128, known: &Known) -> u64 {
        ENTRY_BYTES + known.row.as_ref().map_or(0, |row| row.len() as u64 + COUNTS_BYTES)
    }
}

/// The moment before a read: the last commit that the read certainly sees.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Before(u64);

impl Rows {
    /// Keeps about that many bytes.
    pub(crate) fn new(bytes: u64) -> Self {
        let expected = usize::try_from(bytes / (2 * ENTRY_BYTES)).unwrap_or(usize::MAX);
        Self {
            known: Cache::with_weighter(expected, bytes, Weight),
            groups: (0..GROUPS).map(|_| Mutex::default()).collect(),
            begun: AtomicU64::new(0),
            finished: AtomicU64::new(0),
        }
    }

    /// To be called before the snapshot of a read is taken.
    pub(crate) fn before_read(&self) -> Before {
        Before(self.finished.load(Ordering::Acquire))
    }

    /// What is known of a row, to a read that began then.
    pub(crate) fn get(&self, before: Before, key: &[u8]) -> Option<Known> {
        self.known.get(&xxh3_128(key)).filter(|known| known.commit <= before.0)
    }

    /// The version of a row, if it is known. For the one who commits: nobody else writes meanwhile.
    pub(crate) fn version(&self, key: &[u8]) -> Option<u64> {
        self.known.get(&xxh3_128(key)).map(|known| known.version)
    }

    /// Remembers what was read, unless a commit may have changed it since. Readers do not wait for
    /// each other to do so: what is not remembered is read again.
    pub(crate) fn learn(&self, before: Before, key: &[u8], version: u64, row: Option<&[u8]>) {
        let hash = xxh3_128(key);
        let Some(Ok(last)) = self.group(hash).map(Mutex::try_lock) else { return };
        if *last <= before.0 {
            self.known.insert(hash, known(key, version, before.0, row));
        }
    }

    /// Whether nothing has to go for what comes.
    pub(crate) fn has_room(&self) -> bool {
        self.known.weight() < self.known.capacity() / 8 * 7
    }

    /// To be called before a commit is written, with the rows that it writes. If it fails, nobody
    /// believes them, and no commit follows that would ask.
    pub(crate) fn begin_commit<'a>(&self, written: impl IntoIterator<Item = (&'a Key, u64, Option<&'a [u8]>)>) {
        let commit = self.begun.fetch_add(1, Ordering::AcqRel) + 1;
        for (key, version, row) in written {
            let hash = xxh3_128(key);
            let Some(mut last) = self.group(hash).map(lock) else { continue };
            *last = commit;
            self.known.insert(hash, known(key, version, commit, row));
        }
    }

    /// To be called once what was begun can be read.
    pub(crate) fn finish_commit(&self) {
        self.finished.store(self.begun.load(Ordering::Acquire), Ordering::Release);
    }

    fn group(&self, hash: u128) -> Option<&Mutex<u64>> {
        self.groups.get(usize::try_from(hash % GROUPS as u128).unwrap_or_default())
    }
}

fn known(key: &[u8], version: u64, commit: u64, row: Option<&[u8]>) -> Known {
    let kept = row.filter(|row| Table::Relation.has(key) && row.len() <= LONGEST);
    Known { version, commit, row: kept.map(Arc::from) }
}

fn lock(last: &Mutex<u64>) -> MutexGuard<'_, u64> {
    last.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A relation's key.
    const KEY: &[u8] = b"ra\0b";

    fn rows() -> Rows {
        Rows::new(1 << 20)
    }

    fn commit(rows: &Rows, version: u64, row: &[u8]) {
        rows.begin_commit([(&KEY.to_vec(), version, Some(row))]);
    }

    fn seen(rows: &Rows, before: Before) -> Option<Vec<u8>> {
        rows.get(before, KEY).and_then(|known| known.row).map(|row| row.to_vec())
    }

    #[test]
    fn a_read_that_a_commit_may_have_overtaken_is_not_believed() {
        let rows = rows();
        let before = rows.before_read();
        commit(&rows, 2, b"new");
        let during = rows.before_read();
        rows.learn(during, KEY, 1, Some(b"old"));
        assert_eq!(rows.version(KEY), Some(2));
        rows.finish_commit();
        rows.learn(before, KEY, 1, Some(b"old"));
        rows.learn(during, KEY, 1, Some(b"old"));
        assert_eq!(rows.version(KEY), Some(2));
        rows.learn(rows.before_read(), KEY, 2, Some(b"new"));
        assert_eq!(seen(&rows, rows.before_read()), Some(b"new".to_vec()));
    }

    #[test]
    fn a_read_beside_a_commit_of_other_rows_is_believed() {
        let rows = rows();
        let before = rows.before_read();
        commit(&rows, 2, b"new");
        rows.learn(before, b"rc\0d", 5, Some(b"other"));
        assert_eq!(rows.version(b"rc\0d"), Some(5));
        assert_eq!(rows.version(b"re\0f"), None);
    }

    #[test]
    fn nobody_sees_a_row_before_its_commit_can_be_read_or_from_a_moment_before_it() {
        let rows = rows();
        let before = rows.before_read();
        commit(&rows, 1, b"new");
        assert_eq!(seen(&rows, rows.before_read()), None);
        rows.finish_commit();
        assert_eq!(seen(&rows, before), None);
        assert_eq!(seen(&rows, rows.before_read()), Some(b"new".to_vec()));
    }

    #[test]
    fn of_members_and_of_long_rows_only_the_version_is_kept() {
        let rows = rows();
        rows.learn(rows.before_read(), b"mann", 3, Some(b"row"));
        rows.learn(rows.before_read(), KEY, 4, Some(&[7; LONGEST + 1]));
        for (key, version) in [(b"mann".as_slice(), 3), (KEY, 4)] {
            let known = rows.get(rows.before_read(), key).unwrap();
            assert_eq!((known.version, known.row), (version, None));
        }
    }
}
