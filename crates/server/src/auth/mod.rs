//! Who is calling. Every call that the description of the API knows passes one gate, which proves who
//! the caller is and asks [`access`](acquaint_core::access) whether they may; handlers find the answer
//! with the request and cannot be reached without it.

mod gate;
mod keyring;
mod keyset;
mod tokens;

use acquaint_core::access::{Caller, Denied};
use acquaint_core::ids::MemberId;
use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, HeaderValue};

pub(crate) use gate::{DoneOn, Gate, pass};
pub(crate) use keyring::Keyring;
pub use keyset::{KeySetAddress, KeySetError};
pub(crate) use tokens::Tokens;
pub use tokens::{TokenAlgorithm, TokenConfig, TokenKeys, TokenKeysError};

use crate::problem::{Kind, Problem};

/// The caller is the host. For whom it calls, if for anybody, does not matter.
pub(crate) struct Host;

/// The caller may make the call; who it is does not matter.
pub(crate) struct Passed;

/// The member for whom the call is made.
pub(crate) struct Acting(pub(crate) MemberId);

/// The member for whom the call is made; nobody if it is the host for itself.
pub(crate) struct Viewer(pub(crate) Option<MemberId>);

impl<S: Sync> FromRequestParts<S> for Host {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        admitted(&parts.extensions).map(|_| Self)
    }
}

impl<S: Sync> FromRequestParts<S> for Passed {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        admitted(&parts.extensions).map(|_| Self)
    }
}

impl<S: Sync> FromRequestParts<S> for Viewer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        admitted(&parts.extensions).map(|caller| Self(caller.member.clone()))
    }
}

impl<S: Sync> FromRequestParts<S> for Acting {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        admitted(&parts.extensions)?.member.clone().map(Self).ok_or(Kind::MemberRequired.into())
    }
}

/// Who the gate has let in.
pub(crate) fn admitted(extensions: &Extensions) -> Result<&Caller, Problem> {
    extensions.get::<Caller>().ok_or_else(|| {
        tracing::error!("a call came to its handler around the gate");
        Kind::Internal.into()
    })
}

impl From<Denied> for Problem {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::Forbidden => Kind::Forbidden.into(),
            Denied::MemberRequired => Kind::MemberRequired.into(),
            // The same as for a member of whom nobody has heard.
            Denied::Invisible => Kind::Refused(acquaint_core::refusal::Code::UnknownMember).into(),
        }
    }
}

fn unauthenticated(challenge: &'static str) -> Problem {
    let challenge = HeaderValue::from_static(challenge);
    Problem::new(Kind::Unauthenticated).with_header(header::WWW_AUTHENTICATE, challenge)
}

/// What the one `Authorization` header carries after `Bearer`.
fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let mut given = headers.get_all(header::AUTHORIZATION).iter();
    let (first, None) = (given.next()?, given.next()) else { return None };
    let (scheme, key) = first.as_bytes().split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| key.trim_ascii()).filter(|key| !key.is_empty())
}
