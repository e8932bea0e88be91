//! The embedded store: a directory on the local disk, kept by [`fjall`], owned by one process.
//!
//! # What is promised
//! A commit that returned is on disk (`fdatasync`), all of it or nothing. Reads see whole commits.
//! A directory that another process holds, that was written by a newer program, or whose files were
//! altered, is refused with a sentence that says what to do; see `journal` and `manifest` for what
//! fjall itself would overlook. Once a commit has failed, every later one is refused with
//! [`StoreError::Failed`] until the directory is opened again; reads go on.
//!
//! # How it is laid out
//! One ordered keyspace; see `keys` for the tables and `codec` for the values. A relation is kept
//! once, with an empty mirror row for the other member. Commits are one at a time, each one batch;
//! the versions that a commit was decided on are compared with a memory of the rows last seen
//! (`rows`), so that most comparisons, and most reads of a relation, read nothing. What does not exist is mostly known from a
//! filter in memory (`present`).
//!
//! # What it costs
//! Memory is bounded by [`Options`]: the cache, and up to three memtables. Journals are bounded too,
//! so opening after a crash reads at most about 192 MiB of them.

mod changes;
mod codec;
mod commit;
mod error;
pub mod floor;
mod journal;
mod keys;
mod lists;
mod manifest;
mod open;
mod present;
mod read;
mod rows;
mod scan;
mod stats;
mod trace;

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use acquaint_core::event::{Notification, RecordedEvent};
use acquaint_core::ids::{EventId, MemberId};
use acquaint_core::time::Time;
use acquaint_core::view::InvitationView;
use acquaint_store::{
    Changes, Contact, ContactPage, Document, DocumentName, DocumentPage, Due, DuePage, Figure, Loaded,
    NotificationPage, PendingPage, Record, ScanPage, ScanPlace, Store, StoreError, StoreResult, Wanted,
};
use async_trait::async_trait;
use fjall::{Database, Keyspace};
use tokio::runtime::Handle;

use crate::changes::Plan;
use crate::codec::Unreadable;
use crate::error::{Errors, ReadError};
use crate::keys::Table;

pub use crate::open::Options;
pub use crate::stats::Stats;
pub use crate::trace::Trace;

/// Lines removed in one commit when a member is erased.
const ERASED_AT_ONCE: usize = 1_000;

/// A store in a directory of the local disk.
#[derive(Clone)]
pub struct FjallStore {
    /// Ended before the rest is let go of, so that whoever dropped the store can open it again.
    _filler: Arc<present::Filler>,
    inner: Arc<Inner>,
}

/// What the calls of a store share. The lock goes last: until then nobody else may open.
struct Inner {
    name: String,
    database: Database,
    rows: Keyspace,
    errors: Errors,
    writer: commit::Writer,
    lately: rows::Rows,
    published: read::Published,
    present: present::Present,
    counters: stats::Counters,
    recorder: trace::Recorder,
    _lock: File,
}

impl std::fmt::Debug for FjallStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("FjallStore").field(&self.inner.name).finish()
    }
}

impl FjallStore {
    /// Opens the store in `directory`, which is made if it does not exist. Blocks for as long as
    /// the journals take to read.
    ///
    /// # Errors
    /// [`StoreError::Failed`] if another process holds it, if a newer program wrote it, if it is
    /// damaged, or if it cannot be read and written.
    pub fn open(directory: impl AsRef<Path>, options: &Options) -> StoreResult<Self> {
        let directory = directory.as_ref();
        let errors = Errors::new(directory);
        let opened = open::open(directory, options, &errors)?;
        let inner = Inner {
            name: format!("fjall:{}", directory.display()),
            rows: opened.rows,
            errors,
            writer: commit::Writer::default(),
            lately: rows::Rows::new(options.row_bytes),
            published: read::Published::now(&opened.database),
            present: present::Present::default(),
            counters: stats::Counters::default(),
            recorder: trace::Recorder::default(),
            database: opened.database,
            _lock: opened.lock,
        };
        let inner = Arc::new(inner);
        Ok(Self { _filler: Arc::new(present::Filler::start(&inner)), inner })
    }

    /// What the store has done since it was opened.
    #[must_use]
    pub fn stats(&self) -> Stats {
        // What cannot be measured counts as nothing: these are figures for people.
        self.inner.counters.stats(self.inner.database.disk_space().unwrap_or_default())
    }

    /// Begins to record what is read by name and written, up to about that many bytes.
    pub fn start_recording(&self, bytes: usize) {
        self.inner.recorder.start(bytes);
    }

    /// Ends the recording, for [`floor::run`].
    #[must_use]
    pub fn take_recording(&self) -> Trace {
        self.inner.recorder.take()
    }

    /// Writes on a thread that may wait for the disk, so that other tasks go on. A commit that was
    /// begun is finished even if nobody waits for it any more.
    async fn write(&self, plan: Result<Plan, Unreadable>) -> StoreResult<()> {
        let plan = plan.map_err(unwritable)?;
        let Ok(runtime) = Handle::try_current() else { return self.inner.commit(&plan) };
        let inner = Arc::clone(&self.inner);
        let written = runtime.spawn_blocking(move || inner.commit(&plan)).await;
        written.unwrap_or_else(|error| Err(StoreError::OutcomeUnknown(format!("the commit was broken off: {error}"))))
    }

    fn tell<T>(&self, result: Result<T, ReadError>) -> StoreResult<T> {
        result.map_err(|error| self.inner.errors.reading(error))
    }
}

fn unwritable(Unreadable(what): Unreadable) -> StoreError {
    StoreError::Failed(format!("{what} cannot be written"))
}

/// Reads are done where they are asked for: they find nearly all they need in memory.
#[async_trait]
impl Store for FjallStore {
    fn name(&self) -> String {
        self.inner.name.clone()
    }

    async fn load(&self, wanted: &Wanted) -> StoreResult<Loaded> {
        self.tell(self.inner.load(wanted))
    }

    /// Blocks until it is on disk: whoever commits often does it on a thread of its own, and a hop
    /// to another thread for every commit would cost more than it gives.
    async fn commit(&self, changes: &Changes) -> StoreResult<()> {
        let plan = Plan::of_changes(changes).map_err(unwritable)?;
        self.inner.commit(&plan)
    }

    async fn pending(&self, page: &PendingPage) -> StoreResult<Vec<InvitationView>> {
        self.tell(self.inner.view().pending(page))
    }

    async fn contacts(&self, page: &ContactPage) -> StoreResult<Vec<Contact>> {
        self.tell(self.inner.view().contacts(page))
    }

    async fn notifications(&self, page: &NotificationPage) -> StoreResult<Vec<Notification>> {
        self.tell(self.inner.view().notifications(page))
    }

    async fn events(&self, after: Option<EventId>, limit: usize) -> StoreResult<Vec<RecordedEvent>> {
        self.tell(self.inner.view().events(after, limit))
    }

    async fn due(&self, after: Option<&Due>, until: Time, limit: usize) -> StoreResult<Vec<Due>> {
        self.tell(self.inner.view().due(after, until, limit))
    }

    async fn last_event(&self) -> StoreResult<Option<EventId>> {
        self.tell(self.inner.view().last_event())
    }

    async fn related(&self, member: &MemberId, after: Option<&MemberId>, limit: usize) -> StoreResult<Vec<MemberId>> {
        self.tell(self.inner.view().related(member, after, limit))
    }

    async fn document(&self, name: &DocumentName) -> StoreResult<Option<Document>> {
        self.tell(self.inner.view().document(name))
    }

    async fn documents(&self, page: &DocumentPage) -> StoreResult<Vec<Document>> {
        self.tell(self.inner.view().documents(page))
    }

    async fn due_documents(&self, page: &DuePage) -> StoreResult<Vec<Document>> {
        self.tell(self.inner.view().due_documents(page))
    }

    async fn erase_lists(&self, member: &MemberId) -> StoreResult<()> {
        for table in [Table::Past, Table::Notification] {
            loop {
                let lines = self.tell(self.inner.view().lines_of(table, member, ERASED_AT_ONCE))?;
                if lines.is_empty() {
                    break;
                }
                self.write(Ok(Plan::of_removals(lines))).await?;
            }
        }
        loop {
            let documents = self.tell(self.inner.view().documents_of(member, ERASED_AT_ONCE))?;
            if documents.is_empty() {
                return Ok(());
            }
            self.write(Ok(Plan::of_erased(&documents))).await?;
        }
    }

    async fn forget_claims(&self, before: Time, limit: usize) -> StoreResult<bool> {
        let by_age = self.tell(self.inner.view().old_claims(before, limit))?;
        let may_be_more = by_age.len() >= limit;
        let claims: Vec<_> = by_age.iter().filter_map(|key| keys::claim_of_age(key)).collect();
        self.write(Ok(Plan::of_removals([by_age, claims].concat()))).await?;
        Ok(may_be_more)
    }

    async fn scan(&self, from: Option<&ScanPlace>, limit: usize) -> StoreResult<ScanPage> {
        self.inner.scan(from, limit)
    }

    async fn scan_history(&self, from: Option<&ScanPlace>, limit: usize) -> StoreResult<ScanPage> {
        self.inner.scan_history(from, limit)
    }

    async fn remove_history(&self, records: &[Record]) -> StoreResult<()> {
        self.write(Ok(Plan::of_forgotten(records))).await
    }

    async fn restore(&self, records: &[Record]) -> StoreResult<()> {
        self.write(Plan::of_records(records)).await
    }

    fn figures(&self) -> Vec<Figure> {
        self.inner.counters.figures()
    }

    async fn health(&self) -> StoreResult<()> {
        self.inner.health()
    }
}
