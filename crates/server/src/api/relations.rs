//! What there is between two members, and what one may do about it.

use acquaint_core::ids::{InvitationId, MemberId};
use acquaint_core::refusal::{Code, Refusal, Remedy};
use acquaint_core::time::Time;
use acquaint_core::view::{Direction, InvitationView, May, RelationView};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::members::MemberIdParam;
use super::path::PathMember;
use super::reply::json;
use super::responses::ContactRefused;
use super::schema;
use crate::app::App;
use crate::auth::Acting;
use crate::problem::Problem;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(show))
}

/// What there is between the caller and another member.
#[derive(Serialize, ToSchema)]
pub(crate) struct Relation {
    #[schema(schema_with = schema::member_id)]
    member: MemberId,
    /// Since when the two are connected.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::time, required = false)]
    connected_since: Option<Time>,
    /// The pending invitation between them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    invitation: Option<RelationInvitation>,
    /// Whether the caller follows the other.
    following: bool,
    /// Whether the other follows the caller.
    followed_by: bool,
    /// Whether the caller blocks the other.
    blocking: bool,
    #[schema(inline)]
    may: Permissions,
    /// Why the caller may not invite.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    invite_refusal: Option<InviteRefusal>,
}

/// The pending invitation between two members.
#[derive(Serialize, ToSchema)]
pub(crate) struct RelationInvitation {
    #[schema(schema_with = schema::invitation_id)]
    id: InvitationId,
    #[schema(schema_with = schema::direction)]
    direction: Direction,
    #[schema(schema_with = schema::time)]
    sent_at: Time,
    /// When it ends by itself; left out if it never does.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::time, required = false)]
    expires_at: Option<Time>,
}

/// What the caller may do.
#[derive(Serialize, ToSchema)]
#[expect(clippy::struct_excessive_bools, reason = "one answer for each thing that may be done")]
pub(crate) struct Permissions {
    invite: bool,
    withdraw: bool,
    accept: bool,
    decline: bool,
    follow: bool,
    block: bool,
    disconnect: bool,
}

/// Why the caller may not invite.
#[derive(Serialize, ToSchema)]
pub(crate) struct InviteRefusal {
    /// The reason, for programs.
    #[schema(value_type = String)]
    code: Code,
    /// From when on it no longer holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::time, required = false)]
    retry_at: Option<Time>,
    #[schema(schema_with = schema::remedy)]
    remedy: Remedy,
}

impl From<RelationView> for Relation {
    fn from(view: RelationView) -> Self {
        let May { invite, withdraw, accept, decline, follow, block, disconnect } = view.may;
        Self {
            member: view.member,
            connected_since: view.connected_since,
            invitation: view.invitation.map(Into::into),
            following: view.following,
            followed_by: view.followed_by,
            blocking: view.blocking,
            may: Permissions { invite, withdraw, accept, decline, follow, block, disconnect },
            invite_refusal: view.invite_refusal.map(Into::into),
        }
    }
}

impl From<InvitationView> for RelationInvitation {
    fn from(view: InvitationView) -> Self {
        Self { id: view.id, direction: view.direction, sent_at: view.sent_at, expires_at: view.expires_at }
    }
}

impl From<Refusal> for InviteRefusal {
    fn from(refusal: Refusal) -> Self {
        Self { code: refusal.code, retry_at: refusal.retry_at, remedy: refusal.code.remedy() }
    }
}

/// Show what there is between the caller and another member, and what the caller may do.
#[utoipa::path(
    get, path = "/v1/relations/{member}", tag = "relations", operation_id = "getRelation",
    params(("member" = inline(MemberIdParam), Path, description = "The other member.")),
    responses((status = 200, description = "What there is.", body = Relation), ContactRefused)
)]
async fn show(
    State(app): State<App>,
    Acting(actor): Acting,
    PathMember(other): PathMember,
) -> Result<Response, Problem> {
    let view = app.network().relation(&actor, &other).await?;
    let view = view.ok_or_else(|| app.refused(Code::SelfTarget.refuse()))?;
    Ok(json(StatusCode::OK, &Relation::from(view)))
}
