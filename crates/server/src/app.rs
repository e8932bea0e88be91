//! What every handler has at hand.

use std::sync::Arc;

use acquaint_app::{CommunitySecret, Network, Request, SecretError};
use acquaint_core::command::{Action, Command};
use acquaint_core::decide::Answer;
use acquaint_core::ids::MemberId;
use acquaint_core::refusal::{Code, Refusal};
use acquaint_core::standing;
use acquaint_webhooks::Webhooks;
use axum::body::Bytes;
use axum::http::{HeaderName, HeaderValue};
use prometheus_client::registry::Registry;
use tokio::sync::{OnceCell, Semaphore, watch};

use crate::auth::{Keyring, Tokens};
use crate::body::Key;
use crate::callers::Callers;
use crate::config::{HostKey, Limits, Pages, ServerConfig};
use crate::observe::{Around, Observer};
use crate::problem::Problem;
use crate::seal::{Purpose, Seal};

/// What every handler has at hand. Cheap to clone.
#[derive(Clone)]
pub(crate) struct App(Arc<Inner>);

struct Inner {
    network: Network,
    config: ServerConfig,
    webhooks: Webhooks,
    tokens: Option<Tokens>,
    keyring: Keyring,
    callers: Arc<Callers>,
    /// Whether those who watch over the server have a listener of their own.
    is_watched_apart: bool,
    registry: Registry,
    observer: Arc<Observer>,
    /// Turns true when the server is told to stop.
    closing: watch::Receiver<bool>,
    /// The document that describes the API.
    description: Bytes,
    /// For exports, each of which goes through all that tells of the past.
    exporting: Semaphore,
    /// The community's secret, asked for when it is first needed.
    secret: OnceCell<CommunitySecret>,
}

impl App {
    pub(crate) fn new(
        network: Network,
        config: ServerConfig,
        webhooks: Webhooks,
        is_watched_apart: bool,
        description: String,
        closing: watch::Receiver<bool>,
    ) -> Self {
        let mut registry = Registry::default();
        network.register_metrics(&mut registry);
        let observer = Arc::new(Observer::new(&mut registry));
        let tokens = config.tokens.clone().map(Tokens::new);
        let (keyring, callers) = (Keyring::default(), Arc::new(Callers::new(&config)));
        Self(Arc::new(Inner {
            network,
            config,
            webhooks,
            tokens,
            keyring,
            callers,
            is_watched_apart,
            registry,
            observer,
            closing,
            description: description.into(),
            exporting: Semaphore::new(1),
            secret: OnceCell::new(),
        }))
    }

    pub(crate) fn network(&self) -> &Network {
        &self.0.network
    }

    pub(crate) fn host_keys(&self) -> &[HostKey] {
        &self.0.config.host_keys
    }

    /// The keys of the host's that the store keeps.
    pub(crate) fn keyring(&self) -> &Keyring {
        &self.0.keyring
    }

    /// The endpoints that are told what happened.
    pub(crate) fn webhooks(&self) -> &Webhooks {
        &self.0.webhooks
    }

    /// How much each caller may still ask for.
    pub(crate) fn callers(&self) -> &Arc<Callers> {
        &self.0.callers
    }

    /// Whether those who watch over the server have a listener of their own.
    pub(crate) fn is_watched_apart(&self) -> bool {
        self.0.is_watched_apart
    }

    /// What stands around every route.
    pub(crate) fn around(&self) -> Around {
        let (observer, callers) = (Arc::clone(&self.0.observer), Arc::clone(&self.0.callers));
        Around { observer, callers, is_encrypted: self.0.config.tls.is_some() }
    }

    /// Checks the tokens of members, if any are taken.
    pub(crate) fn tokens(&self) -> Option<&Tokens> {
        self.0.tokens.as_ref()
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.0.config.limits
    }

    pub(crate) fn registry(&self) -> &Registry {
        &self.0.registry
    }

    pub(crate) fn description(&self) -> Bytes {
        self.0.description.clone()
    }

    /// The pages for members, if they are served.
    pub(crate) fn pages(&self) -> Option<&Pages> {
        self.0.config.pages.as_ref()
    }

    /// Under which name the links of mails lead here, if mails are sent.
    pub(crate) fn letters(&self) -> Option<&str> {
        self.0.config.letters.as_deref()
    }

    /// One permit: a server makes one export at a time.
    pub(crate) fn exporting(&self) -> &Semaphore {
        &self.0.exporting
    }

    /// There is no such member, or none for the caller.
    pub(crate) fn unknown_member(&self) -> Problem {
        self.refused(Code::UnknownMember.refuse())
    }

    /// What seals texts of that purpose, for that member or for the host.
    ///
    /// # Errors
    /// If the community's secret is not known yet and the store cannot give it.
    pub(crate) async fn seal(&self, purpose: Purpose, member: Option<&MemberId>) -> Result<Seal, SecretError> {
        let secret = self.0.secret.get_or_try_init(|| self.network().secret()).await?;
        Ok(Seal::new(&secret.key_for(purpose.context()), member))
    }

    /// Turns true when the server is told to stop: what would never end by itself ends then.
    pub(crate) fn closing(&self) -> watch::Receiver<bool> {
        self.0.closing.clone()
    }

    /// Has a command carried out.
    pub(crate) async fn submit(&self, actor: MemberId, action: Action, key: Option<Key>) -> Result<Answer, Problem> {
        let claim = key.map(|key| key.claim(&actor));
        let request = Request { command: Command { actor, action }, claim };
        self.network().submit(request).await?.map_err(|refusal| self.refused(refusal))
    }

    pub(crate) fn refused(&self, refusal: Refusal) -> Problem {
        Problem::refused(refusal, self.network().now())
    }

    /// How much of the rolling allowance of rule 26 is left, as headers, after the draft
    /// "RateLimit header fields for HTTP"; none where there is no limit.
    pub(crate) fn allowance_headers(&self, allowance: standing::Allowance) -> Vec<(HeaderName, HeaderValue)> {
        let Some(limit) = allowance.limit else { return Vec::new() };
        let window = self.network().policy().limits.rolling_window.as_seconds();
        let left = limit.saturating_sub(allowance.sent);
        let mut now = format!(r#""invitations";r={left}"#);
        if let Some(at) = allowance.next_slot_at {
            now.push_str(&format!(";t={}", at.since(self.network().now()).as_seconds()));
        }
        let policy = format!(r#""invitations";q={limit};w={window}"#);
        let header = |name, value: String| Some((HeaderName::from_static(name), HeaderValue::try_from(value).ok()?));
        [header("ratelimit-policy", policy), header("ratelimit", now)].into_iter().flatten().collect()
    }
}
