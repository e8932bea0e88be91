//! The outbox: what happened is told to endpoints and mailboxes, at least once, in order, and however
//! long it takes them to listen.
//!
//! Events are written in the same commit as their cause, so nothing that happened can be lost. For each
//! [`Channel`] a **follower** reads them in order; in one commit it writes what follows from them (one
//! **delivery** for each that is to be told) and how far it has come. So each event is planned once,
//! whatever dies meanwhile. Deliveries are then attempted beside everything else: no command ever waits for
//! one.
//!
//! - **Order.** Deliveries of one *lane* (mostly: what happened between two members, for one endpoint) are
//!   made one after the other. A later one waits until the earlier one was delivered or given up. The
//!   lane is a part of the document's key and the event's id comes last in it, so the head of a lane is
//!   the first document under its prefix.
//! - **Fairness.** Each *target* (an endpoint, a mail server) has its own attempts under way; one that is
//!   slow delays no other.
//! - **Patience.** What failed is tried again after waits that grow, up to three days, and is then a **dead
//!   letter**, which somebody may send off once more ([`Network::redrive`]).
//! - **One server acts**, the one that holds [`Job::Deliveries`](acquaint_store::Job::Deliveries). Each commit
//!   of the outbox also writes the follower's document, whose version keeps out whoever lost the lease
//!   without noticing. An attempt that is under way when a server dies is made again by the next one: the
//!   receiver knows it by its id.
//!
//! Three kinds of documents hold all this: [`Kind::Delivery`], due at its next attempt; [`Kind::Delivered`],
//! kept as a log for [`LOG_KEPT`]; [`Kind::DeadLetter`], kept for [`DEAD_KEPT`]. Those to a member lie with
//! that member and go with them; all of them say whom they name, and go when one of these is erased.
//!
//! # Adding a channel
//! Implement [`Channel`], and hand it to [`Outbox::start`]: `plan` turns events into [`Planned`] deliveries
//! (pure reading, no sending), `still_wanted` is asked just before each attempt, `send` makes it. A new
//! channel begins with what happens from then on.

mod clerk;
mod letters;
pub(crate) mod measures;
mod queue;
mod schedule;

use acquaint_core::event::RecordedEvent;
use acquaint_core::ids::{EventId, MemberId};
use acquaint_core::relation::Pair;
use acquaint_core::time::{Span, Time};
use acquaint_store::{Document, DocumentName, Kind, StoreResult};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::ids::NoRandomness;
use crate::network::Network;
use crate::{documents, ids};

pub use clerk::Outbox;
pub(crate) use letters::forget;
pub use letters::{Letter, LetterPlace, Letters, PostError, Stage};

/// For how long what was delivered is kept as a log.
pub const LOG_KEPT: Span = Span::days(7);
/// For how long a dead letter can be sent off once more.
pub const DEAD_KEPT: Span = Span::days(30);
/// The most characters that are kept of what a receiver said.
pub const LONGEST_ANSWER: usize = 1_000;
/// How many attempts of a delivery are remembered.
const ATTEMPTS_KEPT: usize = 20;
/// What a delivery is called in messages.
const DELIVERY: &str = "a delivery";

/// A way on which people or programs are told what happened.
#[async_trait]
pub trait Channel: Send + Sync + 'static {
    /// Its name: lower-case letters, the same for ever, because it stands in keys.
    fn name(&self) -> &'static str;

    /// What is to be delivered because of these events, which come in order. It may be asked again
    /// about the same events, and then the last answer counts.
    ///
    /// # Errors
    /// If the store fails.
    async fn plan(&self, network: &Network, events: &[RecordedEvent]) -> StoreResult<Vec<Planned>>;

    /// Whether the delivery is still right, asked just before every attempt: what it tells of may be
    /// over, and whoever was to be told may not want it any more.
    ///
    /// # Errors
    /// If the store fails; nothing is sent then.
    async fn still_wanted(&self, network: &Network, delivery: &Delivery) -> StoreResult<Wanted>;

    /// Makes one attempt, within two minutes. There is more than one delivery only where
    /// [`together`](Channel::together) allows it; they are of one lane, in order, and share their outcome.
    async fn send(&self, network: &Network, deliveries: &[Delivery]) -> Sent;

    /// How many deliveries of one lane that may be made now are handed to one
    /// [`send`](Channel::send), at most.
    fn together(&self) -> usize {
        1
    }

    /// How many attempts at one target are under way at the same time, at most.
    fn side_by_side(&self) -> usize {
        4
    }
}

/// Something to be delivered.
#[derive(Debug, Clone, PartialEq)]
pub struct Planned {
    /// Because of which event; its id is the delivery's.
    pub event: EventId,
    /// With whom it lies: the member who is told. `None` is the host.
    pub owner: Option<MemberId>,
    /// Where it goes: not empty, without `/`.
    pub target: String,
    /// In what order it stands: not empty, without `/` or `!`. One event has one delivery in a lane.
    pub lane: String,
    /// Not to be attempted before this moment.
    pub not_before: Time,
    /// Whom it names, beside its owner.
    pub about: Vec<MemberId>,
    /// What the channel needs for it.
    pub payload: serde_json::Value,
}

/// Whether a delivery is still to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// It is.
    Now,
    /// Not before that moment; those behind it in its lane wait as well.
    Later(Time),
    /// No more. It leaves no trace but a number; the word says why, for metrics.
    No(&'static str),
}

/// What a receiver said, or what kept us from hearing it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// The status that it answered, in the channel's own numbers.
    pub code: Option<u16>,
    /// In words; what is longer than [`LONGEST_ANSWER`] is cut.
    pub text: String,
}

/// What became of one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sent {
    /// It arrived.
    Delivered(Said),
    /// It may arrive another time.
    Failed {
        /// What happened.
        said: Said,
        /// How long the receiver asked us to wait.
        retry_after: Option<Span>,
    },
    /// Trying again is of no use: it is a dead letter now.
    GivenUp(Said),
}

/// One attempt, as it is remembered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// When it was over.
    pub at: Time,
    /// How long it took, in milliseconds.
    pub millis: u64,
    /// Whether it arrived.
    pub arrived: bool,
    /// What the receiver said.
    pub said: Said,
}

/// A delivery, as it is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Delivery {
    /// With whom it lies; `None` is the host.
    pub owner: Option<MemberId>,
    /// On which channel.
    pub channel: String,
    /// Where it goes.
    pub target: String,
    /// In what order it stands.
    pub lane: String,
    /// Its name, the same for every attempt: the event's id, or that of something made for it alone.
    pub id: String,
    /// Whom it names, beside its owner.
    pub about: Vec<MemberId>,
    /// When it was written.
    pub created_at: Time,
    /// Not to be attempted before this moment.
    pub not_before: Time,
    /// When it was first attempted, counted anew when it is sent off once more.
    pub first_try_at: Option<Time>,
    /// How many attempts failed since then.
    pub failed: u32,
    /// The last attempts, the latest last.
    pub attempts: Vec<Attempt>,
    /// What the channel needs for it.
    pub payload: serde_json::Value,
}

impl Delivery {
    fn planned(channel: &str, planned: Planned, now: Time) -> Self {
        Self {
            owner: planned.owner,
            channel: channel.to_owned(),
            target: planned.target,
            lane: planned.lane,
            id: planned.event.to_string(),
            about: planned.about,
            created_at: now,
            not_before: planned.not_before,
            first_try_at: None,
            failed: 0,
            attempts: Vec::new(),
            payload: planned.payload,
        }
    }

    /// Whether it lies with a member or names them.
    #[must_use]
    pub fn concerns(&self, member: &MemberId) -> bool {
        self.owner.as_ref() == Some(member) || self.about.contains(member)
    }

    /// Whether an event caused it, and nobody who wanted to try something out.
    #[must_use]
    pub fn is_of_an_event(&self) -> bool {
        self.id.starts_with(EventId::PREFIX)
    }

    /// What the keys of its lane begin with.
    fn lane_prefix(&self) -> String {
        format!("{}/{}/{}/", self.channel, self.target, self.lane)
    }

    /// Its name while it is on its way.
    fn name(&self) -> DocumentName {
        let key = format!("{}{}", self.lane_prefix(), self.id);
        DocumentName { owner: self.owner.clone(), kind: Kind::Delivery, key }
    }

    /// Its name once it is over: the latest come first, because the digits of the id are turned round.
    fn name_when_over(&self, kind: Kind) -> DocumentName {
        DocumentName { owner: self.owner.clone(), kind, key: key_when_over(&self.channel, &self.target, &self.id) }
    }

    fn remember(&mut self, attempt: Attempt) {
        self.first_try_at.get_or_insert(attempt.at);
        self.failed += u32::from(!attempt.arrived);
        self.attempts.push(attempt);
        let excess = self.attempts.len().saturating_sub(ATTEMPTS_KEPT);
        self.attempts.drain(..excess);
    }
}

fn read(document: &Document) -> StoreResult<Delivery> {
    documents::read(DELIVERY, document)
}

fn key_when_over(channel: &str, target: &str, id: &str) -> String {
    let turned: String = id.chars().map(turned).collect();
    format!("{channel}/{target}/{turned}")
}

/// A new name: the prefix, and 32 hexadecimal digits that begin with the time.
///
/// # Errors
/// If the operating system has no random numbers to give.
pub fn fresh_id(prefix: &str, now: Time) -> Result<String, NoRandomness> {
    Ok(format!("{prefix}_{}", ids::fresh(now)?.simple()))
}

/// The hexadecimal digit that sorts as far from the end as this one from the beginning.
fn turned(digit: char) -> char {
    digit.to_digit(16).and_then(|value| char::from_digit(15 - value, 16)).unwrap_or(digit)
}

impl Said {
    /// What was said, cut to what is kept of it.
    #[must_use]
    pub fn new(code: Option<u16>, text: &str) -> Self {
        Self { code, text: text.chars().take(LONGEST_ANSWER).collect() }
    }
}

/// The lane of whatever happens between the two that an event names: a digest, so that it names nobody.
#[must_use]
pub fn lane_between(event: &RecordedEvent) -> String {
    let (actor, subject) = (&event.event.actor, &event.event.subject);
    let names = match Pair::new(actor, subject) {
        Some(pair) => pair.both().map(MemberId::as_str).join("\0"),
        None => actor.as_str().to_owned(),
    };
    blake3::hash(names.as_bytes()).to_hex().chars().take(32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_over_is_listed_with_the_latest_first() {
        let mut ids = ["evt_0193", "evt_01ff", "evt_a000", "evt_0000"];
        ids.sort_unstable();
        let turn = |id: &str| id.chars().map(turned).collect::<String>();
        let mut all: Vec<String> = ids.iter().map(|id| turn(id)).collect();
        all.sort_unstable();
        let back: Vec<String> = all.iter().rev().map(|key| turn(key)).collect();
        assert_eq!(back, ids);
    }
}
