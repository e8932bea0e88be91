//! Around every page: no strange host names, and headers that keep a browser from doing anything
//! that we did not write.

use acquaint_core::access::Principal;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use tokio::sync::OwnedSemaphorePermit;

use super::form::in_place;
use super::session::Visitor;
use super::{Door, Mishap, Web, live};

/// Nothing from elsewhere, nothing written into the page: no inline script, no inline style.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
    form-action 'self'; base-uri 'none'; frame-ancestors 'none'; manifest-src 'self'";

const HEADERS: [(HeaderName, &str); 5] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()"),
];

/// Answers a page with what every page carries.
pub(crate) async fn around<S: Guarded>(State(site): State<S>, mut request: Request, next: Next) -> Response {
    let in_place = in_place(request.headers());
    let (mut response, cookie) = match site.admit(&mut request).await {
        Ok(Admitted { room: _room, cookie }) => (next.run(request).await, cookie),
        Err(mishap) => (mishap.into_response(), None),
    };
    if in_place && response.status() == StatusCode::SEE_OTHER {
        lead_the_page(&mut response);
    }
    if let Some(cookie) = cookie.filter(|_| !response.headers().contains_key(header::SET_COOKIE)) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    if !response.headers().contains_key(header::CACHE_CONTROL) {
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}

/// Pages that one is let through to.
pub(crate) trait Guarded: Clone + Send + Sync + 'static {
    /// Finds out who is looking, and leaves the [`Visitor`] with the request.
    fn admit(&self, request: &mut Request) -> impl Future<Output = Result<Admitted, Mishap>> + Send;
}

/// What somebody has who was let through.
pub(crate) struct Admitted {
    /// Their place among the calls that are answered at the same time, where those are counted.
    pub(crate) room: Option<OwnedSemaphorePermit>,
    /// The cookie that their browser is to keep from now on, if it is another.
    pub(crate) cookie: Option<HeaderValue>,
}

impl Guarded for Web {
    async fn admit(&self, request: &mut Request) -> Result<Admitted, Mishap> {
        if !is_here(self, request.headers()) {
            return Err(Mishap::StrangeHost);
        }
        let callers = self.app().callers();
        let room = callers.room().map_err(|_| Mishap::Busy)?;
        let (visitor, cookie) = if request.uri().path() == live::ADDRESS {
            (Visitor::glance(request.headers(), self).await?, None)
        } else {
            Visitor::find(request.headers(), self).await?
        };
        let counted = match (&visitor.member, self.door()) {
            (_, Door::Demo(_)) => Ok(()),
            (Some(member), Door::Members(_)) => callers.known(&Principal::Member(member.clone())),
            (None, Door::Members(_)) => callers.stranger(request.extensions(), request.headers()),
        };
        counted.map_err(|_| Mishap::TooOften)?;
        request.extensions_mut().insert(visitor);
        Ok(Admitted { room: Some(room), cookie })
    }
}

/// A way to another page is for the whole page and not for the part that waits for an answer.
fn lead_the_page(response: &mut Response) {
    if let Some(to) = response.headers_mut().remove(header::LOCATION) {
        *response.status_mut() = StatusCode::OK;
        response.headers_mut().insert("hx-redirect", to);
    }
}

/// Whether the request names the host that pages are served for; in the demo, this machine. A page of
/// another origin that has its name resolved to our address would be let in by the socket and is
/// stopped here.
pub(super) fn is_here(web: &Web, headers: &HeaderMap) -> bool {
    match web.door() {
        Door::Demo(_) => is_of_this_machine(headers),
        Door::Members(pages) => names(headers, &pages.host),
    }
}

/// Whether the request names this host, with its port.
pub(crate) fn names(headers: &HeaderMap, ours: &str) -> bool {
    host(headers).is_some_and(|host| host.eq_ignore_ascii_case(ours))
}

/// Whether the request names this machine.
pub(crate) fn is_of_this_machine(headers: &HeaderMap) -> bool {
    host(headers).is_some_and(is_local)
}

/// The one host that a request names: of two, another reader of the request might look at the other.
fn host(headers: &HeaderMap) -> Option<&str> {
    let mut hosts = headers.get_all(header::HOST).iter();
    let (host, None) = (hosts.next()?.to_str().ok()?, hosts.next()) else { return None };
    Some(host)
}

fn is_local(host: &str) -> bool {
    let name =
        host.rsplit_once(':').filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit())).map_or(host, |(n, _)| n);
    ["127.0.0.1", "localhost", "[::1]"].contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_are_answered() {
        for ours in ["127.0.0.1:7171", "localhost", "localhost:80", "[::1]:7171", "[::1]"] {
            assert!(is_local(ours), "{ours}");
        }
        for strange in ["evil.example", "127.0.0.1.evil.example:7171", "", "127.0.0.2"] {
            assert!(!is_local(strange), "{strange}");
        }
    }
}
