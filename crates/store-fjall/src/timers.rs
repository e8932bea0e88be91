//! Where the timers begin.
//!
//! A timer that is done leaves a mark in the tree until compaction drops it, and the first timer is
//! found only behind all such marks: 64 ms after a hundred thousand. So we remember a key before
//! which no timer stands, and look from there.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::keys::Key;

/// A key before which no committed timer stands.
#[derive(Debug, Default)]
pub(crate) struct FirstTimer {
    /// Held while the first timer is looked for, so that only one search raises the floor.
    search: Mutex<()>,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    floor: Key,
    /// The lowest timer committed since the running search began: it may not have seen that one.
    lowest_since: Option<Key>,
}

impl FirstTimer {
    /// From where to look.
    pub(crate) fn floor(&self) -> Key {
        self.known().floor.clone()
    }

    /// Notes that this timer was committed. To be called after the commit and before its caller is
    /// answered.
    pub(crate) fn lower(&self, timer: &Key) {
        let mut known = self.known();
        if *timer < known.floor {
            known.floor.clone_from(timer);
        }
        if known.lowest_since.as_ref().is_none_or(|lowest| timer < lowest) {
            known.lowest_since = Some(timer.clone());
        }
    }

    /// Runs a search for the first timer from the floor on, and raises the floor to what it finds.
    /// The search must see everything that was committed before it began.
    pub(crate) fn find<E>(&self, search: impl FnOnce(Key) -> Result<Option<Key>, E>) -> Result<Option<Key>, E> {
        let _alone = self.search.lock().unwrap_or_else(PoisonError::into_inner);
        let from = {
            let mut known = self.known();
            known.lowest_since = None;
            known.floor.clone()
        };
        let found = search(from)?;
        if let Some(first) = &found {
            let mut known = self.known();
            let lowest = known.lowest_since.take();
            known.floor = lowest.filter(|lowest| lowest < first).unwrap_or_else(|| first.clone());
        }
        Ok(found)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_floor_follows_the_first_timer_up_and_down() {
        let timers = FirstTimer::default();
        let found = timers.find(|from| Ok::<_, ()>((from <= vec![5]).then(|| vec![5])));
        assert_eq!((found, timers.floor()), (Ok(Some(vec![5])), vec![5]));
        timers.lower(&vec![7]);
        assert_eq!(timers.floor(), vec![5]);
        timers.lower(&vec![3]);
        assert_eq!(timers.floor(), vec![3]);
    }

    #[test]
    fn a_timer_committed_during_a_search_is_not_lost() {
        let timers = FirstTimer::default();
        let found = timers.find(|_| {
            timers.lower(&vec![2]);
            Ok::<_, ()>(Some(vec![9]))
        });
        assert_eq!((found, timers.floor()), (Ok(Some(vec![9])), vec![2]));
    }
}
