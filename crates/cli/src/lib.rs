//! The command line of Acquaint: puts store, engine and server together.
//!
//! [`run`] is the whole program. [`rows`] and [`backup::format`] read files from outside and are
//! open to tests and fuzzing; the rest is of use to the binary alone.

mod args;
pub mod backup;
pub mod bench;
mod cleanup;
mod client;
mod copy;
mod demo;
pub mod failure;
mod keys;
mod linkedin;
mod mail;
mod migrate;
pub mod output;
mod pages;
mod policy;
pub mod progress;
mod random;
mod remote;
mod replay;
mod report;
pub mod rows;
mod serve;
mod settings;
mod signals;
mod store;
mod tls;
mod tokens;
mod webhooks;

use std::process::ExitCode;

use acquaint_app::EngineConfig;
use clap::Parser;
use clap::error::ErrorKind;

use args::{Cli, Command, StoreCommand};
use failure::{Failure, Outcome, one_line};
use settings::{Key, Sources, number};
use store::Means;

/// Runs the program on the process's arguments.
#[must_use]
pub fn run() -> ExitCode {
    let result = match Cli::try_parse() {
        Ok(cli) => carry_out(cli.command),
        Err(error) => unparsed(&error),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output::failure(&failure);
            ExitCode::from(failure.exit_code())
        }
    }
}

/// Help and version are answers; anything else is bad usage, told in one line.
fn unparsed(error: &clap::Error) -> Outcome<()> {
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        return output::raw(error.render().to_string().as_bytes());
    }
    let text = error.render().to_string();
    let told: Vec<&str> = text.lines().take_while(|line| !line.starts_with("Usage:")).collect();
    let told = one_line(&told.join("\n"));
    let told = told.strip_prefix("error: ").unwrap_or(&told);
    if matches!(error.kind(), ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand) {
        return Err(Failure::usage("say what to do: `acquaint --help` lists the commands"));
    }
    Err(Failure::usage(format_args!("{told}; see `acquaint --help`")))
}

fn carry_out(command: Command) -> Outcome<()> {
    match command {
        Command::Demo(args) => block_on(demo::run(&args)),
        Command::Serve(args) => block_on(serve::run(&args)),
        Command::Replay(args) => block_on(replay::run(&args)),
        Command::Policy(command) => policy::run(&command),
        Command::Backup(args) => block_on(backup::backup(&args)),
        Command::Restore(args) => block_on(backup::restore(&args)),
        Command::Store(StoreCommand::Copy(args)) => block_on(copy::run(&args)),
        Command::Keys(command) => block_on(keys::run(&command)),
        Command::Webhooks(command) => block_on(webhooks::run(&command)),
        Command::Audit(args) => block_on(keys::audit(&args)),
        Command::Cleanup(args) => block_on(cleanup::run(&args)),
        Command::Migrate(args) => block_on(migrate::run(&args)),
        Command::Linkedin(args) => linkedin::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Openapi => serve::openapi(),
    }
}

fn block_on(work: impl Future<Output = Outcome<()>>) -> Outcome<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::failed(format_args!("cannot start threads: {error}")))?;
    runtime.block_on(work)
}

/// How much the engine may hold.
fn engine_config(sources: &Sources, means: &Means) -> Outcome<EngineConfig> {
    let default = EngineConfig::default();
    Ok(EngineConfig {
        queue: sources.get(Key::QueueLength, number(1, 1 << 20))?.unwrap_or(default.queue),
        batch: sources.get(Key::BatchSize, number(1, 1 << 16))?.unwrap_or(default.batch),
        cache_bytes: means.members_bytes,
    })
}
