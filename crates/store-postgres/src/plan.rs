//! From the port's changes to statements.
//!
//! Rows go in the order of their keys, so that two commits that touch the same ones seldom wait for
//! each other in a circle. A row that must not exist is inserted, and a row that was only looked at
//! is written as it is: both settle the precondition and keep it until the commit is over.

use std::collections::BTreeMap;

use acquaint_core::decide::NotificationChange;
use acquaint_core::event::{Notification, RecordedEvent};
use acquaint_core::ids::{InvitationId, MemberId, NotificationId};
use acquaint_core::view::InvitationView;
use acquaint_store::lines::{self, Entry, LineChange};
use acquaint_store::{Changes, Claim, Document, DocumentChange, MemberChange, RelationChange};
use uuid::Uuid;

use crate::connection::{Step, param};
use crate::members::MemberRow;
use crate::relations::RelationRow;
use crate::rows::{ClaimRow, NotificationRow, PastRow};
use crate::sql::Sql;
use crate::value::{Rows, ToRow, Unreadable, Value, columns};

/// Rows in one statement, at most: a distributed database compares each with all the members that it
/// names, and more rows make a statement hardly any cheaper for each.
pub(crate) const ROWS_AT_ONCE: usize = 256;

/// What becomes of the rows of a table with versions.
#[derive(Debug)]
struct Writes<'a, R> {
    inserts: Vec<R>,
    updates: Vec<Versioned<R>>,
    deletes: Vec<Versioned<Key<'a>>>,
}

impl<R> Default for Writes<'_, R> {
    fn default() -> Self {
        Self { inserts: Vec::new(), updates: Vec::new(), deletes: Vec::new() }
    }
}

/// A row that must be of this version.
#[derive(Debug)]
struct Versioned<R> {
    row: R,
    expected: u64,
}

/// The columns of a primary key.
#[derive(Debug)]
struct Key<'a>(Vec<Value<'a>>);

impl ToRow for Key<'_> {
    fn values(&self) -> Vec<Value<'_>> {
        self.0.clone()
    }
}

impl ToRow for Versioned<Key<'_>> {
    fn values(&self) -> Vec<Value<'_>> {
        let mut values = self.row.values();
        values.push(self.expected.into());
        values
    }
}

/// Lines that are put or removed; what was said last about one holds.
type Lines<'a, I, V> = BTreeMap<(&'a MemberId, I), Option<V>>;

/// A commit, ready to be sent.
#[derive(Debug, Default)]
pub(crate) struct Plan<'a> {
    stamp: Uuid,
    members: Writes<'a, MemberRow<'a>>,
    relations: Writes<'a, RelationRow<'a>>,
    past: Vec<PastRow<'a>>,
    past_removed: Vec<Key<'a>>,
    notifications: Vec<NotificationRow<'a>>,
    notifications_removed: Vec<Key<'a>>,
    events: Vec<&'a RecordedEvent>,
    claims: Vec<ClaimRow<'a>>,
    documents: Writes<'a, Document>,
}

impl<'a> Plan<'a> {
    /// What a commit of these changes comes to; `stamp` is the greatest event id that is known to
    /// come before whatever follows it.
    pub(crate) fn of_changes(changes: &'a Changes, stamp: Uuid) -> Result<Self, Unreadable> {
        let mut plan = Self { stamp, ..Self::default() };
        let mut members: Vec<_> = changes.members.iter().collect();
        members.sort_by(|a, b| a.before.id.cmp(&b.before.id));
        members.into_iter().for_each(|change| plan.member(change));
        let mut past = Lines::new();
        for change in &changes.relations {
            plan.relation(change);
            past_lines(change, &mut past);
        }
        plan.relations.sort();
        plan.past(past);
        plan.notifications(&changes.notifications);
        plan.events = changes.events.iter().collect();
        let mut claims: Vec<&Claim> = changes.claims.iter().collect();
        claims.sort_by(|a, b| a.name.cmp(&b.name));
        plan.claims = claims.into_iter().map(ClaimRow::of).collect::<Result<_, _>>()?;
        let mut documents: Vec<_> = changes.documents.iter().collect();
        documents.sort_by(|a, b| a.name.cmp(&b.name));
        documents.into_iter().for_each(|change| plan.document(change));
        Ok(plan)
    }

    fn document(&mut self, change: &'a DocumentChange) {
        let expected = change.expected();
        match (change.document(), expected) {
            (Some(document), 0) => self.documents.inserts.push(document),
            (Some(document), _) => self.documents.updates.push(Versioned { row: document, expected }),
            (None, _) => {
                let name = &change.name;
                let row = Key(vec![name.owner_text().into(), name.kind.name().into(), name.key.as_str().into()]);
                self.documents.deletes.push(Versioned { row, expected });
            }
        }
    }

    fn member(&mut self, change: &'a MemberChange) {
        let expected = change.before.version;
        let key = || Key(vec![(&change.before.id).into()]);
        let row = |member| MemberRow { member, stamp: self.stamp };
        match (&change.after, expected) {
            (Some(after), 0) => self.members.inserts.push(row(after)),
            (Some(after), _) => self.members.updates.push(Versioned { row: row(after), expected }),
            (None, _) => {
                // One that was never there is put for a moment: it must not be there.
                self.members.inserts.extend((expected == 0).then(|| row(&change.before)));
                self.members.deletes.push(Versioned { row: key(), expected });
            }
        }
    }

    fn relation(&mut self, change: &'a RelationChange) {
        let expected = change.before.version;
        let rows = |relation| RelationRow::both(relation, self.stamp);
        match (change.after().map(|after| &**after), expected) {
            (Some(after), 0) if !change.steps.is_empty() => self.relations.inserts.extend(rows(after)),
            (Some(after), 1..) => {
                self.relations.updates.extend(rows(after).map(|row| Versioned { row, expected }));
            }
            _ => {
                self.relations.inserts.extend(rows(&change.before).into_iter().filter(|_| expected == 0));
                let [low, high] = change.before.pair.both();
                let keys = [Key(vec![low.into(), high.into()]), Key(vec![high.into(), low.into()])];
                self.relations.deletes.extend(keys.map(|row| Versioned { row, expected }));
            }
        }
    }

    fn past(&mut self, lines: Lines<'a, InvitationId, InvitationView>) {
        for ((owner, id), line) in lines {
            match line {
                Some(view) => self.past.push(PastRow { owner, view }),
                None => self.past_removed.push(Key(vec![owner.into(), id.0.into()])),
            }
        }
    }

    fn notifications(&mut self, changes: &'a [NotificationChange]) {
        let mut lines: Lines<'a, NotificationId, &'a Notification> = Lines::new();
        for change in changes {
            match change {
                NotificationChange::Put(owner, line) => lines.insert((owner, line.id), Some(line)),
                NotificationChange::Remove(owner, id) => lines.insert((owner, *id), None),
            };
        }
        for ((owner, id), line) in lines {
            match line {
                Some(notification) => self.notifications.push(NotificationRow { owner, notification }),
                None => self.notifications_removed.push(Key(vec![owner.into(), id.0.into()])),
            }
        }
    }

    /// The statements, in order. Each that changes what was read says how many rows it must touch; one that inserts
    /// rows is refused if any is there.
    pub(crate) fn steps(&self) -> Vec<Step<'_>> {
        let mut steps = Vec::new();
        self.members.push(&mut steps, [Sql::InsertMembers, Sql::UpdateMembers, Sql::DeleteMembers]);
        self.relations.push(&mut steps, [Sql::InsertRelations, Sql::UpdateRelations, Sql::DeleteRelations]);
        push_all(&mut steps, Sql::PutPast, &self.past);
        push_keys(&mut steps, Sql::DeletePast, &self.past_removed);
        push_all(&mut steps, Sql::PutNotifications, &self.notifications);
        push_keys(&mut steps, Sql::DeleteNotifications, &self.notifications_removed);
        push_all(&mut steps, Sql::InsertEvents, &self.events);
        push_all(&mut steps, Sql::InsertClaims, &self.claims);
        self.documents.push(&mut steps, [Sql::InsertDocuments, Sql::UpdateDocuments, Sql::DeleteDocuments]);
        steps
    }
}

impl<R: ToRow> Writes<'_, R> {
    /// Statements that insert, update and delete.
    fn push<'s>(&'s self, steps: &mut Vec<Step<'s>>, [insert, update, delete]: [Sql; 3]) {
        push_all(steps, insert, &self.inserts);
        for chunk in self.updates.chunks(ROWS_AT_ONCE) {
            let rows = Rows::of(chunk.iter().map(|versioned| &versioned.row));
            let expected: Vec<Value<'_>> = chunk.iter().map(|versioned| versioned.expected.into()).collect();
            let members = rows.members();
            let step = Step::new(update, vec![param(rows), param(expected)]).of_members(members);
            steps.push(step.touching(chunk.len()));
        }
        let deletes = self.deletes.chunks(ROWS_AT_ONCE);
        steps.extend(deletes.map(|chunk| Step::new(delete, columns(chunk)).touching(chunk.len())));
    }
}

impl Writes<'_, RelationRow<'_>> {
    fn sort(&mut self) {
        self.inserts.sort_by(|a, b| a.key().cmp(&b.key()));
        self.updates.sort_by(|a, b| a.row.key().cmp(&b.row.key()));
    }
}

/// What a relation's steps put into the tables of what is over, and take out of them.
fn past_lines<'a>(change: &'a RelationChange, past: &mut Lines<'a, InvitationId, InvitationView>) {
    let mut last = Some(&*change.before).filter(|before| before.version > 0);
    for step in &change.steps {
        let next = step.as_deref();
        for line in lines::changes(last, next) {
            let (LineChange::Put(ref named) | LineChange::Remove(ref named)) = line;
            let Some(owner) = change.before.pair.both().into_iter().find(|owner| **owner == named.owner) else {
                continue;
            };
            match line {
                LineChange::Put(lines::Line { entry: Entry::Past(view), .. }) => {
                    past.insert((owner, view.id), Some(view))
                }
                LineChange::Remove(lines::Line { entry: Entry::Past(view), .. }) => past.insert((owner, view.id), None),
                _ => None,
            };
        }
        last = next;
    }
}

/// Statements that insert or put all rows.
pub(crate) fn push_all<'a, R: ToRow>(steps: &mut Vec<Step<'a>>, sql: Sql, rows: &'a [R]) {
    steps.extend(rows.chunks(ROWS_AT_ONCE).map(|chunk| given(sql, chunk)));
}

/// Statements for the rows of all keys, which touch what they find.
fn push_keys<'a>(steps: &mut Vec<Step<'a>>, sql: Sql, keys: &'a [Key<'_>]) {
    steps.extend(keys.chunks(ROWS_AT_ONCE).map(|chunk| Step::new(sql, columns(chunk))));
}

fn given<'a, R: ToRow>(sql: Sql, rows: &'a [R]) -> Step<'a> {
    Step::new(sql, vec![param(Rows::of(rows.iter()))])
}
