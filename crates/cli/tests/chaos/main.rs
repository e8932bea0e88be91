//! Several servers on one PostgreSQL while everything that can break does: afterwards nothing that was
//! acknowledged is lost, nothing is half done, nothing is doubled, and every answer can be explained
//! by one order of all calls.
#![cfg(unix)]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "tests, and what helps them, stop at the first surprise"
)]

mod audit;
mod caller;
#[path = "../common/mod.rs"]
mod common;
mod faults;
mod history;
mod load;
mod spec;
mod town;

use std::path::Path;
use std::time::{Duration, Instant};

use rand::rngs::{StdRng, SysRng};
use rand::{SeedableRng, TryRng};
use serde_json::Value;

use faults::{Fault, cause};
use load::Load;
use town::Town;

/// Relations that are worked on at the same time, by three clients each.
const AT_A_TIME: usize = 12;
/// How long things break, in seconds, unless `ACQUAINT_CHAOS_SECONDS` says so.
const SECONDS: u64 = 60;

/// `ACQUAINT_CHAOS_SEED`, or one by chance: it chooses the calls and the faults. When each process gets
/// to run is not ours to choose, so that the same seed is a similar run and not the same one.
fn seed() -> u64 {
    let named = std::env::var("ACQUAINT_CHAOS_SEED").ok();
    let seed = named.map_or_else(|| SysRng.try_next_u64().unwrap() >> 32, |text| text.parse().unwrap());
    println!("ACQUAINT_CHAOS_SEED={seed}");
    seed
}

/// Load on servers while `meanwhile` runs, then calm; the events that were read in the meantime.
fn under_load(load: &Load, meanwhile: impl FnOnce()) -> Vec<Value> {
    let mut events = std::thread::scope(|scope| {
        let reader = scope.spawn(|| load.read_events());
        for _ in 0..AT_A_TIME {
            scope.spawn(|| load.work());
        }
        // Whatever comes of it, the others are told to stop.
        let stop = StopAtTheEnd(load);
        meanwhile();
        drop(stop);
        reader.join().unwrap()
    });
    load.read_the_last_events(&mut events);
    let ((calls, again), relations) = (load.counts(), load.histories().len());
    println!("{calls} calls, {again} attempts in vain, {} events, {relations} relations", events.len());
    events
}

struct StopAtTheEnd<'a>(&'a Load);

impl Drop for StopAtTheEnd<'_> {
    fn drop(&mut self) {
        self.0.stop();
    }
}

/// A folder for logs that stays if the test fails.
fn with_logs(test: impl FnOnce(&Path)) {
    let folder = tempfile::TempDir::with_prefix("acquaint-chaos-").unwrap();
    println!("logs in {} if it fails", folder.path().display());
    let mut folder = folder;
    folder.disable_cleanup(true);
    test(folder.path());
    folder.disable_cleanup(false);
}

#[test]
fn whatever_breaks_nothing_is_lost_doubled_or_half_done() {
    with_logs(|folder| {
        let seed = seed();
        let mut random = StdRng::seed_from_u64(seed);
        let mut town = Town::start(3, folder);
        let load = Load::new(town.addresses(), seed);
        let seconds = std::env::var("ACQUAINT_CHAOS_SECONDS").ok().map_or(SECONDS, |text| text.parse().unwrap());
        let events = under_load(&load, || {
            let begun = now();
            let mut faults = Vec::new();
            load.wait_for(100);
            while begun.elapsed() < Duration::from_secs(seconds) {
                if faults.is_empty() {
                    faults.extend(Fault::shuffled(&mut random));
                }
                let fault = faults.pop().unwrap();
                cause(fault, &mut town, &load, &mut random);
            }
        });
        town.keep_logs();
        audit::audit(&load, &events);
        town.servers.iter_mut().for_each(town::Server::stop);
    });
}

#[test]
fn servers_are_restarted_one_after_the_other_and_no_call_is_lost() {
    with_logs(|folder| {
        let mut town = Town::start(3, folder);
        let load = Load::new(town.addresses(), seed());
        let events = under_load(&load, || {
            for _ in 0..2 {
                for server in &mut town.servers {
                    load.wait_for(150);
                    server.stop();
                    load.wait_for(150);
                    server.start();
                }
            }
            load.wait_for(150);
        });
        town.keep_logs();
        audit::audit(&load, &events);
    });
}

#[test]
fn the_embedded_store_passes_the_same_audit() {
    let folder = tempfile::tempdir().unwrap();
    let server = common::Server::start(&folder.path().join("store"), &["--policy", "open", "--log-level", "error"]);
    let load = Load::new(vec![server.address.clone()], seed());
    let events = under_load(&load, || load.wait_for(3_000));
    audit::audit(&load, &events);
}

fn now() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "the time for which things break is bounded")]
    Instant::now()
}
