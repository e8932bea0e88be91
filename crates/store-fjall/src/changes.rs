//! From the port's changes to writes of keys.

use acquaint_core::decide::NotificationChange;
use acquaint_core::member::Member;
use acquaint_core::relation::Relation;
use acquaint_store::lines::{self, Entry, Line, LineChange};
use acquaint_store::{Changes, Claim, Document, DocumentChange, Due, MemberChange, Record, RelationChange};

use crate::codec::{self, Unreadable};
use crate::keys::{self, Key, Table};

/// A key and its new value; `None` removes it.
pub(crate) type Write = (Key, Option<Vec<u8>>);

/// A commit, ready to be checked and written.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// Rows, the version each must have, and the one it gets; 0 is a row that does not exist.
    pub(crate) rows: Vec<(Key, u64, u64)>,
    /// Keys that memory knows nothing of, and the version that each must have; 0 is one that does
    /// not exist.
    pub(crate) unremembered: Vec<(Key, u64)>,
    /// What is written, each key once, in their order.
    pub(crate) writes: Vec<Write>,
    /// How many events there are among the writes.
    pub(crate) events: usize,
}

impl Plan {
    /// What a commit of these changes comes to.
    pub(crate) fn of_changes(changes: &Changes) -> Result<Self, Unreadable> {
        let mut plan = Self { events: changes.events.len(), ..Self::default() };
        changes.members.iter().try_for_each(|change| plan.member(change))?;
        changes.relations.iter().try_for_each(|change| plan.relation(change))?;
        for change in &changes.notifications {
            match change {
                NotificationChange::Put(owner, line) => {
                    plan.put(keys::line(Table::Notification, owner, line.id.0), codec::pack("a notification", line)?);
                }
                NotificationChange::Remove(owner, id) => {
                    plan.remove(keys::line(Table::Notification, owner, id.0));
                }
            }
        }
        for event in &changes.events {
            plan.put(keys::event(event.id), codec::pack("an event", &event.event)?);
        }
        for claim in &changes.claims {
            plan.unremembered.push((keys::claim(&claim.name), 0));
            plan.claim(claim)?;
        }
        for change in &changes.documents {
            plan.document(change)?;
        }
        Ok(plan.finish())
    }

    /// What restoring these records comes to.
    pub(crate) fn of_records(records: &[Record]) -> Result<Self, Unreadable> {
        let mut plan = Self::default();
        records.iter().try_for_each(|record| plan.record(record))?;
        Ok(plan.finish())
    }

    /// What is written under that key.
    pub(crate) fn value(&self, key: &Key) -> Option<&[u8]> {
        let place = self.writes.binary_search_by(|(written, _)| written.cmp(key)).ok()?;
        self.writes.get(place).and_then(|(_, value)| value.as_deref())
    }

    /// Keys of members and relations that are written, and may be new.
    pub(crate) fn new_rows(&self) -> impl Iterator<Item = &Key> {
        let is_row = |key: &Key| [Table::Member, Table::Relation].iter().any(|table| table.has(key));
        let written = self.writes.iter().filter(|(_, value)| value.as_ref().is_some_and(|value| !value.is_empty()));
        written.map(|(key, _)| key).filter(move |key| is_row(key))
    }

    /// The removal of these keys.
    pub(crate) fn of_removals(removed: Vec<Key>) -> Self {
        let mut plan = Self::default();
        removed.into_iter().for_each(|key| plan.remove(key));
        plan.finish()
    }

    /// The removal of these documents.
    pub(crate) fn of_erased(documents: &[Document]) -> Self {
        let mut plan = Self::default();
        documents.iter().for_each(|document| plan.remove_document(document));
        plan.finish()
    }

    /// The removal of records that tell of the past.
    pub(crate) fn of_forgotten(records: &[Record]) -> Self {
        let mut plan = Self::default();
        for record in records {
            match record {
                Record::Past { owner, invitation } => plan.remove(keys::line(Table::Past, owner, invitation.id.0)),
                Record::Notification { owner, notification } => {
                    plan.remove(keys::line(Table::Notification, owner, notification.id.0));
                }
                Record::Event(event) => plan.remove(keys::event(event.id)),
                Record::Claim(claim) => {
                    let key = keys::claim(&claim.name);
                    plan.remove(keys::claim_age(claim.at, &key));
                    plan.remove(key);
                }
                Record::Member(_) | Record::Relation(_) | Record::Document(_) => {}
            }
        }
        plan.finish()
    }

    fn member(&mut self, change: &MemberChange) -> Result<(), Unreadable> {
        let (id, before) = (&change.before.id, &change.before);
        let after = change.after.as_deref();
        self.rows.push((keys::member(id), before.version, after.map_or(0, |after| after.version)));
        match after {
            Some(after) => self.put_member(after, Some(before)),
            None => {
                self.remove(keys::member(id));
                self.remove(keys::profile(id));
                Ok(())
            }
        }
    }

    /// Writes the row, and the profile only where it differs.
    fn put_member(&mut self, member: &Member, before: Option<&Member>) -> Result<(), Unreadable> {
        self.put(keys::member(&member.id), codec::pack_member(member)?);
        if before.is_some_and(|before| before.profile == member.profile) {
            return Ok(());
        }
        if codec::has_profile(member) {
            self.put(keys::profile(&member.id), codec::pack("a profile", &*member.profile)?);
        } else {
            self.remove(keys::profile(&member.id));
        }
        Ok(())
    }

    fn relation(&mut self, change: &RelationChange) -> Result<(), Unreadable> {
        let before = Some(&*change.before).filter(|before| before.version > 0);
        let after = change.after().map(|after| &**after).filter(|after| after.version > 0);
        let pair = &change.before.pair;
        self.rows.push((keys::relation(pair), change.before.version, after.map_or(0, |after| after.version)));
        if change.steps.is_empty() {
            return Ok(());
        }
        match after {
            Some(after) => self.put_relation(after, before.is_none())?,
            None => {
                self.remove(keys::relation(pair));
                self.remove(keys::relation_mirror(pair));
            }
        }
        let mut last = before;
        for step in &change.steps {
            let next = step.as_deref();
            lines::changes(last, next).into_iter().try_for_each(|change| self.line(change))?;
            last = next;
        }
        self.timer(before, after);
        Ok(())
    }

    fn put_relation(&mut self, relation: &Relation, is_new: bool) -> Result<(), Unreadable> {
        self.put(keys::relation(&relation.pair), codec::pack_relation(relation)?);
        if is_new {
            self.put(keys::relation_mirror(&relation.pair), Vec::new());
        }
        Ok(())
    }

    fn line(&mut self, change: LineChange) -> Result<(), Unreadable> {
        match change {
            LineChange::Put(line) => self.put_line(&line),
            LineChange::Remove(line) => {
                self.remove(line_key(&line));
                Ok(())
            }
        }
    }

    fn put_line(&mut self, line: &Line) -> Result<(), Unreadable> {
        let value = match &line.entry {
            Entry::Pending(view) | Entry::Past(view) => codec::pack_invitation(view)?,
            Entry::Contact(..) => Vec::new(),
        };
        self.put(line_key(line), value);
        Ok(())
    }

    fn timer(&mut self, before: Option<&Relation>, after: Option<&Relation>) {
        let Some((old, new)) = lines::due_change(before, after) else { return };
        let Some(relation) = after.or(before) else { return };
        let key = |at| keys::timer(&Due { at, pair: relation.pair.clone() });
        if let Some(at) = old {
            self.remove(key(at));
        }
        if let Some(at) = new {
            self.put(key(at), Vec::new());
        }
    }

    fn claim(&mut self, claim: &Claim) -> Result<(), Unreadable> {
        let key = keys::claim(&claim.name);
        self.put(keys::claim_age(claim.at, &key), Vec::new());
        self.put(key, codec::pack("an idempotency record", claim)?);
        Ok(())
    }

    fn document(&mut self, change: &DocumentChange) -> Result<(), Unreadable> {
        self.unremembered.push((keys::document(&change.name), change.expected()));
        if let Some(before) = &change.before {
            self.remove_document(before);
        }
        change.document().map_or(Ok(()), |document| self.put_document(&document))
    }

    fn remove_document(&mut self, document: &Document) {
        self.remove(keys::document(&document.name));
        if let Some(place) = document.place() {
            self.remove(keys::due_document(document.name.kind, &place));
        }
    }

    fn put_document(&mut self, document: &Document) -> Result<(), Unreadable> {
        if let Some(place) = document.place() {
            self.put(keys::due_document(document.name.kind, &place), Vec::new());
        }
        self.put(keys::document(&document.name), codec::pack_document(document)?);
        Ok(())
    }

    fn record(&mut self, record: &Record) -> Result<(), Unreadable> {
        match record {
            Record::Member(member) => self.put_member(&Member::from((**member).clone()), None),
            Record::Relation(record) => {
                let relation = Relation::try_from((**record).clone()).map_err(|_| Unreadable("a relation"))?;
                self.put_relation(&relation, true)?;
                // Lines of what is over are records of their own.
                let current = |line: &Line| !matches!(line.entry, Entry::Past(_));
                lines::lines(&relation).iter().filter(|line| current(line)).try_for_each(|line| self.put_line(line))?;
                self.timer(None, Some(&relation));
                Ok(())
            }
            Record::Past { owner, invitation } => {
                self.put(keys::line(Table::Past, owner, invitation.id.0), codec::pack_invitation(invitation)?);
                Ok(())
            }
            Record::Notification { owner, notification } => {
                let value = codec::pack("a notification", notification)?;
                self.put(keys::line(Table::Notification, owner, notification.id.0), value);
                Ok(())
            }
            Record::Event(event) => {
                self.put(keys::event(event.id), codec::pack("an event", &event.event)?);
                Ok(())
            }
            Record::Claim(claim) => self.claim(claim),
            Record::Document(document) => self.put_document(document),
        }
    }

    fn put(&mut self, key: Key, value: Vec<u8>) {
        self.writes.push((key, Some(value)));
    }

    fn remove(&mut self, key: Key) {
        self.writes.push((key, None));
    }

    /// Keeps the last write of each key: within one batch fjall does not tell which came last.
    fn finish(mut self) -> Self {
        self.writes.sort_by(|(a, _), (b, _)| a.cmp(b));
        self.writes.dedup_by(|later, earlier| {
            let same = later.0 == earlier.0;
            if same {
                std::mem::swap(later, earlier);
            }
            same
        });
        self
    }
}

fn line_key(line: &Line) -> Key {
    match &line.entry {
        Entry::Pending(view) => keys::line(Table::pending(view.direction), &line.owner, view.id.0),
        Entry::Past(view) => keys::line(Table::Past, &line.owner, view.id.0),
        Entry::Contact(list, contact) => keys::contact(*list, &line.owner, contact),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_write_of_a_key_is_the_one_that_counts() {
        let mut plan = Plan::default();
        plan.put(vec![2], vec![0]);
        plan.remove(vec![1]);
        plan.put(vec![1], vec![7]);
        plan.remove(vec![2]);
        assert_eq!(plan.finish().writes, [(vec![1], Some(vec![7])), (vec![2], None)]);
    }
}
