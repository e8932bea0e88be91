//! The audit trail: who administered what.

use acquaint_app::audit::Entry;
use acquaint_core::ids::MemberId;
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
use crate::auth::Passed;
use crate::page::{List, Page, Part, PartQuery};
use crate::problem::Problem;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list))
}

/// Something that was administered.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditEntry)]
pub(crate) struct EntryBody {
    /// When it was begun.
    #[schema(schema_with = schema::time)]
    at: Time,
    /// Who did it.
    #[schema(schema_with = schema::audit_by)]
    by: &'static str,
    /// With the key of that name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    key: Option<String>,
    /// What, by its name in this document.
    operation: String,
    /// About whom.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::member_id, required = false)]
    member: Option<MemberId>,
    /// It was about a member who has been erased since.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    member_erased: bool,
    /// On what else, such as the name of a key.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    target: Option<String>,
    /// The status that it was answered with; missing if it was broken off.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    status: Option<u16>,
}

impl From<Entry> for EntryBody {
    fn from(entry: Entry) -> Self {
        let Entry { id: _, at, by, operation, member, is_erased, target, status } = entry;
        let (by, key) = by.told();
        Self { at, by, key, operation, member, member_erased: is_erased, target, status }
    }
}

/// List what was administered, the latest first.
#[utoipa::path(
    get, path = "/v1/audit", tag = "keys", operation_id = "listAudit", params(PartQuery),
    responses((status = 200, description = "A page of it.", body = Page<EntryBody>))
)]
async fn list(State(app): State<App>, _: Passed, part: Part) -> Result<Response, Problem> {
    let after = part.after_text(List::Audit)?;
    let read = app.network().audit(after.as_deref(), part.to_read()).await?;
    let page = Page::cut(read, &part, |entry| List::Audit.after_text(&entry.id), EntryBody::from);
    Ok(json(StatusCode::OK, &page))
}
