//! What a member finds in their notifications.

use acquaint_core::command::{Action, EngagementKind};
use acquaint_core::decide::Answer;
use acquaint_core::event::{Notification, NotificationKind};
use acquaint_core::ids::{InvitationId, MemberId, NotificationId};
use acquaint_core::time::Time;
use acquaint_store::NotificationPage;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::reply::{astray, json};
use super::schema;
use crate::app::App;
use crate::auth::Acting;
use crate::body::{Input, Posted};
use crate::page::{List, Page, Part, PartQuery};
use crate::problem::Problem;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(mark_read))
}

/// A line in the caller's notifications.
#[derive(Serialize, ToSchema)]
#[schema(as = Notification)]
pub(crate) struct Line {
    #[schema(schema_with = schema::notification_id)]
    id: NotificationId,
    #[schema(schema_with = schema::notification_kind)]
    kind: &'static str,
    #[schema(schema_with = schema::time)]
    at: Time,
    /// The other member whom it is about.
    #[schema(schema_with = schema::member_id)]
    about: MemberId,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::invitation_id, required = false)]
    invitation_id: Option<InvitationId>,
    /// What the other did, where the kind is `engagement`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    engagement: Option<EngagementLine>,
    /// Whether it has been marked read.
    read: bool,
}

/// What somebody did with a post of the caller's (rule 18).
#[derive(Serialize, ToSchema)]
#[schema(as = Engagement)]
pub(crate) struct EngagementLine {
    #[schema(schema_with = schema::engagement_kind)]
    kind: EngagementKind,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    subject: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    text: Option<String>,
}

impl Line {
    fn new(notification: Notification, read_until: Option<NotificationId>) -> Self {
        Self {
            id: notification.id,
            kind: notification.kind.name(),
            at: notification.at,
            about: notification.about,
            invitation_id: notification.invitation,
            engagement: match notification.kind {
                NotificationKind::Engagement(said) => {
                    Some(EngagementLine { kind: said.kind, subject: said.subject, text: said.text })
                }
                _ => None,
            },
            read: Some(notification.id) <= read_until,
        }
    }
}

/// Up to where notifications have been read.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MarkRead {
    /// Up to and with this one; all of them when left out.
    #[schema(schema_with = schema::notification_id_or_null, required = false)]
    up_to: Option<NotificationId>,
}

impl Input for MarkRead {}

/// List the caller's notifications, the latest first.
#[utoipa::path(
    get, path = "/v1/notifications", tag = "notifications", operation_id = "listNotifications", params(PartQuery),
    responses((status = 200, description = "A page of them.", body = Page<Line>))
)]
async fn list(State(app): State<App>, Acting(member): Acting, part: Part) -> Result<Response, Problem> {
    let after = part.after_notification(List::Notifications)?;
    let read_until = app.network().member_seen(&member, part.seen).await?.ledger.read_until;
    let wanted = NotificationPage { member, after, limit: part.to_read(), seen: part.seen };
    let read = app.network().notifications(&wanted).await?;
    let cursor = |notification: &Notification| List::Notifications.after_id(notification.id.0);
    let page = Page::cut(read, &part, cursor, |notification| Line::new(notification, read_until));
    Ok(json(StatusCode::OK, &page))
}

/// Mark notifications read.
#[utoipa::path(
    post, path = "/v1/notifications/read", tag = "notifications", operation_id = "markNotificationsRead",
    request_body = MarkRead, responses((status = 204, description = "They are marked."))
)]
async fn mark_read(
    State(app): State<App>,
    Acting(actor): Acting,
    Posted { body, key }: Posted<MarkRead>,
) -> Result<Response, Problem> {
    match app.submit(actor, Action::MarkRead { up_to: body.up_to }, key).await? {
        Answer::Done => Ok(StatusCode::NO_CONTENT.into_response()),
        other => Err(astray(&other)),
    }
}
