//! The application: the engine that batches commands into commits, and what reads beside it.
//!
//! [`Network`] is all that the server and the command line know. Commands go through its queue to
//! the [`engine`], which decides them with `acquaint_core` and commits them together; reads go to
//! the cache of committed rows and to the store.

mod advice;
pub mod audit;
mod cache;
mod calendar;
mod cleanup;
pub mod clock;
mod documents;
mod duties;
pub mod engine;
mod feed;
mod ids;
pub mod keys;
mod links;
mod metrics;
mod network;
pub mod outbox;
mod people;
mod privacy;
mod scheduler;
mod secret;
mod sessions;
mod skips;

pub use cleanup::{Choice, CleanupError, PlanChange};
pub use clock::Clock;
pub use duties::Duty;
pub use engine::{ClaimRequest, EngineConfig, Outcome, Request, SubmitError};
pub use feed::{Missed, Watch};
pub use ids::NoRandomness;
pub use links::{Link, LinkError, LinkUse, Links};
pub use network::{ClockError, Network, StartError};
pub use people::{Circle, Found, MayKnow, Mutual, SentSearch};
pub use privacy::Kept;
pub use secret::{CommunitySecret, SecretError};
pub use sessions::{Session, SessionRules, SessionText, Visit};
pub use skips::{MAX_SKIPPED, MAX_SKIPPED_TAGS, SkipError, SkipList};
