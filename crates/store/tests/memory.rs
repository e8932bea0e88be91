//! The reference model passes the suite that it is the measure of.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use acquaint_store::Store;
use acquaint_store::memory::MemoryStore;

/// The model never waits for anything, so its futures are ready when they are first asked.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => unreachable!("the model does not wait"),
    }
}

acquaint_store::conformance::suite! {
    block_on: block_on,
    open: async || {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        (store, ())
    },
}
