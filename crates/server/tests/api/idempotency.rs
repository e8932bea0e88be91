//! The same key with the same request is answered as the first time.

use serde_json::{Value, json};

use crate::town::{Reply, Town};

async fn invite(town: &Town, from: &str, key: &str, body: Value) -> Reply {
    town.by(from, "POST", "/v1/invitations").header("idempotency-key", key).json(&body).send().await
}

#[tokio::test]
async fn a_repeated_request_has_one_effect_and_one_answer() {
    let town = Town::new().await;
    let first = invite(&town, "ada", "k1", json!({"to": "bob"})).await;
    town.advance("1h").await;
    let again = invite(&town, "ada", "k1", json!({"to": "bob"})).await;
    assert_eq!((first.status, &first.body), (201, &again.body));
    assert_eq!(again.status, 201);
    assert_eq!(town.by("ada", "GET", "/v1/standing").send().await.json()["rolling"]["sent"], 1);

    invite(&town, "ada", "k1", json!({"to": "cid"})).await.problem(422, "idempotency_mismatch");
    let elsewhere = town.by("ada", "POST", "/v1/engagements").header("idempotency-key", "k1");
    let elsewhere = elsewhere.json(&json!({"target": "bob", "kind": "like"})).send().await;
    elsewhere.problem(422, "idempotency_mismatch");
    // The same key of another member is another key.
    assert_eq!(invite(&town, "eve", "k1", json!({"to": "cid"})).await.status, 201);
}

#[tokio::test]
async fn every_kind_of_answer_is_given_again() {
    let town = Town::new().await;
    let id = town.invite("ada", "bob").await;
    let up = format!("/v1/invitations/{id}");
    let calls = [
        ("bob", format!("{up}/decline"), json!({"reason": "spam"})),
        ("ada", format!("{up}/withdraw"), json!({})),
        ("ada", "/v1/engagements".into(), json!({"target": "bob", "kind": "share", "text": "this"})),
        ("ada", "/v1/notifications/read".into(), json!({})),
    ];
    for (member, path, body) in calls {
        // Another call under the same key of the same member would be refused, so each has its own.
        let key = path.replace('/', "-");
        let keyed = || town.by(member, "POST", &path).header("idempotency-key", key.as_str()).json(&body).send();
        let (first, again) = (keyed().await, keyed().await);
        assert!(first.status < 300, "{path}: {}", first.text());
        assert_eq!((first.status, &first.body), (again.status, &again.body), "{path}");
    }
    let met = invite(&town, "ada", "m1", json!({"to": "cid"})).await;
    let meets = invite(&town, "cid", "m2", json!({"to": "ada"})).await;
    let again = invite(&town, "cid", "m2", json!({"to": "ada"})).await;
    assert_eq!((met.status, meets.status, again.status), (201, 200, 200));
    assert_eq!(meets.body, again.body);
}

#[tokio::test]
async fn a_refusal_is_not_kept() {
    let town = Town::new().await;
    let id = town.invite("ada", "bob").await;
    invite(&town, "ada", "k", json!({"to": "bob"})).await.problem(409, "already_pending");
    town.by("ada", "POST", &format!("/v1/invitations/{id}/withdraw")).send().await;
    town.advance("21d").await;
    assert_eq!(invite(&town, "ada", "k", json!({"to": "bob"})).await.status, 201);
}

#[tokio::test]
async fn a_key_is_visible_ascii_and_there_is_one() {
    let town = Town::new().await;
    let long = "x".repeat(256);
    for wrong in ["", "two words", long.as_str()] {
        let told = invite(&town, "ada", wrong, json!({"to": "bob"})).await.problem(422, "invalid_request");
        assert_eq!(told["errors"][0]["parameter"], "Idempotency-Key");
    }
    let bytes = hyper::header::HeaderValue::from_bytes(b"caf\xc3\xa9").unwrap();
    let call = town.by("ada", "POST", "/v1/invitations").header("idempotency-key", bytes);
    call.json(&json!({"to": "bob"})).send().await.problem(422, "invalid_request");
    let twice = town.by("ada", "POST", "/v1/invitations").header("idempotency-key", "a");
    let twice = twice.header("idempotency-key", "b").json(&json!({"to": "bob"}));
    twice.send().await.problem(422, "invalid_request");
    assert_eq!(invite(&town, "ada", &"x".repeat(255), json!({"to": "bob"})).await.status, 201);
}
