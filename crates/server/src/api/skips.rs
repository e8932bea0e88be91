//! Whom suggestions and plans leave alone for good.

use acquaint_app::{MAX_SKIPPED, MAX_SKIPPED_TAGS, SkipError, SkipList};
use acquaint_core::ids::MemberId;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::cleanup::check_length;
use super::reply::json;
use super::responses::NotFound;
use super::schema;
use crate::app::App;
use crate::auth::Acting;
use crate::body::{Input, Posted};
use crate::problem::{Fault, Problem};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(show, put))
}

/// Whom suggestions and plans leave alone for good.
#[derive(Serialize, Deserialize, ToSchema)]
#[schema(as = SkipList)]
#[serde(deny_unknown_fields)]
pub(crate) struct SkipListBody {
    /// Invitations to these people, all of whom the caller has invited.
    #[serde(default)]
    #[schema(schema_with = schema::members, required = false)]
    members: Vec<MemberId>,
    /// Invitations to people with one of these tags.
    #[serde(default)]
    #[schema(max_items = 50)]
    audiences: Vec<String>,
}

impl Input for SkipListBody {
    fn check(&self, faults: &mut Vec<Fault>) {
        check_length(faults, "/members", self.members.len(), 0..=MAX_SKIPPED);
        check_length(faults, "/audiences", self.audiences.len(), 0..=MAX_SKIPPED_TAGS);
    }
}

impl From<SkipList> for SkipListBody {
    fn from(SkipList { members, audiences }: SkipList) -> Self {
        Self { members, audiences }
    }
}

/// Show whom suggestions and plans leave alone for good.
#[utoipa::path(
    get, path = "/v1/cleanup/skips", tag = "cleanup", operation_id = "getSkipList",
    responses((status = 200, description = "The list.", body = SkipListBody))
)]
async fn show(State(app): State<App>, Acting(member): Acting) -> Result<Response, Problem> {
    let list = app.network().skip_list(&member).await?;
    Ok(json(StatusCode::OK, &SkipListBody::from(list)))
}

/// Say whom suggestions and plans leave alone for good: all of it, in place of what was said before.
#[utoipa::path(
    put, path = "/v1/cleanup/skips", tag = "cleanup", operation_id = "putSkipList", request_body = SkipListBody,
    responses((status = 200, description = "The list.", body = SkipListBody), NotFound)
)]
async fn put(
    State(app): State<App>,
    Acting(member): Acting,
    Posted { body, .. }: Posted<SkipListBody>,
) -> Result<Response, Problem> {
    let list = SkipList { members: body.members, audiences: body.audiences };
    app.network().set_skip_list(&member, &list).await?;
    Ok(json(StatusCode::OK, &SkipListBody::from(list)))
}

impl From<SkipError> for Problem {
    fn from(error: SkipError) -> Self {
        match error {
            SkipError::Strangers(places) => {
                let fault = |place| Fault::at(format!("/members/{place}"), "nobody whom you invited");
                Self::invalid_all(places.into_iter().map(fault).collect())
            }
            // Each list was measured before; this is the end of a race.
            SkipError::TooMany => Self::invalid(Fault::at("", error.to_string())),
            SkipError::Store(error) => error.into(),
        }
    }
}
