//! Everything that can be read from a store, page by page, in a form that can be compared.

use std::collections::{BTreeMap, BTreeSet};

use acquaint_core::event::{Notification, RecordedEvent};
use acquaint_core::ids::{EventId, InvitationId, MemberId};
use acquaint_core::member::Member;
use acquaint_core::relation::{Pair, Relation};
use acquaint_core::time::Time;
use acquaint_core::view::{ContactList, Direction, InvitationView};

use crate::{
    Claim, ClaimName, Contact, ContactPage, Document, DocumentPage, Due, DuePage, Kind, NotificationPage, Order,
    PendingPage, Record, Store, StoreResult, Wanted,
};

/// More pages than any test has: a cursor that does not move on is a failure, not an endless test.
const MOST_PAGES: usize = 10_000;

/// What to look at, and how many lines a page has.
#[derive(Debug, Clone)]
pub struct Page {
    /// Members whose lists are wanted.
    pub members: BTreeSet<MemberId>,
    /// Invitations to look for, with everybody who may know of them.
    pub invitations: Vec<InvitationId>,
    /// Idempotency records to look for.
    pub claims: Vec<ClaimName>,
    /// At most so many lines on a page.
    pub limit: usize,
}

/// What was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Whole {
    members: BTreeMap<MemberId, Option<Member>>,
    relations: BTreeMap<Pair, Option<Relation>>,
    invitations: BTreeMap<(MemberId, InvitationId), Option<InvitationView>>,
    claims: Vec<Option<Claim>>,
    lists: BTreeMap<MemberId, Lists>,
    events: Vec<RecordedEvent>,
    last_event: Option<EventId>,
    due: Vec<Due>,
    is_empty: bool,
}

#[derive(Debug, Clone, PartialEq)]
struct Lists {
    sent: [Vec<InvitationView>; 2],
    received: [Vec<InvitationView>; 2],
    contacts: Vec<Vec<Contact>>,
    notifications: Vec<Notification>,
    related: Vec<MemberId>,
}

impl Whole {
    /// Reads all of it, every list page by page.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn read(store: &dyn Store, page: &Page) -> StoreResult<Self> {
        let pairs: Vec<Pair> = page
            .members
            .iter()
            .flat_map(|a| page.members.iter().map(move |b| (a, b)))
            .filter(|(a, b)| a < b)
            .filter_map(|(a, b)| Pair::new(a, b))
            .collect();
        let invitations: Vec<_> =
            page.invitations.iter().flat_map(|id| page.members.iter().map(|member| (member.clone(), *id))).collect();
        let wanted = Wanted {
            members: page.members.iter().cloned().collect(),
            relations: pairs.clone(),
            invitations: invitations.clone(),
            claims: page.claims.clone(),
            seen: None,
        };
        let loaded = store.load(&wanted).await?;
        let answers = [loaded.members.len(), loaded.relations.len(), loaded.invitations.len(), loaded.claims.len()];
        let asked = [wanted.members.len(), pairs.len(), invitations.len(), wanted.claims.len()];
        assert_eq!(answers, asked, "load gives one answer for each name");
        let mut lists = BTreeMap::new();
        for member in &page.members {
            lists.insert(member.clone(), Lists::read(store, member, page.limit).await?);
        }
        Ok(Self {
            members: wanted.members.into_iter().zip(loaded.members).collect(),
            relations: pairs.into_iter().zip(loaded.relations).collect(),
            invitations: invitations.into_iter().zip(loaded.invitations).collect(),
            claims: loaded.claims,
            lists,
            events: events(store, page.limit).await?,
            last_event: store.last_event().await?,
            due: due(store, Time::MAX, page.limit).await?,
            is_empty: store.is_empty().await?,
        })
    }
}

impl Lists {
    async fn read(store: &dyn Store, member: &MemberId, limit: usize) -> StoreResult<Self> {
        let mut contacts = Vec::new();
        for list in ContactList::ALL {
            contacts.push(contacts_of(store, member, list, limit).await?);
        }
        Ok(Self {
            sent: [
                pending(store, member, Direction::Sent, Order::Newest, limit).await?,
                pending(store, member, Direction::Sent, Order::Oldest, limit).await?,
            ],
            received: [
                pending(store, member, Direction::Received, Order::Newest, limit).await?,
                pending(store, member, Direction::Received, Order::Oldest, limit).await?,
            ],
            contacts,
            notifications: notifications(store, member, limit).await?,
            related: related(store, member, limit).await?,
        })
    }
}

/// Adds a page to what was found, and says whether it was the last.
fn took_last<T>(all: &mut Vec<T>, page: Vec<T>, limit: usize) -> bool {
    assert!(page.len() <= limit, "a page has {} lines, at most {limit} were wanted", page.len());
    let last = page.len() < limit;
    all.extend(page);
    assert!(all.len() <= MOST_PAGES * limit, "the list does not end");
    last
}

/// All of a member's pending invitations.
pub(super) async fn pending(
    store: &dyn Store,
    member: &MemberId,
    direction: Direction,
    order: Order,
    limit: usize,
) -> StoreResult<Vec<InvitationView>> {
    let mut all: Vec<InvitationView> = Vec::new();
    loop {
        let after = all.last().map(|view| view.id);
        let page = PendingPage { member: member.clone(), direction, order, after, limit, seen: None };
        if took_last(&mut all, store.pending(&page).await?, limit) {
            return Ok(all);
        }
    }
}

/// All of one of a member's contact lists.
pub(super) async fn contacts_of(
    store: &dyn Store,
    member: &MemberId,
    list: ContactList,
    limit: usize,
) -> StoreResult<Vec<Contact>> {
    let mut all: Vec<Contact> = Vec::new();
    loop {
        let page = ContactPage { member: member.clone(), list, after: all.last().cloned(), limit, seen: None };
        if took_last(&mut all, store.contacts(&page).await?, limit) {
            return Ok(all);
        }
    }
}

/// All of a member's notifications.
pub(super) async fn notifications(
    store: &dyn Store,
    member: &MemberId,
    limit: usize,
) -> StoreResult<Vec<Notification>> {
    let mut all: Vec<Notification> = Vec::new();
    loop {
        let after = all.last().map(|notification| notification.id);
        let page = NotificationPage { member: member.clone(), after, limit, seen: None };
        if took_last(&mut all, store.notifications(&page).await?, limit) {
            return Ok(all);
        }
    }
}

/// Everybody that a member has a relation with.
pub(super) async fn related(store: &dyn Store, member: &MemberId, limit: usize) -> StoreResult<Vec<MemberId>> {
    let mut all: Vec<MemberId> = Vec::new();
    loop {
        let page = store.related(member, all.last(), limit).await?;
        if took_last(&mut all, page, limit) {
            return Ok(all);
        }
    }
}

/// All events.
pub(super) async fn events(store: &dyn Store, limit: usize) -> StoreResult<Vec<RecordedEvent>> {
    let mut all: Vec<RecordedEvent> = Vec::new();
    loop {
        let page = store.events(all.last().map(|event| event.id), limit).await?;
        if took_last(&mut all, page, limit) {
            return Ok(all);
        }
    }
}

/// All that is due at or before `until`.
pub(super) async fn due(store: &dyn Store, until: Time, limit: usize) -> StoreResult<Vec<Due>> {
    let mut all: Vec<Due> = Vec::new();
    loop {
        let page = store.due(all.last(), until, limit).await?;
        if took_last(&mut all, page, limit) {
            return Ok(all);
        }
    }
}

/// All documents of these owners (the empty one is the host), by owner and kind.
pub(super) async fn documents(store: &dyn Store, owners: &[&str], limit: usize) -> StoreResult<Vec<Document>> {
    let mut found = Vec::new();
    for owner in owners.iter().map(|owner| MemberId::new(owner).ok()) {
        for &kind in Kind::ALL {
            let mut all: Vec<Document> = Vec::new();
            loop {
                let after = all.last().map(|document| document.name.key.clone());
                let page = DocumentPage { owner: owner.clone(), kind, after, limit };
                if took_last(&mut all, store.documents(&page).await?, limit) {
                    break;
                }
            }
            found.extend(all);
        }
    }
    Ok(found)
}

/// All documents of a kind that are due at or before `until`.
pub(super) async fn due_documents(
    store: &dyn Store,
    kind: Kind,
    until: Time,
    limit: usize,
) -> StoreResult<Vec<Document>> {
    let mut all: Vec<Document> = Vec::new();
    loop {
        let after = all.last().and_then(Document::place);
        let page = DuePage { kind, until, after, limit };
        if took_last(&mut all, store.due_documents(&page).await?, limit) {
            return Ok(all);
        }
    }
}

/// All records, in the order in which the store scans them.
pub(super) async fn scan(store: &dyn Store, limit: usize) -> StoreResult<Vec<Record>> {
    let (mut all, mut from) = (Vec::new(), None);
    loop {
        let page = store.scan(from.as_ref(), limit).await?;
        if page.records.is_empty() {
            return Ok(all);
        }
        assert!(page.records.len() <= limit, "a page of a scan has at most {limit} records");
        all.extend(page.records);
        assert!(all.len() <= MOST_PAGES * limit, "the scan does not end");
        match page.next {
            Some(next) => from = Some(next),
            None => return Ok(all),
        }
    }
}

/// Records without their order, each told apart by all that it says.
pub(super) fn unordered(records: &[Record]) -> BTreeSet<String> {
    let set: BTreeSet<String> = records.iter().map(|record| format!("{record:?}")).collect();
    assert_eq!(set.len(), records.len(), "no record is scanned twice");
    set
}
