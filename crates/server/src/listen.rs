//! The accept loop: bounded connections, bounded patience, and an orderly end.

use std::convert::Infallible;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use acquaint_app::Network;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio_io_timeout::TimeoutStream;

use crate::api;
use crate::config::{Demo, Limits, Own, ServerConfig};
use crate::observe::Front;
use crate::web;

/// How long the loop waits when the system has no room for another connection.
const NO_ROOM_PAUSE: Duration = Duration::from_millis(100);
/// Most bytes that are kept of what one connection sent and nobody has read, the head of a request
/// among them.
const BUFFER: usize = 64 << 10;

/// Answers calls on `listener` until `shutdown` is done. Then nobody new is let in, and requests
/// under way have [`Limits::shutdown_timeout`] to end. The network is left running.
///
/// # Errors
/// If the routes contradict each other, which no configuration can bring about.
pub async fn serve(
    network: Network,
    listener: TcpListener,
    config: ServerConfig,
    shutdown: impl Future,
) -> io::Result<()> {
    let limits = config.limits;
    let (close, closing) = watch::channel(false);
    let front = api::front(network, config, None, closing)?;
    answer(front, listener, limits, announced(shutdown, close)).await
}

/// As [`serve`], with the pages of a demo beside the API.
///
/// # Errors
/// As [`serve`].
pub async fn serve_demo(
    network: Network,
    listener: TcpListener,
    config: ServerConfig,
    demo: Demo,
    shutdown: impl Future,
) -> io::Result<()> {
    let limits = config.limits;
    let (close, closing) = watch::channel(false);
    let front = api::front(network, config, Some(demo), closing)?;
    answer(front, listener, limits, announced(shutdown, close)).await
}

/// Answers with the pages of a person's own LinkedIn export, and with nothing else, until `shutdown`.
///
/// # Errors
/// As [`serve`].
pub async fn serve_own(own: Own, listener: TcpListener, shutdown: impl Future) -> io::Result<()> {
    let limits = Limits::default();
    let front = web::own::front(own, limits).map_err(io::Error::other)?;
    answer(front, listener, limits, shutdown).await
}

/// Waits for the end, then tells what would never end by itself.
async fn announced(shutdown: impl Future, close: watch::Sender<bool>) {
    shutdown.await;
    close.send_replace(true);
}

async fn answer(front: Front, listener: TcpListener, limits: Limits, shutdown: impl Future) -> io::Result<()> {
    let mut server = Server::new(front, limits);
    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            biased;
            _ = &mut shutdown => break,
            Some(_) = server.connections.join_next() => {}
            (stream, room) = next(&listener, &server.room) => server.take(stream, room),
        }
    }
    drop(listener);
    server.finish(limits.shutdown_timeout).await;
    Ok(())
}

/// Waits for room, then for a connection.
async fn next(listener: &TcpListener, room: &Arc<Semaphore>) -> (TcpStream, Option<OwnedSemaphorePermit>) {
    // The semaphore is never closed, so there is always a permit in the end.
    let permit = Arc::clone(room).acquire_owned().await.ok();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return (stream, permit),
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
    write_timeout: Duration,
    room: Arc<Semaphore>,
    connections: JoinSet<()>,
    graceful: GracefulShutdown,
}

impl Server {
    fn new(front: Front, limits: Limits) -> Self {
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(limits.header_timeout).max_buf_size(BUFFER);
        if limits.headers != Limits::USUAL_HEADERS {
            http.max_headers(limits.headers);
        }
        Self {
            front,
            http,
            write_timeout: limits.write_timeout,
            room: Arc::new(Semaphore::new(limits.connections.clamp(1, Semaphore::MAX_PERMITS))),
            connections: JoinSet::new(),
            graceful: GracefulShutdown::new(),
        }
    }

    /// Serves a connection on a task of its own.
    fn take(&mut self, stream: TcpStream, room: Option<OwnedSemaphorePermit>) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "the connection ended at once");
            return;
        }
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(self.write_timeout));
        let front = self.front.clone();
        let service = service_fn(move |request: hyper::Request<Incoming>| {
            let front = front.clone();
            async move { Ok::<_, Infallible>(front.answer(request.map(Body::new)).await) }
        });
        let connection = self.graceful.watch(self.http.serve_connection(TokioIo::new(Box::pin(stream)), service));
        let counted = self.front.connection();
        self.connections.spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection broke off");
            }
            drop((counted, room));
        });
    }

    async fn finish(mut self, patience: Duration) {
        if tokio::time::timeout(patience, self.graceful.shutdown()).await.is_err() {
            tracing::warn!(connections = self.connections.len(), "cut off, their requests took too long");
        }
        self.connections.shutdown().await;
    }
}
