//! The one way to commit: a flight with everything, COMMIT among it.
//!
//! Nothing is locked up front. Each row is written on the condition that it is of the version that
//! the change was decided on, and a statement that finds fewer such rows is refused, and with it
//! COMMIT. Where tables are spread over nodes, the counts are looked at here, before COMMIT is sent.
//! An outcome that is not known is found out before anybody is told anything.

use std::sync::atomic::Ordering;
use std::time::Duration;

use acquaint_store::{Changes, StoreError, StoreResult};
use rand::RngExt as _;
use uuid::Uuid;

use crate::connection::{Reply, Step, borrow, param};
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

impl Attempt {
    /// How one ended that met this, and wrote nothing.
    fn refused(trouble: Trouble) -> Self {
        match (&trouble, trouble.reaction()) {
            (Trouble::Unmet(Sql::Fence), _) => Attempt::Fenced,
            (_, Reaction::Conflict) => Attempt::Conflict,
            _ => Attempt::Refused(trouble),
        }
    }
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
                    if matches!(trouble, Trouble::Deadline(_))
                        && let Some(session) = seat.session.take()
                    {
                        // What is left of it on a frozen node may hold this process's row for long.
                        self.abandon(session);
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
        let mut steps = vec![Step::new(Sql::Begin, Vec::new()), Step::new(Sql::Fence, fence).touching(1)];
        steps.extend(plan.steps());
        if connection.is_distributed {
            let sent = connection.fly(&steps).await;
            steps.clear();
            if let Err(trouble) = sent {
                connection.roll_back().await;
                return Attempt::refused(trouble);
            }
        }
        steps.push(Step::new(Sql::Commit, Vec::new()));
        steps.extend(replicas::position_step(&self.replicas));
        let ended = connection.fly(&steps).await;
        drop(steps);
        match ended {
            Ok(replies) => {
                seat.advance(complete);
                self.passed(replies.last());
                Attempt::Committed
            }
            Err(trouble) if trouble.is_certain() => Attempt::refused(trouble),
            Err(trouble) => Attempt::Unknown(trouble),
        }
    }

    /// Finds out whether the commit after the last one known took place, and sees to it that it will not any more.
    async fn settle(&self, seat: &mut Seat, complete: Uuid, trouble: &Trouble) -> StoreResult<()> {
        tracing::warn!(error = %trouble, "the answer to a commit was lost");
        let Some(session) = seat.session.take() else { return Err(StoreError::Conflict) };
        let outcome = match self.last_word(&session).await {
            Some(commits) if commits == session.commits + 1 => {
                seat.complete = complete;
                Ok(())
            }
            Some(commits) if commits == session.commits => Err(StoreError::Unavailable(trouble.to_string())),
            // The row was not reached, or is gone already: nobody knows.
            _ => {
                self.abandon(session);
                return Err(StoreError::OutcomeUnknown(trouble.to_string()));
            }
        };
        self.counters.settled();
        outcome
    }

    /// Takes this process's row away, and tells how many commits were made under it.
    ///
    /// That waits until whatever still holds the row is over. What has not arrived yet, because the network or a process
    /// of the database stands still, finds no row and is refused.
    async fn last_word(&self, session: &Session) -> Option<i64> {
        let mut leave = vec![Step::new(Sql::Leave, vec![param(&session.name)])];
        leave.extend(replicas::position_step(&self.replicas));
        let begun = monotonic();
        loop {
            match self.run(&leave).await {
                Ok(replies) => {
                    self.passed(replies.get(1));
                    return commits(&replies);
                }
                Err(_) if begun.elapsed() < self.settling => self.pause(SETTLING_PAUSE).await,
                Err(error) => {
                    tracing::warn!(%error, "what became of a commit could not be found out");
                    return None;
                }
            }
        }
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

fn commits(replies: &[Reply]) -> Option<i64> {
    let row = replies.first()?.rows.first()?;
    Fields::of(row).take().ok()
}

/// The id before this one.
fn just_before(id: Uuid) -> Uuid {
    Uuid::from_u128(id.as_u128().saturating_sub(1))
}
