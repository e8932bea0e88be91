//! What goes wrong with a database, and what the caller does next.
//!
//! One place decides for every code of PostgreSQL. What leads to `Unavailable` may heal by itself,
//! by a failover or by an administrator, and then commits go on without a restart.

use std::error::Error as _;
use std::time::Duration;

use acquaint_store::StoreError;
use tokio_postgres::error::SqlState;

use crate::sql::Sql;
use crate::value::Unreadable;

/// What a database says when the text that tells of an unmet precondition is read as a date: no statement
/// reads any other text so (see [`sql`](crate::sql)).
const UNMET: &str = "22007";

/// Why something asked of the database was not done, as a sentence for people.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    /// The database refused it at this statement, or the connection broke.
    #[error("{}", describe(.1))]
    Database(Sql, tokio_postgres::Error),
    /// A statement before COMMIT could not be sent, and so nothing was that should have followed it.
    #[error("{}", describe(.0))]
    Unsent(tokio_postgres::Error),
    /// Fewer rows than were decided on are still as they were; of which statement.
    #[error("a row was changed by somebody else meanwhile")]
    Unmet(Sql),
    /// There was no answer in time.
    #[error("the database did not answer within {} s", .0.as_secs_f64())]
    Deadline(Duration),
    /// There is no connection; says why and what to do.
    #[error("{0}")]
    NoConnection(String),
    /// What was read makes no sense.
    #[error("the database holds what this program cannot read: {}", .0.0)]
    Unreadable(#[from] Unreadable),
}

/// What to do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reaction {
    /// The same transaction once more: another one was in its way.
    Again,
    /// Read again, decide again.
    Conflict,
    /// Wait; the connection is not used again.
    Unavailable,
    /// It will not work however often it is tried.
    Failed,
}

impl Trouble {
    /// What this statement met.
    pub(crate) fn at(sql: Sql, error: tokio_postgres::Error) -> Self {
        match error.code() {
            Some(code) if code.code() == UNMET => Trouble::Unmet(sql),
            _ => Trouble::Database(sql, error),
        }
    }

    pub(crate) fn reaction(&self) -> Reaction {
        match self {
            Trouble::Unmet(_) => Reaction::Conflict,
            Trouble::Database(_, error) | Trouble::Unsent(error) => match error.code() {
                Some(code) => of_code(code),
                None if error.is_closed() || is_of_the_network(error) => Reaction::Unavailable,
                // A value that does not go into its column.
                None => Reaction::Failed,
            },
            Trouble::Deadline(_) | Trouble::NoConnection(_) => Reaction::Unavailable,
            Trouble::Unreadable(_) => Reaction::Failed,
        }
    }

    /// Whether a commit that met this certainly did not take place.
    pub(crate) fn is_certain(&self) -> bool {
        match self {
            Trouble::Unmet(_) | Trouble::Unsent(_) => true,
            // Where the database itself refuses what comes before COMMIT, it makes a rollback of COMMIT. At COMMIT, all
            // but these may come from a machine that died on the way to its answer.
            Trouble::Database(sql, error) => {
                error.code().is_some_and(|code| sql.is_of_rows() || ["40", "23", "25"].contains(&class(code)))
            }
            Trouble::Deadline(_) | Trouble::NoConnection(_) | Trouble::Unreadable(_) => false,
        }
    }
}

impl From<Trouble> for StoreError {
    fn from(trouble: Trouble) -> Self {
        match trouble.reaction() {
            Reaction::Again | Reaction::Conflict => StoreError::Conflict,
            Reaction::Unavailable => StoreError::Unavailable(trouble.to_string()),
            Reaction::Failed => StoreError::Failed(trouble.to_string()),
        }
    }
}

fn is_of_the_network(error: &tokio_postgres::Error) -> bool {
    error.source().is_some_and(|source| source.is::<std::io::Error>())
}

fn class(code: &SqlState) -> &str {
    code.code().get(..2).unwrap_or_default()
}

fn of_code(code: &SqlState) -> Reaction {
    match code.code() {
        // Serialization failure, deadlock.
        "40001" | "40P01" => Reaction::Again,
        "23505" => Reaction::Conflict,
        // A read-only transaction: the server is or became a standby.
        "25006" => Reaction::Unavailable,
        // Insufficient privilege; tables or columns that are missing: somebody can mend it.
        "42501" | "42P01" | "42703" => Reaction::Unavailable,
        // Corrupted data or index.
        "XX001" | "XX002" => Reaction::Failed,
        other => match other.get(..2).unwrap_or_default() {
            // Bad values, broken constraints, bad statements: ours to mend.
            "21" | "22" | "23" | "2F" | "42" | "44" => Reaction::Failed,
            // Connections (08), plans that became invalid (0A), refused logins (28), no such
            // database (3D), resources (53), locks (55), operators (57), the system (58), internal
            // errors, with which a distributed database reports a node that it lost (XX).
            _ => Reaction::Unavailable,
        },
    }
}

/// What the server or the system said, with what to do where that is known.
pub(crate) fn describe(error: &tokio_postgres::Error) -> String {
    let Some(said) = error.as_db_error() else {
        return match error.source() {
            Some(source) => format!("{error}: {source}"),
            None => error.to_string(),
        };
    };
    let advice = match said.code().code() {
        "25006" => ": it is a read-only standby; name the primary, or all hosts, in --store",
        "28P01" | "28000" => ": check user and password in --store, and pg_hba.conf of the server",
        "3D000" => ": create it with createdb, or name another one in --store",
        "42501" => ": give the user of --store the right to use the schema and to read and write its tables",
        "42P01" | "42703" => ": run `acquaint migrate --store …`",
        "53300" => ": raise max_connections of the server, or lower --pool-size",
        "57P03" => ": wait until it is ready",
        _ => "",
    };
    format!("PostgreSQL says: {} ({}){advice}", said.message(), said.code().code())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_its_reaction() {
        let cases = [
            ("40001", Reaction::Again),
            ("40P01", Reaction::Again),
            ("23505", Reaction::Conflict),
            ("23514", Reaction::Failed),
            ("22021", Reaction::Failed),
            ("42601", Reaction::Failed),
            ("XX002", Reaction::Failed),
            ("XX000", Reaction::Unavailable),
            ("08006", Reaction::Unavailable),
            ("0A000", Reaction::Unavailable),
            ("25006", Reaction::Unavailable),
            ("28P01", Reaction::Unavailable),
            ("3D000", Reaction::Unavailable),
            ("42501", Reaction::Unavailable),
            ("53300", Reaction::Unavailable),
            ("55P03", Reaction::Unavailable),
            ("57014", Reaction::Unavailable),
            ("57P01", Reaction::Unavailable),
            ("58030", Reaction::Unavailable),
        ];
        for (code, reaction) in cases {
            assert_eq!(of_code(&SqlState::from_code(code)), reaction, "{code}");
        }
    }
}
