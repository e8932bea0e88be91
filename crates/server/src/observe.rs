//! Around every call: a request id, metrics, a line in the log, and problems written out.

use std::collections::hash_map::RandomState;
use std::convert::Infallible;
use std::future::poll_fn;
use std::hash::{BuildHasher, Hasher};
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::Poll;

use acquaint_app::clock::Stopwatch;
use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use tower::Service;

use crate::api::calendars;
use crate::callers::Callers;
use crate::problem::{Kind, Problem};
use crate::web::letter;

/// The header that names a request.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Clients that came encrypted once come encrypted for a year (RFC 6797).
const STAY_ENCRYPTED: HeaderValue = HeaderValue::from_static("max-age=31536000");
/// Longest name of a request that is taken from a client.
const MAX_REQUEST_ID: usize = 128;
/// A request that takes longer is logged as slow.
const SLOW_SECONDS: f64 = 1.0;
/// Upper bounds of the classes of latency, in seconds.
const BUCKETS: [f64; 13] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0];
/// The label of a path that no route has.
const UNMATCHED: &str = "unmatched";

type Labels = Vec<(&'static str, String)>;
type Durations = Family<Labels, Histogram, fn() -> Histogram>;

/// What is measured, and where request ids come from.
#[derive(Debug)]
pub(crate) struct Observer {
    durations: Durations,
    in_flight: Gauge<i64, AtomicI64>,
    connections: Gauge<i64, AtomicI64>,
    next_request: AtomicU64,
}

/// One of a gauge's, for as long as it lives.
pub(crate) struct Counted(Gauge<i64, AtomicI64>);

impl Counted {
    fn new(gauge: &Gauge<i64, AtomicI64>) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Observer {
    pub(crate) fn new(registry: &mut Registry) -> Self {
        let durations = Durations::new_with_constructor(|| Histogram::new(BUCKETS));
        let observer = Self {
            durations,
            in_flight: Gauge::default(),
            connections: Gauge::default(),
            next_request: AtomicU64::new(anywhere()),
        };
        let registry = registry.sub_registry_with_prefix("acquaint_http");
        let help = "Duration of requests by route, method and class of status";
        registry.register("request_duration_seconds", help, observer.durations.clone());
        registry.register("requests_in_flight", "Requests that are being answered", observer.in_flight.clone());
        registry.register("connections", "Open connections", observer.connections.clone());
        observer
    }

    /// The client's name for the request if it is well-formed, else one of ours.
    fn request_id(&self, request: &Request) -> HeaderValue {
        let given = request.headers().get(&REQUEST_ID);
        let well_formed = |id: &&HeaderValue| {
            (1..=MAX_REQUEST_ID).contains(&id.len()) && id.as_bytes().iter().all(u8::is_ascii_graphic)
        };
        given.filter(well_formed).cloned().unwrap_or_else(|| {
            let number = self.next_request.fetch_add(1, Ordering::Relaxed);
            hexadecimal(number)
        })
    }
}

/// Where the request ids of this process begin, so that those of two processes differ.
#[expect(clippy::disallowed_methods, reason = "names of requests in logs; nothing depends on them")]
fn anywhere() -> u64 {
    RandomState::new().build_hasher().finish()
}

fn hexadecimal(number: u64) -> HeaderValue {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |place: usize| {
        let nibble = (number >> (60 - 4 * place)) & 0xf;
        usize::try_from(nibble).ok().and_then(|nibble| DIGITS.get(nibble)).copied().unwrap_or(b'0')
    };
    let digits: [u8; 16] = std::array::from_fn(digit);
    HeaderValue::from_bytes(&digits).unwrap_or(HeaderValue::from_static("0"))
}

/// The histograms of one route, each made when it is first used.
#[derive(Debug)]
struct RouteDurations {
    template: String,
    by_method_and_class: [[OnceLock<Histogram>; 4]; 5],
}

impl RouteDurations {
    fn new(template: &str) -> Self {
        Self { template: template.into(), by_method_and_class: Default::default() }
    }

    fn observe(&self, durations: &Durations, method: &Method, status: StatusCode, seconds: f64) {
        let (row, method) = match *method {
            Method::GET | Method::HEAD => (0, "GET"),
            Method::POST => (1, "POST"),
            Method::PUT => (2, "PUT"),
            Method::DELETE => (3, "DELETE"),
            _ => (4, "other"),
        };
        let (column, class) = match status.as_u16() {
            ..300 => (0, "2xx"),
            300..400 => (1, "3xx"),
            400..500 => (2, "4xx"),
            500.. => (3, "5xx"),
        };
        let Some(cell) = self.by_method_and_class.get(row).and_then(|row| row.get(column)) else { return };
        let histogram = cell.get_or_init(|| {
            let labels = [("route", self.template.as_str()), ("method", method), ("class", class)];
            let labels: Labels = labels.map(|(name, value)| (name, value.to_owned())).into();
            durations.get_or_create(&labels).clone()
        });
        histogram.observe(seconds);
    }
}

/// The whole service: the routes, observed. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Front {
    router: Router,
    shared: Arc<Shared>,
}

/// What stands around every route. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Around {
    pub(crate) observer: Arc<Observer>,
    pub(crate) callers: Arc<Callers>,
    /// Whether clients are told to come encrypted from now on.
    pub(crate) is_encrypted: bool,
}

struct Shared {
    around: Around,
    routes: matchit::Router<RouteDurations>,
    unmatched: RouteDurations,
}

impl Front {
    /// Observes a router with these routes.
    ///
    /// # Errors
    /// If two routes are the same.
    pub(crate) fn new<'a>(
        router: Router,
        around: Around,
        templates: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, matchit::InsertError> {
        let mut routes = matchit::Router::new();
        for template in templates {
            routes.insert(template, RouteDurations::new(template))?;
        }
        let shared = Shared { around, routes, unmatched: RouteDurations::new(UNMATCHED) };
        Ok(Self { router, shared: Arc::new(shared) })
    }

    /// Forgets callers who have asked for nothing for a while.
    pub(crate) fn forget_idle(&self) {
        self.shared.around.callers.forget_idle();
    }

    /// Whether a connection comes from a proxy that is trusted.
    pub(crate) fn is_trusted(&self, peer: IpAddr) -> bool {
        self.shared.around.callers.is_trusted(peer)
    }

    /// Counts a connection for as long as the guard lives.
    pub(crate) fn connection(&self) -> Counted {
        Counted::new(&self.shared.around.observer.connections)
    }

    /// Answers a request.
    pub(crate) async fn answer(mut self, request: Request) -> Response {
        let stopwatch = Stopwatch::start();
        let shared = &*self.shared;
        let _in_flight = Counted::new(&shared.around.observer.in_flight);
        let (id, method, uri) =
            (shared.around.observer.request_id(&request), request.method().clone(), request.uri().clone());
        let mut response = caught(self.router.call(request)).await;
        let problem = response.extensions_mut().remove::<Problem>();
        let seconds = stopwatch.seconds();
        let route = shared.routes.at(uri.path()).map_or(&shared.unmatched, |found| found.value);
        route.observe(&shared.around.observer.durations, &method, response.status(), seconds);
        log(&Call { id: &id, method: &method, uri: &uri, seconds }, response.status(), problem.as_ref());
        if let Some(problem) = problem {
            problem.write(uri.path(), &mut response);
        }
        response.headers_mut().insert(REQUEST_ID, id);
        if shared.around.is_encrypted {
            response.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, STAY_ENCRYPTED);
        }
        response
    }
}

/// The answer of a handler; an internal problem if it panics, so that the connection goes on.
async fn caught(answer: impl Future<Output = Result<Response, Infallible>>) -> Response {
    let mut answer = pin!(answer);
    let polled = poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| answer.as_mut().poll(context))) {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(Ok(response))) => Poll::Ready(response),
        Err(_) => Poll::Ready(Problem::new(Kind::Internal).into_response()),
    });
    polled.await
}

/// The path without what follows the places of calendars and of links in mails: their addresses are
/// their keys.
fn loggable(path: &str) -> &str {
    [calendars::PATH, letter::PATH].into_iter().find(|place| path.starts_with(place)).unwrap_or(path)
}

struct Call<'a> {
    id: &'a HeaderValue,
    method: &'a Method,
    uri: &'a Uri,
    seconds: f64,
}

/// A line for each call: loud when it failed for our reasons, louder than usual when it was slow.
/// Queries are left out, bodies and headers too, and addresses that are secret.
fn log(call: &Call<'_>, status: StatusCode, problem: Option<&Problem>) {
    let (id, method, seconds) = (call.id.to_str().unwrap_or_default(), call.method, call.seconds);
    let path = loggable(call.uri.path());
    let status_code = status.as_u16();
    let code = problem.map(Problem::code);
    let cause = problem.and_then(Problem::cause);
    if status.is_server_error() {
        tracing::error!(request_id = id, %method, path, status = status_code, seconds, code, cause, "call failed");
    } else if seconds > SLOW_SECONDS {
        tracing::warn!(request_id = id, %method, path, status = status_code, seconds, code, "slow call");
    } else {
        tracing::debug!(request_id = id, %method, path, status = status_code, seconds, code, "call");
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::routing::get;

    use super::*;
    use crate::config::ServerConfig;

    fn request(id: &str) -> Request {
        Request::builder().uri("/boom").header("x-request-id", id).body(Body::empty()).unwrap()
    }

    #[test]
    fn a_request_keeps_its_name_or_gets_one() {
        let observer = Observer::new(&mut Registry::default());
        assert_eq!(observer.request_id(&request("mine-1")), "mine-1");
        let long = "x".repeat(129);
        for wrong in ["", "two words", "é", long.as_str()] {
            let made = observer.request_id(&request(wrong));
            assert_eq!(made.len(), 16, "{wrong}");
            assert_ne!(observer.request_id(&request(wrong)), made);
        }
        assert_eq!(hexadecimal(0x0123_4567_89ab_cdef), "0123456789abcdef");
    }

    #[tokio::test]
    async fn a_panic_is_an_answer() {
        async fn boom() -> StatusCode {
            panic!("meant")
        }
        let observer = Arc::new(Observer::new(&mut Registry::default()));
        let callers = Arc::new(Callers::new(&ServerConfig::new(Vec::new())));
        let around = Around { observer, callers, is_encrypted: false };
        let front = Front::new(Router::new().route("/boom", get(boom)), around, ["/boom"]).unwrap();
        let response = front.answer(request("mine-2")).await;
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(response.headers().get("x-request-id").unwrap(), "mine-2");
    }
}
