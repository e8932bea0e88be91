//! The versions of rows that were lately read or written.
//!
//! A commit says which versions it was decided on, and the store compares. It is the only writer of
//! its directory, so what it last read or wrote is still there, and most comparisons need no read.
//!
//! A fixed table, one place for each row by its hash; a row takes the place of the one before. Each
//! place remembers the last commit that wrote to any row of it, so that a read which such a commit
//! may have overtaken is not believed.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use xxhash_rust::xxh3::xxh3_128;

use crate::keys::Key;

/// Places in the table, a power of two; 24 bytes each, touched only as they are used.
const PLACES: usize = 1 << 19;

/// Versions by the key of the row; 0 is a row that does not exist.
pub(crate) struct Versions {
    state: Mutex<State>,
    /// The number of the last commit that can be read.
    finished: AtomicU64,
}

struct State {
    places: Vec<Place>,
    /// The number of the last commit that began.
    begun: u64,
}

#[derive(Debug, Clone, Copy, Default)]
struct Place {
    /// Tells rows of one place apart; 0 is an empty place.
    tag: u64,
    version: u64,
    /// The last commit that wrote here.
    commit: u64,
}

/// The moment before a read: the last commit that the read certainly sees.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Before(u64);

impl Versions {
    pub(crate) fn new() -> Self {
        let state = State { places: vec![Place::default(); PLACES], begun: 0 };
        Self { state: Mutex::new(state), finished: AtomicU64::new(0) }
    }

    /// To be called before the snapshot of a read is taken.
    pub(crate) fn before_read(&self) -> Before {
        Before(self.finished.load(Ordering::Acquire))
    }

    /// Remembers what was read, unless a commit may have changed it since. Readers do not wait for
    /// each other to do so: what is not remembered is read again.
    pub(crate) fn learn(&self, before: Before, found: impl IntoIterator<Item = (Key, u64)>) {
        let Ok(mut state) = self.state.try_lock() else { return };
        for (key, version) in found {
            let (tag, place) = state.place(&key);
            if let Some(place) = place.filter(|place| place.commit <= before.0) {
                (place.tag, place.version) = (tag, version);
            }
        }
    }

    /// The version of each of these rows, as far as it is known.
    pub(crate) fn get<'a>(&self, keys: impl Iterator<Item = &'a Key>) -> Vec<Option<u64>> {
        let mut state = self.state();
        let known = |key: &'a Key| {
            let (tag, place) = state.place(key);
            place.filter(|place| place.tag == tag).map(|place| place.version)
        };
        keys.map(known).collect()
    }

    /// To be called before a commit is written, with the versions that it writes. If it fails, no
    /// commit follows that would ask.
    pub(crate) fn begin_commit<'a>(&self, written: impl IntoIterator<Item = (&'a Key, u64)>) {
        let mut state = self.state();
        state.begun += 1;
        let commit = state.begun;
        for (key, version) in written {
            let (tag, place) = state.place(key);
            if let Some(place) = place {
                *place = Place { tag, version, commit };
            }
        }
    }

    /// To be called once what was begun can be read.
    pub(crate) fn finish_commit(&self) {
        self.finished.store(self.state().begun, Ordering::Release);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn place(&mut self, key: &Key) -> (u64, Option<&mut Place>) {
        let hash = xxh3_128(key);
        let (high, low) = ((hash >> 64) as u64, hash as u64);
        let index = usize::try_from(low).unwrap_or(usize::MAX) & (PLACES - 1);
        (high.max(1), self.places.get_mut(index))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(versions: &Versions, key: &Key) -> Option<u64> {
        versions.get([key].into_iter())[0]
    }

    #[test]
    fn a_read_that_a_commit_may_have_overtaken_is_not_believed() {
        let (versions, key) = (Versions::new(), vec![1]);
        let before = versions.before_read();
        versions.begin_commit([(&key, 2)]);
        let during = versions.before_read();
        versions.learn(during, [(key.clone(), 1)]);
        assert_eq!(known(&versions, &key), Some(2));
        versions.finish_commit();
        versions.learn(before, [(key.clone(), 1)]);
        versions.learn(during, [(key.clone(), 1)]);
        assert_eq!(known(&versions, &key), Some(2));
        versions.learn(versions.before_read(), [(key.clone(), 2)]);
        assert_eq!(known(&versions, &key), Some(2));
    }

    #[test]
    fn a_read_beside_a_commit_of_other_rows_is_believed() {
        let (versions, key, other) = (Versions::new(), vec![1], vec![2]);
        let before = versions.before_read();
        versions.begin_commit([(&key, 2)]);
        versions.learn(before, [(other.clone(), 5)]);
        assert_eq!(known(&versions, &other), Some(5));
        assert_eq!(known(&versions, &vec![3]), None);
    }
}
