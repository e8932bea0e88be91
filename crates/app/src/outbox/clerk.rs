//! The one who does the outbox's work: follows the events, hands deliveries to their channels, and writes
//! down what became of them. It runs beside the engine and never waits for a receiver.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use acquaint_core::ids::EventId;
use acquaint_core::time::{Span, Time};
use acquaint_store::{
    Document, DocumentChange, DocumentName, DocumentPage, DuePage, DuePlace, Job, Kind, StoreError, StoreResult,
};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio::task::{Id, JoinHandle, JoinSet};
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::queue::{Queue, Target};
use super::{Attempt, Channel, DEAD_KEPT, Delivery, LOG_KEPT, Said, Sent, Wanted, read, schedule};
use crate::clock::Stopwatch;
use crate::network::Network;
use crate::{documents, ids};

/// How often the clerk looks for events and for what is due.
const PAUSE: Duration = Duration::from_millis(250);
/// How many looks lie between two of these.
const LOOKS_TO_HOLD: u64 = 4;
const LOOKS_TO_FORGET: u64 = 40;
const LOOKS_TO_BEGIN_AGAIN: u64 = 120;
const LOOKS_TO_COUNT: u64 = 60;
/// How many events are planned in one commit, at most.
const EVENTS_AT_ONCE: usize = 128;
/// How many documents are read or written at once, about.
const AT_ONCE: usize = 256;
/// How many pages of events a channel may be behind before the others get their turn.
const PAGES_AT_ONCE: usize = 8;
/// One that waits behind another looks this much later whether it is its turn, if nobody told it.
const LOOK_AGAIN: Span = Span::hours(1);
/// The longest that one attempt may take.
const LONGEST_ATTEMPT: Duration = Duration::from_secs(120);
/// How long attempts under way are waited for when the server stops.
const LAST_WORDS: Duration = Duration::from_secs(5);
/// What a follower's document is called in messages.
const FOLLOWER: &str = "how far the outbox has come";

/// The outbox at work. It ends with [`Outbox::shutdown`], or with the runtime.
#[derive(Debug)]
pub struct Outbox {
    stop: watch::Sender<bool>,
    clerk: JoinHandle<()>,
}

impl Outbox {
    /// Begins to deliver on these channels. Must be called within a tokio runtime. What happens once this has
    /// returned is told; a channel that is new tells nothing of what was before.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn start(network: &Network, channels: Vec<Arc<dyn Channel>>) -> StoreResult<Self> {
        let (stop, stopped) = watch::channel(false);
        let mut clerk = Clerk::new(network.clone(), channels);
        clerk.begin_all().await?;
        Ok(Self { stop, clerk: tokio::spawn(clerk.run(stopped)) })
    }

    /// Begins nothing more, waits a few seconds for what is under way, and writes down what became of it.
    pub async fn shutdown(self) {
        self.stop.send_replace(true);
        if self.clerk.await.is_err() {
            tracing::error!("the outbox broke off");
        }
    }
}

/// How far a channel has followed the events. Written in every commit of the outbox, so that its version
/// keeps out whoever does not know the latest one.
struct Follower {
    document: Document,
    /// May be ahead of what is written, where nothing followed from the events in between.
    cursor: Option<EventId>,
}

#[derive(Serialize, Deserialize)]
struct Followed {
    cursor: Option<EventId>,
}

/// A page of events that was looked at. While nothing follows from what happens, it can as well be looked at again.
#[derive(Default)]
struct Page {
    /// There may be more behind it.
    is_full: bool,
    /// With what follows from it, it was written how far the channel has come.
    is_written: bool,
}

/// What becomes of a delivery.
enum Fate {
    NotWanted(&'static str),
    NotNow(Time),
    Tried { sent: Sent, millis: u64 },
}

/// What came of looking at the head of a lane.
struct Finished {
    fates: Vec<(Document, Delivery, Fate)>,
}

impl Finished {
    /// Whether an attempt was made.
    fn is_tried(&self) -> bool {
        self.fates.iter().any(|(.., fate)| matches!(fate, Fate::Tried { .. }))
    }
}

struct Clerk {
    network: Network,
    channels: BTreeMap<&'static str, Arc<dyn Channel>>,
    followers: BTreeMap<&'static str, Follower>,
    queues: BTreeMap<Target, Queue>,
    /// Documents that are in a queue or under way.
    known: HashSet<DocumentName>,
    attempts: JoinSet<StoreResult<Finished>>,
    under_way: HashMap<Id, (Target, DocumentName)>,
    /// Up to where what is due was looked at.
    place: Option<DuePlace>,
    looks: u64,
    holds: bool,
    /// What could not be written down yet.
    unsettled: Vec<Finished>,
}

impl Clerk {
    fn new(network: Network, channels: Vec<Arc<dyn Channel>>) -> Self {
        Self {
            network,
            channels: channels.into_iter().map(|channel| (channel.name(), channel)).collect(),
            followers: BTreeMap::new(),
            queues: BTreeMap::new(),
            known: HashSet::new(),
            attempts: JoinSet::new(),
            under_way: HashMap::new(),
            place: None,
            looks: 0,
            holds: false,
            unsettled: Vec::new(),
        }
    }

    async fn run(mut self, mut stopped: watch::Receiver<bool>) {
        let mut ticks = interval(PAUSE);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let is_tick = tokio::select! {
                _ = ticks.tick() => true,
                Some(ended) = self.attempts.join_next_with_id() => {
                    self.take(ended);
                    false
                }
                _ = stopped.changed() => break,
            };
            if let Err(error) = self.round(is_tick).await {
                tracing::warn!(%error, "the outbox waits");
                self.followers.clear();
            }
        }
        while let Ok(Some(ended)) = timeout(LAST_WORDS, self.attempts.join_next_with_id()).await {
            self.take(ended);
        }
        if let Err(error) = self.settle().await {
            tracing::warn!(%error, "deliveries that were just made may be made again");
        }
    }

    async fn round(&mut self, is_tick: bool) -> StoreResult<()> {
        while let Some(ended) = self.attempts.try_join_next_with_id() {
            self.take(ended);
        }
        self.settle().await?;
        if is_tick {
            self.keep_house().await?;
        }
        if self.holds {
            if is_tick {
                self.follow().await?;
            }
            self.look().await?;
            self.dispatch();
        }
        Ok(())
    }

    /// What is done every so many looks.
    async fn keep_house(&mut self) -> StoreResult<()> {
        let look = self.looks;
        self.looks += 1;
        if look.is_multiple_of(LOOKS_TO_HOLD) {
            self.hold().await?;
        }
        if !self.holds {
            return Ok(());
        }
        if look.is_multiple_of(LOOKS_TO_BEGIN_AGAIN) {
            // For what another server wrote with a clock that is behind ours.
            self.place = None;
        }
        if look.is_multiple_of(LOOKS_TO_FORGET) {
            self.forget_old().await?;
        }
        if look.is_multiple_of(LOOKS_TO_COUNT) {
            self.count().await?;
        }
        Ok(())
    }

    async fn hold(&mut self) -> StoreResult<()> {
        let held = self.holds;
        self.holds = false;
        self.holds = self.network.store().hold(Job::Deliveries).await?;
        if self.holds != held {
            // Whatever was known is somebody else's knowledge by now.
            self.followers.clear();
            self.place = None;
            self.queues.retain(|_, queue| {
                for document in queue.waiting.drain(..) {
                    self.known.remove(&document.name);
                }
                queue.under_way > 0
            });
        }
        Ok(())
    }

    /// An attempt is over.
    fn take(&mut self, ended: Result<(Id, StoreResult<Finished>), tokio::task::JoinError>) {
        let id = match &ended {
            Ok((id, _)) => *id,
            Err(error) => error.id(),
        };
        if let Some((target, name)) = self.under_way.remove(&id) {
            self.known.remove(&name);
            self.queues.entry(target).and_modify(|queue| queue.under_way -= 1);
        }
        match ended {
            Ok((_, Ok(finished))) => self.unsettled.push(finished),
            Ok((_, Err(error))) => tracing::warn!(%error, "a delivery waits"),
            Err(error) => tracing::error!(%error, "a delivery broke off"),
        }
    }

    /// The follower of a channel, read or begun where nobody knows it here.
    async fn follower(&mut self, channel: &'static str) -> StoreResult<&mut Follower> {
        if !self.followers.contains_key(channel) {
            let name = follower_name(channel);
            let follower = match self.network.document(&name).await? {
                Some(document) => {
                    Follower { cursor: documents::read::<Followed>(FOLLOWER, &document)?.cursor, document }
                }
                None => self.begin(name).await?,
            };
            self.followers.insert(channel, follower);
        }
        self.followers.get_mut(channel).ok_or_else(|| StoreError::Failed(format!("{FOLLOWER} got lost")))
    }

    /// Sees to it that each channel has a beginning, whether or not this server will be the one that delivers.
    async fn begin_all(&mut self) -> StoreResult<()> {
        let channels: Vec<&'static str> = self.channels.keys().copied().collect();
        for channel in channels {
            match self.follower(channel).await {
                // Another server began it at the same moment.
                Ok(_) | Err(StoreError::Conflict) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// A channel that nobody followed yet begins with what happens from now on.
    async fn begin(&self, name: DocumentName) -> StoreResult<Follower> {
        let cursor = self.network.store().last_event().await?;
        let change = DocumentChange::create(name, documents::content(FOLLOWER, None, &Followed { cursor })?);
        let written = change.document().ok_or(StoreError::Conflict)?;
        self.network.keep(vec![change]).await?;
        Ok(Follower { document: written, cursor })
    }

    /// Writes documents, and with them how far these channels have come.
    async fn commit(&mut self, channels: &BTreeSet<&'static str>, mut changes: Vec<DocumentChange>) -> StoreResult<()> {
        let mut written = Vec::new();
        for &channel in channels {
            let follower = self.follower(channel).await?;
            let content = documents::content(FOLLOWER, None, &Followed { cursor: follower.cursor })?;
            let change = DocumentChange::replace(follower.document.clone(), content);
            written.push((channel, change.document()));
            changes.push(change);
        }
        let kept = self.network.keep(changes).await;
        if kept.is_err() {
            self.followers.clear();
            return kept;
        }
        for (channel, document) in written {
            if let (Some(follower), Some(document)) = (self.followers.get_mut(channel), document) {
                follower.document = document;
            }
        }
        Ok(())
    }

    /// Plans what follows from events that were not looked at yet.
    async fn follow(&mut self) -> StoreResult<()> {
        let channels: Vec<&'static str> = self.channels.keys().copied().collect();
        for channel in channels {
            match self.follow_channel(channel).await {
                // Somebody else wrote: what they wrote is read in the next round.
                Err(StoreError::Conflict) => self.followers.clear(),
                followed => followed?,
            }
        }
        Ok(())
    }

    /// Plans some pages. Where nothing follows from whole pages, how far the channel has come is written once for
    /// all of them: each commit is a sync of the disk, beside those of callers.
    async fn follow_channel(&mut self, channel: &'static str) -> StoreResult<()> {
        let mut is_ahead = false;
        for _ in 0..PAGES_AT_ONCE {
            let page = self.follow_page(channel).await?;
            is_ahead = !page.is_written && (is_ahead || page.is_full);
            if !page.is_full {
                break;
            }
        }
        if is_ahead { self.commit(&BTreeSet::from([channel]), Vec::new()).await } else { Ok(()) }
    }

    /// Plans a page.
    async fn follow_page(&mut self, name: &'static str) -> StoreResult<Page> {
        let Some(channel) = self.channels.get(name).map(Arc::clone) else { return Ok(Page::default()) };
        let cursor = self.follower(name).await?.cursor;
        let mut events = self.network.events(cursor, EVENTS_AT_ONCE).await?;
        let mut is_full = events.len() == EVENTS_AT_ONCE;
        let mut planned = channel.plan(&self.network, &events).await?;
        planned.sort_by_key(|planned| planned.event);
        if let Some(past_the_limit) = planned.get(AT_ONCE).map(|planned| planned.event) {
            // All of one event's deliveries, but no more events than fit.
            let fit = events.iter().position(|event| event.id >= past_the_limit).unwrap_or_default().max(1);
            events.truncate(fit);
            is_full = true;
        }
        let Some(last) = events.last().map(|event| event.id) else { return Ok(Page::default()) };
        planned.retain(|planned| planned.event <= last);
        let changes = self.to_write(name, planned).await?;
        self.follower(name).await?.cursor = Some(last);
        let is_written = !changes.is_empty();
        if is_written {
            self.commit(&BTreeSet::from([name]), changes).await?;
        }
        Ok(Page { is_full, is_written })
    }

    /// New deliveries; one with another before it in its lane waits for that one.
    async fn to_write(&self, channel: &str, planned: Vec<super::Planned>) -> StoreResult<Vec<DocumentChange>> {
        let now = self.network.now();
        let mut lanes = HashSet::new();
        let mut changes = Vec::with_capacity(planned.len());
        for planned in planned {
            let delivery = Delivery::planned(channel, planned, now);
            let is_first_here = lanes.insert((delivery.owner.clone(), delivery.lane_prefix()));
            let is_behind = !is_first_here || !lane(&self.network, &delivery.name(), 1).await?.is_empty();
            let due = if is_behind { now + LOOK_AGAIN } else { delivery.not_before.max(now) };
            let content = documents::content(super::DELIVERY, Some(due), &delivery)?;
            changes.push(DocumentChange::create(delivery.name(), content));
        }
        Ok(changes)
    }

    /// Finds what is due, and lets queues that were full go on where they were.
    async fn look(&mut self) -> StoreResult<()> {
        let now = self.network.now();
        let behind = self.queues.iter_mut().filter(|(_, queue)| queue.waiting.is_empty());
        let behind: Vec<_> =
            behind.filter_map(|(target, queue)| Some((target.clone(), queue.behind.take()?))).collect();
        for (target, at) in behind {
            self.scan(Some(from(at)), now, Some(&target)).await?;
        }
        let start = self.place.clone();
        self.scan(start, now, None).await?;
        self.place = Some(from(now));
        Ok(())
    }

    async fn scan(&mut self, mut after: Option<DuePlace>, until: Time, only: Option<&Target>) -> StoreResult<()> {
        loop {
            let page = DuePage { kind: Kind::Delivery, until, after, limit: AT_ONCE };
            let due = self.network.store().due_documents(&page).await?;
            let Some(last) = due.last().and_then(Document::place) else { return Ok(()) };
            after = Some(last);
            for document in due {
                let Some(target) = Target::of(&document.name) else { continue };
                if only.is_some_and(|only| *only != target) || !self.channels.contains_key(target.channel.as_str()) {
                    continue;
                }
                if self.known.contains(&document.name) {
                    continue;
                }
                let queue = self.queues.entry(target).or_default();
                let name = document.name.clone();
                if queue.push(document) {
                    self.known.insert(name);
                } else if only.is_some() {
                    return Ok(());
                }
            }
        }
    }

    /// Begins as many attempts as may be under way.
    fn dispatch(&mut self) {
        for (target, queue) in &mut self.queues {
            let Some(channel) = self.channels.get(target.channel.as_str()) else { continue };
            while queue.under_way < channel.side_by_side().max(1)
                && let Some(document) = queue.waiting.pop_front()
            {
                let name = document.name.clone();
                let attempt = attempt(self.network.clone(), Arc::clone(channel), document);
                let id = self.attempts.spawn(attempt).id();
                self.under_way.insert(id, (target.clone(), name));
                queue.under_way += 1;
            }
        }
        self.queues.retain(|_, queue| !queue.is_idle());
    }

    /// Writes down what became of attempts: all in one commit, or each alone where somebody else changed
    /// one of them meanwhile (or erased it).
    async fn settle(&mut self) -> StoreResult<()> {
        if self.unsettled.is_empty() {
            return Ok(());
        }
        let all: Vec<Finished> = std::mem::take(&mut self.unsettled);
        match self.settle_some(&all).await {
            Err(StoreError::Conflict) => {
                for mut one in all {
                    self.refresh(&mut one).await?;
                    match self.settle_some(std::slice::from_ref(&one)).await {
                        Ok(()) | Err(StoreError::Conflict) => {}
                        Err(error) => {
                            self.unsettled.push(one);
                            return Err(error);
                        }
                    }
                }
                Ok(())
            }
            Err(error) => {
                self.unsettled = all;
                Err(error)
            }
            Ok(()) => Ok(()),
        }
    }

    /// Reads anew what an attempt was made for: when somebody looked at one of several meanwhile, what became
    /// of them all must not be lost. One that is gone was erased.
    async fn refresh(&self, finished: &mut Finished) -> StoreResult<()> {
        if finished.is_tried() {
            let mut fates = Vec::with_capacity(finished.fates.len());
            for (document, delivery, fate) in std::mem::take(&mut finished.fates) {
                if let Some(now) = self.network.document(&document.name).await? {
                    fates.push((now, delivery, fate));
                }
            }
            finished.fates = fates;
        }
        Ok(())
    }

    async fn settle_some(&mut self, finished: &[Finished]) -> StoreResult<()> {
        let mut channels = BTreeSet::new();
        for (_, delivery, _) in finished.iter().flat_map(|finished| &finished.fates) {
            channels.extend(self.channels.keys().copied().filter(|channel| *channel == delivery.channel));
        }
        // First of all, so that whatever somebody else writes from now on is noticed.
        for &channel in &channels {
            self.follower(channel).await?;
        }
        let mut changes = BTreeMap::new();
        // Somebody may have found that it is not the turn of one that went together with another at that moment:
        // what became of an attempt counts.
        let (tried, looked): (Vec<&Finished>, Vec<&Finished>) = finished.iter().partition(|one| one.is_tried());
        for finished in looked.into_iter().chain(tried) {
            self.settle_one(finished, &mut changes).await?;
        }
        self.commit(&channels, changes.into_values().collect()).await?;
        for (_, delivery, fate) in finished.iter().flat_map(|finished| &finished.fates) {
            self.network.metrics().outbox.settled(&delivery.channel, fate.word());
        }
        Ok(())
    }

    async fn settle_one(
        &self,
        finished: &Finished,
        changes: &mut BTreeMap<DocumentName, DocumentChange>,
    ) -> StoreResult<()> {
        let now = self.network.now();
        let mut gone = None;
        for (document, delivery, fate) in &finished.fates {
            let mut delivery = delivery.clone();
            let mut over = None;
            let due = match fate {
                Fate::NotWanted(_) => None,
                Fate::NotNow(at) => Some(*at),
                Fate::Tried { sent, millis } => {
                    let (due, kind) = judge(&mut delivery, sent, *millis, now);
                    over = kind;
                    due
                }
            };
            if let Some((kind, kept)) = over {
                let name = delivery.name_when_over(kind);
                let content = documents::content(super::DELIVERY, Some(now + kept), &delivery)?;
                let before = self.network.document(&name).await?;
                changes.insert(name.clone(), DocumentChange { name, before, after: Some(content) });
            }
            let change = match due {
                None => {
                    gone = Some(document.name.clone());
                    DocumentChange::remove(document.clone())
                }
                Some(due) => {
                    let content = documents::content(super::DELIVERY, Some(due), &delivery)?;
                    DocumentChange::replace(document.clone(), content)
                }
            };
            changes.insert(document.name.clone(), change);
        }
        let Some(gone) = gone else { return Ok(()) };
        // Those before it in the lane went with it.
        if let Some(next) = following(&self.network, &gone).await?.filter(|next| !changes.contains_key(&next.name)) {
            let due = read(&next)?.not_before.max(now);
            let content = acquaint_store::Content { due: Some(due), body: next.content.body.clone() };
            changes.insert(next.name.clone(), DocumentChange::replace(next, content));
        }
        Ok(())
    }

    /// Removes what was kept long enough.
    async fn forget_old(&self) -> StoreResult<()> {
        for kind in [Kind::Delivered, Kind::DeadLetter] {
            let page = DuePage { kind, until: self.network.now(), after: None, limit: AT_ONCE };
            let old = self.network.store().due_documents(&page).await?;
            if !old.is_empty() {
                match self.network.keep(old.into_iter().map(DocumentChange::remove).collect()).await {
                    Ok(()) | Err(StoreError::Conflict) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(())
    }

    async fn count(&self) -> StoreResult<()> {
        let names: Vec<&'static str> = self.channels.keys().copied().collect();
        let counted = super::letters::count(&self.network, &names).await?;
        self.network.metrics().outbox.counted(&counted);
        Ok(())
    }
}

impl Fate {
    /// What metrics call it.
    fn word(&self) -> &'static str {
        match self {
            Fate::NotWanted(why) => why,
            Fate::NotNow(_) => "postponed",
            Fate::Tried { sent: Sent::Delivered(_), .. } => "delivered",
            Fate::Tried { sent: Sent::Failed { .. }, .. } => "failed",
            Fate::Tried { sent: Sent::GivenUp(_), .. } => "refused",
        }
    }
}

/// What an attempt means for a delivery: when it is tried again, or as what it is kept and for how long.
fn judge(delivery: &mut Delivery, sent: &Sent, millis: u64, now: Time) -> (Option<Time>, Option<(Kind, Span)>) {
    let (arrived, said, wish) = match sent {
        Sent::Delivered(said) => (true, said, None),
        Sent::Failed { said, retry_after } => (false, said, *retry_after),
        Sent::GivenUp(said) => (false, said, None),
    };
    delivery.remember(Attempt { at: now, millis, arrived, said: said.clone() });
    let dead = (None, Some((Kind::DeadLetter, DEAD_KEPT)));
    match sent {
        Sent::Delivered(_) => (None, Some((Kind::Delivered, LOG_KEPT))),
        Sent::GivenUp(_) => dead,
        Sent::Failed { .. } => {
            let first = delivery.first_try_at.unwrap_or(now);
            match schedule::next(first, now, delivery.failed, wish, ids::chance()) {
                Some(next) => (Some(next), None),
                None => dead,
            }
        }
    }
}

/// Just before this very second.
fn from(at: Time) -> DuePlace {
    DuePlace { at, owner: None, key: String::new() }
}

pub(super) fn follower_name(channel: &str) -> DocumentName {
    DocumentName { owner: None, kind: Kind::Outbox, key: channel.to_owned() }
}

/// The first deliveries of the lane that the named one is in.
async fn lane(network: &Network, of: &DocumentName, limit: usize) -> StoreResult<Vec<Document>> {
    let prefix = of.key.rsplit_once('/').map_or("", |(prefix, _)| prefix);
    in_lane(network, of, format!("{prefix}/"), limit).await
}

/// The one behind the named one in its lane.
async fn following(network: &Network, of: &DocumentName) -> StoreResult<Option<Document>> {
    Ok(in_lane(network, of, of.key.clone(), 1).await?.pop())
}

async fn in_lane(network: &Network, of: &DocumentName, after: String, limit: usize) -> StoreResult<Vec<Document>> {
    let prefix = of.key.rsplit_once('/').map_or(of.key.as_str(), |(prefix, _)| prefix);
    let page = DocumentPage { owner: of.owner.clone(), kind: Kind::Delivery, after: Some(after), limit };
    let mut read = network.documents(&page).await?;
    read.retain(|document| document.name.key.rsplit_once('/').is_some_and(|(lane, _)| lane == prefix));
    Ok(read)
}

/// Looks at a delivery that is due: whether it is its turn, whether it is still wanted; and makes an attempt.
async fn attempt(network: Network, channel: Arc<dyn Channel>, due: Document) -> StoreResult<Finished> {
    let now = network.now();
    let lane = lane(&network, &due.name, channel.together().max(1)).await?;
    match lane.first() {
        Some(head) if head.name == due.name => {}
        Some(_) => {
            // Whoever is before it will call it; this look is for the case that they got lost.
            let delivery = read(&due)?;
            return Ok(Finished { fates: vec![(due, delivery, Fate::NotNow(now + LOOK_AGAIN))] });
        }
        // It is gone: somebody was faster, or it was erased.
        None => return Ok(Finished { fates: Vec::new() }),
    }
    let (mut fates, mut wanted) = (Vec::new(), Vec::new());
    for document in lane {
        let delivery = read(&document)?;
        if delivery.not_before > now && !(fates.is_empty() && wanted.is_empty()) {
            break;
        }
        match channel.still_wanted(&network, &delivery).await? {
            Wanted::Now => wanted.push((document, delivery)),
            Wanted::No(why) => fates.push((document, delivery, Fate::NotWanted(why))),
            Wanted::Later(at) => {
                let at = at.max(now + Span::seconds(1));
                let fate = (document, Delivery { not_before: at, ..delivery }, Fate::NotNow(at));
                fates.push(fate);
                break;
            }
        }
    }
    if !wanted.is_empty() {
        let (documents, deliveries): (Vec<_>, Vec<_>) = wanted.into_iter().unzip();
        let watch = Stopwatch::start();
        let sent = timeout(LONGEST_ATTEMPT, channel.send(&network, &deliveries)).await;
        let sent = sent.unwrap_or_else(|_| {
            let said = Said::new(None, "the attempt took too long and was broken off");
            Sent::Failed { said, retry_after: None }
        });
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most two minutes")]
        let millis = (watch.seconds() * 1_000.0) as u64;
        let tried = documents.into_iter().zip(deliveries);
        fates
            .extend(tried.map(|(document, delivery)| (document, delivery, Fate::Tried { sent: sent.clone(), millis })));
    }
    // In the order of the lane, so that the last one that goes is the one before whatever stays.
    fates.sort_by(|(one, ..), (other, ..)| one.name.key.cmp(&other.name.key));
    Ok(Finished { fates })
}
