//! The way out: one SMTP server, over connections that are kept.

use std::fmt;
use std::time::Duration;

use lettre::message::Mailbox;
use lettre::transport::smtp::PoolConfig;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{Message, SmtpTransport, Transport};

/// Connections at the same time, for each of the two ways that mails take (see `channel`).
pub(crate) const CONNECTIONS: usize = 4;
/// Connections that are kept.
const KEPT: u32 = 8;
/// For how long a connection without work is kept.
const IDLE: Duration = Duration::from_secs(30);

/// How a connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// TLS from the first byte (port 465).
    Tls,
    /// TLS after `STARTTLS` (port 587); a server without it gets nothing.
    StartTls,
    /// None, for a server on this machine or a network of one's own (port 25).
    None,
}

/// Which SMTP server takes the mails, and how.
#[derive(Clone)]
pub struct SmtpConfig {
    /// Its name, which its certificate must bear.
    pub host: String,
    /// Its port; the usual one of `security` when left out.
    pub port: Option<u16>,
    /// How the connection is protected.
    pub security: Security,
    /// User and password, if it wants to know.
    pub login: Option<(String, String)>,
    /// A certificate in PEM that is believed beside those of the system.
    pub authority: Option<Vec<u8>>,
    /// How this server calls itself.
    pub hello: String,
    /// From whom mails are.
    pub from: Mailbox,
    /// How long each step of a conversation may take.
    pub timeout: Duration,
}

impl fmt::Debug for SmtpConfig {
    /// Without the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmtpConfig")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("security", &self.security)
            .field("user", &self.login.as_ref().map(|(user, _)| user))
            .field("from", &self.from)
            .finish_non_exhaustive()
    }
}

/// Why a server was not set up.
#[derive(Debug, thiserror::Error)]
#[error("the connection to the SMTP server cannot be set up: {0}")]
pub struct SmtpConfigError(#[from] lettre::transport::smtp::Error);

/// Why a mail did not go; one variant for each thing that happens next.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SendError {
    /// The server will not take this mail, whenever it is asked.
    #[error("the SMTP server refuses the mail: {0}")]
    Refused(String),
    /// It may take it later; or it has taken it, and the answer was lost.
    #[error("the SMTP server did not take the mail: {0}")]
    NotNow(String),
}

/// The way out. The library's blocking client, because the other one has no limit of time once it is
/// connected: a server that falls silent would keep a connection for ever.
pub(crate) struct Smtp(SmtpTransport);

impl Smtp {
    /// Sets the way up; nothing is sent yet.
    ///
    /// # Errors
    /// [`SmtpConfigError`] if the certificate is none, or the name of the server.
    pub(crate) fn new(config: &SmtpConfig) -> Result<Self, SmtpConfigError> {
        let tls = || -> Result<TlsParameters, SmtpConfigError> {
            let mut parameters =
                TlsParameters::builder(config.host.clone()).certificate_store(CertificateStore::Default);
            if let Some(pem) = &config.authority {
                parameters = parameters.add_root_certificate(Certificate::from_pem(pem)?);
            }
            Ok(parameters.build_rustls()?)
        };
        let (security, port) = match config.security {
            Security::Tls => (Tls::Wrapper(tls()?), 465),
            Security::StartTls => (Tls::Required(tls()?), 587),
            Security::None => (Tls::None, 25),
        };
        let mut builder = SmtpTransport::builder_dangerous(&config.host)
            .port(config.port.unwrap_or(port))
            .tls(security)
            .hello_name(ClientId::Domain(config.hello.clone()))
            .timeout(Some(config.timeout))
            .pool_config(PoolConfig::new().max_size(KEPT).idle_timeout(IDLE));
        if let Some((user, password)) = &config.login {
            builder = builder.credentials(Credentials::new(user.clone(), password.clone()));
        }
        Ok(Self(builder.build()))
    }

    /// Hands a mail over. Once this returns, the server is answerable for it.
    pub(crate) async fn send(&self, message: Message) -> Result<(), SendError> {
        let way = self.0.clone();
        let sent = tokio::task::spawn_blocking(move || way.send(&message)).await;
        let sent = sent.map_err(|error| SendError::NotNow(error.to_string()))?;
        sent.map(drop).map_err(|error| {
            // A server that does not know us now (535) may know us once the settings are mended, so
            // what concerns the conversation and not the mail is no refusal of the mail.
            let code = error.status().map(u16::from);
            if error.is_permanent() && !matches!(code, Some(530 | 534 | 535 | 538)) {
                SendError::Refused(told(&error))
            } else {
                SendError::NotNow(told(&error))
            }
        })
    }
}

/// The error with what lies beneath it, in one line.
fn told(error: &lettre::transport::smtp::Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        let deeper = error.to_string();
        if !text.contains(&deeper) {
            text = format!("{text}: {deeper}");
        }
        source = error.source();
    }
    crate::letter::clean(&text, 300)
}
