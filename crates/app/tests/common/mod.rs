//! A small network on the memory store, and a store that fails when told to.

#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use acquaint_app::{ClaimRequest, Clock, EngineConfig, Network, Request};
use acquaint_core::command::{Action, Command};
use acquaint_core::decide::Answer;
use acquaint_core::event::{Notification, RecordedEvent};
use acquaint_core::ids::{EventId, InvitationId, MemberId};
use acquaint_core::policy::{Policy, Preset};
use acquaint_core::time::Time;
use acquaint_core::view::{Direction, InvitationView};
use acquaint_store::memory::MemoryStore;
use acquaint_store::{
    Changes, ClaimName, Contact, ContactPage, Document, DocumentName, DocumentPage, Due, DuePage, Loaded,
    NotificationPage, Order, PendingPage, Record, ScanPage, ScanPlace, Store, StoreError, StoreResult, Wanted,
};
use async_trait::async_trait;
use tokio::sync::Semaphore;

pub fn start_time() -> Time {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

pub fn member(name: &str) -> MemberId {
    MemberId::new(name).unwrap()
}

pub async fn network(store: Arc<dyn Store>, preset: Preset, config: EngineConfig) -> Network {
    Network::start(store, Policy::preset(preset), Clock::settable(start_time()), config).await.unwrap()
}

pub async fn memory(preset: Preset) -> Network {
    network(Arc::new(MemoryStore::new()), preset, EngineConfig::default()).await
}

pub fn request(actor: &str, action: Action) -> Request {
    Request { command: Command { actor: member(actor), action }, claim: None }
}

pub fn invite(from: &str, to: &str) -> Request {
    request(from, Action::Invite { to: member(to), note: None, to_email: None })
}

/// The request under an idempotency key; the digest stands for the body.
pub fn keyed(request: Request, key: &str, digest: u8) -> Request {
    let name = ClaimName { scope: request.command.actor.to_string(), key: key.into() };
    Request { claim: Some(ClaimRequest { name, fingerprint: [digest; 16] }), ..request }
}

pub fn invitation_of(answer: &Answer) -> &InvitationView {
    match answer {
        Answer::Invited { invitation, .. } | Answer::Invitation(invitation) => invitation,
        other => panic!("no invitation in {other:?}"),
    }
}

pub async fn sent(network: &Network, from: &str, to: &str) -> InvitationId {
    invitation_of(&network.submit(invite(from, to)).await.unwrap().unwrap()).id
}

pub async fn pending(network: &Network, of: &str, direction: Direction) -> Vec<InvitationView> {
    let page =
        PendingPage { member: member(of), direction, order: Order::Newest, after: None, limit: 1_000, seen: None };
    network.pending(&page).await.unwrap()
}

/// What a commit of [`Faulty`] does instead of succeeding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    Conflict,
    Unavailable,
    /// The answer is lost; the commit happened or not.
    Unknown {
        written: bool,
    },
    Failed,
}

/// A memory store whose commits wait for a permit, and fail as scheduled; its reads wait as well.
pub struct Faulty {
    pub inner: Arc<MemoryStore>,
    /// What becomes of the next commits; `None` succeeds, as all do once the schedule is over.
    pub schedule: Mutex<VecDeque<Option<Fault>>>,
    pub gate: Semaphore,
    /// For reads.
    pub reads: Semaphore,
    /// A permit for each read that has to wait.
    pub waiting: Semaphore,
}

impl Faulty {
    pub fn new(schedule: impl IntoIterator<Item = Option<Fault>>) -> Self {
        Self {
            inner: Arc::new(MemoryStore::new()),
            schedule: Mutex::new(schedule.into_iter().collect()),
            gate: Semaphore::new(Semaphore::MAX_PERMITS),
            reads: Semaphore::new(Semaphore::MAX_PERMITS),
            waiting: Semaphore::new(0),
        }
    }

    /// One of several ways to a store, on which reads wait after so many.
    pub fn reading(inner: Arc<MemoryStore>, reads: usize) -> Self {
        Self { inner, reads: Semaphore::new(reads), ..Self::new([]) }
    }

    /// One whose commits wait until [`Faulty::open`].
    pub fn closed() -> Self {
        Self { gate: Semaphore::new(0), ..Self::new([]) }
    }

    pub fn open(&self) {
        self.gate.add_permits(1_000_000);
    }
}

#[async_trait]
impl Store for Faulty {
    fn name(&self) -> String {
        "faulty".into()
    }

    fn is_sole_owner(&self) -> bool {
        self.inner.is_sole_owner()
    }

    async fn load(&self, wanted: &Wanted) -> StoreResult<Loaded> {
        match self.reads.try_acquire() {
            Ok(read) => read.forget(),
            Err(_) => {
                self.waiting.add_permits(1);
                self.reads.acquire().await.unwrap().forget();
            }
        }
        self.inner.load(wanted).await
    }

    async fn commit(&self, changes: &Changes) -> StoreResult<()> {
        self.gate.acquire().await.unwrap().forget();
        let fault = self.schedule.lock().unwrap().pop_front().flatten();
        match fault {
            None => self.inner.commit(changes).await,
            Some(Fault::Conflict) => Err(StoreError::Conflict),
            Some(Fault::Unavailable) => Err(StoreError::Unavailable("as scheduled".into())),
            Some(Fault::Failed) => Err(StoreError::Failed("as scheduled".into())),
            Some(Fault::Unknown { written }) => {
                if written {
                    self.inner.commit(changes).await?;
                }
                Err(StoreError::OutcomeUnknown("as scheduled".into()))
            }
        }
    }

    async fn pending(&self, page: &PendingPage) -> StoreResult<Vec<InvitationView>> {
        self.inner.pending(page).await
    }

    async fn contacts(&self, page: &ContactPage) -> StoreResult<Vec<Contact>> {
        self.inner.contacts(page).await
    }

    async fn notifications(&self, page: &NotificationPage) -> StoreResult<Vec<Notification>> {
        self.inner.notifications(page).await
    }

    async fn events(&self, after: Option<EventId>, limit: usize) -> StoreResult<Vec<RecordedEvent>> {
        self.inner.events(after, limit).await
    }

    async fn last_event(&self) -> StoreResult<Option<EventId>> {
        self.inner.last_event().await
    }

    async fn due(&self, after: Option<&Due>, until: Time, limit: usize) -> StoreResult<Vec<Due>> {
        self.inner.due(after, until, limit).await
    }

    async fn related(&self, member: &MemberId, after: Option<&MemberId>, limit: usize) -> StoreResult<Vec<MemberId>> {
        self.inner.related(member, after, limit).await
    }

    async fn document(&self, name: &DocumentName) -> StoreResult<Option<Document>> {
        self.inner.document(name).await
    }

    async fn documents(&self, page: &DocumentPage) -> StoreResult<Vec<Document>> {
        self.inner.documents(page).await
    }

    async fn due_documents(&self, page: &DuePage) -> StoreResult<Vec<Document>> {
        self.inner.due_documents(page).await
    }

    async fn erase_lists(&self, member: &MemberId) -> StoreResult<()> {
        self.inner.erase_lists(member).await
    }

    async fn forget_claims(&self, before: Time, limit: usize) -> StoreResult<bool> {
        self.inner.forget_claims(before, limit).await
    }

    async fn scan(&self, from: Option<&ScanPlace>, limit: usize) -> StoreResult<ScanPage> {
        self.inner.scan(from, limit).await
    }

    async fn restore(&self, records: &[Record]) -> StoreResult<()> {
        self.inner.restore(records).await
    }

    async fn health(&self) -> StoreResult<()> {
        self.inner.health().await
    }
}
