//! The document that describes the API: what the handlers say, and what holds for all of them.

use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Content, HeaderBuilder, OpenApi, PathItem, Ref, RefOr, Required, Response, ResponseBuilder};
use utoipa::{Modify, OpenApi as _};

use super::schema;

/// What every answer may carry, and what does not belong to one call.
#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Acquaint",
        description = "Invitations, connections and follows between the members of a community. \
            Errors are problem documents (RFC 9457).",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
        contact()
    ),
    tags(
        (name = "members", description = "Members, as the host registers them"),
        (name = "invitations", description = "Sent, listed, answered, withdrawn"),
        (name = "relations", description = "What there is between two members"),
        (name = "connections", description = "Who is connected"),
        (name = "follows", description = "Who follows whom"),
        (name = "blocks", description = "Who blocks whom"),
        (name = "engagements", description = "Likes, comments, shares"),
        (name = "standing", description = "Allowances, evidence, restriction"),
        (name = "notifications", description = "What a member finds"),
        (name = "commands", description = "Many commands at once, for the host"),
        (name = "events", description = "What happened, for the host"),
        (name = "dev", description = "The clock, where it can be set; 404 elsewhere"),
        (name = "operations", description = "Open calls: health, metrics, this document"),
    ),
    security(("hostKey" = [])),
    modifiers(&HostKeyScheme),
)]
pub(crate) struct Basis;

struct HostKeyScheme;

impl Modify for HostKeyScheme {
    fn modify(&self, document: &mut OpenApi) {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("The host's key."));
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("hostKey", SecurityScheme::Http(scheme.build()));
    }
}

/// What the document starts from.
pub(crate) fn basis() -> OpenApi {
    Basis::openapi()
}

/// Adds what holds for all calls to those that the handlers described.
pub(crate) fn complete(document: &mut OpenApi) {
    for (path, item) in &mut document.paths.paths {
        for (method, operation) in operations(item) {
            let Some(operation) = operation else { continue };
            if path.starts_with("/v1/") {
                add_caller(operation);
                add_common(operation, method);
            } else if path == "/readyz" {
                add_problem(operation, "503", "`unavailable`.");
            }
            if path.contains('{') {
                add_problem(operation, "422", "`invalid_request`: what the path names cannot be a name.");
            }
            add_request_id(operation);
        }
    }
}

fn operations(item: &mut PathItem) -> [(&'static str, Option<&mut Operation>); 4] {
    [
        ("get", item.get.as_mut()),
        ("put", item.put.as_mut()),
        ("post", item.post.as_mut()),
        ("delete", item.delete.as_mut()),
    ]
}

/// Whether the call is the host's own, made for nobody.
fn is_hosts(operation: &Operation) -> bool {
    let hosts = ["members", "commands", "events", "dev"];
    operation.tags.iter().flatten().any(|tag| hosts.contains(&tag.as_str()))
}

fn header(name: &str, required: Required, description: &str) -> ParameterBuilder {
    ParameterBuilder::new().name(name).parameter_in(ParameterIn::Header).required(required).description(Some(description))
}

fn add_parameter(operation: &mut Operation, parameter: impl Into<Parameter>) {
    operation.parameters.get_or_insert_default().push(RefOr::T(parameter.into()));
}

fn add_caller(operation: &mut Operation) {
    let id = operation.operation_id.as_deref();
    if id == Some("getMember") {
        let description = "For whom the host asks: anybody but the member sees `id`, `name` and `headline` alone.";
        let parameter = header("Acquaint-Member", Required::False, description);
        add_parameter(operation, parameter.schema(Some(schema::member_id())));
    } else if !is_hosts(operation) {
        let parameter = header("Acquaint-Member", Required::True, "The member for whom the call is made.");
        add_parameter(operation, parameter.schema(Some(schema::member_id())));
        add_problem(operation, "400", "`member_required`: nobody is named for whom the call is made.");
    }
}

fn add_common(operation: &mut Operation, method: &str) {
    add_problem(operation, "401", "`unauthenticated`: no key, or not one of the host's.");
    add_problem(operation, "503", "`overloaded` or `unavailable`; `Retry-After` says when to try again.");
    let takes_input = operation.request_body.is_some() || operation.parameters.as_ref().is_some_and(|p| !p.is_empty());
    if takes_input {
        let description = "`invalid_request`, `invalid_cursor`, `idempotency_mismatch`, `note_too_long` or \
            `note_not_text`: something in the request is not as it must be; `errors` says what.";
        add_problem(operation, "422", description);
    }
    if operation.request_body.is_some() {
        add_problem(operation, "400", "`malformed_body` or `member_required`.");
        add_problem(operation, "408", "`request_timeout`: the body did not arrive in time.");
        add_problem(operation, "413", "`payload_too_large`.");
        add_problem(operation, "415", "`unsupported_media_type`: the body is not application/json.");
    }
    if method == "post" {
        let description = "The same key with the same request is answered as the first time.";
        let key = ObjectBuilder::new().schema_type(Type::String).pattern(Some("^[!-~]+$"));
        let key = key.min_length(Some(1)).max_length(Some(255));
        add_parameter(operation, header("Idempotency-Key", Required::False, description).schema(Some(key)));
    }
}

fn add_problem(operation: &mut Operation, status: &str, description: &str) {
    let content = Content::new(Some(Ref::from_schema_name("Problem")));
    let mut response = ResponseBuilder::new().description(description).content("application/problem+json", content);
    if status == "503" {
        response = response.header("Retry-After", integer("Seconds to wait before trying again."));
    }
    operation.responses.responses.entry(status.into()).or_insert_with(|| response.build().into());
}

fn integer(description: &str) -> utoipa::openapi::Header {
    let seconds = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1));
    HeaderBuilder::new().schema(Some(seconds)).description(Some(description)).build()
}

/// Every answer names its request; one that asks to wait says how long.
fn add_request_id(operation: &mut Operation) {
    for (status, response) in &mut operation.responses.responses {
        let RefOr::T(response) = response else { continue };
        add_header(response, "X-Request-Id", "The name of the request in the server's log.");
        if status == "429" {
            response.headers.insert("Retry-After".into(), RefOr::T(integer("Seconds to wait before trying again.")));
        }
    }
}

fn add_header(response: &mut Response, name: &str, description: &str) {
    let text = ObjectBuilder::new().schema_type(Type::String);
    let header = HeaderBuilder::new().schema(Some(text)).description(Some(description)).build();
    response.headers.insert(name.into(), RefOr::T(header));
}
