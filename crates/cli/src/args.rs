//! The command line as it was written. What it means is for [`crate::settings`] and the commands.

use std::path::PathBuf;

use acquaint_core::access::Scope;
use clap::{Args, Parser, Subcommand};

use crate::bench::BenchArgs;
use crate::cleanup::CleanupArgs;
use crate::demo::DemoArgs;
use crate::linkedin::LinkedinArgs;
use crate::settings::Key;

/// A connection-request system: members invite each other, and the rules keep it honest.
#[derive(Debug, Parser)]
#[command(name = "acquaint", version, max_term_width = 100, arg_required_else_help = true)]
#[command(after_help = "Exit codes: 0 done, 1 failed, 2 bad usage or input.")]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show a made-up community in the browser, with pages to press
    Demo(DemoArgs),
    /// Serve the HTTP API on a store
    Serve(Box<ServeArgs>),
    /// Run a stream of messages (from,to,unix_time) through the engine and report what the rules made of it
    Replay(ReplayArgs),
    /// Check a policy file, or show a built-in policy
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// Write everything that a store keeps into one file
    Backup(BackupArgs),
    /// Fill an empty store from a backup
    Restore(RestoreArgs),
    /// Copy what one store keeps into another one
    #[command(subcommand)]
    Store(StoreCommand),
    /// Make, list and revoke the keys with which the host and its operators call
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Manage the endpoints that are told what happens, through the server
    Webhooks(WebhooksCommand),
    /// Withdraw a member's old invitations day by day, through the server of their community
    Cleanup(CleanupArgs),
    /// Print what was administered: when, by whom, what, about whom, and what came of it
    Audit(AuditArgs),
    /// Make or renew the tables of a PostgreSQL database
    Migrate(MigrateArgs),
    /// See which of your own LinkedIn invitations to withdraw, from the export that LinkedIn gives you
    Linkedin(LinkedinArgs),
    /// Measure this machine
    Bench(BenchArgs),
    /// Print the OpenAPI description of the HTTP API
    #[command(hide = true)]
    Openapi,
}

/// How every setting is found; the end of each help text.
const LAYERS: &str = "Every setting is read from its flag, else from the variable ACQUAINT_ and its name \
    (--queue-length: ACQUAINT_QUEUE_LENGTH), else from the key of that name in the file that --config or \
    ACQUAINT_CONFIG names (queue_length = 4096).";

#[derive(Debug, Args)]
#[command(after_help = format!(
    "{LAYERS}\n\nThe host key is read from ACQUAINT_HOST_KEY, or from the file that --host-key-file names."
))]
pub(crate) struct ServeArgs {
    #[command(flatten)]
    pub(crate) common: CommonArgs,
    /// Address and port to listen on [default: 127.0.0.1:7171]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// Make the clock settable, and make up a host key if none is given; on loopback addresses only
    #[arg(long)]
    dev: bool,
    /// File with the host key, the secret of the product that embeds this server
    #[arg(long, value_name = "FILE")]
    host_key_file: Option<String>,
    /// How members' tokens (JWT) are signed: HS256, RS256, ES256 or EdDSA; without it none are taken
    #[arg(long, value_name = "NAME")]
    token_algorithm: Option<String>,
    /// File with the secret of HS256
    #[arg(long, value_name = "FILE")]
    token_secret_file: Option<String>,
    /// File or address with the host's public keys, a JSON Web Key Set; read again while the server runs
    #[arg(long, value_name = "FILE|URL")]
    token_key_set: Option<String>,
    /// What a token's `aud` must name [default: acquaint]
    #[arg(long, value_name = "TEXT")]
    token_audience: Option<String>,
    /// What a token's `iss` must be
    #[arg(long, value_name = "TEXT")]
    token_issuer: Option<String>,
    /// By how much the clocks of host and server may differ [default: 30s]
    #[arg(long, value_name = "DURATION")]
    token_leeway: Option<String>,
    /// How much to log: error, warn, info, debug, trace, or a list such as info,acquaint_app=debug [default: info]
    #[arg(long, value_name = "LEVEL")]
    log_level: Option<String>,
    /// Form of the log: text or json [default: text]
    #[arg(long, value_name = "FORM")]
    log_format: Option<String>,
    /// Address and port for health and metrics alone, apart from everybody else's connections
    #[arg(long, value_name = "ADDRESS")]
    operations_listen: Option<String>,
    /// File with the server's certificate and those above it, PEM; read again when it changes
    #[arg(long, value_name = "FILE")]
    tls_certificate: Option<String>,
    /// File with the certificate's private key, PEM
    #[arg(long, value_name = "FILE")]
    tls_key: Option<String>,
    /// Addresses or networks of proxies that are believed about clients' addresses, separated by commas
    #[arg(long, value_name = "NETWORKS")]
    trusted_proxies: Option<String>,
    /// Addresses or networks that are not public and may be posted to all the same, separated by commas
    #[arg(long, value_name = "NETWORKS")]
    webhook_networks: Option<String>,
    /// Let endpoints of webhooks be http, in the clear
    #[arg(long)]
    webhook_http: bool,
    /// Serve the pages for members; browsers know the server by this, such as https://network.example.org
    #[arg(long, value_name = "URL")]
    pages_url: Option<String>,
    /// Where members who are not signed in are sent to sign in
    #[arg(long, value_name = "URL")]
    sign_in_url: Option<String>,
    /// The OpenID Connect provider with which members sign in, by its issuer
    #[arg(long, value_name = "URL")]
    oidc_issuer: Option<String>,
    /// By what name the provider knows us [default: acquaint]
    #[arg(long, value_name = "TEXT")]
    oidc_client: Option<String>,
    /// File with our secret at the provider
    #[arg(long, value_name = "FILE")]
    oidc_secret_file: Option<String>,
    /// A member who asks for nothing is signed out after this [default: 30m]
    #[arg(long, value_name = "DURATION")]
    session_idle: Option<String>,
    /// A member is signed out this long after signing in [default: 12h]
    #[arg(long, value_name = "DURATION")]
    session_lifetime: Option<String>,
    /// Send mails over this server: smtps://USER@HOST (TLS), smtp://USER@HOST (STARTTLS), smtp+plain://HOST
    #[arg(long, value_name = "URL")]
    smtp_url: Option<String>,
    /// File with the user's password there
    #[arg(long, value_name = "FILE")]
    smtp_password_file: Option<String>,
    /// File with a certificate that is believed beside the system's, PEM
    #[arg(long, value_name = "FILE")]
    smtp_ca: Option<String>,
    /// How long the SMTP server may take for each step [default: 30s]
    #[arg(long, value_name = "DURATION")]
    smtp_timeout: Option<String>,
    /// From whom mails are, such as "Acquaint <network@example.org>"; the name is the community's
    #[arg(long, value_name = "MAILBOX")]
    mail_from: Option<String>,
    /// Where the links of mails lead: an address of this server [default: that of --pages-url]
    #[arg(long, value_name = "URL")]
    mail_url: Option<String>,
    /// Folder with templates that take the place of the built-in ones
    #[arg(long, value_name = "FOLDER")]
    mail_templates: Option<String>,
    /// Connections at the same time [default: 4096]
    #[arg(long, value_name = "NUMBER")]
    connection_limit: Option<String>,
    /// Connections of one address at the same time [default: 2048]
    #[arg(long, value_name = "NUMBER")]
    address_connection_limit: Option<String>,
    /// Calls that are answered at the same time; more are 503 at once [default: 2048]
    #[arg(long, value_name = "NUMBER")]
    request_limit: Option<String>,
    /// Calls of one member in a minute; 0 is no limit [default: 1200]
    #[arg(long, value_name = "NUMBER")]
    member_rate: Option<String>,
    /// Calls with one key of the host's in a minute; 0 is no limit [default: 0]
    #[arg(long, value_name = "NUMBER")]
    host_rate: Option<String>,
    /// Calls of one address in a minute without a right key or token; 0 is no limit [default: 1200]
    #[arg(long, value_name = "NUMBER")]
    address_rate: Option<String>,
    /// Longest body of a request, in KiB [default: 64]
    #[arg(long, value_name = "KIB")]
    body_limit_kib: Option<String>,
    /// Longest body of POST /v1/commands, in KiB [default: 4096]
    #[arg(long, value_name = "KIB")]
    batch_body_limit_kib: Option<String>,
    /// How long a client may take to send the head of its next request, waiting included [default: 30s]
    #[arg(long, value_name = "DURATION")]
    header_timeout: Option<String>,
    /// How long a client may take to send the body of a request [default: 30s]
    #[arg(long, value_name = "DURATION")]
    body_timeout: Option<String>,
    /// How long requests under way may take to finish after a signal to stop [default: 10s]
    #[arg(long, value_name = "DURATION")]
    shutdown_grace: Option<String>,
    #[command(flatten)]
    engine: EngineArgs,
    /// Standbys of the database that lists may be read from, separated by spaces
    #[arg(long, value_name = "ADDRESSES")]
    read_replicas: Option<String>,
    /// How old a list may be that a standby answers with [default: 5s]
    #[arg(long, value_name = "DURATION")]
    read_staleness: Option<String>,
}

/// What serving and replaying share.
#[derive(Debug, Args)]
pub(crate) struct CommonArgs {
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    /// Policy file, or the name of a built-in policy: linkedin or open [default: linkedin]
    #[arg(long, value_name = "FILE|PRESET")]
    policy: Option<String>,
}

/// Where the store is, and the file with the rest.
#[derive(Debug, Args)]
pub(crate) struct StoreArgs {
    /// File with settings, TOML
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<String>,
    /// The store: fjall:DIRECTORY, or postgres://USER@HOST/DATABASE [default: fjall:acquaint-data]
    #[arg(long, value_name = "STORE")]
    store: Option<String>,
}

#[derive(Debug, Args)]
struct EngineArgs {
    /// Commands that may wait; more are turned away with 503 [default: 16384]
    #[arg(long, value_name = "NUMBER")]
    queue_length: Option<String>,
    /// Commands in one commit, at most [default: 1024]
    #[arg(long, value_name = "NUMBER")]
    batch_size: Option<String>,
    /// Memory for members, relations and blocks of the store, in MiB [default: 224]
    #[arg(long, value_name = "MIB")]
    cache_mib: Option<String>,
    /// Connections to the database [default: 8]
    #[arg(long, value_name = "NUMBER")]
    pool_size: Option<String>,
    /// How long the database may take over a statement before its connection is given up [default: 5s]
    #[arg(long, value_name = "DURATION")]
    statement_timeout: Option<String>,
}

#[derive(Debug, Args)]
#[command(after_help = LAYERS)]
pub(crate) struct ReplayArgs {
    /// The stream: one message a line, from,to,unix_time, in the order of time
    pub(crate) file: PathBuf,
    // A replay's store is by default a fresh one that is removed afterwards, so the help differs.
    /// File with settings, TOML
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<String>,
    /// An empty store to fill: fjall:DIRECTORY, or postgres://USER@HOST/DATABASE [default: a temporary one, removed afterwards]
    #[arg(long, value_name = "STORE")]
    store: Option<String>,
    /// Policy file, or the name of a built-in policy: linkedin or open [default: linkedin]
    #[arg(long, value_name = "FILE|PRESET")]
    policy: Option<String>,
    /// Directory to write the report into: report.html, report.json, tables (CSV) and plots (SVG)
    #[arg(long, value_name = "DIR")]
    pub(crate) report: Option<PathBuf>,
    /// Replay the good rows even if others are malformed
    #[arg(long)]
    pub(crate) skip_malformed: bool,
    #[command(flatten)]
    engine: EngineArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PolicyCommand {
    /// Say whether a file is a policy, and if not, in which line it is wrong
    Check {
        /// The policy file
        file: PathBuf,
    },
    /// Print a built-in policy in full, every key with its rule
    Show {
        /// linkedin or open
        preset: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Make a key, and print it: the only time that it is shown
    Create {
        /// By what it is listed and revoked: letters, digits, dots, hyphens, underscores
        name: String,
        /// What it is good for, as a key of the host's: read, act, admin; none includes another
        #[arg(long, value_name = "SCOPES", required_unless_present = "operator", value_delimiter = ',')]
        scopes: Vec<Scope>,
        /// Make it the key of a person who looks after the community, and acts for nobody
        #[arg(long, conflicts_with = "scopes")]
        operator: bool,
        #[command(flatten)]
        place: KeyPlace,
    },
    /// Print every key: name, scopes (or operator), and when it was made
    List {
        #[command(flatten)]
        place: KeyPlace,
    },
    /// Take a key out of use for good
    Revoke {
        /// Its name
        name: String,
        #[command(flatten)]
        place: KeyPlace,
    },
}

#[derive(Debug, Args)]
pub(crate) struct WebhooksCommand {
    /// The server, as HOST:PORT or http://HOST:PORT; ACQUAINT_HOST_KEY is a key with the scope admin, or an operator's
    #[arg(long, global = true, value_name = "ADDRESS", default_value = "127.0.0.1:7171")]
    pub(crate) server: String,
    #[command(subcommand)]
    pub(crate) what: WebhooksDo,
}

#[derive(Debug, Subcommand)]
pub(crate) enum WebhooksDo {
    /// Make an endpoint, and print its id and its secret: the only time that it is shown
    Create {
        /// Where events are posted to
        url: String,
        /// Which types of events, separated by commas [default: all]
        #[arg(long, value_name = "TYPES", value_delimiter = ',')]
        events: Vec<String>,
        /// A word for people
        #[arg(long, value_name = "TEXT")]
        description: Option<String>,
    },
    /// Print every endpoint: id, address, whether it is on, types of events
    List,
    /// Delete an endpoint; what is on its way to it is dropped
    Delete {
        /// Its id
        id: String,
    },
    /// Switch an endpoint on
    Enable {
        /// Its id
        id: String,
    },
    /// Switch an endpoint off; what is on its way to it becomes dead letters
    Disable {
        /// Its id
        id: String,
    },
    /// Change an endpoint's secret, and print the new one: the only time that it is shown
    Rotate {
        /// Its id
        id: String,
        /// For how long the old secret signs as well, at most 30d
        #[arg(long, value_name = "DURATION", default_value = "24h")]
        overlap: String,
    },
    /// Post something to an endpoint that means nothing, and print the delivery's id
    Test {
        /// Its id
        id: String,
    },
    /// Print the last hundred deliveries to an endpoint, with their attempts
    Deliveries {
        /// Its id
        id: String,
        /// What became of them: pending, delivered or dead
        #[arg(long, value_name = "STAGE", default_value = "delivered")]
        stage: String,
    },
    /// Make a delivery once more that is over
    Replay {
        /// The endpoint's id
        id: String,
        /// The delivery's id
        delivery: String,
    },
    /// Make up to a thousand deliveries once more that were given up, and print how many
    Redrive {
        /// The endpoint's id
        id: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct AuditArgs {
    /// How many entries to print, at most, from the latest on
    #[arg(long, value_name = "NUMBER", default_value_t = 100)]
    pub(crate) limit: usize,
    #[command(flatten)]
    pub(crate) place: KeyPlace,
}

/// Where keys are: in a store, or behind the server that holds it.
#[derive(Debug, Args)]
pub(crate) struct KeyPlace {
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    /// The server that holds the store, as HOST:PORT or http://HOST:PORT; ACQUAINT_HOST_KEY is a key with the scope admin, or an operator's
    #[arg(long, value_name = "ADDRESS", conflicts_with = "store")]
    pub(crate) server: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum StoreCommand {
    /// Copy everything into an empty store of any kind, and compare the two
    Copy(CopyArgs),
}

#[derive(Debug, Args)]
pub(crate) struct CopyArgs {
    /// The store that is read; no server may run on it
    #[arg(long, value_name = "STORE")]
    pub(crate) from: String,
    /// The store that is filled
    #[arg(long, value_name = "STORE")]
    pub(crate) to: String,
    /// File that says how far the copy has come, so that the same command goes on after a crash
    #[arg(long, value_name = "FILE", default_value = "acquaint-copy.progress")]
    pub(crate) progress: PathBuf,
}

#[derive(Debug, Args)]
#[command(after_help = LAYERS)]
pub(crate) struct BackupArgs {
    /// The file to write, or - for standard output
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    /// Write over a file that exists
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Args)]
#[command(after_help = LAYERS)]
pub(crate) struct RestoreArgs {
    /// The backup to read
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
}

#[derive(Debug, Args)]
#[command(after_help = LAYERS)]
pub(crate) struct MigrateArgs {
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    /// Print the SQL and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// The settings that were given as flags, as they were written.
pub(crate) type Given = Vec<(Key, String)>;

/// Keeps those that were given.
fn given<const N: usize>(flags: [(Key, &Option<String>); N]) -> Given {
    flags.into_iter().filter_map(|(key, value)| Some((key, value.clone()?))).collect()
}

impl ServeArgs {
    pub(crate) fn given(&self) -> Given {
        let on = |switch: bool| switch.then(|| "true".to_owned());
        let (dev, webhook_http) = (on(self.dev), on(self.webhook_http));
        let own = given([
            (Key::Listen, &self.listen),
            (Key::Policy, &self.common.policy),
            (Key::Dev, &dev),
            (Key::HostKeyFile, &self.host_key_file),
            (Key::TokenAlgorithm, &self.token_algorithm),
            (Key::TokenSecretFile, &self.token_secret_file),
            (Key::TokenKeySet, &self.token_key_set),
            (Key::TokenAudience, &self.token_audience),
            (Key::TokenIssuer, &self.token_issuer),
            (Key::TokenLeeway, &self.token_leeway),
            (Key::LogLevel, &self.log_level),
            (Key::LogFormat, &self.log_format),
            (Key::ReadReplicas, &self.read_replicas),
            (Key::ReadStaleness, &self.read_staleness),
            (Key::OperationsListen, &self.operations_listen),
            (Key::TlsCertificate, &self.tls_certificate),
            (Key::TlsPrivate, &self.tls_key),
            (Key::TrustedProxies, &self.trusted_proxies),
            (Key::WebhookNetworks, &self.webhook_networks),
            (Key::WebhookHttp, &webhook_http),
            (Key::PagesUrl, &self.pages_url),
            (Key::SignInUrl, &self.sign_in_url),
            (Key::OidcIssuer, &self.oidc_issuer),
            (Key::OidcClient, &self.oidc_client),
            (Key::OidcSecretFile, &self.oidc_secret_file),
            (Key::SessionIdle, &self.session_idle),
            (Key::SessionLifetime, &self.session_lifetime),
            (Key::SmtpUrl, &self.smtp_url),
            (Key::SmtpPasswordFile, &self.smtp_password_file),
            (Key::SmtpCa, &self.smtp_ca),
            (Key::SmtpTimeout, &self.smtp_timeout),
            (Key::MailFrom, &self.mail_from),
            (Key::MailUrl, &self.mail_url),
            (Key::MailTemplates, &self.mail_templates),
            (Key::ConnectionLimit, &self.connection_limit),
            (Key::AddressConnectionLimit, &self.address_connection_limit),
            (Key::RequestLimit, &self.request_limit),
            (Key::MemberRate, &self.member_rate),
            (Key::HostRate, &self.host_rate),
            (Key::AddressRate, &self.address_rate),
            (Key::BodyLimitKib, &self.body_limit_kib),
            (Key::BatchBodyLimitKib, &self.batch_body_limit_kib),
            (Key::HeaderTimeout, &self.header_timeout),
            (Key::BodyTimeout, &self.body_timeout),
            (Key::ShutdownGrace, &self.shutdown_grace),
        ]);
        [own, self.engine.given(), self.common.store.given()].concat()
    }
}

impl EngineArgs {
    fn given(&self) -> Given {
        given([
            (Key::QueueLength, &self.queue_length),
            (Key::BatchSize, &self.batch_size),
            (Key::CacheMib, &self.cache_mib),
            (Key::PoolSize, &self.pool_size),
            (Key::StatementTimeout, &self.statement_timeout),
        ])
    }
}

impl StoreArgs {
    pub(crate) fn given(&self) -> Given {
        given([(Key::Store, &self.store)])
    }
}

impl ReplayArgs {
    pub(crate) fn given(&self) -> Given {
        [given([(Key::Store, &self.store), (Key::Policy, &self.policy)]), self.engine.given()].concat()
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_setting_has_a_flag() {
        let command = Cli::command();
        let serve = command.find_subcommand("serve").unwrap();
        for key in Key::ALL {
            let flag = key.flag();
            let long = flag.trim_start_matches("--");
            assert!(serve.get_arguments().any(|arg| arg.get_long() == Some(long)), "{flag}");
        }
    }
}
