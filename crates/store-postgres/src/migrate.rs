//! Migrations: forward only, numbered, each in a transaction of its own.
//!
//! A migration first expands: it adds what the next program needs, and the programs that run go on.
//! A later one contracts, once none of them is left. `works_with` says for each the oldest program
//! that can still work with what it leaves behind, so that servers are upgraded one by one.
//!
//! Where the extension `citus` is installed, every table is spread by `member_id` as well, so that
//! all that belongs to a member lies on one node.

use tokio::time::timeout;
use tokio_postgres::Client;

use acquaint_store::{StoreError, StoreResult};

use crate::address::Address;
use crate::connection::connect;
use crate::error::describe;
use crate::inspect::{Needs, Server};
use crate::{Options, tls};

/// One step of the schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Migration {
    /// Its number: they are applied in their order.
    pub version: i32,
    /// The oldest program that works with what it leaves behind, by the last migration it knows.
    works_with: i32,
    /// What it does.
    pub name: &'static str,
    /// The statements.
    pub sql: &'static str,
}

/// Every migration.
const ALL: [Migration; 4] = [
    Migration { version: 1, works_with: 1, name: "tables", sql: include_str!("../migrations/0001_tables.sql") },
    Migration { version: 2, works_with: 1, name: "documents", sql: include_str!("../migrations/0002_documents.sql") },
    Migration { version: 3, works_with: 1, name: "rows", sql: include_str!("../migrations/0003_rows.sql") },
    Migration { version: 4, works_with: 1, name: "wait_ended", sql: include_str!("../migrations/0004_wait_ended.sql") },
];

/// The last one.
pub(crate) const LATEST: i32 = ALL.len() as i32;

/// Two processes that migrate one schema at once wait for each other here. The number means nothing.
const LOCK: &str = "SELECT pg_advisory_lock(1633907573, hashtext(current_schema()))";

const LOG: &str = "CREATE TABLE IF NOT EXISTS acquaint_migrations (
  version int NOT NULL PRIMARY KEY,
  works_with int NOT NULL,
  name text NOT NULL,
  checksum text NOT NULL,
  applied_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE acquaint_migrations IS 'Which steps of the schema were taken.';
COMMENT ON COLUMN acquaint_migrations.version IS 'The number of the step.';
COMMENT ON COLUMN acquaint_migrations.works_with IS 'The oldest program that works with what it left behind, by the last step that one knows.';
COMMENT ON COLUMN acquaint_migrations.name IS 'What it does.';
COMMENT ON COLUMN acquaint_migrations.checksum IS 'BLAKE3 of its statements.';
COMMENT ON COLUMN acquaint_migrations.applied_at IS 'When it was taken.';
";

/// The tables, and the calls that spread them: all others go with the first, and what was migrated is
/// told on every node.
const SPREAD: [(&str, &str); 10] = [
    ("members", "create_distributed_table('members', 'member_id', colocate_with => 'none')"),
    ("relations", "create_distributed_table('relations', 'member_id', colocate_with => 'members')"),
    ("past_invitations", "create_distributed_table('past_invitations', 'member_id', colocate_with => 'members')"),
    ("notifications", "create_distributed_table('notifications', 'member_id', colocate_with => 'members')"),
    ("events", "create_distributed_table('events', 'member_id', colocate_with => 'members')"),
    ("idempotency_records", "create_distributed_table('idempotency_records', 'member_id', colocate_with => 'members')"),
    ("documents", "create_distributed_table('documents', 'member_id', colocate_with => 'members')"),
    ("servers", "create_distributed_table('servers', 'member_id', colocate_with => 'members')"),
    ("leases", "create_distributed_table('leases', 'member_id', colocate_with => 'members')"),
    ("acquaint_migrations", "create_reference_table('acquaint_migrations')"),
];

const IS_SPREAD: &str = "SELECT EXISTS (SELECT FROM pg_dist_partition WHERE logicalrelid = to_regclass($1))";

/// What is to be done to a database.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pending {
    /// Migrations that were not applied.
    pub migrations: Vec<Migration>,
    /// Statements that spread tables over the nodes.
    pub spread: Vec<String>,
}

impl Pending {
    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.migrations.is_empty() && self.spread.is_empty()
    }

    /// All that [`Migrator::apply`] would run, as text that `psql` takes.
    #[must_use]
    pub fn sql(&self) -> String {
        let mut text = String::new();
        if !self.migrations.is_empty() {
            text.push_str(LOG);
        }
        for migration in &self.migrations {
            text.push_str(&format!(
                "\n-- Migration {}: {}\nBEGIN;\n{}\n{}COMMIT;\n",
                migration.version,
                migration.name,
                migration.sql,
                migration.record()
            ));
        }
        if !self.spread.is_empty() {
            text.push_str("\n-- One node for all that belongs to a member\n");
        }
        for statement in &self.spread {
            text.push_str(&format!("{statement};\n"));
        }
        text
    }
}

impl Migration {
    fn checksum(&self) -> String {
        blake3::hash(self.sql.as_bytes()).to_hex().to_string()
    }

    /// The statement that notes it as applied. Name and checksum have no quotes.
    fn record(&self) -> String {
        format!(
            "INSERT INTO acquaint_migrations (version, works_with, name, checksum) VALUES ({}, {}, '{}', '{}');\n",
            self.version,
            self.works_with,
            self.name,
            self.checksum()
        )
    }
}

/// A database to be migrated.
pub struct Migrator {
    client: Client,
    server: Server,
    name: String,
}

impl Migrator {
    /// Connects to the first host that takes writes.
    ///
    /// # Errors
    /// [`StoreError::Failed`] if there is none, or if its schema is newer than this program.
    pub async fn connect(address: &Address, options: &Options) -> StoreResult<Self> {
        let tls = tls::connector(address).map_err(StoreError::Failed)?;
        let mut reasons = Vec::new();
        for host in &address.hosts {
            let attempt = async {
                let client = connect(host, &tls).await?;
                let server = Server::inspect(&client, host).await?;
                server.fits(Needs::Room)?;
                Ok::<_, String>((client, server))
            };
            match timeout(options.deadline, attempt).await {
                Ok(Ok((client, server))) => return Ok(Self { client, server, name: address.to_string() }),
                Ok(Err(reason)) => reasons.push(reason),
                Err(_) => reasons.push(format!("{} did not answer in time", Address::host_name(host))),
            }
        }
        Err(StoreError::Failed(reasons.join("; ")))
    }

    /// What [`Migrator::apply`] would do.
    ///
    /// # Errors
    /// [`StoreError::Failed`] if a migration that was applied is not the one of that number here.
    pub async fn pending(&self) -> StoreResult<Pending> {
        let version = self.server.schema_version();
        if version > 0 {
            self.compare().await?;
        }
        let migrations = ALL.into_iter().filter(|migration| migration.version > version).collect();
        Ok(Pending { migrations, spread: self.to_spread().await? })
    }

    /// Applies what is pending, and returns what that was. Another process that does the same at
    /// the same time is waited for.
    ///
    /// # Errors
    /// [`StoreError::Failed`] with what the database said; the migrations before that one stay.
    pub async fn apply(mut self) -> StoreResult<Pending> {
        // Until this connection ends.
        self.run(LOCK).await?;
        self.look_again().await?;
        let pending = self.pending().await?;
        if !pending.migrations.is_empty() {
            self.run(&format!("BEGIN; {LOG} COMMIT;")).await?;
        }
        for migration in &pending.migrations {
            self.run(&format!("BEGIN; {} {} COMMIT;", migration.sql, migration.record())).await?;
        }
        // Asked once the tables are there.
        let spread = self.to_spread().await?;
        for statement in &spread {
            self.run(statement).await?;
        }
        Ok(Pending { spread, ..pending })
    }

    async fn look_again(&mut self) -> StoreResult<()> {
        self.server = self.server.again(&self.client).await.map_err(StoreError::Failed)?;
        self.server.fits(Needs::Room).map_err(StoreError::Failed)
    }

    /// Whether what was applied is what this program would have applied.
    async fn compare(&self) -> StoreResult<()> {
        const APPLIED: &str = "SELECT version, checksum FROM acquaint_migrations ORDER BY version";
        #[expect(clippy::disallowed_methods, reason = "migrations are not the store's statements")]
        let rows = self.client.query(APPLIED, &[]).await.map_err(|error| self.failed(&error))?;
        for (row, migration) in rows.iter().zip(&ALL) {
            let version: i32 = row.try_get(0).map_err(|error| self.failed(&error))?;
            let checksum: &str = row.try_get(1).map_err(|error| self.failed(&error))?;
            if (version, checksum) != (migration.version, &migration.checksum()) {
                return Err(StoreError::Failed(format!(
                    "migration {version} in {} is another one than this program knows: \
                     use the program that made these tables",
                    self.name
                )));
            }
        }
        Ok(())
    }

    async fn to_spread(&self) -> StoreResult<Vec<String>> {
        if !self.server.is_distributed {
            return Ok(Vec::new());
        }
        let mut statements = Vec::new();
        for (table, call) in SPREAD {
            #[expect(clippy::disallowed_methods, reason = "migrations are not the store's statements")]
            let row = self.client.query_one(IS_SPREAD, &[&table]).await.map_err(|error| self.failed(&error))?;
            if !row.try_get(0).map_err(|error| self.failed(&error))? {
                statements.push(format!("SELECT {call}"));
            }
        }
        Ok(statements)
    }

    async fn run(&self, statements: &str) -> StoreResult<()> {
        #[expect(clippy::disallowed_methods, reason = "migrations are not the store's statements")]
        self.client.batch_execute(statements).await.map_err(|error| self.failed(&error))
    }

    fn failed(&self, error: &tokio_postgres::Error) -> StoreError {
        StoreError::Failed(format!("{}: {}", self.name, describe(error)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn migrations_are_numbered_without_gaps() {
        for (migration, number) in ALL.iter().zip(1..) {
            assert_eq!(migration.version, number);
            assert!(migration.works_with <= number);
        }
    }

    #[test]
    fn nothing_pending_is_no_sql() {
        assert!(Pending::default().is_empty());
        assert_eq!(Pending::default().sql(), "");
    }
}
