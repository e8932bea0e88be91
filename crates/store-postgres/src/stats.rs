//! What a store counts about its dealings with the database.

use std::sync::atomic::{AtomicU64, Ordering};

use acquaint_store::Figure;

/// What a store has done since it was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// Connections made.
    pub connections: u64,
    /// Transactions that were tried again because another one was in their way.
    pub retries: u64,
    /// Statements that were not answered in time.
    pub overruns: u64,
    /// Commits whose connection was lost on the way to the answer, and of which it was then found
    /// out whether they took place.
    pub settled: u64,
    /// Times that this process was registered among those that commit.
    pub registrations: u64,
    /// Reads that a replica answered.
    pub replica_reads: u64,
    /// Reads that a replica might have answered, and the primary did.
    pub replica_misses: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    connections: AtomicU64,
    retries: AtomicU64,
    overruns: AtomicU64,
    settled: AtomicU64,
    registrations: AtomicU64,
    replica_reads: AtomicU64,
    replica_misses: AtomicU64,
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

impl Counters {
    pub(crate) fn connected(&self) {
        count(&self.connections);
    }

    pub(crate) fn retried(&self) {
        count(&self.retries);
    }

    pub(crate) fn overran(&self) {
        count(&self.overruns);
    }

    pub(crate) fn settled(&self) {
        count(&self.settled);
    }

    pub(crate) fn registered(&self) {
        count(&self.registrations);
    }

    pub(crate) fn answered_by_replica(&self) {
        count(&self.replica_reads);
    }

    pub(crate) fn missed_by_replicas(&self) {
        count(&self.replica_misses);
    }

    pub(crate) fn figures(&self) -> Vec<Figure> {
        let Stats { connections, retries, overruns, settled, registrations, replica_reads, replica_misses } =
            self.stats();
        let figure = |name, help, count| Figure { name, help, count };
        vec![
            figure("connections", "Connections made to the database", connections),
            figure("retries", "Transactions tried again because another one was in their way", retries),
            figure("overruns", "Statements that were not answered in time", overruns),
            figure("settled", "Commits whose answer was lost, and of which it was then found out", settled),
            figure("registrations", "Times that this server was registered among those that commit", registrations),
            figure("replica_reads", "Reads that a replica answered", replica_reads),
            figure("replica_misses", "Reads that a replica might have answered, and the primary did", replica_misses),
        ]
    }

    pub(crate) fn stats(&self) -> Stats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Stats {
            connections: read(&self.connections),
            retries: read(&self.retries),
            overruns: read(&self.overruns),
            settled: read(&self.settled),
            registrations: read(&self.registrations),
            replica_reads: read(&self.replica_reads),
            replica_misses: read(&self.replica_misses),
        }
    }
}
