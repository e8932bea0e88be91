//! Connections, those one follows, followers, and those one blocks.

use acquaint_core::view::ContactList;
use acquaint_store::{Contact, ContactPage};
use askama::Template;
use axum::extract::State;
use axum::http::HeaderMap;

use super::answer;
use super::form::{Answered, Fields, in_place};
use super::invitations::{LINES, Query, with};
use super::people::Person;
use super::session::Me;
use super::shell::{Part, Shell};
use super::when::When;
use super::{Mishap, Web};
use crate::page::List;

/// One of the lists, in words.
struct Kind {
    list: ContactList,
    path: &'static str,
    title: &'static str,
    /// What stands before the time.
    since: &'static str,
    /// What to do where there is nobody.
    nobody: &'static str,
    /// What can be done with each: the end of an address, and the word on the button.
    button: Option<(&'static str, &'static str)>,
}

const CONNECTIONS: Kind = Kind {
    list: ContactList::Connections,
    path: "/connections",
    title: "Connections",
    since: "Connected",
    nobody: "You have no connections yet. Accept an invitation, or send one from My Network.",
    button: None,
};
const FOLLOWING: Kind = Kind {
    list: ContactList::Following,
    path: "/following",
    title: "Following",
    since: "Following since",
    nobody: "You follow nobody. Following needs no invitation: open somebody's page and press Follow.",
    button: Some(("unfollow", "Unfollow")),
};
const FOLLOWERS: Kind = Kind {
    list: ContactList::Followers,
    path: "/followers",
    title: "Followers",
    since: "Follows you since",
    nobody: "Nobody follows you yet. Connections usually do.",
    button: None,
};
const BLOCKED: Kind = Kind {
    list: ContactList::Blocks,
    path: "/blocked",
    title: "Blocked",
    since: "Blocked",
    nobody: "You block nobody. On somebody's page, Block is behind More; they are not told.",
    button: Some(("unblock", "Unblock")),
};

struct Line {
    person: Person,
    since: When,
}

#[derive(Template)]
#[template(path = "contact_rows.html")]
struct Rows {
    kind: &'static Kind,
    lines: Vec<Line>,
    next: Option<String>,
    token: String,
}

#[derive(Template)]
#[template(path = "contacts.html")]
struct Page {
    shell: Shell,
    kind: &'static Kind,
    list: Rows,
    is_first: bool,
}

async fn page(web: Web, me: Me, query: Fields, headers: HeaderMap, kind: &'static Kind) -> Answered {
    let cursor = List::Contacts(kind.list);
    let after = query.get("after").and_then(|after| cursor.contact(after));
    let is_first = after.is_none();
    let (lines, next) = read(&web, &me, after, kind).await?;
    let token = me.visitor.token(web.secret());
    let next = next.map(|contact| format!("{}?{}", kind.path, with(&[], "after", &cursor.after_contact(&contact))));
    let list = Rows { kind, lines, next, token };
    if in_place(&headers) && query.get("part") == Some("rows") {
        return answer::part(&list, "", &[]);
    }
    let shell = Shell::new(&web, &me, Part::Network, kind.title).await?;
    answer::page(&web, &me.visitor, &Page { shell, kind, list, is_first })
}

async fn read(web: &Web, me: &Me, after: Option<Contact>, kind: &Kind) -> Result<(Vec<Line>, Option<Contact>), Mishap> {
    let now = web.network().now();
    let wanted = ContactPage { member: me.id.clone(), list: kind.list, after, limit: LINES + 1, seen: None };
    let mut found = web.network().contacts(&wanted).await?;
    let more = found.len() > LINES;
    found.truncate(LINES);
    let mut lines = Vec::with_capacity(found.len());
    for contact in &found {
        let person = Person::load(web.network(), &contact.other).await?;
        lines.push(Line { person, since: When::new(contact.since, now) });
    }
    Ok((lines, found.pop().filter(|_| more)))
}

/// Those the member is connected with.
pub(crate) async fn connections(State(web): State<Web>, me: Me, Query(query): Query, headers: HeaderMap) -> Answered {
    page(web, me, query, headers, &CONNECTIONS).await
}

/// Those the member follows.
pub(crate) async fn following(State(web): State<Web>, me: Me, Query(query): Query, headers: HeaderMap) -> Answered {
    page(web, me, query, headers, &FOLLOWING).await
}

/// Those who follow the member.
pub(crate) async fn followers(State(web): State<Web>, me: Me, Query(query): Query, headers: HeaderMap) -> Answered {
    page(web, me, query, headers, &FOLLOWERS).await
}

/// Those the member blocks.
pub(crate) async fn blocked(State(web): State<Web>, me: Me, Query(query): Query, headers: HeaderMap) -> Answered {
    page(web, me, query, headers, &BLOCKED).await
}
