//! Who is looking.
//!
//! Members bring the text of a session that the store knows, in a cookie that no page can read and
//! no other host can set (`__Host-`). In the demo, which is served on loopback alone, the cookie says whom the
//! visitor chose to be: `nonce.member.seal`, the seal a keyed hash over the rest.
//!
//! The token in every form is a keyed hash of the nonce, or of the name of the sign-in, so a page of
//! another origin can neither read nor guess it.

use std::sync::atomic::{AtomicU64, Ordering};

use acquaint_app::{Session, SessionText};
use acquaint_core::ids::MemberId;
use acquaint_core::time::Time;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use subtle::ConstantTimeEq;

use super::{Door, Mishap, Web};
use crate::oidc::Attempt;

const SESSION: &str = "acquaint_session";
/// The cookie of members.
const MEMBERS: &str = "__Host-acquaint";
/// The cookie of somebody on the way to the provider and back.
const WAY: &str = "__Host-acquaint-way";
/// The cookie of operators.
const OPERATORS: &str = "__Host-acquaint-operator";
const SAID: &str = "acquaint_said";
/// Longest cookie that is looked at, in bytes; browsers keep no longer ones.
const LONGEST: usize = 4_096;

/// What seals cookies and makes tokens. New at every start of the server.
pub(crate) struct Secret {
    key: [u8; 32],
    visits: AtomicU64,
}

impl Secret {
    pub(crate) fn new(key: [u8; 32]) -> Self {
        Self { key, visits: AtomicU64::new(0) }
    }

    fn seal(&self, purpose: &str, text: &str) -> String {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        hasher.update(purpose.as_bytes()).update(b"\0").update(text.as_bytes());
        hasher.finalize().to_hex().as_str().chars().take(32).collect()
    }

    fn is_sealed(&self, purpose: &str, text: &str, seal: &str) -> bool {
        bool::from(self.seal(purpose, text).as_bytes().ct_eq(seal.as_bytes()))
    }

    /// A text that comes back unchanged or not at all.
    fn sealed(&self, purpose: &str, text: &str) -> String {
        format!("{text}.{}", self.seal(purpose, text))
    }

    fn unsealed<'a>(&self, purpose: &str, sealed: &'a str) -> Option<&'a str> {
        let (text, seal) = sealed.rsplit_once('.')?;
        self.is_sealed(purpose, text, seal).then_some(text)
    }

    /// A name for a new visit that nobody can guess.
    fn nonce(&self) -> String {
        let number = self.visits.fetch_add(1, Ordering::Relaxed);
        self.seal("visit", &number.to_string())
    }
}

/// A browser that looks at pages.
#[derive(Debug, Clone)]
pub(crate) struct Visitor {
    nonce: String,
    /// Whom the visitor chose to be.
    pub(crate) member: Option<MemberId>,
    /// What the page before wants said on this one.
    pub(crate) said: Option<Said>,
    /// Whether the browser has no cookie of this visit yet; members get theirs when they sign in.
    is_new: bool,
    /// The session of a member.
    pub(crate) session: Option<Session>,
}

/// A sentence for the next page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) good: bool,
    pub(crate) text: String,
}

impl Said {
    pub(crate) fn good(text: impl Into<String>) -> Self {
        Self { good: true, text: text.into() }
    }

    pub(crate) fn bad(text: impl Into<String>) -> Self {
        Self { good: false, text: text.into() }
    }
}

/// A visitor who is somebody. Who is nobody yet is led to the chooser.
#[derive(Debug, Clone)]
pub(crate) struct Me {
    pub(crate) id: MemberId,
    pub(crate) visitor: Visitor,
}

impl Visitor {
    /// Who is looking, and the cookie that their browser is to keep from now on if that is another.
    pub(crate) async fn find(headers: &HeaderMap, web: &Web) -> Result<(Self, Option<HeaderValue>), Mishap> {
        let Door::Members(pages) = web.door() else { return Ok((Self::read(headers, web.secret()), None)) };
        let known = match cookie(headers, MEMBERS) {
            Some(text) => web.network().session(text, pages.sessions).await?,
            None => None,
        };
        let (session, next) = known.unzip();
        Ok((Self::of(headers, web.secret(), session), next.flatten().and_then(|text| members_cookie(&text))))
    }

    /// Who has a page open, by itself no sign that somebody is there: it puts off no end of a session.
    pub(crate) async fn glance(headers: &HeaderMap, web: &Web) -> Result<Self, Mishap> {
        if let Door::Demo(_) = web.door() {
            return Ok(Self::read(headers, web.secret()));
        }
        let session = match cookie(headers, MEMBERS) {
            Some(text) => web.network().glance(text).await?,
            None => None,
        };
        Ok(Self::of(headers, web.secret(), session))
    }

    /// A member with a session, or nobody.
    fn of(headers: &HeaderMap, secret: &Secret, session: Option<Session>) -> Self {
        let nonce = session.as_ref().map(|session| session.visit.clone()).unwrap_or_default();
        let member = session.as_ref().map(|session| session.member.clone());
        let said = said(headers, secret, &nonce);
        Self { nonce, member, said, is_new: false, session }
    }

    /// An operator who is signed in.
    pub(crate) fn operator(headers: &HeaderMap, secret: &Secret, entry: &Entry) -> Self {
        let nonce = secret.seal("operator's visit", &entry.text());
        let said = said(headers, secret, &nonce);
        Self { nonce, member: None, said, is_new: false, session: None }
    }

    /// Who is looking at pages without members, by the visit's own cookie.
    pub(crate) fn read(headers: &HeaderMap, secret: &Secret) -> Self {
        let session = cookie(headers, SESSION).and_then(|sealed| secret.unsealed(SESSION, sealed));
        let found = session.and_then(|text| {
            let (nonce, member) = text.split_once('.')?;
            Some((nonce.to_owned(), decoded(member).and_then(|id| MemberId::new(&id).ok())))
        });
        let is_new = found.is_none();
        let (nonce, member) = found.unwrap_or_else(|| (secret.nonce(), None));
        let said = said(headers, secret, &nonce);
        Self { nonce, member, said, is_new, session: None }
    }

    /// The token that belongs into every form.
    pub(crate) fn token(&self, secret: &Secret) -> String {
        secret.seal("form", &self.nonce)
    }

    pub(crate) fn is_token(&self, secret: &Secret, token: &str) -> bool {
        secret.is_sealed("form", &self.nonce, token)
    }

    /// The cookie of this visit, if the browser has none yet.
    pub(crate) fn cookie_if_new(&self, secret: &Secret) -> Option<HeaderValue> {
        if self.is_new { self.cookie(secret) } else { None }
    }

    /// The cookie of this visit.
    pub(crate) fn cookie(&self, secret: &Secret) -> Option<HeaderValue> {
        let member = self.member.as_ref().map_or("", |member| member.as_str());
        let text = format!("{}.{}", self.nonce, BASE64.encode(member));
        set_cookie(SESSION, &secret.sealed(SESSION, &text), "")
    }

    /// The cookie that says something on the next page.
    pub(crate) fn saying(&self, secret: &Secret, said: &Said) -> Option<HeaderValue> {
        let tone = if said.good { "good" } else { "bad" };
        let text = format!("{tone}.{}", BASE64.encode(&said.text));
        set_cookie(SAID, &secret.sealed(&self.nonce, &text), "; Max-Age=60")
    }

    /// The cookie that takes back what was said, once it has been.
    pub(crate) fn silence() -> HeaderValue {
        HeaderValue::from_static("acquaint_said=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0")
    }
}

/// The cookie of a member who is signed in. It ends with the browser, and its text before that.
pub(crate) fn members_cookie(text: &SessionText) -> Option<HeaderValue> {
    set_cookie(MEMBERS, text.reveal(), "; Secure")
}

/// What the browser of an operator has: by what their key is known, which is not the key, and since when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) digest: [u8; 32],
    pub(crate) since: Time,
}

impl Entry {
    fn text(&self) -> String {
        format!("{}.{}", BASE64.encode(self.digest), self.since.unix())
    }

    /// The cookie, which ends with the browser.
    pub(crate) fn cookie(&self, secret: &Secret) -> Option<HeaderValue> {
        set_cookie(OPERATORS, &secret.sealed(OPERATORS, &self.text()), "; Secure")
    }

    pub(crate) fn read(headers: &HeaderMap, secret: &Secret) -> Option<Self> {
        let text = secret.unsealed(OPERATORS, cookie(headers, OPERATORS)?)?;
        let (digest, since) = text.split_once('.')?;
        let digest = BASE64.decode(digest).ok()?.try_into().ok()?;
        Some(Self { digest, since: Time::from_unix(since.parse().ok()?) })
    }

    /// The cookie that takes it back.
    pub(crate) fn no_cookie() -> HeaderValue {
        HeaderValue::from_static("__Host-acquaint-operator=; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=0")
    }
}

/// The cookie that remembers an attempt to sign in with the provider.
pub(crate) fn way_cookie(secret: &Secret, attempt: &Attempt) -> Option<HeaderValue> {
    let text = format!("{}~{}~{}", attempt.state, attempt.nonce, attempt.verifier);
    set_cookie(WAY, &secret.sealed(WAY, &text), "; Secure; Max-Age=600")
}

/// The attempt that a browser remembers.
pub(crate) fn way(headers: &HeaderMap, secret: &Secret) -> Option<Attempt> {
    let text = secret.unsealed(WAY, cookie(headers, WAY)?)?;
    let mut parts = text.splitn(3, '~').map(str::to_owned);
    Some(Attempt { state: parts.next()?, nonce: parts.next()?, verifier: parts.next()? })
}

/// Takes the attempt back: it is good once.
pub(crate) fn no_way() -> HeaderValue {
    HeaderValue::from_static("__Host-acquaint-way=; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=0")
}

/// The cookie that takes that back.
pub(crate) fn no_cookie() -> HeaderValue {
    HeaderValue::from_static("__Host-acquaint=; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=0")
}

/// What the page before wants said on this one.
fn said(headers: &HeaderMap, secret: &Secret, nonce: &str) -> Option<Said> {
    let text = cookie(headers, SAID).and_then(|sealed| secret.unsealed(nonce, sealed))?;
    let (tone, text) = text.split_once('.')?;
    Some(Said { good: tone == "good", text: decoded(text)? })
}

fn set_cookie(name: &str, value: &str, more: &str) -> Option<HeaderValue> {
    HeaderValue::try_from(format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{more}")).ok()
}

fn decoded(text: &str) -> Option<String> {
    BASE64.decode(text).ok().and_then(|bytes| String::from_utf8(bytes).ok())
}

fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let given = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = given.filter(|text| text.len() <= LONGEST).flat_map(|text| text.split("; "));
    pairs.find_map(|pair| pair.split_once('=').filter(|(found, _)| *found == name).map(|(_, value)| value))
}

/// Found by [`guard`](super::guard) before.
impl<S: Sync> FromRequestParts<S> for Visitor {
    type Rejection = Mishap;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Mishap> {
        parts.extensions.get::<Self>().cloned().ok_or_else(|| {
            tracing::error!("a page was reached around its guard");
            Mishap::Ours
        })
    }
}

impl FromRequestParts<Web> for Me {
    type Rejection = Mishap;

    async fn from_request_parts(parts: &mut Parts, web: &Web) -> Result<Self, Mishap> {
        let visitor = Visitor::from_request_parts(parts, web).await?;
        match visitor.member.clone() {
            Some(id) => Ok(Self { id, visitor }),
            None => Err(Mishap::Nobody),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(set: &HeaderValue) -> HeaderMap {
        let pair = set.to_str().unwrap().split(';').next().unwrap();
        HeaderMap::from_iter([(header::COOKIE, HeaderValue::from_str(pair).unwrap())])
    }

    #[test]
    fn a_visit_comes_back_as_it_was_made_or_not_at_all() {
        let secret = Secret::new([7; 32]);
        let mut visitor = Visitor::read(&HeaderMap::new(), &secret);
        assert!(visitor.is_new && visitor.member.is_none());
        visitor.member = Some(MemberId::new("名.=;前").unwrap());
        let cookie = visitor.cookie(&secret).unwrap();
        let back = Visitor::read(&sent(&cookie), &secret);
        assert_eq!((back.member, back.is_new), (visitor.member.clone(), false));
        assert!(back.nonce == visitor.nonce);
        let forged = cookie.to_str().unwrap().replace(&visitor.nonce, &"0".repeat(32));
        assert!(Visitor::read(&sent(&HeaderValue::from_str(&forged).unwrap()), &secret).member.is_none());
        assert!(Visitor::read(&sent(&cookie), &Secret::new([8; 32])).member.is_none());
    }

    #[test]
    fn a_token_is_good_for_its_own_visit() {
        let secret = Secret::new([7; 32]);
        let (one, other) = (Visitor::read(&HeaderMap::new(), &secret), Visitor::read(&HeaderMap::new(), &secret));
        assert!(one.is_token(&secret, &one.token(&secret)));
        assert!(!one.is_token(&secret, &other.token(&secret)) && !one.is_token(&secret, ""));
    }

    #[test]
    fn an_operator_comes_back_as_they_were_or_not_at_all() {
        let secret = Secret::new([7; 32]);
        let entry = Entry { digest: [3; 32], since: Time::from_unix(1_795_000_000) };
        let cookie = entry.cookie(&secret).unwrap();
        assert_eq!(Entry::read(&sent(&cookie), &secret), Some(entry));
        assert_eq!(Entry::read(&sent(&cookie), &Secret::new([8; 32])), None);
        let later = cookie.to_str().unwrap().replace("1795000000", "1999999999");
        assert_eq!(Entry::read(&sent(&HeaderValue::from_str(&later).unwrap()), &secret), None);
    }

    #[test]
    fn what_is_said_on_the_next_page_is_ours() {
        let secret = Secret::new([7; 32]);
        let visitor = Visitor::read(&HeaderMap::new(), &secret);
        let mut headers = sent(&visitor.cookie(&secret).unwrap());
        let said = Said::good("Withdrawn: “é”.");
        let cookie = sent(&visitor.saying(&secret, &said).unwrap());
        headers.append(header::COOKIE, cookie[header::COOKIE].clone());
        assert_eq!(Visitor::read(&headers, &secret).said, Some(said));
        headers.remove(header::COOKIE);
        headers.append(header::COOKIE, cookie[header::COOKIE].clone());
        assert_eq!(Visitor::read(&headers, &secret).said, None);
    }
}
