//! Everything between two members, in both directions.
//!
//! There is one relation for two members, and every command between them changes that one row. So
//! crossing invitations, an acceptance racing a withdrawal and a block racing a send all meet in
//! its version.

use serde::{Deserialize, Serialize};

use crate::ids::{InvitationId, MemberId, NotificationId};
use crate::time::Time;

/// Two different members; `low` is the one whose id comes first by its bytes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pair {
    low: MemberId,
    high: MemberId,
}

impl Pair {
    /// The pair of these two; `None` if they are one and the same.
    #[must_use]
    pub fn new(a: &MemberId, b: &MemberId) -> Option<Self> {
        match a.cmp(b) {
            std::cmp::Ordering::Less => Some(Self { low: a.clone(), high: b.clone() }),
            std::cmp::Ordering::Greater => Some(Self { low: b.clone(), high: a.clone() }),
            std::cmp::Ordering::Equal => None,
        }
    }

    /// The member whose id comes first.
    #[must_use]
    pub fn low(&self) -> &MemberId {
        &self.low
    }

    /// The member whose id comes last.
    #[must_use]
    pub fn high(&self) -> &MemberId {
        &self.high
    }

    /// Both, first the one whose id comes first.
    #[must_use]
    pub fn both(&self) -> [&MemberId; 2] {
        [&self.low, &self.high]
    }

    /// The one who is not `member`.
    #[must_use]
    pub fn other(&self, member: &MemberId) -> &MemberId {
        if *member == self.low { &self.high } else { &self.low }
    }
}

/// The relation of two members. One that was never written is [`Relation::new`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relation {
    /// Between whom.
    pub pair: Pair,
    /// Counts the changes of this row; 0 is a row that does not exist yet.
    pub version: u64,
    /// What there is between them.
    pub state: State,
}

/// What there is between two members.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct State {
    /// Since when they are connected.
    pub connected_since: Option<Time>,
    /// What the member whose id comes first did.
    pub low: Side,
    /// What the member whose id comes last did.
    pub high: Side,
}

/// What one member did towards the other.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Side {
    /// The last invitation this member sent to the other, pending or ended.
    pub invitation: Option<Invitation>,
    /// Whether this member follows the other (rule 17).
    pub follow: Option<Follow>,
    /// Since when this member blocks the other (rule 20).
    pub blocking_since: Option<Time>,
    /// When this member last unblocked the other (rule 20: no re-block for a while).
    pub unblocked_at: Option<Time>,
    /// Whether this member said that they do not know the other, or called them spam: the other's
    /// invitations are not delivered (rule 6).
    pub bars: bool,
    /// Until when the other's invitations are kept from this member after a decline (rule 10).
    pub quiet_until: Option<Time>,
}

/// That one member follows another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Follow {
    /// Since when.
    pub since: Time,
    /// Whether the followed one does not see it, having blocked the follower (rule 20).
    pub hidden: bool,
}

/// One invitation, as it is for both sides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invitation {
    /// Which.
    pub id: InvitationId,
    /// What the sender wrote with it.
    pub note: Option<String>,
    /// When it was sent.
    pub sent_at: Time,
    /// When it ends by itself (rule 11), promised to the sender at sending.
    pub expires_at: Option<Time>,
    /// How and when it ended for the sender; `None` is pending.
    pub end: Option<End>,
    /// Why the recipient does not have it before them, if so. The sender never learns of this.
    pub kept: Option<Kept>,
    /// How many reminder moments have passed, used or not (rule 22).
    pub reminder_moments: u8,
    /// The reminders that the recipient got, to be retracted when the invitation ends (rule 8).
    pub reminders: Vec<NotificationId>,
    /// The next moment at which something is due (rules 11, 22 and 41).
    pub next_due: Option<Time>,
}

/// How an invitation ended for its sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// How.
    pub how: Ending,
    /// When.
    pub at: Time,
}

/// The ways an invitation can end for its sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ending {
    /// The two are connected (rules 4 and 12).
    Accepted,
    /// The sender withdrew it (rule 7).
    Withdrawn,
    /// It ended by itself (rule 11).
    Expired,
}

/// Why an invitation is not before its recipient although its sender sees it pending.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// Why.
    pub why: Why,
    /// Since when.
    pub at: Time,
}

/// The reasons for [`Kept`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Why {
    /// The recipient declined it (rule 5), perhaps with a complaint (rule 6).
    Declined(Option<Complaint>),
    /// It was never delivered (rules 6, 10, 20).
    Undelivered,
    /// The recipient had it and then blocked the sender (rule 20).
    Blocked,
}

/// What a recipient may say while declining (rules 6 and 29).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Complaint {
    /// "I don't know this person."
    DontKnow,
    /// "This is spam."
    Spam,
}

impl Invitation {
    /// Whether the sender sees it pending.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        self.end.is_none()
    }

    /// Whether the recipient can answer it.
    #[must_use]
    pub fn is_answerable(&self) -> bool {
        self.end.is_none() && self.kept.is_none()
    }
}

impl Relation {
    /// The relation of two members who never had to do with each other.
    #[must_use]
    pub fn new(pair: Pair) -> Self {
        Self { pair, version: 0, state: State::default() }
    }

    /// What `member` did towards the other.
    #[must_use]
    pub fn side(&self, member: &MemberId) -> &Side {
        if member == self.pair.low() { &self.state.low } else { &self.state.high }
    }

    /// As [`Relation::side`], to change it.
    pub fn side_mut(&mut self, member: &MemberId) -> &mut Side {
        if member == self.pair.low() { &mut self.state.low } else { &mut self.state.high }
    }

    /// What the other did towards `member`.
    #[must_use]
    pub fn other_side(&self, member: &MemberId) -> &Side {
        if member == self.pair.low() { &self.state.high } else { &self.state.low }
    }

    /// The next moment at which something is due between the two, if any.
    #[must_use]
    pub fn next_due(&self) -> Option<Time> {
        let due = |side: &Side| side.invitation.as_ref().and_then(|invitation| invitation.next_due);
        match (due(&self.state.low), due(&self.state.high)) {
            (Some(low), Some(high)) => Some(low.min(high)),
            (low, high) => low.or(high),
        }
    }
}
