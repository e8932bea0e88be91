//! Signing in with a ticket of the host's or with a provider, and out.

use acquaint_core::command::Action;
use acquaint_core::ids::MemberId;
use acquaint_core::member::{Profile, Registration};
use askama::Template;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use subtle::ConstantTimeEq;

use super::form::{Answered, Posted};
use super::invitations::Query;
use super::session::{Visitor, members_cookie, no_cookie, no_way, way, way_cookie};
use super::{Door, Mishap, Web};
use crate::config::Pages;
use crate::oidc::{Attempt, OidcError, Proven};

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

/// Sends the browser to the provider.
pub(crate) async fn start(State(web): State<Web>) -> Answered {
    let oidc = pages(&web)?.oidc.as_ref().ok_or(Mishap::NotFound)?;
    let (address, attempt) = oidc.begin().await?;
    let address = HeaderValue::try_from(address).map_err(|_| Mishap::Ours)?;
    let mut response = (StatusCode::SEE_OTHER, [(header::LOCATION, address)]).into_response();
    way_cookie(web.secret(), &attempt).and_then(|cookie| response.headers_mut().insert(header::SET_COOKIE, cookie));
    Ok(response)
}

/// The browser comes back from the provider.
pub(crate) async fn back(
    State(web): State<Web>,
    visitor: Visitor,
    Query(query): Query,
    headers: HeaderMap,
) -> Answered {
    let pages = pages(&web)?;
    let oidc = pages.oidc.as_ref().ok_or(Mishap::NotFound)?;
    let attempt = way(&headers, web.secret());
    let same = |attempt: &Attempt| {
        query.get("state").is_some_and(|state| state.as_bytes().ct_eq(attempt.state.as_bytes()).into())
    };
    let (Some(attempt), Some(code)) = (attempt.filter(same), query.get("code")) else {
        return told(pages, StatusCode::UNAUTHORIZED, "The provider did not let you in, or it took too long.");
    };
    let Proven { subject, name, email } = match oidc.finish(code, attempt).await {
        Ok(proven) => proven,
        Err(error @ OidcError::Provider(_)) => return Err(error.into()),
        Err(error) => {
            tracing::warn!(%error, "somebody was not let in");
            return told(pages, StatusCode::UNAUTHORIZED, "The provider did not let you in, or it took too long.");
        }
    };
    let Ok(member) = MemberId::new(&subject) else {
        return told(pages, StatusCode::FORBIDDEN, "The provider knows you by a name that nobody can have here.");
    };
    if !web.network().member(&member).await?.profile.is_public() {
        let profile = Profile { registration: Registration::Registered, name, email, ..Profile::default() };
        if web.act(&member, Action::Register { profile }).await?.is_err() {
            return told(pages, StatusCode::FORBIDDEN, "You cannot become a member here.");
        }
    }
    let entered_as = web.network().sign_in_proven(member, pages.sessions).await?;
    if let Some(before) = &visitor.session {
        web.network().sign_out(before).await?;
    }
    let mut response = entered(entered_as.and_then(|(_, text)| members_cookie(&text)));
    response.headers_mut().append(header::SET_COOKIE, no_way());
    Ok(response)
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
    let provider = pages.oidc.as_ref().map(|_| "/session/start");
    let page = Page { text, sign_in: provider.or(pages.sign_in.as_deref()) };
    let mut response = Response::new(Body::from(page.render()?));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    Ok(response)
}
