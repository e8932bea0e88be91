//! Keys with which the host and its operators call: documents of the host, one for each, under its name.
//!
//! The secret is shown once, when the key is made; what is kept is its digest. A secret is 256 random
//! bits, so a plain hash is enough: there is nothing to guess.

use acquaint_core::access::Scope;
use acquaint_core::time::Time;
use acquaint_store::{Document, DocumentChange, DocumentName, DocumentPage, Kind, Store, StoreError};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::documents;
use crate::ids::{self, NoRandomness};
use crate::network::Network;

/// How every secret of a key begins, for those who search for secrets that got lost.
pub const PREFIX: &str = "acq_";
/// Longest name of a key, in bytes.
pub const LONGEST_NAME: usize = 64;
/// What a key is called in messages.
const KEY: &str = "a key of the host's";
/// How many keys are read at a time.
const AT_ONCE: usize = 100;

/// A key, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKey {
    /// Its name: visible ASCII without spaces or slashes.
    #[serde(skip)]
    pub name: String,
    /// Whose it is.
    #[serde(default, skip_serializing_if = "Holder::is_host")]
    pub holder: Holder,
    /// What it is good for, if it is the host's.
    pub scopes: Vec<Scope>,
    /// When it was made.
    pub created_at: Time,
    /// The digest of its secret.
    pub digest: [u8; 32],
}

/// Whose a key is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Holder {
    /// The product's.
    #[default]
    Host,
    /// A person's who looks after the community.
    Operator,
}

impl Holder {
    /// Every holder.
    pub const ALL: [Self; 2] = [Self::Host, Self::Operator];

    /// Its word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Operator => "operator",
        }
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
    fn is_host(&self) -> bool {
        *self == Self::Host
    }
}

/// What a key is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Grant {
    /// The host's, with these scopes.
    Host(Vec<Scope>),
    /// An operator's.
    Operator,
}

/// The secret of a key, which is nowhere else. It is not shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The secret, to be shown once.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Why there is no new key.
#[derive(Debug, Clone, thiserror::Error)]
pub enum KeyError {
    /// The name cannot be one.
    #[error("the name of a key is 1 to {LONGEST_NAME} letters, digits, dots, hyphens or underscores (ASCII)")]
    Name,
    /// A key without a scope opens nothing.
    #[error("a key of the host's needs at least one of the scopes read, act and admin")]
    NoScope,
    /// There is a key of that name.
    #[error("there is a key of that name; revoke it first, or choose another name")]
    Exists,
    /// The operating system has no random numbers to give.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The digest by which a secret is known.
#[must_use]
pub fn digest(secret: &[u8]) -> [u8; 32] {
    blake3::hash(secret).into()
}

/// Whether a text can be the name of a key.
#[must_use]
pub fn is_name(text: &str) -> bool {
    (1..=LONGEST_NAME).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte))
}

/// Makes a key.
///
/// # Errors
/// [`KeyError`].
pub async fn create(store: &dyn Store, name: &str, grant: Grant, now: Time) -> Result<(ApiKey, Secret), KeyError> {
    if !is_name(name) {
        return Err(KeyError::Name);
    }
    let (holder, mut scopes) = match grant {
        Grant::Host(scopes) if scopes.is_empty() => return Err(KeyError::NoScope),
        Grant::Host(scopes) => (Holder::Host, scopes),
        Grant::Operator => (Holder::Operator, Vec::new()),
    };
    scopes.sort_unstable();
    scopes.dedup();
    let secret = draw()?;
    let key = ApiKey { name: name.into(), holder, scopes, created_at: now, digest: digest(secret.0.as_bytes()) };
    let change = DocumentChange::create(document_name(name), documents::content(KEY, None, &key)?);
    match keep(store, change).await {
        Ok(()) => Ok((key, secret)),
        Err(StoreError::Conflict) => Err(KeyError::Exists),
        Err(error) => Err(error.into()),
    }
}

/// Every key, in the order of names.
///
/// # Errors
/// If the store fails, or if what it keeps is no key.
pub async fn list(store: &dyn Store) -> Result<Vec<ApiKey>, StoreError> {
    let mut all = Vec::new();
    let mut page = DocumentPage { owner: None, kind: Kind::ApiKey, after: None, limit: AT_ONCE };
    loop {
        let documents = store.documents(&page).await?;
        let Some(last) = documents.last() else { return Ok(all) };
        page.after = Some(last.name.key.clone());
        for document in documents {
            all.push(read(document)?);
        }
    }
}

/// Takes a key out of use for good; whether there was one.
///
/// # Errors
/// If the store fails.
pub async fn revoke(store: &dyn Store, name: &str) -> Result<bool, StoreError> {
    if !is_name(name) {
        return Ok(false);
    }
    let Some(document) = store.document(&document_name(name)).await? else { return Ok(false) };
    match keep(store, DocumentChange::remove(document)).await {
        // A key is never written again, so somebody else revoked it.
        Err(StoreError::Conflict) => Ok(false),
        kept => kept.map(|()| true),
    }
}

async fn keep(store: &dyn Store, change: DocumentChange) -> Result<(), StoreError> {
    store.commit(&acquaint_store::Changes { documents: vec![change], ..Default::default() }).await
}

fn document_name(name: &str) -> DocumentName {
    DocumentName { owner: None, kind: Kind::ApiKey, key: name.into() }
}

fn read(document: Document) -> Result<ApiKey, StoreError> {
    let key: ApiKey = documents::read(KEY, &document)?;
    Ok(ApiKey { name: document.name.key, ..key })
}

fn draw() -> Result<Secret, KeyError> {
    Ok(Secret(format!("{PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(ids::random::<32>()?))))
}

impl Network {
    /// Makes a key with which the host or an operator can call.
    ///
    /// # Errors
    /// [`KeyError`].
    pub async fn create_key(&self, name: &str, grant: Grant) -> Result<(ApiKey, Secret), KeyError> {
        create(self.store(), name, grant, self.now()).await
    }

    /// Every key of the host's, in the order of names.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn keys(&self) -> Result<Vec<ApiKey>, StoreError> {
        list(self.store()).await
    }

    /// Takes a key out of use for good; whether there was one.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn revoke_key(&self, name: &str) -> Result<bool, StoreError> {
        revoke(self.store(), name).await
    }
}

#[cfg(test)]
mod tests {
    use acquaint_store::memory::MemoryStore;

    use super::*;

    #[tokio::test]
    async fn a_key_is_made_listed_and_revoked() {
        let store = MemoryStore::new();
        let now = Time::from_unix(1_000);
        let scopes = Grant::Host(vec![Scope::Act, Scope::Read, Scope::Act]);
        let (key, secret) = create(&store, "shop", scopes.clone(), now).await.unwrap();
        assert_eq!(key.scopes, [Scope::Read, Scope::Act]);
        assert!(secret.reveal().starts_with(PREFIX) && secret.reveal().len() == 47);
        assert_eq!(key.digest, digest(secret.reveal().as_bytes()));
        assert!(!format!("{key:?} {secret:?}").contains(secret.reveal()));
        assert!(matches!(create(&store, "shop", scopes, now).await, Err(KeyError::Exists)));
        assert_eq!(list(&store).await.unwrap(), [key]);
        let kept = store.document(&document_name("shop")).await.unwrap().unwrap();
        assert!(!kept.content.body.contains(secret.reveal()));
        assert!(revoke(&store, "shop").await.unwrap());
        assert!(!revoke(&store, "shop").await.unwrap() && !revoke(&store, "").await.unwrap());
        assert!(list(&store).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn more_keys_than_are_read_at_once_are_all_listed() {
        let store = MemoryStore::new();
        for number in 0..=AT_ONCE {
            create(&store, &format!("k{number}"), Grant::Host(vec![Scope::Read]), Time::from_unix(0)).await.unwrap();
        }
        assert_eq!(list(&store).await.unwrap().len(), AT_ONCE + 1);
    }

    #[tokio::test]
    async fn a_key_has_a_name_and_a_scope() {
        let store = MemoryStore::new();
        for name in ["", "a b", "a/b", "é", "\n", &"x".repeat(65)] {
            let made = create(&store, name, Grant::Operator, Time::from_unix(0)).await;
            assert!(matches!(made, Err(KeyError::Name)), "{name:?}");
        }
        assert!(matches!(
            create(&store, "a", Grant::Host(Vec::new()), Time::from_unix(0)).await,
            Err(KeyError::NoScope)
        ));
    }

    #[tokio::test]
    async fn a_key_that_was_kept_before_there_were_operators_is_the_hosts() {
        let store = MemoryStore::new();
        let (key, _) = create(&store, "shop", Grant::Host(vec![Scope::Read]), Time::from_unix(0)).await.unwrap();
        let kept = store.document(&document_name("shop")).await.unwrap().unwrap();
        assert!(!kept.content.body.contains("holder"), "{}", kept.content.body);
        assert_eq!(read(kept).unwrap(), key);
        let (key, _) = create(&store, "olga", Grant::Operator, Time::from_unix(0)).await.unwrap();
        assert_eq!((key.holder, key.scopes.len()), (Holder::Operator, 0));
        assert_eq!(list(&store).await.unwrap()[0], key);
    }
}
