//! The parsers of what clients send, for the fuzzer.

use crate::api;
use crate::page;

/// Reads these bytes as the body of every call there is. Returns the problems that would be
/// answered: their status and their detail.
#[must_use]
pub fn bodies(bytes: &[u8]) -> Vec<(u16, String)> {
    let told = api::problems_of_bodies(bytes).into_iter().map(|problem| {
        let document = problem.document("/");
        (problem.status().as_u16(), document.detail.to_owned())
    });
    told.collect()
}

/// Reads a text as a cursor of every list. Returns, for each list that takes it, the cursor that we
/// would have given for the same place.
#[must_use]
pub fn cursors(text: &str) -> Vec<String> {
    page::LISTS.into_iter().filter_map(|list| list.respelled(text)).collect()
}
