//! `acquaint demo`: a made-up community with pages to press, on an embedded store unless a database is named.
//!
//! The first start makes the community (`story`) and the second finds it as it was left, its clock
//! too. It is served on loopback alone, because every visitor may be whomever they like.

mod names;
mod people;
mod story;

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use acquaint_app::{Clock, EngineConfig, Network};
use acquaint_core::policy::Policy;
use acquaint_core::time::Time;
use acquaint_server::{Demo, ServerConfig};
use acquaint_store::Store;
use acquaint_store_fjall::{FjallStore, Options};
use tokio::net::TcpListener;

use crate::failure::{Failure, Outcome};
use crate::output;
use crate::random;
use crate::settings::Sources;
use crate::signals::Stop;
use crate::store::{self, Address};

/// Where the demo listens when nothing is said, and where it keeps its community.
const LISTEN: &str = "127.0.0.1:7272";
const DIRECTORY: &str = "acquaint-demo";
/// Memory for each kind of rows, and for blocks: the community is small.
const CACHE_BYTES: u64 = 16 << 20;
/// Pending invitations that one may have here. The rule book says 1,500, which nobody comes near
/// among 400 people; the other numbers are those of the preset `linkedin`.
const PENDING_CAP: u32 = 150;

/// What to show.
#[derive(Debug, clap::Args)]
pub(crate) struct DemoArgs {
    /// Address and port to listen on; loopback only
    #[arg(long, value_name = "ADDRESS", default_value = LISTEN)]
    listen: SocketAddr,
    /// Directory that keeps the community
    #[arg(long, value_name = "DIR", default_value = DIRECTORY)]
    dir: PathBuf,
    /// Keep the community in this database, empty and migrated, instead of the directory:
    /// postgres://USER@HOST/DATABASE; the directory then holds the clock alone
    #[arg(long, value_name = "STORE", conflicts_with = "reset")]
    store: Option<String>,
    /// Make the community anew
    #[arg(long)]
    reset: bool,
    /// When a new community's clock starts, such as 2026-11-25T09:00:00Z [default: now]
    #[arg(long, value_name = "TIME", hide = true)]
    at: Option<Time>,
}

/// Carries out `acquaint demo`.
pub(crate) async fn run(args: &DemoArgs) -> Outcome<()> {
    if !args.listen.ip().is_loopback() {
        return Err(Failure::usage(format_args!(
            "--listen: {} can be reached from outside, and here everybody may be anybody: listen on 127.0.0.1 or [::1]",
            args.listen
        )));
    }
    let mut stop = Stop::listen()?;
    // The address is taken first: nobody should wait for a community that cannot be shown.
    let listener = TcpListener::bind(args.listen).await.and_then(|listener| Ok((listener.local_addr()?, listener)));
    let (bound, listener) = listener.map_err(|error| {
        Failure::failed(format_args!("cannot listen on {}: {error}; name another address with --listen", args.listen))
    })?;
    let database = args.store.as_deref().map(database).transpose()?;
    let place = Place { directory: args.dir.clone(), database };
    if args.reset {
        place.clear()?;
    }
    let network = place.open(args.at).await?;
    output::line(&format!("listening on http://{bound}"))?;
    output::note("open it in a browser, choose whom to be, and let time pass; Ctrl-C stops it, the community is kept");
    let served = acquaint_server::serve_demo(
        network.clone(),
        listener,
        ServerConfig::new(Vec::new()),
        place.demo()?,
        stop.signal(),
    );
    let served = served.await.map_err(Failure::failed);
    network.shutdown().await;
    served
}

fn database(text: &str) -> Outcome<Address> {
    match Address::parse(text) {
        Ok(address @ Address::Database(_)) => Ok(address),
        _ => Err(Failure::usage("--store: expected postgres://USER@HOST/DATABASE; a directory is named with --dir")),
    }
}

/// Where a demo is: the store, unless it is in a database, and a file with the time that its clock shows.
#[derive(Debug, Clone)]
struct Place {
    directory: PathBuf,
    database: Option<Address>,
}

impl Place {
    fn store(&self) -> PathBuf {
        self.directory.join("store")
    }

    fn clock(&self) -> PathBuf {
        self.directory.join("clock")
    }

    /// Removes what a demo made, and nothing else that may be there.
    fn clear(&self) -> Outcome<()> {
        let gone = |removed: std::io::Result<()>, path: &Path| match removed {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(Failure::failed(format_args!("cannot remove {}: {error}", path.display())))
            }
            _ => Ok(()),
        };
        gone(fs::remove_file(self.clock()), &self.clock())?;
        gone(fs::remove_dir_all(self.store()), &self.store())
    }

    /// The community as it was left, or a new one.
    async fn open(&self, at: Option<Time>) -> Outcome<Network> {
        // The clock is written last: without it the community was not finished.
        let left_at = fs::read_to_string(self.clock()).ok().and_then(|text| text.trim().parse::<Time>().ok());
        if left_at.is_none() {
            self.clear()?;
        }
        let now = left_at.or(at).unwrap_or_else(|| Clock::system().now());
        let begins = if left_at.is_some() { now } else { story::beginning(now) };
        let store = self.open_store().await?;
        if left_at.is_none() && !store.is_empty().await.map_err(store::failed)? {
            return Err(Failure::failed(format_args!("{} holds something else: name an empty one", store.name())));
        }
        let policy = policy();
        let config = EngineConfig { cache_bytes: CACHE_BYTES, ..EngineConfig::default() };
        let network = Network::start(store, policy, Clock::settable(begins), config).await.map_err(Failure::failed)?;
        if left_at.is_none() {
            story::tell(&network, now).await?;
            self.keep(now)
                .map_err(|error| Failure::failed(format_args!("cannot write {}: {error}", self.clock().display())))?;
        }
        Ok(network)
    }

    async fn open_store(&self) -> Outcome<Arc<dyn Store>> {
        if let Some(database) = &self.database {
            return store::open(database, &store::means(&Sources::gather(Vec::new(), None)?)?).await;
        }
        let options = Options { cache_bytes: CACHE_BYTES, row_bytes: CACHE_BYTES, ..Options::default() };
        Ok(Arc::new(FjallStore::open(self.store(), &options).map_err(store::failed)?))
    }

    /// Writes down what the clock shows, whole or not at all.
    fn keep(&self, now: Time) -> std::io::Result<()> {
        fs::create_dir_all(&self.directory)?;
        let new = self.clock().with_extension("new");
        fs::write(&new, format!("{now}\n"))?;
        fs::rename(new, self.clock())
    }

    fn demo(&self) -> Outcome<Demo> {
        let secret = random::bytes()?;
        let place = self.clone();
        Ok(Demo {
            people: people::all().into_iter().map(|person| person.id).collect(),
            featured: people::featured(),
            secret,
            clock_set: Box::new(move |now| {
                if let Err(error) = place.keep(now) {
                    output::note(&format!("the clock could not be written down: {error}"));
                }
            }),
        })
    }
}

fn policy() -> Policy {
    let mut policy = Policy::default();
    policy.limits.pending_cap = Some(PENDING_CAP);
    policy
}
