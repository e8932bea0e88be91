//! Likes, comments and shares (rule 18).

use acquaint_core::command::{Action, Engagement, EngagementKind};
use acquaint_core::decide::Answer;
use acquaint_core::ids::MemberId;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::reply::{Engaged, astray, json};
use super::responses::ContactRefused;
use super::schema;
use crate::app::App;
use crate::auth::Acting;
use crate::body::{Input, Posted, check_text};
use crate::problem::{Fault, Problem};

/// Longest subject and longest text of an engagement, in characters.
pub(crate) const MAX_SUBJECT: usize = 200;
pub(crate) const MAX_TEXT: usize = 2_000;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(engage))
}

/// What the caller did, and with whose post.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Engage {
    #[schema(schema_with = schema::member_id)]
    target: MemberId,
    #[schema(schema_with = schema::engagement_kind)]
    kind: EngagementKind,
    /// What of the target's it is about, in the host's own words.
    #[schema(max_length = 200)]
    subject: Option<String>,
    /// What was said.
    #[schema(max_length = 2000)]
    text: Option<String>,
}

impl Input for Engage {
    fn check(&self, faults: &mut Vec<Fault>) {
        check_engagement(faults, "", self.subject.as_deref(), self.text.as_deref());
    }
}

/// Adds what is wrong with the words of an engagement, which stand at that place of the body.
pub(crate) fn check_engagement(faults: &mut Vec<Fault>, at: &str, subject: Option<&str>, text: Option<&str>) {
    check_text(faults, &format!("{at}/subject"), subject, MAX_SUBJECT, false);
    check_text(faults, &format!("{at}/text"), text, MAX_TEXT, true);
}

/// Record a like, a comment or a share. Its target finds it in their notifications.
#[utoipa::path(
    post, path = "/v1/engagements", tag = "engagements", operation_id = "engage", request_body = Engage,
    responses((status = 201, description = "It is recorded.", body = Engaged), ContactRefused)
)]
async fn engage(
    State(app): State<App>,
    Acting(actor): Acting,
    Posted { body, key }: Posted<Engage>,
) -> Result<Response, Problem> {
    let Engage { target, kind, subject, text } = body;
    let engagement = Engagement { kind, subject, text };
    let action = Action::Engage { target: target.clone(), engagement: engagement.clone() };
    match app.submit(actor, action, key).await? {
        Answer::Engaged(id) => Ok(json(StatusCode::CREATED, &Engaged::new(id, target, engagement))),
        other => Err(astray(&other)),
    }
}
