//! The second thread: writes a batch, publishes its rows, answers.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use acquaint_core::member::Member;
use acquaint_core::relation::Relation;
use acquaint_store::{Changes, StoreError, StoreResult};
use tokio::sync::mpsc;

use super::Shared;
use super::decider::{Batch, Job, split};
use crate::clock::Stopwatch;

pub(super) struct Committer {
    shared: Arc<Shared>,
    decided: mpsc::Receiver<Batch>,
    failed: std::sync::mpsc::Sender<Vec<Job>>,
}

impl Committer {
    pub(super) fn new(
        shared: Arc<Shared>,
        decided: mpsc::Receiver<Batch>,
        failed: std::sync::mpsc::Sender<Vec<Job>>,
    ) -> Self {
        Self { shared, decided, failed }
    }

    /// Works until there are no more batches.
    pub(super) async fn run(mut self) {
        while let Some(batch) = self.decided.recv().await {
            if batch.failures == self.shared.failures.load(Ordering::Acquire) {
                self.commit(batch).await;
            } else {
                // It was decided on rows that were never committed.
                self.hand_back(batch.jobs.into_iter().map(|(job, _)| job).collect());
            }
        }
    }

    async fn commit(&self, batch: Batch) {
        let metrics = &self.shared.metrics;
        metrics.batch_size.observe(count(batch.commands));
        match self.write(&batch.changes).await {
            Ok(()) => {
                self.publish(&batch.changes);
                self.shared.committed.store(batch.number, Ordering::Release);
                for (job, outcomes) in batch.jobs {
                    job.answer(outcomes);
                }
            }
            Err(error) => {
                self.shared.failures.fetch_add(1, Ordering::AcqRel);
                self.recover(batch.jobs.into_iter().map(|(job, _)| job).collect(), &error);
            }
        }
    }

    async fn write(&self, changes: &Changes) -> StoreResult<()> {
        if changes.is_empty() {
            return Ok(());
        }
        let watch = Stopwatch::start();
        let result = self.shared.store.commit(changes).await;
        self.shared.metrics.commit_seconds.observe(watch.seconds());
        result
    }

    /// Makes the committed rows known to those who read beside the engine.
    fn publish(&self, changes: &Changes) {
        for change in &changes.members {
            let row = change.after.clone();
            self.shared.cache.put_member(row.unwrap_or_else(|| Arc::new(Member::new(change.before.id.clone()))));
        }
        for change in &changes.relations {
            let row = change.after().cloned();
            self.shared.cache.put_relation(row.unwrap_or_else(|| Arc::new(Relation::new(change.before.pair.clone()))));
        }
    }

    /// Decides what becomes of the jobs of a batch that was not committed.
    fn recover(&self, mut jobs: Vec<Job>, error: &StoreError) {
        tracing::warn!(%error, jobs = jobs.len(), "a commit failed");
        let again = |job: &Job| match error {
            StoreError::Conflict | StoreError::Unavailable(_) => job.may_try_again(),
            StoreError::OutcomeUnknown(_) => job.is_claimed() && job.may_try_again(),
            StoreError::Failed(_) => false,
        };
        let given_up: Vec<Job> = jobs.extract_if(.., |job| !again(job)).collect();
        for job in given_up {
            job.fail(error);
        }
        for job in &mut jobs {
            job.attempts += 1;
        }
        for half in split(jobs) {
            self.hand_back(half);
        }
    }

    fn hand_back(&self, jobs: Vec<Job>) {
        self.shared.metrics.retries.inc();
        if let Err(unsent) = self.failed.send(jobs) {
            // The first thread has ended: there is nobody left to decide them.
            let stopped = StoreError::Unavailable("the engine has stopped".into());
            unsent.0.into_iter().for_each(|job| job.fail(&stopped));
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a batch has far fewer commands than a float counts exactly")]
fn count(commands: usize) -> f64 {
    commands as f64
}
