//! All that is kept about a member, for the member.

use acquaint_app::{Kept, Visit};
use acquaint_core::time::Time;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::cleanup::PlanBody;
use super::contacts::ListedMember;
use super::events::EventBody;
use super::members::{MemberBody, MemberIdParam};
use super::notifications::Line;
use super::path::PathMember;
use super::reply::{Invitation, json};
use super::responses::NotFound;
use super::schema;
use super::skips::SkipListBody;
use super::standing::StandingBody;
use crate::app::App;
use crate::auth::Passed;
use crate::problem::{Kind, Problem};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(export))
}

/// All that is kept about a member, as far as the member may know it.
#[derive(Serialize, ToSchema)]
pub(crate) struct Export<'a> {
    /// When it was read.
    #[schema(schema_with = schema::time)]
    at: Time,
    /// What the host told.
    member: MemberBody<'a>,
    /// What the rules count.
    standing: StandingBody,
    /// Pending invitations that the member sent, the latest first.
    sent: Vec<Invitation>,
    /// Those that the member received, the latest first.
    received: Vec<Invitation>,
    /// Invitations that are over.
    past: Vec<Invitation>,
    connections: Vec<ListedMember>,
    following: Vec<ListedMember>,
    followers: Vec<ListedMember>,
    blocks: Vec<ListedMember>,
    notifications: Vec<Line>,
    /// What the member did, where it stands in the log of events.
    acts: Vec<EventBody>,
    /// Idempotency keys that were used for the member.
    #[schema(inline)]
    idempotency_keys: Vec<UsedKey>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    cleanup_plan: Option<PlanBody>,
    /// Whom clean-up leaves alone.
    cleanup_skips: SkipListBody,
    /// Browsers that are signed in to the pages as the member.
    #[schema(inline)]
    sessions: Vec<VisitBody>,
    /// Whether the wait list has the private address of a calendar.
    wait_calendar: bool,
    /// What was administered about the member, the latest first.
    #[schema(inline)]
    administered: Vec<Administered>,
}

/// A browser that is signed in.
#[derive(Serialize, ToSchema)]
pub(crate) struct VisitBody {
    /// When it signed in, or got its ticket.
    #[schema(schema_with = schema::time)]
    started_at: Time,
    /// When it is signed out if nothing more is asked for.
    #[schema(schema_with = schema::time)]
    ends_at: Time,
    /// It has a ticket and has not signed in yet.
    is_ticket: bool,
}

impl From<Visit> for VisitBody {
    fn from(visit: Visit) -> Self {
        let Visit { started_at, ends_at, is_ticket } = visit;
        Self { started_at, ends_at, is_ticket }
    }
}

/// Something that was administered about the member.
#[derive(Serialize, ToSchema)]
pub(crate) struct Administered {
    #[schema(schema_with = schema::time)]
    at: Time,
    /// What, by its name in this document.
    operation: String,
}

/// An idempotency key that was used.
#[derive(Serialize, ToSchema)]
pub(crate) struct UsedKey {
    key: String,
    #[schema(schema_with = schema::time)]
    at: Time,
}

/// Export all that is kept about a member. A server makes one at a time.
#[utoipa::path(
    get, path = "/v1/members/{id}/export", tag = "members", operation_id = "exportMember",
    params(("id" = inline(MemberIdParam), Path, description = "Which member.")),
    responses((status = 200, description = "All that is kept.", body = Export), NotFound)
)]
async fn export(State(app): State<App>, _: Passed, PathMember(id): PathMember) -> Result<Response, Problem> {
    let _only = app.exporting().try_acquire().map_err(|_| Problem::new(Kind::Overloaded).with_wait(1))?;
    if app.network().member(&id).await?.version == 0 {
        return Err(app.unknown_member());
    }
    let kept = app.network().kept_about(&id).await?;
    let (standing, oldest) = app.network().standing(&id).await?;
    let standing = StandingBody::new(standing, oldest);
    let policy = app.network().policy();
    let Kept {
        member,
        pending,
        past,
        contacts,
        notifications,
        acts,
        keys,
        plan,
        skips,
        visits,
        has_calendar,
        administered,
    } = kept;
    let invitations = |views: Vec<_>| views.into_iter().map(|view| Invitation::new(view, &policy)).collect();
    let [sent, received] = pending.map(invitations);
    let listed = |contacts: Vec<_>| contacts.into_iter().map(ListedMember::from).collect();
    let [connections, following, followers, blocks] = contacts.map(listed);
    let read_until = member.ledger.read_until;
    let body = Export {
        at: app.network().now(),
        member: MemberBody::whole(&id, &member.profile),
        standing,
        sent,
        received,
        past: invitations(past),
        connections,
        following,
        followers,
        blocks,
        notifications: notifications.into_iter().map(|line| Line::new(line, read_until)).collect(),
        acts: acts.into_iter().map(EventBody::of_actor).collect(),
        idempotency_keys: keys.into_iter().map(|(name, at)| UsedKey { key: name.key, at }).collect(),
        cleanup_plan: plan.map(PlanBody::new),
        cleanup_skips: skips.into(),
        sessions: visits.into_iter().map(VisitBody::from).collect(),
        wait_calendar: has_calendar,
        administered: administered.into_iter().map(|(at, operation)| Administered { at, operation }).collect(),
    };
    Ok(json(StatusCode::OK, &body))
}
