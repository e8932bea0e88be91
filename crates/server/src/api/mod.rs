//! The calls of the API, one file for each resource.

mod advice;
mod audit;
pub(crate) mod calendars;
mod cleanup;
mod commands;
mod contacts;
mod dev;
mod document;
mod engagements;
mod events;
mod export;
mod invitations;
mod keys;
mod letters;
mod live;
mod members;
mod notifications;
mod operations;
mod path;
mod relations;
mod reply;
mod responses;
pub(crate) mod schema;
mod sessions;
mod skips;
mod standing;
mod webhooks;

use std::io;

use acquaint_app::Network;
use acquaint_webhooks::Webhooks;
use axum::middleware::from_fn_with_state;
use tokio::sync::watch;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::app::App;
use crate::auth::{self, Gate};
use crate::body;
use crate::config::{Demo, ServerConfig};
use crate::observe::Front;
use crate::position;
use crate::problem::{Kind, Problem};
use crate::seal::Purpose;
use crate::web::letter::{self, Letters};
use crate::web::{self, Web};

/// The document that describes the API (OpenAPI 3.1).
#[must_use]
pub fn openapi() -> OpenApi {
    described().1
}

fn described() -> (axum::Router<App>, OpenApi) {
    let (router, mut document) = OpenApiRouter::with_openapi(document::basis())
        .merge(members::routes())
        .merge(export::routes())
        .merge(invitations::routes())
        .merge(relations::routes())
        .merge(contacts::routes())
        .merge(engagements::routes())
        .merge(sessions::routes())
        .merge(standing::routes())
        .merge(notifications::routes())
        .merge(advice::routes())
        .merge(cleanup::routes())
        .merge(skips::routes())
        .merge(calendars::routes())
        .merge(commands::routes())
        .merge(events::routes())
        .merge(keys::routes())
        .merge(webhooks::routes())
        .merge(letters::routes())
        .merge(audit::routes())
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
        body::parse_checked::<letters::DeadLetter>(bytes).err(),
        body::parse_checked::<members::Register>(bytes).err(),
        body::parse_checked::<notifications::MarkRead>(bytes).err(),
        body::parse_checked::<sessions::NewTicket>(bytes).err(),
        body::parse_checked::<webhooks::RotateSecret>(bytes).err(),
        body::parse_checked::<webhooks::WebhookTerms>(bytes).err(),
    ];
    single.into_iter().flatten().chain(commands::problems(bytes)).collect()
}

/// What is answered where.
pub(crate) struct Fronts {
    /// To everybody.
    pub(crate) public: Front,
    /// To those who watch over the server, where they have a listener of their own.
    pub(crate) operations: Option<Front>,
}

/// Everything that the server answers, observed.
///
/// # Errors
/// If two routes are the same, or if nothing says who may use one; if there are pages for members and the
/// store cannot give the community's secret.
pub(crate) async fn fronts(
    network: Network,
    config: ServerConfig,
    demo: Option<Demo>,
    is_watched_apart: bool,
    closing: watch::Receiver<bool>,
) -> io::Result<Fronts> {
    let (router, document) = described();
    let webhooks = Webhooks::new(network.clone(), config.webhooks.clone()).map_err(io::Error::other)?;
    let description = document.to_json().unwrap_or_default();
    let app = App::new(network, config, webhooks, is_watched_apart, description, closing);
    let web = match (demo, app.pages().cloned()) {
        (Some(demo), _) => Some(Web::demo(app.clone(), demo)),
        (None, Some(pages)) => {
            let secret = app.network().secret().await.map_err(io::Error::other)?;
            Some(Web::members(app.clone(), pages, secret.key_for(Purpose::Pages.context())))
        }
        (None, None) => None,
    };
    let operations = is_watched_apart.then(|| operations_front(&app)).transpose()?;
    let gate = Gate::new(app.clone(), &document).map_err(io::Error::other)?;
    let router = router
        .route_layer(from_fn_with_state(app.clone(), position::tell))
        .route_layer(from_fn_with_state(gate, auth::pass))
        .merge(operations::pages());
    let router = completed(router, &app);
    let templates = document.paths.paths.keys().map(String::as_str).chain(["/docs", "/docs/", "/docs/{*file}"]);
    let (pages, addresses) = pages(&app, web).await?;
    let router = if addresses.is_empty() { router } else { router.merge(pages).fallback(web::nothing_here) };
    let public = Front::new(router, app.around(), templates.chain(addresses));
    Ok(Fronts { public: public.map_err(io::Error::other)?, operations })
}

/// The pages, if there are any, those that mails lead to among them, and their addresses.
async fn pages(app: &App, web: Option<Web>) -> io::Result<(axum::Router, Vec<&'static str>)> {
    let (mut pages, mut addresses) = (axum::Router::new(), Vec::new());
    if let Some(host) = app.letters() {
        let links = app.network().links().await.map_err(io::Error::other)?;
        pages = letter::router(Letters::new(app.clone(), links, host.to_owned()), web.is_none());
        addresses.extend(letter::ADDRESSES);
        if web.is_none() {
            addresses.extend(letter::BORROWED);
        }
    }
    if let Some(web) = web {
        pages = pages.merge(web::router(web.clone())).merge(web::operator::router(web));
        addresses.extend(web::ADDRESSES);
        addresses.extend(web::operator::ADDRESSES);
    }
    Ok((pages, addresses))
}

fn operations_front(app: &App) -> io::Result<Front> {
    let router = completed(operations::watching().into(), app);
    Front::new(router, app.around(), ["/healthz", "/readyz", "/metrics"]).map_err(io::Error::other)
}

fn completed(router: axum::Router<App>, app: &App) -> axum::Router {
    let router = router.fallback(async || Problem::not_found());
    let router = router.method_not_allowed_fallback(async || Problem::from(Kind::MethodNotAllowed));
    router.with_state(app.clone())
}
