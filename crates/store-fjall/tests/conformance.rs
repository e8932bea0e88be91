//! The suite that every store must pass, on a directory of its own for each case.

use std::sync::Arc;

use acquaint_store::Store;
use acquaint_store_fjall::{FjallStore, Options};

/// Small, so that a history is spread over memtables and tables.
fn options() -> Options {
    Options { cache_bytes: 1 << 20, memtable_bytes: 64 << 10, ..Options::default() }
}

acquaint_store::conformance::suite! {
    block_on: |future| tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future),
    open: async || {
        let directory = tempfile::tempdir().unwrap();
        let store: Arc<dyn Store> = Arc::new(FjallStore::open(directory.path(), &options()).unwrap());
        (store, directory)
    },
}
