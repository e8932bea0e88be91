//! A running server that a command talks to, with a key in `ACQUAINT_HOST_KEY`.

use acquaint_core::ids::MemberId;
use hyper::body::Bytes;
use hyper::{Method, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::client::Client;
use crate::failure::{Failure, Outcome};
use crate::serve::HOST_KEY;
use crate::settings::variable;

/// A server, and perhaps the member for whom it is asked.
pub(crate) struct Remote {
    client: Client,
    member: Option<MemberId>,
}

/// What a server says when it does not do what it was asked for.
#[derive(Deserialize)]
struct Problem {
    detail: String,
    retry_at: Option<String>,
    /// What is wrong with what was asked, if that is why.
    #[serde(default)]
    errors: Vec<Fault>,
}

#[derive(Deserialize)]
struct Fault {
    detail: String,
}

impl Remote {
    /// The server at `HOST:PORT` or `http://HOST:PORT`; `key` says which key is wanted.
    pub(crate) async fn open(server: &str, key: &str) -> Outcome<Self> {
        let secret =
            variable(HOST_KEY).ok_or_else(|| Failure::usage(format_args!("--server: put {key} into {HOST_KEY}")))?;
        let address = server.strip_prefix("http://").unwrap_or(server).trim_end_matches('/');
        let client = Client::connect(address, &secret).await;
        let client = client.map_err(|error| {
            Failure::failed(format_args!("cannot reach the server at {address}: {}", error.message()))
        })?;
        Ok(Self { client, member: None })
    }

    /// Asks for a member from now on.
    pub(crate) fn for_member(self, member: MemberId) -> Self {
        Self { member: Some(member), ..self }
    }

    /// Makes a call; the body of its answer, or nothing where there is no such thing.
    pub(crate) async fn find(&mut self, method: Method, path: &str, body: String) -> Outcome<Option<Bytes>> {
        let (status, answer) = self.client.call(method, path, self.member.as_ref(), body.into()).await?;
        match status {
            StatusCode::NOT_FOUND => Ok(None),
            status if status.is_success() => Ok(Some(answer)),
            _ => Err(refused(&answer)),
        }
    }

    /// Makes a call; what it is answered with.
    pub(crate) async fn call<T: DeserializeOwned>(&mut self, method: Method, path: &str, body: String) -> Outcome<T> {
        let (status, answer) = self.client.call(method, path, self.member.as_ref(), body.into()).await?;
        if status.is_success() { read(&answer) } else { Err(refused(&answer)) }
    }
}

/// What a server answered.
pub(crate) fn read<T: DeserializeOwned>(body: &[u8]) -> Outcome<T> {
    serde_json::from_slice(body).map_err(|error| Failure::failed(format_args!("the server's answer: {error}")))
}

/// Why a server said no.
fn refused(body: &[u8]) -> Failure {
    let Ok(Problem { detail, retry_at, errors }) = serde_json::from_slice(body) else {
        return Failure::failed("the server says no");
    };
    // The first of several is told by the sentence for all.
    let more: String = errors.iter().skip(1).map(|fault| format!("; {}", fault.detail)).collect();
    let until = retry_at.map(|at| format!("; from {at} on it may go")).unwrap_or_default();
    let told = format!("the server says: {detail}{more}{until}");
    if errors.is_empty() { Failure::failed(told) } else { Failure::usage(told) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fault_is_told_once() {
        let body = r#"{"detail": "/url: no address.", "errors": [{"detail": "no address"}, {"detail": "no type"}]}"#;
        let (input, key) = (refused(body.as_bytes()), refused(br#"{"detail": "Not with this key."}"#));
        assert_eq!((input.message(), input.exit_code()), ("the server says: /url: no address.; no type", 2));
        assert_eq!((key.message(), key.exit_code()), ("the server says: Not with this key.", 1));
    }
}
