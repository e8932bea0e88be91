//! The pages of `serve`, for members who sign in.

use acquaint_app::SessionRules;
use acquaint_core::time::Span;
use acquaint_server::Pages;

use crate::failure::{Failure, Outcome};
use crate::settings::{Key, Sources, span};

/// How long a session lasts when nothing is said.
const IDLE: Span = Span::minutes(30);
const LIFETIME: Span = Span::hours(12);

/// What the settings say; `None` if there is the API alone.
pub(crate) fn resolve(sources: &Sources) -> Outcome<Option<Pages>> {
    let Some(host) = sources.get(Key::PagesUrl, host)? else { return Ok(None) };
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
    Ok(Some(Pages { host, sessions, sign_in: sources.get(Key::SignInUrl, address)? }))
}

/// The host of the address by which browsers know the server. Cookies of members are sent over
/// encrypted connections alone; browsers make an exception for the machine that they run on.
fn host(text: &str) -> Result<String, String> {
    let wrong = || "expected https:// and a name such as https://network.example.org, without a path".to_owned();
    let text = text.trim().trim_end_matches('/');
    let (scheme, host) = text.split_once("://").ok_or_else(wrong)?;
    let name = host.split(':').next().unwrap_or_default();
    let is_host = !name.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || b".-:".contains(&b));
    match scheme {
        "https" if is_host => Ok(host.to_owned()),
        "http" if is_host && ["localhost", "127.0.0.1"].contains(&name) => Ok(host.to_owned()),
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
        assert_eq!(host("https://network.example.org/"), Ok("network.example.org".into()));
        assert_eq!(host("http://localhost:7171"), Ok("localhost:7171".into()));
        for wrong in ["network.example.org", "http://network.example.org", "https://", "https://a/b", "ftp://a", ""] {
            assert!(host(wrong).is_err(), "{wrong}");
        }
        assert!(address("javascript:alert(1)").is_err() && address("https://example.org").is_ok());
    }
}
