//! Reads from a standby: never without what the reader has seen, never older than allowed, and never an
//! error that the primary would not have given.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "tests, and what helps them, stop at the first surprise")]

mod common;

use std::time::Duration;

use acquaint_store::{Job, Position, Store as _, Wanted};
use acquaint_store_postgres::{Options, PostgresStore};
use acquaint_testkit::postgres::{Cluster, Options as ClusterOptions};
use common::changes::{event_id, id, members};
use common::{address, migrate, options, runtime};

const TOWN: &str = "town";
/// A standby that may be as old as it wants, for tests that are about something else.
const ANY_AGE: Duration = Duration::from_secs(3_600);
/// Whoever has seen nothing.
const START: Option<Position> = Some(Position(0));

/// Replay is paused by each process in its own time.
const PAUSED: &str = "DO $$ BEGIN
    PERFORM pg_wal_replay_pause();
    WHILE pg_get_wal_replay_pause_state() <> 'paused' LOOP PERFORM pg_sleep(0.01); END LOOP;
END $$";

struct Town {
    primary: Cluster,
    standby: Cluster,
}

impl Town {
    async fn new() -> Self {
        let primary = Cluster::start(&ClusterOptions::default()).unwrap();
        primary.create_database(TOWN).unwrap();
        migrate(&primary.url(TOWN)).await;
        let founder = common::open(&primary.url(TOWN)).await;
        founder.commit(&members(&["first"], 0)).await.unwrap();
        let standby = primary.standby(false).unwrap();
        Self { primary, standby }
    }

    /// A store that reads from the standby, and has seen that it is there.
    async fn store(&self, staleness: Duration) -> PostgresStore {
        let replicas = vec![address(&self.standby.url(TOWN))];
        let options = Options { replicas, staleness, ..options() };
        let store = PostgresStore::open(&address(&self.primary.url(TOWN)), &options).await.unwrap();
        store.join(event_id(1)).await.unwrap();
        store
    }
}

/// The version of a member's row, for a reader who has seen that.
async fn version(store: &PostgresStore, name: &str, seen: Option<Position>) -> Option<u64> {
    let wanted = Wanted { members: vec![id(name)], seen, ..Wanted::default() };
    store.load(&wanted).await.unwrap().members.into_iter().flatten().map(|member| member.version).next()
}

/// As once a second, until a replica answers to a reader who has seen that.
async fn until_a_replica_answers(store: &PostgresStore, seen: Option<Position>) {
    let before = store.stats().replica_reads;
    let answered = async {
        while store.stats().replica_reads == before {
            store.hold(Job::Timers).await.unwrap();
            version(store, "first", seen).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), answered).await.unwrap();
}

#[test]
fn a_reader_sees_their_own_writes_and_others_may_be_late() {
    runtime().block_on(async {
        let town = Town::new().await;
        let store = town.store(ANY_AGE).await;
        until_a_replica_answers(&store, START).await;
        town.standby.psql(TOWN, PAUSED).unwrap();
        let before = store.position();
        store.commit(&members(&["ann"], 0)).await.unwrap();
        assert!(store.position() > before);
        let misses = store.stats().replica_misses;
        assert_eq!(version(&store, "ann", store.position()).await, Some(1));
        assert_eq!(store.stats().replica_misses, misses + 1, "the replica was not far enough");
        let reads = store.stats().replica_reads;
        assert_eq!(version(&store, "ann", START).await, None, "the replica does not know yet");
        assert_eq!(store.stats().replica_reads, reads + 1);
        assert_eq!(version(&store, "ann", None).await, Some(1), "who names nothing sees everything");
        assert_eq!(store.stats().replica_reads, reads + 1);
        town.standby.psql(TOWN, "SELECT pg_wal_replay_resume()").unwrap();
        until_a_replica_answers(&store, store.position()).await;
        let reads = store.stats().replica_reads;
        assert_eq!(version(&store, "ann", store.position()).await, Some(1));
        assert_eq!(store.stats().replica_reads, reads + 1);
    });
}

/// A position that one server gave counts with every other.
#[test]
fn what_was_written_through_one_server_is_seen_through_another() {
    runtime().block_on(async {
        let town = Town::new().await;
        let (one, other) = (town.store(ANY_AGE).await, town.store(ANY_AGE).await);
        until_a_replica_answers(&other, START).await;
        town.standby.psql(TOWN, PAUSED).unwrap();
        one.commit(&members(&["ann"], 0)).await.unwrap();
        assert_eq!(version(&other, "ann", one.position()).await, Some(1));
        assert_eq!(version(&other, "ann", other.position()).await, None);
    });
}

#[test]
fn a_replica_that_is_older_than_allowed_is_not_asked() {
    runtime().block_on(async {
        let town = Town::new().await;
        let store = town.store(Duration::ZERO).await;
        store.hold(Job::Timers).await.unwrap();
        assert_eq!(version(&store, "first", START).await, Some(1));
        assert_eq!((store.stats().replica_reads, store.stats().replica_misses), (0, 1));
    });
}

#[test]
fn while_a_replica_is_down_the_primary_answers() {
    runtime().block_on(async {
        let mut town = Town::new().await;
        let store = town.store(ANY_AGE).await;
        until_a_replica_answers(&store, START).await;
        town.standby.kill().unwrap();
        let reads = store.stats().replica_reads;
        for _ in 0..20 {
            assert_eq!(version(&store, "first", START).await, Some(1));
        }
        assert_eq!(store.stats().replica_reads, reads);
        town.standby.restart().unwrap();
        until_a_replica_answers(&store, START).await;
    });
}

/// A standby that became the primary follows nobody any more.
#[test]
fn a_replica_that_was_promoted_is_not_believed() {
    runtime().block_on(async {
        let town = Town::new().await;
        let store = town.store(ANY_AGE).await;
        until_a_replica_answers(&store, START).await;
        town.standby.promote().unwrap();
        store.commit(&members(&["ann"], 0)).await.unwrap();
        assert_eq!(version(&store, "ann", store.position()).await, Some(1));
    });
}

#[test]
fn without_replicas_there_is_no_position_and_one_that_is_named_changes_nothing() {
    runtime().block_on(async {
        let (store, _place) = common::fresh().await;
        store.join(event_id(1)).await.unwrap();
        store.commit(&members(&["ann"], 0)).await.unwrap();
        assert_eq!(store.position(), None);
        let wanted = Wanted { members: vec![id("ann")], seen: START, ..Wanted::default() };
        assert!(store.load(&wanted).await.unwrap().members.iter().all(Option::is_some));
    });
}
