//! Endpoints: documents of the host's, kept, changed and switched off.

use acquaint_app::outbox::{Letter, PostError, Stage};
use acquaint_app::{Network, SecretError};
use acquaint_core::catalogue::EventType;
use acquaint_core::ids::EventId;
use acquaint_core::time::{Span, Time};
use acquaint_store::{Content, Document, DocumentChange, DocumentName, DocumentPage, Kind, StoreError, StoreResult};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::addresses::Allowed;
use crate::channel::CHANNEL;
use crate::post::Poster;
use crate::secret::EndpointSecret;

/// How many endpoints a community has at most: each may have a few attempts under way.
pub const MOST: usize = 100;
/// Longest description, in characters.
const LONGEST_DESCRIPTION: usize = 200;
/// How long an old secret may go on beside the new one.
const LONGEST_OVERLAP: Span = Span::days(30);
/// How often a change is tried that others are in the way of.
const ATTEMPTS: usize = 8;

/// What an endpoint is told, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// The address that is posted to.
    pub url: String,
    /// Which types of events; none is all of them.
    pub events: Vec<EventType>,
    /// A word for people.
    pub description: Option<String>,
}

/// Why an endpoint is told nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// The host wants it so.
    Asked,
    /// Nothing arrived for three days.
    Failing,
    /// It answered 410, which says that it is gone for good.
    Gone,
}

/// Since when and why an endpoint is told nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SwitchedOff {
    /// Since when.
    pub at: Time,
    /// Why.
    pub why: Why,
}

/// An endpoint, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// Its name: `whk_` and 32 hexadecimal digits.
    pub id: String,
    /// What it is told, and where.
    pub terms: Terms,
    /// When it was made.
    pub created_at: Time,
    /// It is told what happened after this event.
    pub since: Option<EventId>,
    /// Whether it is told nothing at the moment.
    pub off: Option<SwitchedOff>,
    /// Since when nothing has arrived there.
    pub failing_since: Option<Time>,
    /// The number of its secret.
    pub(crate) secret: u32,
    /// Until when the secret before this one signs as well.
    pub previous_until: Option<Time>,
}

/// What is wrong with the terms of an endpoint: a field, and a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Which field.
    pub field: &'static str,
    /// What is wrong with it.
    pub detail: String,
}

/// Why something was not done.
#[derive(Debug, Clone, thiserror::Error)]
pub enum EndpointError {
    /// The terms are not good.
    #[error("{}", .0.detail)]
    Invalid(Fault),
    /// There are too many.
    #[error("there are {MOST} endpoints, which is the most; delete one first")]
    TooMany,
    /// There is no such endpoint, or no such delivery.
    #[error("there is none of that name")]
    Unknown,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The community's secret is not to be had.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// A delivery could not be written.
    #[error(transparent)]
    Post(#[from] PostError),
}

/// The endpoints of a community, and the way to them. Clones are the same.
#[derive(Clone)]
pub struct Webhooks {
    pub(crate) network: Network,
    pub(crate) poster: Poster,
}

impl std::fmt::Debug for Webhooks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Webhooks(…)")
    }
}

impl Terms {
    /// What is wrong with them.
    ///
    /// # Errors
    /// The first fault.
    pub fn check(&self, allowed: &Allowed) -> Result<(), Fault> {
        allowed.check(&self.url).map_err(|detail| Fault { field: "url", detail })?;
        let length = self.description.as_ref().map_or(0, |text| text.chars().count());
        if length > LONGEST_DESCRIPTION {
            let detail = format!("a description has at most {LONGEST_DESCRIPTION} characters");
            return Err(Fault { field: "description", detail });
        }
        Ok(())
    }
}

impl Endpoint {
    /// Whether it is told of events of that type.
    pub(crate) fn hears(&self, kind: EventType) -> bool {
        self.terms.events.is_empty() || self.terms.events.contains(&kind)
    }

    fn switch(&mut self, is_on: bool, now: Time) {
        match (is_on, self.off) {
            // What failed before counts no more.
            (true, Some(_)) => (self.off, self.failing_since) = (None, None),
            (false, None) => self.off = Some(SwitchedOff { at: now, why: Why::Asked }),
            (true, None) | (false, Some(_)) => {}
        }
    }
}

impl Webhooks {
    /// The endpoints of that community.
    ///
    /// # Errors
    /// If encrypted connections cannot be made on this machine; the text says why.
    pub fn new(network: Network, allowed: Allowed) -> Result<Self, String> {
        let poster = Poster::new(allowed).map_err(|error| error.to_string())?;
        Ok(Self { network, poster })
    }

    /// What is wrong with the terms of an endpoint here.
    ///
    /// # Errors
    /// The first fault.
    pub fn check(&self, terms: &Terms) -> Result<(), Fault> {
        terms.check(&self.poster.allowed)
    }

    /// Makes an endpoint, which is told what happens from now on. Its secret is the second value.
    ///
    /// # Errors
    /// [`EndpointError`].
    pub async fn create(&self, terms: Terms) -> Result<(Endpoint, EndpointSecret), EndpointError> {
        self.check(&terms).map_err(EndpointError::Invalid)?;
        if self.list().await?.len() >= MOST {
            return Err(EndpointError::TooMany);
        }
        let now = self.network.now();
        let endpoint = Endpoint {
            id: acquaint_app::outbox::fresh_id("whk", now).map_err(PostError::from)?,
            terms,
            created_at: now,
            since: self.network.last_event().await?,
            off: None,
            failing_since: None,
            secret: 1,
            previous_until: None,
        };
        self.network.keep(vec![DocumentChange::create(name(&endpoint.id), content(&endpoint)?)]).await?;
        let secret = EndpointSecret::of(&self.network.secret().await?, &endpoint.id, 1);
        Ok((endpoint, secret))
    }

    /// Every endpoint, in the order in which they were made.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn list(&self) -> StoreResult<Vec<Endpoint>> {
        let page = DocumentPage { owner: None, kind: Kind::Webhook, after: None, limit: MOST };
        self.network.documents(&page).await?.iter().map(read).collect()
    }

    /// An endpoint.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn get(&self, id: &str) -> StoreResult<Option<Endpoint>> {
        if !is_id(id) {
            return Ok(None);
        }
        self.network.document(&name(id)).await?.as_ref().map(read).transpose()
    }

    /// Other terms for an endpoint, switched on or off. What is on its way goes to the new address.
    ///
    /// # Errors
    /// [`EndpointError`].
    pub async fn update(&self, id: &str, terms: Terms, is_on: bool) -> Result<Endpoint, EndpointError> {
        self.check(&terms).map_err(EndpointError::Invalid)?;
        let now = self.network.now();
        self.change(id, |endpoint| {
            endpoint.terms = terms.clone();
            endpoint.switch(is_on, now);
        })
        .await
    }

    /// Switches an endpoint on or off; its terms stay.
    ///
    /// # Errors
    /// [`EndpointError`].
    pub async fn switch(&self, id: &str, is_on: bool) -> Result<Endpoint, EndpointError> {
        let now = self.network.now();
        self.change(id, |endpoint| endpoint.switch(is_on, now)).await
    }

    /// Removes an endpoint; whether there was one. What is on its way to it is dropped.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn delete(&self, id: &str) -> StoreResult<bool> {
        for _ in 0..ATTEMPTS {
            let Some(document) = self.document(id).await? else { return Ok(false) };
            match self.network.keep(vec![DocumentChange::remove(document)]).await {
                Err(StoreError::Conflict) => {}
                kept => return kept.map(|()| true),
            }
        }
        Err(StoreError::Conflict)
    }

    /// A new secret. The one before it signs as well for that long, so that receivers can change over.
    ///
    /// # Errors
    /// [`EndpointError`].
    pub async fn rotate(&self, id: &str, overlap: Span) -> Result<(Endpoint, EndpointSecret), EndpointError> {
        if overlap > LONGEST_OVERLAP {
            let detail = format!("the old secret goes on for at most {LONGEST_OVERLAP}");
            return Err(EndpointError::Invalid(Fault { field: "overlap", detail }));
        }
        let until = self.network.now() + overlap;
        let endpoint = self
            .change(id, |endpoint| {
                endpoint.secret += 1;
                endpoint.previous_until = (overlap > Span::ZERO).then_some(until);
            })
            .await?;
        let secret = EndpointSecret::of(&self.network.secret().await?, &endpoint.id, endpoint.secret);
        Ok((endpoint, secret))
    }

    /// Has something delivered that means nothing, to try an endpoint out. Returns the delivery's id.
    ///
    /// # Errors
    /// [`EndpointError`].
    pub async fn test(&self, id: &str) -> Result<String, EndpointError> {
        let endpoint = self.get(id).await?.ok_or(EndpointError::Unknown)?;
        let now = self.network.now();
        let payload = |delivery: &str| {
            let body = json!({"id": delivery, "type": "webhook.test", "at": now, "data": {"endpoint": endpoint.id}});
            json!({"type": "webhook.test", "body": body.to_string()})
        };
        Ok(self.network.post(CHANNEL, &endpoint.id, "tst", payload).await?)
    }

    /// A page of what was delivered to an endpoint, of what was given up, or of what is on its way.
    ///
    /// # Errors
    /// [`EndpointError`].
    pub async fn deliveries(
        &self,
        id: &str,
        stage: Stage,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Letter>, EndpointError> {
        let endpoint = self.get(id).await?.ok_or(EndpointError::Unknown)?;
        Ok(self.network.letters_to(CHANNEL, &endpoint.id, stage, after, limit).await?)
    }

    /// Has a delivery that is over made once more, with the same id.
    ///
    /// # Errors
    /// [`EndpointError`].
    pub async fn replay(&self, id: &str, delivery: &str) -> Result<(), EndpointError> {
        let endpoint = self.get(id).await?.ok_or(EndpointError::Unknown)?;
        if delivery.contains(|c: char| !c.is_ascii_alphanumeric() && c != '_') {
            return Err(EndpointError::Unknown);
        }
        for stage in [Stage::Dead, Stage::Delivered] {
            if let Some(found) = self.network.letter(None, CHANNEL, &endpoint.id, stage, delivery).await?
                && self.network.redrive(&found, stage).await?
            {
                return Ok(());
            }
        }
        Err(EndpointError::Unknown)
    }

    /// Has up to a thousand deliveries made once more that were given up; how many.
    ///
    /// # Errors
    /// [`EndpointError`].
    pub async fn redrive(&self, id: &str) -> Result<usize, EndpointError> {
        let mut redriven = 0;
        for letter in self.deliveries(id, Stage::Dead, None, 1_000).await? {
            redriven += usize::from(self.network.redrive(&letter.delivery, Stage::Dead).await?);
        }
        Ok(redriven)
    }

    /// Something arrived at an endpoint, or did not.
    pub(crate) async fn note(&self, endpoint: &Endpoint, arrived: bool, is_gone: bool) {
        let now = self.network.now();
        let is_over = endpoint.failing_since.is_some_and(|since| now.since(since) >= Span::days(3));
        let why = if is_gone { Some(Why::Gone) } else { (!arrived && is_over).then_some(Why::Failing) };
        let is_known = arrived != endpoint.failing_since.is_some() && why.is_none();
        if is_known {
            return;
        }
        let changed = self.change(&endpoint.id, |endpoint| {
            endpoint.failing_since = if arrived { None } else { endpoint.failing_since.or(Some(now)) };
            if let (Some(why), None) = (why, endpoint.off) {
                endpoint.off = Some(SwitchedOff { at: now, why });
                tracing::warn!(endpoint = endpoint.id, ?why, "a webhook endpoint was switched off");
            }
        });
        if let Err(error) = changed.await {
            tracing::warn!(endpoint = endpoint.id, %error, "how an endpoint does could not be written down");
        }
    }

    async fn document(&self, id: &str) -> StoreResult<Option<Document>> {
        if is_id(id) { self.network.document(&name(id)).await } else { Ok(None) }
    }

    async fn change(&self, id: &str, change: impl Fn(&mut Endpoint) + Send) -> Result<Endpoint, EndpointError> {
        for _ in 0..ATTEMPTS {
            let document = self.document(id).await?.ok_or(EndpointError::Unknown)?;
            let before = read(&document)?;
            let mut endpoint = before.clone();
            change(&mut endpoint);
            if endpoint == before {
                return Ok(endpoint);
            }
            match self.network.keep(vec![DocumentChange::replace(document, content(&endpoint)?)]).await {
                Err(StoreError::Conflict) => {}
                kept => return Ok(kept.map(|()| endpoint)?),
            }
        }
        Err(StoreError::Conflict.into())
    }
}

fn is_id(text: &str) -> bool {
    text.strip_prefix("whk_").is_some_and(|digits| digits.len() == 32 && digits.bytes().all(|b| b.is_ascii_hexdigit()))
}

fn name(id: &str) -> DocumentName {
    DocumentName { owner: None, kind: Kind::Webhook, key: id.to_owned() }
}

fn content(endpoint: &Endpoint) -> StoreResult<Content> {
    let body = serde_json::to_string(endpoint);
    let body = body.map_err(|error| StoreError::Failed(format!("an endpoint cannot be written: {error}")))?;
    Ok(Content { due: None, body })
}

fn read(document: &Document) -> StoreResult<Endpoint> {
    serde_json::from_str(&document.content.body).map_err(|_| {
        StoreError::Failed("an endpoint cannot be read: the document was written by something else".into())
    })
}
