//! The one way to commit: a flight with everything, one look at the counts, COMMIT.
//!
//! Nothing is locked up front. Each row is written on the condition that it is of the version that
//! the change was decided on, and each statement says how many rows it touched; a count that is too
//! low is a conflict. An outcome that is not known is found out before anybody is told anything.

use std::sync::atomic::Ordering;
use std::time::Duration;

use acquaint_store::{Changes, StoreError, StoreResult};
use rand::RngExt as _;
use uuid::Uuid;

use crate::connection::{Connection, Reply, Step, borrow, param};
use crate::error::{Reaction, Trouble};
use crate::plan::Plan;
use crate::servers::{Seat, Session};
use crate::sql::Sql;
use crate::value::Fields;
use crate::{PostgresStore, monotonic, replicas};

/// How often a transaction is tried again when another one was in its way.
const RETRIES: u32 = 5;
/// The longest first pause before that; it doubles each time.
const PAUSE: Duration = Duration::from_millis(4);
/// The pause between two attempts to find out what became of a commit.
const SETTLING_PAUSE: Duration = Duration::from_millis(50);

/// How an attempt to commit ended.
enum Attempt {
    Committed,
    /// A row has moved.
    Conflict,
    /// This process was taken for dead.
    Fenced,
    /// Certainly nothing was written.
    Refused(Trouble),
    /// The answer to COMMIT was lost.
    Unknown(Trouble),
}

impl PostgresStore {
    pub(crate) async fn do_commit(&self, changes: &Changes) -> StoreResult<()> {
        if changes.is_empty() {
            return Ok(());
        }
        let mut seat = self.seat.lock().await;
        let first = changes.events.first().map(|event| just_before(event.id.0));
        let promise = changes.promise.filter(|_| first.is_none()).map(|promise| promise.0);
        self.sit_down(&mut seat, first.or(promise)).await?;
        // Made before this process knew what others had written.
        let floor = self.floor();
        if changes.events.iter().any(|event| Some(event.id.0) <= floor) {
            return Err(StoreError::Conflict);
        }
        self.commit_from(&mut seat, changes).await
    }

    async fn commit_from(&self, seat: &mut Seat, changes: &Changes) -> StoreResult<()> {
        let last = changes.events.iter().map(|event| event.id).max();
        let complete = last.max(changes.promise).map_or(seat.complete, |id| id.0.max(seat.complete));
        let plan = Plan::of_changes(changes, complete).map_err(Trouble::from)?;
        let mut retries = self.retries();
        loop {
            match self.attempt(seat, &plan, complete, last.is_some()).await {
                Attempt::Committed => return Ok(()),
                Attempt::Conflict => return Err(StoreError::Conflict),
                Attempt::Fenced => {
                    seat.session = None;
                    return Err(StoreError::Conflict);
                }
                Attempt::Refused(trouble) if retries.again(&trouble).await => {}
                Attempt::Refused(trouble) => {
                    if matches!(trouble, Trouble::Deadline(_)) {
                        // What is left of it on a frozen server may hold this process's row for long.
                        seat.session = None;
                    }
                    return Err(trouble.into());
                }
                Attempt::Unknown(trouble) => return self.settle(seat, complete, &trouble).await,
            }
        }
    }

    async fn attempt(&self, seat: &mut Seat, plan: &Plan<'_>, complete: Uuid, has_events: bool) -> Attempt {
        let Some(Session { name, commits }) = &seat.session else { return Attempt::Fenced };
        let mut connection = match borrow(&self.pool).await {
            Ok(connection) => connection,
            Err(trouble) => return Attempt::Refused(trouble),
        };
        // Where a commit is seen on one node before another, what it carries is promised by the next.
        let promised = if connection.is_distributed && has_events { seat.complete } else { complete };
        let fence = vec![param(name), param(commits + 1), param(promised)];
        let mut steps = vec![Step::new(Sql::Begin, Vec::new()), Step::new(Sql::Fence, fence)];
        steps.extend(plan.steps());
        let sent = send(&mut connection, &steps).await;
        drop(steps);
        if let Err(refused) = sent {
            connection.roll_back().await;
            return refused;
        }
        let mut end = vec![Step::new(Sql::Commit, Vec::new())];
        end.extend(replicas::position_step(&self.replicas));
        match connection.fly(&end).await {
            Ok(replies) => {
                seat.advance(complete);
                self.passed(replies.get(1));
                Attempt::Committed
            }
            Err(trouble) if trouble.is_certain() => Attempt::Refused(trouble),
            Err(trouble) => Attempt::Unknown(trouble),
        }
    }

    /// Finds out whether the commit after the last one known took place.
    async fn settle(&self, seat: &mut Seat, complete: Uuid, trouble: &Trouble) -> StoreResult<()> {
        tracing::warn!(error = %trouble, "the answer to a commit was lost");
        // Without an answer this process is a stranger to its own row.
        let Some(session) = seat.session.take() else { return Err(StoreError::Conflict) };
        let begun = monotonic();
        // An update of the row waits until whatever still holds it is over.
        let mut beat = vec![Step::new(Sql::Beat, vec![param(&session.name)])];
        beat.extend(replicas::position_step(&self.replicas));
        let found = loop {
            match self.run(&beat).await {
                Ok(replies) => {
                    self.passed(replies.get(1));
                    break commits(&replies);
                }
                Err(_) if begun.elapsed() < self.settling => self.pause(SETTLING_PAUSE).await,
                Err(error) => {
                    tracing::warn!(%error, "what became of a commit could not be found out");
                    break None;
                }
            }
        };
        let (before, after) = (session.commits, session.commits + 1);
        drop(beat);
        match found {
            Some(commits) if commits == after => {
                seat.session = Some(session);
                seat.advance(complete);
            }
            Some(commits) if commits == before => seat.session = Some(session),
            // The row was removed: nobody knows any more.
            _ => return Err(StoreError::OutcomeUnknown(trouble.to_string())),
        }
        self.counters.settled();
        if found == Some(after) { Ok(()) } else { Err(StoreError::Unavailable(trouble.to_string())) }
    }

    /// What this process committed lies before the place that was answered.
    fn passed(&self, reply: Option<&Reply>) {
        // Whether it could be read does not change what was committed; the next commit tells again.
        if let Some(Ok(Some(position))) = reply.map(replicas::position) {
            self.position.fetch_max(position.into(), Ordering::Relaxed);
        }
    }

    /// Runs statements that may be run again, each on its own or all in one transaction.
    pub(crate) async fn run(&self, steps: &[Step<'_>]) -> StoreResult<Vec<Reply>> {
        let mut retries = self.retries();
        loop {
            let outcome = match borrow(&self.pool).await {
                Ok(mut connection) => connection.fly(steps).await,
                Err(trouble) => Err(trouble),
            };
            match outcome {
                Ok(replies) => return Ok(replies),
                Err(trouble) if retries.again(&trouble).await => {}
                Err(trouble) => return Err(trouble.into()),
            }
        }
    }

    fn retries(&self) -> Retries<'_> {
        Retries { store: self, left: RETRIES, pause: PAUSE }
    }

    /// Waits for up to twice that time, at random, so that two that were in each other's way part.
    async fn pause(&self, about: Duration) {
        let share = self.random().random_range(0.0..2.0);
        #[expect(clippy::disallowed_methods, reason = "the pause is what keeps two transactions apart")]
        tokio::time::sleep(about.mul_f64(share)).await;
    }
}

/// The one way to try a transaction again: bounded, after a random pause, counted.
struct Retries<'a> {
    store: &'a PostgresStore,
    left: u32,
    pause: Duration,
}

impl Retries<'_> {
    /// Whether to try again; if so, after the pause.
    async fn again(&mut self, trouble: &Trouble) -> bool {
        if trouble.reaction() != Reaction::Again || self.left == 0 {
            return false;
        }
        self.store.counters.retried();
        self.store.pause(self.pause).await;
        self.left -= 1;
        self.pause *= 2;
        true
    }
}

/// Sends everything but COMMIT, and looks at the counts.
async fn send(connection: &mut Connection, steps: &[Step<'_>]) -> Result<(), Attempt> {
    let replies = connection.fly(steps).await.map_err(|trouble| match trouble.reaction() {
        Reaction::Conflict => Attempt::Conflict,
        _ => Attempt::Refused(trouble),
    })?;
    for (step, reply) in steps.iter().zip(&replies) {
        if step.sql == Sql::Fence && reply.touched == 0 {
            return Err(Attempt::Fenced);
        }
        if step.touches.is_some_and(|rows| rows != reply.touched) {
            return Err(Attempt::Conflict);
        }
    }
    Ok(())
}

fn commits(replies: &[Reply]) -> Option<i64> {
    let row = replies.first()?.rows.first()?;
    Fields::of(row).take().ok()
}

/// The id before this one.
fn just_before(id: Uuid) -> Uuid {
    Uuid::from_u128(id.as_u128().saturating_sub(1))
}
