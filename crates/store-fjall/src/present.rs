//! Which rows there are, as far as a filter can tell in ten bits each.
//!
//! Most questions are about what is not there: every new invitation asks for a relation that does
//! not exist, and so does whoever looks at somebody they have nothing to do with. fjall has a filter
//! for each of its tables and asks them one after the other, after its memtables; this one knows all
//! of them at once, and "certainly not" needs no read. One in a hundred is asked for in vain.
//!
//! It lives in memory alone. After opening, a thread reads all keys of rows once (about a second for
//! a million); until then nothing is certain and everything is read. A row is added before its
//! commit can be read, and never taken out: what was once there may come back.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::thread::JoinHandle;

use fastbloom::AtomicBloomFilter;
use xxhash_rust::xxh3::xxh3_64;

use crate::Inner;
use crate::error::ReadError;
use crate::keys::{Key, Table};
use crate::read::View;

/// Rows that the first filter is made for; every further one is made for twice as many.
const FIRST: usize = 1 << 21;
/// How many of a filter's answers "perhaps" are wrong once it is full.
const WRONG: f64 = 0.01;
/// Keys read between two looks at whether the store is being closed.
const AT_ONCE: usize = 4_096;

/// The filter over members and relations.
pub(crate) struct Present {
    /// The last one takes what is new.
    filters: RwLock<Vec<AtomicBloomFilter>>,
    in_last: AtomicUsize,
    first: usize,
    complete: AtomicBool,
}

impl Default for Present {
    fn default() -> Self {
        Self::with_room_for(FIRST)
    }
}

impl Present {
    fn with_room_for(first: usize) -> Self {
        Self {
            filters: RwLock::new(vec![filter(first)]),
            in_last: AtomicUsize::new(0),
            first,
            complete: AtomicBool::new(false),
        }
    }

    /// Whether the row was certainly never there, up to now.
    pub(crate) fn lacks(&self, key: &[u8]) -> bool {
        let hash = xxh3_64(key);
        self.complete.load(Ordering::Acquire) && !self.may_have(hash)
    }

    fn may_have(&self, hash: u64) -> bool {
        let filters = self.filters.read().unwrap_or_else(PoisonError::into_inner);
        filters.iter().any(|filter| filter.contains_hash(hash))
    }

    /// Adds a row; to be called before it can be read.
    pub(crate) fn add(&self, key: &[u8]) {
        let hash = xxh3_64(key);
        if self.may_have(hash) {
            return;
        }
        let filters = self.filters.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(last) = filters.last() {
            last.insert_hash(hash);
        }
        let (generation, room) = (filters.len(), self.room(filters.len()));
        drop(filters);
        if self.in_last.fetch_add(1, Ordering::AcqRel) >= room {
            self.grow(generation);
        }
    }

    fn room(&self, generation: usize) -> usize {
        self.first.saturating_mul(1 << generation.saturating_sub(1).min(20))
    }

    fn grow(&self, generation: usize) {
        let mut filters = self.filters.write().unwrap_or_else(PoisonError::into_inner);
        // Somebody else may have been faster.
        if filters.len() == generation {
            filters.push(filter(self.room(generation + 1)));
            self.in_last.store(0, Ordering::Release);
        }
    }

    /// From here on, what is not in it is not there.
    fn complete(&self) {
        self.complete.store(true, Ordering::Release);
    }
}

fn filter(room: usize) -> AtomicBloomFilter {
    AtomicBloomFilter::with_false_pos(WRONG).expected_items(room)
}

/// The thread that fills the filter of a store that was opened. Dropping it ends the thread.
pub(crate) struct Filler {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Filler {
    /// Without a thread, the store reads everything: slower, and as right.
    pub(crate) fn start(store: &Arc<Inner>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (store, stopped) = (Arc::clone(store), Arc::clone(&stop));
        let thread = std::thread::Builder::new().name("present".into()).spawn(move || fill(&store, &stopped)).ok();
        Self { stop, thread }
    }

    /// Waits until the thread has ended.
    fn join(&mut self) {
        if let Some(thread) = self.thread.take() {
            // It does nothing that panics; if it did, the filter would stay incomplete.
            let _ = thread.join();
        }
    }
}

impl Drop for Filler {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        self.join();
    }
}

/// Adds what was there before this process came; what it writes itself it adds itself. Relations are
/// kept in memory on the way, while there is room.
fn fill(store: &Inner, stop: &AtomicBool) {
    for table in [Table::Member, Table::Relation] {
        let mut last: Option<Key> = None;
        loop {
            if stop.load(Ordering::Acquire) {
                return;
            }
            // What cannot be read will be told to whoever asks for it.
            match store.view().pass_on(table, last.as_deref()) {
                Ok(Some(key)) => last = Some(key),
                Ok(None) => break,
                Err(_) => return,
            }
        }
    }
    store.present.complete();
}

impl View<'_> {
    /// Adds some rows of a table, those after that key; returns the last of them.
    fn pass_on(&self, table: Table, after: Option<&[u8]>) -> Result<Option<Key>, ReadError> {
        let range = match after {
            Some(after) => table.all().after(after.to_vec()),
            None => table.all(),
        };
        let mut last = None;
        for row in self.rows_uncounted(range, false).take(AT_ONCE) {
            let (key, value) = row?;
            self.add(&key, &value)?;
            last = Some(key);
        }
        Ok(last.map(|key| key.to_vec()))
    }
}

#[cfg(test)]
mod tests {
    use acquaint_core::ids::MemberId;
    use acquaint_core::member::Member;
    use acquaint_store::{Changes, MemberChange, Store, Wanted};

    use super::*;
    use crate::{FjallStore, Options, keys};

    #[test]
    fn nothing_is_certain_before_it_is_complete() {
        let present = Present::with_room_for(8);
        assert!(!present.lacks(b"a"));
        present.complete();
        assert!(present.lacks(b"a"));
        present.add(b"a");
        assert!(!present.lacks(b"a"));
    }

    #[test]
    fn what_was_added_is_never_lacked_however_much_it_is() {
        let present = Present::with_room_for(8);
        present.complete();
        let key = |n: u32| n.to_be_bytes();
        (0..10_000).for_each(|n| present.add(&key(n)));
        assert!((0..10_000).all(|n| !present.lacks(&key(n))));
        let wrong = (10_000..20_000).filter(|&n| !present.lacks(&key(n))).count();
        assert!(wrong < 2_000, "{wrong} of 10,000 taken for rows");
    }

    #[tokio::test]
    async fn rows_of_an_earlier_process_are_found_and_others_are_not_read() {
        let directory = tempfile::tempdir().unwrap();
        let member = |name: &str| MemberId::new(name).unwrap();
        let store = FjallStore::open(directory.path(), &Options::default()).unwrap();
        let before = Arc::new(Member::new(member("ann")));
        let after = Some(Arc::new(Member { version: 1, ..Member::clone(&before) }));
        store.commit(&Changes { members: vec![MemberChange { before, after }], ..Changes::default() }).await.unwrap();
        drop(store);
        let store = FjallStore::open(directory.path(), &Options::default()).unwrap();
        Filler::start(&store.inner).join();
        assert!(store.inner.present.lacks(&keys::member(&member("bo"))));
        let read = store.stats().keys_read;
        let wanted = Wanted { members: vec![member("ann"), member("bo")], ..Wanted::default() };
        let loaded = store.load(&wanted).await.unwrap();
        assert_eq!(loaded.members.iter().map(Option::is_some).collect::<Vec<_>>(), [true, false]);
        assert_eq!(store.stats().keys_read, read + 1);
    }
}
