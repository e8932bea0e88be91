//! Which tokens of members `serve` takes: from the settings, and from a set of keys that is read again
//! while the server runs.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use acquaint_core::time::Span;
use acquaint_server::{TokenAlgorithm, TokenConfig, TokenKeys};
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::failure::{Failure, Outcome};
use crate::settings::{Key, Sources, text, timeout as duration, variable};

/// The variable that holds the secret of HS256 itself.
const SECRET: &str = "ACQUAINT_TOKEN_SECRET";
/// What `aud` must name unless told otherwise.
const AUDIENCE: &str = "acquaint";
/// By how much the clocks of host and server may differ unless told otherwise.
const LEEWAY: Duration = Duration::from_secs(30);
/// How often the file with the set is read again.
const READ_AGAIN: Duration = Duration::from_secs(30);
/// A token with an unknown key has it read sooner, but not more often than this.
const AT_MOST_EVERY: Duration = Duration::from_secs(1);

/// Which tokens are taken.
pub(crate) struct Tokens {
    pub(crate) config: TokenConfig,
    /// The file with the set of keys; none if there is a secret.
    set: Option<PathBuf>,
}

impl Tokens {
    /// What the settings say; `None` if no tokens are taken.
    pub(crate) fn resolve(sources: &Sources) -> Outcome<Option<Self>> {
        let Some(algorithm) = sources.get(Key::TokenAlgorithm, algorithm)? else { return Ok(None) };
        let set = sources.get(Key::TokenKeySet, text)?.map(PathBuf::from).filter(|_| !algorithm.is_shared());
        let keys = match &set {
            Some(path) => TokenKeys::set(algorithm, &read(path)?)
                .map_err(|error| Failure::usage(format_args!("{}: {error}", path.display())))?,
            None if algorithm.is_shared() => secret(sources)?,
            None => {
                let name = algorithm.name();
                return Err(Failure::usage(format_args!(
                    "{}: {name} needs the public keys of the host: name a file with them with --token-key-set",
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

    /// Reads the set again and again, and sooner when a token names a key that is not in it.
    pub(crate) fn renewal(&self) -> impl Future<Output = ()> + Send + 'static {
        let (keys, set) = (self.config.keys.clone(), self.set.clone());
        async move {
            let Some(path) = set else { return };
            let mut pace = interval(AT_MOST_EVERY);
            pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                pace.tick().await;
                // Whichever comes first; both are a reason to read.
                timeout(READ_AGAIN, keys.missing()).await.ok();
                let read = fs::read_to_string(&path).map_err(|error| error.to_string());
                if let Err(error) = read.and_then(|text| keys.replace(&text).map_err(|error| error.to_string())) {
                    tracing::warn!(%error, file = %path.display(), "the keys of tokens stay as they were");
                }
            }
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
