//! A recording of what commands read and wrote, to be replayed against fjall alone.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::changes::Write;
use crate::keys::Key;

/// What was read by name and written, batch by batch.
#[derive(Debug, Clone, Default)]
pub struct Trace {
    pub(crate) batches: Vec<TraceBatch>,
}

impl Trace {
    /// How many batches were recorded.
    #[must_use]
    pub fn batches(&self) -> usize {
        self.batches.len()
    }

    /// How many events were written in them, by which commands can be counted.
    #[must_use]
    pub fn events(&self) -> usize {
        self.batches.iter().map(|batch| batch.events).sum()
    }
}

/// One commit, and what was read for it.
#[derive(Debug, Clone, Default)]
pub(crate) struct TraceBatch {
    pub(crate) reads: Vec<Key>,
    pub(crate) writes: Vec<Write>,
    pub(crate) events: usize,
}

/// Records, when asked to, the first batches; costs one flag otherwise.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    on: AtomicBool,
    recording: Mutex<Recording>,
}

#[derive(Debug, Default)]
struct Recording {
    trace: Trace,
    reads: Vec<Key>,
    /// Bytes that may still be kept.
    room: usize,
}

impl Recorder {
    /// Begins a new recording that keeps at most about that many bytes.
    pub(crate) fn start(&self, bytes: usize) {
        *self.recording() = Recording { room: bytes, ..Recording::default() };
        self.on.store(true, Ordering::Release);
    }

    /// Ends the recording and hands it over.
    pub(crate) fn take(&self) -> Trace {
        self.on.store(false, Ordering::Release);
        std::mem::take(&mut *self.recording()).trace
    }

    /// Notes a key that was read by name.
    pub(crate) fn read(&self, key: &[u8]) {
        if self.is_on() {
            let mut recording = self.recording();
            if recording.take_room(key.len()) {
                recording.reads.push(key.to_vec());
            }
        }
    }

    /// Notes a commit.
    pub(crate) fn committed(&self, writes: &[Write], events: usize) {
        if !self.is_on() {
            return;
        }
        let mut recording = self.recording();
        let bytes = writes.iter().map(|(key, value)| key.len() + value.as_ref().map_or(0, Vec::len)).sum();
        if recording.take_room(bytes) {
            let reads = std::mem::take(&mut recording.reads);
            recording.trace.batches.push(TraceBatch { reads, writes: writes.to_vec(), events });
        } else {
            self.on.store(false, Ordering::Release);
        }
    }

    fn is_on(&self) -> bool {
        self.on.load(Ordering::Acquire)
    }

    fn recording(&self) -> MutexGuard<'_, Recording> {
        self.recording.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Recording {
    /// Whether so many bytes may still be kept; if not, nothing more is.
    fn take_room(&mut self, bytes: usize) -> bool {
        self.room = self.room.saturating_sub(bytes);
        self.room > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recording_ends_when_it_is_full() {
        let recorder = Recorder::default();
        recorder.read(&[0]);
        recorder.start(10);
        recorder.read(&[1]);
        recorder.committed(&[(vec![2], Some(vec![3, 4])), (vec![5], None)], 1);
        recorder.committed(&[(vec![6; 20], None)], 1);
        recorder.committed(&[(vec![7], None)], 1);
        let trace = recorder.take();
        assert_eq!((trace.batches(), trace.events()), (1, 1));
        assert_eq!(trace.batches[0].reads, [vec![1]]);
        assert_eq!(recorder.take().batches(), 0);
    }
}
