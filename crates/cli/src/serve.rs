//! `acquaint serve`: the HTTP API on a store, until a signal says to stop.

use std::fs;
use std::io::IsTerminal;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use acquaint_app::outbox::{Channel, Outbox};
use acquaint_app::{Clock, EngineConfig, Network};
use acquaint_core::policy::Policy;
use acquaint_server::{HostKey, Limits, Listeners, ServerConfig};
use acquaint_webhooks::{Allowed, Webhooks};
use ipnet::IpNet;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tracing_subscriber::EnvFilter;

use crate::args::ServeArgs;
use crate::failure::{Failure, Outcome};
use crate::mail::{self, Mail};
use crate::output;
use crate::pages;
use crate::policy::PolicySource;
use crate::random;
use crate::settings::{Key, Sources, address, number, switch, text, timeout};
use crate::signals::{Hangups, Stop};
use crate::store::{self, Address, Means};
use crate::tls::{self, Certificate};
use crate::tokens::Tokens;

/// Where to listen when nothing is said.
const LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 7171);
/// The variable that holds the host key itself.
pub(crate) const HOST_KEY: &str = "ACQUAINT_HOST_KEY";

/// Everything that was said, understood.
struct Settings {
    listen: SocketAddr,
    /// For those who watch over the server.
    operations: Option<SocketAddr>,
    dev: bool,
    store: Address,
    means: Means,
    engine: EngineConfig,
    policy_source: PolicySource,
    policy: Policy,
    server: ServerConfig,
    tokens: Option<Tokens>,
    mail: Option<Mail>,
    certificate: Option<Certificate>,
    /// A key that was made up, to be told.
    made_up: Option<String>,
    log: Log,
}

/// How to log.
struct Log {
    filter: EnvFilter,
    json: bool,
}

/// Carries out `acquaint serve`.
pub(crate) async fn run(args: &ServeArgs) -> Outcome<()> {
    let sources = Sources::gather(args.given(), args.common.store.config.as_deref())?;
    let settings = Settings::resolve(&sources)?;
    settings.log.start();
    if let Some(key) = &settings.made_up {
        output::note(&format!("no host key was given; for this run it is {key}"));
    }
    // Signals are listened to before anybody can know that there is somebody to signal.
    let (mut stop, hangups) = (Stop::listen()?, Hangups::listen()?);
    let store = store::open(&settings.store, &settings.means).await?;
    let clock = Clock::system();
    let clock = if settings.dev { Clock::settable(clock.now()) } else { clock };
    let network = Network::start(store, settings.policy, clock, settings.engine).await.map_err(Failure::failed)?;
    if let Some(tokens) = &settings.tokens {
        tokens.begin().await;
    }
    let webhooks = Webhooks::new(network.clone(), settings.server.webhooks.clone()).map_err(Failure::failed)?;
    // Before anybody can do anything that is to be told.
    let outbox = outbox(&network, webhooks, settings.mail).await?;
    let listeners = listen(settings.listen, settings.operations).await?;
    announce(&listeners, &network, settings.server.tls.is_some())?;
    let mut housekeeping = JoinSet::new();
    housekeeping.spawn(reload(network.clone(), settings.policy_source, settings.certificate, hangups));
    if let Some(tokens) = settings.tokens {
        housekeeping.spawn(tokens.renewal());
    }
    let served = acquaint_server::serve(network.clone(), listeners, settings.server, stop.signal()).await;
    housekeeping.shutdown().await;
    outbox.shutdown().await;
    network.shutdown().await;
    tracing::info!("stopped");
    served.map_err(Failure::failed)
}

/// Begins to tell members and programs what happens.
async fn outbox(network: &Network, webhooks: Webhooks, mail: Option<Mail>) -> Outcome<Outbox> {
    let mut channels: Vec<Arc<dyn Channel>> = vec![Arc::new(webhooks)];
    if let Some(mail) = mail {
        channels.push(Arc::new(mail.channel(network).await.map_err(Failure::failed)?));
    }
    Outbox::start(network, channels).await.map_err(Failure::failed)
}

async fn listen(public: SocketAddr, operations: Option<SocketAddr>) -> Outcome<Listeners> {
    let bind = async |address: SocketAddr, key: Key| {
        TcpListener::bind(address).await.map_err(|error| {
            Failure::failed(format_args!(
                "cannot listen on {address}: {error}; name another address with {}",
                key.flag()
            ))
        })
    };
    let public = bind(public, Key::Listen).await?;
    let operations = match operations {
        Some(address) => Some(bind(address, Key::OperationsListen).await?),
        None => None,
    };
    Ok(Listeners { public, operations })
}

fn announce(listeners: &Listeners, network: &Network, is_encrypted: bool) -> Outcome<()> {
    let address = listeners.public.local_addr().map_err(Failure::failed)?;
    let scheme = if is_encrypted { "https" } else { "http" };
    tracing::info!(%address, store = network.store_name(), "listening");
    if let Some(operations) = &listeners.operations {
        let address = operations.local_addr().map_err(Failure::failed)?;
        tracing::info!(%address, "health and metrics");
    }
    output::line(&format!("listening on {scheme}://{address}"))
}

/// Puts a new policy in force at every hang-up signal, and a new certificate then and when its files
/// have changed; one that is wrong changes nothing.
async fn reload(network: Network, source: PolicySource, mut certificate: Option<Certificate>, mut hangups: Hangups) {
    let mut pace = tokio::time::interval(tls::LOOK_AGAIN);
    loop {
        let is_asked = tokio::select! {
            hangup = hangups.next() => hangup,
            _ = pace.tick() => false,
        };
        if let Some(certificate) = &mut certificate {
            certificate.renew();
        }
        if is_asked {
            match source.read() {
                Ok(policy) => {
                    network.set_policy(policy);
                    tracing::info!(policy = %source, "the policy was read again and is in force");
                }
                Err(failure) => tracing::error!(error = failure.message(), "the policy stays as it was"),
            }
        }
    }
}

/// Carries out `acquaint openapi`.
pub(crate) fn openapi() -> Outcome<()> {
    let document = serde_json::to_string_pretty(&acquaint_server::openapi()).map_err(Failure::failed)?;
    output::line(&document)
}

impl Settings {
    fn resolve(sources: &Sources) -> Outcome<Self> {
        let listen = sources.get(Key::Listen, address)?.unwrap_or(LISTEN);
        let dev = sources.get(Key::Dev, switch)?.unwrap_or_default();
        if dev && !listen.ip().is_loopback() {
            return Err(Failure::usage(format_args!(
                "{}: {listen} can be reached from outside, and --dev lets every caller set the clock: \
                 listen on 127.0.0.1 or [::1], or serve without --dev",
                sources.blame(Key::Listen)
            )));
        }
        let store = store::address(sources)?.unwrap_or_default();
        let means = store::means(sources)?.with_replicas(sources, &store)?;
        let policy_source = sources.get(Key::Policy, PolicySource::parse)?.unwrap_or_default();
        let (host_keys, made_up) = host_keys(sources, dev)?;
        let limits = limits(sources)?;
        let tokens = Tokens::resolve(sources)?;
        let taken = tokens.as_ref().map(|tokens| tokens.config.clone());
        let pages = pages::resolve(sources)?;
        let mail = mail::resolve(sources)?;
        let letters = mail.as_ref().map(|mail| mail.host.clone());
        let certificate = Certificate::resolve(sources)?;
        let tls = certificate.as_ref().map(|certificate| certificate.tls.clone());
        let webhooks = Allowed {
            networks: sources.get(Key::WebhookNetworks, networks)?.unwrap_or_default(),
            http: sources.get(Key::WebhookHttp, switch)?.unwrap_or_default(),
        };
        let trusted_proxies = sources.get(Key::TrustedProxies, networks)?.unwrap_or_default();
        Ok(Self {
            listen,
            operations: sources.get(Key::OperationsListen, address)?,
            dev,
            store,
            engine: crate::engine_config(sources, &means)?,
            means,
            policy: policy_source.read()?,
            policy_source,
            server: ServerConfig {
                limits,
                tokens: taken,
                pages,
                letters,
                tls,
                trusted_proxies,
                webhooks,
                ..ServerConfig::new(host_keys)
            },
            tokens,
            mail,
            certificate,
            made_up,
            log: Log::resolve(sources)?,
        })
    }
}

fn limits(sources: &Sources) -> Outcome<Limits> {
    let default = Limits::default();
    let kib = |key, default: usize| -> Outcome<usize> {
        let given = sources.get(key, number(1_usize, 1 << 20))?;
        Ok(given.map_or(default, |kib| kib << 10))
    };
    let rate = |key, default| -> Outcome<u32> { Ok(sources.get(key, number(0, 1 << 30))?.unwrap_or(default)) };
    Ok(Limits {
        connections: sources.get(Key::ConnectionLimit, number(1, 1 << 20))?.unwrap_or(default.connections),
        address_connections: sources
            .get(Key::AddressConnectionLimit, number(1, 1 << 20))?
            .unwrap_or(default.address_connections),
        requests: sources.get(Key::RequestLimit, number(1, 1 << 20))?.unwrap_or(default.requests),
        member_rate: rate(Key::MemberRate, default.member_rate)?,
        key_rate: rate(Key::HostRate, default.key_rate)?,
        address_rate: rate(Key::AddressRate, default.address_rate)?,
        body: kib(Key::BodyLimitKib, default.body)?,
        batch_body: kib(Key::BatchBodyLimitKib, default.batch_body)?,
        header_timeout: sources.get(Key::HeaderTimeout, timeout)?.unwrap_or(default.header_timeout),
        body_timeout: sources.get(Key::BodyTimeout, timeout)?.unwrap_or(default.body_timeout),
        shutdown_timeout: sources.get(Key::ShutdownGrace, timeout)?.unwrap_or(default.shutdown_timeout),
        ..default
    })
}

/// Addresses and networks, separated by commas.
fn networks(text: &str) -> Result<Vec<IpNet>, String> {
    let network = |part: &str| part.parse::<IpNet>().ok().or_else(|| part.parse::<IpAddr>().ok().map(IpNet::from));
    let all: Option<Vec<IpNet>> = text.split(',').map(|part| network(part.trim())).collect();
    all.ok_or_else(|| "expected addresses or networks such as 10.0.0.0/8, separated by commas".into())
}

/// The host's keys, and the one that was made up, if so. A file named by a flag beats the variable
/// with the key itself, and that beats a file named in any other way.
fn host_keys(sources: &Sources, dev: bool) -> Outcome<(Vec<HostKey>, Option<String>)> {
    let file = sources.get(Key::HostKeyFile, text)?;
    let variable = crate::settings::variable(HOST_KEY).filter(|_| !sources.is_flag(Key::HostKeyFile));
    let wrong = |place: &str, error| Failure::usage(format_args!("{place}: {error}"));
    if let Some(key) = variable {
        let key = HostKey::new(key.trim()).map_err(|error| wrong(HOST_KEY, error))?;
        return Ok((vec![key], None));
    }
    if let Some(path) = file {
        return Ok((read_keys(&path)?, None));
    }
    if !dev {
        return Err(Failure::usage(format_args!(
            "there is no host key: put one into {HOST_KEY}, or name a file that holds it with --host-key-file; \
             to try things out, --dev makes one up"
        )));
    }
    let made_up = make_key()?;
    let key = HostKey::new(&made_up).map_err(|error| wrong("--dev", error))?;
    Ok((vec![key], Some(made_up)))
}

/// One key a line: while a key is being changed, the old one and the new one.
fn read_keys(path: &str) -> Outcome<Vec<HostKey>> {
    let text = fs::read_to_string(path)
        .map_err(|error| Failure::usage(format_args!("cannot read the host key in {path}: {error}")))?;
    let lines = (1_usize..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
    let key = |(number, line): (usize, &str)| {
        HostKey::new(line.trim()).map_err(|error| Failure::usage(format_args!("{path} line {number}: {error}")))
    };
    let keys: Vec<HostKey> = lines.map(key).collect::<Outcome<_>>()?;
    if keys.is_empty() {
        return Err(Failure::usage(format_args!("{path} holds no host key: write one into it, one a line")));
    }
    Ok(keys)
}

fn make_key() -> Outcome<String> {
    Ok(random::bytes::<16>()?.iter().fold("dev_".to_owned(), |key, byte| format!("{key}{byte:02x}")))
}

/// One level for all is meant for us; the store's own parts speak up when something is wrong. A list
/// is taken as it is.
fn directives(level: &str) -> String {
    let quieter = ["info", "debug", "trace"].contains(&level);
    if quieter { format!("{level},fjall=warn,lsm_tree=warn") } else { level.to_owned() }
}

impl Log {
    fn resolve(sources: &Sources) -> Outcome<Self> {
        let filter = |level: &str| {
            EnvFilter::try_new(directives(level)).map_err(|_| {
                "expected error, warn, info, debug, trace, or a list such as info,acquaint_app=debug".into()
            })
        };
        let json = |form: &str| match form {
            "text" => Ok(false),
            "json" => Ok(true),
            _ => Err("expected text or json".into()),
        };
        let level = sources.get(Key::LogLevel, filter)?;
        let json = sources.get(Key::LogFormat, json)?.unwrap_or_default();
        Ok(Self { filter: level.unwrap_or_else(|| EnvFilter::new(directives("info"))), json })
    }

    /// Logs to standard error from now on.
    fn start(self) {
        let ansi = std::io::stderr().is_terminal();
        let log = tracing_subscriber::fmt().with_env_filter(self.filter).with_writer(std::io::stderr).with_ansi(ansi);
        // Fails only where somebody in this process logs already, and then logs there.
        let _ = if self.json { log.json().flatten_event(true).try_init() } else { log.try_init() };
    }
}
