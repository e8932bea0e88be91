//! The pages of `serve`, for members who sign in.

use acquaint_app::SessionRules;
use acquaint_core::time::Span;
use acquaint_server::{Oidc, Pages};

use crate::failure::{Failure, Outcome};
use crate::settings::{Key, Sources, span, text, variable};

/// The variable that holds our secret at the provider.
const SECRET: &str = "ACQUAINT_OIDC_SECRET";
/// By what name the provider knows us when nothing is said.
const CLIENT: &str = "acquaint";
/// How long a session lasts when nothing is said.
const IDLE: Span = Span::minutes(30);
const LIFETIME: Span = Span::hours(12);

/// What the settings say; `None` if there is the API alone.
pub(crate) fn resolve(sources: &Sources) -> Outcome<Option<Pages>> {
    let Some((origin, host)) = sources.get(Key::PagesUrl, origin)? else {
        return match [Key::OidcIssuer, Key::SignInUrl].into_iter().find(|key| sources.is_said(*key)) {
            None => Ok(None),
            Some(key) => Err(Failure::usage(format_args!(
                "{}: members sign in to the pages, so {} is needed too",
                sources.blame(key),
                Key::PagesUrl.flag()
            ))),
        };
    };
    let sessions = SessionRules {
        idle: sources.get(Key::SessionIdle, span)?.unwrap_or(IDLE),
        lifetime: sources.get(Key::SessionLifetime, span)?.unwrap_or(LIFETIME),
    };
    if sessions.lifetime < sessions.idle {
        return Err(Failure::usage(format_args!(
            "{}: {} is shorter than session_idle ({})",
            sources.blame(Key::SessionLifetime),
            sessions.lifetime,
            sessions.idle
        )));
    }
    let oidc = provider(sources, &origin)?;
    Ok(Some(Pages { host, sessions, sign_in: sources.get(Key::SignInUrl, address)?, oidc }))
}

/// The provider with which members sign in, if there is one.
fn provider(sources: &Sources, origin: &str) -> Outcome<Option<Oidc>> {
    let Some(issuer) = sources.get(Key::OidcIssuer, issuer)? else { return Ok(None) };
    let client = sources.get(Key::OidcClient, text)?.unwrap_or_else(|| CLIENT.into());
    let given = variable(SECRET).filter(|_| !sources.is_flag(Key::OidcSecretFile));
    let secret = match (given, sources.get(Key::OidcSecretFile, text)?) {
        (Some(secret), _) => Some(secret),
        (None, Some(path)) => Some(
            std::fs::read_to_string(&path)
                .map_err(|error| Failure::usage(format_args!("cannot read the secret in {path}: {error}")))?,
        ),
        (None, None) => None,
    };
    let secret = secret.map(|secret| secret.trim().to_owned());
    let oidc = Oidc::new(&issuer, &client, secret, &format!("{origin}/session/back"));
    oidc.map(Some).map_err(|error| Failure::usage(format_args!("{}: {error}", sources.blame(Key::OidcIssuer))))
}

/// Tokens of the provider are not to be read on the way.
fn issuer(text: &str) -> Result<String, String> {
    let text = text.trim();
    let is_local = ["http://localhost", "http://127.0.0.1"]
        .iter()
        .any(|local| text.strip_prefix(local).is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '/'])));
    if text.starts_with("https://") || is_local {
        Ok(text.to_owned())
    } else {
        Err("expected https:// and a name".into())
    }
}

/// The address by which browsers know the server, and its host. Cookies of members are sent over
/// encrypted connections alone; browsers make an exception for the machine that they run on.
pub(crate) fn origin(text: &str) -> Result<(String, String), String> {
    let wrong = || "expected https:// and a name such as https://network.example.org, without a path".to_owned();
    let text = text.trim().trim_end_matches('/');
    let (scheme, host) = text.split_once("://").ok_or_else(wrong)?;
    let name = host.split(':').next().unwrap_or_default();
    let is_host = !name.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || b".-:".contains(&b));
    match scheme {
        "https" if is_host => Ok((text.to_owned(), host.to_owned())),
        "http" if is_host && ["localhost", "127.0.0.1"].contains(&name) => Ok((text.to_owned(), host.to_owned())),
        _ => Err(wrong()),
    }
}

fn address(text: &str) -> Result<String, String> {
    let text = text.trim();
    let is_address = text.starts_with("https://") || text.starts_with("http://") || text.starts_with('/');
    if is_address { Ok(text.to_owned()) } else { Err("expected an address such as https://example.org/network".into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_served_under_one_encrypted_name() {
        let host = |text: &str| origin(text).map(|(_, host)| host);
        assert_eq!(host("https://network.example.org/"), Ok("network.example.org".into()));
        assert_eq!(host("http://localhost:7171"), Ok("localhost:7171".into()));
        for wrong in ["network.example.org", "http://network.example.org", "https://", "https://a/b", "ftp://a", ""] {
            assert!(host(wrong).is_err(), "{wrong}");
        }
        assert!(issuer("http://evil.example").is_err() && issuer("http://localhost.evil.example").is_err());
        assert!(issuer("https://login.example.org").is_ok() && issuer("http://localhost:9400/a").is_ok());
        assert!(address("javascript:alert(1)").is_err() && address("https://example.org").is_ok());
    }
}
