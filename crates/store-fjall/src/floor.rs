//! The least that a commit can cost: the recorded reads and writes, on fjall alone. What the store
//! knew from memory is read too, as fjall alone has to.
//!
//! What the store and the engine take beyond this is ours to answer for.

use std::path::Path;
use std::time::Duration;

use acquaint_store::StoreResult;
use fjall::Readable;

use crate::commit::{now, write_batch};
use crate::error::Errors;
use crate::open::{self, Options};
use crate::trace::Trace;

/// What a replay took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FloorReport {
    /// Batches replayed, each synced.
    pub batches: usize,
    /// Events among the writes, by which commands can be counted.
    pub events: usize,
    /// Keys looked up.
    pub keys_read: usize,
    /// Keys written or removed.
    pub keys_written: usize,
    /// From the first read to the last sync.
    pub took: Duration,
    /// The longest commit.
    pub longest_commit: Duration,
}

impl FloorReport {
    /// Events a second, the trace's measure of commands.
    #[must_use]
    pub fn events_per_second(&self) -> f64 {
        let events = u32::try_from(self.events).unwrap_or(u32::MAX);
        f64::from(events) / self.took.as_secs_f64().max(f64::MIN_POSITIVE)
    }
}

/// Replays a trace on fjall alone, with the store's own options.
///
/// `directory` is empty, or a copy of the store's directory from before the recording, so that the
/// reads find what they found then. It is written to: never name one that is still wanted.
///
/// # Errors
/// The directory cannot be opened, read or written.
pub fn run(directory: &Path, trace: &Trace, options: &Options) -> StoreResult<FloorReport> {
    let errors = Errors::new(directory);
    let (database, rows) = open::bare(directory, options).map_err(|error| errors.fjall("open", &error))?;
    let mut report = FloorReport {
        batches: trace.batches(),
        events: trace.events(),
        keys_read: 0,
        keys_written: 0,
        took: Duration::ZERO,
        longest_commit: Duration::ZERO,
    };
    let begun = now();
    for batch in &trace.batches {
        #[expect(clippy::disallowed_methods, reason = "nothing is written meanwhile")]
        let snapshot = database.snapshot();
        for key in &batch.reads {
            let found = snapshot.get(&rows, key).map_err(|error| errors.fjall("read", &error))?;
            std::hint::black_box(found);
        }
        let committing = now();
        write_batch(&database, &rows, &batch.writes).map_err(|error| errors.fjall("write to", &error))?;
        report.longest_commit = report.longest_commit.max(committing.elapsed());
        report.keys_read += batch.reads.len();
        report.keys_written += batch.writes.len();
    }
    report.took = begun.elapsed();
    Ok(report)
}
