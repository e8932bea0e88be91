//! The one way to write: check, write as one batch, sync.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use acquaint_store::{StoreError, StoreResult};
use fjall::{AbstractTree, Database, Keyspace, PersistMode, Readable};

use crate::Inner;
use crate::changes::{Plan, Write};
use crate::codec;
use crate::error::{self, ReadError};
use crate::keys::{Key, MAX_KEY_BYTES};

/// Memtables that may wait to be written out before commits wait too. fjall itself waits at four,
/// in steps of 100 ms, and would wait for ever if the disk has failed; we never let it come to that.
const MAX_WAITING_MEMTABLES: usize = 3;
/// The same for unsorted runs of tables, where fjall waits at thirty.
const MAX_UNSORTED_RUNS: usize = 24;
/// How long to wait before looking again.
const BACKPRESSURE_PAUSE: Duration = Duration::from_millis(1);

/// What keeps commits apart, and from going on after one has failed.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    alone: Mutex<()>,
    failure: Mutex<Option<String>>,
}

impl Inner {
    /// Checks the plan and writes it, all of it or nothing; on disk when this returns.
    pub(crate) fn commit(&self, plan: &Plan) -> StoreResult<()> {
        let _alone = self.writer.alone.lock().unwrap_or_else(PoisonError::into_inner);
        let begun = now();
        self.health()?;
        if plan.writes.iter().any(|(key, _)| key.len() > MAX_KEY_BYTES) {
            return Err(StoreError::Failed("a name is longer than the store can keep: shorten it".into()));
        }
        self.check(plan)?;
        if plan.writes.is_empty() {
            return Ok(());
        }
        self.wait_for_room()?;
        self.write(plan)?;
        let bytes = plan.writes.iter().map(|(key, value)| key.len() + value.as_ref().map_or(0, Vec::len)).sum();
        self.counters.committed(plan.writes.len(), bytes, begun.elapsed());
        self.recorder.committed(&plan.writes, plan.events);
        Ok(())
    }

    /// Whether commits are accepted.
    pub(crate) fn health(&self) -> StoreResult<()> {
        if let Some(failure) = self.failure() {
            return Err(StoreError::Failed(failure));
        }
        // Writes nothing between commits; answers whether fjall's own threads have failed.
        self.database.persist(PersistMode::Buffer).map_err(|error| self.fail(&error))
    }

    /// Whether every row is of the version that the plan was decided on.
    fn check(&self, plan: &Plan) -> StoreResult<()> {
        let snapshot = self.published.get();
        for (key, expected, _) in &plan.rows {
            let version = match self.lately.version(key) {
                Some(version) => version,
                None => self.version(&snapshot, key).map_err(|error| self.errors.reading(error))?,
            };
            if version != *expected {
                return Err(StoreError::Conflict);
            }
        }
        for (key, expected) in &plan.unremembered {
            let version = self.unremembered(&snapshot, key, *expected).map_err(|error| self.errors.reading(error))?;
            if version != Some(*expected).filter(|version| *version > 0) {
                return Err(StoreError::Conflict);
            }
        }
        Ok(())
    }

    fn version(&self, snapshot: &fjall::Snapshot, key: &Key) -> Result<u64, ReadError> {
        if self.present.lacks(key) {
            return Ok(0);
        }
        let row = snapshot.get(&self.rows, key)?;
        self.counters.read(row.as_ref().map_or(0, |row| key.len() + row.len()));
        row.map_or(Ok(0), |row| Ok(codec::version(&row)?))
    }

    /// The version of a row that must be of that one; 0 means that any row at all is too much, also one
    /// that has no version.
    fn unremembered(&self, snapshot: &fjall::Snapshot, key: &Key, expected: u64) -> Result<Option<u64>, ReadError> {
        let row = snapshot.get(&self.rows, key)?;
        self.counters.read(row.as_ref().map_or(0, |row| key.len() + row.len()));
        let version = |row: &fjall::UserValue| if expected == 0 { Ok(0) } else { codec::version(row) };
        Ok(row.as_ref().map(version).transpose()?)
    }

    /// Waits until fjall has caught up with what it took on.
    fn wait_for_room(&self) -> StoreResult<()> {
        while self.rows.tree.sealed_memtable_count() >= MAX_WAITING_MEMTABLES
            || self.rows.tree.l0_run_count() >= MAX_UNSORTED_RUNS
        {
            self.health()?;
            #[expect(clippy::disallowed_methods, reason = "fjall tells nobody when a flush is done")]
            std::thread::sleep(BACKPRESSURE_PAUSE);
        }
        Ok(())
    }

    fn write(&self, plan: &Plan) -> StoreResult<()> {
        plan.new_rows().for_each(|key| self.present.add(key));
        self.lately.begin_commit(plan.rows.iter().map(|(key, _, version)| (key, *version, plan.value(key))));
        write_batch(&self.database, &self.rows, &plan.writes).map_err(|error| {
            let failed = self.fail(&error);
            match error {
                // Refused before anything was written.
                fjall::Error::Poisoned => failed,
                _ => StoreError::OutcomeUnknown(error::text(&failed)),
            }
        })?;
        self.published.renew(&self.database);
        self.lately.finish_commit();
        Ok(())
    }

    /// Remembers that writing failed: from here on every commit is refused, and reads go on. What
    /// the failed one left in the journal is settled when the directory is opened again.
    fn fail(&self, error: &fjall::Error) -> StoreError {
        let failed = self.errors.fjall("write to", error);
        self.writer.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error::text(&failed));
        failed
    }

    fn failure(&self) -> Option<String> {
        self.writer.failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Writes a batch and syncs it.
pub(crate) fn write_batch(database: &Database, rows: &Keyspace, writes: &[Write]) -> fjall::Result<()> {
    #[expect(clippy::disallowed_methods, reason = "this is the one place where batches are made")]
    let mut batch = database.batch().durability(Some(PersistMode::SyncData));
    for (key, value) in writes {
        match value {
            Some(value) => batch.insert(rows, key.as_slice(), value.as_slice()),
            None => batch.remove(rows, key.as_slice()),
        }
    }
    batch.commit()
}

/// When something began that is to be measured.
pub(crate) fn now() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "measures how long a commit takes")]
    Instant::now()
}
