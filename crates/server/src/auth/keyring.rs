//! Keys of the host and of operators that are kept in the store. They are read again when they are used and what is
//! known of them is older than a moment, so that one that is made or revoked elsewhere counts here
//! within that moment, and wrong keys cost the store one read in it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock};

use acquaint_app::Network;
use acquaint_app::clock::Stopwatch;
use acquaint_app::keys::{self, ApiKey, Holder};
use acquaint_core::access::Principal;
use acquaint_store::StoreError;
use tokio::sync::Mutex;

/// For how many seconds keys are known.
const MOMENT: f64 = 1.0;

type Known = HashMap<[u8; 32], Principal>;

/// The keys, as far as they are known.
#[derive(Default)]
pub(crate) struct Keyring {
    known: RwLock<Option<(Stopwatch, Known)>>,
    reading: Mutex<()>,
    /// Somebody changed them here.
    stale: AtomicBool,
}

impl Keyring {
    /// Whose key this is.
    ///
    /// # Errors
    /// If the key is not known and the store cannot be asked.
    pub(crate) async fn find(&self, network: &Network, secret: &[u8]) -> Result<Option<Principal>, StoreError> {
        if !secret.starts_with(keys::PREFIX.as_bytes()) {
            return Ok(None);
        }
        self.known_by(network, &keys::digest(secret)).await
    }

    /// Whose key it is that has this digest.
    ///
    /// # Errors
    /// If the key is not known and the store cannot be asked.
    pub(crate) async fn known_by(&self, network: &Network, digest: &[u8; 32]) -> Result<Option<Principal>, StoreError> {
        let read = self.renew(network).await;
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        match (known.as_ref().and_then(|(_, known)| known.get(digest)), read) {
            (Some(found), _) => Ok(Some(found.clone())),
            (None, Ok(())) => Ok(None),
            (None, Err(error)) => Err(error),
        }
    }

    /// What is known is read again when it is next asked for.
    pub(crate) fn changed(&self) {
        self.stale.store(true, Ordering::Release);
    }

    async fn renew(&self, network: &Network) -> Result<(), StoreError> {
        if self.is_fresh() {
            return Ok(());
        }
        let _only = self.reading.lock().await;
        if self.is_fresh() {
            return Ok(());
        }
        self.stale.store(false, Ordering::Release);
        let begun = Stopwatch::start();
        let known = network.keys().await?.into_iter().map(|key| (key.digest, principal(&key))).collect();
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = Some((begun, known));
        Ok(())
    }

    fn is_fresh(&self) -> bool {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let fresh = known.as_ref().is_some_and(|(read, _)| read.seconds() < MOMENT);
        fresh && !self.stale.load(Ordering::Acquire)
    }
}

fn principal(key: &ApiKey) -> Principal {
    let name = key.name.as_str().into();
    match key.holder {
        Holder::Host => Principal::Host { key: name, scopes: key.scopes.as_slice().into() },
        Holder::Operator => Principal::Operator { key: name },
    }
}
