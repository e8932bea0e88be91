//! A look at the server and the database before anything is asked of them.
//!
//! Whatever does not fit is told in one sentence that says what to do. These are the only
//! statements beside the migrations that speak of the catalogue.

use tokio_postgres::{Client, Config, Row};

use crate::address::Address;
use crate::error::describe;
use crate::migrate::LATEST;

/// The oldest server whose SQL we write.
const OLDEST_SERVER: i32 = 150_000;

const TABLES: &str = "{members,relations,past_invitations,notifications,events,idempotency_records,servers,leases}";

const SERVER: &str = "SELECT current_setting('server_version_num')::int, current_setting('server_version'), \
    current_setting('server_encoding'), pg_is_in_recovery() OR current_setting('transaction_read_only')::boolean, \
    current_database()::text, current_user::text, coalesce(current_schema()::text, 'public'), \
    EXISTS (SELECT FROM pg_catalog.pg_extension WHERE extname = 'citus'), \
    to_regclass('acquaint_migrations') IS NOT NULL";

const SCHEMA: &str = "SELECT version, works_with, \
    (SELECT bool_and(has_table_privilege(name, privilege)) FROM unnest($1::text::text[]) AS name, \
     unnest('{SELECT,INSERT,UPDATE,DELETE}'::text[]) AS privilege) \
    FROM acquaint_migrations ORDER BY version DESC LIMIT 1";

/// What the server must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Needs {
    /// Our tables, of a version that this program knows.
    Tables,
    /// The same, on a standby.
    Copy,
    /// Room for them.
    Room,
}

/// What was found.
#[derive(Debug, Clone)]
pub(crate) struct Server {
    name: String,
    version: i32,
    version_name: String,
    encoding: String,
    is_read_only: bool,
    database: String,
    user: String,
    /// Where tables are made, and found.
    schema_name: String,
    pub(crate) is_distributed: bool,
    schema: Option<Schema>,
}

/// The tables that are there.
#[derive(Debug, Clone, Copy)]
struct Schema {
    version: i32,
    /// The oldest program that can work with them, by the last migration it knows.
    works_with: i32,
    may_be_used: bool,
}

impl Server {
    /// # Errors
    /// A sentence, if the server does not answer.
    pub(crate) async fn inspect(client: &Client, host: &Config) -> Result<Self, String> {
        Self::read(client, &Address::host_name(host)).await
    }

    /// Another look at the same server.
    pub(crate) async fn again(&self, client: &Client) -> Result<Self, String> {
        Self::read(client, &self.name).await
    }

    async fn read(client: &Client, name: &str) -> Result<Self, String> {
        Self::ask(client, name.to_owned()).await.map_err(|error| format!("{name}: {}", describe(&error)))
    }

    #[expect(clippy::disallowed_methods, reason = "asked before statements are prepared")]
    async fn ask(client: &Client, name: String) -> Result<Self, tokio_postgres::Error> {
        let row = client.query_one(SERVER, &[]).await?;
        let migrated: bool = row.try_get(8)?;
        let schema = if migrated { client.query_opt(SCHEMA, &[&TABLES]).await? } else { None };
        Ok(Self {
            name,
            version: row.try_get(0)?,
            version_name: row.try_get(1)?,
            encoding: row.try_get(2)?,
            is_read_only: row.try_get(3)?,
            database: row.try_get(4)?,
            user: row.try_get(5)?,
            schema_name: row.try_get(6)?,
            is_distributed: row.try_get(7)?,
            schema: schema.as_ref().map(Schema::of).transpose()?,
        })
    }

    /// Whether it can be used.
    ///
    /// # Errors
    /// A sentence that says why not, and what to do.
    pub(crate) fn fits(&self, needs: Needs) -> Result<(), String> {
        let Self { name, version_name, database, encoding, user, schema_name, .. } = self;
        if self.version < OLDEST_SERVER {
            return Err(format!("{name} is PostgreSQL {version_name}: Acquaint needs version 15 or later"));
        }
        if encoding != "UTF8" {
            return Err(format!(
                "the database {database} at {name} has the encoding {encoding}: \
                 create one with ENCODING 'UTF8' TEMPLATE template0, and name it in --store"
            ));
        }
        if needs == Needs::Copy && !self.is_read_only {
            return Err(format!("{name} is the primary: name a standby of it in --read-replicas"));
        }
        if needs != Needs::Copy && self.is_read_only {
            return Err(format!(
                "{name} is a read-only standby: name the primary, or all hosts one after the other, in --store"
            ));
        }
        match (needs, self.schema) {
            (Needs::Tables | Needs::Copy, None) => Err(format!(
                "the database {database} at {name} has no tables of Acquaint: run `acquaint migrate --store …` first"
            )),
            (_, Some(schema)) if schema.works_with > LATEST => Err(format!(
                "the tables in {database} at {name} were made by a newer program (version {} of the schema, \
                 this one knows {LATEST}): use that one",
                schema.version
            )),
            (Needs::Room, Some(schema)) if schema.version > LATEST => Err(format!(
                "{database} at {name} was migrated by a newer program (version {} of the schema, \
                 this one knows {LATEST}): migrate with that one",
                schema.version
            )),
            (Needs::Tables | Needs::Copy, Some(schema)) if schema.version < LATEST => Err(format!(
                "the tables in {database} at {name} are of version {} and this program needs {LATEST}: \
                 run `acquaint migrate --store …` first",
                schema.version
            )),
            (Needs::Tables | Needs::Copy, Some(schema)) if !schema.may_be_used => Err(format!(
                "the user {user} may not read and write the tables in {database} at {name}: as their owner, \
                 GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema_name} TO {user}"
            )),
            _ => Ok(()),
        }
    }

    /// The last migration that was applied; 0 if none was.
    pub(crate) fn schema_version(&self) -> i32 {
        self.schema.map_or(0, |schema| schema.version)
    }
}

impl Schema {
    fn of(row: &Row) -> Result<Self, tokio_postgres::Error> {
        Ok(Self { version: row.try_get(0)?, works_with: row.try_get(1)?, may_be_used: row.try_get(2)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> Server {
        Server {
            name: "db:5432".into(),
            version: 150_018,
            version_name: "15.18".into(),
            encoding: "UTF8".into(),
            is_read_only: false,
            database: "town".into(),
            user: "ann".into(),
            schema_name: "public".into(),
            is_distributed: false,
            schema: Some(Schema { version: LATEST, works_with: LATEST, may_be_used: true }),
        }
    }

    #[test]
    fn what_does_not_fit_is_told_with_what_to_do() {
        let schema = |version, works_with| Some(Schema { version, works_with, may_be_used: true });
        let unusable = Some(Schema { version: LATEST, works_with: LATEST, may_be_used: false });
        let cases = [
            (Server { version: 140_009, version_name: "14.9".into(), ..good() }, "needs version 15 or later"),
            (Server { encoding: "SQL_ASCII".into(), ..good() }, "create one with ENCODING 'UTF8'"),
            (Server { is_read_only: true, ..good() }, "name the primary"),
            (Server { schema: None, ..good() }, "run `acquaint migrate"),
            (Server { schema: schema(LATEST - 1, 0), ..good() }, "run `acquaint migrate"),
            (Server { schema: schema(LATEST + 2, LATEST + 1), ..good() }, "use that one"),
            (Server { schema: unusable, ..good() }, "GRANT SELECT"),
        ];
        for (server, advice) in cases {
            let told = server.fits(Needs::Tables).unwrap_err();
            assert!(told.contains(advice) && told.contains("db:5432"), "{told}");
        }
    }

    #[test]
    fn a_program_works_with_tables_that_were_only_added_to() {
        let expanded =
            Server { schema: Some(Schema { version: LATEST + 1, works_with: LATEST, may_be_used: true }), ..good() };
        assert_eq!(expanded.fits(Needs::Tables), Ok(()));
        assert!(expanded.fits(Needs::Room).unwrap_err().contains("migrate with that one"));
        assert_eq!(Server { schema: None, ..good() }.fits(Needs::Room), Ok(()));
    }
}
