//! The second thread: writes a batch, publishes its rows, answers.

use std::sync::Arc;

use acquaint_store::{Changes, StoreError, StoreResult};
use tokio::sync::mpsc;

use super::decider::{Batch, Job, Report};
use super::{Outcome, Shared};
use crate::clock::Stopwatch;

pub(super) struct Committer {
    shared: Arc<Shared>,
    decided: mpsc::Receiver<Batch>,
    reports: mpsc::UnboundedSender<Report>,
    /// Commits that failed; what was decided before the last failure is void.
    failures: u64,
}

impl Committer {
    pub(super) fn new(
        shared: Arc<Shared>,
        decided: mpsc::Receiver<Batch>,
        reports: mpsc::UnboundedSender<Report>,
    ) -> Self {
        Self { shared, decided, reports, failures: 0 }
    }

    /// Works until there are no more batches.
    pub(super) async fn run(mut self) {
        while let Some(batch) = self.decided.recv().await {
            let report = if batch.failures == self.failures {
                self.commit(batch).await
            } else {
                Report::Void(batch.jobs.into_iter().map(|(job, _)| job).collect())
            };
            self.report(report);
        }
    }

    async fn commit(&mut self, batch: Batch) -> Report {
        if batch.commands > 0 {
            self.shared.metrics.batch_size.observe(count(batch.commands));
        }
        match self.write(&batch.changes).await {
            Ok(()) => {
                self.publish(&batch.changes);
                answer(batch.jobs, batch.changes);
                Report::Committed(batch.number)
            }
            Err(error) => {
                self.failures += 1;
                Report::Failed(recover(batch.jobs.into_iter().map(|(job, _)| job).collect(), &error))
            }
        }
    }

    fn report(&self, report: Report) {
        if !matches!(report, Report::Committed(_)) {
            self.shared.metrics.retries.inc();
        }
        // The first thread waits for every report before it ends; if it panicked, the jobs are
        // dropped, and those who wait are told that the engine has stopped.
        let _ = self.reports.send(report);
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
        changes.members.iter().for_each(|change| self.shared.cache.put_member(change.row()));
    }
}

/// Answers on a thread of the runtime, where those who wait are woken cheaply, so that the next
/// commit need not wait for them. What was written is let go of there, too.
fn answer(jobs: Vec<(Job, Vec<Outcome>)>, written: Changes) {
    tokio::spawn(async move {
        for (job, outcomes) in jobs {
            job.answer(outcomes);
        }
        drop(written);
    });
}

/// Answers the jobs of a failed batch that cannot be tried again; the others come back in halves,
/// so that the one to blame, if there is one, fails alone.
fn recover(mut jobs: Vec<Job>, error: &StoreError) -> Vec<Vec<Job>> {
    tracing::warn!(%error, jobs = jobs.len(), "a commit failed");
    let given_up: Vec<Job> = jobs.extract_if(.., |job| !job.may_try_again(error)).collect();
    for job in given_up {
        job.fail(error);
    }
    for job in &mut jobs {
        job.attempts += 1;
    }
    let second = jobs.split_off(jobs.len() / 2);
    [jobs, second].into_iter().filter(|half| !half.is_empty()).collect()
}

#[expect(clippy::cast_precision_loss, reason = "a batch has far fewer commands than a float counts exactly")]
fn count(commands: usize) -> f64 {
    commands as f64
}
