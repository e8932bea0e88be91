//! How the database finds rows: by an index, whatever is asked.
//!
//! The server writes the plan of every statement into its log while cases of the conformance suite
//! run, which ask everything that a store can be asked.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "tests, and what helps them, stop at the first surprise")]

mod common;

use std::sync::Arc;

use acquaint_store::Store;
use acquaint_store::conformance::{cases, documents};
use acquaint_testkit::postgres::{Cluster, Options as ClusterOptions};
use common::{migrate, open, runtime};

/// Those that grow with the community. A scan of the few servers and leases harms nobody.
const GROWING: [&str; 7] =
    ["members", "relations", "past_invitations", "notifications", "events", "idempotency_records", "documents"];

/// What lists and timers are read by.
const INDEXES: [&str; 11] = [
    "relations_pkey",
    "relations_sent",
    "relations_received",
    "relations_connections",
    "relations_following",
    "relations_followers",
    "relations_blocks",
    "relations_due",
    "events_in_order",
    "idempotency_records_by_age",
    "documents_due",
];

fn watched() -> Cluster {
    let settings = [
        ("session_preload_libraries", "auto_explain"),
        ("auto_explain.log_min_duration", "0"),
        ("auto_explain.log_nested_statements", "on"),
    ];
    let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    Cluster::start(&ClusterOptions { settings, ..ClusterOptions::default() }).unwrap()
}

#[test]
fn every_statement_finds_its_rows_by_an_index() {
    runtime().block_on(async {
        let cluster = watched();
        for name in ["one", "two", "three", "four", "five"] {
            cluster.create_database(name).unwrap();
            migrate(&cluster.url(name)).await;
        }
        let store = async |name: &str| Arc::new(open(&cluster.url(name)).await) as Arc<dyn Store>;
        cases::a_scan_has_every_record_once(store("one").await).await.unwrap();
        cases::what_is_due_comes_in_order(store("two").await).await.unwrap();
        cases::old_claims_are_forgotten(store("three").await).await.unwrap();
        cases::history_is_scanned_and_removed(store("five").await).await.unwrap();
        documents::due_documents_come_in_order(store("four").await).await.unwrap();
        let log = cluster.log();
        for index in INDEXES {
            assert!(log.contains(&format!("using {index} ")), "{index} is never used");
        }
        for table in GROWING {
            let scan = format!("Seq Scan on {table} ");
            let plan = log.find(&scan).map(|place| &log[place.saturating_sub(600)..place + 200]);
            assert_eq!(plan, None, "{table} is read from end to end");
        }
    });
}
