//! Pages of lists, and what is due.

use acquaint_core::event::{Event, Notification, RecordedEvent};
use acquaint_core::ids::{EventId, InvitationId, MemberId};
use acquaint_core::time::Time;
use acquaint_core::view::{Direction, InvitationView};
use acquaint_store::memory::arrival;
use acquaint_store::{
    Contact, ContactPage, Document, DocumentName, DocumentPage, Due, DuePage, NotificationPage, Order, PendingPage,
};
use uuid::Uuid;

use crate::codec::{self, Unreadable};
use crate::error::ReadError;
use crate::keys::{self, Key, Range, Table};
use crate::read::View;

const KEY: Unreadable = Unreadable("a key");

impl View<'_> {
    pub(crate) fn pending(&self, page: &PendingPage) -> Result<Vec<InvitationView>, ReadError> {
        let table = Table::pending(page.direction);
        let all = keys::owned(table, &page.member);
        let after = page.after.map(|after| keys::line(table, &page.member, after.0));
        let (range, backwards) = match page.order {
            Order::Newest => (cut(all, after, Range::before), true),
            Order::Oldest => (cut(all, after, Range::after), false),
        };
        self.invitations(range, backwards, page.limit)
    }

    fn invitations(&self, range: Range, backwards: bool, limit: usize) -> Result<Vec<InvitationView>, ReadError> {
        self.page(range, backwards, limit, |key, value| {
            let (_, id) = keys::parse_line(key).ok_or(KEY)?;
            codec::unpack_invitation(InvitationId(id), value)
        })
    }

    pub(crate) fn contacts(&self, page: &ContactPage) -> Result<Vec<Contact>, ReadError> {
        let all = keys::owned(Table::contacts(page.list), &page.member);
        let after = page.after.as_ref().map(|after| keys::contact(page.list, &page.member, after));
        let range = cut(all, after, Range::before);
        self.page(range, true, page.limit, |key, _| keys::parse_contact(key).ok_or(KEY))
    }

    /// Stored ones and pending received invitations, merged: both tables sort by time.
    pub(crate) fn notifications(&self, page: &NotificationPage) -> Result<Vec<Notification>, ReadError> {
        let range = |table| {
            let after = page.after.map(|after| keys::line(table, &page.member, after.0));
            cut(keys::owned(table, &page.member), after, Range::before)
        };
        let mut all = self.page(range(Table::Notification), true, page.limit, |_, value| {
            codec::unpack::<Notification>("a notification", value)
        })?;
        let received = self.invitations(range(Table::pending(Direction::Received)), true, page.limit)?;
        all.splice(0..0, received.iter().map(arrival));
        all.sort_by_key(|notification| std::cmp::Reverse(notification.id));
        all.truncate(page.limit);
        Ok(all)
    }

    pub(crate) fn events(&self, after: Option<EventId>, limit: usize) -> Result<Vec<RecordedEvent>, ReadError> {
        let range = cut(Table::Event.all(), after.map(keys::event), Range::after);
        self.page(range, false, limit, |key, value| {
            let id = keys::parse_event(key).ok_or(KEY)?;
            Ok(RecordedEvent { id, event: codec::unpack::<Event>("an event", value)? })
        })
    }

    pub(crate) fn last_event(&self) -> Result<Option<EventId>, ReadError> {
        let mut ids = self.rows(Table::Event.all(), true);
        ids.next().map(|row| Ok(keys::parse_event(&row?.0).ok_or(KEY)?)).transpose()
    }

    pub(crate) fn related(
        &self,
        member: &MemberId,
        after: Option<&MemberId>,
        limit: usize,
    ) -> Result<Vec<MemberId>, ReadError> {
        let all = keys::owned(Table::Relation, member);
        let range = cut(all, after.map(|after| keys::related(member, after)), Range::after);
        self.page(range, false, limit, |key, _| keys::parse_related(key).map(|(_, other)| other).ok_or(KEY))
    }

    /// A timer that is done leaves a mark until compaction drops it, and a search without `after`
    /// steps over all of them: callers keep the place they have come to.
    pub(crate) fn due(&self, after: Option<&Due>, until: Time, limit: usize) -> Result<Vec<Due>, ReadError> {
        let all = Table::Timer.all().before(keys::timers_after(until));
        let range = cut(all, after.map(keys::timer), Range::after);
        self.page(range, false, limit, |key, _| keys::parse_timer(key).ok_or(KEY))
    }

    pub(crate) fn document(&self, name: &DocumentName) -> Result<Option<Document>, ReadError> {
        let row = self.get(&keys::document(name))?;
        row.map(|row| Ok(codec::unpack_document(name.clone(), &row)?)).transpose()
    }

    pub(crate) fn documents(&self, page: &DocumentPage) -> Result<Vec<Document>, ReadError> {
        let DocumentPage { owner, kind, after, limit } = page;
        let name = |key: &String| DocumentName { owner: owner.clone(), kind: *kind, key: key.clone() };
        let after = after.as_ref().map(|key| keys::document(&name(key)));
        let range = cut(keys::documents(owner.as_ref(), *kind), after, Range::after);
        self.page(range, false, *limit, unpack_document)
    }

    /// All that this member owns, of every kind, at most so many.
    pub(crate) fn documents_of(&self, owner: &MemberId, limit: usize) -> Result<Vec<Document>, ReadError> {
        self.page(keys::owned(Table::Document, owner), false, limit, unpack_document)
    }

    /// As for timers, callers keep the place they have come to.
    pub(crate) fn due_documents(&self, page: &DuePage) -> Result<Vec<Document>, ReadError> {
        let after = page.after.as_ref().map(|place| keys::due_document(page.kind, place));
        let range = cut(keys::due_documents(page.kind, page.until), after, Range::after);
        let due = self.page(range, false, page.limit, |key, _| keys::parse_due_document(key).ok_or(KEY))?;
        due.iter().map(|name| self.document(name)?.ok_or_else(|| self.lost("a due document"))).collect()
    }

    /// Reads the rows of a range until `limit` of them were read.
    fn page<T>(
        &self,
        range: Range,
        backwards: bool,
        limit: usize,
        read: impl Fn(&[u8], &[u8]) -> Result<T, Unreadable>,
    ) -> Result<Vec<T>, ReadError> {
        let rows = self.rows(range, backwards).take(limit);
        rows.map(|row| row.and_then(|(key, value)| Ok(read(&key, &value)?))).collect()
    }

    /// The keys of a member's lines in a table, at most so many.
    pub(crate) fn lines_of(&self, table: Table, member: &MemberId, limit: usize) -> Result<Vec<Key>, ReadError> {
        self.page(keys::owned(table, member), false, limit, |key, _| Ok(key.to_vec()))
    }

    /// The rows by age of claims made before then, at most so many.
    pub(crate) fn old_claims(&self, before: Time, limit: usize) -> Result<Vec<Key>, ReadError> {
        let range = Table::ClaimAge.all().before(keys::claim_ages_from(before));
        self.page(range, false, limit, |key, _| Ok(key.to_vec()))
    }
}

/// The document that a row is.
pub(crate) fn unpack_document(key: &[u8], value: &[u8]) -> Result<Document, Unreadable> {
    codec::unpack_document(keys::parse_document(key).ok_or(KEY)?, value)
}

fn cut(range: Range, at: Option<Key>, how: fn(Range, Key) -> Range) -> Range {
    match at {
        Some(key) => how(range, key),
        None => range,
    }
}

/// The identifier in a line's key.
pub(crate) fn line_id(key: &[u8]) -> Result<(MemberId, Uuid), Unreadable> {
    keys::parse_line(key).ok_or(KEY)
}
