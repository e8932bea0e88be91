//! The document that describes the API: what the handlers say, and what holds for all of them.

use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{
    Content, Header, HeaderBuilder, OpenApi, PathItem, Ref, RefOr, Required, Response, ResponseBuilder,
};
use utoipa::{Modify, OpenApi as _};

use super::schema;

/// What every answer may carry, and what does not belong to one call.
#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Acquaint",
        description = "Invitations, connections and follows between the members of a community. \
            Errors are problem documents (RFC 9457).",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
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
        (name = "cleanup", description = "Withdrawing old invitations, day by day"),
        (name = "insights", description = "When and where invitations are accepted"),
        (name = "commands", description = "Many commands at once, for the host"),
        (name = "events", description = "What happened, for the host"),
        (name = "webhooks", description = "Endpoints that are told what happened, for the host"),
        (name = "deliveries", description = "What was given up on its way, for the host"),
        (name = "keys", description = "Keys of the host's, for their administration"),
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
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("A key of the host's, or a member's token (JWT) that the host has signed."));
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
    let components = document.components.get_or_insert_default();
    for shared in SHARED {
        components.responses.insert(shared.name.into(), shared.response().into());
    }
    let words = ObjectBuilder::new().schema_type(Type::String);
    components.headers.insert(REQUEST_ID.into(), header(words, "The name of the request in the server's log.").into());
    let seconds = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1));
    components.headers.insert(RETRY_AFTER.into(), header(seconds, "Seconds to wait before trying again.").into());
    components.headers.insert(POSITION.into(), header(position_text(), TOLD_POSITION).into());
    for parameter in [member_header(), key_header(), position_header()] {
        components.parameters.insert(parameter.name.clone(), parameter.into());
    }
    for (path, item) in &mut document.paths.paths {
        for (method, operation) in operations(item) {
            if let Some(operation) = operation {
                complete_operation(path, method, operation);
            }
        }
    }
}

const REQUEST_ID: &str = "X-Request-Id";
const RETRY_AFTER: &str = "Retry-After";
const MEMBER: &str = "Acquaint-Member";
const KEY: &str = "Idempotency-Key";
const POSITION: &str = crate::position::HEADER;
const TOLD_POSITION: &str = "How far the store is after the change, for the host, where there are replicas.";

/// An answer that many calls share.
struct Shared {
    name: &'static str,
    status: &'static str,
    description: &'static str,
}

const BAD_REQUEST: Shared = Shared {
    name: "BadRequest",
    status: "400",
    description: "`malformed_body`: the body is not JSON. `member_required`: nobody is named for whom the call is made.",
};
const UNAUTHENTICATED: Shared = Shared {
    name: "Unauthenticated",
    status: "401",
    description: "`unauthenticated`: no key, or not one of the host's; no token, or not one of a member's.",
};
const FORBIDDEN: Shared = Shared {
    name: "Forbidden",
    status: "403",
    description: "`forbidden`: the call is not for this caller, or not with this key.",
};
const REQUEST_TIMEOUT: Shared = Shared {
    name: "RequestTimeout",
    status: "408",
    description: "`request_timeout`: the body did not arrive in time.",
};
const PAYLOAD_TOO_LARGE: Shared =
    Shared { name: "PayloadTooLarge", status: "413", description: "`payload_too_large`: the body is too large." };
const UNSUPPORTED_MEDIA_TYPE: Shared = Shared {
    name: "UnsupportedMediaType",
    status: "415",
    description: "`unsupported_media_type`: the body is not application/json.",
};
const INVALID: Shared = Shared {
    name: "Invalid",
    status: "422",
    description: "`invalid_request`, `invalid_cursor`, `idempotency_mismatch`, `note_too_long` or `note_not_text`: \
        something in the request is not as it must be; `errors` says what.",
};
const TOO_MANY: Shared = Shared {
    name: "TooManyRequests",
    status: "429",
    description: "`too_many_requests`: this caller asks too often; try again after `Retry-After`.",
};
const UNAVAILABLE: Shared = Shared {
    name: "Unavailable",
    status: "503",
    description: "`overloaded` or `unavailable`: try again after `Retry-After`.",
};
const SHARED: [&Shared; 9] = [
    &BAD_REQUEST,
    &UNAUTHENTICATED,
    &FORBIDDEN,
    &REQUEST_TIMEOUT,
    &PAYLOAD_TOO_LARGE,
    &UNSUPPORTED_MEDIA_TYPE,
    &INVALID,
    &TOO_MANY,
    &UNAVAILABLE,
];

impl Shared {
    fn response(&self) -> Response {
        let content = Content::new(Some(Ref::from_schema_name("Problem")));
        let response = ResponseBuilder::new().description(self.description);
        let mut response = response.content("application/problem+json", content).build();
        add_headers(self.status, &mut response);
        response
    }

    fn add(&self, operation: &mut Operation) {
        let reference = Ref::from_response_name(self.name);
        operation.responses.responses.entry(self.status.into()).or_insert(RefOr::Ref(reference));
    }
}

fn header(schema: ObjectBuilder, description: &str) -> Header {
    HeaderBuilder::new().schema(Some(schema)).description(Some(description)).build()
}

/// Every answer names its request; one that asks to wait says how long.
fn add_headers(status: &str, response: &mut Response) {
    let reference = |name: &str| RefOr::Ref(Ref::new(format!("#/components/headers/{name}")));
    response.headers.insert(REQUEST_ID.into(), reference(REQUEST_ID));
    if matches!(status, "429" | "503") {
        response.headers.insert(RETRY_AFTER.into(), reference(RETRY_AFTER));
    }
}

fn header_parameter(name: &str, required: Required, description: &str, schema: impl Into<RefOr<Schema>>) -> Parameter {
    let parameter = ParameterBuilder::new().name(name).parameter_in(ParameterIn::Header).required(required);
    parameter.description(Some(description)).schema(Some(schema)).build()
}

fn member_header() -> Parameter {
    let description = "The member for whom the host calls. A member's own token says it already.";
    header_parameter(MEMBER, Required::False, description, schema::member_id())
}

fn key_header() -> Parameter {
    let description = "The same key with the same request is answered as the first time.";
    let schema = ObjectBuilder::new().schema_type(Type::String).pattern(Some("^[!-~]+$"));
    header_parameter(KEY, Required::False, description, schema.min_length(Some(1)).max_length(Some(255)))
}

fn position_text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).pattern(Some("^[0-9a-f]{1,16}$"))
}

fn position_header() -> Parameter {
    let description = "What an answer had in this header: the list shows at least what was changed by then, and may \
        come from a replica. Without it the list shows everything.";
    header_parameter(POSITION, Required::False, description, position_text())
}

fn operations(item: &mut PathItem) -> [(&'static str, Option<&mut Operation>); 4] {
    [
        ("get", item.get.as_mut()),
        ("put", item.put.as_mut()),
        ("post", item.post.as_mut()),
        ("delete", item.delete.as_mut()),
    ]
}

fn complete_operation(path: &str, method: &str, operation: &mut Operation) {
    for (status, response) in &mut operation.responses.responses {
        if let RefOr::T(response) = response {
            add_headers(status, response);
        }
    }
    if path.starts_with("/v1/") {
        add_caller(operation);
        add_body(operation);
        UNAUTHENTICATED.add(operation);
        FORBIDDEN.add(operation);
        TOO_MANY.add(operation);
        UNAVAILABLE.add(operation);
        if method == "post" {
            refer_to_parameter(operation, KEY);
        }
        if method != "get" {
            tell_position(operation);
        } else if is_paged(operation) {
            refer_to_parameter(operation, POSITION);
        }
        if operation.parameters.as_ref().is_some_and(|parameters| !parameters.is_empty()) {
            INVALID.add(operation);
        }
    } else if path == "/readyz" {
        UNAVAILABLE.add(operation);
    } else if path != "/healthz" {
        TOO_MANY.add(operation);
        UNAVAILABLE.add(operation);
        if path.contains('{') {
            INVALID.add(operation);
        }
    }
}

/// Every change that took place says how far the store then is.
fn tell_position(operation: &mut Operation) {
    let done = operation.responses.responses.iter_mut().filter(|(status, _)| status.starts_with('2'));
    for (_, response) in done {
        if let RefOr::T(response) = response {
            let reference = Ref::new(format!("#/components/headers/{POSITION}"));
            response.headers.insert(POSITION.into(), RefOr::Ref(reference));
        }
    }
}

/// Whether the call reads a list page by page.
fn is_paged(operation: &Operation) -> bool {
    let mut names = operation.parameters.iter().flatten().filter_map(|parameter| match parameter {
        RefOr::T(parameter) => Some(parameter.name.as_str()),
        RefOr::Ref(_) => None,
    });
    names.any(|name| name == "cursor")
}

fn refer_to_parameter(operation: &mut Operation, name: &str) {
    let reference = RefOr::Ref(Ref::new(format!("#/components/parameters/{name}")));
    operation.parameters.get_or_insert_default().push(reference);
}

/// Whether the call is the host's own, made for nobody.
fn is_hosts(operation: &Operation) -> bool {
    let hosts = ["members", "commands", "events", "webhooks", "deliveries", "keys", "dev"];
    operation.tags.iter().flatten().any(|tag| hosts.contains(&tag.as_str()))
}

fn add_caller(operation: &mut Operation) {
    if operation.operation_id.as_deref() == Some("getMember") {
        let description = "For whom the host asks: anybody but the member sees `id`, `name` and `headline` alone.";
        let parameter = header_parameter(MEMBER, Required::False, description, schema::member_id());
        operation.parameters.get_or_insert_default().push(RefOr::T(parameter));
    } else if !is_hosts(operation) {
        refer_to_parameter(operation, MEMBER);
        BAD_REQUEST.add(operation);
    }
}

/// Bodies that may be left out, since everything in them may be.
const OPTIONAL_BODIES: [&str; 5] = ["Decline", "MarkRead", "Nothing", "Register", "RotateSecret"];

fn add_body(operation: &mut Operation) {
    let Some(RefOr::T(body)) = &mut operation.request_body else { return };
    let mut schemas = body.content.values().filter_map(|content| match content {
        RefOr::T(Content { schema: Some(RefOr::Ref(reference)), .. }) => Some(reference.ref_location.as_str()),
        _ => None,
    });
    let optional = schemas.any(|schema| OPTIONAL_BODIES.iter().any(|name| schema.ends_with(&format!("/{name}"))));
    body.required = Some(if optional { Required::False } else { Required::True });
    for shared in [&BAD_REQUEST, &REQUEST_TIMEOUT, &PAYLOAD_TOO_LARGE, &UNSUPPORTED_MEDIA_TYPE, &INVALID] {
        shared.add(operation);
    }
}
