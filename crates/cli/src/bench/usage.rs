//! How many cores the sides of a measurement kept busy, as the system counts it.

use std::collections::HashMap;
use std::fmt;
use std::fs;
use std::ops::Add as _;

use acquaint_app::clock::Stopwatch;
use serde::Serialize;

/// Hundredths of a second: the unit in which Linux tells the time of a process, on every machine.
const TICKS: f64 = 100.0;

/// Cores that were busy on average, by what kept them so; nothing where the system does not tell.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Cores {
    /// This process, which asks.
    pub(super) client: f64,
    /// The servers together.
    pub(super) servers: f64,
    /// All processes of PostgreSQL on this machine.
    pub(super) postgres: f64,
}

impl fmt::Display for Cores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { client, servers, postgres } = self;
        write!(f, "cores busy: client {client:.2}, servers {servers:.2}, PostgreSQL {postgres:.2}")
    }
}

/// The time that processes have taken so far.
pub(super) struct Meter {
    watch: Stopwatch,
    servers: Vec<u32>,
    before: HashMap<u32, Taken>,
}

/// What one process has taken.
struct Taken {
    name: String,
    ticks: f64,
}

impl Meter {
    /// Begins; `servers` are the processes of the servers.
    pub(super) fn start(servers: Vec<u32>) -> Self {
        Self { watch: Stopwatch::start(), servers, before: processes() }
    }

    /// What was kept busy since.
    pub(super) fn stop(&self) -> Cores {
        let (seconds, after) = (self.watch.seconds(), processes());
        let busy = |of: &dyn Fn(u32, &str) -> bool| {
            let taken = after.iter().filter(|(id, taken)| of(**id, &taken.name));
            let ticks = taken.map(|(id, taken)| taken.ticks - self.before.get(id).map_or(0.0, |before| before.ticks));
            ticks.fold(0.0, f64::add) / TICKS / seconds
        };
        Cores {
            client: busy(&|id, _| id == std::process::id()),
            servers: busy(&|id, _| self.servers.contains(&id)),
            postgres: busy(&|_, name| name == "postgres"),
        }
    }
}

/// All processes of the machine; none where there is no `/proc`.
fn processes() -> HashMap<u32, Taken> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    numbers.filter_map(|id: u32| Some((id, read(&fs::read_to_string(format!("/proc/{id}/stat")).ok()?)?))).collect()
}

/// Name, and the sum of fields 14 and 15, of `proc(5)`'s `stat`. The name may hold anything, so the
/// fields are counted from the parenthesis that ends it.
fn read(stat: &str) -> Option<Taken> {
    let (start, rest) = stat.rsplit_once(')')?;
    let (_, name) = start.split_once('(')?;
    let mut fields = rest.split_whitespace().skip(11).map_while(|field| field.parse::<f64>().ok());
    Some(Taken { name: name.to_owned(), ticks: fields.next()? + fields.next()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_read_whatever_its_name() {
        let taken = read("7 (a) (b) S 1 7 7 0 -1 4194304 9 0 0 0 250 50 0 0 20 0 1 0 5 1 1").unwrap();
        assert_eq!((taken.name.as_str(), taken.ticks), ("a) (b", 300.0));
        assert!(read("nonsense").is_none());
    }

    /// The sum of no numbers at all is minus zero.
    #[test]
    fn who_is_not_there_keeps_nothing_busy() {
        let told = Meter::start(Vec::new()).stop().to_string();
        assert!(told.contains("servers 0.00"), "{told}");
    }
}
