//! What is done when documents fall due.

#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::sync::{Arc, Mutex};

use acquaint_app::{Duty, EngineConfig, Network, SubmitError};
use acquaint_core::policy::Preset;
use acquaint_core::time::{Span, Time};
use acquaint_store::memory::MemoryStore;
use acquaint_store::{Content, Document, DocumentChange, DocumentName, Kind, Store, StoreError};
use async_trait::async_trait;
use common::{memory, network, sent, start_time};

/// Writes down when it looked at what, with the number of events by then, and counts each document
/// down: one day later, until nothing is left.
#[derive(Default)]
struct Countdown {
    looks: Mutex<Vec<(Time, String)>>,
}

#[async_trait]
impl Duty for Countdown {
    fn kind(&self) -> Kind {
        Kind::Delivery
    }

    async fn perform(&self, network: &Network, document: Document) -> Result<(), SubmitError> {
        let events = network.events(None, 100).await?.len();
        self.looks.lock().unwrap().push((network.now(), format!("{} {events}", document.name.key)));
        let left: u32 = document.content.body.parse().unwrap();
        let change = match left {
            0 => DocumentChange::remove(document),
            _ => DocumentChange::replace(document, content(network.now() + Span::days(1), left - 1)),
        };
        Ok(network.keep(vec![change]).await?)
    }
}

/// One that leaves everything as it is.
#[derive(Default)]
struct Idle(Mutex<u32>);

#[async_trait]
impl Duty for Idle {
    fn kind(&self) -> Kind {
        Kind::Delivery
    }

    async fn perform(&self, _: &Network, _: Document) -> Result<(), SubmitError> {
        *self.0.lock().unwrap() += 1;
        Err(StoreError::Conflict.into())
    }
}

fn content(due: Time, left: u32) -> Content {
    Content { due: Some(due), body: left.to_string() }
}

fn create(key: &str, due: Time, left: u32) -> DocumentChange {
    let name = DocumentName { owner: None, kind: Kind::Delivery, key: key.into() };
    DocumentChange::create(name, content(due, left))
}

#[tokio::test]
async fn an_advance_does_everything_at_its_own_moment_and_in_order() {
    let network = memory(Preset::Linkedin).await;
    let countdown = Arc::new(Countdown::default());
    network.assign(countdown.clone());
    sent(&network, "ann", "bo").await;
    // A reminder is due after 7 days: it happens before what is done that day, and after the day before.
    network.keep(vec![create("b", start_time() + Span::days(6), 2), create("a", start_time(), 0)]).await.unwrap();
    network.advance_clock(Span::days(10)).await.unwrap();
    let looks = countdown.looks.lock().unwrap().clone();
    let day = |days| start_time() + Span::days(days);
    let expected = [(day(0), "a 1"), (day(6), "b 1"), (day(7), "b 2"), (day(8), "b 2")];
    assert_eq!(looks, expected.map(|(at, look)| (at, look.to_owned())));
    assert_eq!(network.now(), day(10));
}

#[tokio::test]
async fn what_is_written_too_late_is_done_with_the_next_advance() {
    let network = memory(Preset::Linkedin).await;
    let countdown = Arc::new(Countdown::default());
    network.assign(countdown.clone());
    network.advance_clock(Span::days(1)).await.unwrap();
    network.keep(vec![create("late", start_time(), 0)]).await.unwrap();
    network.advance_clock(Span::seconds(0)).await.unwrap();
    let now = start_time() + Span::days(1);
    assert_eq!(*countdown.looks.lock().unwrap(), [(now, "late 0".to_owned())]);
}

#[tokio::test]
async fn what_was_not_changed_does_not_stop_the_clock() {
    let store = Arc::new(MemoryStore::new());
    let network = network(store.clone(), Preset::Linkedin, EngineConfig::default()).await;
    let idle = Arc::new(Idle::default());
    network.assign(idle.clone());
    let stays = create("x", start_time() + Span::hours(1), 3);
    network.keep(vec![stays.clone()]).await.unwrap();
    network.advance_clock(Span::days(1)).await.unwrap();
    network.advance_clock(Span::days(1)).await.unwrap();
    assert_eq!(*idle.0.lock().unwrap(), 1);
    assert_eq!(store.document(&stays.name).await.unwrap().unwrap().version, 1);
}
