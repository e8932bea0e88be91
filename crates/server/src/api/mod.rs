//! The calls of the API, one file for each resource.

mod advice;
pub(crate) mod calendars;
mod cleanup;
mod commands;
mod contacts;
mod dev;
mod document;
mod engagements;
mod events;
mod invitations;
mod keys;
mod live;
mod members;
mod notifications;
mod operations;
mod path;
mod relations;
mod reply;
mod responses;
pub(crate) mod schema;
mod standing;

use std::io;
use std::sync::Arc;

use acquaint_app::Network;
use tokio::sync::watch;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::app::App;
use crate::auth::{self, Gate};
use crate::body;
use crate::config::{Demo, ServerConfig};
use crate::observe::Front;
use crate::problem::{Kind, Problem};
use crate::web::{self, Web};

/// The document that describes the API (OpenAPI 3.1).
#[must_use]
pub fn openapi() -> OpenApi {
    described().1
}

fn described() -> (axum::Router<App>, OpenApi) {
    let (router, mut document) = OpenApiRouter::with_openapi(document::basis())
        .merge(members::routes())
        .merge(invitations::routes())
        .merge(relations::routes())
        .merge(contacts::routes())
        .merge(engagements::routes())
        .merge(standing::routes())
        .merge(notifications::routes())
        .merge(advice::routes())
        .merge(cleanup::routes())
        .merge(calendars::routes())
        .merge(commands::routes())
        .merge(events::routes())
        .merge(keys::routes())
        .merge(dev::routes())
        .merge(operations::routes())
        .split_for_parts();
    document::complete(&mut document);
    (router, document)
}

/// What is wrong with a body as each of the calls reads it.
pub(crate) fn problems_of_bodies(bytes: &[u8]) -> Vec<Problem> {
    let single = [
        body::parse_checked::<cleanup::Make>(bytes).err(),
        body::parse_checked::<cleanup::Preview>(bytes).err(),
        body::parse_checked::<cleanup::Skip>(bytes).err(),
        body::parse_checked::<dev::Advance>(bytes).err(),
        body::parse_checked::<dev::Clock>(bytes).err(),
        body::parse_checked::<engagements::Engage>(bytes).err(),
        body::parse_checked::<invitations::Decline>(bytes).err(),
        body::parse_checked::<invitations::Invite>(bytes).err(),
        body::parse_checked::<invitations::Nothing>(bytes).err(),
        body::parse_checked::<keys::NewKey>(bytes).err(),
        body::parse_checked::<members::Register>(bytes).err(),
        body::parse_checked::<notifications::MarkRead>(bytes).err(),
    ];
    single.into_iter().flatten().chain(commands::problems(bytes)).collect()
}

/// Everything that the server answers, observed.
///
/// # Errors
/// If two routes are the same, or if nothing says who may use one.
pub(crate) fn front(
    network: Network,
    config: ServerConfig,
    demo: Option<Demo>,
    closing: watch::Receiver<bool>,
) -> io::Result<Front> {
    let (router, document) = described();
    let app = App::new(network, config, document.to_json().unwrap_or_default(), closing);
    let observer = Arc::clone(app.observer());
    let gate = Gate::new(app.clone(), &document).map_err(io::Error::other)?;
    let router = router
        .route_layer(axum::middleware::from_fn_with_state(gate, auth::pass))
        .merge(operations::pages())
        .fallback(async || Problem::not_found())
        .method_not_allowed_fallback(async || Problem::from(Kind::MethodNotAllowed))
        .with_state(app.clone());
    let templates = document.paths.paths.keys().map(String::as_str).chain(["/docs", "/docs/", "/docs/{*file}"]);
    let front = match demo {
        None => Front::new(router, observer, templates),
        Some(demo) => {
            let router = router.merge(web::router(Web::new(app, demo))).fallback(web::nothing_here);
            Front::new(router, observer, templates.chain(web::ADDRESSES))
        }
    };
    front.map_err(io::Error::other)
}
