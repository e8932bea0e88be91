//! Members by token: a JWT (RFC 7519) that the host has signed, whose `sub` is the member's id.
//!
//! One algorithm is right, and the configuration names it; what a token says about its own algorithm
//! is compared with that and decides nothing. Keys of another family are not even kept.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use acquaint_core::ids::MemberId;
use acquaint_core::time::{Span, Time};
use jsonwebtoken::jwk::{Jwk, JwkSet, PublicKeyUse};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, Header, Validation, decode, decode_header};
use serde::Deserialize;
use tokio::sync::Notify;

/// Longest token that is looked at, in bytes.
const LONGEST: usize = 8 << 10;
/// Shortest secret, in bytes: as long as what HS256 makes (RFC 7518, section 3.2).
const SHORTEST_SECRET: usize = 32;

/// How tokens are signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenAlgorithm {
    /// HMAC with SHA-256, and a secret that host and server share.
    Hs256,
    /// RSA with SHA-256.
    Rs256,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// Ed25519.
    EdDsa,
}

impl TokenAlgorithm {
    /// Every algorithm.
    pub const ALL: [Self; 4] = [Self::Hs256, Self::Rs256, Self::Es256, Self::EdDsa];

    /// Its name in the header `alg` (RFC 7518, RFC 8037).
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
        }
    }

    /// Whether host and server share a secret.
    #[must_use]
    pub const fn is_shared(self) -> bool {
        matches!(self, Self::Hs256)
    }

    fn algorithm(self) -> Algorithm {
        match self {
            Self::Hs256 => Algorithm::HS256,
            Self::Rs256 => Algorithm::RS256,
            Self::Es256 => Algorithm::ES256,
            Self::EdDsa => Algorithm::EdDSA,
        }
    }

    fn family(self) -> AlgorithmFamily {
        match self {
            Self::Hs256 => AlgorithmFamily::Hmac,
            Self::Rs256 => AlgorithmFamily::Rsa,
            Self::Es256 => AlgorithmFamily::Ec,
            Self::EdDsa => AlgorithmFamily::Ed,
        }
    }
}

/// Why something gives no keys for tokens. It never repeats what was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenKeysError {
    /// The secret is too short.
    #[error("a secret for HS256 has at least {SHORTEST_SECRET} bytes")]
    ShortSecret,
    /// The text is no set of keys.
    #[error("this is not a JSON Web Key Set (RFC 7517)")]
    NoSet,
    /// No key of the set is for this algorithm.
    #[error("the set holds no key for {}", .0.name())]
    NoKey(TokenAlgorithm),
}

/// The keys that tokens are checked with, which may change while the server runs. Clones are the same.
#[derive(Clone)]
pub struct TokenKeys {
    algorithm: TokenAlgorithm,
    known: Arc<RwLock<Arc<[KnownKey]>>>,
    missing: Arc<Notify>,
}

struct KnownKey {
    id: Option<String>,
    key: DecodingKey,
}

impl fmt::Debug for TokenKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenKeys({}, …)", self.algorithm.name())
    }
}

impl TokenKeys {
    /// The secret that host and server share (HS256).
    ///
    /// # Errors
    /// [`TokenKeysError::ShortSecret`].
    pub fn secret(secret: &[u8]) -> Result<Self, TokenKeysError> {
        if secret.len() < SHORTEST_SECRET {
            return Err(TokenKeysError::ShortSecret);
        }
        let key = KnownKey { id: None, key: DecodingKey::from_secret(secret) };
        Ok(Self::of(TokenAlgorithm::Hs256, [key].into()))
    }

    /// No key yet: [`Self::replace`] brings them. Until then no token can be judged.
    #[must_use]
    pub fn awaited(algorithm: TokenAlgorithm) -> Self {
        Self::of(algorithm, [].into())
    }

    /// The keys of a JSON Web Key Set (RFC 7517) that are for this algorithm.
    ///
    /// # Errors
    /// [`TokenKeysError`].
    pub fn set(algorithm: TokenAlgorithm, text: &str) -> Result<Self, TokenKeysError> {
        read_set(algorithm, text).map(|keys| Self::of(algorithm, keys))
    }

    fn of(algorithm: TokenAlgorithm, keys: Arc<[KnownKey]>) -> Self {
        Self { algorithm, known: Arc::new(RwLock::new(keys)), missing: Arc::default() }
    }

    /// Takes the keys of another set from now on. If there is none, all stays as it was.
    ///
    /// # Errors
    /// [`TokenKeysError`].
    pub fn replace(&self, text: &str) -> Result<(), TokenKeysError> {
        let keys = read_set(self.algorithm, text)?;
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = keys;
        Ok(())
    }

    /// Waits until a token names a key that is not known: the set may have been renewed.
    pub async fn missing(&self) {
        self.missing.notified().await;
    }

    /// The key that a token names. One that names none is checked with the only key there is.
    fn find(&self, id: Option<&str>) -> Result<Option<DecodingKey>, NoKeysYet> {
        let known = Arc::clone(&self.known.read().unwrap_or_else(PoisonError::into_inner));
        if known.is_empty() {
            self.missing.notify_one();
            return Err(NoKeysYet);
        }
        let found = match (id, &*known) {
            (Some(id), keys) => keys.iter().find(|known| known.id.as_deref() == Some(id)),
            (None, [only]) => Some(only),
            (None, _) => None,
        };
        // A shared secret has no name that a host could get wrong.
        let found = found.or(known.first().filter(|only| self.algorithm.is_shared() && only.id.is_none()));
        if found.is_none() && id.is_some() {
            self.missing.notify_one();
        }
        Ok(found.map(|known| known.key.clone()))
    }
}

fn read_set(algorithm: TokenAlgorithm, text: &str) -> Result<Arc<[KnownKey]>, TokenKeysError> {
    let set: JwkSet = serde_json::from_str(text).map_err(|_| TokenKeysError::NoSet)?;
    let keys: Arc<[KnownKey]> = set.keys.iter().filter_map(|jwk| read_key(algorithm, jwk)).collect();
    if keys.is_empty() { Err(TokenKeysError::NoKey(algorithm)) } else { Ok(keys) }
}

/// A key, if it is for signatures by this algorithm.
fn read_key(algorithm: TokenAlgorithm, jwk: &Jwk) -> Option<KnownKey> {
    let common = &jwk.common;
    let for_signatures = common.public_key_use.as_ref().is_none_or(|given| *given == PublicKeyUse::Signature);
    let for_this = common.key_algorithm.as_ref().is_none_or(|given| given.to_string() == algorithm.name());
    let key = DecodingKey::from_jwk(jwk).ok()?;
    let fits = for_signatures && for_this && key.family() == algorithm.family();
    fits.then(|| KnownKey { id: common.key_id.clone(), key })
}

/// The keys have never been read, so that a token may be good or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NoKeysYet;

/// Which tokens are taken.
#[derive(Debug, Clone)]
pub struct TokenConfig {
    /// What they are checked with.
    pub keys: TokenKeys,
    /// What their `aud` must name.
    pub audience: String,
    /// What their `iss` must be, if it matters.
    pub issuer: Option<String>,
    /// By how much the clocks of host and server may differ.
    pub leeway: Span,
}

/// Checks tokens.
pub(crate) struct Tokens {
    keys: TokenKeys,
    validation: Validation,
    leeway: Span,
}

/// What a token says, as far as it matters here.
#[derive(Deserialize)]
struct Claims {
    sub: String,
    exp: f64,
    nbf: Option<f64>,
}

impl Tokens {
    pub(crate) fn new(config: TokenConfig) -> Self {
        let mut validation = Validation::new(config.keys.algorithm.algorithm());
        validation.set_audience(&[config.audience]);
        validation.set_required_spec_claims(&["exp", "aud", "sub"]);
        if let Some(issuer) = config.issuer {
            validation.set_issuer(&[issuer]);
            validation.required_spec_claims.insert("iss".into());
        }
        // The library would ask the system's clock; here time is an argument.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        Self { keys: config.keys, validation, leeway: config.leeway }
    }

    /// The member whose token this is, at that time.
    ///
    /// # Errors
    /// [`NoKeysYet`] if nobody can say.
    pub(crate) fn member(&self, token: &[u8], now: Time) -> Result<Option<MemberId>, NoKeysYet> {
        let Some(header) = self.header(token) else { return Ok(None) };
        let Some(key) = self.keys.find(header.kid.as_deref())? else { return Ok(None) };
        let Ok(token) = decode::<Claims>(token, &key, &self.validation) else { return Ok(None) };
        let is_current = self.is_current(&token.claims, now);
        Ok(MemberId::new(&token.claims.sub).ok().filter(|_| is_current))
    }

    /// The header of a token that is signed as ours are said to be.
    fn header(&self, token: &[u8]) -> Option<Header> {
        let header = (token.len() <= LONGEST).then(|| decode_header(token).ok())??;
        // Nothing that must be understood is (RFC 7515, section 4.1.11).
        let is_ours = header.crit.is_none() && self.validation.algorithms.contains(&header.alg);
        is_ours.then_some(header)
    }

    /// Over at `exp`, not before; good from `nbf` on (RFC 7519, section 4.1).
    #[expect(clippy::cast_precision_loss, reason = "seconds of our time are exact in a float")]
    fn is_current(&self, claims: &Claims, now: Time) -> bool {
        let (now, leeway) = (now.unix() as f64, self.leeway.as_seconds() as f64);
        now < claims.exp + leeway && claims.nbf.is_none_or(|nbf| nbf <= now + leeway)
    }
}
