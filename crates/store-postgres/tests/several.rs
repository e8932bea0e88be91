//! Several servers on one database: who commits what, in which order it is seen, who does the jobs.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "tests, and what helps them, stop at the first surprise")]

mod common;

use std::time::Duration;

use acquaint_store::{Job, Store as _, StoreError, Wanted};
use acquaint_store_postgres::{Options, PostgresStore};
use acquaint_testkit::postgres::Place;
use common::changes::{event, event_id, events, id, members, promise, version};
use common::{address, migrate, options, runtime};

/// A place for two servers. A row that was seen twice without having moved is stale at once.
async fn two() -> (PostgresStore, PostgresStore, Place) {
    let place = Place::new().unwrap();
    migrate(place.url()).await;
    (impatient(&place).await, impatient(&place).await, place)
}

async fn impatient(place: &Place) -> PostgresStore {
    let options = Options { lease: Duration::ZERO, ..options() };
    PostgresStore::open(&address(place.url()), &options).await.unwrap()
}

#[test]
fn one_of_two_commits_on_the_same_row_is_refused() {
    runtime().block_on(async {
        let (one, two, _place) = two().await;
        one.commit(&members(&["a", "b"], 0)).await.unwrap();
        let (first, second) = (members(&["a", "b"], 1), members(&["b", "c"], 1));
        one.commit(&first).await.unwrap();
        assert!(matches!(two.commit(&second).await, Err(StoreError::Conflict)));
        assert_eq!(version(&two, "b").await.unwrap(), Some(2));
        // Racing: whichever comes first, one row has one successor.
        let (first, second) = (members(&["a", "b"], 2), members(&["b", "a"], 2));
        let outcomes = tokio::join!(one.commit(&first), two.commit(&second));
        assert!(outcomes.0.is_ok() != outcomes.1.is_ok(), "{outcomes:?}");
        let (first, second) = (members(&["new"], 0), members(&["new"], 0));
        let outcomes = tokio::join!(one.commit(&first), two.commit(&second));
        assert!(outcomes.0.is_ok() != outcomes.1.is_ok(), "absence holds for one: {outcomes:?}");
    });
}

#[test]
fn events_are_read_up_to_what_everybody_promised() {
    runtime().block_on(async {
        let (one, two, _place) = two().await;
        assert_eq!(one.join(event_id(5)).await.unwrap(), None);
        assert_eq!(two.join(event_id(7)).await.unwrap(), Some(event_id(5)), "ids come after what others promised");
        one.commit(&event(20)).await.unwrap();
        assert_eq!(events(&one).await.unwrap(), [], "the other may still commit an event before it");
        two.commit(&event(10)).await.unwrap();
        assert_eq!(events(&one).await.unwrap(), [10]);
        two.commit(&promise(30)).await.unwrap();
        assert_eq!(events(&two).await.unwrap(), [10, 20]);
        one.commit(&event(40)).await.unwrap();
        two.leave().await.unwrap();
        assert_eq!(events(&one).await.unwrap(), [10, 20, 40], "who left is not waited for");
        one.leave().await.unwrap();
        assert_eq!(events(&two).await.unwrap(), [10, 20, 40]);
        assert_eq!(two.join(event_id(1)).await.unwrap(), Some(event_id(40)), "ids come after what there is");
    });
}

#[test]
fn what_is_loaded_says_after_what_ids_must_come() {
    runtime().block_on(async {
        let (one, two, _place) = two().await;
        one.join(event_id(1)).await.unwrap();
        let mut changes = members(&["a"], 0);
        changes.events = event(90).events;
        one.commit(&changes).await.unwrap();
        let wanted = Wanted { members: vec![id("a")], ..Wanted::default() };
        assert_eq!(two.load(&wanted).await.unwrap().ids_after, Some(event_id(90)));
        // A later commit without events does not make it less.
        one.commit(&members(&["a"], 1)).await.unwrap();
        assert_eq!(two.load(&wanted).await.unwrap().ids_after, Some(event_id(90)));
        let nothing = Wanted { members: vec![id("nobody")], ..Wanted::default() };
        assert_eq!(two.load(&nothing).await.unwrap().ids_after, None);
    });
}

#[test]
fn who_was_taken_for_dead_commits_nothing_more_under_that_name() {
    runtime().block_on(async {
        let (one, two, place) = two().await;
        one.join(event_id(1)).await.unwrap();
        one.commit(&event(10)).await.unwrap();
        two.join(event_id(1)).await.unwrap();
        two.commit(&event(50)).await.unwrap();
        // The second sight of a row that has not moved.
        two.hold(Job::Timers).await.unwrap();
        two.hold(Job::Timers).await.unwrap();
        assert_eq!(place.psql("SELECT count(*) FROM servers").unwrap(), "1\n");
        assert_eq!(events(&two).await.unwrap(), [10, 50], "its events are not waited for");
        let late = event(20);
        assert!(matches!(one.commit(&late).await, Err(StoreError::Conflict)));
        assert!(matches!(one.commit(&late).await, Err(StoreError::Conflict)), "its ids are too small now");
        assert_eq!(one.load(&Wanted::default()).await.unwrap().ids_after, Some(event_id(50)));
        one.commit(&event(60)).await.unwrap();
        two.commit(&promise(60)).await.unwrap();
        assert_eq!(events(&two).await.unwrap(), [10, 50, 60]);
        assert_eq!(one.stats().registrations, 2);
    });
}

#[test]
fn a_lease_is_held_by_one_and_passes_on_when_it_stands_still() {
    runtime().block_on(async {
        for job in Job::ALL {
            pass_on(job).await;
        }
    });
}

async fn pass_on(job: Job) {
    let (one, two, _place) = two().await;
    one.join(event_id(1)).await.unwrap();
    two.join(event_id(1)).await.unwrap();
    assert!(one.hold(job).await.unwrap());
    assert!(!two.hold(job).await.unwrap());
    assert!(one.hold(job).await.unwrap(), "renewed");
    assert!(!two.hold(job).await.unwrap(), "it moved");
    // The first one stands still from here on: the other has seen that, and takes over.
    assert!(two.hold(job).await.unwrap());
    assert!(!one.hold(job).await.unwrap(), "it was taken for dead");
    two.leave().await.unwrap();
    assert!(one.hold(job).await.unwrap(), "given back by who left");
}
