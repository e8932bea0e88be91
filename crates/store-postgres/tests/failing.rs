//! A database that dies, freezes, fails over or is cut off: nothing is told that is not known, and
//! everything goes on without a restart.
#![cfg(unix)]
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests, and what helps them, stop at the first surprise")]

mod common;

use std::time::Duration;

use acquaint_store::{Changes, Job, Store as _, StoreError};
use acquaint_store_postgres::{Options, PostgresStore};
use acquaint_testkit::postgres::{Cluster, Options as ClusterOptions};
use acquaint_testkit::process::{self, ProcessId};
use acquaint_testkit::proxy::{Proxy, Trap, Way, Weather};
use common::changes::{event, event_id, events, members, version};
use common::{address, migrate, options, runtime};

const TOWN: &str = "town";

async fn town() -> Cluster {
    let cluster = Cluster::start(&ClusterOptions::default()).unwrap();
    cluster.create_database(TOWN).unwrap();
    migrate(&cluster.url(TOWN)).await;
    cluster
}

async fn open(url: &str, options: &Options) -> PostgresStore {
    let store = PostgresStore::open(&address(url), options).await.unwrap();
    store.join(event_id(1)).await.unwrap();
    store
}

/// A store behind a network that can be broken.
async fn behind(cluster: &Cluster, options: &Options) -> (PostgresStore, Proxy) {
    let proxy = Proxy::to(cluster.address()).unwrap();
    let url = cluster.url(TOWN).replace(&cluster.address().to_string(), &proxy.address().to_string());
    (open(&url, options).await, proxy)
}

/// The connection is cut when COMMIT goes by, or the answer to it, which then does not arrive.
fn at_commit(way: Way, then: Weather) -> Trap {
    Trap { bytes: b"COMMIT\0".to_vec(), way, arrive: false, then }
}

fn assert_unavailable<T: std::fmt::Debug>(outcome: Result<T, StoreError>) -> String {
    match outcome {
        Err(StoreError::Unavailable(text)) => text,
        other => panic!("expected that it is unavailable, got {other:?}"),
    }
}

/// A connection that still looked good when the server died is one on which something may have got across.
fn assert_not_done(outcome: &Result<(), StoreError>) {
    assert!(matches!(outcome, Err(StoreError::Unavailable(_) | StoreError::OutcomeUnknown(_))), "{outcome:?}");
}

/// Statements and COMMIT wait for no answer.
#[test]
fn a_commit_is_one_flight() {
    runtime().block_on(async {
        let cluster = town().await;
        let options = Options { deadline: Duration::from_secs(60), ..options() };
        let (store, proxy) = behind(&cluster, &options).await;
        store.commit(&event(10)).await.unwrap();
        let witness = PostgresStore::open(&address(&cluster.url(TOWN)), &options).await.unwrap();
        proxy.set(Weather::Mute);
        let commit = tokio::spawn(async move { store.commit(&members(&["a"], 0)).await });
        let seen = async { while version(&witness, "a").await.unwrap().is_none() {} };
        tokio::time::timeout(options.deadline, seen).await.unwrap();
        proxy.set(Weather::Fair);
        commit.await.unwrap().unwrap();
    });
}

/// Of a commit that cannot be written down to its end nothing stands: rows of another form than this program knows
/// are found out when they are written, with COMMIT to follow.
#[test]
fn a_commit_that_cannot_be_sent_to_its_end_is_not_done() {
    runtime().block_on(async {
        let cluster = town().await;
        cluster.psql(TOWN, "ALTER TYPE event_row ADD ATTRIBUTE unheard_of text").unwrap();
        let store = open(&cluster.url(TOWN), &options()).await;
        let changes = Changes { members: members(&["a"], 0).members, ..event(10) };
        let outcome = store.commit(&changes).await;
        assert!(matches!(outcome, Err(StoreError::Failed(_))), "{outcome:?}");
        assert_eq!(version(&store, "a").await.unwrap(), None);
        store.commit(&members(&["a"], 0)).await.unwrap();
    });
}

#[test]
fn a_commit_whose_answer_was_lost_took_place() {
    runtime().block_on(async {
        let cluster = town().await;
        let (store, proxy) = behind(&cluster, &options()).await;
        proxy.set_trap(at_commit(Way::Down, Weather::Fair));
        store.commit(&members(&["a"], 0)).await.unwrap();
        assert_eq!((proxy.caught(), store.stats().settled), (1, 1));
        assert_eq!(version(&store, "a").await.unwrap(), Some(1));
        store.commit(&members(&["a"], 1)).await.unwrap();
        assert_eq!(store.stats().registrations, 2, "it goes on under another name");
    });
}

#[test]
fn a_commit_that_never_arrived_did_not_take_place() {
    runtime().block_on(async {
        let cluster = town().await;
        let (store, proxy) = behind(&cluster, &options()).await;
        proxy.set_trap(at_commit(Way::Up, Weather::Fair));
        assert_unavailable(store.commit(&members(&["a"], 0)).await);
        assert_eq!((proxy.caught(), store.stats().settled), (1, 1));
        assert_eq!(version(&store, "a").await.unwrap(), None);
        store.commit(&members(&["a"], 0)).await.unwrap();
        assert_eq!(store.stats().registrations, 2, "it goes on under another name");
    });
}

#[test]
fn an_outcome_that_cannot_be_found_out_is_said_to_be_unknown() {
    runtime().block_on(async {
        let cluster = town().await;
        let options = Options { settling: Duration::ZERO, ..options() };
        let (store, proxy) = behind(&cluster, &options).await;
        proxy.set_trap(at_commit(Way::Down, Weather::Refusing));
        let outcome = store.commit(&members(&["a"], 0)).await;
        assert!(matches!(outcome, Err(StoreError::OutcomeUnknown(_))), "{outcome:?}");
        proxy.set(Weather::Fair);
        // Decided again, under another name: it did take place.
        assert!(matches!(store.commit(&members(&["a"], 0)).await, Err(StoreError::Conflict)));
        store.commit(&members(&["a"], 1)).await.unwrap();
        assert_eq!(store.stats().registrations, 2);
    });
}

#[test]
fn a_server_that_dies_and_returns_is_used_again() {
    runtime().block_on(async {
        let mut cluster = town().await;
        let store = open(&cluster.url(TOWN), &options()).await;
        store.commit(&members(&["a"], 0)).await.unwrap();
        cluster.kill().unwrap();
        assert_not_done(&store.commit(&members(&["a"], 1)).await);
        let told = assert_unavailable(store.health().await);
        assert!(told.contains("cannot connect to PostgreSQL at 127.0.0.1:"), "{told}");
        cluster.restart().unwrap();
        store.commit(&members(&["a"], 1)).await.unwrap();
        assert_eq!(version(&store, "a").await.unwrap(), Some(2));
    });
}

/// The process behind a store's one connection. Of one that was closed the process lives on for a moment.
fn only_backend(cluster: &Cluster) -> ProcessId {
    let looks = std::iter::repeat_with(|| cluster.backends(TOWN).unwrap()).take(1_000);
    let [backend] = looks.filter_map(|backends| <[_; 1]>::try_from(backends).ok()).next().unwrap();
    backend
}

#[test]
fn a_frozen_backend_holds_nobody_up() {
    runtime().block_on(async {
        let cluster = town().await;
        let options = Options { deadline: Duration::from_secs(2), connections: 1, ..options() };
        let store = open(&cluster.url(TOWN), &options).await;
        store.commit(&event(10)).await.unwrap();
        let frozen = only_backend(&cluster);
        process::freeze(frozen).unwrap();
        let told = assert_unavailable(store.commit(&members(&["a"], 0)).await);
        assert_eq!(told, "the database did not answer within 2 s");
        // The next connection is another process of the server.
        store.commit(&members(&["a"], 0)).await.unwrap();
        assert_eq!(store.stats().overruns, 1);
        let frozen = cluster.backends(TOWN).unwrap().into_iter().find(|backend| *backend != frozen).unwrap();
        process::freeze(frozen).unwrap();
        assert_unavailable(version(&store, "a").await);
        assert_eq!(version(&store, "a").await.unwrap(), Some(1));
    });
}

/// What was sent to a frozen process arrives when it goes on, long after somebody was told that it was not done.
#[test]
fn what_is_left_of_a_frozen_commit_changes_nothing_later() {
    runtime().block_on(async {
        let cluster = town().await;
        let options = Options { deadline: Duration::from_secs(2), connections: 1, ..options() };
        let store = open(&cluster.url(TOWN), &options).await;
        store.commit(&event(10)).await.unwrap();
        let frozen = only_backend(&cluster);
        process::freeze(frozen).unwrap();
        assert_unavailable(store.commit(&members(&["a"], 0)).await);
        process::thaw(frozen).unwrap();
        // It does what it was sent, finds that nobody listens, and ends.
        while process::is_running(frozen) {
            std::thread::yield_now();
        }
        assert_eq!(version(&store, "a").await.unwrap(), None);
        store.commit(&members(&["a"], 0)).await.unwrap();
        assert_eq!(version(&store, "a").await.unwrap(), Some(1));
    });
}

/// While nothing of the database can be reached, nobody knows what arrived there.
#[test]
fn a_commit_into_a_network_that_stands_still_is_unknown() {
    runtime().block_on(async {
        let cluster = town().await;
        let short = Duration::from_secs(1);
        let options = Options { deadline: short, settling: short, ..options() };
        let (store, proxy) = behind(&cluster, &options).await;
        store.commit(&event(10)).await.unwrap();
        proxy.set(Weather::Stalled);
        let outcome = store.commit(&members(&["a"], 0)).await;
        assert!(matches!(outcome, Err(StoreError::OutcomeUnknown(_))), "{outcome:?}");
        proxy.set(Weather::Fair);
        // Whoever decides again is stopped if it arrived after all.
        match store.commit(&members(&["a"], 0)).await {
            Ok(()) | Err(StoreError::Conflict) => {}
            other => panic!("expected that it is there once, got {other:?}"),
        }
        assert_eq!(version(&store, "a").await.unwrap(), Some(1));
        store.commit(&event(20)).await.unwrap();
        assert!(store.hold(Job::Timers).await.unwrap());
        assert_eq!(events(&store).await.unwrap(), [10, 20], "nobody waits for the name that was given up");
    });
}

#[test]
fn after_a_failover_the_promoted_standby_is_used() {
    runtime().block_on(async {
        let mut primary = town().await;
        let standby = primary.standby(true).unwrap();
        let both = format!("{},{}", primary.address(), standby.address());
        let url = primary.url(TOWN).replace(&primary.address().to_string(), &both);
        let store = open(&url, &options()).await;
        store.commit(&event(10)).await.unwrap();
        primary.kill().unwrap();
        assert_not_done(&store.commit(&event(20)).await);
        let told = assert_unavailable(store.health().await);
        assert!(told.contains("read-only standby"), "{told}");
        standby.promote().unwrap();
        store.commit(&event(20)).await.unwrap();
        // If nobody knows what became of the first attempt, its promise stands until the next sign of life.
        assert!(store.hold(Job::Timers).await.unwrap());
        assert_eq!(events(&store).await.unwrap(), [10, 20]);
    });
}

#[test]
fn a_deadlock_is_tried_again() {
    runtime().block_on(async {
        let cluster = town().await;
        let store = open(&cluster.url(TOWN), &options()).await;
        store.commit(&members(&["a", "b"], 0)).await.unwrap();
        let other = Stubborn::begin(&cluster.url(TOWN)).await;
        other.lock("b").await;
        let changes = members(&["a", "b"], 1);
        let (outcome, ()) = tokio::join!(store.commit(&changes), async {
            // The store has `a` and waits for `b`; now this one waits for `a`.
            other.until_somebody_waits().await;
            other.lock("a").await;
            other.end().await;
        });
        outcome.unwrap();
        assert!(store.stats().retries >= 1, "{:?}", store.stats());
        assert_eq!(version(&store, "b").await.unwrap(), Some(2));
    });
}

/// Another client that locks rows and never gives way.
struct Stubborn(tokio_postgres::Client);

#[expect(clippy::disallowed_methods, reason = "another program, which does as it likes")]
impl Stubborn {
    async fn begin(url: &str) -> Self {
        let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        client.batch_execute("SET deadlock_timeout = '1h'; BEGIN").await.unwrap();
        Self(client)
    }

    async fn lock(&self, member: &str) {
        let lock = "UPDATE members SET version = version WHERE member_id = $1";
        assert_eq!(self.0.execute(lock, &[&member]).await.unwrap(), 1);
    }

    async fn until_somebody_waits(&self) {
        let waits = "DO $$ BEGIN WHILE NOT EXISTS (SELECT FROM pg_locks WHERE NOT granted) LOOP \
             PERFORM pg_sleep(0.01); END LOOP; END $$";
        self.0.batch_execute(waits).await.unwrap();
    }

    async fn end(&self) {
        self.0.batch_execute("COMMIT").await.unwrap();
    }
}
