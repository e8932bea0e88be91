//! The accept loop: bounded connections, bounded patience, encryption, and an orderly end.

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use acquaint_app::Network;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{interval, timeout};
use tokio_io_timeout::TimeoutStream;

use crate::api;
use crate::callers::Peer;
use crate::config::{Demo, Limits, Own, ServerConfig};
use crate::crowd::Crowd;
use crate::observe::{Counted, Front};
use crate::tls::Tls;
use crate::web;

/// How long the loop waits when the system has no room for another connection.
const NO_ROOM_PAUSE: Duration = Duration::from_millis(100);
/// Most bytes that are kept of what one connection sent and nobody has read, the head of a request
/// among them.
const BUFFER: usize = 64 << 10;
/// Connections of those who watch over the server, at the same time.
const FOR_OPERATIONS: usize = 64;
/// How often those are forgotten who have asked for nothing for a while.
const TIDY: Duration = Duration::from_secs(60);

/// Where calls come in.
#[derive(Debug)]
pub struct Listeners {
    /// For everybody.
    pub public: TcpListener,
    /// For those who watch over the server: health and metrics, in the clear, apart from everybody
    /// else's connections. Where there is one, metrics are told there alone.
    pub operations: Option<TcpListener>,
}

impl From<TcpListener> for Listeners {
    fn from(public: TcpListener) -> Self {
        Self { public, operations: None }
    }
}

/// Answers calls until `shutdown` is done. Then nobody new is let in, and requests under way have
/// [`Limits::shutdown_timeout`] to end. The network is left running.
///
/// # Errors
/// If the routes contradict each other, which no configuration can bring about.
pub async fn serve(
    network: Network,
    listeners: impl Into<Listeners>,
    config: ServerConfig,
    shutdown: impl Future,
) -> io::Result<()> {
    run(network, listeners.into(), config, None, shutdown).await
}

/// As [`serve`], with the pages of a demo beside the API.
///
/// # Errors
/// As [`serve`].
pub async fn serve_demo(
    network: Network,
    listeners: impl Into<Listeners>,
    config: ServerConfig,
    demo: Demo,
    shutdown: impl Future,
) -> io::Result<()> {
    run(network, listeners.into(), config, Some(demo), shutdown).await
}

/// Answers with the pages of a person's own LinkedIn export, and with nothing else, until `shutdown`.
///
/// # Errors
/// As [`serve`].
pub async fn serve_own(own: Own, listener: TcpListener, shutdown: impl Future) -> io::Result<()> {
    let limits = Limits::default();
    let (close, closing) = watch::channel(false);
    let server = Server::new(web::own::front(own, limits).map_err(io::Error::other)?, limits, None);
    tokio::join!(answer(server, listener, closing), told(shutdown, &close));
    Ok(())
}

/// Waits for the end, then tells what would never end by itself.
async fn told(shutdown: impl Future, close: &watch::Sender<bool>) {
    shutdown.await;
    close.send_replace(true);
}

async fn run(
    network: Network,
    listeners: Listeners,
    config: ServerConfig,
    demo: Option<Demo>,
    shutdown: impl Future,
) -> io::Result<()> {
    let (limits, tls) = (config.limits, config.tls.clone());
    let (close, closing) = watch::channel(false);
    let Listeners { public, operations } = listeners;
    let fronts = api::fronts(network, config, demo, operations.is_some(), closing.clone())?;
    let watched = Limits { connections: FOR_OPERATIONS, ..limits };
    tokio::join!(
        answer(Server::new(fronts.public, limits, tls), public, closing.clone()),
        async {
            if let (Some(front), Some(listener)) = (fronts.operations, operations) {
                answer(Server::new(front, watched, None), listener, closing).await;
            }
        },
        told(shutdown, &close),
    );
    Ok(())
}

async fn answer(mut server: Server, listener: TcpListener, mut closing: watch::Receiver<bool>) {
    let patience = server.limits.shutdown_timeout;
    let mut tidying = interval(TIDY);
    let mut closed = pin!(closing.wait_for(|closed| *closed));
    loop {
        tokio::select! {
            biased;
            _ = &mut closed => break,
            Some(_) = server.connections.join_next() => {}
            _ = tidying.tick() => server.front.forget_idle(),
            (stream, peer, room) = next(&listener, &server.room) => server.take(stream, peer.ip().to_canonical(), room),
        }
    }
    drop(listener);
    server.finish(patience).await;
}

/// Waits for room, then for a connection.
async fn next(listener: &TcpListener, room: &Arc<Semaphore>) -> (TcpStream, SocketAddr, Option<OwnedSemaphorePermit>) {
    // The semaphore is never closed, so there is always a permit in the end.
    let permit = Arc::clone(room).acquire_owned().await.ok();
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => return (stream, peer, permit),
            Err(error) if concerns_one_connection(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "no connection can be accepted");
                pause().await;
            }
        }
    }
}

fn concerns_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

#[expect(clippy::disallowed_methods, reason = "the system says nothing when it has room again")]
async fn pause() {
    tokio::time::sleep(NO_ROOM_PAUSE).await;
}

struct Server {
    front: Front,
    http: http1::Builder,
    limits: Limits,
    tls: Option<Tls>,
    room: Arc<Semaphore>,
    crowd: Arc<Crowd>,
    connections: JoinSet<()>,
    graceful: GracefulShutdown,
}

impl Server {
    fn new(front: Front, limits: Limits, tls: Option<Tls>) -> Self {
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(limits.header_timeout).max_buf_size(BUFFER);
        if limits.headers != Limits::USUAL_HEADERS {
            http.max_headers(limits.headers);
        }
        Self {
            front,
            http,
            limits,
            tls,
            room: Arc::new(Semaphore::new(limits.connections.clamp(1, Semaphore::MAX_PERMITS))),
            crowd: Arc::default(),
            connections: JoinSet::new(),
            graceful: GracefulShutdown::new(),
        }
    }

    /// Serves a connection on a task of its own, unless its address has too many.
    fn take(&mut self, stream: TcpStream, peer: IpAddr, room: Option<OwnedSemaphorePermit>) {
        let most = if self.front.is_trusted(peer) { usize::MAX } else { self.limits.address_connections };
        let Some(admitted) = self.crowd.admit(peer, most) else {
            tracing::debug!(%peer, "an address has too many connections");
            return;
        };
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "the connection ended at once");
            return;
        }
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(self.limits.write_timeout));
        let stream = Box::pin(stream);
        let conversation = Conversation {
            http: self.http.clone(),
            watcher: self.graceful.watcher(),
            counted: self.front.connection(),
            front: self.front.clone(),
            peer,
        };
        let (tls, patience) = (self.tls.as_ref().map(Tls::acceptor), self.limits.header_timeout);
        self.connections.spawn(async move {
            match tls {
                None => conversation.hold(stream).await,
                Some(tls) => match timeout(patience, tls.accept(stream)).await {
                    Ok(Ok(stream)) => conversation.hold(stream).await,
                    Ok(Err(error)) => tracing::debug!(%peer, %error, "a connection could not be encrypted"),
                    Err(_) => tracing::debug!(%peer, "a connection was not encrypted in time"),
                },
            }
            drop((admitted, room));
        });
    }

    async fn finish(mut self, patience: Duration) {
        if timeout(patience, self.graceful.shutdown()).await.is_err() {
            tracing::warn!(connections = self.connections.len(), "cut off, their requests took too long");
        }
        self.connections.shutdown().await;
    }
}

/// One connection, once it is known how to read it.
struct Conversation {
    http: http1::Builder,
    watcher: Watcher,
    counted: Counted,
    front: Front,
    peer: IpAddr,
}

impl Conversation {
    /// Answers its requests until it ends.
    async fn hold(self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        let Self { http, watcher, counted, front, peer } = self;
        let service = service_fn(move |request: hyper::Request<Incoming>| {
            let front = front.clone();
            async move {
                let mut request = request.map(Body::new);
                request.extensions_mut().insert(Peer(peer));
                Ok::<_, Infallible>(front.answer(request).await)
            }
        });
        if let Err(error) = watcher.watch(http.serve_connection(TokioIo::new(stream), service)).await {
            tracing::debug!(%error, "a connection broke off");
        }
        drop(counted);
    }
}
