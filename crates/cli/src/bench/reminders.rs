//! Reminders that are all due at once, while callers go on: how many a second are written, what callers
//! notice of it, and what memory it takes.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use acquaint_app::clock::Stopwatch;
use acquaint_store_fjall::{FjallStore, Options};
use hdrhistogram::Histogram;
use hyper::Method;
use serde_json::json;

use super::community::{Caller, Community, Size};
use super::engine::{self, histogram, micros};
use super::http::{Kind, Server, ask_once};
use super::results::{Reminders, Run};
use crate::client::Client;
use crate::failure::{Failure, Outcome};
use crate::output;

/// Callers that each wait for one answer before they ask again: half read relations, half send commands.
const CALLERS: usize = 8;
/// For how long callers are measured while nothing is due.
const IDLE_SECONDS: f64 = 10.0;

/// Loads so many pending invitations, all sent at one moment, and measures on a store of its own in that directory.
pub(super) async fn measure(directory: &Path, size: Size) -> Outcome<Reminders> {
    let mut community = Community::new(size);
    let store = FjallStore::open(directory, &Options::default()).map_err(Failure::failed)?;
    engine::preload(Arc::new(store), &mut community, 1).await?;
    let due = community.pending.len();
    let server = Server::start(&format!("fjall:{}", directory.display())).await?;
    server.warm_up(size.members).await?;
    output::note("callers while nothing is due");
    let idle = calls_during(&server, &mut community, idle_for(IDLE_SECONDS)).await?;
    let idle_mib = server.memory("VmRSS:");
    output::note("the same while every invitation is reminded of");
    let watch = Stopwatch::start();
    let clock = server.client().await?;
    let busy = calls_during(&server, &mut community, advance(clock)).await?;
    let seconds = watch.seconds();
    let peak_mib = server.memory("VmHWM:");
    server.kill()?;
    Ok(Reminders { run: Run { commands: due, seconds, ..Run::default() }, idle, busy, idle_mib, peak_mib })
}

#[expect(clippy::disallowed_methods, reason = "for so long callers are measured")]
async fn idle_for(seconds: f64) -> Outcome<()> {
    tokio::time::sleep(std::time::Duration::from_secs_f64(seconds)).await;
    Ok(())
}

/// Moves the clock past the first reminder of every invitation; answered once all are written.
async fn advance(mut client: Client) -> Outcome<()> {
    let body = json!({ "by": "36h" }).to_string();
    let (status, _) = client.call(Method::POST, "/v1/dev/clock/advance", None, body.into()).await?;
    if status.is_success() { Ok(()) } else { Err(Failure::failed(format_args!("advancing the clock: {status}"))) }
}

/// What callers get while something else goes on.
async fn calls_during(
    server: &Server,
    community: &mut Community,
    meanwhile: impl Future<Output = Outcome<()>>,
) -> Outcome<Run> {
    let over = Arc::new(AtomicBool::new(false));
    let mut callers = Vec::new();
    for number in 0..CALLERS {
        let kind = if number % 2 == 0 { Kind::Relation } else { Kind::Single };
        let (client, caller) = (server.client().await?, community.caller(0));
        callers.push(tokio::spawn(call(client, caller, kind, Arc::clone(&over))));
    }
    let watch = Stopwatch::start();
    let done = meanwhile.await;
    over.store(true, Ordering::Relaxed);
    let mut latencies = histogram();
    for caller in callers {
        latencies.add(caller.await.map_err(Failure::failed)??).map_err(Failure::failed)?;
    }
    done?;
    let mut run = Run { seconds: watch.seconds(), ..Run::default() };
    run.commands = usize::try_from(latencies.len()).unwrap_or(usize::MAX);
    run.take_latencies(&latencies);
    Ok(run)
}

async fn call(mut client: Client, mut caller: Caller, kind: Kind, over: Arc<AtomicBool>) -> Outcome<Histogram<u64>> {
    let mut latencies = histogram();
    while !over.load(Ordering::Relaxed) {
        let watch = Stopwatch::start();
        ask_once(&mut client, &mut caller, kind).await?;
        latencies.saturating_record(micros(watch.seconds()));
    }
    Ok(latencies)
}
