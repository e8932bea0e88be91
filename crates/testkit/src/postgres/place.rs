//! A place for one test on servers that many tests share.
//!
//! `ACQUAINT_TEST_POSTGRES_URLS` names the entry nodes of a PostgreSQL or Citus cluster, separated by
//! spaces. `script/test` starts one server for the whole run and names it so; whoever has a cluster
//! names theirs. Without the variable every place starts a server of its own.
//!
//! A place is a schema, not a database: a schema costs a millisecond, and Citus brings one to every
//! node by itself.

use rand::TryRng;
use rand::rngs::SysRng;

use super::cluster::{Cluster, Options, psql};
use super::programs::Programs;
use crate::{Error, Result};

/// The variable that names the servers.
pub const URLS: &str = "ACQUAINT_TEST_POSTGRES_URLS";

/// An empty schema that no other test sees; dropped with this value.
#[derive(Debug)]
pub struct Place {
    programs: Programs,
    schema: String,
    /// The addresses of the entry nodes, as they were named.
    servers: Vec<String>,
    urls: Vec<String>,
    /// Where it is a server of its own, that server: ended last.
    _own: Option<Cluster>,
}

impl Place {
    /// Makes one.
    ///
    /// # Errors
    /// If there is no PostgreSQL (the message says what to install), or a server that was named cannot
    /// be used.
    pub fn new() -> Result<Self> {
        let named = std::env::var(URLS).unwrap_or_default();
        let mut servers: Vec<String> = named.split_whitespace().map(str::to_owned).collect();
        let mut own = None;
        if servers.is_empty() {
            let cluster = Cluster::start(&Options::default())?;
            servers.push(cluster.url("postgres"));
            own = Some(cluster);
        }
        let number = SysRng.try_next_u64().map_err(Error::while_doing("draw a number"))?;
        let schema = format!("acquaint_test_{number:016x}");
        let urls = servers.iter().map(|server| with_schema(server, &schema)).collect();
        let place = Self { programs: Programs::find()?, schema, servers, urls, _own: own };
        place.administer(&format!("CREATE SCHEMA {}", place.schema))?;
        Ok(place)
    }

    /// The address for a client, by the first entry node.
    #[must_use]
    pub fn url(&self) -> &str {
        self.urls.first().map_or("", String::as_str)
    }

    /// The addresses for clients, one for each entry node.
    #[must_use]
    pub fn urls(&self) -> &[String] {
        &self.urls
    }

    /// Runs statements in this place with `psql`; what they returned, unaligned, a row a line.
    ///
    /// # Errors
    /// What the server said.
    pub fn psql(&self, statements: &str) -> Result<String> {
        psql(&self.programs, self.url(), statements)
    }

    /// Runs a statement outside of it.
    fn administer(&self, statement: &str) -> Result<()> {
        psql(&self.programs, self.servers.first().map_or("", String::as_str), statement).map(drop)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // A server of one's own goes with all that is on it. On another, a schema that cannot be
        // dropped is in nobody's way: its name is used once.
        if self._own.is_none() {
            let quietly = "SET client_min_messages = error;";
            let _ = self.administer(&format!("{quietly} DROP SCHEMA {} CASCADE", self.schema));
        }
    }
}

/// The address with a search path: `-csearch_path=NAME`, its sign of equality escaped.
fn with_schema(server: &str, schema: &str) -> String {
    let joint = if server.contains('?') { '&' } else { '?' };
    format!("{server}{joint}options=-csearch_path%3D{schema}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_is_added_to_what_an_address_says_already() {
        assert_eq!(with_schema("postgres://a/b", "s"), "postgres://a/b?options=-csearch_path%3Ds");
        assert_eq!(with_schema("postgres://a/b?x=y", "s"), "postgres://a/b?x=y&options=-csearch_path%3Ds");
    }
}
