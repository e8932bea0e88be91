//! The store port: what the engine and the pages ask of a store, in the terms of the rules.
//!
//! A [`Store`] keeps rows and lists and knows no rule. Whatever it shows of a relation in a list
//! was made by `acquaint_core::view`, through [`lines`], so that silence does not depend on a
//! store. [`memory::MemoryStore`] is the reference model: it keeps the rows alone and finds every
//! list by looking at all of them. The suite in `conformance` (a feature of that name) runs against every
//! store.

#[cfg(feature = "conformance")]
pub mod conformance;
mod document;
pub mod lines;
pub mod memory;
mod record;

use std::sync::Arc;

use acquaint_core::decide::{Answer, NotificationChange};
use acquaint_core::event::{Notification, RecordedEvent};
use acquaint_core::ids::{EventId, InvitationId, MemberId, NotificationId};
use acquaint_core::member::Member;
use acquaint_core::relation::{Pair, Relation};
use acquaint_core::time::Time;
use acquaint_core::view::{ContactList, Direction, InvitationView};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};

pub use document::{Content, Document, DocumentChange, DocumentName, DocumentPage, DuePage, DuePlace, Kind};
pub use record::{MemberRecord, Record, RelationRecord};

/// A place where a community is kept.
///
/// Every method may be called from several tasks at once. Reads see what was committed, all of a
/// commit or nothing of it.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// What kind of store this is and where, for messages: `fjall:acquaint-data`.
    fn name(&self) -> String;

    /// Whether this process alone writes here. If not, a row may have moved since it was last
    /// read, and is read anew for each decision.
    fn is_sole_owner(&self) -> bool {
        true
    }

    /// Announces this engine among those that share the store, once, before its first commit. It
    /// promises to commit no event at or below `first`. Returns the id after which its ids must
    /// come, where others have been here.
    async fn join(&self, first: EventId) -> StoreResult<Option<EventId>> {
        let _ = first;
        Ok(None)
    }

    /// Takes [`join`](Store::join) back, after the last commit.
    async fn leave(&self) -> StoreResult<()> {
        Ok(())
    }

    /// Whether this engine is the one that does `job` among those that share the store; takes or
    /// renews the lease. To be asked about once a second by an engine that has joined.
    async fn hold(&self, job: Job) -> StoreResult<bool> {
        let _ = job;
        Ok(true)
    }

    /// Reads rows by their names: one answer for each name, in the same order.
    async fn load(&self, wanted: &Wanted) -> StoreResult<Loaded>;

    /// Writes all of `changes` or nothing. Once it returns, they survive a crash.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if a row is not of the version that the change was decided on.
    async fn commit(&self, changes: &Changes) -> StoreResult<()>;

    /// A position after everything that was committed here, for a read that has to see it
    /// ([`Wanted::seen`]). `None` where every read sees everything.
    fn position(&self) -> Option<Position> {
        None
    }

    /// A page of a member's pending invitations.
    async fn pending(&self, page: &PendingPage) -> StoreResult<Vec<InvitationView>>;

    /// A page of one of a member's lists of others, the latest first.
    async fn contacts(&self, page: &ContactPage) -> StoreResult<Vec<Contact>>;

    /// A page of a member's notifications, the latest first, those of pending received invitations
    /// among them.
    async fn notifications(&self, page: &NotificationPage) -> StoreResult<Vec<Notification>>;

    /// Events after that one, in the order of commits.
    async fn events(&self, after: Option<EventId>, limit: usize) -> StoreResult<Vec<RecordedEvent>>;

    /// What is due at or before `until`, in order, after that place.
    async fn due(&self, after: Option<&Due>, until: Time, limit: usize) -> StoreResult<Vec<Due>>;

    /// The last event there is: ids made from now on must be greater.
    async fn last_event(&self) -> StoreResult<Option<EventId>>;

    /// Everybody that this member has a relation with, in the order of ids, after that one.
    async fn related(&self, member: &MemberId, after: Option<&MemberId>, limit: usize) -> StoreResult<Vec<MemberId>>;

    /// A document.
    async fn document(&self, name: &DocumentName) -> StoreResult<Option<Document>>;

    /// A page of the documents of one owner and one kind, in the order of keys.
    async fn documents(&self, page: &DocumentPage) -> StoreResult<Vec<Document>>;

    /// A page of the documents of one kind that are due, in the order of moments.
    async fn due_documents(&self, page: &DuePage) -> StoreResult<Vec<Document>>;

    /// Removes what is listed for a member: past invitations, notifications and documents. Their row
    /// and relations are removed by commits before.
    async fn erase_lists(&self, member: &MemberId) -> StoreResult<()>;

    /// Removes idempotency records made before `before`, at most about `limit` of them in one call.
    /// Returns whether there may be more.
    async fn forget_claims(&self, before: Time, limit: usize) -> StoreResult<bool>;

    /// All that is kept, record by record, from that place on. An empty page is the end.
    async fn scan(&self, from: Option<&ScanPlace>, limit: usize) -> StoreResult<ScanPage>;

    /// As [`scan`](Store::scan), but only what tells of the past ([`Record::is_history`]). The place of
    /// a page stays good when records before it are removed.
    async fn scan_history(&self, from: Option<&ScanPlace>, limit: usize) -> StoreResult<ScanPage>;

    /// Removes records that [`scan_history`](Store::scan_history) gave; one that is gone is no failure.
    /// Others are not for this call, and stay.
    async fn remove_history(&self, records: &[Record]) -> StoreResult<()>;

    /// Writes records into a store that is being restored, without judging them. Lists and timers
    /// are made anew from them.
    async fn restore(&self, records: &[Record]) -> StoreResult<()>;

    /// What the store has counted since it was opened, for those who watch over it.
    fn figures(&self) -> Vec<Figure> {
        Vec::new()
    }

    /// Whether nothing is kept.
    async fn is_empty(&self) -> StoreResult<bool> {
        Ok(self.scan(None, 1).await?.records.is_empty())
    }

    /// Whether commits are accepted.
    ///
    /// # Errors
    /// What keeps the store from accepting them.
    async fn health(&self) -> StoreResult<()>;
}

/// Something that a store counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Figure {
    /// Its name, in lower case with underscores.
    pub name: &'static str,
    /// What it counts, in a few words.
    pub help: &'static str,
    /// How often by now; it never goes down while the store is open.
    pub count: u64,
}

/// Work that one of the engines does for all that share a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Job {
    /// Carrying out what falls due.
    Timers,
    /// Delivering what is in the outbox.
    Deliveries,
}

impl Job {
    /// Every job.
    pub const ALL: [Job; 2] = [Job::Timers, Job::Deliveries];
}

/// What a store answers.
pub type StoreResult<T> = Result<T, StoreError>;

/// Why a store did not do what it was asked; one variant for each thing that the caller does next.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// A row has moved since it was read: read again, decide again.
    #[error("a row was changed by somebody else meanwhile")]
    Conflict,
    /// Nothing was written, and the same may work later.
    #[error("the store cannot be reached: {0}")]
    Unavailable(String),
    /// It is not known whether the commit happened: look for its idempotency records.
    #[error("the outcome of the commit is unknown: {0}")]
    OutcomeUnknown(String),
    /// The store cannot go on until somebody acts: the text says what to do.
    #[error("{0}")]
    Failed(String),
}

impl StoreError {
    /// Whether the same call may succeed without anybody's doing.
    #[must_use]
    pub fn retryable(&self) -> bool {
        match self {
            StoreError::Conflict | StoreError::Unavailable(_) => true,
            StoreError::OutcomeUnknown(_) | StoreError::Failed(_) => false,
        }
    }
}

/// How far a store was at some moment.
///
/// A read that names one sees what was committed up to there, and may come from a replica that is
/// behind the rest by no more than was allowed where the store was opened. A read that names none sees
/// everything that was committed before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position(pub u64);

/// Names of rows to read.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Members.
    pub members: Vec<MemberId>,
    /// Relations.
    pub relations: Vec<Pair>,
    /// Invitations, each as the named member sees it.
    pub invitations: Vec<(MemberId, InvitationId)>,
    /// Idempotency records.
    pub claims: Vec<ClaimName>,
    /// What must be seen at least; see [`Position`].
    pub seen: Option<Position>,
}

impl Wanted {
    /// Whether nothing is wanted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.members.is_empty() && self.relations.is_empty() && self.invitations.is_empty() && self.claims.is_empty()
    }
}

/// Rows that were read, in the order in which they were wanted; `None` is a row that does not exist.
#[derive(Debug, Clone, Default)]
pub struct Loaded {
    /// Members.
    pub members: Vec<Option<Member>>,
    /// Relations.
    pub relations: Vec<Option<Relation>>,
    /// Invitations: pending, or as they ended for that member.
    pub invitations: Vec<Option<InvitationView>>,
    /// Idempotency records.
    pub claims: Vec<Option<Claim>>,
    /// Ids made from now on for what was read must come after this one: somebody else, whose clock
    /// may be ahead, wrote it. `None` where nobody else writes.
    pub ids_after: Option<EventId>,
}

/// What one commit writes.
#[derive(Debug, Clone, Default)]
pub struct Changes {
    /// Members, each named once.
    pub members: Vec<MemberChange>,
    /// Relations, each named once.
    pub relations: Vec<RelationChange>,
    /// Notifications put and retracted, in order.
    pub notifications: Vec<NotificationChange>,
    /// Events, in order, with ids greater than any before.
    pub events: Vec<RecordedEvent>,
    /// Idempotency records; none of them exists.
    pub claims: Vec<Claim>,
    /// Documents, each named once.
    pub documents: Vec<DocumentChange>,
    /// No later commit of this engine carries an event at or below this one: those who follow the
    /// events of all engines need not wait for it. A store with one owner has no use for it.
    pub promise: Option<EventId>,
}

impl Changes {
    /// Whether there is nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
            && self.relations.is_empty()
            && self.notifications.is_empty()
            && self.events.is_empty()
            && self.claims.is_empty()
            && self.documents.is_empty()
            && self.promise.is_none()
    }
}

/// What becomes of a member's row.
#[derive(Debug, Clone)]
pub struct MemberChange {
    /// As it was read; version 0 is a row that did not exist.
    pub before: Arc<Member>,
    /// As it is from now on; `None` removes it.
    pub after: Option<Arc<Member>>,
}

impl MemberChange {
    /// The row as it is from now on; version 0 if it was removed.
    #[must_use]
    pub fn row(&self) -> Arc<Member> {
        self.after.clone().unwrap_or_else(|| Arc::new(Member::new(self.before.id.clone())))
    }
}

/// What becomes of a relation.
#[derive(Debug, Clone)]
pub struct RelationChange {
    /// As it was read; version 0 is a row that did not exist.
    pub before: Arc<Relation>,
    /// What it went through, one state after the other; the last one is kept, `None` removes the
    /// row. Lists of what is over are made from each.
    pub steps: Vec<Option<Arc<Relation>>>,
}

impl RelationChange {
    /// As it is from now on; `None` removes the row.
    #[must_use]
    pub fn after(&self) -> Option<&Arc<Relation>> {
        match self.steps.last() {
            Some(last) => last.as_ref(),
            None => Some(&self.before),
        }
    }

    /// The row as it is from now on; version 0 if it was removed.
    #[must_use]
    pub fn row(&self) -> Arc<Relation> {
        self.after().cloned().unwrap_or_else(|| Arc::new(Relation::new(self.before.pair.clone())))
    }
}

/// The name of an idempotency record. Neither of its texts has the character NUL, which not every
/// database can keep.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ClaimName {
    /// On whose behalf the key was used; the same key of another scope is another key.
    pub scope: String,
    /// The key that the caller chose.
    pub key: String,
}

/// An idempotency record: a key, what it was used for, and what was answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// Which key.
    pub name: ClaimName,
    /// A digest of the request, to tell another request under the same key.
    pub fingerprint: [u8; 16],
    /// When it was made.
    pub at: Time,
    /// What was answered.
    pub answer: Answer,
}

/// Which pending invitations are wanted.
#[derive(Debug, Clone)]
pub struct PendingPage {
    /// Whose.
    pub member: MemberId,
    /// Sent or received.
    pub direction: Direction,
    /// From which end.
    pub order: Order,
    /// Those after this one, in that order.
    pub after: Option<InvitationId>,
    /// At most so many.
    pub limit: usize,
    /// What must be seen at least; see [`Position`].
    pub seen: Option<Position>,
}

/// From which end a list is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// The latest first.
    #[default]
    Newest,
    /// The earliest first.
    Oldest,
}

/// Which others are wanted.
#[derive(Debug, Clone)]
pub struct ContactPage {
    /// Whose list.
    pub member: MemberId,
    /// Which list.
    pub list: ContactList,
    /// Those after this one.
    pub after: Option<Contact>,
    /// At most so many.
    pub limit: usize,
    /// What must be seen at least; see [`Position`].
    pub seen: Option<Position>,
}

/// Somebody in a list; the order is by time, then by id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Contact {
    /// Since when.
    pub since: Time,
    /// Who.
    pub other: MemberId,
}

/// Which notifications are wanted.
#[derive(Debug, Clone)]
pub struct NotificationPage {
    /// Whose.
    pub member: MemberId,
    /// Those before this one.
    pub after: Option<NotificationId>,
    /// At most so many.
    pub limit: usize,
    /// What must be seen at least; see [`Position`].
    pub seen: Option<Position>,
}

/// Something is due between two members.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Due {
    /// When.
    pub at: Time,
    /// Between whom.
    pub pair: Pair,
}

/// Where a scan goes on; only the store that made it can read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScanPlace(pub Vec<u8>);

/// A page of a scan.
#[derive(Debug, Clone, Default)]
pub struct ScanPage {
    /// What was found.
    pub records: Vec<Record>,
    /// Where to go on.
    pub next: Option<ScanPlace>,
}
