//! What cannot be used is refused in one line that says what to do; once mended, it is used.
#![cfg(unix)]
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests, and what helps them, stop at the first surprise")]

mod common;

use acquaint_store::{Store as _, StoreError};
use acquaint_store_postgres::PostgresStore;
use acquaint_testkit::ports;
use acquaint_testkit::postgres::{Cluster, Options as ClusterOptions, USER};
use common::{address, migrate, options, runtime};

/// Why a database is refused: one line, without the password of the address.
async fn refusal(url: &str) -> String {
    match PostgresStore::open(&address(url), &options()).await {
        Err(StoreError::Failed(text)) => {
            assert!(!text.contains('\n') && !text.contains("s3cret"), "{text}");
            text
        }
        other => panic!("expected a refusal, got {other:?}"),
    }
}

async fn assert_refused(url: &str, words: &[&str]) {
    let told = refusal(url).await;
    for word in words {
        assert!(told.contains(word), "expected {word:?} in {told:?}");
    }
}

/// A server that asks `guest` for a password.
fn guarded() -> Cluster {
    let access = vec!["host all guest 127.0.0.1/32 scram-sha-256".to_owned()];
    let cluster = Cluster::start(&ClusterOptions { access, ..ClusterOptions::default() }).unwrap();
    cluster.psql("postgres", "CREATE ROLE guest LOGIN PASSWORD 's3cret'").unwrap();
    cluster
}

fn as_guest(cluster: &Cluster, database: &str, password: &str) -> String {
    cluster.url(database).replace(&format!("{USER}@"), &format!("guest:{password}@"))
}

#[test]
fn nobody_is_there() {
    runtime().block_on(async {
        let port = ports::free().unwrap();
        let place = format!("127.0.0.1:{port}");
        let words = [&format!("cannot connect to PostgreSQL at {place}"), "Connection refused", "is it running there?"];
        assert_refused(&format!("postgres://ann:s3cret@{place}/town"), &words).await;
    });
}

#[test]
fn the_password_is_wrong_or_the_database_is_not_there() {
    runtime().block_on(async {
        let cluster = guarded();
        let words = ["password authentication failed", "check user and password in --store"];
        assert_refused(&as_guest(&cluster, "postgres", "s3cret-not"), &words).await;
        let words = ["database \"nowhere\" does not exist", "create it with createdb"];
        assert_refused(&as_guest(&cluster, "nowhere", "s3cret"), &words).await;
    });
}

#[test]
fn the_encoding_is_not_utf8() {
    runtime().block_on(async {
        let cluster = guarded();
        let latin = "CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'";
        cluster.psql("postgres", latin).unwrap();
        assert_refused(&cluster.url("latin"), &["encoding LATIN1", "create one with ENCODING 'UTF8'"]).await;
    });
}

#[test]
fn rights_are_missing_and_then_given() {
    runtime().block_on(async {
        let cluster = guarded();
        cluster.create_database("town").unwrap();
        migrate(&cluster.url("town")).await;
        let url = as_guest(&cluster, "town", "s3cret");
        assert_refused(&url, &["permission denied", "give the user of --store the right"]).await;
        cluster.psql("town", "GRANT SELECT ON acquaint_migrations TO guest").unwrap();
        let advice = "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO guest";
        assert_refused(&url, &["the user guest may not read and write", advice]).await;
        cluster.psql("town", advice).unwrap();
        common::open(&url).await.health().await.unwrap();
    });
}

#[test]
fn it_is_a_standby() {
    runtime().block_on(async {
        let primary = guarded();
        primary.create_database("town").unwrap();
        migrate(&primary.url("town")).await;
        let standby = primary.standby(true).unwrap();
        assert_refused(&standby.url("town"), &["read-only standby", "name the primary"]).await;
    });
}

#[test]
fn encryption_is_asked_for_and_not_there() {
    runtime().block_on(async {
        let cluster = guarded();
        let url = as_guest(&cluster, "postgres", "s3cret");
        assert_refused(&format!("{url}?sslmode=require"), &["server does not support TLS"]).await;
        assert_refused(&format!("{url}?sslrootcert=/nowhere.pem"), &["sslrootcert: /nowhere.pem cannot be read"]).await;
    });
}
