//! Browsers of members: the host lets them in, and signs them out.

use acquaint_core::ids::MemberId;
use acquaint_core::time::Time;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::members::MemberIdParam;
use super::path::PathMember;
use super::reply::json;
use super::responses::NotFound;
use super::schema;
use crate::app::App;
use crate::auth::{Host, Passed};
use crate::body::{Input, Posted};
use crate::problem::Problem;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(create)).routes(routes!(end))
}

/// Who is to be let in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewTicket {
    #[schema(schema_with = schema::member_id)]
    member: MemberId,
}

impl Input for NewTicket {}

/// A ticket: with it one browser signs in, once.
#[derive(Serialize, ToSchema)]
pub(crate) struct Ticket<'a> {
    /// The secret.
    ticket: &'a str,
    /// Where to send the member's browser, on the address of the pages.
    #[schema(example = "/session?ticket=YWRh.c2VjcmV0")]
    path: String,
    #[schema(schema_with = schema::time)]
    expires_at: Time,
}

/// Make a ticket with which a member's browser signs in to the pages, once and within a minute.
#[utoipa::path(
    post, path = "/v1/sessions", tag = "members", operation_id = "createTicket", request_body = NewTicket,
    responses((status = 201, description = "The ticket. It is told this once.", body = Ticket), NotFound)
)]
async fn create(State(app): State<App>, _: Host, Posted { body, .. }: Posted<NewTicket>) -> Result<Response, Problem> {
    if app.pages().is_none() {
        return Err(Problem::not_found());
    }
    let (ticket, expires_at) = app.network().ticket(&body.member).await?;
    let ticket = ticket.reveal();
    let path = format!("/session?ticket={ticket}");
    Ok(json(StatusCode::CREATED, &Ticket { ticket, path, expires_at }))
}

/// Sign a member out of every browser.
#[utoipa::path(
    delete, path = "/v1/members/{id}/sessions", tag = "members", operation_id = "endSessions",
    params(("id" = inline(MemberIdParam), Path, description = "Which member.")),
    responses((status = 204, description = "No browser is signed in as that member."), NotFound)
)]
async fn end(State(app): State<App>, _: Passed, PathMember(id): PathMember) -> Result<Response, Problem> {
    app.network().sign_out_everywhere(&id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
