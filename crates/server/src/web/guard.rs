//! Around every page: no strange host names, and headers that keep a browser from doing anything
//! that we did not write.

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::Mishap;
use super::form::in_place;

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
pub(crate) async fn around(request: Request, next: Next) -> Response {
    let in_place = in_place(request.headers());
    let mut response =
        if is_here(request.headers()) { next.run(request).await } else { Mishap::StrangeHost.into_response() };
    if in_place && response.status() == StatusCode::SEE_OTHER {
        lead_the_page(&mut response);
    }
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    if !response.headers().contains_key(header::CACHE_CONTROL) {
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}

/// A way to another page is for the whole page and not for the part that waits for an answer.
fn lead_the_page(response: &mut Response) {
    if let Some(to) = response.headers_mut().remove(header::LOCATION) {
        *response.status_mut() = StatusCode::OK;
        response.headers_mut().insert("hx-redirect", to);
    }
}

/// Whether the request names this machine. A page of another origin that has its name resolved to
/// 127.0.0.1 would be let in by the socket and is stopped here.
fn is_here(headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name =
        host.rsplit_once(':').filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit())).map_or(host, |(n, _)| n);
    ["127.0.0.1", "localhost", "[::1]"].contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_are_answered() {
        let named = |host: &str| is_here(&HeaderMap::from_iter([(header::HOST, host.parse().unwrap())]));
        for ours in ["127.0.0.1:7171", "localhost", "localhost:80", "[::1]:7171", "[::1]"] {
            assert!(named(ours), "{ours}");
        }
        for strange in ["evil.example", "127.0.0.1.evil.example:7171", "", "127.0.0.2"] {
            assert!(!named(strange), "{strange}");
        }
        assert!(!is_here(&HeaderMap::new()));
    }
}
