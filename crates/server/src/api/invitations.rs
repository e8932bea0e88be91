//! Invitations: sent, listed, answered, withdrawn.

use acquaint_core::command::Action;
use acquaint_core::decide::Answer;
use acquaint_core::ids::MemberId;
use acquaint_core::refusal::{Code, Remedy};
use acquaint_core::relation::Complaint;
use acquaint_core::time::Time;
use acquaint_core::view::{Direction, InvitationState};
use acquaint_store::PendingPage;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::path::PathInvitation;
use super::reply::{Invitation, ReceivedInvitation, SentInvitation, astray, invited_status, json};
use super::responses::{AcceptRefused, AnswerRefused, InviteRefused, NotFound};
use super::schema;
use crate::app::App;
use crate::auth::Acting;
use crate::body::{Input, Key, Posted, check_text};
use crate::page::{List, OrderedPart, OrderedQuery, Page};
use crate::problem::{Fault, Problem};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(invite))
        .routes(routes!(check))
        .routes(routes!(list_sent))
        .routes(routes!(list_received))
        .routes(routes!(show))
        .routes(routes!(withdraw))
        .routes(routes!(accept))
        .routes(routes!(decline))
}

/// Whom to invite, and what to say.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Invite {
    #[schema(schema_with = schema::member_id)]
    to: MemberId,
    /// A few words; how many is up to the policy (rule 2).
    note: Option<String>,
    /// The recipient's e-mail address, for those who ask for it (rule 21).
    #[schema(max_length = 254)]
    to_email: Option<String>,
}

impl Input for Invite {
    fn check(&self, faults: &mut Vec<Fault>) {
        check_text(faults, "/to_email", self.to_email.as_deref(), super::members::MAX_EMAIL, false);
    }
}

/// What was wrong with an invitation, if anything is to be said.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Decline {
    #[schema(schema_with = schema::complaint_or_null, required = false)]
    reason: Option<Complaint>,
}

impl Input for Decline {}

/// A body that says nothing.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nothing {}

impl Input for Nothing {}

/// Whether an invitation would be allowed.
#[derive(Serialize, ToSchema)]
pub(crate) struct Checked {
    allowed: bool,
    /// Why not, for programs.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, nullable = false)]
    code: Option<Code>,
    /// From when on it would no longer be refused for this reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::time, required = false)]
    retry_at: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::remedy, required = false)]
    remedy: Option<Remedy>,
    /// Why not, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, nullable = false)]
    detail: Option<&'static str>,
}

/// A page of pending invitations, and how many there are in all.
#[derive(Serialize, ToSchema)]
pub(crate) struct PendingInvitations<T> {
    /// What is on the page, in order.
    items: Vec<T>,
    /// Where the list goes on; null at its end.
    #[schema(required)]
    next_cursor: Option<String>,
    /// How many are pending in all.
    total_pending: u32,
}

impl<T> PendingInvitations<T> {
    fn new(page: Page<T>, total_pending: u32) -> Self {
        Self { items: page.items, next_cursor: page.next_cursor, total_pending }
    }
}

/// Send an invitation (rule 1). Two members who invite each other are connected (rule 12).
#[utoipa::path(
    post, path = "/v1/invitations", tag = "invitations", operation_id = "invite", request_body = Invite,
    responses(
        (status = 201, description = "The invitation is pending.", body = SentInvitation,
            headers(("RateLimit", description = "What is left of the rolling allowance."),
                    ("RateLimit-Policy", description = "The rolling allowance."))),
        (status = 200, description = "It met an invitation from the other side: the two are connected.",
            body = SentInvitation),
        InviteRefused,
    )
)]
async fn invite(
    State(app): State<App>,
    Acting(actor): Acting,
    Posted { body, key }: Posted<Invite>,
) -> Result<Response, Problem> {
    let action = Action::Invite { to: body.to, note: body.note, to_email: body.to_email };
    match app.submit(actor.clone(), action, key).await {
        Ok(Answer::Invited { invitation, allowance }) => {
            let status = invited_status(&invitation);
            let body = SentInvitation::new(invitation, &app.network().policy());
            let mut response = json(status, &body);
            response.headers_mut().extend(app.allowance_headers(allowance));
            Ok(response)
        }
        Ok(other) => Err(astray(&other)),
        Err(problem) if problem.is_refusal(Code::RollingLimit) => {
            let (standing, _) = app.network().standing(&actor).await?;
            Err(problem.with_headers(app.allowance_headers(standing.rolling)))
        }
        Err(problem) => Err(problem),
    }
}

/// Say whether an invitation would be allowed now, and if not, why. Changes nothing.
#[utoipa::path(
    post, path = "/v1/invitations/check", tag = "invitations", operation_id = "checkInvitation",
    request_body = Invite, responses((status = 200, description = "Whether it would.", body = Checked))
)]
async fn check(
    State(app): State<App>,
    Acting(actor): Acting,
    Posted { body, .. }: Posted<Invite>,
) -> Result<Response, Problem> {
    let Invite { to, note, to_email } = &body;
    let checked = app.network().check_invite(&actor, to, note.as_deref(), to_email.as_deref()).await?;
    let refusal = checked.err();
    let body = Checked {
        allowed: refusal.is_none(),
        code: refusal.map(|refusal| refusal.code),
        retry_at: refusal.and_then(|refusal| refusal.retry_at),
        remedy: refusal.map(|refusal| refusal.code.remedy()),
        detail: refusal.map(|refusal| refusal.code.sentence()),
    };
    Ok(json(StatusCode::OK, &body))
}

/// List the pending invitations that the member sent.
#[utoipa::path(
    get, path = "/v1/invitations/sent", tag = "invitations", operation_id = "listSentInvitations",
    params(OrderedQuery),
    responses((status = 200, description = "A page of them.", body = PendingInvitations<SentInvitation>))
)]
async fn list_sent(
    State(app): State<App>,
    Acting(member): Acting,
    OrderedPart { part, order }: OrderedPart,
) -> Result<Response, Problem> {
    let list = List::Pending(Direction::Sent, order);
    let after = part.after_invitation(list)?;
    let total_pending = app.network().member_seen(&member, part.seen).await?.ledger.pending_sent;
    let wanted =
        PendingPage { member, direction: Direction::Sent, order, after, limit: part.to_read(), seen: part.seen };
    let read = app.network().pending(&wanted).await?;
    let policy = app.network().policy();
    let page = Page::cut(read, &part, |view| list.after_id(view.id.0), |view| SentInvitation::new(view, &policy));
    Ok(json(StatusCode::OK, &PendingInvitations::new(page, total_pending)))
}

/// List the pending invitations that the member received.
#[utoipa::path(
    get, path = "/v1/invitations/received", tag = "invitations", operation_id = "listReceivedInvitations",
    params(OrderedQuery),
    responses((status = 200, description = "A page of them.", body = PendingInvitations<ReceivedInvitation>))
)]
async fn list_received(
    State(app): State<App>,
    Acting(member): Acting,
    OrderedPart { part, order }: OrderedPart,
) -> Result<Response, Problem> {
    let list = List::Pending(Direction::Received, order);
    let after = part.after_invitation(list)?;
    let total_pending = app.network().member_seen(&member, part.seen).await?.ledger.pending_received;
    let wanted =
        PendingPage { member, direction: Direction::Received, order, after, limit: part.to_read(), seen: part.seen };
    let read = app.network().pending(&wanted).await?;
    let page = Page::cut(read, &part, |view| list.after_id(view.id.0), ReceivedInvitation::from);
    Ok(json(StatusCode::OK, &PendingInvitations::new(page, total_pending)))
}

/// Show an invitation from the caller's side.
#[utoipa::path(
    get, path = "/v1/invitations/{id}", tag = "invitations", operation_id = "getInvitation",
    params(("id" = inline(InvitationIdParam), Path, description = "Which invitation.")),
    responses((status = 200, description = "The invitation.", body = Invitation), NotFound)
)]
async fn show(
    State(app): State<App>,
    Acting(member): Acting,
    PathInvitation(id): PathInvitation,
) -> Result<Response, Problem> {
    let view = app.network().invitation(&member, id).await?.ok_or_else(Problem::not_found)?;
    if view.state == InvitationState::Gone {
        return Err(Problem::gone());
    }
    Ok(json(StatusCode::OK, &Invitation::new(view, &app.network().policy())))
}

/// Withdraw a pending invitation (rules 7 to 9). It is final.
#[utoipa::path(
    post, path = "/v1/invitations/{id}/withdraw", tag = "invitations", operation_id = "withdrawInvitation",
    request_body = Nothing,
    params(("id" = inline(InvitationIdParam), Path, description = "Which invitation.")),
    responses((status = 200, description = "It is withdrawn.", body = SentInvitation), AnswerRefused)
)]
async fn withdraw(
    State(app): State<App>,
    Acting(actor): Acting,
    PathInvitation(invitation): PathInvitation,
    Posted { key, .. }: Posted<Nothing>,
) -> Result<Response, Problem> {
    answer(&app, actor, key, Action::Withdraw { invitation }).await
}

/// Accept an invitation (rule 4): the two are connected.
#[utoipa::path(
    post, path = "/v1/invitations/{id}/accept", tag = "invitations", operation_id = "acceptInvitation",
    request_body = Nothing,
    params(("id" = inline(InvitationIdParam), Path, description = "Which invitation.")),
    responses((status = 200, description = "It is accepted.", body = ReceivedInvitation), AcceptRefused)
)]
async fn accept(
    State(app): State<App>,
    Acting(actor): Acting,
    PathInvitation(invitation): PathInvitation,
    Posted { key, .. }: Posted<Nothing>,
) -> Result<Response, Problem> {
    answer(&app, actor, key, Action::Accept { invitation }).await
}

/// Decline an invitation, silently (rules 5 and 6).
#[utoipa::path(
    post, path = "/v1/invitations/{id}/decline", tag = "invitations", operation_id = "declineInvitation",
    request_body = Decline,
    params(("id" = inline(InvitationIdParam), Path, description = "Which invitation.")),
    responses((status = 200, description = "It is declined.", body = ReceivedInvitation), AnswerRefused)
)]
async fn decline(
    State(app): State<App>,
    Acting(actor): Acting,
    PathInvitation(invitation): PathInvitation,
    Posted { body, key }: Posted<Decline>,
) -> Result<Response, Problem> {
    let complaint = body.reason;
    answer(&app, actor, key, Action::Decline { invitation, complaint }).await
}

async fn answer(app: &App, actor: MemberId, key: Option<Key>, action: Action) -> Result<Response, Problem> {
    match app.submit(actor, action, key).await? {
        Answer::Invitation(view) => Ok(json(StatusCode::OK, &Invitation::new(view, &app.network().policy()))),
        other => Err(astray(&other)),
    }
}

/// The name of an invitation in a path.
#[derive(ToSchema)]
#[schema(pattern = "^inv_[0-9a-f]{32}$")]
#[expect(dead_code, reason = "described, not built")]
pub(crate) struct InvitationIdParam(String);
