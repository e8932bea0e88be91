//! The engine without HTTP: it loads the community, and is measured on either store.

use std::sync::Arc;

use acquaint_app::clock::Stopwatch;
use acquaint_app::{Clock, EngineConfig, Network, Outcome as Decided};
use acquaint_core::decide::Answer;
use acquaint_core::policy::Policy;
use acquaint_core::time::Span;
use acquaint_store::Store;
use acquaint_store_fjall::{FjallStore, Stats};
use hdrhistogram::Histogram;

use super::community::{Caller, Community, Pending, Step, measured_at, member, start_time};
use super::results::{Cost, Run};
use crate::failure::{Failure, Outcome};
use crate::output;
use crate::progress::Progress;

/// Callers that each wait for one answer before they ask again.
const CALLERS: usize = 256;
/// Commands in one submission while loading.
const LOAD_AT_ONCE: u32 = 1_000;
/// Room for the recording, more than it needs: a command writes about a kilobyte.
const RECORDING_BYTES: usize = 4 << 30;
/// Commands of each kind by which the cost of one is told.
const SAMPLE: usize = 500;

async fn start(store: Arc<dyn Store>, clock: Clock) -> Outcome<Network> {
    Network::start(store, Policy::default(), clock, EngineConfig::default()).await.map_err(Failure::failed)
}

/// Loads the pending invitations through the engine, spread over so many days: every member sends to members
/// further on.
pub(super) async fn preload(store: Arc<dyn Store>, community: &mut Community, days: u32) -> Outcome<Run> {
    let network = start(store, Clock::settable(start_time())).await?;
    let (members, total) = (community.size.members, community.size.pending);
    let mut progress = Progress::new("loaded", "pending invitations", Some(u64::from(total)));
    let watch = Stopwatch::start();
    let per_day = total.div_ceil(days);
    let mut sent = 0;
    while sent < total {
        if sent % per_day < LOAD_AT_ONCE && sent >= per_day {
            let day = start_time() + Span::days(u64::from(sent / per_day));
            network.set_clock(day).await.map_err(Failure::failed)?;
        }
        let steps = (sent..total.min(sent + LOAD_AT_ONCE)).map(|n| {
            // Everybody sends to a neighbour one further away in every round.
            let (from, distance) = (n % members, 1 + n / members);
            Step::Send { from, to: (from + distance) % members, note: n.is_multiple_of(8) }
        });
        let steps: Vec<Step> = steps.collect();
        sent += u32::try_from(steps.len()).unwrap_or(u32::MAX);
        let outcomes = submit_all(&network, &steps).await?;
        for (step, outcome) in steps.iter().zip(outcomes) {
            community.pending.extend(pending(*step, outcome)?);
        }
        progress.set(u64::from(sent));
    }
    let seconds = watch.seconds();
    progress.finish();
    network.shutdown().await;
    community.shuffle();
    if community.pending.len() < total as usize {
        let loaded = community.pending.len();
        output::note(&format!("{loaded} of {total} were not refused by the rules: take more members for so many"));
    }
    Ok(Run { commands: total as usize, refused: total as usize - community.pending.len(), seconds, ..Run::default() })
}

async fn submit_all(network: &Network, steps: &[Step]) -> Outcome<Vec<Decided>> {
    let requests = steps.iter().filter_map(|step| step.request()).collect();
    network.submit_all(requests).await.map_err(Failure::failed)
}

/// The invitation that a step left pending, if it did; a failure of the engine is one of the bench.
fn pending(step: Step, outcome: Decided) -> Outcome<Option<Pending>> {
    match (step, outcome.map_err(Failure::failed)?) {
        (Step::Send { from, to, .. }, Ok(Answer::Invited { invitation, .. })) => {
            Ok(Some(Pending { id: invitation.id, from, to }))
        }
        _ => Ok(None),
    }
}

/// What one command of each kind reads and writes, each alone in its commit.
pub(super) async fn costs(store: &FjallStore, community: &mut Community) -> Outcome<Vec<Cost>> {
    let network = start(Arc::new(store.clone()), Clock::settable(measured_at())).await?;
    let mut caller = community.caller(2 * SAMPLE);
    let mut costs = Vec::new();
    for kind in ["send", "withdraw", "accept"] {
        let before = store.stats();
        for _ in 0..SAMPLE {
            let step = match kind {
                "send" => Some(caller.send()),
                "withdraw" => caller.pending.pop().map(Step::Withdraw),
                _ => caller.pending.pop().map(Step::Accept),
            };
            if let Some(step) = step {
                submit_all(&network, &[step]).await?;
            }
        }
        costs.push(cost(kind, before, store.stats()));
    }
    network.shutdown().await;
    Ok(costs)
}

#[expect(clippy::cast_precision_loss, reason = "counts far below what a float holds exactly")]
fn cost(kind: &'static str, before: Stats, after: Stats) -> Cost {
    let each = |after: u64, before: u64| (after - before) as f64 / SAMPLE as f64;
    Cost {
        kind,
        keys_read: each(after.keys_read, before.keys_read),
        bytes_read: each(after.bytes_read, before.bytes_read),
        keys_written: each(after.keys_written, before.keys_written),
        bytes_written: each(after.bytes_written, before.bytes_written),
    }
}

/// The mixed run: every caller waits for its answer before it asks again, every answer is on disk.
/// What is read and written is recorded meanwhile.
pub(super) async fn run(store: &FjallStore, community: &mut Community, commands: u32) -> Outcome<Run> {
    let network = start(Arc::new(store.clone()), Clock::settable(measured_at())).await?;
    warm_up(&network, community.size.members).await?;
    store.start_recording(RECORDING_BYTES);
    let before = store.stats();
    let callers = Callers { count: CALLERS, share: commands as usize / CALLERS / 2, next: Caller::next };
    let mut run = callers.call(&network, community, commands as usize).await?;
    let after = store.stats();
    network.shutdown().await;
    run.batches = Some(after.commits - before.commits);
    run.longest_commit_ms = Some(after.longest_commit.as_secs_f64() * 1_000.0);
    Ok(run)
}

/// Sends by so many callers, each of which waits for its answer before it asks again.
pub(super) async fn sends(
    store: Arc<dyn Store>,
    community: &mut Community,
    callers: usize,
    commands: usize,
) -> Outcome<Run> {
    let network = start(store, Clock::settable(measured_at())).await?;
    let callers = Callers { count: callers, share: 0, next: Caller::send };
    let run = callers.call(&network, community, commands).await?;
    network.shutdown().await;
    Ok(run)
}

/// Looks at every member once, as a server that has run for a while has done.
async fn warm_up(network: &Network, members: u32) -> Outcome<()> {
    for id in (0..members).filter_map(member) {
        network.member(&id).await.map_err(Failure::failed)?;
    }
    Ok(())
}

/// Those who call at once, each waiting for its answer before it asks again.
struct Callers {
    count: usize,
    /// What is pending that each may withdraw and accept.
    share: usize,
    next: fn(&mut Caller) -> Step,
}

impl Callers {
    async fn call(&self, network: &Network, community: &mut Community, commands: usize) -> Outcome<Run> {
        let each = commands / self.count;
        let watch = Stopwatch::start();
        let callers = (0..self.count).map(|_| {
            let caller = community.caller(self.share);
            tokio::spawn(call(network.clone(), caller, self.next, each))
        });
        let callers: Vec<_> = callers.collect();
        let (mut latencies, mut run) = (histogram(), Run { commands: each * self.count, ..Run::default() });
        for caller in callers {
            let called = caller.await.map_err(Failure::failed)??;
            latencies.add(called.latencies).map_err(Failure::failed)?;
            run.refused += called.refused;
            community.pending.extend(called.left);
        }
        run.seconds = watch.seconds();
        run.take_latencies(&latencies);
        Ok(run)
    }
}

/// What one caller did.
struct Called {
    refused: usize,
    latencies: Histogram<u64>,
    left: Vec<Pending>,
}

/// Latencies in microseconds, to three digits, up to two minutes.
pub(super) fn histogram() -> Histogram<u64> {
    Histogram::new_with_max(120_000_000, 3).unwrap_or_else(|_| unreachable!("the bounds are valid"))
}

async fn call(network: Network, mut caller: Caller, next: fn(&mut Caller) -> Step, commands: usize) -> Outcome<Called> {
    let mut called = Called { refused: 0, latencies: histogram(), left: Vec::new() };
    for _ in 0..commands {
        let step = next(&mut caller);
        let Some(request) = step.request() else { continue };
        let watch = Stopwatch::start();
        let outcome = network.submit(request).await;
        called.latencies.saturating_record(micros(watch.seconds()));
        if outcome.as_ref().is_ok_and(Result::is_err) {
            called.refused += 1;
        }
        called.left.extend(pending(step, outcome)?);
    }
    called.left.append(&mut caller.pending);
    Ok(called)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a latency is positive and far below 2^64")]
pub(super) fn micros(seconds: f64) -> u64 {
    (seconds * 1_000_000.0) as u64
}
