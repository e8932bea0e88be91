//! Where the links in mails lead: one invitation, to look at or to accept, and the end of mails.
//!
//! Whoever has the link need not sign in. Programs that look through mails follow links, so a GET
//! changes nothing; accepting and unsubscribing are POSTs, and the link itself is what proves that
//! they are meant. An invitation that can no longer be answered has one page, whatever became of it.

use acquaint_app::{Link, LinkError, LinkUse, Links, Network, Request};
use acquaint_core::command::{Action, Command};
use acquaint_core::ids::{InvitationId, MemberId};
use acquaint_core::refusal::Code;
use acquaint_core::view::{Direction, InvitationState, InvitationView};
use askama::Template;
use axum::Router;
use axum::extract::{Path, Request as HttpRequest, State};
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::form::Answered;
use super::guard::{self, Admitted, Guarded};
use super::people::{NAMED, Person, Shared};
use super::{Mishap, answer, assets, avatar};
use crate::app::App;

/// The addresses of these pages, for metrics.
pub(crate) const ADDRESSES: [&str; 1] = ["/mail/{word}"];
/// What every address of them begins with.
pub(crate) const PATH: &str = "/mail/";
/// What they take from the other pages, where those are not served.
pub(crate) const BORROWED: [&str; 2] = ["/assets/{file}", "/avatars/{member}"];

/// What these pages have at hand. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Letters {
    app: App,
    links: Links,
    /// The name and port under which browsers know them.
    host: String,
}

impl Letters {
    pub(crate) fn new(app: App, links: Links, host: String) -> Self {
        Self { app, links, host }
    }

    fn network(&self) -> &Network {
        self.app.network()
    }
}

impl Guarded for Letters {
    async fn admit(&self, request: &mut HttpRequest) -> Result<Admitted, Mishap> {
        if !guard::names(request.headers(), &self.host) {
            return Err(Mishap::StrangeHost);
        }
        let callers = self.app.callers();
        let room = callers.room().map_err(|_| Mishap::Busy)?;
        callers.stranger(request.extensions(), request.headers()).map_err(|_| Mishap::TooOften)?;
        Ok(Admitted { room: Some(room), cookie: None })
    }
}

/// These pages; with what they need of the others, where those are not served.
pub(crate) fn router(letters: Letters, is_alone: bool) -> Router {
    let mut router = Router::new().route("/mail/{word}", get(show).post(act));
    if is_alone {
        router = router.route("/assets/{file}", get(assets::file)).route("/avatars/{member}", get(avatar::draw));
    }
    router.layer(axum::middleware::from_fn_with_state(letters.clone(), guard::around::<Letters>)).with_state(letters)
}

#[derive(Template)]
#[template(path = "letter.html")]
struct Page {
    shown: Shown,
    /// Whether there are pages to go on to.
    has_pages: bool,
}

/// What a page says.
enum Shown {
    /// An invitation that waits.
    Pending { from: Person, note: String, shared: Shared, may_accept: bool },
    /// It was accepted.
    Connected(Person),
    /// It cannot be answered any more.
    Gone,
    /// It could not be accepted, and why.
    Refused(&'static str),
    /// Whether mails are to end.
    Leave,
    /// They have.
    Left,
    /// The link is too old.
    TooOld,
}

impl Shown {
    fn status(&self) -> StatusCode {
        match self {
            Shown::Pending { .. } | Shown::Connected(_) | Shown::Leave | Shown::Left => StatusCode::OK,
            Shown::Refused(_) => StatusCode::CONFLICT,
            Shown::Gone | Shown::TooOld => StatusCode::GONE,
        }
    }
}

async fn show(State(letters): State<Letters>, Path(word): Path<String>) -> Answered {
    let link = match letters.links.read(&word, letters.network().now()) {
        Ok(link) => link,
        Err(error) => return unread(&letters, error),
    };
    let shown = match link.purpose {
        LinkUse::Unsubscribe => Shown::Leave,
        LinkUse::Accept(id) => invitation(letters.network(), &link.member, id, true).await?,
        LinkUse::Look(id) => invitation(letters.network(), &link.member, id, false).await?,
    };
    page(&letters, shown)
}

async fn act(State(letters): State<Letters>, Path(word): Path<String>, uri: Uri) -> Answered {
    let link = match letters.links.read(&word, letters.network().now()) {
        Ok(link) => link,
        Err(error) => return unread(&letters, error),
    };
    match link {
        Link { purpose: LinkUse::Look(_), .. } => Err(Mishap::NotFound),
        Link { member, purpose: LinkUse::Accept(invitation) } => {
            let command = Command { actor: member, action: Action::Accept { invitation } };
            let outcome = letters.network().submit(Request { command, claim: None }).await?;
            match outcome.map_err(|refusal| refusal.code) {
                Ok(_) => back(&uri),
                Err(Code::NoLongerAvailable | Code::NotFound) => page(&letters, Shown::Gone),
                Err(code) => page(&letters, Shown::Refused(code.sentence())),
            }
        }
        Link { member, purpose: LinkUse::Unsubscribe } => {
            unsubscribe(letters.network(), &member).await?;
            page(&letters, Shown::Left)
        }
    }
}

/// Leads to the same page, which then shows what became of it.
fn back(uri: &Uri) -> Answered {
    let here = HeaderValue::try_from(uri.path()).map_err(|_| Mishap::NotFound)?;
    Ok((StatusCode::SEE_OTHER, [(header::LOCATION, here)]).into_response())
}

fn unread(letters: &Letters, error: LinkError) -> Answered {
    match error {
        LinkError::Strange => Err(Mishap::NotFound),
        LinkError::TooOld => page(letters, Shown::TooOld),
    }
}

fn page(letters: &Letters, shown: Shown) -> Answered {
    let status = shown.status();
    let page = Page { shown, has_pages: letters.app.pages().is_some() };
    let response: Response = answer::html(status, page.render()?);
    Ok(response)
}

async fn invitation(network: &Network, reader: &MemberId, id: InvitationId, may_accept: bool) -> Result<Shown, Mishap> {
    let received = |view: &InvitationView| view.direction == Direction::Received;
    let Some(view) = network.invitation(reader, id).await?.filter(received) else { return Ok(Shown::Gone) };
    match view.state {
        InvitationState::Accepted => Ok(Shown::Connected(Person::load(network, &view.other).await?)),
        InvitationState::Pending => {
            let circle = network.circle(reader).await?;
            let mutual = network.mutual(&circle, &view.other, NAMED).await?;
            Ok(Shown::Pending {
                from: Person::load(network, &view.other).await?,
                note: view.note.unwrap_or_default(),
                shared: Shared::load(network, &mutual).await?,
                may_accept,
            })
        }
        InvitationState::Declined | InvitationState::Withdrawn | InvitationState::Expired | InvitationState::Gone => {
            Ok(Shown::Gone)
        }
    }
}

/// Switches mails off. Whoever was erased meanwhile gets none anyway, and is not brought back by this.
async fn unsubscribe(network: &Network, member: &MemberId) -> Result<(), Mishap> {
    let row = network.member(member).await?;
    if row.version == 0 || !row.profile.reminders {
        return Ok(());
    }
    let who_may_invite = row.profile.who_may_invite;
    let action = Action::ChangeSettings { who_may_invite, reminders: false };
    let command = Command { actor: member.clone(), action };
    // It is refused to somebody who is just being erased, and that is as good.
    let _ = network.submit(Request { command, claim: None }).await?;
    Ok(())
}
