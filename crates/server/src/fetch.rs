//! What the server itself asks of others over HTTP: an OpenID Connect provider, and the key set of a
//! host. One request a connection, within bounds of time and size.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1::handshake;
use hyper::{Request, Response, Uri};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// How long one answer may take, from the first packet to the last.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why there is no answer. It never repeats what was sent.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub(crate) struct FetchError(String);

impl FetchError {
    fn new(error: impl fmt::Display) -> Self {
        Self(error.to_string())
    }
}

/// Asks, and trusts whom the system trusts. Clones are the same.
#[derive(Clone)]
pub(crate) struct Web(Arc<ClientConfig>);

impl Web {
    /// With the certificates that the system trusts now.
    ///
    /// # Errors
    /// If there is no encryption to be had.
    pub(crate) fn new() -> Result<Self, FetchError> {
        Ok(Self(Arc::new(acquaint_webhooks::tls_client().map_err(FetchError::new)?)))
    }

    /// One request and its answer, of at most `longest` bytes. Redirects are not followed: they would
    /// lead us to wherever somebody wants.
    pub(crate) async fn ask(&self, request: Request<Vec<u8>>, longest: usize) -> Result<Response<Vec<u8>>, FetchError> {
        let answer = timeout(PATIENCE, self.exchange(request, longest)).await;
        answer.map_err(|_| FetchError::new("it takes too long"))?
    }

    async fn exchange(&self, request: Request<Vec<u8>>, longest: usize) -> Result<Response<Vec<u8>>, FetchError> {
        let uri = request.uri().clone();
        let host = uri.host().ok_or_else(|| FetchError::new("an address without a host"))?;
        // An address of version 6 stands in brackets.
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let is_encrypted = uri.scheme_str() == Some("https");
        let port = uri.port_u16().unwrap_or(if is_encrypted { 443 } else { 80 });
        let stream = TcpStream::connect((host.as_str(), port)).await.map_err(FetchError::new)?;
        if !is_encrypted {
            return speak(stream, request, longest).await;
        }
        let name = ServerName::try_from(host).map_err(FetchError::new)?;
        let connector = TlsConnector::from(Arc::clone(&self.0));
        speak(connector.connect(name, stream).await.map_err(FetchError::new)?, request, longest).await
    }
}

/// Whether what comes from there cannot be changed on the way: it is encrypted, or does not leave the
/// machine.
pub(crate) fn is_safe(uri: &Uri) -> bool {
    let host = uri.host().unwrap_or_default();
    // A password in an address would stand in logs.
    if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
        return false;
    }
    match uri.scheme_str() {
        Some("https") => !host.is_empty(),
        Some("http") => ["localhost", "127.0.0.1", "[::1]"].contains(&host),
        _ => false,
    }
}

async fn speak(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: Request<Vec<u8>>,
    longest: usize,
) -> Result<Response<Vec<u8>>, FetchError> {
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await.map_err(FetchError::new)?;
    let (mut parts, body) = request.into_parts();
    let authority = parts.uri.authority().map(|authority| authority.as_str().to_owned()).unwrap_or_default();
    parts.headers.insert("host", authority.parse().map_err(|_| FetchError::new("an address without a host"))?);
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    parts.uri = path.parse().map_err(|_| FetchError::new("an address without a path"))?;
    let exchange = async {
        let answer = sender.send_request(Request::from_parts(parts, Full::new(Bytes::from(body)))).await;
        let (parts, body) = answer.map_err(FetchError::new)?.into_parts();
        let body = Limited::new(body, longest).collect().await.map_err(FetchError::new)?;
        Ok(Response::from_parts(parts, body.to_bytes().to_vec()))
    };
    let mut connection = std::pin::pin!(connection);
    let mut exchange = std::pin::pin!(exchange);
    tokio::select! {
        answer = &mut exchange => answer,
        ended = &mut connection => {
            ended.map_err(FetchError::new)?;
            exchange.await
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_could_change_on_the_way_is_not_safe() {
        let safe = |text: &str| text.parse().is_ok_and(|uri| is_safe(&uri));
        for good in ["https://a.example/k", "http://localhost:1/k", "http://127.0.0.1/k", "http://[::1]:9/"] {
            assert!(safe(good), "{good}");
        }
        for bad in [
            "http://a.example/k",
            "http://localhost.evil.example/",
            "http://127.0.0.1.nip.example/",
            "http://localhost@evil.example/",
            "https://user:password@a.example/",
            "ftp://localhost/",
            "/k",
            "https://",
        ] {
            assert!(!safe(bad), "{bad}");
        }
    }
}
