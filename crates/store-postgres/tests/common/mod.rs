//! A place in a database for each test, and a store in it.
#![allow(dead_code, reason = "each test file uses a part")]

pub(crate) mod changes;

use std::sync::Arc;

use acquaint_store::Store;
use acquaint_store_postgres::migrate::Migrator;
use acquaint_store_postgres::{Address, Options, PostgresStore};
use acquaint_testkit::postgres::Place;
use rand::TryRng;
use rand::rngs::SysRng;

/// The usual options, with a seed of their own.
pub(crate) fn options() -> Options {
    let mut seed = [0; 32];
    SysRng.try_fill_bytes(&mut seed).unwrap();
    Options::with_seed(seed)
}

pub(crate) fn address(url: &str) -> Address {
    url.parse().unwrap()
}

pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

pub(crate) async fn migrate(url: &str) {
    Migrator::connect(&address(url), &options()).await.unwrap().apply().await.unwrap();
}

pub(crate) async fn open(url: &str) -> PostgresStore {
    PostgresStore::open(&address(url), &options()).await.unwrap()
}

/// A store in a place of its own, which is kept until the test is over.
pub(crate) async fn fresh() -> (Arc<dyn Store>, Place) {
    let place = Place::new().unwrap();
    migrate(place.url()).await;
    (Arc::new(open(place.url()).await), place)
}
