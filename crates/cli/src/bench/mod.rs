//! `acquaint bench`: measures the engine and the server on this machine, each against the floor
//! of the same run.
//!
//! The floor of the engine is fjall alone, replaying after every round what the engine was recorded
//! to read and write, in the same batches, on a copy of the same data. The floor of the server is its own
//! `/healthz`, asked by the same client in turn with what is measured. On PostgreSQL it is one transaction
//! for each command (see `database`).

mod community;
mod database;
mod engine;
mod http;
mod pages;
mod reminders;
mod results;
mod usage;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use acquaint_store_fjall::{FjallStore, Options, floor};

use crate::failure::{Failure, Outcome};
use crate::output;
use community::{Community, Size};
use results::{Results, Run};

/// Days over which the loaded invitations are spread, so that the windows of members hold moments.
const DAYS: u32 = 5;

/// What to measure.
#[derive(Debug, clap::Args)]
pub struct BenchArgs {
    /// An empty, migrated database to measure instead: postgres://USER@HOST/DATABASE; what is loaded stays there
    #[arg(long, value_name = "STORE")]
    store: Option<String>,
    /// Members of the community
    #[arg(long, default_value_t = 200_000, value_parser = clap::value_parser!(u32).range(2_000..=50_000_000))]
    members: u32,
    /// Pending invitations loaded before anything is measured
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(2_000..=100_000_000))]
    pending: u32,
    /// Commands that the engine is measured by, in all rounds together
    #[arg(long, default_value_t = 400_000, value_parser = clap::value_parser!(u32).range(1_000..=10_000_000))]
    commands: u32,
    /// Rounds of the measurements; the median counts
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// Directory to work in [default: a temporary one beside the current directory, removed afterwards]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Measure so many reminders that are due at once instead, while callers go on
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1_000..=100_000_000))]
    #[arg(conflicts_with_all = ["store", "engine_only"])]
    reminders: Option<u32>,
    /// Measure the engine alone, without the server
    #[arg(long)]
    engine_only: bool,
    /// Also write the figures to this file, as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// Measures, and prints what was found.
///
/// # Errors
/// When a measurement fails. A figure that is worse than hoped for is none.
pub fn run(args: &BenchArgs) -> Outcome<()> {
    let place = Place::new(args.dir.as_deref())?;
    let mut results = Results::new(args.members, args.reminders.unwrap_or(args.pending));
    let runtime = || tokio::runtime::Runtime::new().map_err(Failure::failed);
    if let Some(store) = &args.store {
        results.database = Some(runtime()?.block_on(database::measure(store, args, &place))?);
    } else if let Some(pending) = args.reminders {
        let size = Size { members: args.members, pending };
        results.reminders = Some(runtime()?.block_on(reminders::measure(&place.store(), size))?);
    } else {
        let community = runtime()?.block_on(measure_engine(args, &place, &mut results))?;
        // What the engine leaves behind is the data that the server starts on.
        if !args.engine_only {
            runtime()?.block_on(http::measure(&place.store(), community, args.rounds, &mut results))?;
            results.sent_page = Some(runtime()?.block_on(pages::measure(&place.pages()))?);
        }
    }
    output::line(&results.to_text())?;
    match &args.json {
        Some(file) => results.write_json(file),
        None => Ok(()),
    }
}

async fn measure_engine(args: &BenchArgs, place: &Place, results: &mut Results) -> Outcome<Community> {
    let store = open(&place.store())?;
    let mut community = Community::new(Size { members: args.members, pending: args.pending });
    results.preload = Some(engine::preload(Arc::new(store.clone()), &mut community, DAYS).await?);
    let store = reopen(store, &place.store())?;
    results.disk_bytes_per_pending = Some(per_pending(store.stats().disk_bytes, args.pending));
    drop(store);
    copy_directory(&place.store(), &place.floor())?;

    let store = open(&place.store())?;
    results.costs = engine::costs(&store, &mut community).await?;
    let mut rounds = Vec::new();
    for round in 1..=args.rounds {
        output::note(&format!("engine round {round} of {}, then the same on the bare store", args.rounds));
        rounds.push(round_of_engine(&store, &mut community, args, place).await?);
    }
    results.take_rounds(rounds);
    Ok(community)
}

/// The engine, and what it read and wrote replayed on fjall alone: the copy that this is done on goes
/// through the same states as the store.
async fn round_of_engine(
    store: &FjallStore,
    community: &mut Community,
    args: &BenchArgs,
    place: &Place,
) -> Outcome<(Run, Run)> {
    let each = args.commands / args.rounds;
    let run = engine::run(store, community, each).await?;
    let trace = store.take_recording();
    if trace.batches() == 0 {
        return Err(Failure::failed("nothing was recorded"));
    }
    let report = floor::run(&place.floor(), &trace, &Options::default()).map_err(Failure::failed)?;
    let floor = Run::of_floor(&report, run.commands);
    Ok((run, floor))
}

fn open(directory: &Path) -> Outcome<FjallStore> {
    FjallStore::open(directory, &Options::default()).map_err(Failure::failed)
}

fn reopen(store: FjallStore, directory: &Path) -> Outcome<FjallStore> {
    drop(store);
    open(directory)
}

fn per_pending(bytes: u64, pending: u32) -> u64 {
    bytes / u64::from(pending)
}

/// Where the measurements are made.
struct Place {
    root: PathBuf,
    /// Removes the directory in the end, if it is ours.
    _temporary: Option<tempfile::TempDir>,
}

impl Place {
    fn new(dir: Option<&Path>) -> Outcome<Self> {
        let Some(dir) = dir else {
            // Beside the current directory: a temporary one is often kept in memory.
            let temporary = tempfile::Builder::new().prefix("acquaint-bench-").tempdir_in(".");
            let temporary =
                temporary.map_err(|error| Failure::failed(format_args!("cannot make a directory: {error}")))?;
            return Ok(Self { root: temporary.path().to_owned(), _temporary: Some(temporary) });
        };
        if dir.read_dir().is_ok_and(|mut entries| entries.next().is_some()) {
            return Err(Failure::usage(format_args!("{} is not empty; name a new directory", dir.display())));
        }
        Ok(Self { root: dir.to_owned(), _temporary: None })
    }

    fn store(&self) -> PathBuf {
        self.root.join("store")
    }

    fn pages(&self) -> PathBuf {
        self.root.join("pages")
    }

    fn floor(&self) -> PathBuf {
        self.root.join("floor")
    }
}

fn copy_directory(from: &Path, to: &Path) -> Outcome<()> {
    let failed = |error: std::io::Error| Failure::failed(format_args!("cannot copy {}: {error}", from.display()));
    std::fs::create_dir_all(to).map_err(failed)?;
    for entry in from.read_dir().map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let target = to.join(entry.file_name());
        if entry.file_type().map_err(failed)?.is_dir() {
            copy_directory(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), target).map_err(failed)?;
        }
    }
    Ok(())
}
