//! How a member stands (rule 27).

use acquaint_core::member::{Restriction, RestrictionClass};
use acquaint_core::standing::{Risk, Standing};
use acquaint_core::time::Time;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::reply::json;
use super::schema;
use crate::app::App;
use crate::auth::Acting;
use crate::problem::Problem;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(show))
}

/// How the caller stands (rule 27). A limit of null is a rule that is switched off.
#[derive(Serialize, ToSchema)]
#[schema(as = Standing)]
pub(crate) struct StandingBody {
    /// Invitations sent that are pending.
    pending: u32,
    /// How many may be (rule 25).
    #[schema(required)]
    pending_cap: Option<u32>,
    /// When the oldest of them was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::time, required = false)]
    oldest_pending_at: Option<Time>,
    #[schema(inline)]
    rolling: Rolling,
    #[schema(inline)]
    notes: Notes,
    #[schema(inline)]
    acceptance: Acceptance,
    /// Withdrawals in the last 24 hours (rule 31).
    withdrawals_24h: u32,
    #[schema(schema_with = schema::risk)]
    risk: Risk,
    /// The restriction that holds now (rule 32).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(inline, nullable = false)]
    restriction: Option<RestrictionBody>,
    /// Connections.
    connections: u32,
}

/// The rolling allowance (rule 26).
#[derive(Serialize, ToSchema)]
pub(crate) struct Rolling {
    /// Invitations sent in the window.
    sent: u32,
    /// How many may be.
    #[schema(required)]
    limit: Option<u32>,
    /// When one more may be sent, if none may be now.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::time, required = false)]
    next_slot_at: Option<Time>,
}

/// Notes attached this month (rule 3).
#[derive(Serialize, ToSchema)]
pub(crate) struct Notes {
    used: u32,
    /// How many may be.
    #[schema(required)]
    limit: Option<u32>,
}

/// Invitations of the last 90 days that are older than 14 (rule 28).
#[derive(Serialize, ToSchema)]
pub(crate) struct Acceptance {
    matured: u32,
    /// How many of them were accepted.
    accepted: u32,
    /// The share that was accepted; left out where there were none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, minimum = 0.0, maximum = 1.0)]
    rate: Option<f64>,
}

/// A time in which the member may not send.
#[derive(Serialize, ToSchema)]
pub(crate) struct RestrictionBody {
    #[schema(schema_with = schema::time)]
    until: Time,
    #[schema(schema_with = schema::restriction_class)]
    class: RestrictionClass,
}

impl StandingBody {
    pub(crate) fn new(standing: Standing, oldest_pending_at: Option<Time>) -> Self {
        let (rolling, notes, acceptance) = (standing.rolling, standing.notes, standing.acceptance);
        let restriction = |Restriction { until, class, .. }| RestrictionBody { until, class };
        Self {
            pending: standing.pending,
            pending_cap: standing.pending_cap,
            oldest_pending_at,
            rolling: Rolling { sent: rolling.sent, limit: rolling.limit, next_slot_at: rolling.next_slot_at },
            notes: Notes { used: notes.used, limit: notes.limit },
            acceptance: Acceptance { matured: acceptance.all, accepted: acceptance.good, rate: acceptance.share() },
            withdrawals_24h: standing.withdrawals_24h,
            risk: standing.risk,
            restriction: standing.restriction.map(restriction),
            connections: standing.connections,
        }
    }
}

/// Show how the caller stands: allowances, evidence, restriction, risk.
#[utoipa::path(
    get, path = "/v1/standing", tag = "standing", operation_id = "getStanding",
    responses((status = 200, description = "How the caller stands.", body = StandingBody))
)]
async fn show(State(app): State<App>, Acting(member): Acting) -> Result<Response, Problem> {
    let (standing, oldest) = app.network().standing(&member).await?;
    Ok(json(StatusCode::OK, &StandingBody::new(standing, oldest)))
}
