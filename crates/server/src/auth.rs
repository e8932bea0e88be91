//! Who is calling: the host's key, and the member for whom it calls.

use acquaint_core::ids::MemberId;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};

use crate::app::App;
use crate::config::HostKey;
use crate::problem::{Fault, Kind, Problem};

/// The name of the header that says for whom the host calls.
pub(crate) const MEMBER_HEADER: &str = "acquaint-member";

/// The caller is the host. For whom it calls, if for anybody, does not matter.
pub(crate) struct Host;

/// The member for whom the call is made.
pub(crate) struct Acting(pub(crate) MemberId);

/// The caller is the host; the member for whom it calls, if it says.
pub(crate) struct Viewer(pub(crate) Option<MemberId>);

impl FromRequestParts<App> for Host {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        authenticate(&parts.headers, app.host_keys())?;
        Ok(Self)
    }
}

impl FromRequestParts<App> for Viewer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        authenticate(&parts.headers, app.host_keys())?;
        member(&parts.headers).map(Self)
    }
}

impl FromRequestParts<App> for Acting {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        acting(&parts.headers, app)
    }
}

/// The member for whom the call is made.
pub(crate) fn acting(headers: &HeaderMap, app: &App) -> Result<Acting, Problem> {
    authenticate(headers, app.host_keys())?;
    member(headers)?.map(Acting).ok_or(Kind::MemberRequired.into())
}

/// Compares with every key, so that the time taken says nothing.
fn authenticate(headers: &HeaderMap, keys: &[HostKey]) -> Result<(), Problem> {
    let Some(given) = bearer(headers) else { return Err(unauthenticated(r#"Bearer realm="acquaint""#)) };
    let given = HostKey::digest(given);
    let known = keys.iter().fold(subtle::Choice::from(0), |known, key| known | key.is(&given));
    if bool::from(known) { Ok(()) } else { Err(unauthenticated(r#"Bearer realm="acquaint", error="invalid_token""#)) }
}

fn unauthenticated(challenge: &'static str) -> Problem {
    let challenge = HeaderValue::from_static(challenge);
    Problem::new(Kind::Unauthenticated).with_header(header::WWW_AUTHENTICATE, challenge)
}

fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let mut given = headers.get_all(header::AUTHORIZATION).iter();
    let (first, None) = (given.next()?, given.next()) else { return None };
    let (scheme, key) = first.as_bytes().split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| key.trim_ascii()).filter(|key| !key.is_empty())
}

fn member(headers: &HeaderMap) -> Result<Option<MemberId>, Problem> {
    let wrong = |detail: String| Problem::invalid(Fault::parameter("Acquaint-Member", detail));
    let mut given = headers.get_all(MEMBER_HEADER).iter();
    let Some(first) = given.next() else { return Ok(None) };
    if given.next().is_some() {
        return Err(wrong("the header is there more than once".into()));
    }
    let text = std::str::from_utf8(first.as_bytes()).map_err(|_| wrong("an id is UTF-8".into()))?;
    MemberId::new(text).map(Some).map_err(|error| wrong(error.to_string()))
}
