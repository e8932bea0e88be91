//! `acquaint replay`: a real stream of messages through the real engine.
//!
//! The file is read twice. The first time nothing happens but that every row is judged, so that a
//! file with malformed rows is refused before anything is replayed.

mod drive;
mod numbers;
mod pairs;

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use acquaint_app::clock::Stopwatch;
use acquaint_app::{Clock, EngineConfig, Network};
use acquaint_core::time::Time;
use acquaint_store::Store;

pub(crate) use numbers::{Answers, ByCode, Day, Happened, Restricted, date, day};

use crate::args::ReplayArgs;
use crate::failure::{Failure, Outcome};
use crate::output;
use crate::policy::PolicySource;
use crate::progress::{Progress, grouped};
use crate::report::{self, Malformed, Source};
use crate::rows::{MalformedRow, Reason, Row, read_rows};
use crate::settings::{Key, Sources};
use crate::signals::Stop;
use crate::store::{self, Address, Means};
use drive::Drive;

/// Malformed rows that are printed; all are counted, and all are in the report.
const SHOWN: usize = 20;
/// Rows between two steps of the progress.
const STEP: u64 = 64;

/// Carries out `acquaint replay`.
pub(crate) async fn run(args: &ReplayArgs) -> Outcome<()> {
    let sources = Sources::gather(args.given(), args.config.as_deref())?;
    let policy_source = sources.get(Key::Policy, PolicySource::parse)?.unwrap_or_default();
    let policy = policy_source.read()?;
    let means = store::means(&sources)?;
    let config = crate::engine_config(&sources, &means)?;
    let address = store::address(&sources)?;

    let judged = judge(&args.file)?;
    judged.tell(args)?;

    // Kept until the end of the replay, and removed with it.
    let mut temporary = None;
    let store = open(address.as_ref(), &means, &mut temporary).await?;
    let stopwatch = Stopwatch::start();
    let drive = Drive::new(start(store, &policy, &judged, config).await?);
    let (answers, happened, checks) = replay(drive, args, &judged).await?;
    let seconds = stopwatch.seconds();

    let source = Source {
        file: args.file.display().to_string(),
        policy_name: policy_source.to_string(),
        policy,
        malformed: judged.malformed,
    };
    let report = report::Report::new(source, answers, &happened, checks);
    output::raw(report::summary(&report).as_bytes())?;
    let commands = report.invitations.attempts + report.replies.total;
    output::note(&format!("{} commands in {seconds:.1} s", grouped(commands)));
    if let Some(directory) = &args.report {
        report::write(&report, directory)?;
        output::line(&format!("\nreport: {}", directory.join("report.html").display()))?;
    }
    if !report.agrees() {
        return Err(Failure::failed(
            "the numbers do not agree with each other; this is a fault of acquaint, please report it",
        ));
    }
    Ok(())
}

/// What the first reading found.
struct Judged {
    good: u64,
    first_at: Option<Time>,
    malformed: Vec<Malformed>,
}

fn rows(file: &Path) -> Outcome<impl Iterator<Item = Result<Row, MalformedRow>> + use<>> {
    let failed =
        |error: &dyn std::fmt::Display| Failure::usage(format_args!("cannot read {}: {error}", file.display()));
    let opened = File::open(file).map_err(|error| failed(&error))?;
    if opened.metadata().map_err(|error| failed(&error))?.is_file() {
        return Ok(read_rows(opened));
    }
    Err(failed(&"it is not a file, and it has to be read twice"))
}

fn judge(file: &Path) -> Outcome<Judged> {
    let mut judged = Judged { good: 0, first_at: None, malformed: Vec::new() };
    for row in rows(file)? {
        match row {
            Ok(row) => {
                judged.good += 1;
                judged.first_at.get_or_insert(row.at);
            }
            Err(MalformedRow { reason: Reason::Unreadable(error), line }) => {
                let file = file.display();
                return Err(Failure::failed(format_args!("cannot read {file} from line {line} on: {error}")));
            }
            Err(row) => judged.malformed.push(Malformed { line: row.line, reason: row.reason.to_string() }),
        }
    }
    Ok(judged)
}

impl Judged {
    /// Tells of malformed rows, and refuses the file for them unless they are to be skipped.
    fn tell(&self, args: &ReplayArgs) -> Outcome<()> {
        let (file, bad) = (args.file.display(), self.malformed.len());
        for row in self.malformed.iter().take(SHOWN) {
            output::note(&format!("{file} line {}: {}", row.line, row.reason));
        }
        if bad > SHOWN {
            output::note(&format!("… and {} more malformed rows", grouped((bad - SHOWN) as u64)));
        }
        let bad = bad as u64;
        let counted = format!("{} of {} rows are malformed", grouped(bad), grouped(bad + self.good));
        if bad > 0 && !args.skip_malformed {
            if let Some(directory) = &args.report {
                report::write_malformed(&self.malformed, directory)?;
            }
            return Err(Failure::usage(format_args!(
                "{file}: {counted}; nothing was replayed: mend them, or replay the others with --skip-malformed"
            )));
        }
        if self.good == 0 {
            return Err(Failure::usage(format_args!(
                "{file} holds no message; a row is from,to,unix_time, such as 1,2,1082040961"
            )));
        }
        if bad > 0 {
            output::note(&format!("{file}: {counted} and skipped"));
        }
        Ok(())
    }
}

/// The store that was named, which must be empty, or a temporary one.
async fn open(
    address: Option<&Address>,
    means: &Means,
    temporary: &mut Option<tempfile::TempDir>,
) -> Outcome<Arc<dyn Store>> {
    let Some(address) = address else {
        let made = tempfile::Builder::new().prefix("acquaint-replay-").tempdir();
        let made = made.map_err(|error| Failure::failed(format_args!("cannot make a temporary directory: {error}")))?;
        let directory = temporary.insert(made).path().join("store");
        return store::open(&Address::Directory(directory), means).await;
    };
    let store = store::open(address, means).await?;
    if store.is_empty().await.map_err(store::failed)? {
        return Ok(store);
    }
    Err(Failure::failed(format_args!(
        "{} is not empty, and a replay starts from nothing: name a new store, or none for a temporary one",
        store.name()
    )))
}

async fn start(
    store: Arc<dyn Store>,
    policy: &acquaint_core::policy::Policy,
    judged: &Judged,
    config: EngineConfig,
) -> Outcome<Network> {
    let clock = Clock::settable(judged.first_at.unwrap_or_default());
    Network::start(store, policy.clone(), clock, config).await.map_err(Failure::failed)
}

type Replayed = (Answers, Happened, report::Checks);

/// Replays, and stops the engine whatever comes of it, so that a temporary store can be removed.
async fn replay(drive: Drive, args: &ReplayArgs, judged: &Judged) -> Outcome<Replayed> {
    let network = drive.network().clone();
    let replayed = feed(drive, &network, args, judged).await;
    network.shutdown().await;
    replayed
}

async fn feed(mut drive: Drive, network: &Network, args: &ReplayArgs, judged: &Judged) -> Outcome<Replayed> {
    let mut stop = Stop::listen()?;
    let stopping = tokio::spawn(async move { stop.signal().await });
    let mut progress = Progress::new("replayed", "rows", Some(judged.good));
    let mut done = 0;
    for row in rows(&args.file)?.flatten() {
        drive.row(row).await?;
        done += 1;
        if done % STEP == 0 {
            progress.set(done);
        }
        if stopping.is_finished() {
            return Err(Failure::failed(format_args!("stopped by a signal after {} rows", grouped(done))));
        }
    }
    progress.set(done);
    progress.finish();
    if done != judged.good {
        return Err(Failure::failed(format_args!("{} changed while it was read", args.file.display())));
    }
    let (answers, happened) = drive.finish().await?;
    let checks = check(network, &answers).await?;
    Ok((answers, happened, checks))
}

/// What the members' own counters say at the end.
async fn check(network: &Network, answers: &Answers) -> Outcome<report::Checks> {
    let mut checks = report::Checks::default();
    for member in &answers.members {
        let (standing, _) = network.standing(member).await.map_err(store::failed)?;
        checks.pending += u64::from(standing.pending);
        checks.connections += u64::from(standing.connections);
    }
    // Each connection is counted by both of its members.
    checks.connections /= 2;
    Ok(checks)
}
