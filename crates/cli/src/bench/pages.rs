//! A page of the pages: the list of invitations sent, of a member who has 1,500 pending.
//!
//! One browser asks one time after the other, so that the figures are the server's time and not that of a
//! queue.

use std::sync::Arc;

use acquaint_app::clock::Stopwatch;
use acquaint_app::{Clock, EngineConfig, Network, Request};
use acquaint_core::command::{Action, Command};
use acquaint_core::ids::MemberId;
use acquaint_core::policy::{Policy, Preset};
use acquaint_server::{Demo, ServerConfig};
use acquaint_store_fjall::{FjallStore, Options};
use hyper::body::Bytes;
use hyper::{Method, StatusCode};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::community::{measured_at, member, note};
use super::engine::{histogram, micros};
use super::results::Run;
use crate::client::Client;
use crate::failure::{Failure, Outcome};

/// As many as the rule book lets one have (rule 25).
const PENDING: u32 = 1_500;
/// How often the page is asked for.
const VISITS: usize = 2_000;

/// Measures on a store of its own in that directory.
pub(super) async fn measure(directory: &std::path::Path) -> Outcome<Run> {
    let store = FjallStore::open(directory, &Options::default()).map_err(Failure::failed)?;
    let clock = Clock::settable(measured_at());
    let policy = Policy::preset(Preset::Open);
    let network =
        Network::start(Arc::new(store), policy, clock, EngineConfig::default()).await.map_err(Failure::failed)?;
    let sender = member(0).ok_or_else(|| Failure::failed("no member"))?;
    invite_many(&network, &sender).await?;
    let listener = TcpListener::bind("127.0.0.1:0").await.map_err(Failure::failed)?;
    let address = listener.local_addr().map_err(Failure::failed)?.to_string();
    let (stop, stopped) = oneshot::channel::<()>();
    let demo =
        Demo { people: vec![sender.clone()], featured: Vec::new(), secret: [7; 32], clock_set: Box::new(|_| ()) };
    let config = ServerConfig::new(Vec::new());
    let server = tokio::spawn(acquaint_server::serve_demo(network.clone(), listener, config, demo, async {
        stopped.await.ok();
    }));
    let run = visit(&address, &sender).await;
    // The server waits for nobody but us.
    let _ = stop.send(());
    server.await.map_err(Failure::failed)?.map_err(Failure::failed)?;
    network.shutdown().await;
    run
}

async fn invite_many(network: &Network, sender: &MemberId) -> Outcome<()> {
    let invite = |n| {
        let action =
            Action::Invite { to: member(n)?, note: note(n.is_multiple_of(8)).map(str::to_owned), to_email: None };
        Some(Request { command: Command { actor: sender.clone(), action }, claim: None })
    };
    let requests = (1..=PENDING).filter_map(invite).collect();
    for outcome in network.submit_all(requests).await.map_err(Failure::failed)? {
        outcome.map_err(Failure::failed)?.map_err(Failure::failed)?;
    }
    Ok(())
}

async fn visit(address: &str, sender: &MemberId) -> Outcome<Run> {
    let mut browser = Client::connect(address, "").await?;
    browser.choose(sender).await?;
    let mut latencies = histogram();
    let all = Stopwatch::start();
    for _ in 0..VISITS {
        let watch = Stopwatch::start();
        let (status, page) = browser.call(Method::GET, "/invitations/sent", None, Bytes::new()).await?;
        latencies.saturating_record(micros(watch.seconds()));
        if status != StatusCode::OK || page.is_empty() {
            return Err(Failure::failed(format_args!("the page of invitations sent answered {status}")));
        }
    }
    let mut run = Run { commands: VISITS, seconds: all.seconds(), ..Run::default() };
    run.take_latencies(&latencies);
    Ok(run)
}
