//! The community's own secret: random bytes that its servers share, for what they hand out and want
//! back unchanged (cursors, cookies). It is made by the first server that needs it and kept in the
//! store, so it outlives a restart and is the same at every server. It opens no call by itself.

use acquaint_store::{Content, DocumentChange, DocumentName, Kind, StoreError};
use rand::TryRng;
use rand::rngs::SysRng;
use serde::{Deserialize, Serialize};

use crate::network::Network;

/// Random bytes that the servers of a community share. Not shown by `Debug`.
#[derive(Clone)]
pub struct CommunitySecret([u8; 32]);

/// Why there is no secret.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SecretError {
    /// The operating system has no random numbers to give.
    #[error("the operating system gives no random numbers")]
    NoRandomness,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

#[derive(Serialize, Deserialize)]
struct Kept {
    bytes: [u8; 32],
}

impl CommunitySecret {
    /// A key for one purpose; those of two purposes have nothing to do with each other.
    #[must_use]
    pub fn key_for(&self, purpose: &str) -> [u8; 32] {
        blake3::derive_key(purpose, &self.0)
    }
}

impl std::fmt::Debug for CommunitySecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CommunitySecret(…)")
    }
}

impl Network {
    /// The secret of this community, made if there is none yet.
    ///
    /// # Errors
    /// [`SecretError`].
    pub async fn secret(&self) -> Result<CommunitySecret, SecretError> {
        let name = DocumentName { owner: None, kind: Kind::Secret, key: "community".into() };
        loop {
            if let Some(found) = self.document(&name).await? {
                let kept = serde_json::from_str::<Kept>(&found.content.body);
                // The text of the error might repeat what is kept.
                let kept = kept.map_err(|_| StoreError::Failed("the community's secret cannot be read".into()))?;
                return Ok(CommunitySecret(kept.bytes));
            }
            let mut bytes = [0; 32];
            SysRng.try_fill_bytes(&mut bytes).map_err(|_| SecretError::NoRandomness)?;
            let body = serde_json::to_string(&Kept { bytes }).map_err(|error| StoreError::Failed(error.to_string()))?;
            match self.keep(vec![DocumentChange::create(name.clone(), Content { due: None, body })]).await {
                Ok(()) => return Ok(CommunitySecret(bytes)),
                // Another server was faster: its secret is the one.
                Err(StoreError::Conflict) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use acquaint_core::policy::Policy;
    use acquaint_core::time::Time;
    use acquaint_store::memory::MemoryStore;

    use super::*;
    use crate::{Clock, EngineConfig};

    #[tokio::test]
    async fn every_server_of_a_community_has_the_same_secret() {
        let store = Arc::new(MemoryStore::new());
        let start = |store: &Arc<MemoryStore>| {
            let clock = Clock::settable(Time::from_unix(0));
            Network::start(store.clone(), Policy::default(), clock, EngineConfig::default())
        };
        let (one, other) = (start(&store).await.unwrap(), start(&store).await.unwrap());
        let (ours, theirs) = tokio::join!(one.secret(), other.secret());
        let (ours, theirs) = (ours.unwrap(), theirs.unwrap());
        assert_eq!(ours.key_for("cursors"), theirs.key_for("cursors"));
        assert_ne!(ours.key_for("cursors"), ours.key_for("cookies"));
        let elsewhere = start(&Arc::new(MemoryStore::new())).await.unwrap().secret().await.unwrap();
        assert_ne!(ours.key_for("cursors"), elsewhere.key_for("cursors"));
        assert_eq!(format!("{ours:?}"), "CommunitySecret(…)");
        one.shutdown().await;
        other.shutdown().await;
    }
}
