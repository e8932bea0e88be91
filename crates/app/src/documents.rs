//! What documents hold: JSON of one type each.

use acquaint_core::time::Time;
use acquaint_store::{Content, Document, StoreError, StoreResult};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A value as the content of a document; `what` names it for people.
///
/// # Errors
/// If it has no form in JSON.
pub(crate) fn content(what: &str, due: Option<Time>, value: &impl Serialize) -> StoreResult<Content> {
    let body = serde_json::to_string(value);
    let body = body.map_err(|error| StoreError::Failed(format!("{what} cannot be written: {error}")))?;
    Ok(Content { due, body })
}

/// The value that a document holds.
///
/// # Errors
/// If it holds another; the text never repeats what it holds, which may be a secret.
pub(crate) fn read<T: DeserializeOwned>(what: &str, document: &Document) -> StoreResult<T> {
    let value = serde_json::from_str(&document.content.body);
    value.map_err(|_| StoreError::Failed(format!("{what} cannot be read: the document was written by something else")))
}
