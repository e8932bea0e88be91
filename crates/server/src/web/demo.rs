//! The demo: whom to be, and what time it is.

use acquaint_core::ids::MemberId;
use acquaint_core::time::Span;
use askama::Template;
use axum::extract::State;
use axum::http::{HeaderValue, header};

use super::answer;
use super::form::{Answered, Posted, Sent};
use super::invitations::{Query, with};
use super::people::Person;
use super::session::{Said, Visitor};
use super::shell::STEPS;
use super::when::{When, counted};
use super::{Door, Mishap, Web};
use crate::config::Demo;

/// People on one page of the chooser.
const SHOWN: usize = 24;

/// Somebody to be.
struct Candidate {
    id: MemberId,
    person: Person,
    /// What there is to see as this member.
    why: &'static str,
    is_me: bool,
}

#[derive(Template)]
#[template(path = "chooser.html")]
struct Page {
    token: String,
    featured: Vec<Candidate>,
    others: Vec<Candidate>,
    name: String,
    all: u64,
    next: Option<String>,
    clock: When,
}

fn demo(web: &Web) -> Result<&Demo, Mishap> {
    match web.door() {
        Door::Demo(demo) => Ok(demo),
        Door::Members(_) => Err(Mishap::NotFound),
    }
}

/// Whom to be.
pub(crate) async fn chooser(State(web): State<Web>, visitor: Visitor, Query(query): Query) -> Answered {
    let name: String = query.get("name").unwrap_or_default().trim().chars().take(100).collect();
    let skip: usize = query.get("after").and_then(|after| after.parse().ok()).unwrap_or_default();
    let candidate = |(id, person): (MemberId, Person), why| {
        let is_me = visitor.member.as_ref() == Some(&id);
        Candidate { id, person, why, is_me }
    };
    let mut featured = Vec::new();
    let demo = demo(&web)?;
    for (id, why) in demo.featured.iter().filter(|_| name.is_empty() && skip == 0) {
        featured.push(candidate((id.clone(), Person::load(web.network(), id).await?), *why));
    }
    let mut found = Vec::new();
    for id in &demo.people {
        let person = Person::load(web.network(), id).await?;
        if person.name.to_lowercase().contains(&name.to_lowercase()) {
            found.push((id.clone(), person));
        }
    }
    let more = found.len() > skip.saturating_add(SHOWN);
    let others = found.into_iter().skip(skip).take(SHOWN).map(|found| candidate(found, "")).collect();
    let after = skip.saturating_add(SHOWN).to_string();
    let now = web.network().now();
    let page = Page {
        token: visitor.token(web.secret()),
        featured,
        others,
        next: more.then(|| format!("/demo?{}", with(&[("name", &name)], "after", &after))),
        name,
        all: demo.people.len() as u64,
        clock: When::new(now, now),
    };
    answer::page(&web, &visitor, &page)
}

/// Becomes somebody.
pub(crate) async fn be(State(web): State<Web>, Sent { mut visitor, fields }: Sent) -> Answered {
    let demo = demo(&web)?;
    let chosen = fields.get("member").and_then(|id| demo.people.iter().find(|known| known.as_str() == id));
    let chosen = chosen.ok_or(Mishap::NotFound)?;
    visitor.member = Some(chosen.clone());
    let mut response = answer::go(&web, &visitor, "/network", None)?;
    let cookie: Option<HeaderValue> = visitor.cookie(web.secret());
    if let Some(cookie) = cookie {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

/// Lets time pass. What falls due on the way happens at its own moment.
pub(crate) async fn advance(State(web): State<Web>, Posted { me, fields, .. }: Posted) -> Answered {
    let by = fields.get("by").and_then(|by| by.parse::<Span>().ok());
    let days = STEPS.into_iter().find(|days| Some(Span::days(*days)) == by).ok_or(Mishap::NotFound)?;
    let now = web.network().advance_clock(Span::days(days)).await?;
    (demo(&web)?.clock_set)(now);
    let said = Said::good(format!("{} later: it is {}.", counted(days, "day"), When::new(now, now).date));
    answer::go(&web, &me.visitor, &fields.back("/network"), Some(&said))
}
