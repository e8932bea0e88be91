//! The outbox: everything is told, in order, at least once, and nothing else is.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use acquaint_app::outbox::{Channel, Delivery, Letters, Outbox, Planned, Said, Sent, Stage, Wanted, lane_between};
use acquaint_app::{EngineConfig, Network};
use acquaint_core::command::Action;
use acquaint_core::event::RecordedEvent;
use acquaint_core::policy::Preset;
use acquaint_core::time::{Span, Time};
use acquaint_store::memory::MemoryStore;
use acquaint_store::{DuePage, Kind, Store, StoreResult};
use async_trait::async_trait;
use common::{invitation_of, invite, member, memory, network, request, sent, start_time};
use serde_json::json;
use tokio::sync::Semaphore;
use tokio::time::{interval, timeout};

/// What a receiver does with a delivery, given how often it has seen it.
type Mood = Box<dyn Fn(&Delivery, usize) -> Sent + Send + Sync>;
/// Whether a delivery is wanted, at that moment.
type Wish = Box<dyn Fn(&Delivery, Time) -> Wanted + Send + Sync>;

/// Tells every event to each of its targets, and writes down what arrived there.
struct Post {
    targets: Vec<&'static str>,
    mood: Mood,
    wish: Wish,
    together: usize,
    /// To targets named "closed" nothing arrives before this one opens.
    gate: Semaphore,
    seen: Mutex<HashMap<(String, String), usize>>,
    /// By target, in the order in which they arrived: id and lane.
    arrived: Mutex<BTreeMap<String, Vec<(String, String)>>>,
    calls: Mutex<Vec<Vec<String>>>,
}

fn fine() -> Sent {
    Sent::Delivered(Said::new(Some(200), "fine"))
}

fn broken() -> Sent {
    Sent::Failed { said: Said::new(Some(500), "broken"), retry_after: None }
}

impl Post {
    fn new(targets: &[&'static str], mood: impl Fn(&Delivery, usize) -> Sent + Send + Sync + 'static) -> Self {
        Self {
            targets: targets.to_vec(),
            mood: Box::new(mood),
            wish: Box::new(|_, _| Wanted::Now),
            together: 1,
            gate: Semaphore::new(0),
            seen: Mutex::default(),
            arrived: Mutex::default(),
            calls: Mutex::default(),
        }
    }

    fn arrived(&self, target: &str) -> Vec<(String, String)> {
        let arrived = self.arrived.lock().unwrap_or_else(PoisonError::into_inner);
        arrived.get(target).cloned().unwrap_or_default()
    }

    /// How many different deliveries arrived.
    fn distinct(&self, target: &str) -> usize {
        let mut ids: Vec<String> = self.arrived(target).into_iter().map(|(id, _)| id).collect();
        ids.sort_unstable();
        ids.dedup();
        ids.len()
    }

    fn calls(&self) -> usize {
        self.calls.lock().unwrap().len()
    }
}

#[async_trait]
impl Channel for Post {
    fn name(&self) -> &'static str {
        "post"
    }

    async fn plan(&self, _: &Network, events: &[RecordedEvent]) -> StoreResult<Vec<Planned>> {
        let to = |event: &RecordedEvent, target: &str| Planned {
            event: event.id,
            owner: None,
            target: target.to_owned(),
            lane: lane_between(event),
            not_before: event.event.at,
            about: vec![event.event.actor.clone(), event.event.subject.clone()],
            payload: json!({}),
        };
        Ok(events.iter().flat_map(|event| self.targets.iter().map(move |target| to(event, target))).collect())
    }

    async fn still_wanted(&self, network: &Network, delivery: &Delivery) -> StoreResult<Wanted> {
        Ok((self.wish)(delivery, network.now()))
    }

    async fn send(&self, _: &Network, deliveries: &[Delivery]) -> Sent {
        let first = deliveries.first().unwrap();
        if first.target == "closed" {
            self.gate.acquire().await.unwrap().forget();
        }
        let times = {
            let mut seen = self.seen.lock().unwrap();
            let times = seen.entry((first.target.clone(), first.id.clone())).or_default();
            *times += 1;
            *times
        };
        self.calls.lock().unwrap().push(deliveries.iter().map(|delivery| delivery.id.clone()).collect());
        let outcome = (self.mood)(first, times);
        if matches!(outcome, Sent::Delivered(_)) {
            let mut arrived = self.arrived.lock().unwrap();
            let list = arrived.entry(first.target.clone()).or_default();
            list.extend(deliveries.iter().map(|delivery| (delivery.id.clone(), delivery.lane.clone())));
        }
        outcome
    }

    fn together(&self) -> usize {
        self.together
    }
}

/// Waits until it is so, however long the machine takes.
async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let mut looks = interval(Duration::from_millis(10));
    let waited = timeout(Duration::from_secs(60), async {
        while !is_so().await {
            looks.tick().await;
        }
    });
    waited.await.unwrap_or_else(|_| panic!("{what} took longer than a minute"));
}

/// Begins with a channel that has followed everything so far.
async fn start(network: &Network, post: &Arc<Post>) -> Outbox {
    Outbox::start(network, vec![post.clone() as Arc<dyn Channel>]).await.unwrap()
}

async fn events(network: &Network) -> Vec<RecordedEvent> {
    network.events(None, 10_000).await.unwrap()
}

async fn letters(network: &Network, stage: Stage) -> Letters {
    network.letters(stage, None, 1_000).await.unwrap()
}

/// For each of twenty pairs: sent, accepted, two follows that begin with that, and the three that end.
const EVENTS: usize = 140;

/// Twenty pairs among which something happens three times.
async fn happenings(network: &Network) {
    for number in 0..20 {
        let (from, to) = (format!("a{number}"), format!("b{number}"));
        let invitation = sent(network, &from, &to).await;
        network.submit(request(&to, Action::Accept { invitation })).await.unwrap().unwrap();
        network.submit(request(&from, Action::Disconnect { other: member(&to) })).await.unwrap().unwrap();
    }
}

/// Everything arrived, in each lane the first time in order, and nothing that did not happen.
async fn assert_whole(network: &Network, post: &Post, target: &str) {
    let told = post.arrived(target);
    let expected: Vec<(String, String)> =
        events(network).await.iter().map(|event| (event.id.to_string(), lane_between(event))).collect();
    let lanes = |all: &[(String, String)]| {
        let mut lanes: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (id, lane) in all {
            let lane = lanes.entry(lane.clone()).or_default();
            if !lane.contains(id) {
                lane.push(id.clone());
            }
        }
        lanes
    };
    assert_eq!(lanes(&told), lanes(&expected), "to {target}");
}

#[tokio::test]
async fn everything_arrives_in_order_at_targets_that_fail() {
    let network = memory(Preset::Linkedin).await;
    // Each delivery fails up to three times, by its id.
    let mood = |delivery: &Delivery, times: usize| {
        let fails = usize::from(delivery.id.bytes().last().unwrap_or_default() % 4);
        if times <= fails { broken() } else { fine() }
    };
    let post = Arc::new(Post::new(&["one", "two"], mood));
    let outbox = start(&network, &post).await;
    happenings(&network).await;
    until("telling everything", async || {
        network.advance_clock(Span::minutes(1)).await.unwrap();
        post.distinct("one") == EVENTS && post.distinct("two") == EVENTS
    })
    .await;
    outbox.shutdown().await;
    assert_eq!(events(&network).await.len(), EVENTS);
    assert_whole(&network, &post, "one").await;
    assert_whole(&network, &post, "two").await;
    assert_eq!(letters(&network, Stage::Pending).await.items, []);
    assert_eq!(letters(&network, Stage::Dead).await.items, []);
    assert_eq!(letters(&network, Stage::Delivered).await.items.len(), 2 * EVENTS);
}

#[tokio::test]
async fn a_target_that_does_not_answer_delays_no_other() {
    let network = memory(Preset::Linkedin).await;
    let post = Arc::new(Post::new(&["closed", "open"], |_, _| fine()));
    let outbox = start(&network, &post).await;
    happenings(&network).await;
    until("the open one", async || post.distinct("open") == EVENTS).await;
    assert_eq!(post.distinct("closed"), 0);
    post.gate.add_permits(1_000);
    until("the closed one", async || post.distinct("closed") == EVENTS).await;
    outbox.shutdown().await;
    assert_whole(&network, &post, "open").await;
    assert_whole(&network, &post, "closed").await;
}

/// Two servers of which each believes that it is the one: what an event leads to is written once, and all
/// arrives.
#[tokio::test]
async fn two_that_believe_to_act_alone_lose_and_invent_nothing() {
    let store = Arc::new(MemoryStore::new());
    let network = network(store, Preset::Linkedin, EngineConfig::default()).await;
    let post = Arc::new(Post::new(&["one"], |_, times| if times == 1 { broken() } else { fine() }));
    let (one, other) = (start(&network, &post).await, start(&network, &post).await);
    happenings(&network).await;
    until("telling everything", async || {
        network.advance_clock(Span::minutes(1)).await.unwrap();
        post.distinct("one") == EVENTS && letters(&network, Stage::Pending).await.items.is_empty()
    })
    .await;
    one.shutdown().await;
    other.shutdown().await;
    assert_whole(&network, &post, "one").await;
    assert_eq!(letters(&network, Stage::Delivered).await.items.len(), EVENTS);
}

#[tokio::test]
async fn one_that_is_dead_for_three_days_is_given_up_and_can_be_sent_off_again() {
    let network = memory(Preset::Linkedin).await;
    let is_alive = Arc::new(Mutex::new(false));
    let alive = is_alive.clone();
    let mood = move |_: &Delivery, _| if *alive.lock().unwrap() { fine() } else { broken() };
    let post = Arc::new(Post::new(&["one"], mood));
    let outbox = start(&network, &post).await;
    let invitation = sent(&network, "ann", "bo").await;
    network.submit(request("ann", Action::Withdraw { invitation })).await.unwrap().unwrap();
    let mut tried = 0;
    until("giving up", async || {
        if post.calls() > tried {
            tried = post.calls();
            network.advance_clock(Span::hours(12)).await.unwrap();
        }
        letters(&network, Stage::Dead).await.items.len() == 2
    })
    .await;
    let dead = letters(&network, Stage::Dead).await.items;
    let first = dead.iter().min_by_key(|letter| letter.delivery.id.clone()).unwrap().delivery.clone();
    let tried_for = first.attempts.last().unwrap().at.since(first.first_try_at.unwrap());
    assert!(tried_for > Span::hours(48) && tried_for <= Span::days(3), "{tried_for}");
    assert_eq!(first.attempts.first().unwrap().said, Said::new(Some(500), "broken"));
    // The second was not attempted before the first was given up.
    let second = dead.iter().max_by_key(|letter| letter.delivery.id.clone()).unwrap();
    assert!(second.delivery.attempts.first().unwrap().at >= first.attempts.last().unwrap().at);

    *is_alive.lock().unwrap() = true;
    assert!(network.redrive(&first, Stage::Dead).await.unwrap());
    until("sending off again", async || post.distinct("one") == 1).await;
    until("writing it down", async || letters(&network, Stage::Delivered).await.items.len() == 1).await;
    assert_eq!(letters(&network, Stage::Dead).await.items.len(), 1);
    assert!(!network.redrive(&first, Stage::Dead).await.unwrap(), "it is no dead letter any more");
    // And once more, as what was delivered.
    assert!(network.redrive(&first, Stage::Delivered).await.unwrap());
    until("a replay", async || post.arrived("one").len() == 2).await;
    // What is over is forgotten in the end.
    until("forgetting", async || {
        network.advance_clock(Span::days(10)).await.unwrap();
        letters(&network, Stage::Delivered).await.items.is_empty()
            && letters(&network, Stage::Dead).await.items.is_empty()
    })
    .await;
    outbox.shutdown().await;
}

#[tokio::test]
async fn what_is_not_wanted_any_more_is_not_sent_and_what_is_wanted_later_is_sent_then() {
    let network = memory(Preset::Linkedin).await;
    let mut post = Post::new(&["gone", "later"], |_, _| fine());
    let opens = start_time() + Span::hours(8);
    post.wish = Box::new(move |delivery, now| match delivery.target.as_str() {
        "gone" => Wanted::No("withdrawn"),
        _ if now < opens => Wanted::Later(opens),
        _ => Wanted::Now,
    });
    post.together = 10;
    let post = Arc::new(post);
    let outbox = start(&network, &post).await;
    let invitation = sent(&network, "ann", "bo").await;
    network.submit(request("bo", Action::Accept { invitation })).await.unwrap().unwrap();
    let waits = async || {
        let waiting = letters(&network, Stage::Pending).await.items;
        waiting.len() == 4 && waiting.iter().any(|letter| letter.delivery.not_before == opens)
    };
    until("the wait", async || waits().await || post.calls() > 0).await;
    network.advance_clock(Span::hours(7)).await.unwrap();
    assert_eq!(post.calls(), 0);
    network.advance_clock(Span::hours(1)).await.unwrap();
    until("the hour", async || post.distinct("later") == 4).await;
    until("writing it down", async || letters(&network, Stage::Pending).await.items.is_empty()).await;
    outbox.shutdown().await;
    // What waited in one lane went together.
    assert_eq!(post.calls.lock().unwrap().len(), 1);
    assert_eq!(post.distinct("gone"), 0);
    assert!(letters(&network, Stage::Delivered).await.items.iter().all(|letter| letter.delivery.target == "later"));
}

#[tokio::test]
async fn whoever_is_erased_is_in_no_delivery() {
    let store = Arc::new(MemoryStore::new());
    let network = network(store.clone(), Preset::Linkedin, EngineConfig::default()).await;
    // What goes to "open" is in the log, what goes to "dead" was given up, the rest is on its way.
    let mood = |delivery: &Delivery, _| match delivery.target.as_str() {
        "open" => fine(),
        "dead" => Sent::GivenUp(Said::new(Some(410), "gone")),
        _ => broken(),
    };
    let post = Arc::new(Post::new(&["open", "dead", "failing"], mood));
    let outbox = start(&network, &post).await;
    sent(&network, "ann", "bo").await;
    sent(&network, "cid", "ann").await;
    let other = invitation_of(&network.submit(invite("cid", "bo")).await.unwrap().unwrap()).id;
    until("the first attempts", async || {
        letters(&network, Stage::Delivered).await.items.len() == 3
            && letters(&network, Stage::Dead).await.items.len() == 3
            && letters(&network, Stage::Pending).await.items.iter().all(|letter| letter.delivery.failed > 0)
    })
    .await;
    assert!(network.erase(&member("ann")).await.unwrap());
    outbox.shutdown().await;
    for kind in [Kind::Delivery, Kind::Delivered, Kind::DeadLetter] {
        let page = DuePage { kind, until: Time::MAX, after: None, limit: 100 };
        let kept = store.due_documents(&page).await.unwrap();
        let about_others = kept.iter().filter(|document| document.content.body.contains("\"cid\"")).count();
        assert_eq!(about_others, 1, "{kind:?}: the invitation {other} stays");
        let naming = kept.iter().filter(|document| document.content.body.contains("\"bo\"")).count();
        assert_eq!(naming, 1, "{kind:?}");
        // The one event that is left of an erasure names the member; nothing else does.
        let ann: Vec<_> = kept.iter().filter(|document| document.content.body.contains("\"ann\"")).collect();
        assert!(ann.len() <= 1, "{kind:?}: {ann:?}");
    }
}
