//! Endpoints that are told what happened, and what became of telling them.

use acquaint_app::outbox::{Letter, Stage};
use acquaint_core::catalogue::EventType;
use acquaint_core::ids::MemberId;
use acquaint_core::time::{Span, Time};
use acquaint_webhooks::{Endpoint, EndpointError, Terms, Why};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::invitations::Nothing;
use super::path::{PathPair, PathWord};
use super::reply::json;
use super::responses::NotFound;
use super::schema;
use crate::app::App;
use crate::auth::{DoneOn, Host, Passed};
use crate::body::{Input, Posted};
use crate::page::{LettersPart, LettersQuery, Page};
use crate::problem::{Fault, Kind, Problem};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, put, delete))
        .routes(routes!(enable))
        .routes(routes!(disable))
        .routes(routes!(rotate))
        .routes(routes!(test))
        .routes(routes!(deliveries))
        .routes(routes!(replay))
        .routes(routes!(redrive))
}

/// An endpoint as it is to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WebhookTerms {
    /// Where events are posted to: https, at an address of the public internet unless others are allowed.
    #[schema(max_length = 2048, examples("https://example.org/acquaint"))]
    url: String,
    /// Which types of events it is told of; all of them if none is named.
    #[serde(default)]
    #[schema(schema_with = schema::event_types, required = false)]
    events: Vec<EventType>,
    /// A word for people.
    #[serde(default)]
    #[schema(max_length = 200)]
    description: Option<String>,
    /// Whether it is told anything. An endpoint that was switched off is switched on again by `true`.
    #[serde(default)]
    enabled: Option<bool>,
}

impl Input for WebhookTerms {}

impl WebhookTerms {
    fn into_terms(self) -> (Terms, bool) {
        let is_on = self.enabled.unwrap_or(true);
        (Terms { url: self.url, events: self.events, description: self.description }, is_on)
    }
}

/// How the secret is changed.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RotateSecret {
    /// For how long the old secret signs as well: `24h` unless said otherwise, at most `30d`.
    #[serde(default)]
    #[schema(schema_with = schema::span_or_null, required = false)]
    overlap: Option<Span>,
}

impl Input for RotateSecret {}

/// An endpoint.
#[derive(Serialize, ToSchema)]
#[schema(as = Webhook)]
pub(crate) struct WebhookBody {
    id: String,
    url: String,
    /// Empty: all of them.
    #[schema(schema_with = schema::event_types)]
    events: Vec<EventType>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    description: Option<String>,
    enabled: bool,
    /// Since when it is told nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::time, required = false)]
    disabled_at: Option<Time>,
    /// Why: `asked`, `failing` (nothing arrived for three days) or `gone` (it answered 410).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, nullable = false)]
    disabled_because: Option<Why>,
    #[schema(schema_with = schema::time)]
    created_at: Time,
    /// Since when nothing has arrived there.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::time, required = false)]
    failing_since: Option<Time>,
    /// Until when the secret before this one signs as well.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::time, required = false)]
    previous_secret_until: Option<Time>,
    /// What deliveries are signed with, told when it is made: `whsec_` and base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    secret: Option<String>,
}

impl From<Endpoint> for WebhookBody {
    fn from(endpoint: Endpoint) -> Self {
        Self {
            id: endpoint.id,
            url: endpoint.terms.url,
            events: endpoint.terms.events,
            description: endpoint.terms.description,
            enabled: endpoint.off.is_none(),
            disabled_at: endpoint.off.map(|off| off.at),
            disabled_because: endpoint.off.map(|off| off.why),
            created_at: endpoint.created_at,
            failing_since: endpoint.failing_since,
            previous_secret_until: endpoint.previous_until,
            secret: None,
        }
    }
}

/// The endpoints.
#[derive(Serialize, ToSchema)]
pub(crate) struct Webhooks {
    /// In the order in which they were made.
    items: Vec<WebhookBody>,
}

/// A delivery, and what became of it.
#[derive(Serialize, ToSchema)]
#[schema(as = Delivery)]
pub(crate) struct LetterBody {
    /// The event's id, or that of a test.
    id: String,
    /// `webhooks`, `mail`.
    channel: String,
    /// Where it goes: for webhooks, the endpoint's id.
    target: String,
    /// The member who is told, on channels that tell members.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::member_id, required = false)]
    member: Option<MemberId>,
    /// The type of the event.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    r#type: Option<String>,
    /// `pending`, `delivered` or `dead`.
    stage: &'static str,
    #[schema(schema_with = schema::time)]
    created_at: Time,
    /// When it is looked at next, or forgotten if it is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::time, required = false)]
    next_at: Option<Time>,
    /// The last attempts, the latest last.
    attempts: Vec<AttemptBody>,
}

/// An attempt at a delivery.
#[derive(Serialize, ToSchema)]
#[schema(as = Attempt)]
pub(crate) struct AttemptBody {
    #[schema(schema_with = schema::time)]
    at: Time,
    /// How long it took.
    milliseconds: u64,
    arrived: bool,
    /// What was answered, where there was an answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    status: Option<u16>,
    /// The beginning of the answer, or why there was none.
    answer: String,
}

impl From<Letter> for LetterBody {
    fn from(Letter { delivery, stage, next_at }: Letter) -> Self {
        let kind = delivery.payload.get("type").and_then(|kind| kind.as_str()).map(str::to_owned);
        let attempts = delivery.attempts.into_iter().map(|attempt| AttemptBody {
            at: attempt.at,
            milliseconds: attempt.millis,
            arrived: attempt.arrived,
            status: attempt.said.code,
            answer: attempt.said.text,
        });
        Self {
            id: delivery.id,
            channel: delivery.channel,
            target: delivery.target,
            member: delivery.owner,
            r#type: kind,
            stage: stage.name(),
            created_at: delivery.created_at,
            next_at,
            attempts: attempts.collect(),
        }
    }
}

/// A delivery that was made for this call.
#[derive(Serialize, ToSchema)]
pub(crate) struct Posting {
    /// Its id.
    id: String,
}

/// What is made once more.
#[derive(Serialize, ToSchema)]
pub(crate) struct Redriven {
    /// How many deliveries.
    count: usize,
}

/// List the endpoints.
#[utoipa::path(
    get, path = "/v1/webhooks", tag = "webhooks", operation_id = "listWebhooks",
    responses((status = 200, description = "The endpoints, without their secrets.", body = Webhooks))
)]
async fn list(State(app): State<App>, _: Passed) -> Result<Response, Problem> {
    let items = app.webhooks().list().await?.into_iter().map(WebhookBody::from).collect();
    Ok(json(StatusCode::OK, &Webhooks { items }))
}

/// Make an endpoint. It is told what happens from now on. Its secret is in the answer.
#[utoipa::path(
    post, path = "/v1/webhooks", tag = "webhooks", operation_id = "createWebhook", request_body = WebhookTerms,
    responses((status = 201, description = "The endpoint, with its secret.", body = WebhookBody))
)]
async fn create(
    State(app): State<App>,
    _: Host,
    Posted { body, .. }: Posted<WebhookTerms>,
) -> Result<Response, Problem> {
    let (terms, is_on) = body.into_terms();
    let (mut endpoint, secret) = app.webhooks().create(terms.clone()).await?;
    if !is_on {
        endpoint = app.webhooks().update(&endpoint.id, terms, false).await?;
    }
    let body = WebhookBody { secret: Some(secret.reveal().to_owned()), ..endpoint.into() };
    let mut answer = json(StatusCode::CREATED, &body);
    answer.extensions_mut().insert(DoneOn(body.id));
    Ok(answer)
}

/// Get an endpoint.
#[utoipa::path(
    get, path = "/v1/webhooks/{id}", tag = "webhooks", operation_id = "getWebhook",
    params(("id" = String, Path, description = "Which endpoint.")),
    responses((status = 200, description = "The endpoint, without its secret.", body = WebhookBody), NotFound)
)]
async fn get(State(app): State<App>, _: Passed, PathWord(id): PathWord) -> Result<Response, Problem> {
    let found = app.webhooks().get(&id).await?.ok_or_else(Problem::not_found)?;
    Ok(json(StatusCode::OK, &WebhookBody::from(found)))
}

/// Change an endpoint: all of its terms. What is on its way goes to the new address.
#[utoipa::path(
    put, path = "/v1/webhooks/{id}", tag = "webhooks", operation_id = "putWebhook", request_body = WebhookTerms,
    params(("id" = String, Path, description = "Which endpoint.")),
    responses((status = 200, description = "The endpoint.", body = WebhookBody), NotFound)
)]
async fn put(
    State(app): State<App>,
    _: Host,
    PathWord(id): PathWord,
    Posted { body, .. }: Posted<WebhookTerms>,
) -> Result<Response, Problem> {
    let (terms, is_on) = body.into_terms();
    let changed = app.webhooks().update(&id, terms, is_on).await?;
    Ok(json(StatusCode::OK, &WebhookBody::from(changed)))
}

/// Delete an endpoint. What is on its way to it is dropped.
#[utoipa::path(
    delete, path = "/v1/webhooks/{id}", tag = "webhooks", operation_id = "deleteWebhook",
    params(("id" = String, Path, description = "Which endpoint.")),
    responses((status = 204, description = "It is gone."), NotFound)
)]
async fn delete(State(app): State<App>, _: Passed, PathWord(id): PathWord) -> Result<Response, Problem> {
    let is_gone = app.webhooks().delete(&id).await?;
    if is_gone { Ok(StatusCode::NO_CONTENT.into_response()) } else { Err(Problem::not_found()) }
}

/// Switch an endpoint on. What was given up while it was off is not delivered by itself: redrive it.
#[utoipa::path(
    post, path = "/v1/webhooks/{id}/enable", tag = "webhooks", operation_id = "enableWebhook", request_body = Nothing,
    params(("id" = String, Path, description = "Which endpoint.")),
    responses((status = 200, description = "The endpoint.", body = WebhookBody), NotFound)
)]
async fn enable(
    State(app): State<App>,
    _: Passed,
    PathWord(id): PathWord,
    _: Posted<Nothing>,
) -> Result<Response, Problem> {
    let changed = app.webhooks().switch(&id, true).await?;
    Ok(json(StatusCode::OK, &WebhookBody::from(changed)))
}

/// Switch an endpoint off: it is told nothing until it is switched on again.
#[utoipa::path(
    post, path = "/v1/webhooks/{id}/disable", tag = "webhooks", operation_id = "disableWebhook", request_body = Nothing,
    params(("id" = String, Path, description = "Which endpoint.")),
    responses((status = 200, description = "The endpoint.", body = WebhookBody), NotFound)
)]
async fn disable(
    State(app): State<App>,
    _: Passed,
    PathWord(id): PathWord,
    _: Posted<Nothing>,
) -> Result<Response, Problem> {
    let changed = app.webhooks().switch(&id, false).await?;
    Ok(json(StatusCode::OK, &WebhookBody::from(changed)))
}

/// Change an endpoint's secret. Deliveries bear both signatures for a while, so that its receiver can change
/// over.
#[utoipa::path(
    post, path = "/v1/webhooks/{id}/secret", tag = "webhooks", operation_id = "rotateWebhookSecret",
    request_body = RotateSecret, params(("id" = String, Path, description = "Which endpoint.")),
    responses((status = 200, description = "The endpoint, with its new secret.", body = WebhookBody), NotFound)
)]
async fn rotate(
    State(app): State<App>,
    _: Host,
    PathWord(id): PathWord,
    Posted { body, .. }: Posted<RotateSecret>,
) -> Result<Response, Problem> {
    let (endpoint, secret) = app.webhooks().rotate(&id, body.overlap.unwrap_or(Span::hours(24))).await?;
    let body = WebhookBody { secret: Some(secret.reveal().to_owned()), ..endpoint.into() };
    Ok(json(StatusCode::OK, &body))
}

/// Try an endpoint out: something of the type `webhook.test` is posted to it, also while it is switched off.
#[utoipa::path(
    post, path = "/v1/webhooks/{id}/test", tag = "webhooks", operation_id = "testWebhook", request_body = Nothing,
    params(("id" = String, Path, description = "Which endpoint.")),
    responses((status = 202, description = "It is on its way.", body = Posting), NotFound)
)]
async fn test(
    State(app): State<App>,
    _: Passed,
    PathWord(id): PathWord,
    _: Posted<Nothing>,
) -> Result<Response, Problem> {
    let id = app.webhooks().test(&id).await?;
    Ok(json(StatusCode::ACCEPTED, &Posting { id }))
}

/// List what was delivered to an endpoint, what was given up, or what is on its way; what is over with the
/// latest first.
#[utoipa::path(
    get, path = "/v1/webhooks/{id}/deliveries", tag = "webhooks", operation_id = "listWebhookDeliveries",
    params(("id" = String, Path, description = "Which endpoint."), LettersQuery),
    responses((status = 200, description = "A page of deliveries.", body = Page<LetterBody>), NotFound)
)]
async fn deliveries(
    State(app): State<App>,
    _: Passed,
    PathWord(id): PathWord,
    LettersPart { part, stage }: LettersPart,
) -> Result<Response, Problem> {
    let stage = stage.unwrap_or(Stage::Delivered);
    let read = app.webhooks().deliveries(&id, stage, part.cursor.as_deref(), part.to_read()).await?;
    Ok(json(StatusCode::OK, &Page::cut(read, &part, Letter::cursor, LetterBody::from)))
}

/// Make a delivery once more that is over, with the same id.
#[utoipa::path(
    post, path = "/v1/webhooks/{id}/deliveries/{delivery}/replay", tag = "webhooks",
    operation_id = "replayWebhookDelivery", request_body = Nothing,
    params(
        ("id" = String, Path, description = "Which endpoint."),
        ("delivery" = String, Path, description = "Which delivery.")
    ),
    responses((status = 202, description = "It is on its way.", body = Posting), NotFound)
)]
async fn replay(
    State(app): State<App>,
    _: Passed,
    PathPair(id, delivery): PathPair,
    _: Posted<Nothing>,
) -> Result<Response, Problem> {
    app.webhooks().replay(&id, &delivery).await?;
    Ok(json(StatusCode::ACCEPTED, &Posting { id: delivery }))
}

/// Make up to a thousand deliveries to an endpoint once more that were given up, each with the same id.
#[utoipa::path(
    post, path = "/v1/webhooks/{id}/redrive", tag = "webhooks", operation_id = "redriveWebhook",
    request_body = Nothing, params(("id" = String, Path, description = "Which endpoint.")),
    responses((status = 202, description = "They are on their way.", body = Redriven), NotFound)
)]
async fn redrive(
    State(app): State<App>,
    _: Passed,
    PathWord(id): PathWord,
    _: Posted<Nothing>,
) -> Result<Response, Problem> {
    let count = app.webhooks().redrive(&id).await?;
    Ok(json(StatusCode::ACCEPTED, &Redriven { count }))
}

impl From<EndpointError> for Problem {
    fn from(error: EndpointError) -> Self {
        match error {
            EndpointError::Invalid(fault) => Self::invalid(Fault::at(format!("/{}", fault.field), fault.detail)),
            EndpointError::TooMany => Self::invalid(Fault::at("/url", error.to_string())),
            EndpointError::Unknown => Self::not_found(),
            EndpointError::Store(error) => error.into(),
            EndpointError::Secret(error) => error.into(),
            EndpointError::Post(_) => Kind::Internal.into(),
        }
    }
}
