//! What a store keeps, in a form that any other store can take: for backup, restore and copy.

use acquaint_core::event::{Notification, RecordedEvent};
use acquaint_core::ids::MemberId;
use acquaint_core::member::{Ledger, Member, Profile};
use acquaint_core::relation::{Pair, Relation, State};
use acquaint_core::view::InvitationView;
use serde::{Deserialize, Serialize};

use crate::{Claim, Document};

/// One thing that is kept. Pending lists, contact lists and timers are not among them: they follow
/// from the relations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Record {
    /// A member.
    Member(Box<MemberRecord>),
    /// All there is between two members.
    Relation(Box<RelationRecord>),
    /// An invitation that is over, as one of the two sees it.
    Past {
        /// Who sees it.
        owner: MemberId,
        /// How.
        invitation: InvitationView,
    },
    /// A line in a member's notifications.
    Notification {
        /// Whose.
        owner: MemberId,
        /// Which.
        notification: Notification,
    },
    /// An event.
    Event(RecordedEvent),
    /// An idempotency record.
    Claim(Claim),
    /// A document.
    Document(Document),
}

impl Record {
    /// Whether it tells of the past: whatever no rule and no list of the present depends on.
    #[must_use]
    pub fn is_history(&self) -> bool {
        match self {
            Record::Past { .. } | Record::Notification { .. } | Record::Event(_) | Record::Claim(_) => true,
            Record::Member(_) | Record::Relation(_) | Record::Document(_) => false,
        }
    }
}

/// A member's row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberRecord {
    /// Who.
    pub id: MemberId,
    /// How often it was changed.
    pub version: u64,
    /// What the host told us.
    pub profile: Profile,
    /// What the rules count.
    pub ledger: Ledger,
}

impl From<Member> for MemberRecord {
    fn from(member: Member) -> Self {
        let profile = Profile::clone(&member.profile);
        Self { id: member.id, version: member.version, profile, ledger: member.ledger }
    }
}

impl From<MemberRecord> for Member {
    fn from(record: MemberRecord) -> Self {
        Self { id: record.id, version: record.version, profile: record.profile.into(), ledger: record.ledger }
    }
}

/// A relation's row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RelationRecord {
    /// The two members; the one whose id comes first by its bytes stands first.
    pub between: (MemberId, MemberId),
    /// How often it was changed.
    pub version: u64,
    /// What there is.
    pub state: State,
}

impl From<Relation> for RelationRecord {
    fn from(relation: Relation) -> Self {
        let [low, high] = relation.pair.both().map(Clone::clone);
        Self { between: (low, high), version: relation.version, state: relation.state }
    }
}

/// The record does not name two different members in the order of their ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a relation is between two different members, the lower id first")]
pub struct NotAPair;

impl TryFrom<RelationRecord> for Relation {
    type Error = NotAPair;

    fn try_from(record: RelationRecord) -> Result<Self, NotAPair> {
        let (low, high) = record.between;
        let pair = Pair::new(&low, &high).filter(|pair| *pair.low() == low).ok_or(NotAPair)?;
        Ok(Self { pair, version: record.version, state: record.state })
    }
}
