//! What the store has done since it was opened.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use acquaint_store::Figure;

/// Counts since the store was opened. Deltas tell what a stretch of work cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// Keys looked up or passed in a scan, found or not.
    pub keys_read: u64,
    /// Bytes of the keys and values found.
    pub bytes_read: u64,
    /// Keys written or removed.
    pub keys_written: u64,
    /// Bytes of the keys and values written.
    pub bytes_written: u64,
    /// Commits that succeeded.
    pub commits: u64,
    /// The longest of them, from its checks to its being on disk.
    pub longest_commit: Duration,
    /// Bytes on disk now, journals included.
    pub disk_bytes: u64,
}

/// The counters behind [`Stats`].
#[derive(Debug, Default)]
pub(crate) struct Counters {
    keys_read: AtomicU64,
    bytes_read: AtomicU64,
    keys_written: AtomicU64,
    bytes_written: AtomicU64,
    commits: AtomicU64,
    longest_commit_nanos: AtomicU64,
}

impl Counters {
    pub(crate) fn read(&self, bytes: usize) {
        self.keys_read.fetch_add(1, Relaxed);
        self.bytes_read.fetch_add(bytes as u64, Relaxed);
    }

    pub(crate) fn committed(&self, keys: usize, bytes: usize, took: Duration) {
        self.keys_written.fetch_add(keys as u64, Relaxed);
        self.bytes_written.fetch_add(bytes as u64, Relaxed);
        self.commits.fetch_add(1, Relaxed);
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.longest_commit_nanos.fetch_max(nanos, Relaxed);
    }

    pub(crate) fn figures(&self) -> Vec<Figure> {
        let figure = |name, help, counter: &AtomicU64| Figure { name, help, count: counter.load(Relaxed) };
        vec![
            figure("commits", "Commits that succeeded", &self.commits),
            figure("keys_read", "Keys looked up or passed in a scan", &self.keys_read),
            figure("bytes_read", "Bytes of the keys and values found", &self.bytes_read),
            figure("keys_written", "Keys written or removed", &self.keys_written),
            figure("bytes_written", "Bytes of the keys and values written", &self.bytes_written),
        ]
    }

    pub(crate) fn stats(&self, disk_bytes: u64) -> Stats {
        Stats {
            keys_read: self.keys_read.load(Relaxed),
            bytes_read: self.bytes_read.load(Relaxed),
            keys_written: self.keys_written.load(Relaxed),
            bytes_written: self.bytes_written.load(Relaxed),
            commits: self.commits.load(Relaxed),
            longest_commit: Duration::from_nanos(self.longest_commit_nanos.load(Relaxed)),
            disk_bytes,
        }
    }
}
