//! Answers: whole pages, parts of pages that htmx puts in place, and ways back after a form.

use askama::Template;
use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;

use super::form::Answered;
use super::session::{Said, Visitor};
use super::{Mishap, Seals};

/// A page that was made already.
pub(crate) fn html(status: StatusCode, text: String) -> Response {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    response
}

/// A whole page, with the cookies that belong to it.
pub(crate) fn whole(web: &impl Seals, visitor: &Visitor, status: StatusCode, page: &impl Template) -> Answered {
    let mut response = html(status, page.render()?);
    let silence = visitor.said.is_some().then(Visitor::silence);
    for cookie in visitor.cookie_if_new(web.secret()).into_iter().chain(silence) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

/// A page as it usually is.
pub(crate) fn page(web: &impl Seals, visitor: &Visitor, page: &impl Template) -> Answered {
    whole(web, visitor, StatusCode::OK, page)
}

/// A part of a page, and what is to be told to somebody who does not see it change.
#[derive(Template)]
#[template(path = "part.html")]
struct Part<'a, P: Template> {
    part: &'a P,
    live: &'a str,
    counts: &'a [Count],
}

/// A number elsewhere on the page that has changed with the part.
pub(crate) struct Count {
    /// The id of the element that shows it.
    pub(crate) place: &'static str,
    pub(crate) number: u32,
}

/// A part that htmx puts in place, with other numbers of the page, and a sentence for those who
/// hear the page and do not see it.
pub(crate) fn part(part: &impl Template, live: &str, counts: &[Count]) -> Answered {
    part_with(StatusCode::OK, part, live, counts)
}

pub(crate) fn part_with(status: StatusCode, part: &impl Template, live: &str, counts: &[Count]) -> Answered {
    let text = Part { part, live, counts }.render()?;
    Ok(html(status, text))
}

/// Leads to another page after a form, which says what became of it.
pub(crate) fn go(web: &impl Seals, visitor: &Visitor, to: &str, said: Option<&Said>) -> Answered {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    let to = HeaderValue::try_from(to).map_err(|_| Mishap::NotFound)?;
    response.headers_mut().insert(header::LOCATION, to);
    if let Some(cookie) = said.and_then(|said| visitor.saying(web.secret(), said)) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}
