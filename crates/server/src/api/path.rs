//! Names in the path of a call.

use acquaint_core::ids::{InvitationId, MemberId};
use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;

use crate::problem::{Fault, Problem};

/// The member whom the path names.
pub(crate) struct PathMember(pub(crate) MemberId);

/// The invitation that the path names. What cannot be the name of one is not found.
pub(crate) struct PathInvitation(pub(crate) InvitationId);

/// A word in the path.
pub(crate) struct PathWord(pub(crate) String);

/// Two words in the path.
pub(crate) struct PathPair(pub(crate) String, pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for PathPair {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let params = params(parts, state).await?;
        let mut words = params.iter().map(|(_, value)| value.to_owned());
        let mut word = || words.next().ok_or_else(Problem::not_found);
        Ok(Self(word()?, word()?))
    }
}

async fn params<S: Send + Sync>(parts: &mut Parts, state: &S) -> Result<RawPathParams, Problem> {
    let undecodable = |_| Problem::invalid(Fault::parameter("path", "percent-encoded UTF-8"));
    RawPathParams::from_request_parts(parts, state).await.map_err(undecodable)
}

impl<S: Send + Sync> FromRequestParts<S> for PathMember {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let PathWord(word) = PathWord::from_request_parts(parts, state).await?;
        MemberId::new(&word).map(Self).map_err(|error| Problem::invalid(Fault::parameter("member", error.to_string())))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for PathInvitation {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let PathWord(word) = PathWord::from_request_parts(parts, state).await?;
        word.parse().map(Self).map_err(|_| Problem::not_found())
    }
}

impl<S: Send + Sync> FromRequestParts<S> for PathWord {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let params = params(parts, state).await?;
        params.iter().next().map(|(_, value)| Self(value.to_owned())).ok_or_else(Problem::not_found)
    }
}
