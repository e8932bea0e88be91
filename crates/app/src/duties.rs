//! Duties: what is done when a document falls due.
//!
//! A plan that withdraws a few invitations a day, a delivery that is tried again: each is a document
//! with a moment, and a [`Duty`] that looks at it then. Once a second the server that does this for
//! all takes what is due, in order; with a settable clock it happens on the way of an advance, at its
//! own moment, between the reminders and endings of that moment and those of the next.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock};

use acquaint_core::time::{Span, Time};
use acquaint_store::{
    Changes, Document, DocumentChange, DocumentName, DocumentPage, DuePage, DuePlace, Kind, Store, StoreError,
    StoreResult,
};
use async_trait::async_trait;

use crate::engine::SubmitError;
use crate::network::Network;
use crate::scheduler::AT_ONCE;

/// What is done with documents of one kind when they are due.
#[async_trait]
pub trait Duty: Send + Sync + 'static {
    /// Of which kind.
    fn kind(&self) -> Kind;

    /// Does what is due, and writes the document with a later moment, without one, or not at all any
    /// more ([`Network::keep`]): one that stays as it is is not shown again before the next start. It
    /// may be called twice for the same version, by two servers, so what it does elsewhere must bear
    /// that.
    ///
    /// # Errors
    /// If the store or the engine fails; it is called again in the next second.
    /// [`StoreError::Conflict`] means that somebody else was faster, and is no failure.
    async fn perform(&self, network: &Network, document: Document) -> Result<(), SubmitError>;
}

/// Removes documents of a kind when they are due: their moment is their end.
pub(crate) struct Expire(pub(crate) Kind);

#[async_trait]
impl Duty for Expire {
    fn kind(&self) -> Kind {
        self.0
    }

    async fn perform(&self, network: &Network, document: Document) -> Result<(), SubmitError> {
        network.keep(vec![DocumentChange::remove(document)]).await.map_err(SubmitError::from)
    }
}

/// The duties of a running community, and how far each has been done.
#[derive(Default)]
pub(crate) struct Duties(RwLock<Vec<Arc<dyn Duty>>>);

/// For each kind, the moment before which everything was done. Kept, because a store finds its way
/// slowly through what is no longer due.
pub(crate) type Done = HashMap<Kind, Time>;

impl Duties {
    pub(crate) fn assign(&self, duty: Arc<dyn Duty>) {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        all.retain(|known| known.kind() != duty.kind());
        all.push(duty);
    }

    pub(crate) fn all(&self) -> Vec<Arc<dyn Duty>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// When the next document is due, if that is at or before `until`.
    pub(crate) async fn next(&self, store: &dyn Store, done: &Done, until: Time) -> StoreResult<Option<Time>> {
        let mut next: Option<Time> = None;
        for duty in self.all() {
            let page = DuePage { kind: duty.kind(), until, after: start(done, duty.kind()), limit: 1 };
            let due = store.due_documents(&page).await?.first().and_then(|document| document.content.due);
            next = match (next, due) {
                (Some(one), Some(other)) => Some(one.min(other)),
                (one, other) => one.or(other),
            };
        }
        Ok(next)
    }
}

/// Where a look at what is due begins. Whatever is written later is due no earlier, and no key is empty.
fn start(done: &Done, kind: Kind) -> Option<DuePlace> {
    done.get(&kind).map(|&at| DuePlace { at, owner: None, key: String::new() })
}

impl Network {
    /// Has documents of a kind looked at when they are due, from now on. The last one assigned to a
    /// kind is the one.
    pub fn assign(&self, duty: Arc<dyn Duty>) {
        self.duties().assign(duty);
    }

    /// Writes documents, all of them or none. One that would have been due before now is due now.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if one has moved since it was read; what else the store says.
    pub async fn keep(&self, mut documents: Vec<DocumentChange>) -> StoreResult<()> {
        let now = self.now();
        let contents = documents.iter_mut().filter_map(|change| change.after.as_mut());
        contents.for_each(|content| content.due = content.due.map(|due| due.max(now)));
        self.store().commit(&Changes { documents, ..Changes::default() }).await
    }

    /// A document.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn document(&self, name: &DocumentName) -> StoreResult<Option<Document>> {
        self.store().document(name).await
    }

    /// A page of the documents of one owner and one kind.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn documents(&self, page: &DocumentPage) -> StoreResult<Vec<Document>> {
        self.store().documents(page).await
    }

    /// Does what is due at or before `until`, and what falls due by that.
    pub(crate) async fn perform_due(&self, done: &mut Done, until: Time) -> Result<(), SubmitError> {
        for duty in self.duties().all() {
            let mut seen = HashSet::new();
            while self.perform_once(&*duty, done, until, &mut seen).await? {}
            done.insert(duty.kind(), until + Span::seconds(1));
        }
        Ok(())
    }

    /// Does whatever was not seen before; whether there was anything.
    async fn perform_once(
        &self,
        duty: &dyn Duty,
        done: &Done,
        until: Time,
        seen: &mut HashSet<(DocumentName, u64)>,
    ) -> Result<bool, SubmitError> {
        let (mut after, mut performed) = (start(done, duty.kind()), false);
        loop {
            let page = DuePage { kind: duty.kind(), until, after, limit: AT_ONCE };
            let due = self.store().due_documents(&page).await?;
            let Some(last) = due.last().and_then(Document::place) else { return Ok(performed) };
            after = Some(last);
            for document in due {
                if seen.insert((document.name.clone(), document.version)) {
                    performed = true;
                    match duty.perform(self, document).await {
                        Err(SubmitError::Store(StoreError::Conflict)) | Ok(()) => {}
                        Err(error) => return Err(error),
                    }
                }
            }
        }
    }
}
