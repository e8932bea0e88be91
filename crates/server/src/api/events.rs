//! What happened, for the host.

use acquaint_core::command::EngagementKind;
use acquaint_core::event::{EventKind, RecordedEvent};
use acquaint_core::ids::{EngagementId, EventId, InvitationId, MemberId};
use acquaint_core::member::RestrictionClass;
use acquaint_core::relation::Complaint;
use acquaint_core::time::Time;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::live;
use super::reply::json;
use super::schema;
use crate::app::App;
use crate::auth::Host;
use crate::page::{AfterPart, AfterQuery, Page};
use crate::problem::{Fault, Problem};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list))
}

/// Something that happened.
#[derive(Serialize, ToSchema)]
#[schema(as = Event)]
pub(crate) struct EventBody {
    #[schema(schema_with = schema::event_id)]
    id: EventId,
    /// What happened: `invitation.created`, `connection.removed`, …
    r#type: &'static str,
    #[schema(schema_with = schema::time)]
    at: Time,
    /// Whose act it was; for a reminder or an end by itself, the sender.
    #[schema(schema_with = schema::member_id)]
    actor: MemberId,
    /// Whom it concerns.
    #[schema(schema_with = schema::member_id)]
    subject: MemberId,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::invitation_id, required = false)]
    invitation_id: Option<InvitationId>,
    /// What belongs to this type.
    #[schema(value_type = Object)]
    data: Data,
}

/// What belongs to each type of event.
#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum Data {
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

impl EventBody {
    /// The event as its actor may know it: whether it was delivered tells what the other did in silence.
    pub(crate) fn of_actor(event: RecordedEvent) -> Self {
        let mut body = Self::from(event);
        if let Data::Created { delivered } | Data::Engaged { delivered, .. } = &mut body.data {
            *delivered = None;
        }
        body
    }
}

impl From<RecordedEvent> for EventBody {
    fn from(RecordedEvent { id, event }: RecordedEvent) -> Self {
        Self {
            id,
            r#type: event.kind.name(),
            at: event.at,
            actor: event.actor,
            subject: event.subject,
            invitation_id: event.invitation,
            data: event.kind.into(),
        }
    }
}

/// List what happened, in the order in which it was committed. `next_cursor` is the id of the last
/// event of the page where there are more: it goes into `after`.
///
/// With `Accept: text/event-stream` it is a live stream, which goes on after `Last-Event-ID`.
#[utoipa::path(
    get, path = "/v1/events", tag = "events", operation_id = "listEvents", params(AfterQuery),
    responses((status = 200, description = "A page of events.", body = Page<EventBody>))
)]
async fn list(
    State(app): State<App>,
    _: Host,
    headers: HeaderMap,
    AfterPart(part): AfterPart,
) -> Result<Response, Problem> {
    let not_an_id = |_| Problem::invalid(Fault::parameter("after", "the id of an event: evt_ and 32 digits"));
    let after = part.cursor.as_deref().map(str::parse).transpose().map_err(not_an_id)?;
    if wants_stream_alone(&headers) {
        return Ok(live::stream(app, last_seen(&headers)?.or(after)));
    }
    let read = app.network().events(after, part.to_read()).await?;
    let page = Page::cut(read, &part, |event| event.id.to_string(), EventBody::from);
    Ok(json(StatusCode::OK, &page))
}

/// The event after which a client that lost its stream goes on; it knows better than the address.
fn last_seen(headers: &HeaderMap) -> Result<Option<EventId>, Problem> {
    let Some(id) = headers.get("last-event-id").filter(|id| !id.is_empty()) else { return Ok(None) };
    let id = id.to_str().ok().and_then(|id| id.parse().ok());
    let not_an_id = || Problem::invalid(Fault::parameter("Last-Event-ID", "the id of an event: evt_ and 32 digits"));
    id.map(Some).ok_or_else(not_an_id)
}

/// Whether the caller takes a live stream and no page.
fn wants_stream_alone(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let ranges = accepted.flat_map(|value| value.split(',')).map(|range| {
        let essence = range.split(';').next().unwrap_or_default();
        essence.trim().to_ascii_lowercase()
    });
    let (mut stream, mut page) = (false, false);
    for range in ranges {
        stream |= range == "text/event-stream";
        page |= matches!(range.as_str(), "*/*" | "application/*" | "application/json");
    }
    stream && !page
}
