//! Sessions: browsers of members that are signed in, as documents of the member.
//!
//! A *ticket* lets one browser sign in, once and within a minute; the host asks for it and sends its
//! member along with it. A *session* is known by a text that the browser keeps in a cookie: whose it is,
//! and 256 random bits of which only the digest is kept. The bits change at every sign-in and then
//! whenever half of the idle time has passed; those before are good for a moment more, because a browser
//! asks for several things at once.

use std::collections::BTreeMap;

use acquaint_core::ids::MemberId;
use acquaint_core::time::{Span, Time};
use acquaint_store::{Content, Document, DocumentChange, DocumentName, DocumentPage, Kind, StoreError, StoreResult};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use serde::{Deserialize, Serialize};

use crate::network::Network;
use crate::secret::{SecretError, addressed, addressee};
use crate::{documents, ids};

/// What sessions and tickets are called in messages.
const SESSION: &str = "a session";
/// For how long a ticket is good.
const TICKET: Span = Span::seconds(60);
/// For how long a session is known by its text of before.
const GRACE: Span = Span::seconds(60);
/// How many are read at a time.
const AT_ONCE: usize = 100;

/// How long a session lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionRules {
    /// It is over when nothing was asked for during this time.
    pub idle: Span,
    /// It is over this long after signing in, whatever happened.
    pub lifetime: Span,
}

/// A browser that is signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Who.
    pub member: MemberId,
    /// The name of this sign-in, which stays the same while the text changes.
    pub visit: String,
}

/// A browser that is signed in, or may sign in once, as its member may know of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Visit {
    /// When it signed in, or when its ticket was given.
    pub started_at: Time,
    /// Until when it is known, if nothing more is asked for.
    pub ends_at: Time,
    /// It has not signed in yet.
    pub is_ticket: bool,
}

/// What a browser keeps, or a ticket. Not shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionText(String);

impl SessionText {
    /// The text, to be given to the browser.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for SessionText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SessionText(…)")
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Form {
    Ticket,
    Session,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Kept {
    form: Form,
    visit: String,
    started_at: Time,
    issued_at: Time,
    ends_at: Time,
}

impl Kept {
    fn content(&self) -> StoreResult<Content> {
        documents::content(SESSION, Some(self.ends_at), self)
    }

    /// The session from now on, under another text.
    fn session(visit: String, started_at: Time, now: Time, rules: SessionRules) -> Self {
        let ends_at = (now + rules.idle).min(started_at + rules.lifetime);
        Self { form: Form::Session, visit, started_at, issued_at: now, ends_at }
    }
}

impl Network {
    /// A ticket with which a browser can sign in as that member, once; and until when.
    ///
    /// # Errors
    /// [`SecretError`].
    pub async fn ticket(&self, member: &MemberId) -> Result<(SessionText, Time), SecretError> {
        let (now, (text, name)) = (self.now(), draw(member)?);
        let ends_at = now + TICKET;
        let kept = Kept { form: Form::Ticket, visit: String::new(), started_at: now, issued_at: now, ends_at };
        self.keep(vec![DocumentChange::create(name, kept.content()?)]).await?;
        Ok((text, ends_at))
    }

    /// Signs in with a ticket, which is used up by that; `None` if it is not good.
    ///
    /// # Errors
    /// [`SecretError`].
    pub async fn sign_in(
        &self,
        ticket: &str,
        rules: SessionRules,
    ) -> Result<Option<(Session, SessionText)>, SecretError> {
        let Some((member, document, _)) = self.known(ticket, Form::Ticket).await? else { return Ok(None) };
        self.begin(member, vec![DocumentChange::remove(document)], rules).await
    }

    /// Signs a member in who has proven who they are in another way.
    ///
    /// # Errors
    /// [`SecretError`].
    pub async fn sign_in_proven(
        &self,
        member: MemberId,
        rules: SessionRules,
    ) -> Result<Option<(Session, SessionText)>, SecretError> {
        self.begin(member, Vec::new(), rules).await
    }

    async fn begin(
        &self,
        member: MemberId,
        mut changes: Vec<DocumentChange>,
        rules: SessionRules,
    ) -> Result<Option<(Session, SessionText)>, SecretError> {
        let (now, visit, (text, name)) = (self.now(), BASE64.encode(ids::random::<16>()?), draw(&member)?);
        let kept = Kept::session(visit.clone(), now, now, rules);
        changes.push(DocumentChange::create(name, kept.content()?));
        match self.keep(changes).await {
            Ok(()) => Ok(Some((Session { member, visit }, text))),
            // The ticket was used by somebody else meanwhile.
            Err(StoreError::Conflict) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The session of a browser with that text, and the text that it is to keep from now on if that
    /// is another one.
    ///
    /// # Errors
    /// [`SecretError`].
    pub async fn session(
        &self,
        text: &str,
        rules: SessionRules,
    ) -> Result<Option<(Session, Option<SessionText>)>, SecretError> {
        let Some((member, document, kept)) = self.known(text, Form::Session).await? else { return Ok(None) };
        let session = Session { member, visit: kept.visit.clone() };
        let now = self.now();
        let is_old = now.since(kept.issued_at).as_seconds() * 2 >= rules.idle.as_seconds();
        let is_replaced = kept.ends_at < (kept.issued_at + rules.idle).min(kept.started_at + rules.lifetime);
        if !is_old || is_replaced {
            return Ok(Some((session, None)));
        }
        let (text, name) = draw(&session.member)?;
        let next = Kept::session(kept.visit.clone(), kept.started_at, now, rules);
        let last = Kept { ends_at: kept.ends_at.min(now + GRACE), ..kept };
        let changes =
            vec![DocumentChange::replace(document, last.content()?), DocumentChange::create(name, next.content()?)];
        match self.keep(changes).await {
            Ok(()) => Ok(Some((session, Some(text)))),
            // Another request of the same browser was faster.
            Err(StoreError::Conflict) => Ok(Some((session, None))),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether a browser with that text is signed in still. Unlike [`Network::session`] this is no sign that somebody
    /// is there, and puts off no end.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn glance(&self, text: &str) -> StoreResult<Option<Session>> {
        let known = self.known(text, Form::Session).await?;
        Ok(known.map(|(member, _, kept)| Session { member, visit: kept.visit }))
    }

    /// Signs a browser out: every text of that sign-in is over.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn sign_out(&self, session: &Session) -> StoreResult<()> {
        self.end_sessions(&session.member, Some(&session.visit)).await
    }

    /// Signs every browser of a member out, and takes back every ticket.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn sign_out_everywhere(&self, member: &MemberId) -> StoreResult<()> {
        self.end_sessions(member, None).await
    }

    /// The browsers that are signed in as a member, and tickets, in no particular order.
    ///
    /// # Errors
    /// If the store fails.
    pub(crate) async fn visits(&self, member: &MemberId) -> StoreResult<Vec<Visit>> {
        let mut page = DocumentPage { owner: Some(member.clone()), kind: Kind::Session, after: None, limit: AT_ONCE };
        // A browser is known by two texts for a moment, of which the later one counts.
        let mut visits: BTreeMap<(String, Time), Visit> = BTreeMap::new();
        loop {
            let documents = self.documents(&page).await?;
            let Some(last) = documents.last() else { return Ok(visits.into_values().collect()) };
            page.after = Some(last.name.key.clone());
            for kept in documents.iter().map(read) {
                let Kept { form, visit, started_at, ends_at, .. } = kept?;
                let is_ticket = form == Form::Ticket;
                let known = visits.entry((visit, started_at)).or_insert(Visit { started_at, ends_at, is_ticket });
                known.ends_at = known.ends_at.max(ends_at);
            }
        }
    }

    async fn end_sessions(&self, member: &MemberId, visit: Option<&str>) -> StoreResult<()> {
        let mut page = DocumentPage { owner: Some(member.clone()), kind: Kind::Session, after: None, limit: AT_ONCE };
        loop {
            let documents = self.documents(&page).await?;
            let Some(last) = documents.last() else { return Ok(()) };
            page.after = Some(last.name.key.clone());
            for document in documents {
                let is_meant = match visit {
                    None => true,
                    Some(visit) => read(&document)?.visit == visit,
                };
                match if is_meant { self.keep(vec![DocumentChange::remove(document)]).await } else { Ok(()) } {
                    // It has just been replaced or has ended; the next page, or the next call, sees it.
                    Err(StoreError::Conflict) => page.after = None,
                    ended => ended?,
                }
            }
        }
    }

    /// What is known by a text that is good now.
    async fn known(&self, text: &str, form: Form) -> StoreResult<Option<(MemberId, Document, Kept)>> {
        let Some((member, name)) = parse(text) else { return Ok(None) };
        let Some(document) = self.document(&name).await? else { return Ok(None) };
        let kept = read(&document)?;
        let is_good = kept.form == form && self.now() < kept.ends_at;
        Ok(is_good.then_some((member, document, kept)))
    }
}

fn read(document: &Document) -> StoreResult<Kept> {
    documents::read(SESSION, document)
}

/// A new text, and the name of its document.
fn draw(member: &MemberId) -> Result<(SessionText, DocumentName), SecretError> {
    let secret = BASE64.encode(ids::random::<32>()?);
    Ok((SessionText(addressed(member, &secret)), name(member, &secret)))
}

fn name(member: &MemberId, secret: &str) -> DocumentName {
    let key = blake3::hash(secret.as_bytes()).to_hex().to_string();
    DocumentName { owner: Some(member.clone()), kind: Kind::Session, key }
}

fn parse(text: &str) -> Option<(MemberId, DocumentName)> {
    let (member, secret) = addressee(text)?;
    let name = name(&member, secret);
    Some((member, name))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use acquaint_core::policy::Policy;
    use acquaint_store::memory::MemoryStore;

    use super::*;
    use crate::{Clock, EngineConfig};

    const RULES: SessionRules = SessionRules { idle: Span::minutes(30), lifetime: Span::hours(2) };

    async fn network() -> Network {
        let clock = Clock::settable(Time::from_unix(1_000));
        Network::start(Arc::new(MemoryStore::new()), Policy::default(), clock, EngineConfig::default()).await.unwrap()
    }

    fn ann() -> MemberId {
        MemberId::new("ann").unwrap()
    }

    #[tokio::test]
    async fn a_ticket_is_good_once_and_for_a_minute() {
        let network = network().await;
        let (ticket, _) = network.ticket(&ann()).await.unwrap();
        assert!(network.session(ticket.reveal(), RULES).await.unwrap().is_none(), "a ticket is no session");
        let (one, other) =
            tokio::join!(network.sign_in(ticket.reveal(), RULES), network.sign_in(ticket.reveal(), RULES));
        assert_eq!([one.unwrap(), other.unwrap()].iter().flatten().count(), 1);
        let (late, _) = network.ticket(&ann()).await.unwrap();
        network.advance_clock(Span::seconds(60)).await.unwrap();
        assert!(network.sign_in(late.reveal(), RULES).await.unwrap().is_none());
        for wrong in ["", ".", "YW5u.", "YW5u.x", "x"] {
            assert!(network.sign_in(wrong, RULES).await.unwrap().is_none(), "{wrong}");
        }
    }

    #[tokio::test]
    async fn a_session_changes_its_text_and_ends_when_idle_or_old() {
        let network = network().await;
        let (session, first) = network.sign_in_proven(ann(), RULES).await.unwrap().unwrap();
        assert_eq!(network.session(first.reveal(), RULES).await.unwrap(), Some((session.clone(), None)));
        network.advance_clock(Span::minutes(15)).await.unwrap();
        let (same, second) = network.session(first.reveal(), RULES).await.unwrap().unwrap();
        let second = second.unwrap();
        assert!(same == session && second != first);
        assert_eq!(network.session(first.reveal(), RULES).await.unwrap(), Some((session.clone(), None)));
        network.advance_clock(Span::minutes(1)).await.unwrap();
        assert_eq!(network.session(first.reveal(), RULES).await.unwrap(), None, "the text of before is over");
        network.advance_clock(Span::minutes(29)).await.unwrap();
        assert_eq!(network.session(second.reveal(), RULES).await.unwrap(), None, "idle");

        let (_, mut text) = network.sign_in_proven(ann(), RULES).await.unwrap().unwrap();
        for _ in 0..7 {
            network.advance_clock(Span::minutes(15)).await.unwrap();
            let (_, next) = network.session(text.reveal(), RULES).await.unwrap().unwrap();
            text = next.unwrap();
        }
        network.advance_clock(Span::minutes(15)).await.unwrap();
        assert_eq!(network.session(text.reveal(), RULES).await.unwrap(), None, "it has lasted two hours");
        let page = DocumentPage { owner: Some(ann()), kind: Kind::Session, after: None, limit: 10 };
        assert!(network.documents(&page).await.unwrap().is_empty(), "what is over is removed");
    }

    #[tokio::test]
    async fn a_glance_puts_off_no_end() {
        let network = network().await;
        let (session, text) = network.sign_in_proven(ann(), RULES).await.unwrap().unwrap();
        for _ in 0..29 {
            network.advance_clock(Span::minutes(1)).await.unwrap();
            assert_eq!(network.glance(text.reveal()).await.unwrap(), Some(session.clone()));
        }
        network.advance_clock(Span::minutes(1)).await.unwrap();
        assert_eq!(network.glance(text.reveal()).await.unwrap(), None);
    }

    #[tokio::test]
    async fn signing_out_ends_one_browser_or_all() {
        let network = network().await;
        let (session, first) = network.sign_in_proven(ann(), RULES).await.unwrap().unwrap();
        let (_, other) = network.sign_in_proven(ann(), RULES).await.unwrap().unwrap();
        network.sign_out(&session).await.unwrap();
        assert!(network.session(first.reveal(), RULES).await.unwrap().is_none());
        assert!(network.session(other.reveal(), RULES).await.unwrap().is_some());
        network.sign_out_everywhere(&ann()).await.unwrap();
        assert!(network.session(other.reveal(), RULES).await.unwrap().is_none());
    }
}
