//! The clock, where it can be set: for development and tests.

use acquaint_core::time::{Span, Time};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::reply::json;
use super::responses::NotFound;
use super::schema;
use crate::app::App;
use crate::auth::Passed;
use crate::body::{Input, Posted};
use crate::problem::Problem;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(show, set)).routes(routes!(advance))
}

/// What time it is.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Clock {
    #[schema(schema_with = schema::time)]
    now: Time,
}

impl Input for Clock {}

/// How far to go.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Advance {
    #[schema(schema_with = schema::span)]
    by: Span,
}

impl Input for Advance {}

fn settable(app: &App) -> Result<(), Problem> {
    if app.network().is_settable() { Ok(()) } else { Err(Problem::not_found()) }
}

/// Show the time.
#[utoipa::path(
    get, path = "/v1/dev/clock", tag = "dev", operation_id = "getClock",
    responses((status = 200, description = "What time it is.", body = Clock), NotFound)
)]
async fn show(State(app): State<App>, _: Passed) -> Result<Response, Problem> {
    settable(&app)?;
    Ok(json(StatusCode::OK, &Clock { now: app.network().now() }))
}

/// Set the clock. On its way forward, whatever falls due happens at its own moment.
#[utoipa::path(
    put, path = "/v1/dev/clock", tag = "dev", operation_id = "setClock", request_body = Clock,
    responses((status = 200, description = "What time it is now.", body = Clock), NotFound)
)]
async fn set(State(app): State<App>, _: Passed, Posted { body, .. }: Posted<Clock>) -> Result<Response, Problem> {
    settable(&app)?;
    app.network().set_clock(body.now).await?;
    Ok(json(StatusCode::OK, &body))
}

/// Advance the clock. Whatever falls due on the way happens at its own moment, before the answer.
#[utoipa::path(
    post, path = "/v1/dev/clock/advance", tag = "dev", operation_id = "advanceClock", request_body = Advance,
    responses((status = 200, description = "What time it is now.", body = Clock), NotFound)
)]
async fn advance(State(app): State<App>, _: Passed, Posted { body, .. }: Posted<Advance>) -> Result<Response, Problem> {
    settable(&app)?;
    let now = app.network().advance_clock(body.by).await?;
    Ok(json(StatusCode::OK, &Clock { now }))
}
