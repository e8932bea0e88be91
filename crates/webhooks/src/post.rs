//! One request to an endpoint: to an address that was checked, with a bound on time and on what is read, and
//! without following redirects.

use std::sync::Arc;
use std::time::Duration;

use acquaint_core::time::Span;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::handshake;
use hyper::{Request, Response, header};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use url::Url;

use crate::addresses::Allowed;
use crate::trust::tls_client;

/// How long one request may take, from looking the name up to the end of the answer.
const PATIENCE: Duration = Duration::from_secs(15);
/// How much of an answer is read, in bytes.
const LONGEST: usize = 4 << 10;

/// What an endpoint answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// The beginning of its body.
    body: Vec<u8>,
    /// How long it asked us to wait.
    pub(crate) retry_after: Option<Span>,
}

impl Answer {
    /// The beginning of its body, as far as it is text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// What is posted.
pub(crate) struct Letter<'a> {
    pub(crate) id: &'a str,
    /// Unix seconds.
    pub(crate) at: i64,
    /// Signatures, separated by spaces.
    pub(crate) signatures: String,
    pub(crate) body: &'a str,
}

/// Posts to endpoints. Clones are the same.
#[derive(Clone)]
pub(crate) struct Poster {
    pub(crate) allowed: Arc<Allowed>,
    tls: Arc<ClientConfig>,
    pub(crate) patience: Duration,
}

impl Poster {
    /// With the certificates that this machine trusts.
    pub(crate) fn new(allowed: Allowed) -> Result<Self, rustls::Error> {
        Ok(Self { allowed: Arc::new(allowed), tls: Arc::new(tls_client()?), patience: PATIENCE })
    }

    /// Posts a letter. Once the status is known, whatever becomes of the rest does not matter: the endpoint has
    /// said whether it took the letter, and if it did, it should not get it again.
    ///
    /// # Errors
    /// A sentence that says why there is no answer.
    pub(crate) async fn post(&self, url: &str, letter: &Letter<'_>) -> Result<Answer, String> {
        let mut known = None;
        let done = timeout(self.patience, self.exchange(url, letter, &mut known)).await;
        match (known, done) {
            (Some(answer), _) => Ok(answer),
            (None, Ok(Err(why))) => Err(why),
            (None, _) => Err(format!("there was no answer within {} s", self.patience.as_secs_f32())),
        }
    }

    async fn exchange(&self, url: &str, letter: &Letter<'_>, known: &mut Option<Answer>) -> Result<(), String> {
        let url = self.allowed.check(url)?;
        let stream = self.connect(&url).await?;
        let request = request(&url, letter)?;
        if url.scheme() == "http" {
            return speak(stream, request, known).await;
        }
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let name = ServerName::try_from(host).map_err(|error| error.to_string())?;
        let encrypted = TlsConnector::from(Arc::clone(&self.tls)).connect(name, stream).await;
        speak(encrypted.map_err(|error| format!("no encrypted connection: {error}"))?, request, known).await
    }

    async fn connect(&self, url: &Url) -> Result<TcpStream, String> {
        let mut told = String::new();
        for address in self.allowed.resolve(url).await? {
            match TcpStream::connect(address).await {
                Ok(stream) => return Ok(stream),
                Err(error) => told = format!("no connection: {error}"),
            }
        }
        Err(told)
    }
}

fn request(url: &Url, letter: &Letter<'_>) -> Result<Request<Full<Bytes>>, String> {
    let host = url.host_str().unwrap_or_default();
    let authority = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
    let path = url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()));
    Request::post(path)
        .header(header::HOST, authority)
        .header(header::USER_AGENT, concat!("Acquaint/", env!("CARGO_PKG_VERSION")))
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::CONNECTION, "close")
        .header(standardwebhooks::HEADER_WEBHOOK_ID, letter.id)
        .header(standardwebhooks::HEADER_WEBHOOK_TIMESTAMP, letter.at)
        .header(standardwebhooks::HEADER_WEBHOOK_SIGNATURE, &letter.signatures)
        .body(Full::new(Bytes::copy_from_slice(letter.body.as_bytes())))
        .map_err(|error| error.to_string())
}

/// Sends a request, and writes down what is answered as it comes.
async fn speak(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: Request<Full<Bytes>>,
    known: &mut Option<Answer>,
) -> Result<(), String> {
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await.map_err(|error| error.to_string())?;
    let exchange = async {
        let answer = sender.send_request(request).await.map_err(|error| format!("no answer: {error}"))?;
        let (status, retry_after) = (answer.status().as_u16(), retry_after(&answer));
        let known = known.insert(Answer { status, retry_after, body: Vec::new() });
        read_beginning(answer.into_body(), &mut known.body).await;
        Ok(())
    };
    let (mut connection, mut exchange) = (std::pin::pin!(connection), std::pin::pin!(exchange));
    tokio::select! {
        biased;
        done = &mut exchange => done,
        ended = &mut connection => {
            ended.map_err(|error| format!("the connection broke off: {error}"))?;
            exchange.await
        }
    }
}

/// The wait that an answer asks for, where it is in seconds (RFC 9110, section 10.2.3).
fn retry_after(answer: &Response<Incoming>) -> Option<Span> {
    let text = answer.headers().get(header::RETRY_AFTER)?.to_str().ok()?;
    text.trim().parse().ok().map(Span::seconds)
}

/// Reads the beginning of a body, or less if it ends or breaks off.
async fn read_beginning(mut body: Incoming, read: &mut Vec<u8>) {
    while read.len() < LONGEST
        && let Some(Ok(frame)) = body.frame().await
    {
        if let Ok(data) = frame.into_data() {
            let room = LONGEST.saturating_sub(read.len());
            read.extend(data.iter().take(room));
        }
    }
}
