//! Each shape of error.

use acquaint_core::policy::Policy;
use acquaint_core::time::Span;
use serde_json::{Value, json};

use crate::town::{Gate, Plan, Town};
use std::sync::Arc;

#[tokio::test]
async fn unknown_addresses_and_methods() {
    let town = Town::new().await;
    let told = town.call("GET", "/v1/nothing?x=1").send().await.problem(404, "not_found");
    assert_eq!(told["instance"], "/v1/nothing");
    let reply = town.call("PATCH", "/v1/invitations").send().await;
    reply.problem(405, "method_not_allowed");
    assert_eq!(reply.header("allow"), Some("POST"));
    let reply = town.call("POST", "/v1/members/ada").send().await;
    reply.problem(405, "method_not_allowed");
    let mut allowed: Vec<_> = reply.header("allow").unwrap().split(',').collect();
    allowed.sort_unstable();
    assert_eq!(allowed, ["DELETE", "GET", "HEAD", "PUT"]);
    assert_eq!(town.call("HEAD", "/healthz").send().await.status, 200);
}

#[tokio::test]
async fn members_are_named_well_or_not_at_all() {
    let town = Town::new().await;
    town.host("GET", "/v1/standing").send().await.problem(400, "member_required");
    let far = "x".repeat(129);
    for wrong in ["", "a b", "a/b", "a%20b", far.as_str()] {
        let told = town.by(wrong, "GET", "/v1/standing").send().await.problem(422, "invalid_request");
        assert_eq!(told["errors"][0]["parameter"], "Acquaint-Member", "{told}");
    }
    let twice = town.by("ada", "GET", "/v1/standing").header("acquaint-member", "bob");
    twice.send().await.problem(422, "invalid_request");
    assert_eq!(town.by("名前", "GET", "/v1/standing").send().await.status, 200);
    for wrong in ["a%20b", "a%2Fb", "%00", "%ff", "x%0d%0ay"] {
        let path = format!("/v1/relations/{wrong}");
        town.by("ada", "GET", &path).send().await.problem(422, "invalid_request");
    }
    let told = town.by("ada", "GET", "/v1/relations/%E5%90%8D").send().await.json();
    assert_eq!(told["member"], "名");
    town.by("ada", "GET", "/v1/relations/ada").send().await.problem(409, "self_target");
    for wrong in ["nonsense", "inv_1", "evt_019000000000700080000000000000ab", "inv_019000000000700080000000000000ab"] {
        let path = format!("/v1/invitations/{wrong}");
        let plain = town.by("ada", "GET", &path).send().await.problem(404, "not_found");
        assert_eq!(plain["instance"], path);
        town.by("ada", "POST", &format!("{path}/accept")).send().await.problem(404, "not_found");
    }
}

#[tokio::test]
async fn bodies_that_are_not_json() {
    let town = Town::new().await;
    let call = || town.by("ada", "POST", "/v1/invitations").header("content-type", "application/json");
    for wrong in [&b"{"[..], b"{\"to\": \"\xff\"}", br#"{"to": "bob"} x"#, b"\0"] {
        call().raw(wrong).send().await.problem(400, "malformed_body");
    }
    call().raw(br#"{"to": "\ud800"}"#.as_slice()).send().await.problem(422, "invalid_request");
    let deep = call().raw(format!(r#"{{"to": {}1{}}}"#, "[".repeat(20_000), "]".repeat(20_000))).send().await;
    assert!((400..500).contains(&deep.status), "{}", deep.status);
    let other = town.by("ada", "POST", "/v1/invitations").header("content-type", "text/plain");
    other.raw(r#"{"to": "bob"}"#).send().await.problem(415, "unsupported_media_type");
    let silent = town.by("ada", "POST", "/v1/invitations").raw(r#"{"to": "bob"}"#).send().await;
    assert_eq!(silent.status, 201);
    let parameters = town.by("ada", "POST", "/v1/invitations/check");
    let parameters = parameters.header("content-type", "Application/JSON; charset=utf-8").raw(r#"{"to": "cid"}"#);
    assert_eq!(parameters.send().await.status, 200);
}

#[tokio::test]
async fn fields_that_do_not_fit_are_pointed_at() {
    let town = Town::new().await;
    let wrong = async |method: &str, path: &str, body: Value, pointer: &str| {
        let reply = town.by("ada", method, path).json(&body).send().await;
        let told = reply.problem(422, "invalid_request");
        assert_eq!(told["pointer"], pointer, "{body}: {told}");
        assert_eq!(told["errors"][0]["pointer"], pointer);
        assert!(told["errors"][0]["detail"].is_string());
    };
    for (body, pointer) in [
        (json!({}), "/to"),
        (json!({"to": null}), "/to"),
        (json!({"to": 7}), "/to"),
        (json!({"to": "a b"}), "/to"),
        (json!({"to": "bob", "note": 7}), "/note"),
        (json!({"to": "bob", "nota": "x"}), "/nota"),
        (json!({"to": "bob", "to_email": "x".repeat(255)}), "/to_email"),
        (json!(["bob"]), ""),
        (json!("bob"), ""),
        (Value::Null, ""),
    ] {
        wrong("POST", "/v1/invitations", body, pointer).await;
    }
    for (body, pointer) in [
        (json!({"name": "x".repeat(201)}), "/name"),
        (json!({"name": "a\u{0}b"}), "/name"),
        (json!({"headline": "x".repeat(301)}), "/headline"),
        (json!({"email": "nobody"}), "/email"),
        (json!({"email": format!("a@{}", "x".repeat(254))}), "/email"),
        (json!({"plan": "gold"}), "/plan"),
        (json!({"audience": ["a", ""]}), "/audience/1"),
        (json!({"audience": ["x".repeat(65)]}), "/audience/0"),
        (json!({"audience": vec!["x"; 51]}), "/audience"),
        (json!({"audience": "x"}), "/audience"),
        (json!({"last_active_at": "yesterday"}), "/last_active_at"),
        (json!({"who_may_invite": 1}), "/who_may_invite"),
        (json!({"reminders": "no"}), "/reminders"),
        (json!({"id": "ada"}), "/id"),
    ] {
        wrong("PUT", "/v1/members/ada", body, pointer).await;
    }
    for (body, pointer) in [
        (json!({"target": "bob", "kind": "wave"}), "/kind"),
        (json!({"target": "bob", "kind": "like", "subject": "x".repeat(201)}), "/subject"),
        (json!({"target": "bob", "kind": "like", "subject": "a\nb"}), "/subject"),
        (json!({"target": "bob", "kind": "like", "text": "é".repeat(2_001)}), "/text"),
        (json!({"target": "bob", "kind": "like", "text": "\u{0}"}), "/text"),
    ] {
        wrong("POST", "/v1/engagements", body, pointer).await;
    }
    wrong("POST", "/v1/notifications/read", json!({"up_to": "ntf_7"}), "/up_to").await;
    wrong("POST", "/v1/dev/clock/advance", json!({"by": "3w"}), "/by").await;
    wrong("POST", "/v1/dev/clock/advance", json!({"by": "99999d"}), "/by").await;
    wrong("PUT", "/v1/dev/clock", json!({"now": "soon"}), "/now").await;
    wrong("PUT", "/v1/follows/bob", json!({"why": 1}), "/why").await;
    let id = town.invite("bob", "ada").await;
    wrong("POST", &format!("/v1/invitations/{id}/accept"), json!({"why": 1}), "/why").await;
    wrong("POST", &format!("/v1/invitations/{id}/decline"), json!({"reason": "dull"}), "/reason").await;
}

#[tokio::test]
async fn the_rules_refuse() {
    let town = Town::new().await;
    let invite = |from: &str, body: Value| town.by(from, "POST", "/v1/invitations").json(&body).send();
    let told = invite("ada", json!({"to": "ada"})).await.problem(409, "self_invitation");
    assert_eq!(told["remedy"], "none");
    assert_eq!(told["detail"], "You cannot invite yourself.");
    let told = invite("ada", json!({"to": "bob", "note": "x".repeat(201)})).await.problem(422, "note_too_long");
    assert_eq!(told["pointer"], "/note");
    let told = invite("ada", json!({"to": "bob", "note": "a\u{0}b"})).await.problem(422, "note_not_text");
    assert_eq!(told["pointer"], "/note");
    let id = town.invite("ada", "bob").await;
    invite("ada", json!({"to": "bob"})).await.problem(409, "already_pending");
    town.by("ada", "POST", &format!("/v1/invitations/{id}/withdraw")).send().await;
    town.advance("1d").await;
    let reply = invite("ada", json!({"to": "bob"})).await;
    let told = reply.problem(429, "cooldown");
    assert_eq!((&told["retry_at"], &told["remedy"]), (&json!("2026-01-22T00:00:00Z"), &json!("wait")));
    assert_eq!(reply.header("retry-after"), Some("1728000"));
    town.connect("ada", "cid").await;
    invite("ada", json!({"to": "cid"})).await.problem(409, "already_connected");
    for (member, who) in [("nob", "nobody"), ("eml", "email")] {
        let body = json!({"who_may_invite": who, "email": "me@example.org"});
        town.host("PUT", &format!("/v1/members/{member}")).json(&body).send().await;
    }
    invite("ada", json!({"to": "nob"})).await.problem(403, "not_accepting_invitations");
    invite("ada", json!({"to": "eml"})).await.problem(403, "email_required");
    assert_eq!(invite("ada", json!({"to": "eml", "to_email": "ME@example.org"})).await.status, 201);
}

#[tokio::test]
async fn the_limits_refuse() {
    let mut policy = Policy::default();
    policy.limits.rolling_basic = Some(2);
    policy.limits.pending_cap = Some(3);
    policy.invitation.notes_per_month_basic = Some(0);
    policy.invitation.expires_after = Some(Span::days(180));
    let town = Town::built(Plan { policy, ..Plan::default() }).await;
    let invite = |from: &str, body: Value| town.by(from, "POST", "/v1/invitations").json(&body).send();
    let told = invite("ada", json!({"to": "bob", "note": "hello"})).await.problem(429, "note_quota");
    assert_eq!(told["retry_at"], "2026-02-01T00:00:00Z");
    town.invite("ada", "b1").await;
    town.advance("1h").await;
    let last = invite("ada", json!({"to": "b2"})).await;
    assert_eq!(last.header("ratelimit"), Some(r#""invitations";r=0;t=601200"#));
    let reply = invite("ada", json!({"to": "b3"})).await;
    assert_eq!(reply.problem(429, "rolling_limit")["retry_at"], "2026-01-08T00:00:00Z");
    assert_eq!(reply.header("ratelimit-policy"), Some(r#""invitations";q=2;w=604800"#));
    assert_eq!(reply.header("ratelimit"), Some(r#""invitations";r=0;t=601200"#));
    assert_eq!(reply.header("retry-after"), Some("601200"));
    town.advance("8d").await;
    town.invite("ada", "b3").await;
    let told = invite("ada", json!({"to": "b4"})).await.problem(429, "pending_cap");
    assert_eq!(told["remedy"], "withdraw");
}

#[tokio::test]
async fn a_member_who_must_be_registered_is_unknown_until_then() {
    let mut policy = Policy::default();
    policy.members.must_be_registered = true;
    let town = Town::built(Plan { policy, ..Plan::default() }).await;
    let reply = town.by("ada", "POST", "/v1/invitations").json(&json!({"to": "bob"})).send().await;
    assert_eq!(reply.problem(404, "unknown_member")["remedy"], "contact_operator");
}

#[tokio::test]
async fn a_store_that_fails_is_told_without_its_secrets() {
    let town = Town::built(Plan { store: Some(Arc::new(Gate::broken())), ..Plan::default() }).await;
    for reply in [
        town.by("ada", "POST", "/v1/invitations").json(&json!({"to": "bob"})).send().await,
        town.by("ada", "GET", "/v1/invitations/sent").send().await,
        town.call("GET", "/readyz").send().await,
    ] {
        reply.problem(503, "unavailable");
        assert!(!reply.text().contains("10.0.0.7"), "{}", reply.text());
    }
    assert_eq!(town.call("GET", "/healthz").send().await.status, 200);
    town.network.shutdown().await;
    let stopped = town.by("ada", "POST", "/v1/invitations").json(&json!({"to": "bob"})).send().await;
    stopped.problem(503, "unavailable");
}
