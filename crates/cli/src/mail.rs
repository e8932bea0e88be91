//! The mails of `serve`: over which server they leave, from whom, and where their links lead.

use std::path::PathBuf;
use std::time::Duration;

use acquaint_app::{Network, SecretError};
use acquaint_mail::{Addresses, Mailbox, Mailer, Mails, Security, SmtpConfig};
use url::Url;

use crate::failure::{Failure, Outcome};
use crate::pages::origin;
use crate::settings::{Key, Sources, text, timeout, variable};

/// The variable that holds our password at the SMTP server.
const PASSWORD: &str = "ACQUAINT_SMTP_PASSWORD";
/// How long the server may take for each step of a conversation when nothing is said.
const TIMEOUT: Duration = Duration::from_secs(30);

/// What the settings say.
pub(crate) struct Mail {
    mailer: Mailer,
    addresses: Addresses,
    /// The host of the links, with its port.
    pub(crate) host: String,
}

/// What the settings say; `None` if no mails are sent.
pub(crate) fn resolve(sources: &Sources) -> Outcome<Option<Mail>> {
    // What is wrong is told without the address, which may hold a password.
    let server = sources.get(Key::SmtpUrl, |text| Ok(server(text)))?;
    let wrong = |expected| Failure::usage(format_args!("{}: {expected}", sources.blame(Key::SmtpUrl)));
    let Some(server) = server.transpose().map_err(wrong)? else {
        return match [Key::MailFrom, Key::MailUrl, Key::MailTemplates].into_iter().find(|key| sources.is_said(*key)) {
            None => Ok(None),
            Some(key) => Err(needed(sources, key, "mails leave over an SMTP server", Key::SmtpUrl)),
        };
    };
    let pages = sources.get(Key::PagesUrl, origin)?;
    let Some((mail, host)) = sources.get(Key::MailUrl, origin)?.or_else(|| pages.clone()) else {
        return Err(needed(sources, Key::SmtpUrl, "mails have links to this server", Key::MailUrl));
    };
    let Some(from) = sources.get(Key::MailFrom, mailbox)? else {
        return Err(needed(sources, Key::SmtpUrl, "mails have a sender", Key::MailFrom));
    };
    let Server { host: name, port, security, user } = server;
    let password = password(sources)?;
    let login = match (user, password) {
        (None, _) => None,
        (Some(user), Some(password)) => Some((user, password)),
        (Some(_), None) => {
            return Err(needed(sources, Key::SmtpUrl, "the user has a password", Key::SmtpPasswordFile));
        }
    };
    let hello = host.split(':').next().unwrap_or_default().to_owned();
    let config = SmtpConfig {
        host: name,
        port,
        security,
        login,
        authority: sources.get(Key::SmtpCa, text)?.map(|path| read("the certificate", &path)).transpose()?,
        hello,
        from,
        timeout: sources.get(Key::SmtpTimeout, timeout)?.unwrap_or(TIMEOUT),
    };
    let templates = sources.get(Key::MailTemplates, text)?.map(PathBuf::from);
    let mailer = Mailer::new(&config, templates.as_deref()).map_err(Failure::usage)?;
    let addresses = Addresses { mail, pages: pages.map(|(pages, _)| pages) };
    Ok(Some(Mail { mailer, addresses, host }))
}

impl Mail {
    /// The channel for a running community.
    pub(crate) async fn channel(self, network: &Network) -> Result<Mails, SecretError> {
        Ok(Mails::new(self.mailer, network.links().await?, self.addresses))
    }
}

fn needed(sources: &Sources, said: Key, why: &str, missing: Key) -> Failure {
    Failure::usage(format_args!("{}: {why}, so {} is needed too", sources.blame(said), missing.flag()))
}

fn password(sources: &Sources) -> Outcome<Option<String>> {
    if let Some(password) = variable(PASSWORD).filter(|_| !sources.is_flag(Key::SmtpPasswordFile)) {
        return Ok(Some(password));
    }
    let Some(path) = sources.get(Key::SmtpPasswordFile, text)? else { return Ok(None) };
    let bytes = read("the password", &path)?;
    let password = String::from_utf8(bytes).map_err(|_| Failure::usage(format_args!("{path} is not UTF-8")))?;
    Ok(Some(password.trim_end_matches(['\r', '\n']).to_owned()))
}

fn read(what: &str, path: &str) -> Outcome<Vec<u8>> {
    std::fs::read(path).map_err(|error| Failure::usage(format_args!("cannot read {what} in {path}: {error}")))
}

/// Which server, as far as an address says.
#[derive(Debug, PartialEq, Eq)]
struct Server {
    host: String,
    port: Option<u16>,
    security: Security,
    user: Option<String>,
}

fn server(text: &str) -> Result<Server, String> {
    let wrong = || {
        "expected smtps://USER@HOST (TLS), smtp://USER@HOST (STARTTLS) or smtp+plain://HOST (unencrypted)".to_owned()
    };
    let url = Url::parse(text.trim()).map_err(|_| wrong())?;
    if url.password().is_some() {
        return Err(format!("a password does not belong here: put it into {PASSWORD} or a file"));
    }
    let security = match url.scheme() {
        "smtps" => Security::Tls,
        "smtp" => Security::StartTls,
        "smtp+plain" => Security::None,
        _ => return Err(wrong()),
    };
    let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(wrong)?.to_owned();
    let is_bare = ["", "/"].contains(&url.path()) && url.query().is_none() && url.fragment().is_none();
    let user = percent_decoded(url.username()).ok_or_else(wrong)?;
    let user = Some(user).filter(|user| !user.is_empty());
    if security == Security::None && user.is_some() {
        return Err("a user's password would be readable on the way: use smtps:// or smtp://".into());
    }
    if is_bare { Ok(Server { host, port: url.port(), security, user }) } else { Err(wrong()) }
}

fn percent_decoded(text: &str) -> Option<String> {
    percent_encoding::percent_decode_str(text).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

fn mailbox(text: &str) -> Result<Mailbox, String> {
    text.trim().parse().map_err(|_| "expected a sender such as \"Acquaint <network@example.org>\"".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_named_with_how_it_is_protected() {
        let server = |text: &str| server(text).map(|server| (server.security, server.port, server.user));
        assert_eq!(server("smtps://mail.example.org"), Ok((Security::Tls, None, None)));
        let user = Some("a@example.org".to_owned());
        assert_eq!(server("smtp://a%40example.org@mail.example.org:2525/"), Ok((Security::StartTls, Some(2525), user)));
        assert_eq!(server("smtp+plain://127.0.0.1:25"), Ok((Security::None, Some(25), None)));
        for wrong in ["", "mail.example.org", "https://a", "smtp://", "smtp://a/b", "smtp://a?tls=none"] {
            assert!(server(wrong).unwrap_err().starts_with("expected smtps://"), "{wrong}");
        }
        assert!(server("smtps://u:secret@a").unwrap_err().starts_with("a password does not belong here"));
        assert!(server("smtp+plain://u@a").unwrap_err().contains("readable on the way"));
        assert!(mailbox("Acquaint <a@example.org>").is_ok() && mailbox("a@example.org").is_ok());
        assert!(mailbox("Acquaint").is_err() && mailbox("a@example.org\r\nBcc: b@example.org").is_err());
    }
}
