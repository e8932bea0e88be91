//! What to withdraw and why (rules 37 to 39), whom to invite again (rule 41), and where invitations are
//! accepted (rule 42).

use acquaint_core::advice::{Reason, Suggestion, plainly};
use acquaint_core::cleanup::MAX_ITEMS;
use acquaint_core::insight::{Insights, Share, Shares};
use acquaint_core::policy::Policy;
use acquaint_core::survival::Estimate;
use acquaint_core::time::{Span, Time};
use acquaint_core::view::InvitationView;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::path::PathWord;
use super::reply::{SentInvitation, json};
use super::responses::NotFound;
use super::schema;
use crate::app::App;
use crate::auth::Acting;
use crate::figures;
use crate::problem::Problem;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(suggestions))
        .routes(routes!(waiting))
        .routes(routes!(insights))
        .routes(routes!(figure))
}

/// Which pending invitations the caller might withdraw, the worst first.
#[derive(Serialize, ToSchema)]
#[schema(as = CleanupSuggestions)]
pub(crate) struct SuggestionsBody {
    /// How many there are; at most 1,500 of them follow.
    total: usize,
    #[schema(inline)]
    suggestions: Vec<SuggestionBody>,
}

/// One invitation that might be withdrawn.
#[derive(Serialize, ToSchema)]
pub(crate) struct SuggestionBody {
    invitation: SentInvitation,
    #[schema(schema_with = schema::reasons)]
    reasons: Vec<Reason>,
    chance: Chance,
    /// The chance, said plainly.
    told: String,
}

/// An estimated share with its 95 % interval.
#[derive(Serialize, ToSchema)]
pub(crate) struct Chance {
    #[schema(minimum = 0.0, maximum = 1.0)]
    share: f64,
    #[schema(minimum = 0.0, maximum = 1.0)]
    low: f64,
    #[schema(minimum = 0.0, maximum = 1.0)]
    high: f64,
}

impl From<Estimate> for Chance {
    fn from(Estimate { share, low, high }: Estimate) -> Self {
        Self { share, low, high }
    }
}

impl SuggestionBody {
    fn new(it: Suggestion<InvitationView>, policy: &Policy) -> Self {
        Self {
            invitation: SentInvitation::new(it.of, policy),
            reasons: it.reasons,
            chance: it.chance.into(),
            told: plainly(it.chance),
        }
    }
}

/// Whom the caller withdrew an invitation to, the earliest first.
#[derive(Serialize, ToSchema)]
#[schema(as = WaitList)]
pub(crate) struct WaitListBody {
    waiting: Vec<SentInvitation>,
}

/// When and where the caller's invitations are accepted. Times are UTC.
#[derive(Serialize, ToSchema)]
#[schema(as = Insights)]
pub(crate) struct InsightsBody {
    /// The span within which every share here was accepted.
    #[schema(schema_with = schema::span)]
    within: Span,
    all: ShareBody,
    /// By week of sending: its Monday.
    by_week: Vec<Group>,
    /// By month of sending: its first day.
    by_month: Vec<Group>,
    /// Without and with a note: `false`, `true`.
    by_note: Vec<Group>,
    /// By tag of the recipient.
    by_audience: Vec<Group>,
    /// By mutual connections: from this number up to the next; of the first 200.
    by_mutual: Vec<Group>,
    /// By day of the week: `1` for Monday to `7`.
    by_weekday: Vec<Group>,
    /// By hour: `0` to `23`.
    by_hour: Vec<Group>,
    /// The share of all that is accepted by an age.
    #[schema(inline)]
    curve: Vec<Point>,
    /// How many are pending, by age.
    #[schema(inline)]
    pending: Vec<Pending>,
}

/// A share of some invitations.
#[derive(Serialize, ToSchema)]
#[schema(as = InsightShare)]
pub(crate) struct ShareBody {
    /// How many were sent.
    sent: usize,
    /// How many of them the share rests on.
    sample: usize,
    /// Left out where the sample is too small to say anything: under 20.
    #[serde(skip_serializing_if = "Option::is_none")]
    accepted: Option<Chance>,
}

/// The share of one group.
#[derive(Serialize, ToSchema)]
#[schema(as = InsightGroup)]
pub(crate) struct Group {
    key: String,
    #[serde(flatten)]
    share: ShareBody,
}

/// A point of the curve of acceptances.
#[derive(Serialize, ToSchema)]
pub(crate) struct Point {
    #[schema(schema_with = schema::span)]
    age: Span,
    accepted: Chance,
}

/// Pending invitations of an age.
#[derive(Serialize, ToSchema)]
pub(crate) struct Pending {
    /// From this age up to the next.
    #[schema(schema_with = schema::span)]
    from_age: Span,
    count: usize,
}

impl From<Share> for ShareBody {
    fn from(Share { sent, sample, accepted }: Share) -> Self {
        Self { sent, sample, accepted: accepted.map(Chance::from) }
    }
}

fn groups<K>(shares: Shares<K>, key: impl Fn(K) -> String) -> Vec<Group> {
    shares.into_iter().map(|(of, share)| Group { key: key(of), share: share.into() }).collect()
}

/// The day of a moment, in UTC.
fn day(time: Time) -> String {
    time.to_string().chars().take_while(|c| *c != 'T').collect()
}

impl From<Insights> for InsightsBody {
    fn from(it: Insights) -> Self {
        Self {
            within: it.within,
            all: it.all.into(),
            by_week: groups(it.by_week, day),
            by_month: groups(it.by_month, day),
            by_note: groups(it.by_note, |with| with.to_string()),
            by_audience: groups(it.by_tag, |tag| tag),
            by_mutual: groups(it.by_mutual, |from| from.to_string()),
            by_weekday: groups(it.by_weekday, |day| day.to_string()),
            by_hour: groups(it.by_hour, |hour| hour.to_string()),
            curve: it.curve.into_iter().map(|(age, share)| Point { age, accepted: share.into() }).collect(),
            pending: it.pending.into_iter().map(|(from_age, count)| Pending { from_age, count }).collect(),
        }
    }
}

/// Say which pending invitations the caller might withdraw, and why (rules 37 to 39). Changes nothing.
#[utoipa::path(
    get, path = "/v1/cleanup/suggestions", tag = "cleanup", operation_id = "listCleanupSuggestions",
    responses((status = 200, description = "The suggestions, the worst first.", body = SuggestionsBody))
)]
async fn suggestions(State(app): State<App>, Acting(member): Acting) -> Result<Response, Problem> {
    let (suggestions, policy) = (app.network().suggestions(&member).await?, app.network().policy());
    let total = suggestions.len();
    let shown = suggestions.into_iter().take(MAX_ITEMS).map(|it| SuggestionBody::new(it, &policy));
    Ok(json(StatusCode::OK, &SuggestionsBody { total, suggestions: shown.collect() }))
}

/// Say whom the caller withdrew an invitation to, and from when each may be invited again (rule 41).
#[utoipa::path(
    get, path = "/v1/cleanup/waiting", tag = "cleanup", operation_id = "listWaiting",
    responses((status = 200, description = "The withdrawn invitations, the earliest first.", body = WaitListBody))
)]
async fn waiting(State(app): State<App>, Acting(member): Acting) -> Result<Response, Problem> {
    let (waiting, policy) = (app.network().waiting(&member).await?, app.network().policy());
    let waiting = waiting.into_iter().map(|(_, view)| SentInvitation::new(view, &policy)).collect();
    Ok(json(StatusCode::OK, &WaitListBody { waiting }))
}

/// Say when and where the caller's invitations are accepted (rule 42).
#[utoipa::path(
    get, path = "/v1/insights", tag = "insights", operation_id = "getInsights",
    responses((status = 200, description = "Shares with their samples.", body = InsightsBody))
)]
async fn insights(State(app): State<App>, Acting(member): Acting) -> Result<Response, Problem> {
    Ok(json(StatusCode::OK, &InsightsBody::from(app.network().insights(&member).await?)))
}

/// A figure of the insights as a file: its plot (`curve.svg`) or its numbers (`curve.csv`).
#[utoipa::path(
    get, path = "/v1/insights/figures/{file}", tag = "insights", operation_id = "getInsightsFigure",
    params(("file" = String, Path, description = "`curve`, `pending`, `months`, `weeks`, `notes`, `audiences`, \
        `mutual`, `weekdays` or `hours`, with `.svg` or `.csv`.", example = "curve.svg")),
    responses(
        (status = 200, description = "The figure.", content((String = "image/svg+xml"), (String = "text/csv"))),
        NotFound
    )
)]
async fn figure(State(app): State<App>, Acting(member): Acting, PathWord(file): PathWord) -> Result<Response, Problem> {
    let insights = app.network().insights(&member).await?;
    Ok(figures::file(&insights, &file).ok_or_else(Problem::not_found)??)
}
