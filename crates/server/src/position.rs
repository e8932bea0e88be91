//! `Acquaint-Position`: what a caller has written, said by the answer and brought back by a read.
//!
//! Where a store has replicas, a list may come from one that is behind. Every answer to a change that the
//! host made says how far the store was afterwards. A read of a list that brings this back sees the
//! change, and may be answered by a replica; one that brings nothing sees everything.
//!
//! Members are not told. How far a community's store is grows with everything that is done in it, also
//! with what is done in silence.

use acquaint_core::access::{Caller, Principal};
use acquaint_store::Position;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;

use crate::app::App;
use crate::problem::{Fault, Problem};

/// The name of the header.
pub(crate) const HEADER: &str = "Acquaint-Position";

/// What a read has to see; `None` is everything.
///
/// # Errors
/// 422 if the header is there and is no position.
pub(crate) fn seen(headers: &HeaderMap) -> Result<Option<Position>, Problem> {
    let mut given = headers.get_all(HEADER).iter();
    let Some(first) = given.next() else { return Ok(None) };
    let position = first.to_str().ok().and_then(|text| u64::from_str_radix(text, 16).ok().map(Position));
    match (position, given.next()) {
        (Some(position), None) => Ok(Some(position)),
        _ => Err(Problem::invalid(Fault::parameter(HEADER, "what an answer had in this header, once"))),
    }
}

/// Says to the host, after a change, how far the store is.
pub(crate) async fn tell(State(app): State<App>, request: Request, next: Next) -> Response {
    let caller = request.extensions().get::<Caller>().map(|caller| &caller.principal);
    let is_change = !request.method().is_safe() && matches!(caller, Some(Principal::Host { .. }));
    let mut response = next.run(request).await;
    if let Some(Position(position)) = app.network().position().filter(|_| is_change)
        && let Ok(value) = HeaderValue::try_from(format!("{position:x}"))
    {
        response.headers_mut().insert(HeaderName::from_static("acquaint-position"), value);
    }
    response
}
