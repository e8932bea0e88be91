//! `acquaint migrate`: makes or renews the tables of a database.

use acquaint_store_postgres::migrate::Migrator;

use crate::args::MigrateArgs;
use crate::failure::{Failure, Outcome};
use crate::output;
use crate::settings::Sources;
use crate::store::{self, Address, failed};

/// Carries out `acquaint migrate`.
pub(crate) async fn run(args: &MigrateArgs) -> Outcome<()> {
    let sources = Sources::gather(args.store.given(), args.store.config.as_deref())?;
    let address = store::address(&sources)?.unwrap_or_default();
    let Address::Database(database) = &address else {
        return Err(Failure::usage(format_args!(
            "{address} is an embedded store, which needs no migration: name a database with --store postgres://…"
        )));
    };
    let migrator = Migrator::connect(database, &store::means(&sources)?.database).await.map_err(failed)?;
    if args.dry_run {
        let pending = migrator.pending().await.map_err(failed)?;
        if pending.is_empty() {
            output::note(&format!("{address} is up to date"));
        }
        return output::raw(pending.sql().as_bytes());
    }
    let done = migrator.apply().await.map_err(failed)?;
    if done.is_empty() {
        return output::line(&format!("{address} is up to date"));
    }
    for migration in &done.migrations {
        output::line(&format!("{address}: migration {} ({}) applied", migration.version, migration.name))?;
    }
    for statement in &done.spread {
        output::line(&format!("{address}: {statement}"))?;
    }
    Ok(())
}
