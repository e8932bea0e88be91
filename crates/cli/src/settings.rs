//! Settings: first where each was said and in which words, then what it means.
//!
//! A flag beats a variable, a variable beats the file, the file beats the default. Nothing is
//! given a meaning before it is known which of them counts, so that a wrong value that is
//! overruled disturbs nobody, and a wrong one that counts is blamed on the place where it stands.

use std::fmt;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use acquaint_core::time::Span;

use crate::args::Given;
use crate::failure::{Failure, Outcome};

/// The name of a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Key {
    Listen,
    OperationsListen,
    TlsCertificate,
    TlsPrivate,
    TrustedProxies,
    WebhookNetworks,
    WebhookHttp,
    PagesUrl,
    SignInUrl,
    OidcIssuer,
    OidcClient,
    OidcSecretFile,
    SessionIdle,
    SessionLifetime,
    SmtpUrl,
    SmtpPasswordFile,
    SmtpCa,
    SmtpTimeout,
    MailFrom,
    MailUrl,
    MailTemplates,
    Store,
    Policy,
    Dev,
    HostKeyFile,
    TokenAlgorithm,
    TokenSecretFile,
    TokenKeySet,
    TokenAudience,
    TokenIssuer,
    TokenLeeway,
    LogLevel,
    LogFormat,
    QueueLength,
    BatchSize,
    CacheMib,
    PoolSize,
    StatementTimeout,
    ReadReplicas,
    ReadStaleness,
    ConnectionLimit,
    AddressConnectionLimit,
    RequestLimit,
    MemberRate,
    HostRate,
    AddressRate,
    BodyLimitKib,
    BatchBodyLimitKib,
    HeaderTimeout,
    BodyTimeout,
    ShutdownGrace,
}

impl Key {
    /// Every setting, in the order of the documentation.
    pub(crate) const ALL: [Key; 51] = [
        Key::Listen,
        Key::OperationsListen,
        Key::TlsCertificate,
        Key::TlsPrivate,
        Key::TrustedProxies,
        Key::WebhookNetworks,
        Key::WebhookHttp,
        Key::PagesUrl,
        Key::SignInUrl,
        Key::OidcIssuer,
        Key::OidcClient,
        Key::OidcSecretFile,
        Key::SessionIdle,
        Key::SessionLifetime,
        Key::SmtpUrl,
        Key::SmtpPasswordFile,
        Key::SmtpCa,
        Key::SmtpTimeout,
        Key::MailFrom,
        Key::MailUrl,
        Key::MailTemplates,
        Key::Store,
        Key::Policy,
        Key::Dev,
        Key::HostKeyFile,
        Key::TokenAlgorithm,
        Key::TokenSecretFile,
        Key::TokenKeySet,
        Key::TokenAudience,
        Key::TokenIssuer,
        Key::TokenLeeway,
        Key::LogLevel,
        Key::LogFormat,
        Key::QueueLength,
        Key::BatchSize,
        Key::CacheMib,
        Key::PoolSize,
        Key::StatementTimeout,
        Key::ReadReplicas,
        Key::ReadStaleness,
        Key::ConnectionLimit,
        Key::AddressConnectionLimit,
        Key::RequestLimit,
        Key::MemberRate,
        Key::HostRate,
        Key::AddressRate,
        Key::BodyLimitKib,
        Key::BatchBodyLimitKib,
        Key::HeaderTimeout,
        Key::BodyTimeout,
        Key::ShutdownGrace,
    ];

    /// The key in the file; flag and variable are made from it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Key::Listen => "listen",
            Key::OperationsListen => "operations_listen",
            Key::TlsCertificate => "tls_certificate",
            Key::TlsPrivate => "tls_key",
            Key::TrustedProxies => "trusted_proxies",
            Key::WebhookNetworks => "webhook_networks",
            Key::WebhookHttp => "webhook_http",
            Key::PagesUrl => "pages_url",
            Key::SignInUrl => "sign_in_url",
            Key::OidcIssuer => "oidc_issuer",
            Key::OidcClient => "oidc_client",
            Key::OidcSecretFile => "oidc_secret_file",
            Key::SessionIdle => "session_idle",
            Key::SessionLifetime => "session_lifetime",
            Key::SmtpUrl => "smtp_url",
            Key::SmtpPasswordFile => "smtp_password_file",
            Key::SmtpCa => "smtp_ca",
            Key::SmtpTimeout => "smtp_timeout",
            Key::MailFrom => "mail_from",
            Key::MailUrl => "mail_url",
            Key::MailTemplates => "mail_templates",
            Key::Store => "store",
            Key::Policy => "policy",
            Key::Dev => "dev",
            Key::HostKeyFile => "host_key_file",
            Key::TokenAlgorithm => "token_algorithm",
            Key::TokenSecretFile => "token_secret_file",
            Key::TokenKeySet => "token_key_set",
            Key::TokenAudience => "token_audience",
            Key::TokenIssuer => "token_issuer",
            Key::TokenLeeway => "token_leeway",
            Key::LogLevel => "log_level",
            Key::LogFormat => "log_format",
            Key::QueueLength => "queue_length",
            Key::BatchSize => "batch_size",
            Key::CacheMib => "cache_mib",
            Key::PoolSize => "pool_size",
            Key::StatementTimeout => "statement_timeout",
            Key::ReadReplicas => "read_replicas",
            Key::ReadStaleness => "read_staleness",
            Key::ConnectionLimit => "connection_limit",
            Key::AddressConnectionLimit => "address_connection_limit",
            Key::RequestLimit => "request_limit",
            Key::MemberRate => "member_rate",
            Key::HostRate => "host_rate",
            Key::AddressRate => "address_rate",
            Key::BodyLimitKib => "body_limit_kib",
            Key::BatchBodyLimitKib => "batch_body_limit_kib",
            Key::HeaderTimeout => "header_timeout",
            Key::BodyTimeout => "body_timeout",
            Key::ShutdownGrace => "shutdown_grace",
        }
    }

    pub(crate) fn flag(self) -> String {
        format!("--{}", self.name().replace('_', "-"))
    }

    pub(crate) fn variable(self) -> String {
        format!("ACQUAINT_{}", self.name().to_uppercase())
    }
}

/// Where a value was said.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Origin {
    Flag(Key),
    Variable(Key),
    File { path: PathBuf, line: usize, key: Key },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Flag(key) => f.write_str(&key.flag()),
            Origin::Variable(key) => f.write_str(&key.variable()),
            Origin::File { path, line, key } => write!(f, "{} line {line}: {}", path.display(), key.name()),
        }
    }
}

/// The value of a variable that is set and not empty.
type Variables = Box<dyn Fn(&str) -> Option<String>>;

/// All that was said, in its own words.
pub(crate) struct Sources {
    flags: Given,
    variable: Variables,
    file: Vec<(Key, String, Origin)>,
}

impl Sources {
    /// Gathers flags, the process's variables, and the file that `config` or `ACQUAINT_CONFIG` names.
    pub(crate) fn gather(flags: Given, config: Option<&str>) -> Outcome<Self> {
        Self::gather_with(flags, config, Box::new(variable))
    }

    fn gather_with(flags: Given, config: Option<&str>, variable: Variables) -> Outcome<Self> {
        let config = config.map(str::to_owned).or_else(|| variable("ACQUAINT_CONFIG"));
        let file = config.map(|path| read_file(Path::new(&path))).transpose()?.unwrap_or_default();
        Ok(Self { flags, variable, file })
    }

    /// What counts for a setting, and where it was said.
    fn find(&self, key: Key) -> Option<(String, Origin)> {
        let flag = self.flags.iter().find(|(name, _)| *name == key);
        let flag = flag.map(|(_, text)| (text.clone(), Origin::Flag(key)));
        let variable = || Some(((self.variable)(&key.variable())?, Origin::Variable(key)));
        let in_file =
            || self.file.iter().find(|(name, ..)| *name == key).map(|(_, text, origin)| (text.clone(), origin.clone()));
        flag.or_else(variable).or_else(in_file)
    }

    /// The meaning of a setting, or `None` where nobody said anything.
    pub(crate) fn get<T>(&self, key: Key, meaning: impl Fn(&str) -> Result<T, String>) -> Outcome<Option<T>> {
        let Some((text, origin)) = self.find(key) else { return Ok(None) };
        match meaning(&text) {
            Ok(value) => Ok(Some(value)),
            Err(expected) => Err(Failure::usage(format_args!("{origin}: {expected}, found {text:?}"))),
        }
    }

    /// Whether anybody said anything of a setting.
    pub(crate) fn is_said(&self, key: Key) -> bool {
        self.find(key).is_some()
    }

    /// Whether a setting was said by its flag.
    pub(crate) fn is_flag(&self, key: Key) -> bool {
        self.flags.iter().any(|(name, _)| *name == key)
    }

    /// Where a setting was said, for messages about it; its flag if nowhere.
    pub(crate) fn blame(&self, key: Key) -> String {
        self.find(key).map_or_else(|| key.flag(), |(_, origin)| origin.to_string())
    }
}

/// A variable that is set and not empty.
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var_os(name).map(|value| value.to_string_lossy().into_owned()).filter(|value| !value.is_empty())
}

fn read_file(path: &Path) -> Outcome<Vec<(Key, String, Origin)>> {
    let text = fs::read_to_string(path)
        .map_err(|error| Failure::usage(format_args!("cannot read the settings in {}: {error}", path.display())))?;
    parse_file(path, &text)
}

fn parse_file(path: &Path, text: &str) -> Outcome<Vec<(Key, String, Origin)>> {
    let line = |offset: usize| text.get(..offset).unwrap_or(text).matches('\n').count() + 1;
    let wrong = |offset: usize, message: &dyn fmt::Display| {
        Failure::usage(format_args!("{} line {}: {message}", path.display(), line(offset)))
    };
    let table = toml::de::DeTable::parse(text).map_err(|error| {
        let offset = error.span().map_or(0, |span| span.start);
        wrong(offset, &error.message())
    })?;
    let mut found = Vec::new();
    for (name, value) in table.get_ref() {
        let (place, name) = (name.span().start, name.get_ref().as_ref());
        let key = Key::ALL.into_iter().find(|key| key.name() == name).ok_or_else(|| match name {
            "host_key" | "token_secret" | "oidc_secret" | "smtp_password" => wrong(
                place,
                &format_args!(
                    "a secret does not belong here: put it into a file of its own and name that in {name}_file"
                ),
            ),
            _ => wrong(place, &format_args!("there is no setting {name:?}{}", did_you_mean(name))),
        })?;
        let words = match value.get_ref() {
            toml::de::DeValue::String(text) => text.clone().into_owned(),
            toml::de::DeValue::Integer(number) => number.to_string(),
            toml::de::DeValue::Boolean(switch) => switch.to_string(),
            _ => return Err(wrong(place, &format_args!("{name}: expected a text, a whole number, true or false"))),
        };
        let origin = Origin::File { path: path.into(), line: line(place), key };
        found.push((key, words, origin));
    }
    Ok(found)
}

/// The setting whose name is at most two letters away.
fn did_you_mean(name: &str) -> String {
    let near = Key::ALL.into_iter().map(|key| (distance(name, key.name()), key)).min_by_key(|(distance, _)| *distance);
    match near {
        Some((0..=2, key)) => format!(", did you mean {}?", key.name()),
        _ => "; `acquaint serve --help` lists them".into(),
    }
}

/// How many letters have to be put in, taken out or changed (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        let mut next = vec![left];
        for (y, above) in b.chars().zip(row.iter().skip(1)) {
            left = (left + 1).min(above + 1).min(diagonal + usize::from(x != y));
            diagonal = *above;
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

/// A whole number from `low` to `high`.
pub(crate) fn number<T>(low: T, high: T) -> impl Fn(&str) -> Result<T, String>
where
    T: FromStr + PartialOrd + fmt::Display + Copy,
{
    move |text| {
        let value = text.trim().parse::<T>().ok().filter(|value| (low..=high).contains(value));
        value.ok_or_else(|| format!("expected a whole number from {low} to {high}"))
    }
}

/// A duration from a second to an hour.
pub(crate) fn timeout(text: &str) -> Result<std::time::Duration, String> {
    let span = text.trim().parse::<Span>().ok().filter(|span| (Span::seconds(1)..=Span::hours(1)).contains(span));
    let span = span.ok_or("expected a duration from \"1s\" to \"1h\"")?;
    Ok(std::time::Duration::from_secs(span.as_seconds()))
}

/// A span of time from a minute to a year.
pub(crate) fn span(text: &str) -> Result<Span, String> {
    let span = text.trim().parse::<Span>().ok().filter(|span| (Span::minutes(1)..=Span::days(366)).contains(span));
    span.ok_or_else(|| "expected a duration from \"1m\" to \"366d\"".into())
}

/// Yes or no.
pub(crate) fn switch(text: &str) -> Result<bool, String> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        _ => Err("expected true or false".into()),
    }
}

/// An address and a port; `localhost` is 127.0.0.1.
pub(crate) fn address(text: &str) -> Result<SocketAddr, String> {
    let text = text.trim();
    let local = text.strip_prefix("localhost:").and_then(|port| port.parse().ok());
    let local = local.map(|port| SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port));
    local.or_else(|| text.parse().ok()).ok_or_else(|| "expected an address and a port such as 127.0.0.1:7171".into())
}

/// Any text but an empty one.
#[expect(clippy::unnecessary_wraps, reason = "one shape for every meaning")]
pub(crate) fn text(text: &str) -> Result<String, String> {
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(flags: Given, variables: &'static [(&'static str, &'static str)], file: &str) -> Outcome<Sources> {
        let file = parse_file(Path::new("a.toml"), file)?;
        let variable = move |name: &str| {
            variables.iter().find(|(variable, _)| *variable == name).map(|(_, value)| (*value).to_owned())
        };
        Ok(Sources { file, ..Sources::gather_with(flags, None, Box::new(variable))? })
    }

    #[test]
    fn a_flag_beats_a_variable_beats_the_file() {
        let flag = || vec![(Key::QueueLength, "1".to_owned())];
        let variable: &[_] = &[("ACQUAINT_QUEUE_LENGTH", "2")];
        let file = "queue_length = 3";
        let meaning = number(1, 100);
        let get = |sources: Outcome<Sources>| sources.unwrap().get(Key::QueueLength, &meaning).unwrap();
        assert_eq!(get(sources(flag(), variable, file)), Some(1));
        assert_eq!(get(sources(vec![], variable, file)), Some(2));
        assert_eq!(get(sources(vec![], &[], file)), Some(3));
        assert_eq!(get(sources(vec![], &[], "")), None);
    }

    #[test]
    fn a_wrong_value_is_blamed_on_its_place_and_an_overruled_one_on_nobody() {
        let variable: &[_] = &[("ACQUAINT_QUEUE_LENGTH", "many")];
        let error = |sources: Outcome<Sources>| {
            sources.and_then(|sources| sources.get(Key::QueueLength, number(1, 9))).unwrap_err().message().to_owned()
        };
        assert_eq!(
            error(sources(vec![], variable, "")),
            "ACQUAINT_QUEUE_LENGTH: expected a whole number from 1 to 9, found \"many\""
        );
        assert_eq!(
            error(sources(vec![], &[], "listen = 'x'\n\nqueue_length = 10")),
            "a.toml line 3: queue_length: expected a whole number from 1 to 9, found \"10\""
        );
        let flag = vec![(Key::QueueLength, "5".to_owned())];
        assert_eq!(sources(flag, variable, "").unwrap().get(Key::QueueLength, number(1, 9)), Ok(Some(5)));
    }

    #[test]
    fn a_file_that_is_wrong_is_refused_with_its_line() {
        let cases = [
            ("\nqueue_lenght = 3", "a.toml line 2: there is no setting \"queue_lenght\", did you mean queue_length?"),
            ("[server]\nport = 3", "a.toml line 1: there is no setting \"server\""),
            ("host_key = 'x'", "a.toml line 1: a secret does not belong here"),
            ("queue_length = [3]", "a.toml line 1: queue_length: expected a text"),
            ("\n\nlisten = ", "a.toml line 3: "),
            ("listen = '1'\nlisten = '2'", "a.toml line 2: duplicate key"),
        ];
        for (text, message) in cases {
            let error = parse_file(Path::new("a.toml"), text).unwrap_err();
            assert!(error.message().starts_with(message), "{text:?}: {}", error.message());
        }
    }

    #[test]
    fn values_mean_what_they_say() {
        assert_eq!(address("localhost:80").map(|address| address.to_string()), Ok("127.0.0.1:80".into()));
        assert_eq!(address("[::1]:80").map(|address| address.to_string()), Ok("[::1]:80".into()));
        assert!(address("7171").is_err());
        assert_eq!(timeout("2m"), Ok(std::time::Duration::from_secs(120)));
        assert!(timeout("0s").is_err() && timeout("2h").is_err() && timeout("5").is_err());
        assert_eq!((switch("ON"), switch("0")), (Ok(true), Ok(false)));
        assert!(switch("maybe").is_err());
    }
}
