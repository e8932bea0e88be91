//! Keys of the host's and of operators: made, listed, revoked.

use acquaint_app::keys::{ApiKey, Grant, Holder, KeyError};
use acquaint_core::access::Scope;
use acquaint_core::time::Time;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::path::PathWord;
use super::reply::json;
use super::responses::{KeyRefused, NotFound};
use super::schema;
use crate::app::App;
use crate::auth::{DoneOn, Host, Passed};
use crate::body::{Input, Posted};
use crate::problem::{Fault, Kind, Problem};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(revoke))
}

/// A key to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewKey {
    /// By what it is listed and revoked.
    #[schema(min_length = 1, max_length = 64, pattern = "^[A-Za-z0-9._-]+$")]
    name: String,
    /// Whose it is to be: the host's, unless told otherwise.
    #[serde(default)]
    #[schema(schema_with = schema::holder, required = false)]
    holder: Holder,
    /// What a key of the host's is good for; none of them includes another. An operator's has none.
    #[serde(default)]
    #[schema(schema_with = schema::scopes, required = false)]
    scopes: Vec<Scope>,
}

impl NewKey {
    fn grant(&self) -> Grant {
        match self.holder {
            Holder::Host => Grant::Host(self.scopes.clone()),
            Holder::Operator => Grant::Operator,
        }
    }
}

impl Input for NewKey {
    fn check(&self, faults: &mut Vec<Fault>) {
        if !acquaint_app::keys::is_name(&self.name) {
            faults.push(Fault::at("/name", KeyError::Name.to_string()));
        }
        match self.holder {
            Holder::Host if self.scopes.is_empty() => {
                faults.push(Fault::at("/scopes", KeyError::NoScope.to_string()));
            }
            Holder::Operator if !self.scopes.is_empty() => {
                faults.push(Fault::at("/scopes", "a key of an operator's has no scopes"));
            }
            Holder::Host | Holder::Operator => {}
        }
    }
}

/// A key. Its secret is told once, when it is made.
#[derive(Serialize, ToSchema)]
#[schema(as = Key)]
pub(crate) struct KeyBody<'a> {
    name: &'a str,
    #[schema(schema_with = schema::holder)]
    holder: Holder,
    /// Those of an operator's key are none.
    #[schema(schema_with = schema::scopes)]
    scopes: &'a [Scope],
    #[schema(schema_with = schema::time)]
    created_at: Time,
    /// The secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    key: Option<&'a str>,
}

impl<'a> KeyBody<'a> {
    fn new(kept: &'a ApiKey, key: Option<&'a str>) -> Self {
        Self { name: &kept.name, holder: kept.holder, scopes: &kept.scopes, created_at: kept.created_at, key }
    }
}

/// The keys.
#[derive(Serialize, ToSchema)]
pub(crate) struct Keys<'a> {
    /// In the order of names.
    items: Vec<KeyBody<'a>>,
}

/// List the keys of the host's and of operators that are kept in the store.
#[utoipa::path(
    get, path = "/v1/keys", tag = "keys", operation_id = "listKeys",
    responses((status = 200, description = "The keys, without their secrets.", body = Keys))
)]
async fn list(State(app): State<App>, _: Passed) -> Result<Response, Problem> {
    let kept = app.network().keys().await?;
    Ok(json(StatusCode::OK, &Keys { items: kept.iter().map(|key| KeyBody::new(key, None)).collect() }))
}

/// Make a key. Its secret is in the answer and nowhere else.
#[utoipa::path(
    post, path = "/v1/keys", tag = "keys", operation_id = "createKey", request_body = NewKey,
    responses((status = 201, description = "The key, with its secret.", body = KeyBody), KeyRefused)
)]
async fn create(State(app): State<App>, _: Host, Posted { body, .. }: Posted<NewKey>) -> Result<Response, Problem> {
    let (kept, secret) = app.network().create_key(&body.name, body.grant()).await?;
    app.keyring().changed();
    let mut answer = json(StatusCode::CREATED, &KeyBody::new(&kept, Some(secret.reveal())));
    answer.extensions_mut().insert(DoneOn(body.name));
    Ok(answer)
}

/// Revoke a key: it opens nothing any more, here at once and elsewhere within a second or so.
#[utoipa::path(
    delete, path = "/v1/keys/{name}", tag = "keys", operation_id = "revokeKey",
    params(("name" = String, Path, description = "Which key.")),
    responses((status = 204, description = "It is revoked."), NotFound)
)]
async fn revoke(State(app): State<App>, _: Passed, PathWord(name): PathWord) -> Result<Response, Problem> {
    let revoked = app.network().revoke_key(&name).await?;
    app.keyring().changed();
    if revoked { Ok(StatusCode::NO_CONTENT.into_response()) } else { Err(Problem::not_found()) }
}

impl From<KeyError> for Problem {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::Name => Self::invalid(Fault::at("/name", error.to_string())),
            KeyError::NoScope => Self::invalid(Fault::at("/scopes", error.to_string())),
            KeyError::Exists => Kind::KeyExists.into(),
            KeyError::NoRandomness(_) => Kind::Internal.into(),
            KeyError::Store(error) => error.into(),
        }
    }
}
