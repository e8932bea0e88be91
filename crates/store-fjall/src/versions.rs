//! The versions of rows that were lately read or written.
//!
//! A commit says which versions it was decided on, and the store compares. It is the only writer of
//! its directory, so what it last read or wrote is still there, and most comparisons need no read.

use std::sync::{Mutex, MutexGuard, PoisonError};

use quick_cache::unsync::Cache;

use crate::keys::Key;

/// Rows remembered; about 100 bytes each.
const CAPACITY: usize = 1 << 16;

/// Versions by the key of the row; 0 is a row that does not exist.
pub(crate) struct Versions {
    state: Mutex<State>,
}

struct State {
    known: Cache<Key, u64>,
    begun: u64,
    finished: u64,
}

/// The moment before a read: what it finds may be remembered if no commit came between.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Before(Option<u64>);

impl Versions {
    pub(crate) fn new() -> Self {
        Self { state: Mutex::new(State { known: Cache::new(CAPACITY), begun: 0, finished: 0 }) }
    }

    /// To be called before the snapshot of a read is taken.
    pub(crate) fn before_read(&self) -> Before {
        let state = self.state();
        Before((state.begun == state.finished).then_some(state.begun))
    }

    /// Remembers what was read, unless a commit may have changed it since.
    pub(crate) fn learn(&self, before: Before, found: impl IntoIterator<Item = (Key, u64)>) {
        let mut state = self.state();
        if before.0 == Some(state.begun) {
            for (key, version) in found {
                state.known.insert(key, version);
            }
        }
    }

    /// The version of each of these rows, as far as it is known.
    pub(crate) fn get<'a>(&self, keys: impl Iterator<Item = &'a Key>) -> Vec<Option<u64>> {
        let state = self.state();
        keys.map(|key| state.known.get(key).copied()).collect()
    }

    /// To be called before a commit is written.
    pub(crate) fn begin_commit(&self) {
        self.state().begun += 1;
    }

    /// To be called once it can be read. A commit that failed never finishes: nothing is learnt
    /// from reads after it, and no commit follows that would ask.
    pub(crate) fn finish_commit(&self, written: impl IntoIterator<Item = (Key, u64)>) {
        let mut state = self.state();
        for (key, version) in written {
            state.known.insert(key, version);
        }
        state.finished = state.begun;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
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
        versions.begin_commit();
        let during = versions.before_read();
        versions.finish_commit([(key.clone(), 2)]);
        versions.learn(before, [(key.clone(), 1)]);
        versions.learn(during, [(key.clone(), 1)]);
        assert_eq!(known(&versions, &key), Some(2));

        let other = vec![2];
        versions.learn(versions.before_read(), [(other.clone(), 5)]);
        assert_eq!(known(&versions, &other), Some(5));
    }
}
