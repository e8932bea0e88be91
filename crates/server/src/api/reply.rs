//! Answers: what was carried out, in the form in which it is told.

use acquaint_core::command::{Engagement, EngagementKind};
use acquaint_core::decide::Answer;
use acquaint_core::ids::{EngagementId, InvitationId, MemberId};
use acquaint_core::policy::Policy;
use acquaint_core::time::Time;
use acquaint_core::view::{Direction, InvitationState, InvitationView};
use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::schema;
use crate::problem::{Kind, Problem};

/// An invitation as its sender sees it.
#[derive(Serialize, ToSchema)]
pub(crate) struct SentInvitation {
    #[schema(schema_with = schema::invitation_id)]
    id: InvitationId,
    #[schema(schema_with = schema::member_id)]
    to: MemberId,
    /// What the sender wrote with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    note: Option<String>,
    #[schema(schema_with = schema::sent_state)]
    state: InvitationState,
    #[schema(schema_with = schema::time)]
    sent_at: Time,
    /// When it ends by itself; left out if it never does.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::time, required = false)]
    expires_at: Option<Time>,
    /// When it stopped being pending.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::time, required = false)]
    decided_at: Option<Time>,
    /// When the same member may be invited again.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::time, required = false)]
    may_invite_again_at: Option<Time>,
}

/// An invitation as its recipient sees it.
#[derive(Serialize, ToSchema)]
pub(crate) struct ReceivedInvitation {
    #[schema(schema_with = schema::invitation_id)]
    id: InvitationId,
    #[schema(schema_with = schema::member_id)]
    from: MemberId,
    /// What the sender wrote with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    note: Option<String>,
    #[schema(schema_with = schema::received_state)]
    state: InvitationState,
    #[schema(schema_with = schema::time)]
    sent_at: Time,
    /// When it was answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::time, required = false)]
    decided_at: Option<Time>,
}

/// An invitation from the caller's side.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum Invitation {
    /// The caller sent it.
    Sent(SentInvitation),
    /// The caller received it.
    Received(ReceivedInvitation),
}

impl SentInvitation {
    pub(crate) fn new(view: InvitationView, policy: &Policy) -> Self {
        Self {
            may_invite_again_at: view.may_invite_again_at(policy),
            id: view.id,
            to: view.other,
            note: view.note,
            state: view.state,
            sent_at: view.sent_at,
            expires_at: view.expires_at,
            decided_at: view.decided_at,
        }
    }
}

impl From<InvitationView> for ReceivedInvitation {
    fn from(view: InvitationView) -> Self {
        Self {
            id: view.id,
            from: view.other,
            note: view.note,
            state: view.state,
            sent_at: view.sent_at,
            decided_at: view.decided_at,
        }
    }
}

impl Invitation {
    pub(crate) fn new(view: InvitationView, policy: &Policy) -> Self {
        match view.direction {
            Direction::Sent => Self::Sent(SentInvitation::new(view, policy)),
            Direction::Received => Self::Received(view.into()),
        }
    }
}

/// An engagement that was recorded.
#[derive(Serialize, ToSchema)]
pub(crate) struct Engaged {
    #[schema(schema_with = schema::engagement_id)]
    id: EngagementId,
    #[schema(schema_with = schema::member_id)]
    target: MemberId,
    #[schema(schema_with = schema::engagement_kind)]
    kind: EngagementKind,
    /// What of the target's it is about, in the host's own words.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    subject: Option<String>,
    /// What was said.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    text: Option<String>,
}

impl Engaged {
    pub(crate) fn new(id: EngagementId, target: MemberId, engagement: Engagement) -> Self {
        Self { id, target, kind: engagement.kind, subject: engagement.subject, text: engagement.text }
    }
}

/// The status with which an invitation is answered: 201 when it waits now, 200 when it met one from
/// the other side.
pub(crate) fn invited_status(invitation: &InvitationView) -> StatusCode {
    if invitation.state == InvitationState::Pending { StatusCode::CREATED } else { StatusCode::OK }
}

/// The engine answered something that does not belong to the command: a fault of ours.
pub(crate) fn astray(answer: &Answer) -> Problem {
    tracing::error!(?answer, "an answer that does not belong to its command");
    Kind::Internal.into()
}

/// An answer of JSON.
pub(crate) fn json(status: StatusCode, body: &impl Serialize) -> Response {
    let mut bytes = Vec::with_capacity(512);
    match serde_json::to_writer(&mut bytes, body) {
        Ok(()) => {
            let mut response = Response::new(Body::from(bytes));
            *response.status_mut() = status;
            let json = HeaderValue::from_static("application/json");
            response.headers_mut().insert(header::CONTENT_TYPE, json);
            response
        }
        Err(error) => {
            tracing::error!(%error, "an answer could not be written");
            Problem::new(Kind::Internal).into_response()
        }
    }
}
