//! What the outbox measures about itself.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64};

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::letters::Counted;

type Outcomes = Family<Vec<(&'static str, String)>, Counter<u64, AtomicU64>>;
type Gauges = Family<Vec<(&'static str, &'static str)>, Gauge<i64, AtomicI64>>;

/// Clones count together.
#[derive(Debug, Clone, Default)]
pub(crate) struct Measures {
    attempts: Outcomes,
    pending: Gauges,
    dead: Gauges,
    oldest: Gauges,
}

impl Measures {
    /// A delivery was attempted, or was not to be made.
    pub(super) fn settled(&self, channel: &str, outcome: &str) {
        let labels = vec![("channel", channel.to_owned()), ("outcome", outcome.to_owned())];
        self.attempts.get_or_create(&labels).inc();
    }

    /// So much there is at the moment.
    pub(super) fn counted(&self, counted: &BTreeMap<&'static str, Counted>) {
        for (&channel, counted) in counted {
            let set = |gauges: &Gauges, value: u64| {
                gauges.get_or_create(&vec![("channel", channel)]).set(i64::try_from(value).unwrap_or(i64::MAX));
            };
            set(&self.pending, counted.pending);
            set(&self.dead, counted.dead);
            set(&self.oldest, counted.oldest);
        }
    }

    pub(crate) fn register(&self, registry: &mut Registry) {
        let attempts = "Attempts at deliveries, and deliveries that were not wanted any more, by outcome";
        registry.register("delivery_attempts", attempts, self.attempts.clone());
        let pending = "Deliveries on their way, as far as they are counted (10,000), by the server that delivers";
        registry.register("deliveries_pending", pending, self.pending.clone());
        registry.register("dead_letters", "Deliveries that were given up (up to 10,000)", self.dead.clone());
        registry.register("delivery_oldest_seconds", "Age of the oldest delivery on its way", self.oldest.clone());
    }
}
