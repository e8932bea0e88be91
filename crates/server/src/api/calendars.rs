//! The wait list (rule 41) as a calendar that other programs subscribe to, under an address that is
//! its own key.

use acquaint_app::Network;
use acquaint_core::ids::MemberId;
use acquaint_store::StoreResult;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::invitations::Nothing;
use super::path::PathWord;
use super::reply::json;
use super::responses::NotFound;
use crate::app::App;
use crate::auth::Acting;
use crate::body::Posted;
use crate::calendar::{self, Entry};
use crate::problem::Problem;

/// Where calendars lie. What follows is a secret, and is never logged.
pub(crate) const PATH: &str = "/v1/calendars/";
const ENDING: &str = ".ics";

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(show, renew, close)).routes(routes!(feed))
}

/// Where a calendar is.
#[derive(Serialize, ToSchema)]
#[schema(as = Calendar)]
pub(crate) struct CalendarBody {
    /// The path of its address on this server: whoever knows it may read the calendar.
    #[schema(example = "/v1/calendars/YWRh.5b0c….ics")]
    path: String,
}

/// The path of the calendar with that last word.
pub(crate) fn path(word: &str) -> String {
    format!("{PATH}{word}{ENDING}")
}

/// The dates of a member's wait list.
pub(crate) async fn dates(network: &Network, member: &MemberId) -> StoreResult<Vec<Entry>> {
    let mut entries = Vec::new();
    for (at, view) in network.waiting(member).await? {
        let other = network.member(&view.other).await?;
        let name = other.profile.name.as_deref().unwrap_or(other.id.as_str());
        entries.push(Entry {
            uid: format!("{}@acquaint", view.id),
            made_at: view.decided_at.unwrap_or(view.sent_at),
            at,
            summary: format!("You may invite {name} again"),
            description: "You withdrew your last invitation. If you invite them again, add a note.".into(),
        });
    }
    Ok(entries)
}

/// Say where the caller's wait list is a calendar, if it is one.
#[utoipa::path(
    get, path = "/v1/cleanup/waiting/calendar", tag = "cleanup", operation_id = "getWaitCalendar",
    responses((status = 200, description = "Where it is.", body = CalendarBody), NotFound)
)]
async fn show(State(app): State<App>, Acting(member): Acting) -> Result<Response, Problem> {
    let word = app.network().calendar(&member).await?.ok_or_else(Problem::not_found)?;
    Ok(json(StatusCode::OK, &CalendarBody { path: path(&word) }))
}

/// Make the caller's wait list a calendar under a new private address; an old one opens nothing any more.
#[utoipa::path(
    post, path = "/v1/cleanup/waiting/calendar", tag = "cleanup", operation_id = "renewWaitCalendar",
    request_body = Nothing, responses((status = 201, description = "Where it is.", body = CalendarBody))
)]
async fn renew(State(app): State<App>, Acting(member): Acting, _: Posted<Nothing>) -> Result<Response, Problem> {
    let word = app.network().renew_calendar(&member).await?;
    Ok(json(StatusCode::CREATED, &CalendarBody { path: path(&word) }))
}

/// Close the calendar: its address opens nothing any more.
#[utoipa::path(
    delete, path = "/v1/cleanup/waiting/calendar", tag = "cleanup", operation_id = "closeWaitCalendar",
    responses((status = 204, description = "It is closed."), NotFound)
)]
async fn close(State(app): State<App>, Acting(member): Acting) -> Result<Response, Problem> {
    if app.network().close_calendar(&member).await? {
        Ok(StatusCode::NO_CONTENT.into_response())
    } else {
        Err(Problem::not_found())
    }
}

/// The calendar, for whoever has its address.
#[utoipa::path(
    get, path = "/v1/calendars/{calendar}", tag = "cleanup", operation_id = "readCalendar", security(()),
    params(("calendar" = String, Path, description = "The last word of the address.")),
    responses((status = 200, description = "iCalendar (RFC 5545).", content_type = "text/calendar", body = String), NotFound)
)]
async fn feed(State(app): State<App>, PathWord(word): PathWord) -> Result<Response, Problem> {
    let word = word.strip_suffix(ENDING).unwrap_or(&word);
    let owner = app.network().calendar_owner(word).await?.ok_or_else(Problem::not_found)?;
    Ok(calendar::answer("Invite again", &dates(app.network(), &owner).await?))
}
