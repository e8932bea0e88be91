//! What goes wrong, as a page that says so kindly.

use acquaint_app::{ClockError, SecretError, SubmitError};
use acquaint_linkedin::kept::KeptError;
use acquaint_plot::PlotError;
use acquaint_store::StoreError;
use askama::Template;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::oidc::OidcError;
use crate::problem::Problem;

/// Why there is no page; one for each thing that the reader does next.
#[derive(Debug)]
pub(crate) enum Mishap {
    /// The visitor is nobody yet, and is led to where that can be changed.
    Nobody,
    /// The visitor is no operator yet, and is led to where that can be changed.
    NoOperator,
    /// Nothing that this visitor may see is here.
    NotFound,
    /// No export was imported yet; the owner is led to where one is.
    NoExport,
    /// What was sent cannot be written to disk.
    NoRoom,
    /// A form without its token, from another page than ours or from before a restart.
    Forged,
    /// The request names another machine.
    StrangeHost,
    /// What was sent cannot be read.
    Unreadable(StatusCode),
    /// The visitor asks too often.
    TooOften,
    /// The store or the engine cannot answer just now.
    Busy,
    /// We are at fault.
    Ours,
}

#[derive(Template)]
#[template(path = "mishap.html")]
struct Page {
    title: &'static str,
    text: &'static str,
}

impl Mishap {
    /// The status of the answer.
    pub(crate) fn status(&self) -> StatusCode {
        self.told().0
    }

    fn told(&self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Mishap::Nobody => (StatusCode::SEE_OTHER, "You are not signed in", "This page is for members who are."),
            Mishap::NoOperator => (StatusCode::SEE_OTHER, "You are not signed in", "This page is for operators."),
            Mishap::NotFound => (
                StatusCode::NOT_FOUND,
                "There is nothing here",
                "The page may have moved, or what it showed is no longer there.",
            ),
            Mishap::NoExport => (StatusCode::SEE_OTHER, "Nothing is imported yet", "Import your export first."),
            Mishap::NoRoom => (
                StatusCode::INSUFFICIENT_STORAGE,
                "There is no room for it",
                "What you sent could not be written to a temporary file; nothing was changed. Make room on the disk, or \
                 name another directory in TMPDIR, and send it again.",
            ),
            Mishap::Forged => (
                StatusCode::FORBIDDEN,
                "This form is out of date",
                "It was made before the server was restarted, or on another page. Nothing was changed. Go back, \
                 load the page again and repeat what you did.",
            ),
            Mishap::StrangeHost => (
                StatusCode::MISDIRECTED_REQUEST,
                "This is not the address",
                "These pages are not served under the name that your browser asked for.",
            ),
            Mishap::Unreadable(status) => (
                *status,
                "That could not be read",
                "What your browser sent is too long, broke off or has another form.",
            ),
            Mishap::TooOften => (
                StatusCode::TOO_MANY_REQUESTS,
                "Too many at once",
                "You asked for more pages than one can read. Wait a moment and go on.",
            ),
            Mishap::Busy => (
                StatusCode::SERVICE_UNAVAILABLE,
                "Too busy just now",
                "Nothing was lost, but this could not be done. Try it again in a moment.",
            ),
            Mishap::Ours => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "Something is wrong with us",
                "This is our fault, and it was written down. Try it again in a moment.",
            ),
        }
    }
}

impl IntoResponse for Mishap {
    fn into_response(self) -> Response {
        let (status, title, text) = self.told();
        let mut response = Response::new(Body::from(Page { title, text }.render().unwrap_or_else(|_| text.into())));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        match self {
            Mishap::Nobody => headers.insert(header::LOCATION, HeaderValue::from_static("/session/none")),
            Mishap::NoOperator => headers.insert(header::LOCATION, HeaderValue::from_static("/operator")),
            Mishap::NoExport => headers.insert(header::LOCATION, HeaderValue::from_static("/linkedin/import")),
            Mishap::Busy | Mishap::TooOften => headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1")),
            _ => None,
        };
        response
    }
}

impl From<StoreError> for Mishap {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "the store does not answer a page");
        Self::Busy
    }
}

impl From<SecretError> for Mishap {
    fn from(error: SecretError) -> Self {
        tracing::error!(%error, "a session could not be looked up");
        Self::Busy
    }
}

impl From<OidcError> for Mishap {
    fn from(error: OidcError) -> Self {
        tracing::error!(%error, "nobody can sign in with the provider");
        Self::Busy
    }
}

impl From<askama::Error> for Mishap {
    fn from(error: askama::Error) -> Self {
        tracing::error!(%error, "a page could not be made");
        Self::Ours
    }
}

impl From<KeptError> for Mishap {
    fn from(error: KeptError) -> Self {
        if matches!(error, KeptError::Nothing(_)) {
            return Self::NoExport;
        }
        tracing::error!(%error, "the ledger cannot be had");
        Self::Ours
    }
}

impl From<PlotError> for Mishap {
    fn from(error: PlotError) -> Self {
        tracing::error!(%error, "a figure could not be drawn");
        Self::Ours
    }
}

impl From<SubmitError> for Mishap {
    fn from(error: SubmitError) -> Self {
        tracing::warn!(%error, "a command of a page was not taken");
        Self::Busy
    }
}

impl From<ClockError> for Mishap {
    fn from(error: ClockError) -> Self {
        match error {
            ClockError::NotSettable => Self::NotFound,
            ClockError::Submit(error) => error.into(),
        }
    }
}

impl From<Problem> for Mishap {
    fn from(problem: Problem) -> Self {
        Self::Unreadable(problem.status())
    }
}

/// What is answered where nothing is: a page for those who read pages, a problem for programs.
pub(crate) async fn nothing_here(headers: HeaderMap) -> Response {
    let accepts = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    if accepts.contains("text/html") { Mishap::NotFound.into_response() } else { Problem::not_found().into_response() }
}
