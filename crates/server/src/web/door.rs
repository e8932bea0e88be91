//! Signing in with a ticket of the host's, and out.

use askama::Template;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::form::{Answered, Posted};
use super::invitations::Query;
use super::session::{Visitor, members_cookie, no_cookie};
use super::{Door, Mishap, Web};
use crate::config::Pages;

#[derive(Template)]
#[template(path = "signed_out.html")]
struct Page<'a> {
    text: &'static str,
    /// Where to sign in.
    sign_in: Option<&'a str>,
}

fn pages(web: &Web) -> Result<&Pages, Mishap> {
    match web.door() {
        Door::Members(pages) => Ok(pages),
        Door::Demo(_) => Err(Mishap::NotFound),
    }
}

/// Signs in with a ticket. Whoever was signed in in this browser is not any more.
pub(crate) async fn sign_in(State(web): State<Web>, visitor: Visitor, Query(query): Query) -> Answered {
    let pages = pages(&web)?;
    let ticket = query.get("ticket").unwrap_or_default();
    let Some((_, text)) = web.network().sign_in(ticket, pages.sessions).await? else {
        return told(pages, StatusCode::UNAUTHORIZED, "This way in was used already, or it is too late for it.");
    };
    if let Some(before) = &visitor.session {
        web.network().sign_out(before).await?;
    }
    Ok(entered(members_cookie(&text)))
}

/// Leads to the first page, with the cookie of a session.
fn entered(cookie: Option<HeaderValue>) -> Response {
    let headers = [(header::LOCATION, HeaderValue::from_static("/network"))];
    let mut response = (StatusCode::SEE_OTHER, headers).into_response();
    cookie.and_then(|cookie| response.headers_mut().insert(header::SET_COOKIE, cookie));
    response
}

/// For those who are not signed in.
pub(crate) async fn nobody(State(web): State<Web>) -> Answered {
    told(pages(&web)?, StatusCode::UNAUTHORIZED, "You are not signed in, or you were away for a while.")
}

/// Signs out.
pub(crate) async fn sign_out(State(web): State<Web>, Posted { me, .. }: Posted) -> Answered {
    if let Some(session) = &me.visitor.session {
        web.network().sign_out(session).await?;
    }
    let mut response = told(pages(&web)?, StatusCode::OK, "You are signed out.")?;
    response.headers_mut().insert(header::SET_COOKIE, no_cookie());
    Ok(response)
}

fn told(pages: &Pages, status: StatusCode, text: &'static str) -> Answered {
    let page = Page { text, sign_in: pages.sign_in.as_deref() };
    let mut response = Response::new(Body::from(page.render()?));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    Ok(response)
}
