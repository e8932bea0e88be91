//! Dead letters: deliveries on any channel that were given up, and sending them off once more.

use acquaint_app::outbox::{LetterPlace, Stage};
use acquaint_core::ids::MemberId;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::reply::json;
use super::responses::NotFound;
use super::schema;
use super::webhooks::LetterBody;
use crate::app::App;
use crate::auth::{DoneOn, Passed};
use crate::body::{Input, Posted};
use crate::page::{AfterPart, Page, PlaceQuery};
use crate::problem::{Fault, Problem};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(redrive))
}

/// Which dead letter is sent off once more: what the list says of it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeadLetter {
    channel: String,
    target: String,
    id: String,
    /// The member who is told, on channels that tell members.
    #[serde(default)]
    #[schema(schema_with = schema::member_id_or_null, required = false)]
    member: Option<MemberId>,
}

impl Input for DeadLetter {
    fn check(&self, faults: &mut Vec<Fault>) {
        for (pointer, text) in [("/channel", &self.channel), ("/target", &self.target), ("/id", &self.id)] {
            if text.contains(|c: char| c.is_control() || c == '/') || text.len() > 256 {
                faults.push(Fault::at(pointer, "a word as the list of dead letters shows it".to_owned()));
            }
        }
    }
}

/// List deliveries on all channels that were given up; those that are forgotten first come first.
#[utoipa::path(
    get, path = "/v1/dead-letters", tag = "deliveries", operation_id = "listDeadLetters", params(PlaceQuery),
    responses((status = 200, description = "A page of deliveries.", body = Page<LetterBody>))
)]
async fn list(State(app): State<App>, _: Passed, AfterPart(part): AfterPart) -> Result<Response, Problem> {
    let not_a_place = |()| Problem::invalid(Fault::parameter("after", "next_cursor of the page before"));
    let after: Option<LetterPlace> = part.cursor.as_deref().map(str::parse).transpose().map_err(not_a_place)?;
    let read = app.network().letters(Stage::Dead, after, part.limit).await?;
    let next_cursor = read.next.map(|place| place.to_string());
    let items: Vec<LetterBody> = read.items.into_iter().map(LetterBody::from).collect();
    Ok(json(StatusCode::OK, &Page { items, next_cursor }))
}

/// Send a dead letter off once more, with the same id.
#[utoipa::path(
    post, path = "/v1/dead-letters/redrive", tag = "deliveries", operation_id = "redriveDeadLetter",
    request_body = DeadLetter,
    responses((status = 204, description = "It is on its way."), NotFound)
)]
async fn redrive(
    State(app): State<App>,
    _: Passed,
    Posted { body, .. }: Posted<DeadLetter>,
) -> Result<Response, Problem> {
    let DeadLetter { channel, target, id, member } = &body;
    if !app.network().redrive_dead(member.as_ref(), channel, target, id).await? {
        return Err(Problem::not_found());
    }
    let mut answer = StatusCode::NO_CONTENT.into_response();
    answer.extensions_mut().insert(DoneOn(body.id));
    Ok(answer)
}
