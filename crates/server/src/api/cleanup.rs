//! Cleaning up pending invitations (rules 36 to 40): look, plan, pause, go on.

use acquaint_app::{Choice, CleanupError, PlanChange, SkipList};
use acquaint_core::cleanup::{Item, MAX_ITEMS, Plan, State as PlanState};
use acquaint_core::ids::{InvitationId, MemberId};
use acquaint_core::refusal::Code;
use acquaint_core::time::{Span, Time};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::invitations::Nothing;
use super::reply::{SentInvitation, json};
use super::responses::{NotFound, PlanRefused};
use super::schema;
use crate::app::App;
use crate::auth::Acting;
use crate::body::{Input, Posted};
use crate::problem::{Fault, Kind, Problem};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(preview))
        .routes(routes!(show, make))
        .routes(routes!(pause))
        .routes(routes!(resume))
        .routes(routes!(cancel))
        .routes(routes!(skip))
}

/// Which invitations to think of withdrawing.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Preview {
    /// Those older than this; the policy's `stale_after` when left out (rule 38).
    #[schema(schema_with = schema::span_or_null, required = false)]
    older_than: Option<Span>,
    /// Never those to these people.
    #[serde(default)]
    #[schema(schema_with = schema::members, required = false)]
    skip_members: Vec<MemberId>,
    /// Never those to people who have one of these tags.
    #[serde(default)]
    #[schema(max_items = 50)]
    skip_audiences: Vec<String>,
    /// Withdrawals a day; the policy's `daily_budget` when left out, and at most that.
    #[schema(minimum = 1)]
    daily_budget: Option<u32>,
}

impl Input for Preview {
    fn check(&self, faults: &mut Vec<Fault>) {
        check_budget(faults, self.daily_budget);
        check_length(faults, "/skip_members", self.skip_members.len(), 0..=MAX_ITEMS);
        check_length(faults, "/skip_audiences", self.skip_audiences.len(), 0..=50);
    }
}

/// What a plan would be.
#[derive(Serialize, ToSchema)]
pub(crate) struct Previewed {
    /// The invitations that it would name, in the order of rule 38.
    invitations: Vec<SentInvitation>,
    /// Withdrawals a day.
    daily_budget: u32,
    /// When the last of them would be withdrawn, begun now; left out where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::time, required = false)]
    finishes_at: Option<Time>,
}

/// Which invitations to withdraw, in which order, and how many a day.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Make {
    /// Pending invitations that the caller sent.
    #[schema(schema_with = schema::invitation_ids)]
    invitations: Vec<InvitationId>,
    /// Withdrawals a day; the policy's `daily_budget` when left out, and at most that.
    #[schema(minimum = 1)]
    daily_budget: Option<u32>,
}

impl Input for Make {
    fn check(&self, faults: &mut Vec<Fault>) {
        check_budget(faults, self.daily_budget);
        check_length(faults, "/invitations", self.invitations.len(), 1..=MAX_ITEMS);
        let mut seen = std::collections::HashSet::new();
        for (place, id) in self.invitations.iter().enumerate().filter(|(_, id)| !seen.insert(**id)) {
            faults.push(Fault::at(format!("/invitations/{place}"), format!("{id} is named twice")));
        }
    }
}

/// Which invitations to take off the plan.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Skip {
    #[schema(schema_with = schema::invitation_ids)]
    invitations: Vec<InvitationId>,
}

impl Input for Skip {
    fn check(&self, faults: &mut Vec<Fault>) {
        check_length(faults, "/invitations", self.invitations.len(), 1..=MAX_ITEMS);
    }
}

fn check_budget(faults: &mut Vec<Fault>, budget: Option<u32>) {
    if budget == Some(0) {
        faults.push(Fault::at("/daily_budget", "at least 1"));
    }
}

pub(super) fn check_length(faults: &mut Vec<Fault>, at: &str, length: usize, allowed: std::ops::RangeInclusive<usize>) {
    if !allowed.contains(&length) {
        faults.push(Fault::at(at, format!("{} to {} of them", allowed.start(), allowed.end())));
    }
}

/// A clean-up plan (rule 40).
#[derive(Serialize, ToSchema)]
#[schema(as = CleanupPlan)]
pub(crate) struct PlanBody {
    #[schema(schema_with = schema::plan_state)]
    state: &'static str,
    #[schema(schema_with = schema::time)]
    started_at: Time,
    /// Withdrawals in any 24 hours, those made by hand among them.
    daily_budget: u32,
    /// When the next one is withdrawn; left out while the plan does not go on.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::time, required = false)]
    next_at: Option<Time>,
    /// When the last one is, if nothing comes in between; left out while the plan does not go on.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::time, required = false)]
    finishes_at: Option<Time>,
    /// Why it was stopped.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(inline, nullable = false)]
    stopped: Option<Stopped>,
    /// Items that have no outcome yet.
    open: usize,
    /// The invitations, in order.
    #[schema(inline)]
    items: Vec<ItemBody>,
}

/// Something about the account came in between; the plan goes on when it is resumed.
#[derive(Serialize, ToSchema)]
pub(crate) struct Stopped {
    #[schema(value_type = String)]
    code: Code,
    /// When that is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::time, required = false)]
    retry_at: Option<Time>,
}

/// One invitation of a plan.
#[derive(Serialize, ToSchema)]
pub(crate) struct ItemBody {
    #[schema(schema_with = schema::invitation_id)]
    invitation_id: InvitationId,
    #[schema(schema_with = schema::member_id)]
    to: MemberId,
    #[schema(schema_with = schema::time)]
    sent_at: Time,
    /// What came of it; left out until its turn has come.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::plan_outcome, required = false)]
    outcome: Option<&'static str>,
    /// When that was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::time, required = false)]
    decided_at: Option<Time>,
}

impl PlanBody {
    pub(crate) fn new(plan: Plan) -> Self {
        let stopped = match plan.state {
            PlanState::Stopped(why) => Some(Stopped { code: why.code, retry_at: why.retry_at }),
            _ => None,
        };
        Self {
            state: plan.state.name(),
            started_at: plan.started_at,
            daily_budget: plan.daily_budget,
            next_at: plan.due(),
            finishes_at: plan.finishes_at(),
            stopped,
            open: plan.open().count(),
            items: plan.items.into_iter().map(ItemBody::new).collect(),
        }
    }
}

impl ItemBody {
    fn new(item: Item) -> Self {
        let (outcome, decided_at) = item.outcome.unzip();
        let outcome = outcome.map(acquaint_core::cleanup::Outcome::name);
        Self { invitation_id: item.invitation, to: item.to, sent_at: item.sent_at, outcome, decided_at }
    }
}

impl From<CleanupError> for Problem {
    fn from(error: CleanupError) -> Self {
        match error {
            CleanupError::Busy => Kind::PlanExists.into(),
            CleanupError::NoPlan => Problem::not_found(),
            CleanupError::NotPending(places) => {
                let fault = |place| Fault::at(format!("/invitations/{place}"), "not a pending invitation of yours");
                Problem::invalid_all(places.into_iter().map(fault).collect())
            }
            CleanupError::Submit(error) => error.into(),
        }
    }
}

/// Show what a plan would be. Changes nothing.
#[utoipa::path(
    post, path = "/v1/cleanup/preview", tag = "cleanup", operation_id = "previewCleanup", request_body = Preview,
    responses((status = 200, description = "What a plan would be.", body = Previewed))
)]
async fn preview(
    State(app): State<App>,
    Acting(member): Acting,
    Posted { body, .. }: Posted<Preview>,
) -> Result<Response, Problem> {
    let Preview { older_than, skip_members, skip_audiences, daily_budget } = body;
    let (network, policy) = (app.network(), app.network().policy());
    let skip = SkipList { members: skip_members, audiences: skip_audiences };
    let chosen = network.choose_for_cleanup(&member, &Choice { older_than, skip }).await?;
    let item = |view: &acquaint_core::view::InvitationView| Item {
        invitation: view.id,
        to: view.other.clone(),
        sent_at: view.sent_at,
        outcome: None,
    };
    let budget = daily_budget.unwrap_or(u32::MAX).min(policy.cleanup.daily_budget);
    let plan = Plan::new(chosen.iter().map(item).collect(), budget, network.now());
    let body = Previewed {
        invitations: chosen.into_iter().map(|view| SentInvitation::new(view, &policy)).collect(),
        daily_budget: plan.daily_budget,
        finishes_at: plan.finishes_at(),
    };
    Ok(json(StatusCode::OK, &body))
}

/// Make a plan and begin it (rule 40). It names the invitations one by one: there is no call that
/// withdraws everything (rule 36). The same plan again, while it goes on, is that plan.
#[utoipa::path(
    post, path = "/v1/cleanup/plan", tag = "cleanup", operation_id = "makeCleanupPlan", request_body = Make,
    responses((status = 201, description = "The plan.", body = PlanBody), PlanRefused)
)]
async fn make(
    State(app): State<App>,
    Acting(member): Acting,
    Posted { body, .. }: Posted<Make>,
) -> Result<Response, Problem> {
    let plan = app.network().plan_cleanup(&member, &body.invitations, body.daily_budget).await?;
    Ok(json(StatusCode::CREATED, &PlanBody::new(plan)))
}

/// Show the caller's plan, also one that is over, until the next takes its place.
#[utoipa::path(
    get, path = "/v1/cleanup/plan", tag = "cleanup", operation_id = "getCleanupPlan",
    responses((status = 200, description = "The plan.", body = PlanBody), NotFound)
)]
async fn show(State(app): State<App>, Acting(member): Acting) -> Result<Response, Problem> {
    let plan = app.network().cleanup_plan(&member).await?.ok_or_else(Problem::not_found)?;
    Ok(json(StatusCode::OK, &PlanBody::new(plan)))
}

/// Let the plan wait until it is resumed.
#[utoipa::path(
    post, path = "/v1/cleanup/plan/pause", tag = "cleanup", operation_id = "pauseCleanupPlan", request_body = Nothing,
    responses((status = 200, description = "The plan.", body = PlanBody), NotFound)
)]
async fn pause(State(app): State<App>, Acting(member): Acting, _: Posted<Nothing>) -> Result<Response, Problem> {
    change(&app, &member, &PlanChange::Pause).await
}

/// Let a plan that waits, or was stopped, go on.
#[utoipa::path(
    post, path = "/v1/cleanup/plan/resume", tag = "cleanup", operation_id = "resumeCleanupPlan",
    request_body = Nothing, responses((status = 200, description = "The plan.", body = PlanBody), NotFound)
)]
async fn resume(State(app): State<App>, Acting(member): Acting, _: Posted<Nothing>) -> Result<Response, Problem> {
    change(&app, &member, &PlanChange::Resume).await
}

/// End the plan. What was withdrawn stays withdrawn.
#[utoipa::path(
    post, path = "/v1/cleanup/plan/cancel", tag = "cleanup", operation_id = "cancelCleanupPlan",
    request_body = Nothing, responses((status = 200, description = "The plan.", body = PlanBody), NotFound)
)]
async fn cancel(State(app): State<App>, Acting(member): Acting, _: Posted<Nothing>) -> Result<Response, Problem> {
    change(&app, &member, &PlanChange::Cancel).await
}

/// Take invitations off the plan whose turn has not come.
#[utoipa::path(
    post, path = "/v1/cleanup/plan/skip", tag = "cleanup", operation_id = "skipInCleanupPlan", request_body = Skip,
    responses((status = 200, description = "The plan.", body = PlanBody), NotFound)
)]
async fn skip(
    State(app): State<App>,
    Acting(member): Acting,
    Posted { body, .. }: Posted<Skip>,
) -> Result<Response, Problem> {
    change(&app, &member, &PlanChange::Skip(body.invitations)).await
}

async fn change(app: &App, member: &MemberId, change: &PlanChange) -> Result<Response, Problem> {
    let plan = app.network().change_cleanup(member, change).await?;
    Ok(json(StatusCode::OK, &PlanBody::new(plan)))
}
