//! Every error that a client sees: a problem document (RFC 9457).
//!
//! A [`Problem`] travels as an extension of an empty response until the outermost layer, which
//! knows the path, writes it (`observe`).

use std::borrow::Cow;
use std::fmt;

use acquaint_app::{ClockError, SecretError, SubmitError};
use acquaint_core::refusal::{Code, Refusal, Remedy};
use acquaint_core::time::Time;
use acquaint_plot::PlotError;
use acquaint_store::StoreError;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::schema;

/// How long to wait before trying again, in seconds, where nothing better is known: refusals of
/// the rules that time alone may not heal.
const A_DAY: u64 = 86_400;
/// The same when the server itself cannot answer.
const A_MOMENT: u64 = 1;

/// What kind of problem it is: one status and one stable code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The rules say no.
    Refused(Code),
    Unauthenticated,
    Forbidden,
    MemberRequired,
    MalformedBody,
    InvalidRequest,
    InvalidCursor,
    IdempotencyMismatch,
    PlanExists,
    KeyExists,
    MethodNotAllowed,
    RequestTimeout,
    PayloadTooLarge,
    UnsupportedMediaType,
    TooManyRequests,
    Overloaded,
    Unavailable,
    Internal,
}

impl Kind {
    /// Those that are not refusals of the rules.
    const OWN: [Kind; 17] = [
        Kind::Unauthenticated,
        Kind::Forbidden,
        Kind::MemberRequired,
        Kind::MalformedBody,
        Kind::InvalidRequest,
        Kind::InvalidCursor,
        Kind::IdempotencyMismatch,
        Kind::PlanExists,
        Kind::KeyExists,
        Kind::MethodNotAllowed,
        Kind::RequestTimeout,
        Kind::PayloadTooLarge,
        Kind::UnsupportedMediaType,
        Kind::TooManyRequests,
        Kind::Overloaded,
        Kind::Unavailable,
        Kind::Internal,
    ];

    /// The kind of that code.
    pub(crate) fn named(code: &str) -> Option<Kind> {
        let all = Code::ALL.into_iter().map(Kind::Refused).chain(Self::OWN);
        all.into_iter().find(|kind| kind.code() == code)
    }

    pub(crate) fn status(self) -> StatusCode {
        match self {
            Kind::Refused(code) => refusal_status(code),
            Kind::Unauthenticated => StatusCode::UNAUTHORIZED,
            Kind::Forbidden => StatusCode::FORBIDDEN,
            Kind::MemberRequired | Kind::MalformedBody => StatusCode::BAD_REQUEST,
            Kind::InvalidRequest | Kind::InvalidCursor | Kind::IdempotencyMismatch => StatusCode::UNPROCESSABLE_ENTITY,
            Kind::PlanExists | Kind::KeyExists => StatusCode::CONFLICT,
            Kind::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Kind::RequestTimeout => StatusCode::REQUEST_TIMEOUT,
            Kind::PayloadTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Kind::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Kind::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
            Kind::Overloaded | Kind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Kind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    pub(crate) fn code(self) -> &'static str {
        match self {
            Kind::Refused(code) => code.name(),
            Kind::Unauthenticated => "unauthenticated",
            Kind::Forbidden => "forbidden",
            Kind::MemberRequired => "member_required",
            Kind::MalformedBody => "malformed_body",
            Kind::InvalidRequest => "invalid_request",
            Kind::InvalidCursor => "invalid_cursor",
            Kind::IdempotencyMismatch => "idempotency_mismatch",
            Kind::PlanExists => "plan_exists",
            Kind::KeyExists => "key_exists",
            Kind::MethodNotAllowed => "method_not_allowed",
            Kind::RequestTimeout => "request_timeout",
            Kind::PayloadTooLarge => "payload_too_large",
            Kind::UnsupportedMediaType => "unsupported_media_type",
            Kind::TooManyRequests => "too_many_requests",
            Kind::Overloaded => "overloaded",
            Kind::Unavailable => "unavailable",
            Kind::Internal => "internal",
        }
    }

    pub(crate) fn title(self) -> &'static str {
        match self {
            Kind::Refused(code) => refusal_title(code),
            Kind::Unauthenticated => "Not authenticated",
            Kind::Forbidden => "Not allowed",
            Kind::MemberRequired => "Member required",
            Kind::MalformedBody => "Malformed body",
            Kind::InvalidRequest => "Invalid request",
            Kind::InvalidCursor => "Invalid cursor",
            Kind::IdempotencyMismatch => "Idempotency key used for something else",
            Kind::PlanExists => "There is a plan already",
            Kind::KeyExists => "There is a key of that name",
            Kind::MethodNotAllowed => "Method not allowed",
            Kind::RequestTimeout => "Request timeout",
            Kind::PayloadTooLarge => "Payload too large",
            Kind::UnsupportedMediaType => "Unsupported media type",
            Kind::TooManyRequests => "Too many requests",
            Kind::Overloaded => "Overloaded",
            Kind::Unavailable => "Unavailable",
            Kind::Internal => "Internal error",
        }
    }

    /// One sentence for people.
    pub(crate) fn sentence(self) -> &'static str {
        match self {
            Kind::Refused(code) => code.sentence(),
            Kind::Unauthenticated => "A valid key or token is required: Authorization: Bearer KEY.",
            Kind::Forbidden => "This call is not for this caller, or not with this key.",
            Kind::MemberRequired => "The header Acquaint-Member must say for whom this call is made.",
            Kind::MalformedBody => "The body is not JSON.",
            Kind::InvalidRequest => "Something in the request is not as it must be.",
            Kind::InvalidCursor => "The cursor was not made for this list.",
            Kind::IdempotencyMismatch => "This idempotency key was used for another request.",
            Kind::KeyExists => "There is a key of that name. Revoke it first, or choose another name.",
            Kind::PlanExists => "There is a clean-up plan that is not over. Cancel it first.",
            Kind::MethodNotAllowed => "This address does not take this method.",
            Kind::RequestTimeout => "The body of the request did not arrive in time.",
            Kind::PayloadTooLarge => "The body of the request is too large.",
            Kind::UnsupportedMediaType => "The body must be application/json.",
            Kind::TooManyRequests => "This caller asks too often. Try again in a moment.",
            Kind::Overloaded => "Too much is waiting to be done. Try again in a moment.",
            Kind::Unavailable => "This cannot be done at the moment. Try again later.",
            Kind::Internal => "Something went wrong on our side.",
        }
    }
}

fn refusal_status(code: Code) -> StatusCode {
    match code {
        Code::SelfInvitation
        | Code::AlreadyConnected
        | Code::AlreadyPending
        | Code::AlreadyAccepted
        | Code::NoLongerAvailable
        | Code::Blocking
        | Code::SelfTarget => StatusCode::CONFLICT,
        Code::NotAcceptingInvitations | Code::EmailRequired | Code::Restricted => StatusCode::FORBIDDEN,
        Code::Cooldown | Code::PendingCap | Code::RollingLimit | Code::ConnectionCap | Code::NoteQuota => {
            StatusCode::TOO_MANY_REQUESTS
        }
        Code::UnknownMember | Code::NotFound => StatusCode::NOT_FOUND,
        Code::NoteTooLong | Code::NoteNotText => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

fn refusal_title(code: Code) -> &'static str {
    match code {
        Code::SelfInvitation => "Self-invitation",
        Code::UnknownMember => "Unknown member",
        Code::AlreadyConnected => "Already connected",
        Code::AlreadyPending => "Already pending",
        Code::NotAcceptingInvitations => "Not accepting invitations",
        Code::EmailRequired => "E-mail address required",
        Code::Cooldown => "Too early",
        Code::Restricted => "Restricted",
        Code::PendingCap => "Too many pending invitations",
        Code::RollingLimit => "Allowance used up",
        Code::ConnectionCap => "Too many connections",
        Code::NoteTooLong => "Note too long",
        Code::NoteQuota => "Notes used up",
        Code::NoteNotText => "Note is not text",
        Code::AlreadyAccepted => "Already accepted",
        Code::NoLongerAvailable => "No longer available",
        Code::NotFound => "Not found",
        Code::Blocking => "Blocking",
        Code::SelfTarget => "Not with oneself",
    }
}

/// What was wrong where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Fault {
    /// A JSON pointer (RFC 6901) into the body.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pointer: Option<String>,
    /// The name of a parameter of the path or the query, or of a header.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    parameter: Option<&'static str>,
    /// What was wrong.
    detail: String,
}

impl fmt::Display for Fault {
    /// A sentence: where, and what.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = self.parameter.or(self.pointer.as_deref()).filter(|place| !place.is_empty());
        write!(f, "{}: {}.", place.unwrap_or("The body"), self.detail)
    }
}

impl Fault {
    /// Something in the body.
    pub(crate) fn at(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { pointer: Some(pointer.into()), parameter: None, detail: detail.into() }
    }

    /// Something in the path, the query or a header.
    pub(crate) fn parameter(name: &'static str, detail: impl Into<String>) -> Self {
        Self { pointer: None, parameter: Some(name), detail: detail.into() }
    }
}

/// An error that a client sees.
#[derive(Debug, Clone)]
pub(crate) struct Problem(Box<Report>);

#[derive(Debug, Clone)]
struct Report {
    kind: Kind,
    /// In place of the kind's own.
    status: Option<StatusCode>,
    detail: Cow<'static, str>,
    retry_at: Option<Time>,
    /// In seconds.
    retry_after: Option<u64>,
    faults: Vec<Fault>,
    headers: Vec<(HeaderName, HeaderValue)>,
    /// For the log alone.
    cause: Option<String>,
}

/// A problem document.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct Document<'a> {
    /// Where this kind of problem is explained.
    r#type: String,
    /// The kind of problem in a few words.
    title: &'static str,
    /// The status of the answer.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// The kind of problem, for programs.
    code: &'static str,
    /// A sentence about this occurrence, for people.
    pub(crate) detail: &'a str,
    /// From when on the same call would no longer be refused for this reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::time)]
    retry_at: Option<Time>,
    /// What the member can do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::remedy)]
    remedy: Option<Remedy>,
    /// The path of the request.
    instance: &'a str,
    /// The first of the pointers in `errors`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pointer: Option<&'a str>,
    /// What was wrong where.
    #[serde(skip_serializing_if = "<[Fault]>::is_empty")]
    #[schema(required = false)]
    errors: &'a [Fault],
}

impl Problem {
    pub(crate) fn new(kind: Kind) -> Self {
        Self(Box::new(Report {
            kind,
            status: None,
            detail: kind.sentence().into(),
            retry_at: None,
            retry_after: None,
            faults: Vec::new(),
            headers: Vec::new(),
            cause: None,
        }))
    }

    /// Bad input, at that place.
    pub(crate) fn invalid(fault: Fault) -> Self {
        Self::invalid_all(vec![fault])
    }

    /// Bad input, at these places.
    pub(crate) fn invalid_all(faults: Vec<Fault>) -> Self {
        let mut problem = Self::new(Kind::InvalidRequest);
        if let Some(first) = faults.first() {
            problem.0.detail = first.to_string().into();
        }
        problem.0.faults = faults;
        problem
    }

    /// Nothing is here that the caller may see.
    pub(crate) fn not_found() -> Self {
        Self::new(Kind::Refused(Code::NotFound))
    }

    /// It was there and no longer is.
    pub(crate) fn gone() -> Self {
        let mut problem = Self::new(Kind::Refused(Code::NoLongerAvailable));
        problem.0.status = Some(StatusCode::NOT_FOUND);
        problem
    }

    /// The same, of what stands at that place of the body.
    pub(crate) fn within(mut self, at: &str) -> Self {
        for fault in &mut self.0.faults {
            if let Some(pointer) = &mut fault.pointer {
                pointer.insert_str(0, at);
            }
        }
        if let Some(first) = self.0.faults.first().filter(|_| self.0.kind == Kind::InvalidRequest) {
            self.0.detail = first.to_string().into();
        }
        self
    }

    pub(crate) fn is_refusal(&self, code: Code) -> bool {
        self.0.kind == Kind::Refused(code)
    }

    pub(crate) fn with_detail(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.0.detail = detail.into();
        self
    }

    pub(crate) fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.push((name, value));
        self
    }

    pub(crate) fn with_headers(mut self, headers: impl IntoIterator<Item = (HeaderName, HeaderValue)>) -> Self {
        self.0.headers.extend(headers);
        self
    }

    /// How long the caller is to wait before trying again, in seconds.
    pub(crate) fn with_wait(mut self, seconds: u64) -> Self {
        self.0.retry_after = Some(seconds);
        self
    }

    fn with_cause(mut self, cause: String) -> Self {
        self.0.cause = Some(cause);
        self
    }

    /// A refusal of the rules. `now` counts down to `retry_at`.
    pub(crate) fn refused(refusal: Refusal, now: Time) -> Self {
        let mut problem = Self::new(Kind::Refused(refusal.code));
        problem.0.retry_at = refusal.retry_at;
        if problem.status() == StatusCode::TOO_MANY_REQUESTS {
            let wait = refusal.retry_at.map_or(A_DAY, |at| at.since(now).as_seconds().max(1));
            problem.0.retry_after = Some(wait);
        }
        if matches!(refusal.code, Code::NoteTooLong | Code::NoteNotText) {
            problem.0.faults.push(Fault::at("/note", refusal.code.sentence()));
        }
        problem
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.0.status.unwrap_or(self.0.kind.status())
    }

    pub(crate) fn code(&self) -> &'static str {
        self.0.kind.code()
    }

    /// What lies behind it, for the log.
    pub(crate) fn cause(&self) -> Option<&str> {
        self.0.cause.as_deref()
    }

    /// The document, as the answer to a request of that path.
    pub(crate) fn document<'a>(&'a self, path: &'a str) -> Document<'a> {
        let report = &*self.0;
        let remedy = match report.kind {
            Kind::Refused(code) => Some(code.remedy()),
            _ => None,
        };
        Document {
            r#type: format!("/problems/{}", report.kind.code()),
            title: report.kind.title(),
            status: self.status().as_u16(),
            code: report.kind.code(),
            detail: &report.detail,
            retry_at: report.retry_at,
            remedy,
            instance: path,
            pointer: report.faults.iter().find_map(|fault| fault.pointer.as_deref()),
            errors: &report.faults,
        }
    }

    /// Writes the document into the response that carried the problem.
    pub(crate) fn write(self, path: &str, response: &mut Response) {
        // A document of strings and numbers always serializes.
        let body = serde_json::to_vec(&self.document(path)).unwrap_or_default();
        *response.body_mut() = body.into();
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.remove(header::CONTENT_LENGTH);
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = self.0.retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        headers.extend(self.0.headers);
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<Kind> for Problem {
    fn from(kind: Kind) -> Self {
        Self::new(kind)
    }
}

impl From<PlotError> for Problem {
    fn from(error: PlotError) -> Self {
        Problem::new(Kind::Internal).with_cause(error.to_string())
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        Problem::new(Kind::Unavailable).with_cause(error.to_string()).with_wait(A_MOMENT)
    }
}

impl From<SecretError> for Problem {
    fn from(error: SecretError) -> Self {
        match error {
            SecretError::NoRandomness(_) => Problem::new(Kind::Internal).with_cause(error.to_string()),
            SecretError::Store(error) => error.into(),
        }
    }
}

impl From<SubmitError> for Problem {
    fn from(error: SubmitError) -> Self {
        match error {
            SubmitError::Overloaded { retry_after } => {
                Problem::new(Kind::Overloaded).with_wait(retry_after.as_seconds().max(1))
            }
            SubmitError::IdempotencyMismatch => Problem::new(Kind::IdempotencyMismatch),
            SubmitError::Store(error) => error.into(),
            SubmitError::Stopped => {
                let mut problem = Problem::new(Kind::Unavailable).with_cause(error.to_string());
                problem.0.retry_after = Some(A_MOMENT);
                problem
            }
        }
    }
}

impl From<ClockError> for Problem {
    fn from(error: ClockError) -> Self {
        match error {
            ClockError::NotSettable => Problem::not_found(),
            ClockError::Submit(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_found_by_its_code() {
        for kind in Code::ALL.into_iter().map(Kind::Refused).chain(Kind::OWN) {
            assert_eq!(Kind::named(kind.code()), Some(kind));
            assert!(kind.status().is_client_error() || kind.status().is_server_error());
        }
        assert_eq!(Kind::named("nothing"), None);
    }

    #[test]
    fn too_many_requests_always_says_when() {
        let now = Time::from_unix(1_000);
        for code in Code::ALL {
            let problem = Problem::refused(code.refuse(), now);
            let too_many = problem.status() == StatusCode::TOO_MANY_REQUESTS;
            assert_eq!(problem.0.retry_after, too_many.then_some(A_DAY), "{code}");
        }
        let problem = Problem::refused(Code::Cooldown.until(Time::from_unix(1_090)), now);
        assert_eq!(problem.0.retry_after, Some(90));
    }
}
