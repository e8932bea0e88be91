//! The community's own secret: random bytes that its servers share, for what they hand out and want
//! back unchanged (cursors, cookies). It is made by the first server that needs it and kept in the
//! store, so it outlives a restart and is the same at every server. It opens no call by itself.
//!
//! Beside it, the form of secrets that belong to a member: they say whose they are, so that they need
//! no index.

use acquaint_core::ids::MemberId;
use acquaint_store::{DocumentChange, DocumentName, Kind, StoreError};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use serde::{Deserialize, Serialize};

use crate::documents;
use crate::ids::{self, NoRandomness};
use crate::network::Network;

/// What the community's secret is called in messages.
const SECRET: &str = "the community's secret";

/// Random bytes that the servers of a community share. Not shown by `Debug`.
#[derive(Clone)]
pub struct CommunitySecret([u8; 32]);

/// Why there is no secret.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SecretError {
    /// The operating system has no random numbers to give.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
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
                return Ok(CommunitySecret(documents::read::<Kept>(SECRET, &found)?.bytes));
            }
            let bytes = ids::random()?;
            let content = documents::content(SECRET, None, &Kept { bytes })?;
            match self.keep(vec![DocumentChange::create(name.clone(), content)]).await {
                Ok(()) => return Ok(CommunitySecret(bytes)),
                // Another server was faster: its secret is the one.
                Err(StoreError::Conflict) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// A member's secret as it is handed out.
pub(crate) fn addressed(member: &MemberId, secret: &str) -> String {
    format!("{}.{secret}", BASE64.encode(member.as_str()))
}

/// Whose secret was handed out in that form, and the secret.
pub(crate) fn addressee(given: &str) -> Option<(MemberId, &str)> {
    let (member, secret) = given.split_once('.')?;
    let member = String::from_utf8(BASE64.decode(member).ok()?).ok()?;
    Some((MemberId::new(&member).ok()?, secret))
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
