//! From a relation to the lines that it has in its members' lists.
//!
//! A store that keeps lists takes every line from here, and here they are taken from
//! `acquaint_core::view`: what a member must not see is never written into a list of theirs.

use acquaint_core::ids::MemberId;
use acquaint_core::relation::Relation;
use acquaint_core::time::Time;
use acquaint_core::view::{self, ContactList, InvitationState, InvitationView};

use crate::Contact;

/// A line in one of a member's lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Whose list.
    pub owner: MemberId,
    /// What stands in it.
    pub entry: Entry,
}

/// What stands in a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A pending invitation, in the list of its direction.
    Pending(InvitationView),
    /// An invitation that is over for the owner.
    Past(InvitationView),
    /// Another member in one of the contact lists.
    Contact(ContactList, Contact),
}

/// What happens to a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LineChange {
    /// It is written, over one with the same name.
    Put(Line),
    /// It is removed.
    Remove(Line),
}

/// Every line that follows from this state of a relation.
#[must_use]
pub fn lines(relation: &Relation) -> Vec<Line> {
    let mut lines = Vec::with_capacity(4);
    for owner in relation.pair.both() {
        let shown = [view::sent(relation, owner), view::received(relation, owner)];
        let invitations = shown.into_iter().flatten().map(|invitation| match invitation.state {
            InvitationState::Pending => Entry::Pending(invitation),
            _ => Entry::Past(invitation),
        });
        let contacts = ContactList::ALL.into_iter().filter_map(|list| {
            let since = view::contact(relation, owner, list)?;
            Some(Entry::Contact(list, Contact { since, other: relation.pair.other(owner).clone() }))
        });
        lines.extend(invitations.chain(contacts).map(|entry| Line { owner: owner.clone(), entry }));
    }
    lines
}

/// What happens to the lines when a relation goes from one state to the next; `None` is no row.
/// Lines of what is over stay when a newer invitation takes its place, and go with the relation.
#[must_use]
pub fn changes(before: Option<&Relation>, after: Option<&Relation>) -> Vec<LineChange> {
    let old = before.map(lines).unwrap_or_default();
    let new = after.map(lines).unwrap_or_default();
    let stays = |line: &Line| new.contains(line) || (after.is_some() && matches!(line.entry, Entry::Past(_)));
    let removed: Vec<_> = old.iter().filter(|line| !stays(line)).cloned().map(LineChange::Remove).collect();
    let put = new.into_iter().filter(|line| !old.contains(line)).map(LineChange::Put);
    removed.into_iter().chain(put).collect()
}

/// When something is due between the two before and after a change.
#[must_use]
pub fn due_change(before: Option<&Relation>, after: Option<&Relation>) -> Option<(Option<Time>, Option<Time>)> {
    let (old, new) = (before.and_then(Relation::next_due), after.and_then(Relation::next_due));
    (old != new).then_some((old, new))
}
