//! Connections, follows and blocks.

use acquaint_core::command::Action;
use acquaint_core::decide::Answer;
use acquaint_core::ids::MemberId;
use acquaint_core::time::Time;
use acquaint_core::view::ContactList;
use acquaint_store::{Contact, ContactPage};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::invitations::Nothing;
use super::members::MemberIdParam;
use super::path::PathMember;
use super::reply::{astray, json};
use super::responses::{BlockRefused, ContactRefused};
use super::schema;
use crate::app::App;
use crate::auth::Acting;
use crate::body::Posted;
use crate::page::{List, Page, Part, PartQuery};
use crate::problem::Problem;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_connections))
        .routes(routes!(disconnect))
        .routes(routes!(follow, unfollow))
        .routes(routes!(list_following))
        .routes(routes!(list_followers))
        .routes(routes!(block, unblock))
        .routes(routes!(list_blocks))
}

/// Another member in one of the caller's lists.
#[derive(Serialize, ToSchema)]
pub(crate) struct ListedMember {
    #[schema(schema_with = schema::member_id)]
    member: MemberId,
    /// Since when.
    #[schema(schema_with = schema::time)]
    since: Time,
}

impl From<Contact> for ListedMember {
    fn from(contact: Contact) -> Self {
        Self { member: contact.other, since: contact.since }
    }
}

async fn list(app: &App, member: MemberId, part: &Part, list: ContactList) -> Result<Response, Problem> {
    let cursor = List::Contacts(list);
    let after = part.after_contact(cursor)?;
    let read =
        app.network().contacts(&ContactPage { member, list, after, limit: part.to_read(), seen: part.seen }).await?;
    let page = Page::cut(read, part, |contact| cursor.after_contact(contact), ListedMember::from);
    Ok(json(StatusCode::OK, &page))
}

async fn carry_out(app: &App, actor: MemberId, action: Action) -> Result<Response, Problem> {
    match app.submit(actor, action, None).await? {
        Answer::Done => Ok(StatusCode::NO_CONTENT.into_response()),
        other => Err(astray(&other)),
    }
}

/// List the caller's connections, the latest first.
#[utoipa::path(
    get, path = "/v1/connections", tag = "connections", operation_id = "listConnections", params(PartQuery),
    responses((status = 200, description = "A page of them.", body = Page<ListedMember>))
)]
async fn list_connections(State(app): State<App>, Acting(member): Acting, part: Part) -> Result<Response, Problem> {
    list(&app, member, &part, ContactList::Connections).await
}

/// End a connection, and with it both follows. Done as well where there is none.
#[utoipa::path(
    delete, path = "/v1/connections/{member}", tag = "connections", operation_id = "disconnect",
    params(("member" = inline(MemberIdParam), Path, description = "With whom.")),
    responses((status = 204, description = "The two are not connected."), ContactRefused)
)]
async fn disconnect(
    State(app): State<App>,
    Acting(actor): Acting,
    PathMember(other): PathMember,
) -> Result<Response, Problem> {
    carry_out(&app, actor, Action::Disconnect { other }).await
}

/// Follow a member (rule 17).
#[utoipa::path(
    put, path = "/v1/follows/{member}", tag = "follows", operation_id = "follow", request_body = Nothing,
    params(("member" = inline(MemberIdParam), Path, description = "Whom.")),
    responses((status = 204, description = "The caller follows them."), ContactRefused)
)]
async fn follow(
    State(app): State<App>,
    Acting(actor): Acting,
    PathMember(other): PathMember,
    _: Posted<Nothing>,
) -> Result<Response, Problem> {
    carry_out(&app, actor, Action::Follow { other }).await
}

/// Stop following a member (rule 17).
#[utoipa::path(
    delete, path = "/v1/follows/{member}", tag = "follows", operation_id = "unfollow",
    params(("member" = inline(MemberIdParam), Path, description = "Whom.")),
    responses((status = 204, description = "The caller does not follow them."), ContactRefused)
)]
async fn unfollow(
    State(app): State<App>,
    Acting(actor): Acting,
    PathMember(other): PathMember,
) -> Result<Response, Problem> {
    carry_out(&app, actor, Action::Unfollow { other }).await
}

/// List those whom the caller follows, the latest first.
#[utoipa::path(
    get, path = "/v1/following", tag = "follows", operation_id = "listFollowing", params(PartQuery),
    responses((status = 200, description = "A page of them.", body = Page<ListedMember>))
)]
async fn list_following(State(app): State<App>, Acting(member): Acting, part: Part) -> Result<Response, Problem> {
    list(&app, member, &part, ContactList::Following).await
}

/// List those who follow the caller, the latest first.
#[utoipa::path(
    get, path = "/v1/followers", tag = "follows", operation_id = "listFollowers", params(PartQuery),
    responses((status = 200, description = "A page of them.", body = Page<ListedMember>))
)]
async fn list_followers(State(app): State<App>, Acting(member): Acting, part: Part) -> Result<Response, Problem> {
    list(&app, member, &part, ContactList::Followers).await
}

/// Block a member, silently (rule 20).
#[utoipa::path(
    put, path = "/v1/blocks/{member}", tag = "blocks", operation_id = "block", request_body = Nothing,
    params(("member" = inline(MemberIdParam), Path, description = "Whom.")),
    responses((status = 204, description = "The caller blocks them."), BlockRefused)
)]
async fn block(
    State(app): State<App>,
    Acting(actor): Acting,
    PathMember(other): PathMember,
    _: Posted<Nothing>,
) -> Result<Response, Problem> {
    carry_out(&app, actor, Action::Block { other }).await
}

/// Stop blocking a member (rule 20). It restores nothing.
#[utoipa::path(
    delete, path = "/v1/blocks/{member}", tag = "blocks", operation_id = "unblock",
    params(("member" = inline(MemberIdParam), Path, description = "Whom.")),
    responses((status = 204, description = "The caller does not block them."), ContactRefused)
)]
async fn unblock(
    State(app): State<App>,
    Acting(actor): Acting,
    PathMember(other): PathMember,
) -> Result<Response, Problem> {
    carry_out(&app, actor, Action::Unblock { other }).await
}

/// List those whom the caller blocks, the latest first.
#[utoipa::path(
    get, path = "/v1/blocks", tag = "blocks", operation_id = "listBlocks", params(PartQuery),
    responses((status = 200, description = "A page of them.", body = Page<ListedMember>))
)]
async fn list_blocks(State(app): State<App>, Acting(member): Acting, part: Part) -> Result<Response, Problem> {
    list(&app, member, &part, ContactList::Blocks).await
}
