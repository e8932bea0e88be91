//! A community in PostgreSQL: how fast members can send, in five ways that are measured in turn.
//!
//! - the floor: every command in a transaction of its own, as most programs would do it;
//! - the engine in this process, as the floor is: without HTTP on either side, what batches give;
//! - one server, which puts what waits into one transaction;
//! - two servers on the same database;
//! - one server on the embedded store, on the same machine.
//!
//! Each has 64 connections that wait for one answer before they ask again (two servers: 64 each).

mod floor;

use std::sync::Arc;

use acquaint_store::Store as _;
use acquaint_store_fjall::{FjallStore, Options};
use acquaint_store_postgres::{Address as Database, Options as DatabaseOptions, PostgresStore};

use super::community::{Community, Size};
use super::http::{CONNECTIONS, Kind, Server, run};
use super::results::{DatabaseResults, Ratio, Run, Way};
use super::usage::Meter;
use super::{BenchArgs, DAYS, Place, engine};
use crate::failure::{Failure, Outcome};
use crate::output;
use crate::random;
use crate::settings::Sources;
use crate::store::{self, Address, failed};

const FLOOR: &str = "one transaction a command";
const ENGINE: &str = "engine in process";
const ONE: &str = "one server";
const TWO: &str = "two servers";
const EMBEDDED: &str = "embedded store";

/// A way of sending: how it is called, how many requests a round has.
type Rounds = Vec<Vec<Way>>;

/// Measures the database at that address.
pub(super) async fn measure(address: &str, args: &BenchArgs, place: &Place) -> Outcome<DatabaseResults> {
    let Address::Database(database) = Address::parse(address).map_err(|expected| wrong(&expected))? else {
        return Err(wrong("expected postgres://USER@HOST/DATABASE"));
    };
    let options = store::means(&Sources::gather(Vec::new(), None)?)?.database;
    let (mut community, preload) = load(&database, &options, args).await?;
    let directory = place.store();
    load_embedded(&directory, args).await?;
    let embedded = format!("fjall:{}", directory.display());
    let mut rounds = Rounds::new();
    for round in 1..=args.rounds {
        output::note(&format!("round {round} of {}: {FLOOR}, {ENGINE}, {ONE}, {TWO}, {EMBEDDED}", args.rounds));
        let requests = (args.commands / args.rounds) as usize;
        rounds.push(vec![
            one_by_one(&database, &options, &mut community, requests).await?,
            in_process(&database, &options, &mut community, requests).await?,
            served(ONE, &[address], &mut community, requests).await?,
            served(TWO, &[address, address], &mut community, requests).await?,
            served(EMBEDDED, &[&embedded], &mut community, requests).await?,
        ]);
    }
    let ratios = vec![
        ratio("engine / floor", &rounds, [ENGINE, FLOOR], Some(6.0)),
        ratio("one server / floor", &rounds, [ONE, FLOOR], Some(6.0)),
        ratio("two servers / one", &rounds, [TWO, ONE], Some(1.3)),
        ratio("one server / embedded", &rounds, [ONE, EMBEDDED], None),
    ];
    let ways = [FLOOR, ENGINE, ONE, TWO, EMBEDDED].into_iter().filter_map(|name| median(&rounds, name)).collect();
    Ok(DatabaseResults { store: database.to_string(), preload, ways, ratios })
}

fn wrong(expected: &str) -> Failure {
    Failure::usage(format_args!("--store: {expected}"))
}

async fn load(database: &Database, options: &DatabaseOptions, args: &BenchArgs) -> Outcome<(Community, Run)> {
    let store = PostgresStore::open(database, options).await.map_err(failed)?;
    if !store.is_empty().await.map_err(failed)? {
        return Err(Failure::usage(format_args!(
            "{database} is not empty: name a new database, which the measurements fill"
        )));
    }
    let mut community = Community::new(Size { members: args.members, pending: args.pending });
    let preload = engine::preload(Arc::new(store), &mut community, DAYS).await?;
    Ok((community, preload))
}

/// The same community once more.
async fn load_embedded(directory: &std::path::Path, args: &BenchArgs) -> Outcome<()> {
    let store = FjallStore::open(directory, &Options::default()).map_err(failed)?;
    let mut community = Community::new(Size { members: args.members, pending: args.pending });
    engine::preload(Arc::new(store), &mut community, DAYS).await.map(drop)
}

async fn one_by_one(
    database: &Database,
    options: &DatabaseOptions,
    community: &mut Community,
    requests: usize,
) -> Outcome<Way> {
    // Fewer, because they take longer: enough for some seconds.
    let stores = floor::connect(database, options).await?;
    let meter = Meter::start(Vec::new());
    let run = floor::run(&stores, community, requests / 4).await?;
    let cores = meter.stop();
    floor::leave(stores).await?;
    Ok(Way { name: FLOOR, run, cores })
}

/// As many callers as the floor has connections.
async fn in_process(
    database: &Database,
    options: &DatabaseOptions,
    community: &mut Community,
    requests: usize,
) -> Outcome<Way> {
    let options = DatabaseOptions { seed: random::bytes()?, ..options.clone() };
    let store = PostgresStore::open(database, &options).await.map_err(failed)?;
    let meter = Meter::start(Vec::new());
    let run = engine::sends(Arc::new(store), community, CONNECTIONS, requests).await?;
    Ok(Way { name: ENGINE, run, cores: meter.stop() })
}

/// Servers on those stores, asked at once.
async fn served(name: &'static str, stores: &[&str], community: &mut Community, requests: usize) -> Outcome<Way> {
    let mut servers = Vec::new();
    for store in stores {
        let server = Server::start(store).await?;
        server.warm_up(community.size.members.min(20_000)).await?;
        servers.push(server);
    }
    let meter = Meter::start(servers.iter().map(Server::process).collect());
    let run = run(&servers.iter().collect::<Vec<_>>(), Kind::Send, community, requests).await?;
    let cores = meter.stop();
    servers.into_iter().try_for_each(Server::kill)?;
    Ok(Way { name, run, cores })
}

/// The rates of one way by those of another.
fn ratio(name: &'static str, rounds: &Rounds, [one, other]: [&str; 2], target: Option<f64>) -> Ratio {
    let rate = |round: &[Way], name: &str| round.iter().find(|way| way.name == name).map(|way| way.run.rate());
    let mut all: Vec<f64> = rounds.iter().filter_map(|round| Some(rate(round, one)? / rate(round, other)?)).collect();
    all.sort_by(f64::total_cmp);
    Ratio { name, rounds: all, target }
}

/// The round whose rate lies in the middle.
fn median(rounds: &Rounds, name: &str) -> Option<Way> {
    let mut all: Vec<&Way> = rounds.iter().flatten().filter(|way| way.name == name).collect();
    all.sort_by(|a, b| a.run.rate().total_cmp(&b.run.rate()));
    all.get(all.len() / 2).map(|way| Way::clone(way))
}
