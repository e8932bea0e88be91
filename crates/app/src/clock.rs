//! What time it is: the one place that asks.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use acquaint_core::time::Time;

/// A clock. Clones show the same time.
#[derive(Debug, Clone)]
pub struct Clock(Source);

#[derive(Debug, Clone)]
enum Source {
    System,
    Settable(Arc<AtomicI64>),
}

impl Clock {
    /// The system's clock.
    #[must_use]
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that stands still until it is set.
    #[must_use]
    pub fn settable(start: Time) -> Self {
        Self(Source::Settable(Arc::new(AtomicI64::new(start.unix()))))
    }

    /// The time now.
    #[must_use]
    pub fn now(&self) -> Time {
        match &self.0 {
            Source::System => Time::from_unix(i64::try_from(system_millis() / 1_000).unwrap_or(i64::MAX)),
            Source::Settable(seconds) => Time::from_unix(seconds.load(Ordering::Acquire)),
        }
    }

    /// Milliseconds since the epoch, for identifiers.
    pub(crate) fn millis(&self) -> u64 {
        match &self.0 {
            Source::System => system_millis(),
            Source::Settable(_) => u64::try_from(self.now().unix()).unwrap_or(0) * 1_000,
        }
    }

    /// Whether it can be set, and stands still in between.
    #[must_use]
    pub fn is_settable(&self) -> bool {
        matches!(self.0, Source::Settable(_))
    }

    /// Sets a settable clock; the system's stays as it is.
    pub(crate) fn set(&self, to: Time) {
        if let Source::Settable(seconds) = &self.0 {
            seconds.store(to.unix(), Ordering::Release);
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the application's clock")]
fn system_millis() -> u64 {
    // A clock before 1970 is a broken one; the epoch stands in for it.
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Measures how long something took, for metrics alone.
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts to measure.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "a measurement, which no rule depends on")]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// Seconds since the start.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        self.0.elapsed().as_secs_f64()
    }
}
