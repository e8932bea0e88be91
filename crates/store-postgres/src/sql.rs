//! Every statement that the store runs, in one place.
//!
//! They run unchanged on PostgreSQL and on a PostgreSQL that spreads its tables over many nodes by
//! `member_id`. For that each one names `member_id`, locks nothing up front, takes times as
//! parameters and never asks for a snapshot over several members; the tests below read each one.
//!
//! One thing differs. Where tables are spread, `member_id = ANY($n)` stands beside a join: it tells a
//! distributed database which nodes to ask. On one node it would tell nothing and cost as much as the
//! rest, because PostgreSQL looks every row up among all the members that are named.

use crate::members::MEMBERS;
use crate::relations::RELATIONS;
use crate::rows::{CLAIMS, DOCUMENTS, EVENTS, NOTIFICATIONS, PAST, Table};

macro_rules! statements {
    ($spread:ident; $($name:ident => $text:expr,)*) => {
        /// The name of a statement.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Sql {
            $(
                #[doc = stringify!($name)]
                $name
            ),*
        }

        impl Sql {
            /// Every statement; the place of each is its number.
            pub(crate) const ALL: &'static [Sql] = &[$(Sql::$name),*];

            /// What is sent to the database; `spread` is whether its tables are spread over nodes.
            pub(crate) fn text(self, $spread: bool) -> String {
                match self { $(Sql::$name => String::from($text)),* }
            }
        }
    };
}

statements! { spread;
    Begin => "BEGIN",
    BeginReading => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
    Commit => "COMMIT",
    Rollback => "ROLLBACK",

    // Of the log, not of rows: how far the primary is, and how far a replica.
    Position => "SELECT pg_current_wal_insert_lsn()",
    Replayed => "SELECT pg_last_wal_replay_lsn()",

    InsertMembers => insert(&MEMBERS),
    UpdateMembers => update(&MEMBERS, spread),
    DeleteMembers => delete(&MEMBERS, true, spread),
    RestoreMembers => upsert(&MEMBERS),
    InsertRelations => insert(&RELATIONS),
    UpdateRelations => update(&RELATIONS, spread),
    DeleteRelations => delete(&RELATIONS, true, spread),
    RestoreRelations => upsert(&RELATIONS),
    PutPast => upsert(&PAST),
    DeletePast => delete(&PAST, false, spread),
    PutNotifications => upsert(&NOTIFICATIONS),
    DeleteNotifications => delete(&NOTIFICATIONS, false, spread),
    InsertEvents => insert(&EVENTS),
    RestoreEvents => upsert(&EVENTS),
    DeleteEvents => delete(&EVENTS, false, spread),
    InsertClaims => insert(&CLAIMS),
    RestoreClaims => upsert(&CLAIMS),
    DeleteClaims => delete(&CLAIMS, false, spread),
    InsertDocuments => insert(&DOCUMENTS),
    UpdateDocuments => update(&DOCUMENTS, spread),
    DeleteDocuments => delete(&DOCUMENTS, true, spread),
    RestoreDocuments => upsert(&DOCUMENTS),

    Members => format!("SELECT {} FROM members AS r WHERE r.member_id = ANY($1)", read(&MEMBERS)),
    Relations => by_key(&RELATIONS, spread),
    Claims => by_key(&CLAIMS, spread),
    Past => by_key(&PAST, spread),
    SentByIds => by_listed_id("listed_sent", spread),
    ReceivedByIds => by_listed_id("listed_received", spread),

    SentNewest => pending("listed_sent", "<", "DESC"),
    SentOldest => pending("listed_sent", ">", "ASC"),
    ReceivedNewest => pending("listed_received", "<", "DESC"),
    ReceivedOldest => pending("listed_received", ">", "ASC"),
    Connections => contacts("listed_connection"),
    Following => contacts("listed_following"),
    Followers => contacts("listed_follower"),
    Blocks => contacts("listed_block"),
    Notifications => format!(
        "SELECT {} FROM notifications AS r WHERE r.member_id = $1 AND r.notification_id < $2 \
         ORDER BY r.notification_id DESC LIMIT $3",
        read(&NOTIFICATIONS)
    ),
    Related =>
        "SELECT other_id FROM relations WHERE member_id = $1 AND other_id > $2 ORDER BY other_id LIMIT $3",
    Due =>
        "SELECT due_at, member_id, other_id FROM relations \
         WHERE due_at IS NOT NULL AND due_at <= $4 AND (due_at, member_id, other_id) > ($1, $2, $3) \
         ORDER BY due_at, member_id, other_id LIMIT $5",
    Events => format!(
        "SELECT {} FROM events AS r WHERE r.event_id > $1 AND r.event_id <= $2 ORDER BY r.event_id LIMIT $3",
        read(&EVENTS)
    ),
    LastEvent => "SELECT event_id, member_id FROM events ORDER BY event_id DESC LIMIT 1",
    OldClaims => "SELECT member_id, key FROM idempotency_records WHERE at < $1 ORDER BY at LIMIT $2",
    Document => format!(
        "SELECT {} FROM documents AS r WHERE r.member_id = $1 AND r.kind = $2 AND r.key = $3",
        read(&DOCUMENTS)
    ),
    Documents => format!(
        "SELECT {} FROM documents AS r WHERE r.member_id = $1 AND r.kind = $2 AND r.key > $3 \
         ORDER BY r.key LIMIT $4",
        read(&DOCUMENTS)
    ),
    DueDocuments => format!(
        "SELECT {} FROM documents AS r WHERE r.kind = $1 AND r.due_at IS NOT NULL AND r.due_at <= $2 \
         AND (r.due_at, r.member_id, r.key) > ($3, $4, $5) ORDER BY r.due_at, r.member_id, r.key LIMIT $6",
        read(&DOCUMENTS)
    ),
    ErasePast => "DELETE FROM past_invitations WHERE member_id = $1",
    EraseNotifications => "DELETE FROM notifications WHERE member_id = $1",

    EraseDocuments => "DELETE FROM documents WHERE member_id = $1",

    ScanMembers => format!(
        "SELECT {} FROM members AS r WHERE r.member_id > $1 ORDER BY r.member_id LIMIT $2",
        read(&MEMBERS)
    ),
    // Of the two rows of a relation, the one of the member whose id comes first.
    ScanRelations => scan(&RELATIONS, "r.member_id < r.other_id AND "),
    ScanPast => scan(&PAST, ""),
    ScanNotifications => scan(&NOTIFICATIONS, ""),
    ScanEvents => scan(&EVENTS, ""),
    ScanClaims => scan(&CLAIMS, ""),
    ScanDocuments => scan(&DOCUMENTS, ""),

    // Touches no row, and is refused all the same where nothing may be written.
    Writable => "UPDATE servers SET beats = beats WHERE member_id = '#server-'",
    Register => "INSERT INTO servers (member_id, commits, low_water, beats) VALUES ($1, 0, $2, 0)",
    Fence => counted(
        "UPDATE servers SET commits = $2, low_water = $3 WHERE member_id = $1 AND commits = $2 - 1::bigint",
        4,
        spread
    ),
    Beat => "UPDATE servers SET beats = beats + 1 WHERE member_id = $1 RETURNING commits",
    Servers => "SELECT member_id, commits, beats FROM servers",
    HighestPromise => "SELECT low_water, member_id FROM servers WHERE member_id <> $1 ORDER BY low_water DESC LIMIT 1",
    LowestPromise => "SELECT low_water, member_id FROM servers ORDER BY low_water LIMIT 1",
    RemoveServer => "DELETE FROM servers WHERE member_id = $1 AND commits = $2 AND beats = $3",
    Leave => "DELETE FROM servers WHERE member_id = $1 RETURNING commits",
    Lease => "SELECT holder, beats, member_id FROM leases WHERE member_id = $1",
    NewLease =>
        "INSERT INTO leases (member_id, holder, beats) VALUES ($1, $2, 0) ON CONFLICT (member_id) DO NOTHING",
    TakeLease =>
        "UPDATE leases SET holder = $2, beats = beats + 1 WHERE member_id = $1 AND holder = $3 AND beats = $4",
    ReleaseLease => "DELETE FROM leases WHERE member_id = $1 AND holder = $2",
}

impl Sql {
    /// Whether it begins or ends a transaction, and touches no row.
    pub(crate) fn is_control(self) -> bool {
        matches!(self, Sql::Begin | Sql::BeginReading | Sql::Commit | Sql::Rollback)
    }

    /// Whether it asks for a place in the log, and touches no row.
    pub(crate) fn is_of_the_log(self) -> bool {
        matches!(self, Sql::Position | Sql::Replayed)
    }

    /// Whether it reads or writes rows.
    pub(crate) fn is_of_rows(self) -> bool {
        !self.is_control() && !self.is_of_the_log()
    }
}

fn names(table: &Table) -> String {
    let names: Vec<_> = table.columns.iter().map(|(name, _)| *name).collect();
    names.join(", ")
}

/// The columns as they are read: what has structure of its own comes as text.
fn read(table: &Table) -> String {
    let column = |(name, kind): &(&str, &str)| match *kind {
        "json" | "jsonb" => format!("r.{name}::text"),
        _ => format!("r.{name}"),
    };
    let columns: Vec<_> = table.columns.iter().map(column).collect();
    columns.join(", ")
}

/// JSON is sent as text.
fn cast((name, kind): &(&str, &str)) -> String {
    match *kind {
        "json" | "jsonb" => format!("u.{name}::{kind}"),
        _ => format!("u.{name}"),
    }
}

/// Which members the parameter of that number names, for a database that has to ask several nodes.
fn among(spread: bool, number: usize) -> String {
    if spread { format!("r.member_id = ANY(${number}) AND ") } else { String::new() }
}

/// Rows that must not exist: the database refuses those that do.
fn insert(table: &Table) -> String {
    let values: Vec<_> = table.columns.iter().map(cast).collect();
    format!(
        "INSERT INTO {} ({}) SELECT {} FROM UNNEST($1::{}[]) AS u",
        table.name,
        names(table),
        values.join(", "),
        table.row
    )
}

fn changing(table: &Table) -> impl Iterator<Item = &(&'static str, &'static str)> {
    table.columns.iter().filter(|(name, _)| !table.key.contains(name))
}

fn upsert(table: &Table) -> String {
    let sets: Vec<_> = changing(table).map(|(name, _)| format!("{name} = EXCLUDED.{name}")).collect();
    format!("{} ON CONFLICT ({}) DO UPDATE SET {}", insert(table), table.key.join(", "), sets.join(", "))
}

/// A statement that must touch as many rows as the parameter of that number says. On one node it is refused
/// otherwise, so that COMMIT can be sent right behind it; what the text says is read in the database's own log. A
/// database of several nodes does not put writes to all of them into one such statement.
fn counted(statement: &str, number: usize, spread: bool) -> String {
    if spread {
        return statement.to_owned();
    }
    format!(
        "WITH written AS ({statement} RETURNING 1) \
         SELECT CAST(CASE WHEN COUNT(*) <> ${number} THEN 'a row was changed meanwhile' END AS date) FROM written"
    )
}

/// The columns of the key, compared with those that are given.
fn same_key(table: &Table) -> String {
    let parts: Vec<_> = table.key.iter().map(|name| format!("r.{name} = u.{name}")).collect();
    parts.join(" AND ")
}

/// Rows of the version that was read. The rows come first, then the versions, then whose rows they are or how many.
fn update(table: &Table, spread: bool) -> String {
    let set = |column: &(&'static str, &'static str)| match column.0 {
        "stamp" => "stamp = GREATEST(r.stamp, u.stamp)".to_owned(),
        name => format!("{name} = {}", cast(column)),
    };
    let sets: Vec<_> = changing(table).map(set).collect();
    let statement = format!(
        "UPDATE {} AS r SET {} FROM UNNEST($1::{}[], $2::bigint[]) AS u ({}, expected) \
         WHERE {}{} AND r.version = u.expected",
        table.name,
        sets.join(", "),
        table.row,
        names(table),
        among(spread, 3),
        same_key(table)
    );
    counted(&statement, 3, spread)
}

/// The rows of these keys, and of the versions that come last if `versioned`.
fn delete(table: &Table, versioned: bool, spread: bool) -> String {
    let (arrays, names) = keys(table);
    let versions = table.key.len() + 1;
    let (array, name, condition) = if versioned {
        (format!(", ${versions}::bigint[]"), ", expected", " AND r.version = u.expected")
    } else {
        (String::new(), "", "")
    };
    let statement = format!(
        "DELETE FROM {} AS r USING UNNEST({arrays}{array}) AS u ({names}{name}) WHERE {}{}{condition}",
        table.name,
        among(spread, 1),
        same_key(table)
    );
    if versioned { counted(&statement, versions + 1, spread) } else { statement }
}

/// The key's columns as arrays, and their names.
fn keys(table: &Table) -> (String, String) {
    let kind = |name: &&str| table.columns.iter().find(|(column, _)| column == name).map_or("text", |(_, kind)| kind);
    let arrays: Vec<_> =
        table.key.iter().zip(1..).map(|(name, number)| format!("${number}::{}[]", kind(name))).collect();
    (arrays.join(", "), table.key.join(", "))
}

fn by_key(table: &Table, spread: bool) -> String {
    let (arrays, names) = keys(table);
    format!(
        "SELECT {} FROM UNNEST({arrays}) AS u ({names}) JOIN {} AS r ON {}{}",
        read(table),
        table.name,
        among(spread, 1),
        same_key(table)
    )
}

fn by_listed_id(list: &str, spread: bool) -> String {
    format!(
        "SELECT {} FROM UNNEST($1::text[], $2::uuid[]) AS u (member_id, id) \
         JOIN relations AS r ON {}r.member_id = u.member_id AND r.{list} = u.id AND r.{list} IS NOT NULL",
        read(&RELATIONS),
        among(spread, 1)
    )
}

fn pending(list: &str, follows: &str, order: &str) -> String {
    format!(
        "SELECT {} FROM relations AS r WHERE r.member_id = $1 AND r.{list} IS NOT NULL AND r.{list} {follows} $2 \
         ORDER BY r.{list} {order} LIMIT $3",
        read(&RELATIONS)
    )
}

fn contacts(list: &str) -> String {
    format!(
        "SELECT {list}, other_id FROM relations \
         WHERE member_id = $1 AND {list} IS NOT NULL AND {list} <= $2 AND ({list}, other_id) < ($2, $3) \
         ORDER BY {list} DESC, other_id DESC LIMIT $4"
    )
}

/// Rows after a key.
fn scan(table: &Table, condition: &str) -> String {
    let after: Vec<_> = (1..=table.key.len()).map(|number| format!("${number}")).collect();
    let key: Vec<_> = table.key.iter().map(|name| format!("r.{name}")).collect();
    let key = key.join(", ");
    format!(
        "SELECT {} FROM {} AS r WHERE {condition}({key}) > ({}) ORDER BY {key} LIMIT ${}",
        read(table),
        table.name,
        after.join(", "),
        table.key.len() + 1
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every statement, as it is on one node and on several.
    fn texts() -> impl Iterator<Item = (Sql, String)> {
        Sql::ALL.iter().flat_map(|sql| [false, true].map(|spread| (*sql, sql.text(spread))))
    }

    #[test]
    fn every_statement_names_the_member() {
        for (sql, text) in texts().filter(|(sql, _)| sql.is_of_rows()) {
            assert!(text.contains("member_id"), "{sql:?}: {text}");
        }
    }

    /// What a distributed database refuses, and what makes the outcome depend on the node.
    #[test]
    fn no_statement_has_a_forbidden_form() {
        let forbidden = [
            "FOR UPDATE",
            "FOR SHARE",
            "FOR NO KEY",
            "LOCK TABLE",
            "MERGE",
            "LATERAL",
            "NOW()",
            "CLOCK_TIMESTAMP",
            "CURRENT_TIMESTAMP",
            "SERIAL",
            "NEXTVAL",
            "RANDOM",
            "GEN_",
            "NOT EXISTS",
            "SET MEMBER_ID",
            "SUM(",
        ];
        for (sql, text) in texts() {
            let text = text.to_uppercase();
            for form in forbidden {
                assert!(!text.contains(form), "{sql:?} has {form}: {text}");
            }
            let values = text.split("VALUES").nth(1).unwrap_or_default();
            assert!(!values.contains("SELECT"), "{sql:?} has a subquery in VALUES: {text}");
            let moved = text.split(" SET ").nth(1).is_some_and(|sets| {
                let sets = sets.split(" WHERE ").next().unwrap_or(sets);
                sets.split(", ").any(|set| set.starts_with("MEMBER_ID ="))
            });
            assert!(!moved, "{sql:?} moves a row to another member: {text}");
        }
    }

    #[test]
    fn writes_of_many_rows_say_which_members_they_touch() {
        for sql in Sql::ALL {
            let text = sql.text(true);
            let joins = text.contains("FROM UNNEST") || text.contains("USING UNNEST");
            if joins && !text.starts_with("INSERT") {
                assert!(text.contains("r.member_id = ANY($"), "{sql:?}: {text}");
            }
        }
    }

    #[test]
    fn the_number_of_a_statement_is_its_place() {
        for (place, sql) in Sql::ALL.iter().enumerate() {
            assert_eq!(*sql as usize, place);
        }
    }

    /// No other file has statements of its own, save those that speak of the catalogue.
    #[test]
    fn statements_are_nowhere_else() {
        let sources = concat!(env!("CARGO_MANIFEST_DIR"), "/src");
        let elsewhere = std::fs::read_dir(sources).unwrap().map(|entry| entry.unwrap().path());
        let of_the_catalogue = ["sql.rs", "migrate.rs", "inspect.rs"];
        for path in elsewhere.filter(|path| !of_the_catalogue.iter().any(|name| path.ends_with(name))) {
            let text = std::fs::read_to_string(&path).unwrap();
            for word in ["SELECT ", "INSERT ", "UPDATE ", "DELETE ", "TRUNCATE "] {
                assert!(!text.contains(&format!("\"{word}")), "{} has a statement: {word}", path.display());
            }
        }
    }
}
