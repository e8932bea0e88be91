//! A relation's two rows, one from the side of each member.
//!
//! The columns `listed_…` say in which of the member's lists the other stands. They are made from
//! [`lines`], which is made from the views, so that no statement can show a member what they must
//! not see.

use acquaint_core::ids::{InvitationId, MemberId, NotificationId};
use acquaint_core::relation::{End, Follow, Invitation, Kept, Pair, Relation, Side, State};
use acquaint_core::time::Time;
use acquaint_core::view::{ContactList, Direction};
use acquaint_store::lines::{Entry, lines};
use uuid::Uuid;

use crate::names::Named;
use crate::rows::Table;
use crate::value::{Fields, ToRow, Unreadable, Value};

pub(crate) const RELATIONS: Table = Table {
    name: "relations",
    row: "relation_row",
    key: &["member_id", "other_id"],
    columns: &[
        ("member_id", "text"),
        ("other_id", "text"),
        ("version", "bigint"),
        ("stamp", "uuid"),
        ("connected_since", "timestamptz"),
        ("own_invitation_id", "uuid"),
        ("own_note", "text"),
        ("own_sent_at", "timestamptz"),
        ("own_expires_at", "timestamptz"),
        ("own_ended_how", "text"),
        ("own_ended_at", "timestamptz"),
        ("own_kept_why", "text"),
        ("own_kept_at", "timestamptz"),
        ("own_reminder_moments", "smallint"),
        ("own_reminders", "uuid[]"),
        ("own_next_due", "timestamptz"),
        ("own_follow_since", "timestamptz"),
        ("own_follow_hidden", "boolean"),
        ("own_blocking_since", "timestamptz"),
        ("own_unblocked_at", "timestamptz"),
        ("own_bars", "boolean"),
        ("own_quiet_until", "timestamptz"),
        ("other_invitation_id", "uuid"),
        ("other_note", "text"),
        ("other_sent_at", "timestamptz"),
        ("other_expires_at", "timestamptz"),
        ("other_ended_how", "text"),
        ("other_ended_at", "timestamptz"),
        ("other_kept_why", "text"),
        ("other_kept_at", "timestamptz"),
        ("other_reminder_moments", "smallint"),
        ("other_reminders", "uuid[]"),
        ("other_next_due", "timestamptz"),
        ("other_follow_since", "timestamptz"),
        ("other_follow_hidden", "boolean"),
        ("other_blocking_since", "timestamptz"),
        ("other_unblocked_at", "timestamptz"),
        ("other_bars", "boolean"),
        ("other_quiet_until", "timestamptz"),
        ("listed_sent", "uuid"),
        ("listed_received", "uuid"),
        ("listed_connection", "timestamptz"),
        ("listed_following", "timestamptz"),
        ("listed_follower", "timestamptz"),
        ("listed_block", "timestamptz"),
        ("due_at", "timestamptz"),
    ],
};

/// A relation from one member's side, with the greatest event id of the commit that writes it.
#[derive(Debug)]
pub(crate) struct RelationRow<'a> {
    relation: &'a Relation,
    owner: &'a MemberId,
    stamp: Uuid,
    listed: Listed,
}

/// In which of a member's lists the other stands.
#[derive(Debug, Default, Clone, Copy)]
struct Listed {
    sent: Option<InvitationId>,
    received: Option<InvitationId>,
    connection: Option<Time>,
    following: Option<Time>,
    follower: Option<Time>,
    block: Option<Time>,
}

impl Listed {
    fn add(&mut self, entry: &Entry) {
        match entry {
            Entry::Pending(view) => match view.direction {
                Direction::Sent => self.sent = Some(view.id),
                Direction::Received => self.received = Some(view.id),
            },
            Entry::Contact(list, contact) => match list {
                ContactList::Connections => self.connection = Some(contact.since),
                ContactList::Following => self.following = Some(contact.since),
                ContactList::Followers => self.follower = Some(contact.since),
                ContactList::Blocks => self.block = Some(contact.since),
            },
            // Kept in a table of their own: there may be many between two members.
            Entry::Past(_) => {}
        }
    }
}

impl<'a> RelationRow<'a> {
    /// The two rows of a relation.
    pub(crate) fn both(relation: &'a Relation, stamp: Uuid) -> [Self; 2] {
        let all = lines(relation);
        relation.pair.both().map(|owner| {
            let mut listed = Listed::default();
            all.iter().filter(|line| line.owner == *owner).for_each(|line| listed.add(&line.entry));
            Self { relation, owner, stamp, listed }
        })
    }

    /// Whose row, and about whom.
    pub(crate) fn key(&self) -> (&'a MemberId, &'a MemberId) {
        (self.owner, self.relation.pair.other(self.owner))
    }
}

impl ToRow for RelationRow<'_> {
    fn values(&self) -> Vec<Value<'_>> {
        let (owner, other) = self.key();
        let listed = self.listed;
        let mut values = Vec::with_capacity(RELATIONS.columns.len());
        values.extend([
            owner.into(),
            other.into(),
            self.relation.version.into(),
            self.stamp.into(),
            self.relation.state.connected_since.into(),
        ]);
        values.extend(side_values(self.relation.side(owner)));
        values.extend(side_values(self.relation.other_side(owner)));
        values.extend([
            listed.sent.map(|id| id.0).into(),
            listed.received.map(|id| id.0).into(),
            listed.connection.into(),
            listed.following.into(),
            listed.follower.into(),
            listed.block.into(),
            self.relation.next_due().filter(|_| owner == self.relation.pair.low()).into(),
        ]);
        values
    }
}

fn side_values(side: &Side) -> [Value<'_>; 17] {
    let invitation = side.invitation.as_ref();
    let (end, kept) = (invitation.and_then(|it| it.end), invitation.and_then(|it| it.kept));
    let reminders = |it: &Invitation| it.reminders.iter().map(|id| id.0).collect::<Vec<_>>();
    [
        invitation.map(|it| it.id.0).into(),
        invitation.and_then(|it| it.note.as_deref()).into(),
        invitation.map(|it| it.sent_at).into(),
        invitation.and_then(|it| it.expires_at).into(),
        end.map(|end| end.how.name()).into(),
        end.map(|end| end.at).into(),
        kept.map(|kept| kept.why.name()).into(),
        kept.map(|kept| kept.at).into(),
        invitation.map(|it| it.reminder_moments).into(),
        invitation.map(reminders).into(),
        invitation.and_then(|it| it.next_due).into(),
        side.follow.map(|follow| follow.since).into(),
        side.follow.map(|follow| follow.hidden).into(),
        side.blocking_since.into(),
        side.unblocked_at.into(),
        side.bars.into(),
        side.quiet_until.into(),
    ]
}

/// The relation, and the stamp.
pub(crate) fn read_relation(mut row: Fields<'_>) -> Result<(Relation, Uuid), Unreadable> {
    let (owner, other) = (row.member()?, row.member()?);
    let pair = Pair::new(&owner, &other).ok_or_else(|| Unreadable("a relation of a member with themselves".into()))?;
    let (version, stamp) = (row.number::<i64, u64>()?, row.take()?);
    let connected_since = row.maybe_time()?;
    let (own, others) = (read_side(&mut row)?, read_side(&mut row)?);
    let (low, high) = if owner == *pair.low() { (own, others) } else { (others, own) };
    Ok((Relation { pair, version, state: State { connected_since, low, high } }, stamp))
}

fn read_side(row: &mut Fields<'_>) -> Result<Side, Unreadable> {
    let invitation = read_invitation(row)?;
    let (since, hidden) = (row.maybe_time()?, row.take::<Option<bool>>()?);
    Ok(Side {
        invitation,
        follow: since.zip(hidden).map(|(since, hidden)| Follow { since, hidden }),
        blocking_since: row.maybe_time()?,
        unblocked_at: row.maybe_time()?,
        bars: row.take()?,
        quiet_until: row.maybe_time()?,
    })
}

fn read_invitation(row: &mut Fields<'_>) -> Result<Option<Invitation>, Unreadable> {
    let (id, note) = (row.take::<Option<Uuid>>()?, row.take()?);
    let (sent_at, expires_at) = (row.maybe_time()?, row.maybe_time()?);
    let end = row.maybe_named()?.zip(row.maybe_time()?).map(|(how, at)| End { how, at });
    let kept = row.maybe_named()?.zip(row.maybe_time()?).map(|(why, at)| Kept { why, at });
    let reminder_moments = row.maybe_number::<i16, u8>()?;
    let reminders: Option<Vec<Uuid>> = row.take()?;
    let next_due = row.maybe_time()?;
    let (Some(id), Some(sent_at)) = (id, sent_at) else { return Ok(None) };
    Ok(Some(Invitation {
        id: InvitationId(id),
        note,
        sent_at,
        expires_at,
        end,
        kept,
        reminder_moments: reminder_moments.unwrap_or_default(),
        reminders: reminders.unwrap_or_default().into_iter().map(NotificationId).collect(),
        next_due,
    }))
}
