//! Every operation of the document asks who is calling, except those that are open.

use acquaint_core::access::{Operation, Rule};
use serde_json::Value;

use crate::town::{KEY, Town};

/// The operations that answer anybody. This list may only shrink.
const OPEN: [&str; 5] = ["getProblem", "health", "metrics", "openapi", "readiness"];
/// The operations whose address is the key: whoever does not have it finds nothing.
const SECRET: [&str; 1] = ["readCalendar"];

pub(crate) fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let paths = document["paths"].as_object().unwrap();
    let all = paths.iter().flat_map(|(path, item)| {
        let item = item.as_object().unwrap();
        item.iter().map(move |(method, operation)| (method.to_uppercase(), path.clone(), operation.clone()))
    });
    all.collect()
}

/// A path in which every place is taken by something that fits.
pub(crate) fn filled(path: &str) -> String {
    let id = "inv_019000000000700080000000000000ab";
    let invitation = path.contains("/invitations/");
    path.replace("{id}", if invitation { id } else { "ada" })
        .replace("{member}", "bob")
        .replace("{code}", "cooldown")
        .replace("{name}", "nobody")
        .replace("{delivery}", "tst_0")
        .replace("{file}", "curve.svg")
        .replace("{calendar}", "YWRh.0123456789abcdef.ics")
}

#[tokio::test]
async fn nobody_passes_without_a_key() {
    let town = Town::new().await;
    let document = serde_json::to_value(acquaint_server::openapi()).unwrap();
    let mut open = Vec::new();
    for (method, path, operation) in operations(&document) {
        let name = operation["operationId"].as_str().unwrap();
        let path = filled(&path);
        let call = || town.call(&method, &path).header("acquaint-member", "ada");
        if SECRET.contains(&name) {
            call().send().await.problem(404, "not_found");
            assert_eq!(operation["security"], serde_json::json!([{}]), "{name}");
            continue;
        }
        if OPEN.contains(&name) {
            assert_eq!(call().send().await.status, 200, "{name}");
            assert_eq!(operation["security"], serde_json::json!([{}]), "{name}");
            open.push(name.to_owned());
            continue;
        }
        let reply = call().send().await;
        reply.problem(401, "unauthenticated");
        assert!(reply.header("www-authenticate").unwrap().starts_with("Bearer "), "{name}");
        let longer = format!("Bearer {KEY}x");
        for wrong in ["Bearer wrong", "Bearer ", "Bearer", "Basic dTpw", KEY, longer.as_str()] {
            call().header("authorization", wrong).raw("{").send().await.problem(401, "unauthenticated");
        }
        let twice = call().header("authorization", format!("Bearer {KEY}")).header("authorization", "Bearer x");
        twice.send().await.problem(401, "unauthenticated");
        assert!(operation["responses"]["401"].is_object(), "{name}");
    }
    open.sort();
    assert_eq!(open, OPEN);
}

/// One table says who may ask for what; the server does not start with an operation that it lacks.
#[test]
fn every_operation_of_the_document_is_in_the_table_and_no_other() {
    let document = serde_json::to_value(acquaint_server::openapi()).unwrap();
    let mut described: Vec<String> =
        operations(&document).iter().map(|(.., operation)| operation["operationId"].as_str().unwrap().into()).collect();
    let mut listed: Vec<String> = Operation::ALL.iter().map(|operation| operation.name().into()).collect();
    described.sort();
    listed.sort();
    assert_eq!(described, listed);
    let mut open = Operation::ALL.iter().filter(|operation| operation.rule() == Rule::Anybody);
    assert!(open.all(|operation| OPEN.contains(&operation.name()) || SECRET.contains(&operation.name())));
}

#[tokio::test]
async fn a_key_is_taken_however_its_scheme_is_written() {
    let town = Town::new().await;
    for scheme in ["Bearer", "bearer", "BEARER"] {
        let call = town.call("GET", "/v1/standing").header("acquaint-member", "ada");
        assert_eq!(call.header("authorization", format!("{scheme} {KEY}")).send().await.status, 200);
    }
    let other = town.call("GET", "/v1/events").header("authorization", "Bearer another");
    assert_eq!(other.send().await.status, 200, "every key of the host's is taken");
}

#[tokio::test]
async fn every_answer_to_a_plain_call_is_documented() {
    let town = Town::new().await;
    let document = serde_json::to_value(acquaint_server::openapi()).unwrap();
    for (method, path, operation) in operations(&document) {
        let filled = filled(&path);
        let call = || town.host(&method, &filled);
        let replies = [
            call().send().await,
            call().header("acquaint-member", "ada").send().await,
            call().header("acquaint-member", "a b").send().await,
            call().header("acquaint-member", "ada").header("content-type", "text/plain").raw("x").send().await,
            call().header("acquaint-member", "ada").raw("{").send().await,
            call().header("acquaint-member", "ada").header("idempotency-key", "").send().await,
        ];
        for reply in replies {
            let status = reply.status.to_string();
            assert!(operation["responses"][&status].is_object(), "{method} {path}: {status} {}", reply.text());
            assert!(reply.status != 500);
        }
    }
}

#[test]
fn every_reference_of_the_document_leads_somewhere() {
    let document = serde_json::to_value(acquaint_server::openapi()).unwrap();
    assert_eq!(document["openapi"], "3.1.0");
    let mut left = vec![&document];
    let mut references = 0;
    while let Some(value) = left.pop() {
        match value {
            Value::Object(fields) => {
                if let Some(Value::String(reference)) = fields.get("$ref") {
                    let pointer = reference.strip_prefix('#').unwrap();
                    assert!(document.pointer(pointer).is_some(), "{reference}");
                    references += 1;
                }
                left.extend(fields.values());
            }
            Value::Array(items) => left.extend(items),
            _ => {}
        }
    }
    assert!(references > 100);
}
