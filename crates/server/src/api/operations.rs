//! What runs and watches the server: health, metrics, and what the API is.

use std::sync::Arc;

use axum::Extension;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use prometheus_client::encoding::text;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use utoipa_swagger_ui::Config;

use super::path::PathWord;
use super::reply::json;
use super::responses::NotFound;
use crate::app::App;
use crate::problem::{Kind, Problem};

/// The media type of metrics in Prometheus' format, as the encoder writes it.
const METRICS_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

pub(crate) fn routes() -> OpenApiRouter<App> {
    watching().routes(routes!(document)).routes(routes!(problem))
}

/// For those who watch over the server.
pub(crate) fn watching() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(healthz)).routes(routes!(readyz)).routes(routes!(metrics))
}

/// The API, to be read and tried in a browser. Everything it needs is in this binary.
pub(crate) fn pages() -> axum::Router<App> {
    let config = Config::from("/openapi.json").validator_url("none").try_it_out_enabled(true);
    axum::Router::new()
        .route("/docs", get(async || Redirect::to("/docs/")))
        .route("/docs/", get(docs_start))
        .route("/docs/{*file}", get(docs_file))
        .layer(Extension(Arc::new(config)))
}

/// That something works.
#[derive(Serialize, ToSchema)]
pub(crate) struct Health {
    #[schema(value_type = String, example = "ok")]
    status: &'static str,
}

fn fixed(media_type: &'static str, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}

/// Whether the server runs.
#[utoipa::path(
    get, path = "/healthz", tag = "operations", operation_id = "health", security(()),
    responses((status = 200, description = "It runs.", body = Health))
)]
async fn healthz() -> Response {
    fixed("application/json", Bytes::from_static(br#"{"status":"ok"}"#))
}

/// Whether commands can be carried out.
#[utoipa::path(
    get, path = "/readyz", tag = "operations", operation_id = "readiness", security(()),
    responses((status = 200, description = "They can.", body = Health))
)]
async fn readyz(State(app): State<App>) -> Result<Response, Problem> {
    app.network().health().await?;
    Ok(json(StatusCode::OK, &Health { status: "ok" }))
}

/// What the server measures about itself, in Prometheus' format; 404 where there is a listener for that.
#[utoipa::path(
    get, path = "/metrics", tag = "operations", operation_id = "metrics", security(()),
    responses((status = 200, description = "The metrics.", body = String,
        content_type = "application/openmetrics-text"), NotFound)
)]
async fn metrics(State(app): State<App>) -> Result<Response, Problem> {
    let mut page = String::with_capacity(16 << 10);
    text::encode(&mut page, app.registry()).map_err(|_| Problem::from(Kind::Internal))?;
    Ok(fixed(METRICS_TYPE, page))
}

/// What the API is: this document.
#[utoipa::path(
    get, path = "/openapi.json", tag = "operations", operation_id = "openapi", security(()),
    responses((status = 200, description = "An OpenAPI 3.1 document.", body = Object))
)]
async fn document(State(app): State<App>) -> Response {
    fixed("application/json", app.description())
}

/// A kind of problem.
#[derive(Serialize, ToSchema)]
pub(crate) struct ProblemKind {
    /// Its name for programs.
    code: &'static str,
    /// The status that it is usually answered with.
    status: u16,
    /// The kind in a few words.
    title: &'static str,
    /// The kind in a sentence.
    detail: &'static str,
}

/// Explain a kind of problem: what `type` of a problem document leads to.
#[utoipa::path(
    get, path = "/problems/{code}", tag = "operations", operation_id = "getProblem", security(()),
    params(("code" = String, Path, description = "The code of the problem.")),
    responses((status = 200, description = "What it is.", body = ProblemKind), NotFound)
)]
async fn problem(PathWord(code): PathWord) -> Result<Response, Problem> {
    let kind = Kind::named(&code).ok_or_else(Problem::not_found)?;
    let (code, title, detail) = (kind.code(), kind.title(), kind.sentence());
    Ok(json(StatusCode::OK, &ProblemKind { code, status: kind.status().as_u16(), title, detail }))
}

async fn docs_start(Extension(config): Extension<Arc<Config<'static>>>) -> Response {
    docs_page("index.html", config)
}

async fn docs_file(PathWord(file): PathWord, Extension(config): Extension<Arc<Config<'static>>>) -> Response {
    docs_page(&file, config)
}

fn docs_page(file: &str, config: Arc<Config<'static>>) -> Response {
    match utoipa_swagger_ui::serve(file, config) {
        Ok(Some(found)) => {
            let media_type = HeaderValue::try_from(found.content_type);
            let media_type = media_type.unwrap_or(HeaderValue::from_static("application/octet-stream"));
            ([(header::CONTENT_TYPE, media_type)], found.bytes.into_owned()).into_response()
        }
        Ok(None) => Problem::not_found().into_response(),
        Err(error) => {
            tracing::error!(%error, "the page of the API could not be made");
            Problem::from(Kind::Internal).into_response()
        }
    }
}
