//! An event as programs are told of it: the JSON of the API, of live streams and of webhooks, in one form.

use serde::Serialize;

use crate::catalogue::EventType;
use crate::command::EngagementKind;
use crate::event::{EventKind, RecordedEvent};
use crate::ids::{EngagementId, EventId, InvitationId, MemberId};
use crate::member::RestrictionClass;
use crate::relation::Complaint;
use crate::time::Time;

/// An event, as it is told. Its form is that of [`EventType::schema`].
#[derive(Debug, Clone, Serialize)]
pub struct ToldEvent {
    /// Which.
    pub id: EventId,
    /// What happened.
    pub r#type: EventType,
    /// When.
    pub at: Time,
    /// Whose act it was; for a reminder or an end by itself, the sender.
    pub actor: MemberId,
    /// Whom it concerns.
    pub subject: MemberId,
    /// Which invitation it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invitation_id: Option<InvitationId>,
    /// What belongs to this type.
    pub data: Data,
}

/// What belongs to each type of event.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
#[expect(missing_docs, reason = "their meaning is in the catalogue")]
pub enum Data {
    Created {
        #[serde(skip_serializing_if = "Option::is_none")]
        delivered: Option<bool>,
    },
    Declined {
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<Complaint>,
    },
    Reminded {
        number: u8,
    },
    Engaged {
        engagement_id: EngagementId,
        kind: EngagementKind,
        #[serde(skip_serializing_if = "Option::is_none")]
        subject: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        text: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        delivered: Option<bool>,
    },
    Restricted {
        until: Time,
        class: RestrictionClass,
    },
    Nothing {},
}

impl From<EventKind> for Data {
    fn from(kind: EventKind) -> Self {
        match kind {
            EventKind::InvitationCreated { delivered } => Self::Created { delivered: Some(delivered) },
            EventKind::InvitationDeclined { complaint } => Self::Declined { reason: complaint },
            EventKind::InvitationReminded { number } => Self::Reminded { number },
            EventKind::EngagementCreated { id, engagement: said, delivered } => {
                let (kind, subject, text) = (said.kind, said.subject, said.text);
                Self::Engaged { engagement_id: id, kind, subject, text, delivered: Some(delivered) }
            }
            EventKind::MemberRestricted { until, class } => Self::Restricted { until, class },
            EventKind::InvitationAccepted
            | EventKind::InvitationWithdrawn
            | EventKind::InvitationExpired
            | EventKind::InvitationWaitEnded
            | EventKind::ConnectionRemoved
            | EventKind::FollowCreated
            | EventKind::FollowRemoved
            | EventKind::BlockCreated
            | EventKind::BlockRemoved
            | EventKind::MemberUpdated
            | EventKind::MemberErased => Self::Nothing {},
        }
    }
}

impl ToldEvent {
    /// The event as its actor may know it: whether it was delivered tells what the other did in silence.
    #[must_use]
    pub fn to_actor(event: RecordedEvent) -> Self {
        let mut told = Self::from(event);
        if let Data::Created { delivered } | Data::Engaged { delivered, .. } = &mut told.data {
            *delivered = None;
        }
        told
    }
}

impl From<RecordedEvent> for ToldEvent {
    fn from(RecordedEvent { id, event }: RecordedEvent) -> Self {
        Self {
            id,
            r#type: event.kind.event_type(),
            at: event.at,
            actor: event.actor,
            subject: event.subject,
            invitation_id: event.invitation,
            data: event.kind.into(),
        }
    }
}
