//! What happened: events for programs, notifications for people.

use serde::{Deserialize, Serialize};

use crate::catalogue::EventType;
use crate::command::Engagement;
use crate::ids::{EngagementId, EventId, InvitationId, MemberId, NotificationId};
use crate::member::RestrictionClass;
use crate::relation::Complaint;
use crate::time::Time;

/// Something that happened, as the host is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// When.
    pub at: Time,
    /// Whose act it was; for a reminder or an end by itself, the sender.
    pub actor: MemberId,
    /// Whom it concerns.
    pub subject: MemberId,
    /// Which invitation it is about.
    pub invitation: Option<InvitationId>,
    /// What.
    pub kind: EventKind,
}

/// An event with its place in the order of commits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedEvent {
    /// Which; ids ascend in the order of commits.
    pub id: EventId,
    /// What happened.
    pub event: Event,
}

/// The kinds of events, with what belongs to each. A store packs a kind as its place here: a new one comes last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum EventKind {
    /// An invitation was sent.
    InvitationCreated {
        /// Whether the recipient sees it; if not, nobody may tell them.
        delivered: bool,
    },
    /// An invitation was accepted, or met one from the other side.
    InvitationAccepted,
    /// An invitation was declined. Not for the sender.
    InvitationDeclined {
        /// What the recipient said.
        complaint: Option<Complaint>,
    },
    /// An invitation was withdrawn. Not for the recipient.
    InvitationWithdrawn,
    /// An invitation ended by itself.
    InvitationExpired,
    /// The recipient was reminded of an invitation.
    InvitationReminded {
        /// The first, the second, …
        number: u8,
    },
    /// Two members are no longer connected.
    ConnectionRemoved,
    /// One member follows another.
    FollowCreated,
    /// One member no longer follows another.
    FollowRemoved,
    /// One member blocks another. Not for the blocked one.
    BlockCreated,
    /// One member no longer blocks another.
    BlockRemoved,
    /// One member engaged with another's post.
    EngagementCreated {
        /// Which.
        id: EngagementId,
        /// What.
        engagement: Engagement,
        /// Whether the target sees it.
        delivered: bool,
    },
    /// A member may not send for a while.
    MemberRestricted {
        /// Until when.
        until: Time,
        /// What for.
        class: RestrictionClass,
    },
    /// The host registered a member or changed what is known about them.
    MemberUpdated,
    /// A member was erased.
    MemberErased,
    /// The wait after a withdrawal is over: the sender may invite the same member again (rules 9 and 41). Not for
    /// the recipient.
    InvitationWaitEnded,
}

impl EventKind {
    /// The stable name of the type.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.event_type().name()
    }

    /// Its type in the catalogue.
    #[must_use]
    pub fn event_type(&self) -> EventType {
        match self {
            EventKind::InvitationCreated { .. } => EventType::InvitationCreated,
            EventKind::InvitationAccepted => EventType::InvitationAccepted,
            EventKind::InvitationDeclined { .. } => EventType::InvitationDeclined,
            EventKind::InvitationWithdrawn => EventType::InvitationWithdrawn,
            EventKind::InvitationExpired => EventType::InvitationExpired,
            EventKind::InvitationReminded { .. } => EventType::InvitationReminded,
            EventKind::ConnectionRemoved => EventType::ConnectionRemoved,
            EventKind::FollowCreated => EventType::FollowCreated,
            EventKind::FollowRemoved => EventType::FollowRemoved,
            EventKind::BlockCreated => EventType::BlockCreated,
            EventKind::BlockRemoved => EventType::BlockRemoved,
            EventKind::EngagementCreated { .. } => EventType::EngagementCreated,
            EventKind::MemberRestricted { .. } => EventType::MemberRestricted,
            EventKind::MemberUpdated => EventType::MemberUpdated,
            EventKind::MemberErased => EventType::MemberErased,
            EventKind::InvitationWaitEnded => EventType::InvitationWaitEnded,
        }
    }
}

/// A line in a member's notifications.
///
/// That an invitation arrived is not among the stored ones: it is read off the list of received
/// invitations, so that it is gone the moment the invitation is (rule 8).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notification {
    /// Which; ids ascend with time.
    pub id: NotificationId,
    /// When.
    pub at: Time,
    /// Which other member it is about.
    pub about: MemberId,
    /// Which invitation it is about.
    pub invitation: Option<InvitationId>,
    /// What.
    pub kind: NotificationKind,
}

/// The kinds of notifications. A store packs a kind as its place here: a new one comes last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum NotificationKind {
    /// Somebody invited this member.
    InvitationReceived,
    /// An invitation still waits for an answer (rule 22).
    InvitationReminder,
    /// Somebody accepted this member's invitation.
    InvitationAccepted,
    /// Somebody liked, commented or shared (rule 18).
    Engagement(Engagement),
    /// The wait after a withdrawal is over: this member may invite the other again (rule 41).
    MayInviteAgain,
}

impl NotificationKind {
    /// The stable name of the kind.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            NotificationKind::InvitationReceived => "invitation_received",
            NotificationKind::InvitationReminder => "invitation_reminder",
            NotificationKind::InvitationAccepted => "invitation_accepted",
            NotificationKind::Engagement(_) => "engagement",
            NotificationKind::MayInviteAgain => "may_invite_again",
        }
    }
}
