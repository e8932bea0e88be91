//! The engine: commands queue, are decided together and committed together.
//!
//! Two threads work on every batch, one after the other, so that one batch is decided while the
//! one before it reaches the disk:
//!
//! 1. `decider` takes what waits in the queue (bounded), reads the facts of all in one go, and
//!    decides one command after the other, each seeing those before it;
//! 2. `committer` writes the batch, publishes its rows to the cache, and answers.
//!
//! Nothing is answered, and nothing can be read, before it is committed. A commit that fails takes
//! with it the batches that were decided on top of it; their commands are decided again, in halves,
//! so that one bad command fails alone.

mod committer;
mod decider;
mod overlay;

use std::sync::Arc;
use std::thread::JoinHandle;

use acquaint_core::command::Command;
use acquaint_core::decide::Answer;
use acquaint_core::policy::Policy;
use acquaint_core::refusal::Refusal;
use acquaint_core::time::Span;
use acquaint_store::{ClaimName, Store, StoreError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};

use crate::cache::MemberCache;
use crate::clock::Clock;
use crate::ids::IdSource;
use crate::metrics::Metrics;

/// How much the engine may hold.
#[derive(Debug, Clone, Copy)]
pub struct EngineConfig {
    /// Commands that may wait or be under way; more are turned away. At least 1.
    pub queue: usize,
    /// Commands in one commit, at most. At least 1.
    pub batch: usize,
    /// Memory for committed members, in bytes.
    pub cache_bytes: u64,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self { queue: 16_384, batch: 1_024, cache_bytes: 98 << 20 }
    }
}

/// A command, and the idempotency key that it came with.
#[derive(Debug, Clone)]
pub struct Request {
    /// What is to be done.
    pub command: Command,
    /// The key that the caller chose, if any.
    pub claim: Option<ClaimRequest>,
}

/// An idempotency key, and a digest of what it is used for.
#[derive(Debug, Clone)]
pub struct ClaimRequest {
    /// Which key.
    pub name: ClaimName,
    /// A digest of the request: the same key with another digest is refused.
    pub fingerprint: [u8; 16],
}

/// What became of a command that was carried out or refused.
pub type Outcome = Result<Result<Answer, Refusal>, SubmitError>;

/// Why a command was neither carried out nor refused.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SubmitError {
    /// The queue is full.
    #[error("too many commands are waiting")]
    Overloaded {
        /// When to try again.
        retry_after: Span,
    },
    /// The idempotency key was used for something else.
    #[error("the idempotency key was used for another request")]
    IdempotencyMismatch,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The engine has stopped.
    #[error("the engine has stopped")]
    Stopped,
}

/// One entry of the queue: commands that are answered together; none at all is a beat.
struct Submission {
    requests: Vec<Request>,
    reply: oneshot::Sender<Vec<Outcome>>,
    room: OwnedSemaphorePermit,
}

/// A running engine. Dropping it stops the engine; `Threads::join` waits until it has.
#[derive(Debug)]
pub struct Engine {
    queue: mpsc::UnboundedSender<Submission>,
    room: Arc<Semaphore>,
    capacity: usize,
    metrics: Metrics,
}

/// The engine's threads, to be waited for.
pub(crate) struct Threads(Vec<JoinHandle<()>>);

/// What both threads need.
pub(crate) struct Shared {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) cache: Arc<MemberCache>,
    pub(crate) policy: watch::Receiver<Arc<Policy>>,
    pub(crate) clock: Clock,
    pub(crate) metrics: Metrics,
}

impl Engine {
    /// Starts the engine's threads. Must be called within a tokio runtime, which drives the store.
    ///
    /// # Errors
    /// If the system gives no more threads.
    pub(crate) fn start(shared: Shared, ids: IdSource, config: EngineConfig) -> std::io::Result<(Self, Threads)> {
        let (queue, waiting) = mpsc::unbounded_channel();
        let (decided, to_commit) = mpsc::channel(1);
        let (report, reports) = mpsc::unbounded_channel();
        let metrics = shared.metrics.clone();
        let shared = Arc::new(shared);
        let runtime = tokio::runtime::Handle::current();
        let decider = decider::Decider::new(Arc::clone(&shared), ids, config.batch.max(1), waiting, decided, reports);
        let committer = committer::Committer::new(shared, to_commit, report);
        let (decider_runtime, committer_runtime) = (runtime.clone(), runtime);
        let threads = vec![
            spawn("decider", move || decider_runtime.block_on(decider.run()))?,
            spawn("committer", move || committer_runtime.block_on(committer.run()))?,
        ];
        let capacity = config.queue.clamp(1, Semaphore::MAX_PERMITS);
        Ok((Self { queue, room: Arc::new(Semaphore::new(capacity)), capacity, metrics }, Threads(threads)))
    }

    /// Queues commands and waits for what becomes of them, in their order. Each stands on its own.
    ///
    /// # Errors
    /// [`SubmitError::Overloaded`] if there is no room for them, [`SubmitError::Stopped`].
    pub(crate) async fn submit_all(&self, requests: Vec<Request>) -> Result<Vec<Outcome>, SubmitError> {
        if requests.is_empty() {
            return Ok(Vec::new());
        }
        let answers = self.enqueue(requests)?;
        answers.await.map_err(|_| SubmitError::Stopped)
    }

    /// Lets those who follow the events of all engines know how far this one has come, also while
    /// nothing happens here.
    ///
    /// # Errors
    /// [`SubmitError::Stopped`]. That the store failed is not one: the next beat says the same.
    pub(crate) async fn beat(&self) -> Result<(), SubmitError> {
        self.enqueue(Vec::new())?.await.map(drop).map_err(|_| SubmitError::Stopped)
    }

    /// Whether somebody waits for an answer.
    pub(crate) fn is_busy(&self) -> bool {
        self.room.available_permits() < self.capacity
    }

    fn enqueue(&self, requests: Vec<Request>) -> Result<oneshot::Receiver<Vec<Outcome>>, SubmitError> {
        let size = requests.len().min(self.capacity);
        let permits = u32::try_from(size).unwrap_or(u32::MAX);
        let Ok(room) = Arc::clone(&self.room).try_acquire_many_owned(permits) else {
            self.metrics.overloaded.inc_by(u64::from(permits));
            return Err(SubmitError::Overloaded { retry_after: Span::seconds(1) });
        };
        let (reply, answers) = oneshot::channel();
        self.metrics.queue_depth.inc_by(i64::from(permits));
        self.queue.send(Submission { requests, reply, room }).map_err(|_| SubmitError::Stopped)?;
        Ok(answers)
    }
}

impl Threads {
    /// Waits until what was queued is committed and answered, and the threads have ended. The
    /// [`Engine`] must have been dropped.
    pub(crate) fn join(self) {
        for thread in self.0 {
            if thread.join().is_err() {
                tracing::error!("a thread of the engine panicked");
            }
        }
    }
}

fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name(format!("engine-{name}")).spawn(body)
}
