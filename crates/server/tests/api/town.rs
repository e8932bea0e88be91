//! A server to talk to, and a client to talk with.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use acquaint_app::{Clock, EngineConfig, Network};
use acquaint_core::event::{Notification, RecordedEvent};
use acquaint_core::ids::{EventId, MemberId};
use acquaint_core::policy::{Policy, Preset};
use acquaint_core::time::Time;
use acquaint_core::view::InvitationView;
use acquaint_server::{HostKey, Limits, Listeners, Pages, ServerConfig, Tls, TokenConfig, serve};
use acquaint_store::memory::MemoryStore;
use acquaint_store::{
    Changes, Contact, ContactPage, Document, DocumentName, DocumentPage, Due, DuePage, Loaded, NotificationPage,
    PendingPage, Record, ScanPage, ScanPlace, Store, StoreError, StoreResult, Wanted,
};
use async_trait::async_trait;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::header::{HeaderMap, HeaderValue};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, Semaphore, oneshot};
use tokio::task::JoinHandle;

use crate::stores::{self, Kept};

pub(crate) const KEY: &str = "the-key-of-the-house";
pub(crate) const START: &str = "2026-01-01T00:00:00Z";

/// How a town is built.
pub(crate) struct Plan {
    pub(crate) policy: Policy,
    /// In place of the one that the tests are run on.
    pub(crate) store: Option<Arc<dyn Store>>,
    pub(crate) clock: Clock,
    pub(crate) engine: EngineConfig,
    pub(crate) limits: Limits,
    pub(crate) tokens: Option<TokenConfig>,
    pub(crate) trusted_proxies: Vec<&'static str>,
    pub(crate) tls: Option<Tls>,
    pub(crate) pages: Option<Pages>,
    /// Under which host the links of mails lead to the server, if they do.
    pub(crate) letters: Option<String>,
    /// Whether those who watch over the server have a listener of their own.
    pub(crate) is_watched_apart: bool,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            policy: Policy::default(),
            store: None,
            clock: Clock::settable(START.parse().unwrap()),
            engine: EngineConfig::default(),
            limits: Limits::default(),
            tokens: None,
            trusted_proxies: Vec::new(),
            tls: None,
            pages: None,
            letters: None,
            is_watched_apart: false,
        }
    }
}

impl Plan {
    pub(crate) fn open_policy() -> Self {
        Self { policy: Policy::preset(Preset::Open), ..Self::default() }
    }
}

/// A running server.
pub(crate) struct Town {
    pub(crate) address: SocketAddr,
    /// Where those who watch over the server listen.
    pub(crate) watched: Option<SocketAddr>,
    pub(crate) network: Network,
    stop: oneshot::Sender<()>,
    server: JoinHandle<std::io::Result<()>>,
    kept: Kept,
}

impl Town {
    pub(crate) async fn new() -> Self {
        Self::built(Plan::default()).await
    }

    pub(crate) async fn built(plan: Plan) -> Self {
        let (store, kept) = match plan.store {
            Some(store) => (store, Box::new(()) as Kept),
            None => stores::fresh().await,
        };
        let network = Network::start(store, plan.policy, plan.clock, plan.engine).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut config = ServerConfig::new(vec![HostKey::new("another").unwrap(), HostKey::new(KEY).unwrap()]);
        config.limits = plan.limits;
        config.tokens = plan.tokens;
        config.trusted_proxies = plan.trusted_proxies.into_iter().map(|net| net.parse().unwrap()).collect();
        config.tls = plan.tls;
        config.pages = plan.pages;
        config.letters = plan.letters;
        let operations = match plan.is_watched_apart {
            true => Some(TcpListener::bind("127.0.0.1:0").await.unwrap()),
            false => None,
        };
        let watched = operations.as_ref().map(|listener| listener.local_addr().unwrap());
        let listeners = Listeners { public: listener, operations };
        let (stop, stopped) = oneshot::channel::<()>();
        let server = tokio::spawn(serve(network.clone(), listeners, config, async {
            stopped.await.ok();
        }));
        Self { address, watched, network, stop, server, kept }
    }

    /// Tells the server to stop; the handle ends when it has. Its store is there for as long as the
    /// other part is kept.
    pub(crate) fn stop(self) -> (JoinHandle<std::io::Result<()>>, Kept) {
        self.stop.send(()).unwrap();
        (self.server, self.kept)
    }

    pub(crate) fn call(&self, method: &str, path: &str) -> Call {
        let request = Request::builder().method(Method::from_bytes(method.as_bytes()).unwrap()).uri(path);
        Call { address: self.address, request: request.header("host", "town"), body: Bytes::new() }
    }

    /// A call by somebody who watches over the server.
    pub(crate) fn watch(&self, path: &str) -> Call {
        Call { address: self.watched.unwrap(), ..self.call("GET", path) }
    }

    /// A call by the host for that member.
    pub(crate) fn by(&self, member: &str, method: &str, path: &str) -> Call {
        self.host(method, path).header("acquaint-member", member)
    }

    /// A call by the host for nobody.
    pub(crate) fn host(&self, method: &str, path: &str) -> Call {
        self.call(method, path).header("authorization", format!("Bearer {KEY}"))
    }

    /// Sends an invitation and returns its id.
    pub(crate) async fn invite(&self, from: &str, to: &str) -> String {
        let reply = self.by(from, "POST", "/v1/invitations").json(&serde_json::json!({"to": to})).send().await;
        assert_eq!(reply.status, 201, "{}", reply.text());
        reply.json()["id"].as_str().unwrap().to_owned()
    }

    /// Connects two members.
    pub(crate) async fn connect(&self, one: &str, other: &str) {
        let id = self.invite(one, other).await;
        let path = format!("/v1/invitations/{id}/accept");
        assert_eq!(self.by(other, "POST", &path).send().await.status, 200);
    }

    pub(crate) async fn advance(&self, by: &str) -> String {
        let body = serde_json::json!({"by": by});
        let reply = self.host("POST", "/v1/dev/clock/advance").json(&body).send().await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        reply.json()["now"].as_str().unwrap().to_owned()
    }
}

/// A call that is being put together.
pub(crate) struct Call {
    address: SocketAddr,
    request: hyper::http::request::Builder,
    body: Bytes,
}

impl Call {
    /// A call to any server.
    pub(crate) fn to(address: SocketAddr, method: &str, path: &str) -> Self {
        let request = Request::builder().method(Method::from_bytes(method.as_bytes()).unwrap()).uri(path);
        Self { address, request: request.header("host", address.to_string()), body: Bytes::new() }
    }

    pub(crate) fn header<V: TryInto<HeaderValue>>(mut self, name: &str, value: V) -> Self
    where
        V::Error: std::fmt::Debug,
    {
        self.request = self.request.header(name, value.try_into().unwrap());
        self
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        self.header("content-type", "application/json").raw(body.to_string())
    }

    pub(crate) fn raw(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    pub(crate) async fn send(self) -> Reply {
        let stream = TcpStream::connect(self.address).await.unwrap();
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        let driver = tokio::spawn(connection);
        let response = sender.send_request(self.request.body(Full::new(self.body)).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        drop(sender);
        driver.await.unwrap().ok();
        Reply { status: parts.status.as_u16(), headers: parts.headers, body }
    }
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// Checks that this is a problem document of that status and code, and returns it.
    #[track_caller]
    pub(crate) fn problem(&self, status: u16, code: &str) -> Value {
        assert_eq!(self.status, status, "{}", self.text());
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        assert!(self.header("x-request-id").is_some());
        let told = self.json();
        assert_eq!(told["code"], code, "{told}");
        assert_eq!(told["status"], status);
        assert_eq!(told["type"], format!("/problems/{code}"));
        for field in ["title", "detail", "instance"] {
            assert!(told[field].as_str().is_some_and(|text| !text.is_empty()), "{field}: {told}");
        }
        if matches!(status, 429 | 503) {
            assert!(self.header("retry-after").unwrap().parse::<u64>().unwrap() >= 1);
        }
        told
    }
}

/// A memory store whose commits wait at a gate, or fail.
pub(crate) struct Gate {
    store: MemoryStore,
    open: Semaphore,
    /// Told when a commit stands at the gate.
    pub(crate) waiting: Notify,
    broken: AtomicBool,
}

impl Gate {
    pub(crate) fn closed() -> Self {
        let broken = AtomicBool::new(false);
        Self { store: MemoryStore::default(), open: Semaphore::new(0), waiting: Notify::new(), broken }
    }

    pub(crate) fn broken() -> Self {
        let gate = Self::closed();
        gate.broken.store(true, Ordering::SeqCst);
        gate
    }

    pub(crate) fn open(&self) {
        self.open.add_permits(1_000_000);
    }

    fn whole(&self) -> StoreResult<()> {
        let secret = || StoreError::Unavailable("connection to 10.0.0.7:5432 refused".into());
        if self.broken.load(Ordering::SeqCst) { Err(secret()) } else { Ok(()) }
    }
}

#[async_trait]
impl Store for Gate {
    fn name(&self) -> String {
        "gate".into()
    }

    async fn load(&self, wanted: &Wanted) -> StoreResult<Loaded> {
        self.store.load(wanted).await
    }

    async fn commit(&self, changes: &Changes) -> StoreResult<()> {
        self.whole()?;
        self.waiting.notify_one();
        self.open.acquire().await.unwrap().forget();
        self.store.commit(changes).await
    }

    async fn pending(&self, page: &PendingPage) -> StoreResult<Vec<InvitationView>> {
        self.whole()?;
        self.store.pending(page).await
    }

    async fn contacts(&self, page: &ContactPage) -> StoreResult<Vec<Contact>> {
        self.store.contacts(page).await
    }

    async fn notifications(&self, page: &NotificationPage) -> StoreResult<Vec<Notification>> {
        self.store.notifications(page).await
    }

    async fn events(&self, after: Option<EventId>, limit: usize) -> StoreResult<Vec<RecordedEvent>> {
        self.store.events(after, limit).await
    }

    async fn due(&self, after: Option<&Due>, until: Time, limit: usize) -> StoreResult<Vec<Due>> {
        self.store.due(after, until, limit).await
    }

    async fn last_event(&self) -> StoreResult<Option<EventId>> {
        self.store.last_event().await
    }

    async fn related(&self, member: &MemberId, after: Option<&MemberId>, limit: usize) -> StoreResult<Vec<MemberId>> {
        self.store.related(member, after, limit).await
    }

    async fn document(&self, name: &DocumentName) -> StoreResult<Option<Document>> {
        self.whole()?;
        self.store.document(name).await
    }

    async fn documents(&self, page: &DocumentPage) -> StoreResult<Vec<Document>> {
        self.whole()?;
        self.store.documents(page).await
    }

    async fn due_documents(&self, page: &DuePage) -> StoreResult<Vec<Document>> {
        self.store.due_documents(page).await
    }

    async fn erase_lists(&self, member: &MemberId) -> StoreResult<()> {
        self.store.erase_lists(member).await
    }

    async fn forget_claims(&self, before: Time, limit: usize) -> StoreResult<bool> {
        self.store.forget_claims(before, limit).await
    }

    async fn scan(&self, from: Option<&ScanPlace>, limit: usize) -> StoreResult<ScanPage> {
        self.store.scan(from, limit).await
    }

    async fn scan_history(&self, from: Option<&ScanPlace>, limit: usize) -> StoreResult<ScanPage> {
        self.store.scan_history(from, limit).await
    }

    async fn remove_history(&self, records: &[Record]) -> StoreResult<()> {
        self.store.remove_history(records).await
    }

    async fn restore(&self, records: &[Record]) -> StoreResult<()> {
        self.store.restore(records).await
    }

    async fn health(&self) -> StoreResult<()> {
        self.whole()
    }
}

/// Limits of time that a test is willing to wait for.
pub(crate) fn short_limits() -> Limits {
    let short = Duration::from_millis(200);
    Limits { header_timeout: short, body_timeout: short, ..Limits::default() }
}
