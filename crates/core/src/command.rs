//! What may be asked of the network.

use serde::{Deserialize, Serialize};

use crate::ids::{InvitationId, MemberId, NotificationId};
use crate::member::{Profile, WhoMayInvite};
use crate::relation::Complaint;

/// Something that one member wants done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// Who wants it.
    pub actor: MemberId,
    /// What.
    pub action: Action,
}

/// What can be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Send an invitation (rule 1).
    Invite {
        /// To whom.
        to: MemberId,
        /// A few words with it.
        note: Option<String>,
        /// The recipient's e-mail address, for those who ask for it (rule 21).
        to_email: Option<String>,
    },
    /// Withdraw a pending invitation (rule 7).
    Withdraw {
        /// Which.
        invitation: InvitationId,
    },
    /// Accept an invitation (rule 4).
    Accept {
        /// Which.
        invitation: InvitationId,
    },
    /// Decline an invitation, silently (rule 5).
    Decline {
        /// Which.
        invitation: InvitationId,
        /// What was wrong with it (rule 6).
        complaint: Option<Complaint>,
    },
    /// End the connection with somebody.
    Disconnect {
        /// With whom.
        other: MemberId,
    },
    /// Follow somebody (rule 17).
    Follow {
        /// Whom.
        other: MemberId,
    },
    /// Stop following somebody (rule 17).
    Unfollow {
        /// Whom.
        other: MemberId,
    },
    /// Block somebody, silently (rule 20).
    Block {
        /// Whom.
        other: MemberId,
    },
    /// Stop blocking somebody (rule 20).
    Unblock {
        /// Whom.
        other: MemberId,
    },
    /// Like, comment or share (rule 18).
    Engage {
        /// Whose.
        target: MemberId,
        /// What about it.
        engagement: Engagement,
    },
    /// Set what is known about the acting member. The host does this.
    Register {
        /// All of it; what is left out is unset.
        profile: Profile,
    },
    /// Set what members choose for themselves, and leave the rest of what is known as it is.
    ChangeSettings {
        /// Who may invite the acting member (rule 21).
        who_may_invite: WhoMayInvite,
        /// Whether the acting member is reminded of invitations (rule 24).
        reminders: bool,
    },
    /// Note that notifications have been read.
    MarkRead {
        /// Up to and with this one; all of them when left out.
        up_to: Option<NotificationId>,
    },
    /// Do what has fallen due between the two: remind, or end. The scheduler does this.
    Due {
        /// The other one of the pair.
        other: MemberId,
    },
    /// Begin to erase the acting member: nobody may invite them any more. The host does this.
    BeginErasure,
    /// Remove all there is between the two, keeping the other's counters right.
    Forget {
        /// The other one of the pair.
        other: MemberId,
    },
    /// Remove the acting member's own row, once nothing refers to it.
    FinishErasure,
}

/// Something somebody did with another's post (rule 18).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Engagement {
    /// Like, comment or share.
    pub kind: EngagementKind,
    /// What of the target's it is about, in the host's own words.
    pub subject: Option<String>,
    /// What was said.
    pub text: Option<String>,
}

/// Kinds of engagement (rule 18).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EngagementKind {
    /// A like.
    Like,
    /// A comment.
    Comment,
    /// A share.
    Share,
}

impl Action {
    /// The other member, where the command names them.
    #[must_use]
    pub fn other(&self) -> Option<&MemberId> {
        match self {
            Action::Invite { to: other, .. }
            | Action::Engage { target: other, .. }
            | Action::Disconnect { other }
            | Action::Follow { other }
            | Action::Unfollow { other }
            | Action::Block { other }
            | Action::Unblock { other }
            | Action::Due { other }
            | Action::Forget { other } => Some(other),
            Action::Withdraw { .. }
            | Action::Accept { .. }
            | Action::Decline { .. }
            | Action::Register { .. }
            | Action::ChangeSettings { .. }
            | Action::MarkRead { .. }
            | Action::BeginErasure
            | Action::FinishErasure => None,
        }
    }

    /// The invitation, where the command names one.
    #[must_use]
    pub fn invitation(&self) -> Option<InvitationId> {
        match self {
            Action::Withdraw { invitation } | Action::Accept { invitation } | Action::Decline { invitation, .. } => {
                Some(*invitation)
            }
            _ => None,
        }
    }

    /// A short name, as in the API and in metrics.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Action::Invite { .. } => "invite",
            Action::Withdraw { .. } => "withdraw",
            Action::Accept { .. } => "accept",
            Action::Decline { .. } => "decline",
            Action::Disconnect { .. } => "disconnect",
            Action::Follow { .. } => "follow",
            Action::Unfollow { .. } => "unfollow",
            Action::Block { .. } => "block",
            Action::Unblock { .. } => "unblock",
            Action::Engage { .. } => "engage",
            Action::Register { .. } => "register",
            Action::ChangeSettings { .. } => "change_settings",
            Action::MarkRead { .. } => "mark_read",
            Action::Due { .. } => "due",
            Action::BeginErasure => "begin_erasure",
            Action::Forget { .. } => "forget",
            Action::FinishErasure => "finish_erasure",
        }
    }
}
