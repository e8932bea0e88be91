//! The floor: 64 connections, each of which reads the rows of one send, has it decided, and commits it
//! alone; through the same driver and the same statements as the engine.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use acquaint_app::clock::Stopwatch;
use acquaint_core::decide::{Change, Decision, Facts, Moment, Written, decide};
use acquaint_core::event::RecordedEvent;
use acquaint_core::ids::EventId;
use acquaint_core::member::Member;
use acquaint_core::policy::Policy;
use acquaint_core::relation::{Pair, Relation};
use acquaint_store::{Changes, MemberChange, RelationChange, Store, StoreError, Wanted};
use acquaint_store_postgres::{Address, Options, PostgresStore};
use futures_util::future::try_join_all;
use hdrhistogram::Histogram;
use uuid::Uuid;

use super::super::community::{Caller, Community, measured_at};
use super::super::engine::{histogram, micros};
use super::super::http::CONNECTIONS;
use super::super::results::Run;
use crate::failure::{Failure, Outcome};
use crate::random;
use crate::store::failed;

/// One store with one connection for each caller: a store commits one thing after another.
pub(super) async fn connect(database: &Address, options: &Options) -> Outcome<Vec<Arc<PostgresStore>>> {
    let mut stores = Vec::new();
    for _ in 0..CONNECTIONS {
        let options = Options { connections: 1, seed: random::bytes()?, ..options.clone() };
        stores.push(Arc::new(PostgresStore::open(database, &options).await.map_err(failed)?));
    }
    Ok(stores)
}

/// Sends over all of them at once.
pub(super) async fn run(stores: &[Arc<PostgresStore>], community: &mut Community, commands: usize) -> Outcome<Run> {
    let each = commands / stores.len();
    let last = last_event(stores).await?;
    let ids = Arc::new(Ids::after(last));
    let watch = Stopwatch::start();
    let callers = stores.iter().map(|store| {
        let sender = Sender { store: Arc::clone(store), ids: Arc::clone(&ids), policy: Policy::default() };
        tokio::spawn(sender.send_all(community.caller(0), each))
    });
    let callers: Vec<_> = callers.collect();
    let (mut latencies, mut run) = (histogram(), Run { commands: each * stores.len(), ..Run::default() });
    for caller in callers {
        let (more, refused) = caller.await.map_err(Failure::failed)??;
        latencies.add(more).map_err(Failure::failed)?;
        run.refused += refused;
    }
    run.seconds = watch.seconds();
    run.take_latencies(&latencies);
    Ok(run)
}

pub(super) async fn leave(stores: Vec<Arc<PostgresStore>>) -> Outcome<()> {
    try_join_all(stores.iter().map(|store| store.leave())).await.map(drop).map_err(failed)
}

async fn last_event(stores: &[Arc<PostgresStore>]) -> Outcome<Option<EventId>> {
    match stores.first() {
        Some(store) => store.last_event().await.map_err(failed),
        None => Ok(None),
    }
}

/// Ids that ascend, for all callers together: one a millisecond, from when the others ended.
struct Ids(AtomicU64);

impl Ids {
    fn after(last: Option<EventId>) -> Self {
        let last = last.and_then(|id| id.0.get_timestamp()).map_or(0, |at| at.to_unix().0 * 1_000 + 1_000);
        let now = u64::try_from(measured_at().unix()).unwrap_or_default() * 1_000;
        Self(AtomicU64::new(last.max(now)))
    }

    fn next(&self) -> Uuid {
        let millis = self.0.fetch_add(1, Ordering::Relaxed);
        uuid::Builder::from_unix_timestamp_millis(millis, &[0; 10]).into_uuid()
    }
}

/// Who sends over one connection.
struct Sender {
    store: Arc<PostgresStore>,
    ids: Arc<Ids>,
    policy: Policy,
}

impl Sender {
    async fn send_all(self, mut caller: Caller, commands: usize) -> Outcome<(Histogram<u64>, usize)> {
        let (mut latencies, mut refused) = (histogram(), 0);
        for _ in 0..commands {
            let Some(request) = caller.send().request() else { continue };
            let watch = Stopwatch::start();
            // Whoever meets somebody else on a row reads and decides once more.
            let is_refused = loop {
                match self.send(&request.command).await {
                    Err(StoreError::Conflict) => {}
                    outcome => break outcome.map_err(failed)?,
                }
            };
            latencies.saturating_record(micros(watch.seconds()));
            refused += usize::from(is_refused);
        }
        Ok((latencies, refused))
    }

    /// One command in one transaction; whether the rules refused it.
    async fn send(&self, command: &acquaint_core::command::Command) -> Result<bool, StoreError> {
        let (actor, Some(other)) = (&command.actor, command.action.other()) else { return Ok(true) };
        let Some(pair) = Pair::new(actor, other) else { return Ok(true) };
        let wanted =
            Wanted { members: vec![actor.clone(), other.clone()], relations: vec![pair.clone()], ..Wanted::default() };
        let mut loaded = self.store.load(&wanted).await?;
        let relation = loaded.relations.pop().flatten().unwrap_or_else(|| Relation::new(pair));
        let mut member = |id| Arc::new(loaded.members.pop().flatten().unwrap_or_else(|| Member::new(id)));
        let (other, actor) = (member(other.clone()), member(actor.clone()));
        let facts = Facts { actor, other, relation: Arc::new(relation), invitation: None, oldest_expiry: None };
        let Decision { change, answer } =
            decide(&facts, command, &self.policy, Moment { now: measured_at(), id: self.ids.next() });
        self.store.commit(&self.changes(&facts, change)).await?;
        Ok(answer.is_err())
    }

    fn changes(&self, facts: &Facts, change: Change) -> Changes {
        let member = |before: &Arc<Member>, written| match written {
            Written::Unchanged => None,
            Written::Put(after) => Some(MemberChange { before: Arc::clone(before), after: Some(after) }),
            Written::Removed => Some(MemberChange { before: Arc::clone(before), after: None }),
        };
        let members = [member(&facts.actor, change.actor), member(&facts.other, change.other)];
        let last = match change.relation {
            Written::Unchanged => None,
            Written::Put(relation) => Some(Some(relation)),
            Written::Removed => Some(None),
        };
        let steps: Vec<_> = change.settled.map(Some).into_iter().chain(last).collect();
        let relation = RelationChange { before: Arc::clone(&facts.relation), steps };
        Changes {
            members: members.into_iter().flatten().collect(),
            relations: vec![relation].into_iter().filter(|change| !change.steps.is_empty()).collect(),
            notifications: change.notifications,
            events: change
                .events
                .into_iter()
                .map(|event| RecordedEvent { id: EventId(self.ids.next()), event })
                .collect(),
            ..Changes::default()
        }
    }
}
