//! The gate before every handler of the API.

use std::collections::HashMap;
use std::sync::Arc;

use acquaint_app::audit::{Act, By};
use acquaint_core::access::{self, Caller, Named, Operation, Principal, Rule, Scope};
use acquaint_core::ids::MemberId;
use axum::RequestExt;
use axum::extract::{MatchedPath, RawPathParams, Request, State};
use axum::http::{HeaderMap, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::sync::OwnedSemaphorePermit;
use utoipa::openapi::OpenApi;

use super::tokens::NoKeysYet;
use super::{bearer, unauthenticated};
use crate::app::App;
use crate::config::HostKey;
use crate::problem::{Fault, Kind, Problem};

/// The name of the header that says for whom the host calls.
const MEMBER_HEADER: &str = "acquaint-member";
/// How many characters of a name are kept in the audit trail.
const LONGEST_TARGET: usize = 128;
/// The name of the keys that the server was started with, in records.
const STARTED_WITH: &str = "start";

/// Knows which operation a request asks for, and who may ask. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Gate(Arc<Inner>);

struct Inner {
    app: App,
    /// The operations of each path: to read, to put, to post, to delete.
    operations: HashMap<String, [Option<Operation>; 4]>,
    /// Who calls with a key that the server was started with.
    host: Principal,
}

/// On what something was done, for the audit trail, where only the handler knows: an answer carries it.
#[derive(Debug, Clone)]
pub(crate) struct DoneOn(pub(crate) String);

/// A request that may go on to its handler.
#[derive(Default)]
struct Admitted {
    /// Its place among those that are answered at the same time.
    _room: Option<OwnedSemaphorePermit>,
    /// Its entry in the audit trail, if it has one.
    entry: Option<String>,
}

/// An operation that the table of [`access`] does not know: the server does not start.
#[derive(Debug, thiserror::Error)]
#[error("nothing says who may ask for the operation {0:?}")]
pub(crate) struct Unlisted(String);

impl Gate {
    /// A gate before all that the document describes.
    ///
    /// # Errors
    /// [`Unlisted`] if there is an operation without a row in the table.
    pub(crate) fn new(app: App, document: &OpenApi) -> Result<Self, Unlisted> {
        let mut operations = HashMap::new();
        for (path, item) in &document.paths.paths {
            let mut row = [None; 4];
            for (place, found) in row.iter_mut().zip([&item.get, &item.put, &item.post, &item.delete]) {
                let Some(found) = found else { continue };
                let name = found.operation_id.as_deref().unwrap_or_default();
                *place = Some(Operation::named(name).ok_or_else(|| Unlisted(name.to_owned()))?);
            }
            operations.insert(path.clone(), row);
        }
        let host = Principal::Host { key: STARTED_WITH.into(), scopes: Scope::ALL.into() };
        Ok(Self(Arc::new(Inner { app, operations, host })))
    }

    /// What a request asks for; `None` for a method that its path does not take.
    fn operation(&self, request: &Request) -> Option<Operation> {
        let path = request.extensions().get::<MatchedPath>()?;
        let place = match *request.method() {
            Method::GET | Method::HEAD => 0,
            Method::PUT => 1,
            Method::POST => 2,
            Method::DELETE => 3,
            _ => return None,
        };
        self.0.operations.get(path.as_str())?.get(place).copied().flatten()
    }

    /// Lets a request through.
    async fn admit(&self, request: &mut Request) -> Result<Admitted, Problem> {
        let Some(operation) = self.operation(request) else { return Ok(Admitted::default()) };
        let app = &self.0.app;
        // Whoever watches over the server hears of it when nobody else gets through.
        if matches!(operation, Operation::Health | Operation::Readiness) {
            return Ok(Admitted::default());
        }
        if operation == Operation::Metrics && app.is_watched_apart() {
            return Err(Problem::not_found());
        }
        let room = app.callers().room()?;
        let rule = operation.rule();
        if rule == Rule::Anybody {
            app.callers().stranger(request.extensions(), request.headers())?;
            return Ok(Admitted { _room: Some(room), entry: None });
        }
        let principal = match self.principal(request.headers()).await {
            Ok(principal) => principal,
            Err(problem) => {
                app.callers().stranger(request.extensions(), request.headers())?;
                return Err(problem);
            }
        };
        app.callers().known(&principal)?;
        let caller = match rule {
            Rule::Member(_) | Rule::Viewer(_) => named(request.headers())?,
            // What is not looked at may be anything.
            Rule::Anybody | Rule::Own(_) | Rule::Host(_) | Rule::Operator(_) => None,
        };
        let target = match rule {
            Rule::Own(_) | Rule::Host(_) | Rule::Operator(_) => target(request).await,
            Rule::Anybody | Rule::Member(_) | Rule::Viewer(_) => None,
        };
        let subject = target.as_deref().filter(|_| operation.is_about_member()).and_then(|id| MemberId::new(id).ok());
        let named = Named { caller: caller.as_ref(), subject: subject.as_ref() };
        let admitted: Caller = access::admit(principal, operation, named)?;
        let entry = self.record(&admitted.principal, operation, subject, target).await?;
        request.extensions_mut().insert(admitted);
        Ok(Admitted { _room: Some(room), entry })
    }

    /// Writes down what the audit trail is to say; what cannot be written down is not done.
    async fn record(
        &self,
        principal: &Principal,
        operation: Operation,
        member: Option<MemberId>,
        target: Option<String>,
    ) -> Result<Option<String>, Problem> {
        let Some(by) = By::caller(principal).filter(|_| operation.is_recorded(principal)) else { return Ok(None) };
        tracing::info!(?by, operation = operation.name(), "administration");
        // What is no member's id says nothing about a member, and may be anything.
        let target = target.filter(|_| !operation.is_about_member());
        let target = target.map(|text| text.chars().take(LONGEST_TARGET).collect());
        let act = Act { by, operation: operation.name(), member, target };
        Ok(Some(self.0.app.network().record(act).await?))
    }

    /// Writes down what came of it.
    async fn record_outcome(&self, entry: &str, status: u16, target: Option<String>) {
        let recorded = self.0.app.network().record_outcome(entry, status, target).await;
        if let Err(error) = recorded {
            tracing::error!(%error, "what was administered is in the audit trail without its outcome");
        }
    }

    /// Compares with every key of the start, so that the time taken says nothing.
    async fn principal(&self, headers: &HeaderMap) -> Result<Principal, Problem> {
        let Some(given) = bearer(headers) else { return Err(unauthenticated(r#"Bearer realm="acquaint""#)) };
        let digest = HostKey::digest(given);
        let keys = self.0.app.host_keys().iter();
        if bool::from(keys.fold(subtle::Choice::from(0), |known, key| known | key.is(&digest))) {
            return Ok(self.0.host.clone());
        }
        if let Some(host) = self.0.app.keyring().find(self.0.app.network(), given).await? {
            return Ok(host);
        }
        let now = self.0.app.network().now();
        let member = self.0.app.tokens().map_or(Ok(None), |tokens| tokens.member(given, now));
        // The right answer is not known, and may be known soon.
        let member = member.map_err(|NoKeysYet| Problem::new(Kind::Unavailable))?;
        let wrong = || unauthenticated(r#"Bearer realm="acquaint", error="invalid_token""#);
        member.map(Principal::Member).ok_or_else(wrong)
    }
}

/// Lets a request through to its handler, or not.
pub(crate) async fn pass(State(gate): State<Gate>, mut request: Request, next: Next) -> Response {
    match gate.admit(&mut request).await {
        Ok(admitted) => {
            let response = next.run(request).await;
            if let Some(entry) = &admitted.entry {
                let target = response.extensions().get::<DoneOn>().map(|done| done.0.clone());
                gate.record_outcome(entry, response.status().as_u16(), target).await;
            }
            response
        }
        Err(problem) => problem.into_response(),
    }
}

/// What the path names first.
async fn target(request: &mut Request) -> Option<String> {
    let params = request.extract_parts::<RawPathParams>().await.ok()?;
    params.iter().next().map(|(_, text)| text.to_owned())
}

/// The member for whom the host says it calls.
fn named(headers: &HeaderMap) -> Result<Option<MemberId>, Problem> {
    let wrong = |detail: String| Problem::invalid(Fault::parameter("Acquaint-Member", detail));
    let mut given = headers.get_all(MEMBER_HEADER).iter();
    let Some(first) = given.next() else { return Ok(None) };
    if given.next().is_some() {
        return Err(wrong("the header is there more than once".into()));
    }
    let text = std::str::from_utf8(first.as_bytes()).map_err(|_| wrong("an id is UTF-8".into()))?;
    MemberId::new(text).map(Some).map_err(|error| wrong(error.to_string()))
}
