//! Migrations: what is pending is shown, applied once, and refused where another program was.
#![cfg(unix)]
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests, and what helps them, stop at the first surprise")]

mod common;

use acquaint_store::{Store as _, StoreError};
use acquaint_store_postgres::PostgresStore;
use acquaint_store_postgres::migrate::Migrator;
use acquaint_testkit::postgres::Place;
use common::{address, migrate, options, runtime};

async fn migrator(place: &Place) -> Migrator {
    Migrator::connect(&address(place.url()), &options()).await.unwrap()
}

async fn refusal(place: &Place) -> String {
    match PostgresStore::open(&address(place.url()), &options()).await {
        Err(StoreError::Failed(text)) => text,
        other => panic!("expected a refusal, got {other:?}"),
    }
}

#[test]
fn what_is_shown_is_what_is_applied() {
    runtime().block_on(async {
        let place = Place::new().unwrap();
        let told = refusal(&place).await;
        assert!(told.contains("has no tables of Acquaint: run `acquaint migrate --store …` first"), "{told}");
        let pending = migrator(&place).await.pending().await.unwrap();
        let all: Vec<_> = pending.migrations.iter().map(|migration| migration.version).collect();
        assert_eq!(all.first(), Some(&1));
        assert!(all.is_sorted_by(|a, b| a + 1 == *b), "{all:?}");
        assert_eq!(refusal(&place).await, told, "looking changes nothing");
        // The text is what an administrator may run in its stead.
        place.psql(&pending.sql()).unwrap();
        assert!(migrator(&place).await.pending().await.unwrap().is_empty());
        common::open(place.url()).await.health().await.unwrap();
    });
}

#[test]
fn two_at_once_migrate_once() {
    runtime().block_on(async {
        let place = Place::new().unwrap();
        let (one, two) = (migrator(&place).await, migrator(&place).await);
        let (one, two) = tokio::join!(one.apply(), two.apply());
        let applied = [one.unwrap(), two.unwrap()].map(|done| done.migrations.len());
        assert!(applied.contains(&0) && applied.iter().any(|&count| count > 0), "{applied:?}");
        common::open(place.url()).await.health().await.unwrap();
    });
}

#[test]
fn newer_tables_are_used_while_they_only_grew_and_never_migrated() {
    runtime().block_on(async {
        let place = Place::new().unwrap();
        migrate(place.url()).await;
        let newer = |works_with| {
            format!(
                "DELETE FROM acquaint_migrations WHERE name = 'newer'; \
                 INSERT INTO acquaint_migrations (version, works_with, name, checksum) \
                 SELECT max(version) + 1, max(version) + {works_with}, 'newer', 'y' FROM acquaint_migrations"
            )
        };
        place.psql(&newer(0)).unwrap();
        common::open(place.url()).await.health().await.unwrap();
        let Err(StoreError::Failed(told)) = Migrator::connect(&address(place.url()), &options()).await.map(drop) else {
            panic!("expected a refusal");
        };
        assert!(told.contains("migrate with that one"), "{told}");
        place.psql(&newer(1)).unwrap();
        let told = refusal(&place).await;
        assert!(told.contains("made by a newer program"), "{told}");
    });
}

#[test]
fn a_migration_of_another_program_is_refused() {
    runtime().block_on(async {
        let place = Place::new().unwrap();
        migrate(place.url()).await;
        place.psql("UPDATE acquaint_migrations SET checksum = 'other'").unwrap();
        let Err(StoreError::Failed(told)) = migrator(&place).await.apply().await else { panic!("expected a refusal") };
        assert!(told.contains("migration 1") && told.contains("use the program that made these tables"), "{told}");
    });
}

#[test]
fn every_table_and_column_has_a_comment() {
    runtime().block_on(async {
        let place = Place::new().unwrap();
        migrate(place.url()).await;
        let columns = "SELECT count(*) FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid \
             WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r' AND a.attnum > 0";
        let count: u32 = place.psql(columns).unwrap().trim().parse().unwrap();
        assert!(count > 100, "there are columns to look at: {count}");
        let silent = "SELECT c.relname, a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid \
             WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r' AND a.attnum > 0 \
             AND NOT a.attisdropped AND col_description(c.oid, a.attnum) IS NULL \
             UNION SELECT c.relname, '' FROM pg_class c WHERE c.relnamespace = current_schema()::regnamespace \
             AND c.relkind = 'r' AND obj_description(c.oid) IS NULL";
        assert_eq!(place.psql(silent).unwrap(), "");
    });
}

/// What a distributed PostgreSQL asks of keys.
#[test]
fn every_unique_index_begins_with_the_member() {
    runtime().block_on(async {
        let place = Place::new().unwrap();
        migrate(place.url()).await;
        let others = "SELECT i.indexrelid::regclass FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid \
             JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0] \
             WHERE c.relnamespace = current_schema()::regnamespace AND c.relname <> 'acquaint_migrations' \
             AND i.indisunique AND a.attname <> 'member_id'";
        assert_eq!(place.psql(others).unwrap(), "");
    });
}
