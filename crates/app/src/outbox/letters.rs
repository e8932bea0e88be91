//! Deliveries as an operator sees them: on their way, delivered, given up; and what may be done with them.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use acquaint_core::ids::MemberId;
use acquaint_core::time::Time;
use acquaint_store::{
    Document, DocumentChange, DocumentName, DocumentPage, DuePage, DuePlace, Kind, StoreError, StoreResult,
};

use super::clerk::follower_name;
use super::{DELIVERY, Delivery, fresh_id, key_when_over, read};
use crate::documents;
use crate::ids::NoRandomness;
use crate::network::Network;

/// How many documents are read or written at once.
const AT_ONCE: usize = 256;
/// How many of a kind are counted for metrics.
const COUNTED: usize = 10_000;
/// How often a write is tried that others are in the way of.
const ATTEMPTS: usize = 8;

/// How far a delivery has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// It waits for its first or its next attempt, or behind another.
    Pending,
    /// It arrived.
    Delivered,
    /// It was given up.
    Dead,
}

impl Stage {
    /// Every stage.
    pub const ALL: [Stage; 3] = [Stage::Pending, Stage::Delivered, Stage::Dead];

    /// Its word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Stage::Pending => "pending",
            Stage::Delivered => "delivered",
            Stage::Dead => "dead",
        }
    }

    const fn kind(self) -> Kind {
        match self {
            Stage::Pending => Kind::Delivery,
            Stage::Delivered => Kind::Delivered,
            Stage::Dead => Kind::DeadLetter,
        }
    }
}

impl FromStr for Stage {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|stage| stage.name() == text).ok_or(())
    }
}

/// A delivery, how far it has come, and when the next thing happens to it.
#[derive(Debug, Clone, PartialEq)]
pub struct Letter {
    /// The delivery.
    pub delivery: Delivery,
    /// How far it has come.
    pub stage: Stage,
    /// When it is attempted next, or forgotten if it is over. One that waits behind another is attempted
    /// when it is its turn, and at this moment at the latest looked at.
    pub next_at: Option<Time>,
}

/// A page of deliveries.
#[derive(Debug, Clone, Default)]
pub struct Letters {
    /// What was found.
    pub items: Vec<Letter>,
    /// Where to go on, if there may be more.
    pub next: Option<LetterPlace>,
}

/// Where a list of deliveries goes on; as a text it is `SECONDS/OWNER/KEY`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LetterPlace(DuePlace);

impl fmt::Display for LetterPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let owner = self.0.owner.as_ref().map_or("", MemberId::as_str);
        write!(f, "{}/{owner}/{}", self.0.at.unix(), self.0.key)
    }
}

impl FromStr for LetterPlace {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut parts = text.splitn(3, '/');
        let mut part = || parts.next().ok_or(());
        let (at, owner, key) = (part()?.parse().map_err(drop)?, part()?, part()?.to_owned());
        let owner = (!owner.is_empty()).then(|| MemberId::new(owner)).transpose().map_err(drop)?;
        if key.contains('\0') {
            return Err(());
        }
        Ok(Self(DuePlace { at: Time::from_unix(at), owner, key }))
    }
}

impl Network {
    /// Deliveries on their way, or given up, or delivered: in the order in which the next thing happens to
    /// them, over all channels and owners.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn letters(&self, stage: Stage, after: Option<LetterPlace>, limit: usize) -> StoreResult<Letters> {
        let after = after.map(|place| place.0);
        let page = DuePage { kind: stage.kind(), until: Time::MAX, after, limit };
        let documents = self.store().due_documents(&page).await?;
        let next = documents.last().filter(|_| documents.len() == limit).and_then(Document::place).map(LetterPlace);
        let items = documents.iter().map(|document| letter(document, stage)).collect::<StoreResult<_>>()?;
        Ok(Letters { items, next })
    }

    /// The host's deliveries to one target, those that are over with the latest first. `after` is the
    /// [`Letter::cursor`] of the last one on the page before.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn letters_to(
        &self,
        channel: &str,
        target: &str,
        stage: Stage,
        after: Option<&str>,
        limit: usize,
    ) -> StoreResult<Vec<Letter>> {
        let prefix = format!("{channel}/{target}/");
        let after = Some(format!("{prefix}{}", after.unwrap_or_default()));
        let documents = self.documents(&DocumentPage { owner: None, kind: stage.kind(), after, limit }).await?;
        let own = documents.iter().filter(|document| document.name.key.starts_with(&prefix));
        own.map(|document| letter(document, stage)).collect()
    }

    /// A delivery that is over.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn letter(
        &self,
        owner: Option<&MemberId>,
        channel: &str,
        target: &str,
        stage: Stage,
        id: &str,
    ) -> StoreResult<Option<Delivery>> {
        let key = key_when_over(channel, target, id);
        let name = DocumentName { owner: owner.cloned(), kind: stage.kind(), key };
        self.document(&name).await?.as_ref().map(read).transpose()
    }

    /// When something was last delivered to a member on that way, as far back as the log goes
    /// ([`LOG_KEPT`](super::LOG_KEPT)).
    ///
    /// # Errors
    /// If the store fails.
    pub async fn last_delivered(&self, owner: &MemberId, channel: &str, target: &str) -> StoreResult<Option<Time>> {
        let prefix = format!("{channel}/{target}/");
        let (owner, kind, after) = (Some(owner.clone()), Kind::Delivered, Some(prefix.clone()));
        let latest = self.documents(&DocumentPage { owner, kind, after, limit: 1 }).await?.pop();
        let Some(latest) = latest.filter(|document| document.name.key.starts_with(&prefix)) else { return Ok(None) };
        Ok(read(&latest)?.attempts.last().map(|attempt| attempt.at))
    }

    /// Sends off once more what was given up or delivered; it is attempted at once, beside the order of its
    /// lane, and bears the same id. Whether there is such a one.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn redrive(&self, letter: &Delivery, stage: Stage) -> StoreResult<bool> {
        let name = match stage {
            Stage::Pending => return Ok(false),
            Stage::Delivered | Stage::Dead => letter.name_when_over(stage.kind()),
        };
        let Some(found) = self.document(&name).await? else { return Ok(false) };
        let now = self.now();
        let mut again = read(&found)?;
        again.lane = format!("!{}", again.id);
        (again.not_before, again.first_try_at, again.failed) = (now, None, 0);
        let again = DocumentChange::create(again.name(), documents::content(DELIVERY, Some(now), &again)?);
        let dead = (stage == Stage::Dead).then(|| DocumentChange::remove(found));
        match self.keep(dead.into_iter().chain([again]).collect()).await {
            // It is on its way already.
            Err(StoreError::Conflict) => Ok(true),
            kept => kept.map(|()| true),
        }
    }

    /// Sends a dead letter off once more, as [`Network::redrive`] does. Whether there is such a one.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn redrive_dead(
        &self,
        owner: Option<&MemberId>,
        channel: &str,
        target: &str,
        id: &str,
    ) -> StoreResult<bool> {
        match self.letter(owner, channel, target, Stage::Dead, id).await? {
            Some(letter) => self.redrive(&letter, Stage::Dead).await,
            None => Ok(false),
        }
    }

    /// Writes a delivery of the host's that no event caused, to be made at once. Returns its id, which
    /// begins with `prefix`.
    ///
    /// # Errors
    /// If the store fails, or gives no random numbers.
    pub async fn post(
        &self,
        channel: &str,
        target: &str,
        prefix: &str,
        payload: impl FnOnce(&str) -> serde_json::Value + Send,
    ) -> Result<String, PostError> {
        let now = self.now();
        let id = fresh_id(prefix, now)?;
        let delivery = Delivery {
            owner: None,
            channel: channel.to_owned(),
            target: target.to_owned(),
            lane: format!("!{id}"),
            payload: payload(&id),
            id: id.clone(),
            about: Vec::new(),
            created_at: now,
            not_before: now,
            first_try_at: None,
            failed: 0,
            attempts: Vec::new(),
        };
        let content = documents::content(DELIVERY, Some(now), &delivery)?;
        self.keep(vec![DocumentChange::create(delivery.name(), content)]).await?;
        Ok(id)
    }
}

/// Why a delivery was not written.
#[derive(Debug, Clone, thiserror::Error)]
pub enum PostError {
    /// The operating system has no random numbers to give.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Letter {
    /// Where a list of deliveries to one target goes on after this one.
    #[must_use]
    pub fn cursor(&self) -> String {
        let name = match self.stage {
            Stage::Pending => self.delivery.name(),
            stage => self.delivery.name_when_over(stage.kind()),
        };
        name.key.splitn(3, '/').nth(2).unwrap_or_default().to_owned()
    }
}

fn letter(document: &Document, stage: Stage) -> StoreResult<Letter> {
    Ok(Letter { delivery: read(document)?, stage, next_at: document.content.due })
}

/// Removes every delivery that lies with a member or names them. To be called when no event names them any
/// more.
pub(crate) async fn forget(network: &Network, member: &MemberId) -> StoreResult<()> {
    // Whoever read events that are gone by now cannot write what follows from them any more.
    let followers = DocumentPage { owner: None, kind: Kind::Outbox, after: None, limit: AT_ONCE };
    for follower in network.documents(&followers).await? {
        turn(network, &follower.name.key).await?;
    }
    for stage in Stage::ALL {
        let (kind, until) = (stage.kind(), Time::MAX);
        let mut page = DuePage { kind, until, after: None, limit: AT_ONCE };
        loop {
            let documents = network.store().due_documents(&page).await?;
            let Some(last) = documents.last().and_then(Document::place) else { break };
            page.after = Some(last);
            for document in documents {
                // What cannot be read is removed as well: it may name anybody.
                if read(&document).map_or(true, |delivery| delivery.concerns(member)) {
                    remove(network, document).await?;
                }
            }
        }
    }
    Ok(())
}

/// Writes a follower's document as it is, under the next version.
async fn turn(network: &Network, channel: &str) -> StoreResult<()> {
    for _ in 0..ATTEMPTS {
        let Some(document) = network.document(&follower_name(channel)).await? else { return Ok(()) };
        let content = document.content.clone();
        match network.keep(vec![DocumentChange::replace(document, content)]).await {
            Err(StoreError::Conflict) => {}
            kept => return kept,
        }
    }
    Err(StoreError::Conflict)
}

async fn remove(network: &Network, mut document: Document) -> StoreResult<()> {
    for _ in 0..ATTEMPTS {
        let name: DocumentName = document.name.clone();
        match network.keep(vec![DocumentChange::remove(document)]).await {
            Err(StoreError::Conflict) => match network.document(&name).await? {
                Some(moved) => document = moved,
                None => return Ok(()),
            },
            kept => return kept,
        }
    }
    Err(StoreError::Conflict)
}

/// What there is of deliveries on one channel.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Counted {
    pub(crate) pending: u64,
    pub(crate) dead: u64,
    /// Age of the oldest that is on its way, in seconds.
    pub(crate) oldest: u64,
}

/// Counts what is on its way and what was given up, at most [`COUNTED`] of each over all channels.
pub(crate) async fn count(
    network: &Network,
    channels: &[&'static str],
) -> StoreResult<BTreeMap<&'static str, Counted>> {
    let mut counted: BTreeMap<&'static str, Counted> =
        channels.iter().map(|name| (*name, Counted::default())).collect();
    for stage in [Stage::Pending, Stage::Dead] {
        let (mut after, mut looked_at) = (None, 0);
        while looked_at < COUNTED {
            let page = network.letters(stage, after, AT_ONCE).await?;
            looked_at += page.items.len();
            for letter in &page.items {
                let Some(counted) = counted.get_mut(letter.delivery.channel.as_str()) else { continue };
                match stage {
                    Stage::Pending => {
                        counted.pending += 1;
                        let age = network.now().since(letter.delivery.created_at).as_seconds();
                        counted.oldest = counted.oldest.max(age);
                    }
                    _ => counted.dead += 1,
                }
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
    }
    Ok(counted)
}
