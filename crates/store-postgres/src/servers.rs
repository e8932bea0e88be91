//! Several servers on one database: who is there, who is dead, who does what one does for all.
//!
//! Each process that commits has one row in `servers`, and that row does three things.
//! - **Fence.** Every commit raises `commits` from the number that this process knows. If the row is
//!   gone, somebody took this process for dead; what it decided meanwhile is refused.
//! - **Outcome.** When a connection is lost on the way to the answer of a commit, the row says
//!   whether it took place. To remove the row waits for whatever still holds it, so that what it said
//!   last is the truth; and as the row is gone, what arrives later is refused.
//! - **Horizon.** `low_water` promises that no event at or below it will come from this process any
//!   more. Up to the lowest of these, the events are complete.
//!
//! Whether another process lives is judged by its row standing still on this process's own clock;
//! no two clocks are ever compared.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use acquaint_core::ids::EventId;
use acquaint_store::{Job, StoreResult};
use uuid::Uuid;

use crate::connection::{Step, param};
use crate::error::Trouble;
use crate::read::read_all;
use crate::sql::Sql;
use crate::value::{Fields, Unreadable};
use crate::{PostgresStore, monotonic, replicas};

/// This process among those that commit.
#[derive(Debug, Default)]
pub(crate) struct Seat {
    /// Its row, if it has one.
    pub(crate) session: Option<Session>,
    /// It commits no event at or below this one any more.
    pub(crate) complete: Uuid,
}

/// A row of this process.
#[derive(Debug)]
pub(crate) struct Session {
    /// The key.
    pub(crate) name: String,
    /// How many commits were made under it.
    pub(crate) commits: i64,
}

impl Seat {
    /// Leaves the row of that name, if it is still this process's.
    fn give_up(&mut self, name: &str) {
        self.session.take_if(|session| session.name == name);
    }

    /// A commit took place.
    pub(crate) fn advance(&mut self, complete: Uuid) {
        self.session.iter_mut().for_each(|session| session.commits += 1);
        self.complete = complete;
    }
}

/// Rows that were seen, and since when they have stood still.
#[derive(Debug, Default)]
pub(crate) struct Observations {
    seen: HashMap<String, (Pulse, Instant)>,
    /// Those that this process had and could not remove. Nobody will move them any more.
    abandoned: HashSet<String>,
}

/// What moves in a row while its process lives.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Pulse {
    holder: String,
    commits: i64,
    beats: i64,
}

impl Observations {
    /// How long this row has stood still, as far as this process has seen.
    fn still(&mut self, key: &str, pulse: &Pulse, now: Instant) -> Option<Duration> {
        match self.seen.get(key) {
            Some((before, since)) if before == pulse => Some(now.duration_since(*since)),
            _ => {
                self.seen.insert(key.to_owned(), (pulse.clone(), now));
                None
            }
        }
    }

    fn forget_others(&mut self, keep: impl Fn(&str) -> bool) {
        self.seen.retain(|key, _| keep(key));
        self.abandoned.retain(|key| keep(key));
    }
}

fn lease_key(job: Job) -> &'static str {
    match job {
        Job::Timers => "#lease-timers",
        Job::Deliveries => "#lease-deliveries",
    }
}

impl PostgresStore {
    /// Gives this process a row if it has none, under a name that nobody bore before. It promises
    /// to commit no event at or below `first` any more.
    pub(crate) async fn sit_down(&self, seat: &mut Seat, first: Option<Uuid>) -> StoreResult<()> {
        if seat.session.is_some() {
            return Ok(());
        }
        let promised = seat.complete.max(first.unwrap_or_default());
        let name = format!("#server-{}", self.random_id());
        self.run(&[Step::new(Sql::Register, vec![param(&name), param(promised)])]).await?;
        // Only now, when others can see the promise, is what they wrote looked at.
        let last = Step::new(Sql::LastEvent, Vec::new());
        let replies = self.run(&[last, Step::new(Sql::HighestPromise, vec![param(&name)])]).await?;
        for row in replies.iter().flat_map(|reply| &reply.rows) {
            self.raise_floor(Fields::of(row).take().map_err(Trouble::from)?);
        }
        self.counters.registered();
        *seat = Seat { session: Some(Session { name, commits: 0 }), complete: promised };
        Ok(())
    }

    pub(crate) async fn do_join(&self, first: EventId) -> StoreResult<Option<EventId>> {
        self.do_leave().await?;
        let mut seat = self.seat.lock().await;
        self.sit_down(&mut seat, Some(first.0)).await?;
        Ok(self.floor().map(EventId))
    }

    pub(crate) async fn do_leave(&self) -> StoreResult<()> {
        let mut seat = self.seat.lock().await;
        let Some(session) = seat.session.take() else { return Ok(()) };
        let release = |job| Step::new(Sql::ReleaseLease, vec![param(lease_key(job)), param(&session.name)]);
        let mut steps: Vec<Step<'_>> = Job::ALL.into_iter().map(release).collect();
        steps.push(Step::new(Sql::Leave, vec![param(&session.name)]));
        self.run(&steps).await.map(drop)
    }

    /// Goes on under another name, because the row can be neither used nor removed now.
    pub(crate) fn abandon(&self, session: Session) {
        self.observations().abandoned.insert(session.name);
    }

    /// One sign of life, one look at the others, and the lease.
    pub(crate) async fn do_hold(&self, job: Job) -> StoreResult<bool> {
        let own = {
            let mut seat = self.seat.lock().await;
            self.sit_down(&mut seat, None).await?;
            seat.session.as_ref().map(|session| session.name.clone()).unwrap_or_default()
        };
        let key = lease_key(job);
        let mut steps = vec![
            Step::new(Sql::Beat, vec![param(&own)]),
            Step::new(Sql::Servers, Vec::new()),
            Step::new(Sql::Lease, vec![param(key)]),
        ];
        steps.extend(replicas::position_step(&self.replicas));
        let asked = monotonic();
        let replies = self.run(&steps).await?;
        let [beat, servers, lease, position @ ..] = replies.as_slice() else { return Ok(false) };
        if let Some(position) = position.first().map(replicas::position).transpose()?.flatten() {
            self.replicas.mark(asked, position);
            self.replicas.look_for_the_lost();
        }
        if beat.rows.is_empty() {
            // Somebody took this process for dead. It comes back under another name.
            self.seat.lock().await.give_up(&own);
            return Ok(false);
        }
        let alive: HashMap<String, Pulse> = read_all(&servers.rows, read_server)?.into_iter().collect();
        self.bury_the_dead(&own, &alive).await;
        match read_all(&lease.rows, read_lease)?.pop() {
            Some(lease) => self.renew_or_take(key, &own, lease, &alive).await,
            None => self.touches(Step::new(Sql::NewLease, vec![param(key), param(&own)])).await,
        }
    }

    /// Removes the rows of processes that have stood still for too long and those that this one
    /// abandoned, so that what still arrives under them is refused and nobody waits for their events.
    async fn bury_the_dead(&self, own: &str, alive: &HashMap<String, Pulse>) {
        for (name, pulse) in self.dead(own, alive) {
            let params = vec![param(&name), param(pulse.commits), param(pulse.beats)];
            match self.touches(Step::new(Sql::RemoveServer, params)).await {
                Ok(true) => tracing::warn!(server = %name, "the row of a server stands still and is removed"),
                Ok(false) => {}
                // One that froze in the middle of a commit holds its row. That must not keep this
                // one from its work.
                Err(error) => tracing::warn!(server = %name, %error, "the row of a server stands still and stays"),
            }
        }
    }

    fn dead(&self, own: &str, alive: &HashMap<String, Pulse>) -> Vec<(String, Pulse)> {
        let mut observations = self.observations();
        let is_lease = |key: &str| Job::ALL.into_iter().any(|job| lease_key(job) == key);
        observations.forget_others(|key| alive.contains_key(key) || is_lease(key));
        let now = monotonic();
        let mut is_dead = |name: &str, pulse: &Pulse| {
            observations.abandoned.contains(name) || observations.still(name, pulse, now) >= Some(self.lease)
        };
        let dead = alive.iter().filter(|(name, pulse)| *name != own && is_dead(name, pulse));
        dead.map(|(name, pulse)| (name.clone(), pulse.clone())).collect()
    }

    async fn renew_or_take(
        &self,
        key: &str,
        own: &str,
        lease: Pulse,
        alive: &HashMap<String, Pulse>,
    ) -> StoreResult<bool> {
        let is_mine = lease.holder == own;
        let is_over = !alive.contains_key(&lease.holder)
            || self.observations().still(key, &lease, monotonic()) >= Some(self.lease);
        if !is_mine && !is_over {
            return Ok(false);
        }
        let params = vec![param(key), param(own), param(&lease.holder), param(lease.beats)];
        let taken = self.touches(Step::new(Sql::TakeLease, params)).await?;
        if taken && !is_mine {
            tracing::info!(lease = %key, from = %lease.holder, "a lease was taken over");
        }
        Ok(taken)
    }

    /// Whether a statement touches a row.
    async fn touches(&self, step: Step<'_>) -> StoreResult<bool> {
        let replies = self.run(&[step]).await?;
        Ok(replies.first().is_some_and(|reply| reply.touched > 0))
    }

    /// Up to which event nothing can come any more; `None` if there is no event.
    pub(crate) async fn horizon(&self) -> StoreResult<Option<Uuid>> {
        // The last event first: whoever registers after the second look comes after it.
        let steps = [Step::new(Sql::LastEvent, Vec::new()), Step::new(Sql::LowestPromise, Vec::new())];
        let replies = self.run(&steps).await?;
        let mut bounds = Vec::new();
        for reply in &replies {
            let bound = reply.rows.first().map(|row| Fields::of(row).take::<Uuid>()).transpose();
            bounds.push(bound.map_err(Trouble::from)?);
        }
        match bounds.as_slice() {
            [last, Some(promised)] => Ok(last.map(|_| *promised)),
            [last, None] => Ok(*last),
            _ => Ok(None),
        }
    }
}

fn read_server(mut row: Fields<'_>) -> Result<(String, Pulse), Unreadable> {
    let (name, commits, beats) = (row.take()?, row.take()?, row.take()?);
    Ok((name, Pulse { holder: String::new(), commits, beats }))
}

fn read_lease(mut row: Fields<'_>) -> Result<Pulse, Unreadable> {
    Ok(Pulse { holder: row.take()?, beats: row.take()?, commits: 0 })
}
