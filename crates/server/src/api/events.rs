//! What happened, for the host.

use std::borrow::Cow;

use acquaint_core::catalogue::catalogue;
use acquaint_core::event::RecordedEvent;
use acquaint_core::ids::EventId;
use acquaint_core::told::ToldEvent;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use serde::Serialize;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema};
use utoipa::{PartialSchema, ToSchema};
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
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(schemas))
}

/// An event, as the API tells it.
#[derive(Serialize)]
#[serde(transparent)]
pub(crate) struct EventBody(ToldEvent);

impl EventBody {
    /// The event as its actor may know it.
    pub(crate) fn of_actor(event: RecordedEvent) -> Self {
        Self(ToldEvent::to_actor(event))
    }
}

impl From<RecordedEvent> for EventBody {
    fn from(event: RecordedEvent) -> Self {
        Self(event.into())
    }
}

impl ToSchema for EventBody {
    fn name() -> Cow<'static, str> {
        "Event".into()
    }
}

impl PartialSchema for EventBody {
    fn schema() -> RefOr<Schema> {
        let data =
            ObjectBuilder::new().description(Some("What belongs to this type; GET /v1/events/schemas says what."));
        let event = ObjectBuilder::new()
            .description(Some("Something that happened."))
            .property("id", schema::event_id())
            .property("type", schema::event_type())
            .property("at", schema::time())
            .property("actor", schema::member_id())
            .property("subject", schema::member_id())
            .property("invitation_id", schema::invitation_id())
            .property("data", data);
        ["id", "type", "at", "actor", "subject", "data"].into_iter().fold(event, ObjectBuilder::required).into()
    }
}

/// Read the catalogue of events: every type, what it means, who may be told of it, and its JSON Schema.
#[utoipa::path(
    get, path = "/v1/events/schemas", tag = "events", operation_id = "listEventSchemas",
    responses((status = 200, description = "`{version, items: [{type, meaning, audience, schema}]}`.", body = Object))
)]
async fn schemas(_: Host) -> Response {
    json(StatusCode::OK, &catalogue())
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
