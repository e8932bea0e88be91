//! How long the past is kept.
#![expect(clippy::unwrap_used, reason = "tests stop at the first surprise")]

mod common;

use std::sync::Arc;

use acquaint_app::{Clock, EngineConfig, Network};
use acquaint_core::command::{Action, Engagement, EngagementKind};
use acquaint_core::policy::Policy;
use acquaint_core::time::Span;
use acquaint_store::memory::MemoryStore;
use acquaint_store::{NotificationPage, Record, Store};
use common::{keyed, member, request, sent, start_time};

async fn told(network: &Network, name: &str) -> usize {
    let page = NotificationPage { member: member(name), after: None, limit: 100, seen: None };
    network.notifications(&page).await.unwrap().len()
}

async fn count(store: &MemoryStore, wanted: fn(&Record) -> bool) -> usize {
    store.scan(None, 10_000).await.unwrap().records.iter().filter(|record| wanted(record)).count()
}

#[tokio::test]
async fn the_past_is_kept_as_long_as_the_policy_says() {
    let policy = "[retention]\nevents = \"10d\"\nnotifications = \"20d\"\npast_invitations = \"30d\"\n\
                  idempotency_records = \"5d\"";
    let store = Arc::new(MemoryStore::new());
    let clock = Clock::settable(start_time());
    let policy = Policy::parse(policy).unwrap();
    let network = Network::start(store.clone(), policy, clock, EngineConfig::default()).await.unwrap();
    let withdrawn = sent(&network, "ann", "bo").await;
    let claimed = keyed(request("ann", Action::Withdraw { invitation: withdrawn }), "k", 1);
    network.submit(claimed).await.unwrap().unwrap();
    let engagement = Engagement { kind: EngagementKind::Like, subject: None, text: None };
    network.submit(request("ann", Action::Engage { target: member("bo"), engagement })).await.unwrap().unwrap();
    sent(&network, "cy", "bo").await;
    let is_claim: fn(&Record) -> bool = |record| matches!(record, Record::Claim(_));
    let is_past: fn(&Record) -> bool = |record| matches!(record, Record::Past { .. });
    assert_eq!((told(&network, "bo").await, count(&store, is_claim).await), (2, 1));
    assert!(count(&store, is_past).await > 0);

    network.advance_clock(Span::days(6)).await.unwrap();
    assert_eq!(count(&store, is_claim).await, 0);
    assert_eq!(network.events(None, 100).await.unwrap().len(), 4);
    network.advance_clock(Span::days(5)).await.unwrap();
    let events = network.events(None, 100).await.unwrap();
    assert!(events.iter().all(|event| event.event.at >= start_time() + Span::days(1)), "{events:?}");
    assert_eq!(told(&network, "bo").await, 3, "the reminder of the pending one has come");
    network.advance_clock(Span::days(10)).await.unwrap();
    assert!(count(&store, is_past).await > 0);
    // What waits for an answer stays in the list; what was liked does not.
    let left = told(&network, "bo").await;
    network.advance_clock(Span::days(10)).await.unwrap();
    assert_eq!(count(&store, is_past).await, 0);
    assert!(left >= 1 && !network.events(None, 100).await.unwrap().is_empty(), "the last event stays");
}

#[tokio::test]
async fn nothing_is_removed_unless_the_policy_says_so() {
    let store = Arc::new(MemoryStore::new());
    let clock = Clock::settable(start_time());
    let network = Network::start(store.clone(), Policy::default(), clock, EngineConfig::default()).await.unwrap();
    let withdrawn = sent(&network, "ann", "bo").await;
    network.submit(request("ann", Action::Withdraw { invitation: withdrawn })).await.unwrap().unwrap();
    network.advance_clock(Span::days(21)).await.unwrap();
    let history = count(&store, Record::is_history).await;
    network.advance_clock(Span::days(4_000)).await.unwrap();
    assert_eq!(count(&store, Record::is_history).await, history);
}
