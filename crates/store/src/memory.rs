//! The reference model: rows in ordered maps, every list found by looking at all of them.
//!
//! It is meant to be obviously right, not fast. Tests compare the other stores with it.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use acquaint_core::decide::NotificationChange;
use acquaint_core::event::{Notification, NotificationKind, RecordedEvent};
use acquaint_core::ids::{EventId, InvitationId, MemberId, NotificationId};
use acquaint_core::member::Member;
use acquaint_core::relation::{Pair, Relation};
use acquaint_core::time::Time;
use acquaint_core::view::{Direction, InvitationView};
use async_trait::async_trait;

use crate::lines::{Entry, Line, lines};
use crate::{
    Changes, Claim, ClaimName, Contact, ContactPage, Document, DocumentName, DocumentPage, Due, DuePage, Loaded,
    NotificationPage, Order, PendingPage, Record, ScanPage, ScanPlace, Store, StoreError, StoreResult, Wanted,
};

/// A store that keeps everything in memory.
#[derive(Debug, Default)]
pub struct MemoryStore {
    rows: Mutex<Rows>,
    shared: bool,
}

#[derive(Debug, Default)]
struct Rows {
    members: BTreeMap<MemberId, Arc<Member>>,
    relations: BTreeMap<Pair, Arc<Relation>>,
    past: BTreeMap<(MemberId, InvitationId), InvitationView>,
    notifications: BTreeMap<(MemberId, NotificationId), Notification>,
    events: BTreeMap<EventId, RecordedEvent>,
    claims: BTreeMap<ClaimName, Claim>,
    documents: BTreeMap<DocumentName, Document>,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty store that several engines may share.
    #[must_use]
    pub fn shared() -> Self {
        Self { shared: true, ..Self::default() }
    }

    fn rows(&self) -> MutexGuard<'_, Rows> {
        // A panic elsewhere leaves whole commits behind: each is applied after all its checks.
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rows {
    /// The lines of a member's lists that follow from the relations.
    fn lines_of<'a>(&'a self, owner: &'a MemberId) -> impl Iterator<Item = Entry> + 'a {
        let own = move |line: Line| (line.owner == *owner).then_some(line.entry);
        self.relations.values().flat_map(|relation| lines(relation)).filter_map(own)
    }

    fn pending<'a>(&'a self, owner: &'a MemberId, direction: Direction) -> impl Iterator<Item = InvitationView> + 'a {
        self.lines_of(owner).filter_map(move |entry| match entry {
            Entry::Pending(view) if view.direction == direction => Some(view),
            _ => None,
        })
    }

    fn invitation(&self, owner: &MemberId, id: InvitationId) -> Option<InvitationView> {
        let pending = [Direction::Sent, Direction::Received]
            .into_iter()
            .find_map(|direction| self.pending(owner, direction).find(|view| view.id == id));
        pending.or_else(|| self.past.get(&(owner.clone(), id)).cloned())
    }

    fn due(&self) -> Vec<Due> {
        let due = |relation: &Arc<Relation>| Some(Due { at: relation.next_due()?, pair: relation.pair.clone() });
        let mut all: Vec<Due> = self.relations.values().filter_map(due).collect();
        all.sort();
        all
    }

    fn check(&self, changes: &Changes) -> StoreResult<()> {
        let version = |id| self.members.get(id).map_or(0, |member: &Arc<Member>| member.version);
        let members_hold = changes.members.iter().all(|change| version(&change.before.id) == change.before.version);
        let version = |pair| self.relations.get(pair).map_or(0, |relation: &Arc<Relation>| relation.version);
        let relations_hold =
            changes.relations.iter().all(|change| version(&change.before.pair) == change.before.version);
        let claims_hold = changes.claims.iter().all(|claim| !self.claims.contains_key(&claim.name));
        let version = |name| self.documents.get(name).map_or(0, |document: &Document| document.version);
        let documents_hold = changes.documents.iter().all(|change| version(&change.name) == change.expected());
        let all_hold = members_hold && relations_hold && claims_hold && documents_hold;
        if all_hold { Ok(()) } else { Err(StoreError::Conflict) }
    }

    fn apply(&mut self, changes: &Changes) {
        for change in &changes.members {
            match &change.after {
                Some(member) => self.members.insert(member.id.clone(), Arc::clone(member)),
                None => self.members.remove(&change.before.id),
            };
        }
        for change in &changes.relations {
            let mut last = Some(&change.before);
            for step in &change.steps {
                match step {
                    Some(relation) => self.put_relation(relation),
                    None => self.remove_relation(last),
                }
                last = step.as_ref();
            }
        }
        for change in &changes.notifications {
            match change {
                NotificationChange::Put(owner, notification) => {
                    self.notifications.insert((owner.clone(), notification.id), notification.clone());
                }
                NotificationChange::Remove(owner, id) => {
                    self.notifications.remove(&(owner.clone(), *id));
                }
            }
        }
        self.events.extend(changes.events.iter().map(|event| (event.id, event.clone())));
        self.claims.extend(changes.claims.iter().map(|claim| (claim.name.clone(), claim.clone())));
        for change in &changes.documents {
            match change.document() {
                Some(document) => self.documents.insert(document.name.clone(), document),
                None => self.documents.remove(&change.name),
            };
        }
    }

    fn put_relation(&mut self, relation: &Arc<Relation>) {
        for line in lines(relation) {
            if let Entry::Past(view) = line.entry {
                self.past.insert((line.owner, view.id), view);
            }
        }
        self.relations.insert(relation.pair.clone(), Arc::clone(relation));
    }

    fn remove_relation(&mut self, last: Option<&Arc<Relation>>) {
        let Some(relation) = last else { return };
        self.relations.remove(&relation.pair);
        for line in lines(relation) {
            if let Entry::Past(view) = line.entry {
                self.past.remove(&(line.owner, view.id));
            }
        }
    }

    fn restore(&mut self, record: Record) -> StoreResult<()> {
        match record {
            Record::Member(member) => {
                self.members.insert(member.id.clone(), Arc::new(Member::from(*member)));
            }
            Record::Relation(relation) => {
                let relation = Relation::try_from(*relation).map_err(|error| StoreError::Failed(error.to_string()))?;
                self.relations.insert(relation.pair.clone(), Arc::new(relation));
            }
            Record::Past { owner, invitation } => {
                self.past.insert((owner, invitation.id), invitation);
            }
            Record::Notification { owner, notification } => {
                self.notifications.insert((owner, notification.id), notification);
            }
            Record::Event(event) => {
                self.events.insert(event.id, event);
            }
            Record::Claim(claim) => {
                self.claims.insert(claim.name.clone(), claim);
            }
            Record::Document(document) => {
                self.documents.insert(document.name.clone(), document);
            }
        }
        Ok(())
    }

    /// Everything, in a fixed order.
    fn records(&self) -> impl Iterator<Item = Record> + '_ {
        let members = self.members.values().map(|member| Record::Member(Box::new(Member::clone(member).into())));
        let relations =
            self.relations.values().map(|relation| Record::Relation(Box::new(Relation::clone(relation).into())));
        let past =
            self.past.iter().map(|((owner, _), view)| Record::Past { owner: owner.clone(), invitation: view.clone() });
        let notifications = self.notifications.iter().map(|((owner, _), notification)| Record::Notification {
            owner: owner.clone(),
            notification: notification.clone(),
        });
        let events = self.events.values().cloned().map(Record::Event);
        let claims = self.claims.values().cloned().map(Record::Claim);
        let documents = self.documents.values().cloned().map(Record::Document);
        members.chain(relations).chain(past).chain(notifications).chain(events).chain(claims).chain(documents)
    }
}

#[async_trait]
impl Store for MemoryStore {
    fn name(&self) -> String {
        "memory".into()
    }

    fn is_sole_owner(&self) -> bool {
        !self.shared
    }

    async fn load(&self, wanted: &Wanted) -> StoreResult<Loaded> {
        let rows = self.rows();
        Ok(Loaded {
            members: wanted.members.iter().map(|id| rows.members.get(id).map(|m| Member::clone(m))).collect(),
            relations: wanted.relations.iter().map(|p| rows.relations.get(p).map(|r| Relation::clone(r))).collect(),
            invitations: wanted.invitations.iter().map(|(owner, id)| rows.invitation(owner, *id)).collect(),
            claims: wanted.claims.iter().map(|name| rows.claims.get(name).cloned()).collect(),
            ids_after: None,
        })
    }

    async fn commit(&self, changes: &Changes) -> StoreResult<()> {
        let mut rows = self.rows();
        rows.check(changes)?;
        rows.apply(changes);
        Ok(())
    }

    async fn pending(&self, page: &PendingPage) -> StoreResult<Vec<InvitationView>> {
        let rows = self.rows();
        let mut all: Vec<_> = rows.pending(&page.member, page.direction).collect();
        all.sort_by_key(|view| view.id);
        if page.order == Order::Newest {
            all.reverse();
        }
        let begins = |view: &InvitationView| match (page.after, page.order) {
            (None, _) => true,
            (Some(after), Order::Newest) => view.id < after,
            (Some(after), Order::Oldest) => view.id > after,
        };
        Ok(all.into_iter().filter(begins).take(page.limit).collect())
    }

    async fn contacts(&self, page: &ContactPage) -> StoreResult<Vec<Contact>> {
        let rows = self.rows();
        let of_list = |entry| match entry {
            Entry::Contact(list, contact) if list == page.list => Some(contact),
            _ => None,
        };
        let mut all: Vec<Contact> = rows.lines_of(&page.member).filter_map(of_list).collect();
        all.sort();
        let begins = |contact: &Contact| page.after.as_ref().is_none_or(|after| contact < after);
        Ok(all.into_iter().rev().filter(begins).take(page.limit).collect())
    }

    async fn notifications(&self, page: &NotificationPage) -> StoreResult<Vec<Notification>> {
        let rows = self.rows();
        let stored = rows.notifications.iter().filter(|((owner, _), _)| *owner == page.member);
        let arrived = rows.pending(&page.member, Direction::Received).map(|view| arrival(&view));
        let mut all: Vec<_> = stored.map(|(_, notification)| notification.clone()).chain(arrived).collect();
        all.sort_by_key(|notification| notification.id);
        let begins = |notification: &Notification| page.after.is_none_or(|after| notification.id < after);
        Ok(all.into_iter().rev().filter(begins).take(page.limit).collect())
    }

    async fn events(&self, after: Option<EventId>, limit: usize) -> StoreResult<Vec<RecordedEvent>> {
        let rows = self.rows();
        let follows = |event: &&RecordedEvent| after.is_none_or(|after| event.id > after);
        Ok(rows.events.values().filter(follows).take(limit).cloned().collect())
    }

    async fn due(&self, after: Option<&Due>, until: Time, limit: usize) -> StoreResult<Vec<Due>> {
        let wanted = |due: &Due| due.at <= until && after.is_none_or(|after| due > after);
        Ok(self.rows().due().into_iter().filter(wanted).take(limit).collect())
    }

    async fn last_event(&self) -> StoreResult<Option<EventId>> {
        Ok(self.rows().events.keys().next_back().copied())
    }

    async fn related(&self, member: &MemberId, after: Option<&MemberId>, limit: usize) -> StoreResult<Vec<MemberId>> {
        let rows = self.rows();
        let own = rows.relations.keys().filter(|pair| pair.both().contains(&member));
        let mut others: Vec<_> = own.map(|pair| pair.other(member).clone()).collect();
        others.sort();
        Ok(others.into_iter().filter(|other| after.is_none_or(|after| other > after)).take(limit).collect())
    }

    async fn document(&self, name: &DocumentName) -> StoreResult<Option<Document>> {
        Ok(self.rows().documents.get(name).cloned())
    }

    async fn documents(&self, page: &DocumentPage) -> StoreResult<Vec<Document>> {
        let rows = self.rows();
        let wanted = |document: &&Document| {
            document.name.owner == page.owner
                && document.name.kind == page.kind
                && page.after.as_ref().is_none_or(|after| document.name.key > *after)
        };
        Ok(rows.documents.values().filter(wanted).take(page.limit).cloned().collect())
    }

    async fn due_documents(&self, page: &DuePage) -> StoreResult<Vec<Document>> {
        let rows = self.rows();
        let of_kind = rows.documents.values().filter(|document| document.name.kind == page.kind);
        let mut due: Vec<_> = of_kind.filter_map(|document| Some((document.place()?, document))).collect();
        due.retain(|(place, _)| place.at <= page.until && page.after.as_ref().is_none_or(|after| place > after));
        due.sort_by(|(a, _), (b, _)| a.cmp(b));
        Ok(due.into_iter().take(page.limit).map(|(_, document)| document.clone()).collect())
    }

    async fn erase_lists(&self, member: &MemberId) -> StoreResult<()> {
        let mut rows = self.rows();
        rows.past.retain(|(owner, _), _| owner != member);
        rows.notifications.retain(|(owner, _), _| owner != member);
        rows.documents.retain(|name, _| name.owner.as_ref() != Some(member));
        Ok(())
    }

    async fn forget_claims(&self, before: Time, limit: usize) -> StoreResult<bool> {
        let mut rows = self.rows();
        let old: HashSet<_> =
            rows.claims.values().filter(|claim| claim.at < before).take(limit).map(|c| c.name.clone()).collect();
        rows.claims.retain(|name, _| !old.contains(name));
        Ok(old.len() == limit)
    }

    async fn scan(&self, from: Option<&ScanPlace>, limit: usize) -> StoreResult<ScanPage> {
        let rows = self.rows();
        let unreadable = || StoreError::Failed("this place of a scan was made by another store".into());
        let skip = match from {
            None => 0,
            Some(ScanPlace(place)) => u64::from_be_bytes(place.as_slice().try_into().map_err(|_| unreadable())?),
        };
        let records: Vec<_> = rows.records().skip(usize::try_from(skip).unwrap_or(usize::MAX)).take(limit).collect();
        let next = skip + records.len() as u64;
        let next = (!records.is_empty()).then(|| ScanPlace(next.to_be_bytes().to_vec()));
        Ok(ScanPage { records, next })
    }

    async fn scan_history(&self, from: Option<&ScanPlace>, limit: usize) -> StoreResult<ScanPage> {
        let rows = self.rows();
        let is_after = |record: &Record| from.is_none_or(|ScanPlace(place)| order(record) > *place);
        let mut records: Vec<_> = rows.records().filter(Record::is_history).filter(is_after).collect();
        records.sort_by_key(order);
        records.truncate(limit);
        let next = records.last().map(|last| ScanPlace(order(last)));
        Ok(ScanPage { records, next })
    }

    async fn remove_history(&self, records: &[Record]) -> StoreResult<()> {
        let mut rows = self.rows();
        for record in records {
            match record {
                Record::Past { owner, invitation } => drop(rows.past.remove(&(owner.clone(), invitation.id))),
                Record::Notification { owner, notification } => {
                    rows.notifications.remove(&(owner.clone(), notification.id));
                }
                Record::Event(event) => drop(rows.events.remove(&event.id)),
                Record::Claim(claim) => drop(rows.claims.remove(&claim.name)),
                Record::Member(_) | Record::Relation(_) | Record::Document(_) => {}
            }
        }
        Ok(())
    }

    async fn restore(&self, records: &[Record]) -> StoreResult<()> {
        let mut rows = self.rows();
        records.iter().try_for_each(|record| rows.restore(record.clone()))
    }

    async fn health(&self) -> StoreResult<()> {
        Ok(())
    }
}

/// Where a record of the history comes in a scan.
fn order(record: &Record) -> Vec<u8> {
    let (table, first, second) = match record {
        Record::Past { owner, invitation } => (1, owner.as_str(), invitation.id.to_string()),
        Record::Notification { owner, notification } => (2, owner.as_str(), notification.id.to_string()),
        Record::Event(event) => (3, "", event.id.to_string()),
        Record::Claim(claim) => (4, claim.name.scope.as_str(), claim.name.key.clone()),
        Record::Member(_) | Record::Relation(_) | Record::Document(_) => (0, "", String::new()),
    };
    [&[table], first.as_bytes(), &[0], second.as_bytes()].concat()
}

/// The notification that a pending received invitation is (see `acquaint_core::event`).
#[must_use]
pub fn arrival(view: &InvitationView) -> Notification {
    Notification {
        id: NotificationId(view.id.0),
        at: view.sent_at,
        about: view.other.clone(),
        invitation: Some(view.id),
        kind: NotificationKind::InvitationReceived,
    }
}
