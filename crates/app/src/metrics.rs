//! What the application measures about itself.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64};

use acquaint_core::refusal::Code;
use acquaint_store::{Figure, Store};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use crate::outbox::measures::Measures;

type Labelled = Family<Vec<(&'static str, &'static str)>, Counter<u64, AtomicU64>>;

/// Counters and histograms of the engine. Clones count together.
#[derive(Debug, Clone)]
pub(crate) struct Metrics {
    pub(crate) queue_depth: Gauge<i64, AtomicI64>,
    pub(crate) batch_size: Histogram,
    pub(crate) commit_seconds: Histogram,
    pub(crate) overloaded: Counter,
    pub(crate) retries: Counter,
    pub(crate) reminders_and_endings: Counter,
    pub(crate) outbox: Measures,
    refusals: Vec<(Code, Counter)>,
    refusals_family: Labelled,
}

impl Default for Metrics {
    fn default() -> Self {
        let refusals_family = Labelled::default();
        let refusals = Code::ALL
            .into_iter()
            .map(|code| (code, refusals_family.get_or_create(&vec![("code", code.name())]).clone()))
            .collect();
        Self {
            queue_depth: Gauge::default(),
            batch_size: Histogram::new(exponential_buckets(1.0, 2.0, 12)),
            commit_seconds: Histogram::new(exponential_buckets(0.000_1, 2.0, 15)),
            overloaded: Counter::default(),
            retries: Counter::default(),
            reminders_and_endings: Counter::default(),
            outbox: Measures::default(),
            refusals,
            refusals_family,
        }
    }
}

impl Metrics {
    pub(crate) fn refused(&self, code: Code) {
        if let Some((_, counter)) = self.refusals.iter().find(|(known, _)| *known == code) {
            counter.inc();
        }
    }

    pub(crate) fn register(&self, registry: &mut Registry) {
        let registry = registry.sub_registry_with_prefix("acquaint");
        registry.register("queue_depth", "Commands waiting for the engine", self.queue_depth.clone());
        registry.register("batch_size", "Commands in one commit", self.batch_size.clone());
        registry.register("commit_seconds", "Duration of one commit in the store", self.commit_seconds.clone());
        registry.register("overloaded", "Commands turned away because the queue was full", self.overloaded.clone());
        registry.register("commit_retries", "Batches decided again after a commit failed", self.retries.clone());
        registry.register("timers", "Reminders and endings carried out", self.reminders_and_endings.clone());
        registry.register("refusals", "Commands refused, by code", self.refusals_family.clone());
        self.outbox.register(registry);
    }
}

/// What the store has counted, read when somebody asks.
pub(crate) struct StoreFigures(pub(crate) Arc<dyn Store>);

impl fmt::Debug for StoreFigures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("StoreFigures").field(&self.0.name()).finish()
    }
}

impl Collector for StoreFigures {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for Figure { name, help, count } in self.0.figures() {
            let (name, counter) = (format!("acquaint_store_{name}"), ConstCounter::new(count));
            counter.encode(encoder.encode_descriptor(&name, help, None, counter.metric_type())?)?;
        }
        Ok(())
    }
}
