//! Reads from replicas: pages of lists, from a standby that has got far enough.
//!
//! How far is judged by positions in the primary's log, which have one order whoever wrote. A standby
//! may answer if it has replayed the reader's own position, and one that the primary was seen at no
//! longer ago than the staleness that is allowed. It says in the same flight how far it is, before it
//! reads; replay only goes on, so what it then reads is at least as new. This process's own clock is the
//! only one that is looked at.
//!
//! Whatever is wrong with a replica, the primary answers instead. A replica that failed is left alone until
//! it was found to answer again.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use acquaint_store::{Position, StoreResult};
use tokio_postgres::types::PgLsn;

use crate::connection::{Pool, Reply, Step, borrow, pool};
use crate::error::{Reaction, Trouble};
use crate::inspect::Needs;
use crate::sql::Sql;
use crate::stats::Counters;
use crate::value::Fields;
use crate::{Address, Options, lock, monotonic};

/// How long a replica may take. Less than the primary, which is there to answer instead.
const PATIENCE: Duration = Duration::from_secs(1);

/// The replicas of a database.
pub(crate) struct Replicas {
    all: Vec<Arc<Replica>>,
    /// Whose turn it is.
    turn: AtomicUsize,
    staleness: Duration,
    /// Where the primary was, and when that was asked; the latest last.
    marks: Mutex<VecDeque<(Instant, PgLsn)>>,
}

struct Replica {
    name: String,
    pool: Pool,
    /// Failed, and was not found to answer since.
    is_away: AtomicBool,
    /// Somebody is looking whether it answers.
    is_sought: AtomicBool,
}

impl Replicas {
    pub(crate) fn new(options: &Options, counters: &Arc<Counters>) -> StoreResult<Self> {
        let less = Options { deadline: options.deadline.min(PATIENCE), ..options.clone() };
        let replica = |address: &Address| {
            let pool = pool(address, Needs::Copy, &less, counters)?;
            let (name, is_sought) = (address.to_string(), AtomicBool::default());
            // Until it was first looked at, in `look_for_the_lost`.
            Ok(Arc::new(Replica { name, pool, is_away: AtomicBool::new(true), is_sought }))
        };
        let all = options.replicas.iter().map(replica).collect::<StoreResult<_>>()?;
        Ok(Self { all, turn: AtomicUsize::default(), staleness: options.staleness, marks: Mutex::default() })
    }

    pub(crate) fn are_none(&self) -> bool {
        self.all.is_empty()
    }

    /// The primary was there at that moment, or is already further.
    pub(crate) fn mark(&self, asked: Instant, position: PgLsn) {
        self.fresh_marks(asked).push_back((asked, position));
    }

    /// The marks that are not older than what is allowed.
    fn fresh_marks(&self, now: Instant) -> MutexGuard<'_, VecDeque<(Instant, PgLsn)>> {
        let mut marks = lock(&self.marks);
        while marks.front().is_some_and(|(asked, _)| now.duration_since(*asked) > self.staleness) {
            marks.pop_front();
        }
        marks
    }

    /// What a replica must have replayed before it may answer now; `None` if nobody knows.
    fn required(&self, seen: Position, now: Instant) -> Option<PgLsn> {
        let marks = self.fresh_marks(now);
        marks.front().map(|(_, position)| (*position).max(PgLsn::from(seen.0)))
    }

    fn next(&self) -> Option<&Arc<Replica>> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let places = (0..self.all.len()).map(|offset| turn.wrapping_add(offset) % self.all.len());
        places.filter_map(|place| self.all.get(place)).find(|replica| !replica.is_away.load(Ordering::Relaxed))
    }

    /// What one of them answers to a reader who has seen that position; `None` if it must be the primary.
    pub(crate) async fn ask(&self, seen: Position, steps: &[Step<'_>]) -> Option<Vec<Reply>> {
        let required = self.required(seen, monotonic())?;
        let replica = self.next()?;
        match replica.ask(required, steps).await {
            Ok(replies) => replies,
            Err(trouble) => {
                tracing::warn!(replica = %replica.name, error = %trouble, "the primary answers for a replica");
                // What was in the way of its replay is tried elsewhere now, and may go well here the next time.
                if !matches!(trouble.reaction(), Reaction::Again | Reaction::Conflict) {
                    replica.is_away.store(true, Ordering::Relaxed);
                }
                None
            }
        }
    }

    /// Looks, without waiting for it, whether those that are away answer again.
    pub(crate) fn look_for_the_lost(&self) {
        for replica in self.all.iter().filter(|replica| replica.is_away.load(Ordering::Relaxed)) {
            if !replica.is_sought.swap(true, Ordering::Relaxed) {
                tokio::spawn(Arc::clone(replica).seek());
            }
        }
    }
}

impl Replica {
    /// `None` if it has not got there.
    async fn ask(&self, required: PgLsn, steps: &[Step<'_>]) -> Result<Option<Vec<Reply>>, Trouble> {
        let mut replies = borrow(&self.pool).await?.fly(steps).await?;
        let replayed = replayed(&replies.remove(0))?;
        Ok((replayed >= Some(required)).then_some(replies))
    }

    async fn seek(self: Arc<Self>) {
        match self.ask(PgLsn::from(0), &[replayed_step()]).await {
            Ok(_) => {
                tracing::info!(replica = %self.name, "reads may go to a replica");
                self.is_away.store(false, Ordering::Relaxed);
            }
            Err(error) => tracing::debug!(replica = %self.name, %error, "a replica does not answer"),
        }
        self.is_sought.store(false, Ordering::Relaxed);
    }
}

/// Asks a replica how far it is.
pub(crate) fn replayed_step() -> Step<'static> {
    Step::new(Sql::Replayed, Vec::new())
}

/// `None` if it is none.
fn replayed(reply: &Reply) -> Result<Option<PgLsn>, Trouble> {
    let row = reply.rows.first().map(|row| Fields::of(row).take::<Option<PgLsn>>());
    Ok(row.transpose()?.flatten())
}

/// Asks the primary how far it is, where there are replicas that may be behind.
pub(crate) fn position_step(replicas: &Replicas) -> Option<Step<'static>> {
    (!replicas.are_none()).then(|| Step::new(Sql::Position, Vec::new()))
}

/// How far the primary is, as it answered to that.
pub(crate) fn position(reply: &Reply) -> Result<Option<PgLsn>, Trouble> {
    Ok(reply.rows.first().map(|row| Fields::of(row).take()).transpose()?)
}
