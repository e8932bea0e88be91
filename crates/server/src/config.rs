//! What the server is told at its start.

use std::fmt;
use std::time::Duration;

use acquaint_app::{Clock, SessionRules};
use acquaint_core::ids::MemberId;
use acquaint_core::policy::Policy;
use acquaint_core::time::Time;
use acquaint_linkedin::kept::Kept;
use acquaint_webhooks::Allowed;
use ipnet::IpNet;
use subtle::{Choice, ConstantTimeEq};

use crate::auth::TokenConfig;
use crate::oidc::Oidc;
use crate::tls::Tls;

/// A community to try things out in: the pages are served too, to whoever asks on this machine, and
/// every visitor chooses whom to be. It belongs on a loopback address with a settable clock.
pub struct Demo {
    /// Who can be chosen, in the order in which they are shown.
    pub people: Vec<MemberId>,
    /// Those who are shown first, each with what there is to see as them.
    pub featured: Vec<(MemberId, &'static str)>,
    /// Seals the cookies of this run.
    pub secret: [u8; 32],
    /// Is told whenever a visitor has set the clock.
    pub clock_set: Box<dyn Fn(Time) + Send + Sync>,
}

/// A person's own LinkedIn export, to be looked at. It belongs on a loopback address.
pub struct Own {
    /// The ledger.
    pub kept: Kept,
    /// The waits and ages that are advised by.
    pub policy: Policy,
    /// What time it is.
    pub clock: Clock,
    /// Seals the cookies of this run.
    pub secret: [u8; 32],
}

/// The pages for members, who sign in.
#[derive(Debug, Clone)]
pub struct Pages {
    /// The name and port under which browsers know the server: `network.example.org`.
    pub host: String,
    /// How long a session lasts.
    pub sessions: SessionRules,
    /// Where whoever is not signed in can do so; they are told to go back where they came from if
    /// nothing is said.
    pub sign_in: Option<String>,
    /// The provider with which members sign in, in place of `sign_in` and of tickets, or beside them.
    pub oidc: Option<Oidc>,
}

/// How the server is run.
#[derive(Debug, Clone)]
pub struct ServerConfig {
    /// The keys with which the embedding product calls. Several are for changing them without a
    /// pause; with none, only the open calls answer.
    pub host_keys: Vec<HostKey>,
    /// Which tokens of members are taken; with `None`, the host calls for all of them.
    pub tokens: Option<TokenConfig>,
    /// How much a client may ask for, and how long it may take.
    pub limits: Limits,
    /// The pages for members; with `None`, there is the API alone.
    pub pages: Option<Pages>,
    /// Where the links of mails lead: the name and port under which browsers know the server. With
    /// `None`, no mails are sent.
    pub letters: Option<String>,
    /// Who is believed about the addresses of clients (`X-Forwarded-For`).
    pub trusted_proxies: Vec<IpNet>,
    /// Which endpoints may be posted to, beside those on the public internet.
    pub webhooks: Allowed,
    /// Encrypts connections; with `None`, somebody else does, or nobody.
    pub tls: Option<Tls>,
}

impl ServerConfig {
    /// The usual limits, and these keys.
    #[must_use]
    pub fn new(host_keys: Vec<HostKey>) -> Self {
        Self {
            host_keys,
            tokens: None,
            pages: None,
            letters: None,
            limits: Limits::default(),
            trusted_proxies: Vec::new(),
            webhooks: Allowed::default(),
            tls: None,
        }
    }
}

/// How much a client may ask for, and how long it may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections at the same time; more wait in the system's queue. At least 1.
    pub connections: usize,
    /// Connections of one address at the same time; more are closed. Trusted proxies have no limit.
    pub address_connections: usize,
    /// Calls that are answered at the same time; more are 503 at once. Health is told all the same.
    pub requests: usize,
    /// Calls of one member in a minute, all of which may come at once; 0 is no limit.
    pub member_rate: u32,
    /// Calls with one key of the host's in a minute; 0 is no limit.
    pub key_rate: u32,
    /// Calls of one address in a minute that nobody was proven to have made; 0 is no limit.
    pub address_rate: u32,
    /// Longest body of a request, in bytes.
    pub body: usize,
    /// Longest body of `POST /v1/commands`, in bytes.
    pub batch_body: usize,
    /// Most headers of a request; more are answered with 431.
    pub headers: usize,
    /// How long a connection may take to send the head of its next request, waiting included.
    pub header_timeout: Duration,
    /// How long a request may take to send its body.
    pub body_timeout: Duration,
    /// How long a client may take nothing of an answer that waits for it, before it is cut off.
    pub write_timeout: Duration,
    /// How long requests under way may take to end once the server is told to stop.
    pub shutdown_timeout: Duration,
}

impl Limits {
    /// The number of headers that needs no memory of its own for each request.
    pub(crate) const USUAL_HEADERS: usize = 100;
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 4_096,
            address_connections: 2_048,
            requests: 2_048,
            member_rate: 1_200,
            key_rate: 0,
            address_rate: 1_200,
            body: 64 << 10,
            batch_body: 4 << 20,
            headers: Self::USUAL_HEADERS,
            header_timeout: Duration::from_secs(30),
            body_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_secs(30),
            shutdown_timeout: Duration::from_secs(10),
        }
    }
}

/// A key of the host, kept as its digest.
#[derive(Clone, PartialEq, Eq)]
pub struct HostKey([u8; 32]);

/// The text cannot be sent as a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a host key is 1 to 512 visible ASCII characters without spaces")]
pub struct HostKeyError;

impl HostKey {
    /// The key that this text is.
    ///
    /// # Errors
    /// [`HostKeyError`] if it could not be sent in a header.
    pub fn new(text: &str) -> Result<Self, HostKeyError> {
        let sendable = (1..=512).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
        if sendable { Ok(Self::digest(text.as_bytes())) } else { Err(HostKeyError) }
    }

    pub(crate) fn digest(key: &[u8]) -> Self {
        Self(acquaint_app::keys::digest(key))
    }

    /// Takes as long for any two keys.
    pub(crate) fn is(&self, other: &Self) -> Choice {
        self.0.ct_eq(&other.0)
    }
}

impl fmt::Debug for HostKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HostKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_can_be_sent_and_is_not_shown() {
        for wrong in ["", "two words", "naïve", "line\n", &"x".repeat(513)] {
            assert_eq!(HostKey::new(wrong), Err(HostKeyError), "{wrong:?}");
        }
        let key = HostKey::new("s3cret").unwrap();
        assert!(bool::from(key.is(&HostKey::digest(b"s3cret"))));
        assert!(!bool::from(key.is(&HostKey::digest(b"s3cres"))));
        assert_eq!(format!("{key:?}"), "HostKey(…)");
    }
}
