//! `acquaint keys`: makes, lists and revokes keys of the host's, in a store or through the server that
//! holds it.

use acquaint_app::keys::ApiKey;
use acquaint_app::{Clock, EngineConfig, Network};
use acquaint_core::access::Scope;
use acquaint_core::policy::Policy;
use acquaint_core::time::Time;
use hyper::body::Bytes;
use hyper::{Method, StatusCode};
use serde::Deserialize;
use serde_json::json;

use crate::args::{KeyPlace, KeysCommand};
use crate::client::{Client, read, refused};
use crate::failure::{Failure, Outcome};
use crate::output;
use crate::settings::Sources;
use crate::store;

/// Where the keys are.
enum Place {
    /// In a store that nobody else holds, or that is shared.
    Store(Network),
    /// Behind a server.
    Server(Box<Client>),
}

/// Carries out `acquaint keys`.
pub(crate) async fn run(command: &KeysCommand) -> Outcome<()> {
    let (KeysCommand::Create { place, .. } | KeysCommand::List { place } | KeysCommand::Revoke { place, .. }) = command;
    let mut keys = Place::open(place).await?;
    let done = match command {
        KeysCommand::Create { name, scopes, .. } => keys.create(name, scopes).await,
        KeysCommand::List { .. } => keys.list().await,
        KeysCommand::Revoke { name, .. } => keys.revoke(name).await,
    };
    if let Place::Store(network) = keys {
        network.shutdown().await;
    }
    done
}

/// A key as the server tells of it.
#[derive(Deserialize)]
struct Told {
    name: String,
    scopes: Vec<Scope>,
    created_at: Time,
    key: Option<String>,
}

#[derive(Deserialize)]
struct Listed {
    items: Vec<Told>,
}

impl From<ApiKey> for Told {
    fn from(key: ApiKey) -> Self {
        Self { name: key.name, scopes: key.scopes, created_at: key.created_at, key: None }
    }
}

impl Place {
    async fn open(place: &KeyPlace) -> Outcome<Self> {
        if let Some(server) = &place.server {
            return Ok(Self::Server(Box::new(Client::administrator(server).await?)));
        }
        let sources = Sources::gather(place.store.given(), place.store.config.as_deref())?;
        let address = store::address(&sources)?.unwrap_or_default();
        let store = store::open_existing(&address, &store::means(&sources)?).await?;
        // A clock that stands still carries out nothing that is due: that is for the server, with its policy.
        let clock = Clock::settable(Clock::system().now());
        let network = Network::start(store, Policy::default(), clock, EngineConfig::default()).await;
        network.map(Self::Store).map_err(Failure::failed)
    }

    async fn create(&mut self, name: &str, scopes: &[Scope]) -> Outcome<()> {
        let secret = match self {
            Self::Store(network) => {
                let (_, secret) = network.create_key(name, scopes).await.map_err(Failure::failed)?;
                secret.reveal().to_owned()
            }
            Self::Server(client) => {
                let body = json!({"name": name, "scopes": scopes}).to_string();
                let told: Told = read(&client.ask(Method::POST, "/v1/keys", body).await?)?;
                told.key.ok_or_else(|| Failure::failed("the server told no key"))?
            }
        };
        output::note("this is the only time that the key is shown");
        output::line(&secret)
    }

    async fn list(&mut self) -> Outcome<()> {
        let keys: Vec<Told> = match self {
            Self::Store(network) => network.keys().await.map_err(store::failed)?.into_iter().map(Told::from).collect(),
            Self::Server(client) => read::<Listed>(&client.ask(Method::GET, "/v1/keys", String::new()).await?)?.items,
        };
        for key in keys {
            let scopes: Vec<&str> = key.scopes.iter().map(|scope| scope.name()).collect();
            output::line(&format!("{}\t{}\t{}", key.name, scopes.join(","), key.created_at))?;
        }
        Ok(())
    }

    async fn revoke(&mut self, name: &str) -> Outcome<()> {
        let known = match self {
            Self::Store(network) => network.revoke_key(name).await.map_err(store::failed)?,
            // The name is checked, because it becomes a part of a path.
            Self::Server(_) if !acquaint_app::keys::is_name(name) => false,
            Self::Server(client) => {
                let path = format!("/v1/keys/{name}");
                let (status, body) = client.call(Method::DELETE, &path, None, Bytes::new()).await?;
                match status {
                    StatusCode::NOT_FOUND => false,
                    status if status.is_success() => true,
                    _ => return Err(refused(&body)),
                }
            }
        };
        if known { Ok(()) } else { Err(Failure::failed(format_args!("there is no key of the name {name:?}"))) }
    }
}
