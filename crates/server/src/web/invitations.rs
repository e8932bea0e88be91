//! What the two tabs of invitations share: the invitation that an address names, tabs, rows that
//! come back as they were.

use acquaint_core::ids::{InvitationId, MemberId};
use acquaint_core::view::{Direction, InvitationView};
use axum::extract::{FromRequestParts, Path, RawQuery, State};
use axum::http::request::Parts;

use super::answer;
use super::form::{Answered, Fields};
use super::received::ReceivedRow;
use super::sent::SentRow;
use super::session::Me;
use super::{Mishap, Web};

/// How many lines a page of a list has.
pub(crate) const LINES: usize = 20;

/// The invitation that the address names.
pub(crate) struct Named(pub(crate) InvitationId);

impl FromRequestParts<Web> for Named {
    type Rejection = Mishap;

    async fn from_request_parts(parts: &mut Parts, web: &Web) -> Result<Self, Mishap> {
        let Path(text) = Path::<String>::from_request_parts(parts, web).await.map_err(|_| Mishap::NotFound)?;
        text.parse().map(Self).map_err(|_| Mishap::NotFound)
    }
}

/// The member whom the address names.
pub(crate) struct NamedMember(pub(crate) MemberId);

impl FromRequestParts<Web> for NamedMember {
    type Rejection = Mishap;

    async fn from_request_parts(parts: &mut Parts, web: &Web) -> Result<Self, Mishap> {
        let Path(text) = Path::<String>::from_request_parts(parts, web).await.map_err(|_| Mishap::NotFound)?;
        MemberId::new(&text).map(Self).map_err(|_| Mishap::NotFound)
    }
}

/// The query of an address.
pub(crate) struct Query(pub(crate) Fields);

impl<S: Send + Sync> FromRequestParts<S> for Query {
    type Rejection = Mishap;

    async fn from_request_parts(parts: &mut Parts, web: &S) -> Result<Self, Mishap> {
        let Ok(RawQuery(query)) = RawQuery::from_request_parts(parts, web).await;
        Ok(Self(Fields::parse(query.unwrap_or_default().as_bytes())))
    }
}

/// An invitation as its viewer sees it.
pub(crate) async fn look(web: &Web, me: &Me, id: InvitationId) -> Result<InvitationView, Mishap> {
    web.network().invitation(&me.id, id).await?.ok_or(Mishap::NotFound)
}

/// The row of an invitation as it is now: what a question is closed with.
pub(crate) async fn row(State(web): State<Web>, me: Me, Named(id): Named, Query(query): Query) -> Answered {
    let view = look(&web, &me, id).await?;
    match view.direction {
        Direction::Sent => {
            answer::part(&SentRow::load(&web, &me, view, &query.back("/invitations/sent")).await?, "", &[])
        }
        Direction::Received => {
            answer::part(&ReceivedRow::load(&web, &me, view, &query.back("/invitations/received")).await?, "", &[])
        }
    }
}

/// A query with this further pair.
pub(crate) fn with(query: &[(&str, &str)], name: &str, value: &str) -> String {
    let mut serializer = form_urlencoded::Serializer::new(String::new());
    serializer.extend_pairs(query).append_pair(name, value);
    serializer.finish()
}
