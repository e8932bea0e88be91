//! What a form says. A form without the token of its visit, or from another origin, says nothing.

use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::{HeaderMap, header};
use axum::response::Response;

use super::session::{Me, Visitor};
use super::{Mishap, Seals, Web};
use crate::body;

/// A query or the fields of a form, the first of each name.
#[derive(Debug, Default, Clone)]
pub(crate) struct Fields(Vec<(String, String)>);

impl Fields {
    pub(crate) fn parse(bytes: &[u8]) -> Self {
        Self(form_urlencoded::parse(bytes).map(|(name, value)| (name.into_owned(), value.into_owned())).collect())
    }

    /// What stands in a field, unless it is empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(other, _)| other == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// What stands in each field of that name.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(other, value)| other == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    /// Where to go after the form: a path of ours that it names, else `otherwise`.
    pub(crate) fn back(&self, otherwise: &str) -> String {
        let ours = |path: &&str| {
            path.starts_with('/') && !path.starts_with("//") && path.bytes().all(|b| b.is_ascii_graphic() && b != b'\\')
        };
        self.get("back").filter(ours).unwrap_or(otherwise).to_owned()
    }
}

/// A form that a member posted.
pub(crate) struct Posted {
    pub(crate) me: Me,
    pub(crate) fields: Fields,
    /// Whether a part of the page waits for the answer, and not a new page.
    pub(crate) in_place: bool,
}

/// A form that was posted by whoever is looking.
pub(crate) struct Sent {
    pub(crate) visitor: Visitor,
    pub(crate) fields: Fields,
}

/// Whether htmx asks, and will put the answer in place.
pub(crate) fn in_place(headers: &HeaderMap) -> bool {
    headers.contains_key("hx-request")
}

impl<S: Seals> FromRequest<S> for Sent {
    type Rejection = Mishap;

    async fn from_request(request: Request, web: &S) -> Result<Self, Mishap> {
        let (mut parts, body) = request.into_parts();
        let visitor = Visitor::from_request_parts(&mut parts, web).await?;
        let fields = read(web, &parts.headers, body).await?;
        if fields.get("token").is_some_and(|token| visitor.is_token(web.secret(), token)) {
            Ok(Self { visitor, fields })
        } else {
            Err(Mishap::Forged)
        }
    }
}

impl FromRequest<Web> for Posted {
    type Rejection = Mishap;

    async fn from_request(request: Request, web: &Web) -> Result<Self, Mishap> {
        let in_place = in_place(request.headers());
        let Sent { visitor, fields } = Sent::from_request(request, web).await?;
        let id = visitor.member.clone().ok_or(Mishap::Nobody)?;
        Ok(Self { me: Me { id, visitor }, fields, in_place })
    }
}

/// What a form of ours says, whoever posts it.
pub(super) async fn read(web: &impl Seals, headers: &HeaderMap, body: Body) -> Result<Fields, Mishap> {
    if is_foreign(headers) {
        return Err(Mishap::Forged);
    }
    let bytes = body::within_limits(web.limits(), body, web.limits().body).await?;
    Ok(Fields::parse(&bytes))
}

/// Whether a browser says that a page of another origin posts this.
pub(super) fn is_foreign(headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else { return false };
    let host = headers.get(header::HOST).map(|host| host.as_bytes()).unwrap_or_default();
    let ours = origin.as_bytes().strip_prefix(b"http://").or(origin.as_bytes().strip_prefix(b"https://"));
    ours != Some(host)
}

/// An answer that is known already.
pub(crate) type Answered = Result<Response, Mishap>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_leads_back_to_our_own_pages_alone() {
        let back = |path: &str| {
            let text: String = form_urlencoded::Serializer::new(String::new()).append_pair("back", path).finish();
            Fields::parse(text.as_bytes()).back("/network")
        };
        assert_eq!(back("/invitations/sent?age=14#inv_1"), "/invitations/sent?age=14#inv_1");
        for elsewhere in
            ["", "//evil.example", "https://evil.example", "/\\evil.example", "/a\r\nSet-Cookie: x", "sent"]
        {
            assert_eq!(back(elsewhere), "/network", "{elsewhere:?}");
        }
    }

    #[test]
    fn a_post_from_another_origin_is_foreign() {
        let headers = |origin: Option<&str>| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, "127.0.0.1:7171".parse().unwrap());
            origin.map(|origin| headers.insert(header::ORIGIN, origin.parse().unwrap()));
            headers
        };
        assert!(!is_foreign(&headers(None)) && !is_foreign(&headers(Some("http://127.0.0.1:7171"))));
        for foreign in ["http://evil.example", "null", "http://127.0.0.1:7172", ""] {
            assert!(is_foreign(&headers(Some(foreign))), "{foreign:?}");
        }
    }
}
