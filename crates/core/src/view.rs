//! What each side is shown of a relation: the only way from a relation to somebody's eyes.
//!
//! Silence is kept here by construction. The sender's view is made from how an invitation ended for
//! them and never from [`Invitation::kept`]; the recipient's view of one that never reached them
//! does not exist.

use serde::{Deserialize, Serialize};

use crate::event::{Event, EventKind};
use crate::ids::{InvitationId, MemberId};
use crate::policy::{Policy, REBLOCK_WAIT};
use crate::refusal::Refusal;
use crate::relation::{End, Ending, Follow, Invitation, Kept, Relation, Why};
use crate::time::Time;

/// An invitation as one of the two sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvitationView {
    /// Which.
    pub id: InvitationId,
    /// Whether the viewer sent or received it.
    pub direction: Direction,
    /// The other one of the two.
    pub other: MemberId,
    /// What the sender wrote with it.
    pub note: Option<String>,
    /// How it stands for the viewer.
    pub state: InvitationState,
    /// When it was sent.
    pub sent_at: Time,
    /// When it ends by itself.
    pub expires_at: Option<Time>,
    /// When it stopped being pending for the viewer.
    pub decided_at: Option<Time>,
}

/// Whether the viewer of an invitation sent or received it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// The viewer sent it.
    Sent,
    /// The viewer received it.
    Received,
}

/// How an invitation stands for its viewer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InvitationState {
    /// No answer yet.
    Pending,
    /// The two are connected by it.
    Accepted,
    /// The recipient declined it. Only the recipient sees this.
    Declined,
    /// The sender withdrew it. Only the sender sees this.
    Withdrawn,
    /// It ended by itself. Only the sender sees this.
    Expired,
    /// It was there and no longer is. Only the recipient sees this, whatever the reason.
    Gone,
}

impl InvitationView {
    /// When the sender may invite the same person again (rules 9 and 10), once it has ended
    /// without a connection.
    #[must_use]
    pub fn may_invite_again_at(&self, policy: &Policy) -> Option<Time> {
        let wait = match (self.direction, self.state) {
            (Direction::Sent, InvitationState::Withdrawn) => policy.invitation.resend_after_withdrawal,
            (Direction::Sent, InvitationState::Expired) => policy.invitation.resend_after_expiry,
            _ => return None,
        };
        self.decided_at.map(|ended| ended + wait)
    }
}

/// The invitation that `viewer` sent last, as they see it.
#[must_use]
pub fn sent(relation: &Relation, viewer: &MemberId) -> Option<InvitationView> {
    let invitation = relation.side(viewer).invitation.as_ref()?;
    let state = match invitation.end {
        None => InvitationState::Pending,
        Some(End { how: Ending::Accepted, .. }) => InvitationState::Accepted,
        Some(End { how: Ending::Withdrawn, .. }) => InvitationState::Withdrawn,
        Some(End { how: Ending::Expired, .. }) => InvitationState::Expired,
    };
    let decided_at = invitation.end.map(|end| end.at);
    Some(shown(invitation, Direction::Sent, relation.pair.other(viewer), state, decided_at))
}

/// The invitation that `viewer` received last, as they see it; one that never reached them is not
/// there.
#[must_use]
pub fn received(relation: &Relation, viewer: &MemberId) -> Option<InvitationView> {
    let invitation = relation.other_side(viewer).invitation.as_ref()?;
    let (state, decided_at) = match (invitation.kept, invitation.end) {
        (Some(Kept { why: Why::Undelivered, .. }), _) => return None,
        (None, None) => (InvitationState::Pending, None),
        (None | Some(Kept { why: Why::Declined(_), .. }), Some(End { how: Ending::Accepted, at })) => {
            (InvitationState::Accepted, Some(at))
        }
        (Some(Kept { why: Why::Declined(_), at }), _) => (InvitationState::Declined, Some(at)),
        (Some(Kept { why: Why::Blocked, at }), _) | (None, Some(End { at, .. })) => (InvitationState::Gone, Some(at)),
    };
    Some(shown(invitation, Direction::Received, relation.pair.other(viewer), state, decided_at))
}

/// Whether an event made a difference to what its invitation is for a viewer, who sees it as `view` by now. What
/// somebody does in silence makes none to the other, and neither does what becomes of an invitation that the
/// viewer has not before them (rules 5, 8 and 20).
#[must_use]
pub fn shows(event: &Event, viewer: &MemberId, view: &InvitationView) -> bool {
    match event.kind {
        EventKind::InvitationCreated { .. } => view.state == InvitationState::Pending,
        EventKind::InvitationAccepted | EventKind::InvitationWithdrawn | EventKind::InvitationExpired => {
            view.decided_at == Some(event.at)
        }
        EventKind::InvitationDeclined { .. } => event.actor == *viewer,
        _ => false,
    }
}

fn shown(
    invitation: &Invitation,
    direction: Direction,
    other: &MemberId,
    state: InvitationState,
    decided_at: Option<Time>,
) -> InvitationView {
    let gone = state == InvitationState::Gone;
    InvitationView {
        id: invitation.id,
        direction,
        other: other.clone(),
        note: if gone { None } else { invitation.note.clone() },
        state,
        sent_at: invitation.sent_at,
        expires_at: invitation.expires_at,
        decided_at,
    }
}

/// The lists in which one member finds another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContactList {
    /// Those the member is connected with.
    Connections,
    /// Those the member follows.
    Following,
    /// Those who follow the member.
    Followers,
    /// Those the member blocks.
    Blocks,
}

impl ContactList {
    /// Every list.
    pub const ALL: [ContactList; 4] =
        [ContactList::Connections, ContactList::Following, ContactList::Followers, ContactList::Blocks];
}

/// Since when the other one stands in that list of `viewer`'s, if they do.
#[must_use]
pub fn contact(relation: &Relation, viewer: &MemberId, list: ContactList) -> Option<Time> {
    let (mine, theirs) = (relation.side(viewer), relation.other_side(viewer));
    match list {
        ContactList::Connections => relation.state.connected_since,
        ContactList::Following => mine.follow.map(|follow| follow.since),
        ContactList::Followers => seen(theirs.follow),
        ContactList::Blocks => mine.blocking_since,
    }
}

/// A follow as the one who is followed sees it.
fn seen(follow: Option<Follow>) -> Option<Time> {
    follow.filter(|follow| !follow.hidden).map(|follow| follow.since)
}

/// A relation as one of the two sees it, with what they may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelationView {
    /// The other one.
    pub member: MemberId,
    /// Since when the two are connected.
    pub connected_since: Option<Time>,
    /// The pending invitation between them, if any.
    pub invitation: Option<InvitationView>,
    /// Whether the viewer follows the other.
    pub following: bool,
    /// Whether the other follows the viewer.
    pub followed_by: bool,
    /// Whether the viewer blocks the other.
    pub blocking: bool,
    /// What the viewer may do.
    pub may: May,
    /// Why the viewer may not invite, if so.
    pub invite_refusal: Option<Refusal>,
}

/// What a member may do towards another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "one answer for each thing that may be done; callers name them")]
pub struct May {
    /// Send an invitation.
    pub invite: bool,
    /// Withdraw the pending one.
    pub withdraw: bool,
    /// Accept the one received.
    pub accept: bool,
    /// Decline the one received.
    pub decline: bool,
    /// Follow.
    pub follow: bool,
    /// Block.
    pub block: bool,
    /// End the connection.
    pub disconnect: bool,
}

/// The relation as `viewer` sees it, with what they may do. `refusal` is what an invitation of
/// theirs would meet; [`view_relation`](crate::decide::view_relation) brings the two together.
pub(crate) fn relation(relation: &Relation, viewer: &MemberId, refusal: Option<Refusal>, now: Time) -> RelationView {
    let mine = relation.side(viewer);
    let pending = |view: &InvitationView| view.state == InvitationState::Pending;
    let sent = sent(relation, viewer).filter(pending);
    let received = received(relation, viewer).filter(pending);
    let blocking = mine.blocking_since.is_some();
    let reblock_wait = mine.unblocked_at.is_some_and(|at| now < at + REBLOCK_WAIT);
    let following = mine.follow.is_some();
    RelationView {
        member: relation.pair.other(viewer).clone(),
        connected_since: relation.state.connected_since,
        following,
        followed_by: contact(relation, viewer, ContactList::Followers).is_some(),
        blocking,
        may: May {
            invite: refusal.is_none(),
            withdraw: sent.is_some(),
            accept: received.is_some(),
            decline: received.is_some(),
            follow: !following && !blocking,
            block: !blocking && !reblock_wait,
            disconnect: relation.state.connected_since.is_some(),
        },
        invitation: sent.or(received),
        invite_refusal: refusal,
    }
}
