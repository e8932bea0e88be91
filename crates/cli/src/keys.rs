//! `acquaint keys` and `acquaint audit`: keys of the host's and of operators, and what was administered
//! with them, in a store or through the server that holds it.

use acquaint_app::audit::{Act, By, Entry};
use acquaint_app::keys::{ApiKey, Grant, Holder};
use acquaint_app::{Clock, EngineConfig, Network};
use acquaint_core::access::{Operation, Scope};
use acquaint_core::policy::Policy;
use acquaint_core::time::Time;
use hyper::Method;
use serde::Deserialize;
use serde_json::json;

use crate::args::{AuditArgs, KeyPlace, KeysCommand};
use crate::failure::{Failure, Outcome};
use crate::output;
use crate::remote::Remote;
use crate::settings::Sources;
use crate::store;

/// How many entries of the trail are asked for in one go.
const AT_ONCE: usize = 100;

/// Where the keys are.
enum Place {
    /// In a store that nobody else holds, or that is shared.
    Store(Network),
    /// Behind a server.
    Server(Box<Remote>),
}

/// Carries out `acquaint keys`.
pub(crate) async fn run(command: &KeysCommand) -> Outcome<()> {
    let (KeysCommand::Create { place, .. } | KeysCommand::List { place } | KeysCommand::Revoke { place, .. }) = command;
    let mut keys = Place::open(place).await?;
    let done = match command {
        KeysCommand::Create { name, operator: true, .. } => keys.create(name, Grant::Operator).await,
        KeysCommand::Create { name, scopes, .. } => keys.create(name, Grant::Host(scopes.clone())).await,
        KeysCommand::List { .. } => keys.list().await,
        KeysCommand::Revoke { name, .. } => keys.revoke(name).await,
    };
    keys.close().await;
    done
}

/// Carries out `acquaint audit`.
pub(crate) async fn audit(args: &AuditArgs) -> Outcome<()> {
    let mut place = Place::open(&args.place).await?;
    let shown = place.audit(args.limit).await;
    place.close().await;
    shown
}

/// A key as the server tells of it.
#[derive(Deserialize)]
struct Told {
    name: String,
    holder: Holder,
    scopes: Vec<Scope>,
    created_at: Time,
    key: Option<String>,
}

#[derive(Deserialize)]
struct Listed<T> {
    items: Vec<T>,
    next_cursor: Option<String>,
}

/// An entry of the audit trail as the server tells of it.
#[derive(Deserialize)]
struct ToldEntry {
    at: Time,
    by: String,
    key: Option<String>,
    operation: String,
    member: Option<String>,
    #[serde(default)]
    member_erased: bool,
    target: Option<String>,
    status: Option<u16>,
}

impl From<ApiKey> for Told {
    fn from(key: ApiKey) -> Self {
        Self { name: key.name, holder: key.holder, scopes: key.scopes, created_at: key.created_at, key: None }
    }
}

impl From<Entry> for ToldEntry {
    fn from(entry: Entry) -> Self {
        let Entry { id: _, at, by, operation, member, is_erased, target, status } = entry;
        let (by, key) = by.told();
        let (by, member) = (by.to_owned(), member.map(|member| member.to_string()));
        Self { at, by, key, operation, member, member_erased: is_erased, target, status }
    }
}

impl ToldEntry {
    /// When, who, what, about whom or on what, and what came of it, with tabs between.
    fn line(&self) -> String {
        let who = self.key.as_ref().map_or_else(|| self.by.clone(), |key| format!("{} {key}", self.by));
        let erased = self.member_erased.then_some("(erased)");
        let about = self.member.as_deref().or(self.target.as_deref()).or(erased).unwrap_or("-");
        let status = self.status.map_or_else(|| "broken off".to_owned(), |status| status.to_string());
        format!("{}\t{who}\t{}\t{about}\t{status}", self.at, self.operation)
    }
}

impl Place {
    async fn open(place: &KeyPlace) -> Outcome<Self> {
        if let Some(server) = &place.server {
            return Remote::open(server, "a key with the scope admin, or an operator's")
                .await
                .map(Box::new)
                .map(Self::Server);
        }
        let sources = Sources::gather(place.store.given(), place.store.config.as_deref())?;
        let address = store::address(&sources)?.unwrap_or_default();
        let store = store::open_existing(&address, &store::means(&sources)?).await?;
        // A clock that stands still carries out nothing that is due: that is for the server, with its policy.
        let clock = Clock::settable(Clock::system().now());
        let network = Network::start(store, Policy::default(), clock, EngineConfig::default()).await;
        network.map(Self::Store).map_err(Failure::failed)
    }

    async fn close(self) {
        if let Self::Store(network) = self {
            network.shutdown().await;
        }
    }

    async fn create(&mut self, name: &str, grant: Grant) -> Outcome<()> {
        let secret = match self {
            Self::Store(network) => {
                let made = recorded(network, Operation::CreateKey, name, network.create_key(name, grant)).await?;
                made.map_err(Failure::failed)?.1.reveal().to_owned()
            }
            Self::Server(server) => {
                let body = match grant {
                    Grant::Host(scopes) => json!({"name": name, "scopes": scopes}),
                    Grant::Operator => json!({"name": name, "holder": Holder::Operator}),
                };
                let told: Told = server.call(Method::POST, "/v1/keys", body.to_string()).await?;
                told.key.ok_or_else(|| Failure::failed("the server told no key"))?
            }
        };
        output::note("this is the only time that the key is shown");
        output::line(&secret)
    }

    async fn list(&mut self) -> Outcome<()> {
        let keys: Vec<Told> = match self {
            Self::Store(network) => network.keys().await.map_err(store::failed)?.into_iter().map(Told::from).collect(),
            Self::Server(server) => server.call::<Listed<Told>>(Method::GET, "/v1/keys", String::new()).await?.items,
        };
        for key in keys {
            let scopes: Vec<&str> = key.scopes.iter().map(|scope| scope.name()).collect();
            let good_for = match key.holder {
                Holder::Host => scopes.join(","),
                Holder::Operator => Holder::Operator.name().to_owned(),
            };
            output::line(&format!("{}\t{good_for}\t{}", key.name, key.created_at))?;
        }
        Ok(())
    }

    async fn revoke(&mut self, name: &str) -> Outcome<()> {
        let known = match self {
            Self::Store(network) => {
                let revoked = recorded(network, Operation::RevokeKey, name, network.revoke_key(name)).await?;
                revoked.map_err(store::failed)?
            }
            // The name is checked, because it becomes a part of a path.
            Self::Server(_) if !acquaint_app::keys::is_name(name) => false,
            Self::Server(server) => {
                server.find(Method::DELETE, &format!("/v1/keys/{name}"), String::new()).await?.is_some()
            }
        };
        if known { Ok(()) } else { Err(Failure::failed(format_args!("there is no key of the name {name:?}"))) }
    }

    async fn audit(&mut self, limit: usize) -> Outcome<()> {
        let (mut shown, mut after) = (0, None);
        while shown < limit {
            let (entries, next) = self.entries(after.as_deref(), AT_ONCE.min(limit - shown)).await?;
            shown += entries.len();
            for entry in &entries {
                output::line(&entry.line())?;
            }
            match next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        Ok(())
    }

    /// Entries of the trail, and where it goes on.
    async fn entries(&mut self, after: Option<&str>, limit: usize) -> Outcome<(Vec<ToldEntry>, Option<String>)> {
        match self {
            Self::Store(network) => {
                let read = network.audit(after, limit).await.map_err(store::failed)?;
                let next = (read.len() == limit).then(|| read.last().map(|entry| entry.id.clone())).flatten();
                Ok((read.into_iter().map(ToldEntry::from).collect(), next))
            }
            Self::Server(server) => {
                let path = format!("/v1/audit?limit={limit}&cursor={}", after.unwrap_or_default());
                let page: Listed<ToldEntry> = server.call(Method::GET, &path, String::new()).await?;
                Ok((page.items, page.next_cursor))
            }
        }
    }
}

/// Does something with the store in one's hands, and has the audit trail say so.
async fn recorded<T, E>(
    network: &Network,
    operation: Operation,
    target: &str,
    doing: impl Future<Output = Result<T, E>>,
) -> Outcome<Result<T, E>> {
    let act = Act { by: By::CommandLine, operation: operation.name(), member: None, target: Some(target.to_owned()) };
    let entry = network.record(act).await.map_err(store::failed)?;
    let done = doing.await;
    let status = if done.is_ok() { 200 } else { 400 };
    network.record_outcome(&entry, status, None).await.map_err(store::failed)?;
    Ok(done)
}
