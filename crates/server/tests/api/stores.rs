//! The store that every town is built on: the one that `ACQUAINT_TEST_STORE` names.
//!
//! The tests are the same on all of them. `script/test` runs them once for each; a store that cannot
//! be opened fails every test that needs one.

use std::any::Any;
use std::sync::Arc;

use acquaint_store::Store;
use acquaint_store::memory::MemoryStore;
use acquaint_store_fjall::FjallStore;
use acquaint_store_postgres::migrate::Migrator;
use acquaint_store_postgres::{Address, Options, PostgresStore};
use acquaint_testkit::postgres::Place;
use rand::TryRng;
use rand::rngs::SysRng;

/// What has to be kept for as long as the store is used.
pub(crate) type Kept = Box<dyn Any + Send + Sync>;

/// An empty store.
pub(crate) async fn fresh() -> (Arc<dyn Store>, Kept) {
    match std::env::var("ACQUAINT_TEST_STORE").as_deref() {
        Err(_) | Ok("memory") => (Arc::new(MemoryStore::default()), Box::new(())),
        Ok("fjall") => embedded(),
        Ok("postgres") => database().await,
        Ok(other) => panic!("ACQUAINT_TEST_STORE={other}: expected memory, fjall or postgres"),
    }
}

fn embedded() -> (Arc<dyn Store>, Kept) {
    let directory = tempfile::tempdir().unwrap();
    let store = FjallStore::open(directory.path(), &acquaint_store_fjall::Options::default()).unwrap();
    (Arc::new(store), Box::new(directory))
}

pub(crate) fn seed() -> [u8; 32] {
    let mut seed = [0; 32];
    SysRng.try_fill_bytes(&mut seed).unwrap();
    seed
}

async fn database() -> (Arc<dyn Store>, Kept) {
    let place = Place::new().unwrap();
    let address: Address = place.url().parse().unwrap();
    let options = Options::with_seed(seed());
    Migrator::connect(&address, &options).await.unwrap().apply().await.unwrap();
    (Arc::new(PostgresStore::open(&address, &options).await.unwrap()), Box::new(place))
}
