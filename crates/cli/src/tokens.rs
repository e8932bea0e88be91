//! Which tokens of members `serve` takes: from the settings, and from a set of keys, in a file or at an
//! address, that is read again while the server runs.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use acquaint_core::time::Span;
use acquaint_server::{KeySetAddress, TokenAlgorithm, TokenConfig, TokenKeys};
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::failure::{Failure, Outcome};
use crate::settings::{Key, Sources, text, timeout as duration, variable};

/// The variable that holds the secret of HS256 itself.
const SECRET: &str = "ACQUAINT_TOKEN_SECRET";
/// What `aud` must name unless told otherwise.
const AUDIENCE: &str = "acquaint";
/// By how much the clocks of host and server may differ unless told otherwise.
const LEEWAY: Duration = Duration::from_secs(30);
/// How often a file is read again, and an address that did not answer.
const SOON: Duration = Duration::from_secs(30);
/// How often an address is read again: a key that is taken out counts for so long at most.
const LIFETIME: Duration = Duration::from_secs(300);

/// Which tokens are taken.
pub(crate) struct Tokens {
    pub(crate) config: TokenConfig,
    /// Where the keys are; nowhere if there is a secret.
    set: Option<KeySet>,
}

/// A set of keys.
#[derive(Clone)]
enum KeySet {
    File(PathBuf),
    Address(Box<KeySetAddress>),
}

impl Tokens {
    /// What the settings say; `None` if no tokens are taken.
    pub(crate) fn resolve(sources: &Sources) -> Outcome<Option<Self>> {
        let Some(algorithm) = sources.get(Key::TokenAlgorithm, algorithm)? else { return Ok(None) };
        let set = KeySet::resolve(sources)?.filter(|_| !algorithm.is_shared());
        let keys = match &set {
            Some(KeySet::File(path)) => TokenKeys::set(algorithm, &read(path)?)
                .map_err(|error| Failure::usage(format_args!("{}: {error}", path.display())))?,
            Some(KeySet::Address(_)) => TokenKeys::awaited(algorithm),
            None if algorithm.is_shared() => secret(sources)?,
            None => {
                let name = algorithm.name();
                return Err(Failure::usage(format_args!(
                    "{}: {name} needs the public keys of the host: name a file or an address with them with --token-key-set",
                    sources.blame(Key::TokenAlgorithm)
                )));
            }
        };
        let leeway = sources.get(Key::TokenLeeway, duration)?.unwrap_or(LEEWAY);
        let config = TokenConfig {
            keys,
            audience: sources.get(Key::TokenAudience, text)?.unwrap_or_else(|| AUDIENCE.into()),
            issuer: sources.get(Key::TokenIssuer, text)?,
            leeway: Span::seconds(leeway.as_secs()),
        };
        Ok(Some(Self { config, set }))
    }

    /// Asks for the set for the first time. If there is no answer, the server begins without it: tokens
    /// are 503 until there is one.
    pub(crate) async fn begin(&self) {
        if let Some(set @ KeySet::Address(_)) = &self.set {
            set.renew(&self.config.keys).await;
        }
    }

    /// Reads the set again and again, and sooner when a token names a key that is not in it.
    pub(crate) fn renewal(&self) -> impl Future<Output = ()> + Send + 'static {
        let (keys, set) = (self.config.keys.clone(), self.set.clone());
        async move {
            let Some(set) = set else { return };
            let mut pace = interval(set.at_most_every());
            pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let mut wait = set.lifetime();
            loop {
                pace.tick().await;
                // Whichever comes first; both are a reason to read.
                timeout(wait, keys.missing()).await.ok();
                wait = if set.renew(&keys).await { set.lifetime() } else { SOON };
            }
        }
    }
}

impl KeySet {
    fn resolve(sources: &Sources) -> Outcome<Option<Self>> {
        let Some(text) = sources.get(Key::TokenKeySet, text)? else { return Ok(None) };
        if !KeySetAddress::is_meant(&text) {
            return Ok(Some(Self::File(text.into())));
        }
        // What was said is not repeated: it may hold a password.
        let address = KeySetAddress::new(&text)
            .map_err(|error| Failure::usage(format_args!("{}: {error}", sources.blame(Key::TokenKeySet))))?;
        Ok(Some(Self::Address(Box::new(address))))
    }

    fn lifetime(&self) -> Duration {
        match self {
            Self::File(_) => SOON,
            Self::Address(_) => LIFETIME,
        }
    }

    /// A token with an unknown key has it read sooner, but not more often than this: anybody can make
    /// one up.
    fn at_most_every(&self) -> Duration {
        match self {
            Self::File(_) => Duration::from_secs(1),
            Self::Address(_) => Duration::from_secs(5),
        }
    }

    /// Reads it; whether that went well. If not, the keys stay as they were.
    async fn renew(&self, keys: &TokenKeys) -> bool {
        let read = match self {
            Self::File(path) => fs::read_to_string(path).map_err(|error| error.to_string()),
            Self::Address(address) => address.get().await.map_err(|error| error.to_string()),
        };
        let renewed = read.and_then(|text| keys.replace(&text).map_err(|error| error.to_string()));
        if let Err(error) = &renewed {
            tracing::warn!(%error, set = %self, "the keys of tokens stay as they were");
        }
        renewed.is_ok()
    }
}

impl fmt::Display for KeySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Address(address) => address.fmt(f),
        }
    }
}

/// The secret in the variable, or in the file; the file first if its flag names it.
fn secret(sources: &Sources) -> Outcome<TokenKeys> {
    let given = variable(SECRET).filter(|_| !sources.is_flag(Key::TokenSecretFile));
    let file = sources.get(Key::TokenSecretFile, text)?;
    let (place, secret) = match (given, file) {
        (Some(secret), _) => (SECRET.to_owned(), secret),
        (None, Some(path)) => (path.clone(), read(Path::new(&path))?),
        (None, None) => {
            return Err(Failure::usage(format_args!(
                "{}: HS256 needs a secret: put it into {SECRET}, or name a file that holds it with --token-secret-file",
                sources.blame(Key::TokenAlgorithm)
            )));
        }
    };
    let secret = secret.trim_end_matches(['\r', '\n']);
    TokenKeys::secret(secret.as_bytes()).map_err(|error| Failure::usage(format_args!("{place}: {error}")))
}

fn read(path: &Path) -> Outcome<String> {
    fs::read_to_string(path).map_err(|error| Failure::usage(format_args!("cannot read {}: {error}", path.display())))
}

fn algorithm(name: &str) -> Result<TokenAlgorithm, String> {
    let found = TokenAlgorithm::ALL.into_iter().find(|algorithm| algorithm.name() == name);
    found.ok_or_else(|| "expected HS256, RS256, ES256 or EdDSA".into())
}
