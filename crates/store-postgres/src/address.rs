//! Where the database is: `postgres://user:password@host:port,host:port/database?sslmode=…`.
//!
//! An [`Address`] is never shown with its password. With several hosts each is tried on its own,
//! with its own time limit: one that accepts connections and then says nothing must not keep us from
//! the one that was promoted in its place.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::{Config, config};

/// How a connection is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Encryption {
    /// Never.
    Disable,
    /// Where the server offers it; whom one talks to is not checked.
    #[default]
    Prefer,
    /// Always; whom one talks to is checked where a root certificate is named.
    Require,
    /// Always, and the server's certificate must be good for its name.
    VerifyFull,
}

/// The address of a database.
#[derive(Clone)]
pub struct Address {
    /// One for each host, in their order.
    pub(crate) hosts: Vec<Config>,
    pub(crate) encryption: Encryption,
    pub(crate) root_certificates: Option<PathBuf>,
    shown: String,
}

/// A text is not the address of a database. The message never holds a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected postgres://USER:PASSWORD@HOST:PORT/DATABASE ({0})")]
pub struct AddressError(String);

impl Address {
    /// What is tried, host by host, for messages.
    pub(crate) fn host_name(config: &Config) -> String {
        let port = config.get_ports().first().copied().unwrap_or(5432);
        match config.get_hosts().first() {
            Some(Host::Tcp(name)) => format!("{name}:{port}"),
            #[cfg(unix)]
            Some(Host::Unix(folder)) => format!("{}/.s.PGSQL.{port}", folder.display()),
            None => config.get_hostaddrs().first().map_or_else(|| "nowhere".into(), |ip| format!("{ip}:{port}")),
        }
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let (base, query) = text.split_once('?').unwrap_or((text, ""));
        let mut encryption = Encryption::default();
        let mut root_certificates = None;
        let mut rest = form_urlencoded::Serializer::new(String::new());
        for (key, value) in form_urlencoded::parse(query.as_bytes()) {
            match key.as_ref() {
                "sslmode" => encryption = read_encryption(&value)?,
                "sslrootcert" => root_certificates = Some(PathBuf::from(value.as_ref())),
                _ => {
                    rest.append_pair(&key, &value);
                }
            }
        }
        // The database's own parser reads percent signs alone, and no plus for a space.
        let rest = rest.finish().replace('+', "%20");
        let all: Config = format!("{base}?{rest}").parse().map_err(|error| AddressError(describe(&error)))?;
        let count = all.get_hosts().len().max(all.get_hostaddrs().len());
        if count == 0 {
            return Err(AddressError("no host is named".into()));
        }
        let hosts: Vec<_> = (0..count).map(|place| single(&all, place, encryption)).collect();
        let shown = shown(&all, &hosts);
        Ok(Self { hosts, encryption, root_certificates, shown })
    }
}

fn describe(error: &tokio_postgres::Error) -> String {
    let source = std::error::Error::source(error);
    source.map_or_else(|| error.to_string(), ToString::to_string)
}

fn read_encryption(word: &str) -> Result<Encryption, AddressError> {
    match word {
        "disable" => Ok(Encryption::Disable),
        "prefer" => Ok(Encryption::Prefer),
        "require" => Ok(Encryption::Require),
        "verify-full" => Ok(Encryption::VerifyFull),
        _ => Err(AddressError("sslmode is one of disable, prefer, require, verify-full".into())),
    }
}

/// The same address with one of its hosts alone.
fn single(all: &Config, place: usize, encryption: Encryption) -> Config {
    let mut one = Config::new();
    match all.get_hosts().get(place) {
        Some(Host::Tcp(name)) => {
            one.host(name);
        }
        #[cfg(unix)]
        Some(Host::Unix(folder)) => {
            one.host_path(folder);
        }
        None => {}
    }
    if let Some(ip) = all.get_hostaddrs().get(place) {
        one.hostaddr(*ip);
    }
    one.port(*all.get_ports().get(place).or(all.get_ports().first()).unwrap_or(&5432));
    all.get_user().map(|user| one.user(user));
    all.get_password().map(|password| one.password(password));
    all.get_dbname().map(|name| one.dbname(name));
    all.get_options().map(|options| one.options(options));
    one.application_name(all.get_application_name().unwrap_or("acquaint"));
    one.channel_binding(all.get_channel_binding());
    one.keepalives(all.get_keepalives()).keepalives_idle(all.get_keepalives_idle());
    one.ssl_mode(match encryption {
        Encryption::Disable => SslMode::Disable,
        Encryption::Prefer => SslMode::Prefer,
        Encryption::Require | Encryption::VerifyFull => SslMode::Require,
    });
    // Which of the hosts takes writes is looked at anyway, host by host.
    one.target_session_attrs(config::TargetSessionAttrs::Any);
    one
}

fn shown(all: &Config, hosts: &[Config]) -> String {
    let names: Vec<_> = hosts.iter().map(Address::host_name).collect();
    let user = all.get_user().map(|user| format!("{user}@")).unwrap_or_default();
    let database = all.get_dbname().or(all.get_user()).unwrap_or_default();
    format!("postgres://{user}{}/{database}", names.join(","))
}

/// The same host, database and user.
impl PartialEq for Address {
    fn eq(&self, other: &Self) -> bool {
        self.shown == other.shown
    }
}

impl Eq for Address {}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_its_password() {
        let address: Address = "postgres://ann:s3cret@one:1,two:2/town?sslmode=require".parse().unwrap();
        assert_eq!(address.to_string(), "postgres://ann@one:1,two:2/town");
        assert!(!format!("{address:?}").contains("s3cret"));
        assert_eq!(address.hosts.len(), 2);
        assert!(address.hosts.iter().all(|host| host.get_password() == Some(b"s3cret")));
        assert_eq!(address.encryption, Encryption::Require);
    }

    #[test]
    fn what_belongs_to_encryption_is_ours_and_the_rest_the_drivers() {
        let text = "postgresql://ann@db/town?sslrootcert=%2Fetc%2Froot.pem&sslmode=verify-full&application_name=a%20b";
        let address: Address = text.parse().unwrap();
        assert_eq!(address.root_certificates, Some("/etc/root.pem".into()));
        assert_eq!(address.hosts[0].get_application_name(), Some("a b"));
        let socket: Address = "postgres://ann@%2Frun%2Fpostgresql/town".parse().unwrap();
        assert_eq!(socket.to_string(), "postgres://ann@/run/postgresql/.s.PGSQL.5432/town");
    }

    #[test]
    fn what_is_no_address_is_told_without_the_password() {
        for wrong in [
            "postgres://ann:s3cret@db:port/town",
            "postgres://ann:s3cret@db/town?sslmode=maybe",
            "postgres://ann:s3cret@db/town?colour=blue",
            "mysql://ann:s3cret@db/town",
            "postgres://",
        ] {
            let error = wrong.parse::<Address>().unwrap_err().to_string();
            assert!(error.starts_with("expected postgres://USER:PASSWORD@HOST:PORT/DATABASE ("), "{error}");
            assert!(!error.contains("s3cret"), "{error}");
        }
    }
}
