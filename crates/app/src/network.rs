//! A running community: commands through the engine, reads beside it.

use std::sync::{Arc, Weak};

use acquaint_core::decide::{self, Facts};
use acquaint_core::event::{Notification, RecordedEvent};
use acquaint_core::ids::{EventId, InvitationId, MemberId};
use acquaint_core::member::Member;
use acquaint_core::policy::Policy;
use acquaint_core::refusal::Refusal;
use acquaint_core::relation::Pair;
use acquaint_core::standing::{self, Standing};
use acquaint_core::time::{Span, Time};
use acquaint_core::view::{Direction, InvitationView, RelationView};
use acquaint_store::{
    Contact, ContactPage, Job, Kind, NotificationPage, Order, PendingPage, Position, Store, StoreError, StoreResult,
    Wanted,
};
use prometheus_client::registry::Registry;
use tokio::sync::{Mutex, RwLock, watch};

use crate::cache::MemberCache;
use crate::cleanup::CarryOut;
use crate::clock::Clock;
use crate::duties::{Duties, Expire};
use crate::engine::{Engine, EngineConfig, Outcome, Request, Shared, SubmitError, Threads};
use crate::feed::Feed;
use crate::ids::{IdSource, NoRandomness};
use crate::metrics::{Metrics, StoreFigures};
use crate::scheduler::{self, FORGET_AT_ONCE, Pace, Progress};

/// A running community. Clones are the same one.
#[derive(Clone)]
pub struct Network(Arc<Inner>);

/// A handle that does not keep the community running.
pub(crate) struct WeakNetwork(Weak<Inner>);

impl WeakNetwork {
    /// The community, while somebody else keeps it.
    pub(crate) fn upgrade(&self) -> Option<Network> {
        self.0.upgrade().map(Network)
    }
}

struct Inner {
    store: Arc<dyn Store>,
    cache: Arc<MemberCache>,
    clock: Clock,
    policy: watch::Sender<Arc<Policy>>,
    metrics: Metrics,
    /// `None` once stopped.
    engine: RwLock<Option<Arc<Engine>>>,
    threads: Mutex<Option<Threads>>,
    timers: Mutex<Progress>,
    duties: Duties,
    feed: Feed,
}

/// Why a community could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The system gives no random numbers.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
    /// The system gives no threads.
    #[error("the engine's threads could not be started: {0}")]
    NoThreads(#[from] std::io::Error),
}

/// Why the clock was not set.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ClockError {
    /// It is the system's clock.
    #[error("the clock is the system's and cannot be set")]
    NotSettable,
    /// What was due on the way could not be carried out; the clock stands at the moment it was due.
    #[error(transparent)]
    Submit(#[from] SubmitError),
}

impl Network {
    /// Starts the engine on a store. Must be called within a tokio runtime.
    ///
    /// With the system's clock, what falls due is carried out from now on, once a second.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start(
        store: Arc<dyn Store>,
        policy: Policy,
        clock: Clock,
        config: EngineConfig,
    ) -> Result<Self, StartError> {
        let mut ids = IdSource::after(clock.clone(), store.last_event().await?)?;
        let others = store.join(EventId(ids.next())).await?;
        others.into_iter().for_each(|id| ids.come_after(id));
        let cache = Arc::new(MemberCache::new(config.cache_bytes, store.is_sole_owner()));
        let metrics = Metrics::default();
        let (policy, policy_in_force) = watch::channel(Arc::new(policy));
        let shared = Shared {
            store: Arc::clone(&store),
            cache: Arc::clone(&cache),
            policy: policy_in_force,
            clock: clock.clone(),
            metrics: metrics.clone(),
        };
        let (engine, threads) = Engine::start(shared, ids, config)?;
        let network = Self(Arc::new(Inner {
            store,
            cache,
            clock,
            policy,
            metrics,
            engine: RwLock::new(Some(Arc::new(engine))),
            threads: Mutex::new(Some(threads)),
            timers: Mutex::default(),
            duties: Duties::default(),
            feed: Feed::default(),
        }));
        network.assign(Arc::new(CarryOut));
        network.assign(Arc::new(Expire(Kind::Session)));
        network.assign(Arc::new(Expire(Kind::Audit)));
        if !(network.is_settable() && network.0.store.is_sole_owner()) {
            network.keep_house_every_second();
        }
        Ok(network)
    }

    /// Keeps in touch with other engines, carries out what falls due, and forgets old idempotency
    /// records, once a second, until the last other handle is gone or the engine has stopped.
    fn keep_house_every_second(&self) {
        let network = self.downgrade();
        tokio::spawn(async move {
            let mut every_second = tokio::time::interval(std::time::Duration::from_secs(1));
            every_second.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                every_second.tick().await;
                let Some(network) = network.upgrade() else { return };
                match network.keep_house().await {
                    Ok(()) => {}
                    Err(SubmitError::Stopped) => return,
                    Err(error) => tracing::warn!(%error, "what is due waits for the next second"),
                }
            }
        });
    }

    async fn keep_house(&self) -> Result<(), SubmitError> {
        let shared = !self.0.store.is_sole_owner();
        if shared {
            self.engine().await?.beat().await?;
        }
        // A settable clock carries out what is due when it is set.
        if !self.0.store.hold(Job::Timers).await? || self.is_settable() {
            return Ok(());
        }
        let now = self.now();
        let mut timers = self.0.timers.lock().await;
        timers.clock_set(now);
        if shared {
            // Others may have carried out some, and not all, of what was due.
            timers.until = None;
            timers.done.clear();
        }
        self.carry_out_until(&mut timers, now).await?;
        self.perform_due(&mut timers.done, now).await?;
        self.retain(&mut timers.sweep, now).await?;
        let kept = self.policy().retention.idempotency_records;
        self.0.store.forget_claims(now - kept, FORGET_AT_ONCE).await?;
        Ok(())
    }

    /// Carries out what is due at or before `until`, in order, at the time that the clock shows.
    async fn carry_out_until(&self, timers: &mut Progress, until: Time) -> Result<(), SubmitError> {
        loop {
            let engine = self.engine().await?;
            let pace = Pace::of(&engine);
            let due = self.0.store.due(timers.until.as_ref(), until, pace.at_once()).await?;
            let Some(last) = due.last().cloned() else { return Ok(()) };
            scheduler::carry_out(&engine, &due).await?;
            timers.until = Some(last);
            pace.rest().await;
        }
    }

    async fn engine(&self) -> Result<Arc<Engine>, SubmitError> {
        self.0.engine.read().await.clone().ok_or(SubmitError::Stopped)
    }

    /// The rules in force.
    #[must_use]
    pub fn policy(&self) -> Arc<Policy> {
        Arc::clone(&self.0.policy.borrow())
    }

    /// Puts other rules in force, from the next batch of commands on.
    pub fn set_policy(&self, policy: Policy) {
        self.0.policy.send_replace(Arc::new(policy));
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> Time {
        self.0.clock.now()
    }

    /// Whether the clock can be set.
    #[must_use]
    pub fn is_settable(&self) -> bool {
        self.0.clock.is_settable()
    }

    /// Has a command carried out: committed when this returns.
    ///
    /// # Errors
    /// [`SubmitError`]. A refusal by the rules is not one.
    pub async fn submit(&self, request: Request) -> Outcome {
        let mut outcomes = self.submit_all(vec![request]).await?;
        outcomes.pop().unwrap_or(Err(SubmitError::Stopped))
    }

    /// Has commands carried out: one outcome for each, in order; none undoes another.
    ///
    /// # Errors
    /// [`SubmitError`] if none was taken.
    pub async fn submit_all(&self, requests: Vec<Request>) -> Result<Vec<Outcome>, SubmitError> {
        self.engine().await?.submit_all(requests).await
    }

    /// A member's row; version 0 if there is none.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn member(&self, id: &MemberId) -> StoreResult<Arc<Member>> {
        self.0.cache.member(&*self.0.store, id).await
    }

    /// A member's row as somebody may see it who has seen that much ([`Position`]).
    ///
    /// # Errors
    /// If the store fails.
    pub async fn member_seen(&self, id: &MemberId, seen: Option<Position>) -> StoreResult<Arc<Member>> {
        self.0.cache.member_seen(&*self.0.store, id, seen).await
    }

    /// A position after everything that was answered before this call, where there are replicas.
    #[must_use]
    pub fn position(&self) -> Option<Position> {
        self.0.store.position()
    }

    /// The relation as `actor` sees it; `None` with oneself.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn relation(&self, actor: &MemberId, other: &MemberId) -> StoreResult<Option<RelationView>> {
        let facts = self.facts(actor, other).await?;
        Ok(facts.map(|facts| decide::view_relation(&facts, &self.policy(), self.now())))
    }

    /// Whether an invitation would be allowed, and if not, why.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn check_invite(
        &self,
        actor: &MemberId,
        to: &MemberId,
        note: Option<&str>,
        to_email: Option<&str>,
    ) -> StoreResult<Result<(), Refusal>> {
        let Some(facts) = self.facts(actor, to).await? else {
            return Ok(Err(acquaint_core::refusal::Code::SelfInvitation.refuse()));
        };
        Ok(decide::check_invite(&facts, note, to_email, &self.policy(), self.now()))
    }

    async fn facts(&self, actor: &MemberId, other: &MemberId) -> StoreResult<Option<Facts>> {
        let Some(pair) = Pair::new(actor, other) else { return Ok(None) };
        let (actor, other, relation) = self.0.cache.rows(&*self.0.store, [actor, other], &pair).await?;
        let cap = self.policy().limits.pending_cap;
        let oldest_expiry = if cap.is_some_and(|cap| actor.ledger.pending_sent >= cap) {
            self.oldest_pending(&actor.id).await?.and_then(|view| view.expires_at)
        } else {
            None
        };
        Ok(Some(Facts { actor, other, relation, invitation: None, oldest_expiry }))
    }

    async fn oldest_pending(&self, member: &MemberId) -> StoreResult<Option<InvitationView>> {
        let member = member.clone();
        let page =
            PendingPage { member, direction: Direction::Sent, order: Order::Oldest, after: None, limit: 1, seen: None };
        Ok(self.pending(&page).await?.pop())
    }

    /// An invitation as `viewer` sees it.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn invitation(&self, viewer: &MemberId, id: InvitationId) -> StoreResult<Option<InvitationView>> {
        let wanted = Wanted { invitations: vec![(viewer.clone(), id)], ..Wanted::default() };
        Ok(self.0.store.load(&wanted).await?.invitations.pop().flatten())
    }

    /// A page of pending invitations.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn pending(&self, page: &PendingPage) -> StoreResult<Vec<InvitationView>> {
        self.0.store.pending(page).await
    }

    /// A page of connections, of those followed, followers or blocked.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn contacts(&self, page: &ContactPage) -> StoreResult<Vec<Contact>> {
        self.0.store.contacts(page).await
    }

    /// A page of notifications. One is read if its id is not above the member's mark.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn notifications(&self, page: &NotificationPage) -> StoreResult<Vec<Notification>> {
        self.0.store.notifications(page).await
    }

    /// How a member stands, and since when their oldest pending invitation waits.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn standing(&self, member: &MemberId) -> StoreResult<(Standing, Option<Time>)> {
        let row = self.member(member).await?;
        let oldest = self.oldest_pending(member).await?.map(|view| view.sent_at);
        Ok((standing::standing(&row, &self.policy(), self.now()), oldest))
    }

    /// Events after that one, in the order of commits.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn events(&self, after: Option<EventId>, limit: usize) -> StoreResult<Vec<RecordedEvent>> {
        self.0.store.events(after, limit).await
    }

    /// The last event there is.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn last_event(&self) -> StoreResult<Option<EventId>> {
        self.0.store.last_event().await
    }

    /// Sets the clock. On its way forward, whatever falls due happens at its own moment, in order.
    ///
    /// # Errors
    /// [`ClockError`].
    pub async fn set_clock(&self, to: Time) -> Result<(), ClockError> {
        if !self.is_settable() {
            return Err(ClockError::NotSettable);
        }
        let mut timers = self.0.timers.lock().await;
        while let Some(next) = self.next_due(&timers, to).await? {
            self.0.clock.set(next.max(self.now()));
            self.carry_out_until(&mut timers, next).await?;
            self.perform_due(&mut timers.done, next).await?;
        }
        self.0.clock.set(to);
        timers.clock_set(to);
        while self.retain(&mut timers.sweep, to).await? {}
        let kept = self.policy().retention.idempotency_records;
        self.0.store.forget_claims(to - kept, FORGET_AT_ONCE).await?;
        Ok(())
    }

    async fn next_due(&self, timers: &Progress, until: Time) -> Result<Option<Time>, SubmitError> {
        let timer = self.0.store.due(timers.until.as_ref(), until, 1).await?.pop().map(|due| due.at);
        let until = timer.unwrap_or(until);
        Ok(self.0.duties.next(&*self.0.store, &timers.done, until).await?.or(timer))
    }

    pub(crate) fn store(&self) -> &dyn Store {
        &*self.0.store
    }

    /// The time in milliseconds since 1970; a settable clock has whole seconds.
    pub(crate) fn clock_millis(&self) -> u64 {
        self.0.clock.millis()
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    pub(crate) fn feed(&self) -> &Feed {
        &self.0.feed
    }

    /// A handle that does not keep the community running.
    pub(crate) fn downgrade(&self) -> WeakNetwork {
        WeakNetwork(Arc::downgrade(&self.0))
    }

    pub(crate) fn duties(&self) -> &Duties {
        &self.0.duties
    }

    /// Advances the clock, as [`Network::set_clock`]; returns the time it then shows.
    ///
    /// # Errors
    /// [`ClockError`].
    pub async fn advance_clock(&self, by: Span) -> Result<Time, ClockError> {
        let to = self.now() + by;
        self.set_clock(to).await?;
        Ok(to)
    }

    /// Whether commands are accepted and can be committed.
    ///
    /// # Errors
    /// What keeps them from it.
    pub async fn health(&self) -> StoreResult<()> {
        match self.engine().await {
            Ok(_) => self.0.store.health().await,
            Err(_) => Err(StoreError::Unavailable("the engine has stopped".into())),
        }
    }

    /// What kind of store this runs on and where.
    #[must_use]
    pub fn store_name(&self) -> String {
        self.0.store.name()
    }

    /// Adds the application's metrics to a registry.
    pub fn register_metrics(&self, registry: &mut Registry) {
        self.0.metrics.register(registry);
        registry.register_collector(Box::new(StoreFigures(Arc::clone(&self.0.store))));
    }

    /// Stops taking commands, and waits until what was taken is committed and answered.
    pub async fn shutdown(&self) {
        drop(self.0.engine.write().await.take());
        if let Some(threads) = self.0.threads.lock().await.take() {
            // The threads end once the last command under way has let go of the engine.
            if tokio::task::spawn_blocking(|| threads.join()).await.is_err() {
                tracing::error!("waiting for the engine failed");
            }
            if let Err(error) = self.0.store.leave().await {
                tracing::warn!(%error, "the other servers will notice by themselves that this one has gone");
            }
        }
    }
}

impl From<StoreError> for ClockError {
    fn from(error: StoreError) -> Self {
        Self::Submit(error.into())
    }
}
