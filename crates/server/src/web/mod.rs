//! The pages: what members see and press, in the same binary as the API and apart from it.
//!
//! Every page is made on the server from typed templates (`crates/server/templates`). Every action
//! is a plain form that works with JavaScript off; htmx puts the answer in place where it is on. A
//! page reads through [`Network`] and writes through [`Network::submit`], as the API does, so it
//! can show nothing that `view` does not give.
//!
//! | module | what it holds |
//! |---|---|
//! | `session`, `form`, `guard` | who is looking, what was posted, and what every answer must carry |
//! | `shell`, `answer` | the frame around every page; whole pages, parts of pages, ways back |
//! | `people`, `when`, `words`, `avatar` | names, moments, refusals and faces, for readers |
//! | `network`, `invitations`, `received`, `sent`, `profile`, `contacts`, `notifications`, `settings`, `standing` | the pages |
//! | `cleanup`, `waiting`, `insights` | what to withdraw, whom to invite again, what is accepted |
//! | `letter` | where the links in mails lead |
//! | `operator` | for those who look after the community: webhooks and dead letters |
//! | `own` | a person's own LinkedIn export: pages apart, without a community |
//! | `door` | signing in and out |
//! | `demo` | the chooser of whom to be, and the clock |
//! | `assets` | styles, scripts and icons, compiled in |

mod answer;
mod assets;
mod avatar;
mod cleanup;
mod contacts;
mod demo;
mod door;
mod form;
mod guard;
mod insights;
mod invitations;
pub(crate) mod letter;
mod live;
mod mishap;
mod network;
mod notifications;
pub(crate) mod operator;
pub(crate) mod own;
mod people;
mod profile;
mod received;
mod sent;
mod session;
mod settings;
mod shell;
mod standing;
mod waiting;
mod when;
mod words;

use std::sync::Arc;

use acquaint_app::{Network, Request};
use acquaint_core::command::{Action, Command};
use acquaint_core::decide::Answer;
use acquaint_core::ids::MemberId;
use acquaint_core::refusal::Refusal;
use axum::Router;
use axum::response::Redirect;
use axum::routing::{get, post};

use crate::app::App;
use crate::config::{Demo, Limits, Pages};
pub(crate) use mishap::{Mishap, nothing_here};
use session::Secret;

/// What every page has at hand. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Web(Arc<Inner>);

struct Inner {
    app: App,
    door: Door,
    secret: Secret,
}

/// What pages of any kind have: the secret of this run, and limits on what is sent to them.
trait Seals: Send + Sync {
    fn secret(&self) -> &Secret;
    fn limits(&self) -> &Limits;
}

impl Seals for Web {
    fn secret(&self) -> &Secret {
        &self.0.secret
    }

    fn limits(&self) -> &Limits {
        self.0.app.limits()
    }
}

/// How one comes in.
pub(crate) enum Door {
    /// Whoever comes chooses whom to be.
    Demo(Demo),
    /// Members sign in.
    Members(Pages),
}

impl Web {
    pub(crate) fn demo(app: App, demo: Demo) -> Self {
        let secret = Secret::new(demo.secret);
        Self(Arc::new(Inner { app, door: Door::Demo(demo), secret }))
    }

    /// The pages for members, with the community's key for them.
    pub(crate) fn members(app: App, pages: Pages, key: [u8; 32]) -> Self {
        Self(Arc::new(Inner { app, door: Door::Members(pages), secret: Secret::new(key) }))
    }

    fn network(&self) -> &Network {
        self.0.app.network()
    }

    fn app(&self) -> &App {
        &self.0.app
    }

    fn door(&self) -> &Door {
        &self.0.door
    }

    fn secret(&self) -> &Secret {
        &self.0.secret
    }

    /// Has a command carried out; what it says, or why not.
    async fn act(&self, actor: &MemberId, action: Action) -> Result<Result<Answer, Refusal>, Mishap> {
        let request = Request { command: Command { actor: actor.clone(), action }, claim: None };
        Ok(self.network().submit(request).await?)
    }
}

/// The addresses of the pages, for metrics; one for each route below.
pub(crate) const ADDRESSES: [&str; 45] = [
    "/",
    "/live",
    "/network",
    "/invitations",
    "/invitations/received",
    "/invitations/sent",
    "/invitations/{id}/row",
    "/invitations/{id}/withdraw",
    "/invitations/{id}/accept",
    "/invitations/{id}/decline",
    "/people/{member}",
    "/people/{member}/invite",
    "/people/{member}/follow",
    "/people/{member}/unfollow",
    "/people/{member}/block",
    "/people/{member}/unblock",
    "/people/{member}/disconnect",
    "/connections",
    "/following",
    "/followers",
    "/blocked",
    "/notifications",
    "/notifications/read",
    "/settings",
    "/standing",
    "/session",
    "/session/none",
    "/session/start",
    "/session/back",
    "/session/end",
    "/cleanup",
    "/cleanup/preview",
    "/cleanup/plan",
    "/cleanup/plan/{change}",
    "/cleanup/kept/{change}",
    "/cleanup/waiting",
    "/cleanup/waiting/calendar/{change}",
    "/insights",
    "/insights/{file}",
    "/demo",
    "/demo/be",
    "/demo/clock",
    "/avatars/{member}",
    "/assets/{file}",
    "/favicon.ico",
];

/// The pages.
pub(crate) fn router(web: Web) -> Router {
    let door = match web.door() {
        Door::Demo(_) => Router::new()
            .route("/session/none", get(async || Redirect::to("/demo")))
            .route("/demo", get(demo::chooser))
            .route("/demo/be", post(demo::be))
            .route("/demo/clock", post(demo::advance)),
        Door::Members(_) => Router::new()
            .route("/session", get(door::sign_in))
            .route("/session/none", get(door::nobody))
            .route("/session/start", get(door::start))
            .route("/session/back", get(door::back))
            .route("/session/end", post(door::sign_out)),
    };
    door.route("/", get(async || Redirect::to("/network")))
        .route("/network", get(network::page))
        .route("/invitations", get(async || Redirect::to("/invitations/received")))
        .route("/invitations/received", get(received::page))
        .route("/invitations/sent", get(sent::page))
        .route("/invitations/{id}/row", get(invitations::row))
        .route("/invitations/{id}/withdraw", get(sent::ask).post(sent::withdraw))
        .route("/invitations/{id}/accept", post(received::accept))
        .route("/invitations/{id}/decline", post(received::decline))
        .route("/people/{member}", get(profile::page))
        .route("/people/{member}/invite", post(profile::invite))
        .route("/people/{member}/follow", post(profile::follow))
        .route("/people/{member}/unfollow", post(profile::unfollow))
        .route("/people/{member}/block", get(profile::ask_to_block).post(profile::block))
        .route("/people/{member}/unblock", post(profile::unblock))
        .route("/people/{member}/disconnect", get(profile::ask_to_disconnect).post(profile::disconnect))
        .route("/connections", get(contacts::connections))
        .route("/following", get(contacts::following))
        .route("/followers", get(contacts::followers))
        .route("/blocked", get(contacts::blocked))
        .route(live::ADDRESS, get(live::stream))
        .route("/notifications", get(notifications::page))
        .route("/notifications/read", post(notifications::read))
        .route("/settings", get(settings::page).post(settings::change))
        .route("/standing", get(standing::page))
        .route("/cleanup", get(cleanup::page))
        .route("/cleanup/preview", post(cleanup::preview))
        .route("/cleanup/plan", post(cleanup::start))
        .route("/cleanup/plan/{change}", post(cleanup::change))
        .route("/cleanup/kept/{change}", post(cleanup::keep))
        .route("/cleanup/waiting", get(waiting::page))
        .route("/cleanup/waiting/calendar/{change}", post(waiting::calendar))
        .route("/insights", get(insights::page))
        .route("/insights/{file}", get(insights::file))
        .route("/avatars/{member}", get(avatar::draw))
        .route("/assets/{file}", get(assets::file))
        .route("/favicon.ico", get(async || Redirect::permanent("/assets/mark.svg")))
        .layer(axum::middleware::from_fn_with_state(web.clone(), guard::around::<Web>))
        .with_state(web)
}
