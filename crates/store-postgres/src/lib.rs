//! The store for a community that has outgrown one machine: PostgreSQL, or a PostgreSQL that spreads
//! its tables over many nodes.
//!
//! # What is promised
//! A commit that returned is as durable as the database makes it, all of it or nothing. Several
//! processes may commit to the same database: each commit is refused if a row has moved since it was
//! read. Reads see whole commits. What a failing database did with a commit is found out before anybody
//! is told anything.
//!
//! # How it is laid out
//! Typed columns that an administrator can read; `migrations` has them with their comments. Every
//! table begins with `member_id`, so that what belongs to a member can lie on one node. A relation is
//! kept once from each member's side, and the lists of a member are read off columns that are made
//! here from the views, never from a condition in SQL. All statements are in `sql`.
//!
//! # What it costs
//! A commit takes one round trip, whatever it carries (two where tables are spread over nodes); what
//! is read for a batch takes one. `servers` says how several processes get along, `connection` how a
//! database that freezes is kept from freezing us.

mod address;
mod commit;
mod connection;
mod error;
mod inspect;
mod members;
pub mod migrate;
mod names;
mod plan;
mod read;
mod relations;
mod replicas;
mod rows;
mod scan;
mod servers;
mod sql;
mod stats;
mod tls;
mod value;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use acquaint_core::event::{Notification, RecordedEvent};
use acquaint_core::ids::{EventId, MemberId};
use acquaint_core::time::Time;
use acquaint_core::view::InvitationView;
use acquaint_store::{
    Changes, Contact, ContactPage, Document, DocumentName, DocumentPage, Due, DuePage, Figure, Job, Loaded,
    NotificationPage, PendingPage, Position, Record, ScanPage, ScanPlace, Store, StoreError, StoreResult, Wanted,
};
use async_trait::async_trait;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tokio::sync::Mutex as AsyncMutex;
use uuid::Uuid;

use crate::connection::{Pool, Step, borrow, param, pool};
use crate::inspect::Needs;
use crate::replicas::Replicas;
use crate::servers::{Observations, Seat};
use crate::sql::Sql;
use crate::stats::Counters;

pub use crate::address::{Address, AddressError};
pub use crate::stats::Stats;

/// How a store uses its database.
#[derive(Debug, Clone)]
pub struct Options {
    /// Connections at the same time.
    pub connections: usize,
    /// How long a statement may take before its connection is given up.
    pub deadline: Duration,
    /// How long another process may stand still before it is taken for dead.
    pub lease: Duration,
    /// How long it is tried to find out what became of a commit whose answer was lost. Less than a
    /// lease: after that, somebody else may have removed what would have told.
    pub settling: Duration,
    /// Standbys of the database that may answer for pages of lists.
    pub replicas: Vec<Address>,
    /// How far behind a standby may be that answers, at most.
    pub staleness: Duration,
    /// For names and pauses; no two processes may have the same.
    pub seed: [u8; 32],
}

impl Options {
    /// The usual ones.
    #[must_use]
    pub fn with_seed(seed: [u8; 32]) -> Self {
        Self {
            connections: 8,
            deadline: Duration::from_secs(5),
            lease: Duration::from_secs(10),
            settling: Duration::from_secs(8),
            replicas: Vec::new(),
            staleness: Duration::from_secs(5),
            seed,
        }
    }
}

/// A store in a PostgreSQL database.
pub struct PostgresStore {
    name: String,
    pool: Pool,
    replicas: Replicas,
    counters: Arc<Counters>,
    lease: Duration,
    settling: Duration,
    /// Taken for the length of a commit: they are one at a time.
    seat: AsyncMutex<Seat>,
    /// Ids must come after this one: others committed before this process came.
    floor: Mutex<Option<Uuid>>,
    /// Of the primary's log: what this process committed lies before it.
    position: AtomicU64,
    observations: Mutex<Observations>,
    random: Mutex<StdRng>,
}

impl std::fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("PostgresStore").field(&self.name).finish()
    }
}

/// A clock of this process that only measures.
fn monotonic() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "no two clocks are ever compared; see `servers`")]
    Instant::now()
}

/// What a mutex guards is whole at every moment, even after a panic elsewhere.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl PostgresStore {
    /// Connects to a database that was migrated. Must be called within a tokio runtime, which
    /// drives the connections.
    ///
    /// # Errors
    /// [`StoreError::Failed`] with a sentence that says what to do, if there is no server there, if
    /// it refuses us, or if its tables are not ours.
    pub async fn open(address: &Address, options: &Options) -> StoreResult<Self> {
        let counters = Arc::<Counters>::default();
        let pool = pool(address, Needs::Tables, options, &counters)?;
        let replicas = Replicas::new(options, &counters)?;
        // The first connection shows whether all is well.
        let first = borrow(&pool).await.map_err(|trouble| StoreError::Failed(trouble.to_string()))?;
        if first.is_distributed && !replicas.are_none() {
            return Err(StoreError::Failed(
                "a database that spreads its tables over nodes has no one log that a replica could follow: \
                 serve without --read-replicas"
                    .into(),
            ));
        }
        drop(first);
        replicas.look_for_the_lost();
        Ok(Self {
            name: address.to_string(),
            pool,
            replicas,
            counters,
            lease: options.lease,
            settling: options.settling,
            seat: AsyncMutex::default(),
            floor: Mutex::default(),
            position: AtomicU64::default(),
            observations: Mutex::default(),
            random: Mutex::new(StdRng::from_seed(options.seed)),
        })
    }

    /// What the store has done since it was opened.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.counters.stats()
    }

    fn random(&self) -> MutexGuard<'_, StdRng> {
        lock(&self.random)
    }

    fn random_id(&self) -> Uuid {
        uuid::Builder::from_random_bytes(self.random().random()).into_uuid()
    }

    fn observations(&self) -> MutexGuard<'_, Observations> {
        lock(&self.observations)
    }

    fn floor(&self) -> Option<Uuid> {
        *lock(&self.floor)
    }

    fn raise_floor(&self, floor: Uuid) {
        let mut place = lock(&self.floor);
        *place = (*place).max(Some(floor).filter(|floor| !floor.is_nil()));
    }
}

#[async_trait]
impl Store for PostgresStore {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn is_sole_owner(&self) -> bool {
        false
    }

    async fn join(&self, first: EventId) -> StoreResult<Option<EventId>> {
        self.do_join(first).await
    }

    async fn leave(&self) -> StoreResult<()> {
        self.do_leave().await
    }

    async fn hold(&self, job: Job) -> StoreResult<bool> {
        self.do_hold(job).await
    }

    async fn load(&self, wanted: &Wanted) -> StoreResult<Loaded> {
        self.do_load(wanted).await
    }

    async fn commit(&self, changes: &Changes) -> StoreResult<()> {
        self.do_commit(changes).await
    }

    fn position(&self) -> Option<Position> {
        (!self.replicas.are_none()).then(|| Position(self.position.load(Ordering::Relaxed)))
    }

    async fn pending(&self, page: &PendingPage) -> StoreResult<Vec<InvitationView>> {
        self.do_pending(page).await
    }

    async fn contacts(&self, page: &ContactPage) -> StoreResult<Vec<Contact>> {
        self.do_contacts(page).await
    }

    async fn notifications(&self, page: &NotificationPage) -> StoreResult<Vec<Notification>> {
        self.do_notifications(page).await
    }

    async fn events(&self, after: Option<EventId>, limit: usize) -> StoreResult<Vec<RecordedEvent>> {
        self.do_events(after, limit).await
    }

    async fn due(&self, after: Option<&Due>, until: Time, limit: usize) -> StoreResult<Vec<Due>> {
        self.do_due(after, until, limit).await
    }

    async fn last_event(&self) -> StoreResult<Option<EventId>> {
        self.do_last_event().await
    }

    async fn related(&self, member: &MemberId, after: Option<&MemberId>, limit: usize) -> StoreResult<Vec<MemberId>> {
        self.do_related(member, after, limit).await
    }

    async fn document(&self, name: &DocumentName) -> StoreResult<Option<Document>> {
        self.do_document(name).await
    }

    async fn documents(&self, page: &DocumentPage) -> StoreResult<Vec<Document>> {
        self.do_documents(page).await
    }

    async fn due_documents(&self, page: &DuePage) -> StoreResult<Vec<Document>> {
        self.do_due_documents(page).await
    }

    async fn erase_lists(&self, member: &MemberId) -> StoreResult<()> {
        let own = || vec![param(member.as_str())];
        let erasures = [Sql::ErasePast, Sql::EraseNotifications, Sql::EraseDocuments];
        self.run(&erasures.map(|sql| Step::new(sql, own()))).await.map(drop)
    }

    async fn forget_claims(&self, before: Time, limit: usize) -> StoreResult<bool> {
        self.do_forget_claims(before, limit).await
    }

    async fn scan(&self, from: Option<&ScanPlace>, limit: usize) -> StoreResult<ScanPage> {
        self.do_scan(from, limit).await
    }

    async fn scan_history(&self, from: Option<&ScanPlace>, limit: usize) -> StoreResult<ScanPage> {
        self.do_scan_history(from, limit).await
    }

    async fn remove_history(&self, records: &[Record]) -> StoreResult<()> {
        self.do_remove_history(records).await
    }

    async fn restore(&self, records: &[Record]) -> StoreResult<()> {
        self.do_restore(records).await
    }

    fn figures(&self) -> Vec<Figure> {
        self.counters.figures()
    }

    /// Whether the server takes writes, asked on a connection that was looked at before.
    async fn health(&self) -> StoreResult<()> {
        self.run(&[Step::new(Sql::Writable, Vec::new())]).await.map(drop)
    }
}
