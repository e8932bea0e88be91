//! The gate before every handler of the API.

use std::collections::HashMap;
use std::sync::Arc;

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

    /// Lets a request through, with its place among those that are answered at the same time.
    async fn admit(&self, request: &mut Request) -> Result<Option<OwnedSemaphorePermit>, Problem> {
        let Some(operation) = self.operation(request) else { return Ok(None) };
        let app = &self.0.app;
        // Whoever watches over the server hears of it when nobody else gets through.
        if matches!(operation, Operation::Health | Operation::Readiness) {
            return Ok(None);
        }
        if operation == Operation::Metrics && app.is_watched_apart() {
            return Err(Problem::not_found());
        }
        let room = app.callers().room()?;
        let rule = operation.rule();
        if rule == Rule::Anybody {
            app.callers().stranger(request.extensions(), request.headers())?;
            return Ok(Some(room));
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
            Rule::Anybody | Rule::Own(_) | Rule::Host(_) => None,
        };
        let subject = match rule {
            Rule::Own(_) => subject(request).await,
            Rule::Anybody | Rule::Member(_) | Rule::Viewer(_) | Rule::Host(_) => None,
        };
        let named = Named { caller: caller.as_ref(), subject: subject.as_ref() };
        let admitted: Caller = access::admit(principal, operation, named)?;
        if let (Rule::Host(Scope::Admin), Principal::Host { key, .. }) = (rule, &admitted.principal) {
            tracing::info!(%key, operation = operation.name(), path = request.uri().path(), "administration");
        }
        request.extensions_mut().insert(admitted);
        Ok(Some(room))
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
        Ok(_room) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

/// The member whom the path names.
async fn subject(request: &mut Request) -> Option<MemberId> {
    let params = request.extract_parts::<RawPathParams>().await.ok()?;
    let (_, id) = params.iter().next()?;
    MemberId::new(id).ok()
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
