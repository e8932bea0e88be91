//! The wait list (rule 41): whom one may invite again and from when, with a note that is prepared, and
//! as a calendar.

use acquaint_core::view::InvitationView;
use askama::Template;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, header};

use super::answer;
use super::form::{Answered, Posted};
use super::invitations::with;
use super::people::Person;
use super::session::{Me, Said};
use super::shell::{Part, Shell};
use super::when::When;
use super::{Mishap, Web};
use crate::api::calendars;

/// The address of the list.
const HERE: &str = "/cleanup/waiting";

/// Somebody who was withdrawn.
struct Line {
    to: Person,
    withdrawn: When,
    again: When,
    /// The page with the note, once the wait is over.
    invite: Option<String>,
}

#[derive(Template)]
#[template(path = "waiting.html")]
struct Page {
    shell: Shell,
    lines: Vec<Line>,
    /// The whole address of the calendar.
    calendar: Option<String>,
}

/// The wait list.
pub(crate) async fn page(State(web): State<Web>, me: Me, headers: HeaderMap) -> Answered {
    let (network, now) = (web.network(), web.network().now());
    let mut lines = Vec::new();
    for (at, view) in network.waiting(&me.id).await? {
        let to = Person::load(web.network(), &view.other).await?;
        let invite = (at <= now).then(|| format!("{}?{}", to.href, with(&[], "note", &note(&view, &to.name))));
        let withdrawn = When::new(view.decided_at.unwrap_or(view.sent_at), now);
        lines.push(Line { to, withdrawn, again: When::new(at, now), invite });
    }
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let calendar = network.calendar(&me.id).await?.map(|word| format!("http://{host}{}", calendars::path(&word)));
    let shell = Shell::new(&web, &me, Part::Network, "Wait list").await?;
    answer::page(&web, &me.visitor, &Page { shell, lines, calendar })
}

/// What to write this time: what was written the last time, else a beginning.
fn note(view: &InvitationView, name: &str) -> String {
    view.note.clone().unwrap_or_else(|| beginning(name))
}

/// How a note may begin to somebody who was invited before.
pub(crate) fn beginning(name: &str) -> String {
    format!("Hello {name}, I invited you some time ago. I would be glad to connect with you.")
}

/// Gives the calendar a new address, or closes it.
pub(crate) async fn calendar(State(web): State<Web>, Path(what): Path<String>, Posted { me, .. }: Posted) -> Answered {
    let said = match what.as_str() {
        "renew" => {
            web.network().renew_calendar(&me.id).await?;
            "This is the address of your calendar. Whoever has it can read it."
        }
        "close" => {
            web.network().close_calendar(&me.id).await?;
            "The calendar is closed: its address opens nothing any more."
        }
        _ => return Err(Mishap::NotFound),
    };
    answer::go(&web, &me.visitor, HERE, Some(&Said::good(said)))
}
