//! What breaks, and in which order.

use std::time::Duration;

use acquaint_testkit::process;
use acquaint_testkit::proxy::{Trap, Way, Weather};
use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;

use super::load::Load;
use super::town::Town;

/// Something that breaks and is mended.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fault {
    /// A server is killed, and started again.
    KillServer,
    /// A server stands still for longer than its lease, and goes on as if nothing had happened.
    FreezeServer,
    /// One process of the database stands still, with whatever it has locked.
    FreezeBackend,
    /// The primary is killed and the standby promoted.
    FailOver,
    /// Every connection of a server to the database is cut.
    Cut,
    /// Nothing passes between a server and the database for a while.
    Stall,
    /// A server can not reach the database for a while.
    Refuse,
    /// A connection is cut in the middle of a commit, which may or may not be carried out to its end.
    LoseCommit,
    /// A connection is cut when COMMIT was carried out, and before its answer arrives.
    LoseAnswer,
}

impl Fault {
    pub(crate) const ALL: [Fault; 9] = [
        Fault::KillServer,
        Fault::FreezeServer,
        Fault::FreezeBackend,
        Fault::FailOver,
        Fault::Cut,
        Fault::Stall,
        Fault::Refuse,
        Fault::LoseCommit,
        Fault::LoseAnswer,
    ];

    /// All of them, in an order of chance.
    pub(crate) fn shuffled(random: &mut StdRng) -> [Fault; 9] {
        let mut all = Self::ALL;
        all.shuffle(random);
        all
    }
}

/// Longer than another server waits before it takes one for dead.
const PAST_THE_LEASE: Duration = Duration::from_secs(13);
/// How long a backend stands still: it may hold what everybody waits for.
const FROZEN: Duration = Duration::from_secs(7);
/// How long a network is away.
const AWAY: Duration = Duration::from_secs(2);
/// Calls that are answered between two faults: it recovers by itself, or the test never ends.
const CALLS_BETWEEN: u64 = 150;

/// Breaks something, mends it, and waits until all goes on.
pub(crate) fn cause(fault: Fault, town: &mut Town, load: &Load, random: &mut StdRng) {
    let server = random.random_range(0..town.servers.len());
    println!("after {} calls: {fault:?}, server {server}", load.counts().0);
    match fault {
        Fault::KillServer => {
            town.servers[server].kill();
            load.wait_for(CALLS_BETWEEN);
            town.servers[server].start();
        }
        Fault::FreezeServer => {
            town.servers[server].freeze();
            load.wait_during(PAST_THE_LEASE);
            town.servers[server].thaw();
        }
        Fault::FreezeBackend => {
            let backends = town.backends();
            let chosen = backends[random.random_range(0..backends.len())];
            // It may have ended since it was listed: then there is nothing to freeze.
            if process::freeze(chosen).is_ok() {
                load.wait_during(FROZEN);
                // Its server may have given up on it, and so ended it.
                let _ = process::thaw(chosen);
            }
        }
        Fault::FailOver => town.fail_over(),
        Fault::Cut => town.link(server).cut(),
        Fault::Stall | Fault::Refuse => {
            let weather = if matches!(fault, Fault::Stall) { Weather::Stalled } else { Weather::Refusing };
            town.link(server).set(weather);
            load.wait_during(AWAY);
            town.link(server).set(Weather::Fair);
        }
        Fault::LoseCommit | Fault::LoseAnswer => {
            // What the database says after each statement.
            let (said, arrive) = match fault {
                Fault::LoseCommit => ("INSERT 0 ", true),
                _ => ("COMMIT\0", false),
            };
            let link = town.link(server);
            link.set_trap(Trap { bytes: said.into(), way: Way::Down, arrive, then: Weather::Fair });
            link.wait_for_trap();
        }
    }
    load.wait_for(CALLS_BETWEEN);
}
