//! Members, as the host registers them.

use acquaint_core::command::Action;
use acquaint_core::decide::Answer;
use acquaint_core::ids::MemberId;
use acquaint_core::member::{Plan, Profile, Registration, WhoMayInvite};
use acquaint_core::time::Time;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::path::PathMember;
use super::reply::{astray, json};
use super::responses::NotFound;
use super::schema;
use crate::app::App;
use crate::auth::{Host, Passed, Viewer};
use crate::body::{Input, Posted, check_text};
use crate::problem::{Fault, Problem};

/// Longest name, headline and e-mail address, in characters.
const MAX_NAME: usize = 200;
const MAX_HEADLINE: usize = 300;
pub(crate) const MAX_EMAIL: usize = 254;
/// Most tags of an audience, and the longest tag in characters.
const MAX_TAGS: usize = 50;
const MAX_TAG: usize = 64;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(register, show, erase))
}

/// The name of a member in a path.
#[derive(ToSchema)]
#[schema(min_length = 1, max_length = 128, pattern = r"^[^\s\u0000-\u001f\u007f-\u009f/?#%]+$")]
#[expect(dead_code, reason = "described, not built")]
pub(crate) struct MemberIdParam(String);

/// All that the host tells about a member; what is left out is unset.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Register {
    /// Name for pages and mails.
    #[schema(max_length = 200)]
    name: Option<String>,
    /// One line about the member.
    #[schema(max_length = 300)]
    headline: Option<String>,
    #[schema(schema_with = schema::email_or_null, required = false)]
    email: Option<String>,
    #[schema(schema_with = schema::plan_or_null, required = false)]
    plan: Option<Plan>,
    #[schema(schema_with = schema::audience_or_null, required = false)]
    audience: Option<Vec<String>>,
    /// When the member was last seen (rule 37).
    #[schema(schema_with = schema::time_or_null, required = false)]
    last_active_at: Option<Time>,
    #[schema(schema_with = schema::who_may_invite_or_null, required = false)]
    who_may_invite: Option<WhoMayInvite>,
    /// Whether the member is reminded of invitations (rule 24); unless told otherwise they are.
    reminders: Option<bool>,
}

impl Input for Register {
    fn check(&self, faults: &mut Vec<Fault>) {
        check_text(faults, "/name", self.name.as_deref(), MAX_NAME, false);
        check_text(faults, "/headline", self.headline.as_deref(), MAX_HEADLINE, false);
        check_text(faults, "/email", self.email.as_deref(), MAX_EMAIL, false);
        if self.email.as_deref().is_some_and(|email| !is_address(email)) {
            faults.push(Fault::at("/email", "an e-mail address: something, one @, something"));
        }
        let tags = self.audience.as_deref().unwrap_or_default();
        if tags.len() > MAX_TAGS {
            faults.push(Fault::at("/audience", format!("at most {MAX_TAGS} tags")));
        }
        for (index, tag) in tags.iter().take(MAX_TAGS).enumerate() {
            let pointer = format!("/audience/{index}");
            check_text(faults, &pointer, Some(tag), MAX_TAG, false);
            if tag.is_empty() {
                faults.push(Fault::at(pointer, "at least one character"));
            }
        }
    }
}

fn is_address(email: &str) -> bool {
    email
        .split_once('@')
        .is_some_and(|(local, domain)| !local.trim().is_empty() && !domain.trim().is_empty() && !domain.contains('@'))
}

impl From<Register> for Profile {
    fn from(told: Register) -> Self {
        Self {
            registration: Registration::Registered,
            name: told.name,
            headline: told.headline,
            email: told.email,
            plan: told.plan.unwrap_or_default(),
            audience: told.audience.unwrap_or_default(),
            last_active_at: told.last_active_at,
            who_may_invite: told.who_may_invite.unwrap_or_default(),
            reminders: told.reminders.unwrap_or(true),
        }
    }
}

/// A member. To another member only `id`, `name` and `headline` are shown.
#[derive(Serialize, ToSchema)]
#[schema(as = Member)]
pub(crate) struct MemberBody<'a> {
    #[schema(schema_with = schema::member_id)]
    id: &'a MemberId,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    headline: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    email: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::plan, required = false)]
    plan: Option<Plan>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    audience: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::time, required = false)]
    last_active_at: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::who_may_invite, required = false)]
    who_may_invite: Option<WhoMayInvite>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    reminders: Option<bool>,
}

impl<'a> MemberBody<'a> {
    /// What another member sees.
    fn public(id: &'a MemberId, profile: &'a Profile) -> Self {
        Self {
            id,
            name: profile.name.as_deref(),
            headline: profile.headline.as_deref(),
            email: None,
            plan: None,
            audience: None,
            last_active_at: None,
            who_may_invite: None,
            reminders: None,
        }
    }

    /// What the host and the member see.
    pub(crate) fn whole(id: &'a MemberId, profile: &'a Profile) -> Self {
        Self {
            email: profile.email.as_deref(),
            plan: Some(profile.plan),
            audience: Some(&profile.audience),
            last_active_at: profile.last_active_at,
            who_may_invite: Some(profile.who_may_invite),
            reminders: Some(profile.reminders),
            ..Self::public(id, profile)
        }
    }
}

/// Register a member, or replace what is known about them.
#[utoipa::path(
    put, path = "/v1/members/{id}", tag = "members", operation_id = "putMember", request_body = Register,
    params(("id" = inline(MemberIdParam), Path, description = "Which member.")),
    responses((status = 200, description = "The member, as told.", body = MemberBody), NotFound)
)]
async fn register(
    State(app): State<App>,
    _: Host,
    PathMember(id): PathMember,
    Posted { body, .. }: Posted<Register>,
) -> Result<Response, Problem> {
    let action = Action::Register { profile: body.into() };
    match app.submit(id.clone(), action, None).await? {
        Answer::Registered(profile) => Ok(json(StatusCode::OK, &MemberBody::whole(&id, &profile))),
        other => Err(astray(&other)),
    }
}

/// Show a member.
#[utoipa::path(
    get, path = "/v1/members/{id}", tag = "members", operation_id = "getMember",
    params(("id" = inline(MemberIdParam), Path, description = "Which member.")),
    responses((status = 200, description = "The member.", body = MemberBody), NotFound)
)]
async fn show(State(app): State<App>, Viewer(viewer): Viewer, PathMember(id): PathMember) -> Result<Response, Problem> {
    let member = app.network().member(&id).await?;
    let is_whole = viewer.is_none_or(|viewer| viewer == id);
    let is_here = member.version > 0 && member.profile.registration != Registration::Erasing;
    if !(is_whole && is_here || member.profile.is_public()) {
        return Err(app.unknown_member());
    }
    let body =
        if is_whole { MemberBody::whole(&id, &member.profile) } else { MemberBody::public(&id, &member.profile) };
    Ok(json(StatusCode::OK, &body))
}

/// Erase a member and all that is known about them.
#[utoipa::path(
    delete, path = "/v1/members/{id}", tag = "members", operation_id = "eraseMember",
    params(("id" = inline(MemberIdParam), Path, description = "Which member.")),
    responses((status = 204, description = "The member is erased."), NotFound)
)]
async fn erase(State(app): State<App>, _: Passed, PathMember(id): PathMember) -> Result<Response, Problem> {
    if app.network().erase(&id).await? { Ok(StatusCode::NO_CONTENT.into_response()) } else { Err(app.unknown_member()) }
}
