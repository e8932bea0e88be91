//! Bodies: how they are read and checked, and the idempotency keys that belong to them.

use acquaint_app::ClaimRequest;
use acquaint_core::access::Principal;
use acquaint_core::ids::MemberId;
use acquaint_store::ClaimName;
use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, HeaderValue, Method, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Body as _;
use serde::de::DeserializeOwned;
use serde_path_to_error::Segment;

use crate::app::App;
use crate::auth;
use crate::config::Limits;
use crate::problem::{Fault, Kind, Problem};

/// What a body may say.
pub(crate) trait Input: DeserializeOwned {
    /// Adds what is wrong although it has the right form.
    fn check(&self, _faults: &mut Vec<Fault>) {}
}

/// A body, parsed and checked, and the idempotency key that came with it. Who calls is to be known
/// by an extractor that comes before.
pub(crate) struct Posted<T> {
    pub(crate) body: T,
    pub(crate) key: Option<Key>,
}

/// A body of many commands that is not parsed yet, and the idempotency key that came with it.
pub(crate) struct Batch {
    pub(crate) bytes: Bytes,
    pub(crate) key: Option<Key>,
}

/// An idempotency key, and a digest that tells one request from another under the same key.
pub(crate) struct Key {
    /// Whose keys these are: another principal's are others.
    principal: &'static str,
    key: String,
    fingerprint: [u8; 16],
}

impl<T: Input> FromRequest<App> for Posted<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let (bytes, key) = read_keyed(request, app, app.limits().body).await?;
        Ok(Self { body: parse_checked(&bytes)?, key })
    }
}

impl FromRequest<App> for Batch {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let (bytes, key) = read_keyed(request, app, app.limits().batch_body).await?;
        Ok(Self { bytes, key })
    }
}

async fn read_keyed(request: Request, app: &App, limit: usize) -> Result<(Bytes, Option<Key>), Problem> {
    let key = if *request.method() == Method::POST { idempotency_key(request.headers())? } else { None };
    let principal = principal(&request)?;
    let keyed = key.map(|key| (key, digest(&request)));
    let bytes = read(request, app, limit).await?;
    let key = keyed.map(|(key, digest)| Key { principal, key, fingerprint: finish(digest, &bytes) });
    Ok((bytes, key))
}

impl Key {
    /// The claim of the one command of the request.
    pub(crate) fn claim(self, actor: &MemberId) -> ClaimRequest {
        ClaimRequest {
            name: ClaimName { scope: scope(self.principal, actor), key: self.key },
            fingerprint: self.fingerprint,
        }
    }

    /// The claim of the command at that place of a batch: the same key and place with the same body
    /// is the same command.
    pub(crate) fn claim_at(&self, index: usize, actor: &MemberId) -> ClaimRequest {
        let name = ClaimName { scope: scope(self.principal, actor), key: format!("{}#{index}", self.key) };
        ClaimRequest { name, fingerprint: self.fingerprint }
    }
}

/// The claim of a command of a batch that has a key of its own.
pub(crate) fn own_claim(actor: &MemberId, key: &str, raw: &str) -> ClaimRequest {
    let mut digest = blake3::Hasher::new();
    digest.update(b"command\0");
    ClaimRequest {
        name: ClaimName { scope: scope(HOST, actor), key: key.into() },
        fingerprint: finish(digest, raw.as_bytes()),
    }
}

/// A key is the principal's and the member's for whom it was used.
fn scope(principal: &str, actor: &MemberId) -> String {
    format!("{principal}/{actor}")
}

/// The scope of the host's keys, whichever of its API keys it calls with.
const HOST: &str = "host";

fn principal(request: &Request) -> Result<&'static str, Problem> {
    match auth::admitted(request.extensions())?.principal {
        Principal::Host { .. } => Ok(HOST),
        Principal::Member(_) => Ok("member"),
        Principal::Operator { .. } => Ok("operator"),
    }
}

/// Whether a text can be an idempotency key.
pub(crate) fn is_key(text: &[u8]) -> bool {
    (1..=255).contains(&text.len()) && text.iter().all(u8::is_ascii_graphic)
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut given = headers.get_all("idempotency-key").iter();
    let Some(first) = given.next() else { return Ok(None) };
    if given.next().is_some() || !is_key(first.as_bytes()) {
        let detail = "one key of 1 to 255 visible ASCII characters";
        return Err(Problem::invalid(Fault::parameter("Idempotency-Key", detail)));
    }
    Ok(first.to_str().ok().map(str::to_owned))
}

/// Begins the digest that tells one request from another under the same key. The member is part of
/// the key's name.
fn digest(request: &Request) -> blake3::Hasher {
    let mut digest = blake3::Hasher::new();
    for part in [request.method().as_str(), request.uri().path()] {
        digest.update(part.as_bytes()).update(b"\0");
    }
    digest
}

fn finish(mut digest: blake3::Hasher, bytes: &[u8]) -> [u8; 16] {
    let mut fingerprint = [0; 16];
    digest.update(bytes).finalize_xof().fill(&mut fingerprint);
    fingerprint
}

/// Reads a body of JSON within its limits of size and time.
async fn read(request: Request, app: &App, limit: usize) -> Result<Bytes, Problem> {
    let (parts, body) = request.into_parts();
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    refuse_media_type(&parts.headers)?;
    within_limits(app.limits(), body, limit).await
}

/// Reads a body of whatever kind within its limits of size and time.
pub(crate) async fn within_limits(limits: &Limits, body: Body, limit: usize) -> Result<Bytes, Problem> {
    if body.size_hint().lower() > limit as u64 {
        return Err(too_large(limit));
    }
    match tokio::time::timeout(limits.body_timeout, collect(body, limit)).await {
        Ok(read) => read,
        Err(_) => Err(last(Problem::new(Kind::RequestTimeout))),
    }
}

async fn collect(body: Body, limit: usize) -> Result<Bytes, Problem> {
    match Limited::new(body, limit).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(too_large(limit)),
        // The connection broke off; nobody is there to read this.
        Err(_) => Err(last(Problem::new(Kind::MalformedBody).with_detail("The body ended before its end."))),
    }
}

fn too_large(limit: usize) -> Problem {
    last(Problem::new(Kind::PayloadTooLarge).with_detail(format!("The body of this call has at most {limit} bytes.")))
}

/// What is left of the body is not worth reading: the connection ends with this answer.
fn last(problem: Problem) -> Problem {
    problem.with_header(header::CONNECTION, HeaderValue::from_static("close"))
}

/// A body is JSON, or does not say what it is.
fn refuse_media_type(headers: &HeaderMap) -> Result<(), Problem> {
    let Some(given) = headers.get(header::CONTENT_TYPE) else { return Ok(()) };
    let essence = given.as_bytes().split(|&b| b == b';').next().unwrap_or_default().trim_ascii();
    let json = essence.eq_ignore_ascii_case(b"application/json")
        || essence.to_ascii_lowercase().starts_with(b"application/")
            && essence.to_ascii_lowercase().ends_with(b"+json");
    if json || essence.is_empty() { Ok(()) } else { Err(Kind::UnsupportedMediaType.into()) }
}

/// Parses a body and checks what it says.
pub(crate) fn parse_checked<T: Input>(bytes: &[u8]) -> Result<T, Problem> {
    let input: T = parse(or_empty(bytes))?;
    let mut faults = Vec::new();
    input.check(&mut faults);
    if faults.is_empty() { Ok(input) } else { Err(Problem::invalid_all(faults)) }
}

/// An empty body says as much as an empty object.
pub(crate) fn or_empty(bytes: &[u8]) -> &[u8] {
    if bytes.trim_ascii().is_empty() { b"{}" } else { bytes }
}

/// Parses an object of JSON.
pub(crate) fn parse<'de, T: serde::Deserialize<'de>>(bytes: &'de [u8]) -> Result<T, Problem> {
    // Keeping track of the place costs time, so it is done only once something is wrong.
    let parsed = serde_json::from_slice(bytes);
    let parsed = parsed.map_err(|error| if is_json(bytes) { misfit::<T>(bytes) } else { malformed(&error) })?;
    // The fields of an object in the order of an array would fit as well; nobody means that.
    if bytes.trim_ascii_start().starts_with(b"{") {
        Ok(parsed)
    } else {
        Err(Problem::invalid(Fault::at("", "expected an object")))
    }
}

/// Whether a text has the form of JSON. What its escapes stand for may still be no text.
fn is_json(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok_and(|text| serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok())
}

fn malformed(error: &serde_json::Error) -> Problem {
    Problem::new(Kind::MalformedBody).with_detail(format!("The body is not JSON: {error}."))
}

/// Parses again to find the place of what does not fit.
fn misfit<'de, T: serde::Deserialize<'de>>(bytes: &'de [u8]) -> Problem {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let Err(error) = serde_path_to_error::deserialize::<_, T>(&mut deserializer) else {
        return Kind::InvalidRequest.into();
    };
    let mut pointer = String::new();
    for segment in error.path() {
        match segment {
            Segment::Seq { index } => pointer.push_str(&format!("/{index}")),
            Segment::Map { key } => push_key(&mut pointer, key),
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    let said = error.inner().to_string();
    let said = said.split_once(" at line ").map_or(said.as_str(), |(said, _)| said);
    let named = said.strip_prefix("missing field `").or(said.strip_prefix("duplicate field `"));
    if let Some(field) = named.and_then(|rest| rest.strip_suffix('`')) {
        push_key(&mut pointer, field);
    }
    Problem::invalid(Fault::at(pointer, said))
}

fn push_key(pointer: &mut String, key: &str) {
    pointer.push('/');
    pointer.push_str(&key.replace('~', "~0").replace('/', "~1"));
}

/// Adds what is wrong with an optional text: too long in characters, or not text. Lines may be
/// broken where `lines` says so.
pub(crate) fn check_text(faults: &mut Vec<Fault>, pointer: &str, text: Option<&str>, max: usize, lines: bool) {
    let Some(text) = text else { return };
    if text.len() > max && text.chars().nth(max).is_some() {
        faults.push(Fault::at(pointer, format!("at most {max} characters")));
    }
    let odd = |c: char| c.is_control() && !(lines && matches!(c, '\n' | '\r' | '\t'));
    if text.chars().any(odd) {
        faults.push(Fault::at(pointer, "no control characters"));
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only parsed")]
    struct Sample {
        to: MemberId,
        tags: Option<Vec<String>>,
    }

    impl Input for Sample {}

    fn told(text: &[u8]) -> (u16, String) {
        let problem = parse_checked::<Sample>(text).unwrap_err();
        let document = serde_json::to_value(problem.document("/")).unwrap();
        let pointer = document["pointer"].as_str().unwrap_or("-").to_owned();
        (problem.status().as_u16(), pointer)
    }

    #[test]
    fn what_is_wrong_is_named_by_its_pointer() {
        assert!(parse_checked::<Sample>(br#"{"to": "a", "tags": null}"#).is_ok());
        for (text, pointer) in [
            (&br#"{}"#[..], "/to"),
            (b"  \n", "/to"),
            (br#"{"to": "a b"}"#, "/to"),
            (br#"{"to": "a\u0000b"}"#, "/to"),
            (br#"{"to": 1}"#, "/to"),
            (br#"{"to": "a", "tags": ["x", 2]}"#, "/tags/1"),
            (br#"{"to": "a", "m~/o": 2}"#, "/m~0~1o"),
            (br#"{"to": "a", "to": "b"}"#, "/to"),
            (br#"{"to": "\ud800"}"#, "/to"),
            (b"[]", ""),
            (br#"["a", null]"#, ""),
            (b"null", ""),
            (b"1", ""),
        ] {
            assert_eq!(told(text), (422, pointer.to_owned()), "{}", String::from_utf8_lossy(text));
        }
    }

    #[test]
    fn what_is_not_json_is_malformed() {
        for text in [&b"{"[..], b"{\"to\": \"\xff\"}", b"{} {}", b"nul", b"{\"to\": 1e}", b"\0"] {
            assert_eq!(told(text), (400, "-".to_owned()), "{}", String::from_utf8_lossy(text));
        }
        let deep = "[".repeat(100_000);
        assert_eq!(told(deep.as_bytes()).0, 400);
        let deep = format!("{deep}{}", "]".repeat(100_000));
        assert_eq!(told(deep.as_bytes()).0, 422);
    }
}
