//! Many commands in one call.

use serde_json::{Value, json};

use crate::town::{Plan, START, Town};

async fn send(town: &Town, commands: Value) -> Vec<Value> {
    let reply = town.host("POST", "/v1/commands").json(&json!({"commands": commands})).send().await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.json()["outcomes"].as_array().unwrap().clone()
}

fn statuses(outcomes: &[Value]) -> Vec<u64> {
    outcomes.iter().map(|outcome| outcome["status"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn each_command_has_its_own_outcome_in_order() {
    let town = Town::new().await;
    let outcomes = send(
        &town,
        json!([
            {"id": "a", "as": "ada", "do": "invite", "to": "bob", "note": "hello"},
            {"id": "b", "as": "ada", "do": "invite", "to": "ada"},
            {"id": "c", "as": "bob", "do": "invite", "to": "ada"},
            {"id": "d", "as": "ada", "do": "engage", "target": "bob", "kind": "like", "subject": "post-1"},
            {"id": "e", "as": "ada", "do": "follow", "member": "cid"},
            {"id": "f", "as": "ada", "do": "unfollow", "member": "cid"},
            {"id": "g", "as": "ada", "do": "block", "member": "dan"},
            {"id": "h", "as": "ada", "do": "unblock", "member": "dan"},
            {"id": "i", "as": "ada", "do": "disconnect", "member": "bob"},
            {"id": "j", "as": "bob", "do": "mark_read", "up_to": null},
            {"id": "k", "as": "ada", "do": "invite", "to": "fay", "note": "x".repeat(201)},
        ]),
    )
    .await;
    assert_eq!(statuses(&outcomes), [201, 409, 200, 201, 204, 204, 204, 204, 204, 204, 422]);
    let ids: Vec<_> = outcomes.iter().map(|outcome| outcome["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"]);
    let sent = &outcomes[0]["invitation"];
    assert_eq!((&sent["to"], &sent["state"], &sent["sent_at"]), (&json!("bob"), &json!("pending"), &json!(START)));
    let problem = &outcomes[1]["problem"];
    assert_eq!((&problem["code"], &problem["instance"]), (&json!("self_invitation"), &json!("/v1/commands")));
    assert_eq!(outcomes[2]["invitation"]["state"], "accepted");
    assert_eq!(outcomes[3]["engagement"]["subject"], "post-1");
    assert_eq!(outcomes[4], json!({"id": "e", "status": 204}));
    assert_eq!(outcomes[10]["problem"]["pointer"], "/commands/10/note");
}

#[tokio::test]
async fn invitations_are_answered_and_withdrawn() {
    let town = Town::new().await;
    let mut ids = Vec::new();
    for to in ["b", "c", "d"] {
        ids.push(town.invite("ada", to).await);
    }
    let outcomes = send(
        &town,
        json!([
            {"id": "1", "as": "b", "do": "accept", "invitation": ids[0]},
            {"id": "2", "as": "c", "do": "decline", "invitation": ids[1], "reason": "spam"},
            {"id": "3", "as": "ada", "do": "withdraw", "invitation": ids[2]},
            {"id": "4", "as": "ada", "do": "withdraw", "invitation": ids[0]},
            {"id": "5", "as": "eve", "do": "accept", "invitation": ids[0]},
        ]),
    )
    .await;
    assert_eq!(statuses(&outcomes), [200, 200, 200, 409, 404]);
    let states: Vec<_> = outcomes.iter().map(|outcome| &outcome["invitation"]["state"]).collect();
    assert_eq!(states[..3], [&json!("accepted"), &json!("declined"), &json!("withdrawn")]);
}

#[tokio::test]
async fn a_wrong_command_fails_alone() {
    let town = Town::new().await;
    let outcomes = send(
        &town,
        json!([
            {"id": "a", "as": "ada", "do": "invite", "to": "bob"},
            {"id": "b", "as": "ada", "do": "dance"},
            {"id": "c", "as": "ada", "do": "invite", "to": "b b"},
            {"id": "d", "as": "ada", "do": "invite", "to": "cid", "reason": "spam"},
            {"id": 7, "as": "ada", "do": "mark_read"},
            17,
            {"id": "g", "as": "ada", "do": "engage", "target": "b", "kind": "like", "text": "\u{0}"},
            {"id": "h", "as": "ada", "do": "mark_read", "idempotency_key": "a b"},
            {"id": "z", "as": "ada", "do": "invite", "to": "zoe"},
        ]),
    )
    .await;
    assert_eq!(statuses(&outcomes), [201, 422, 422, 422, 422, 422, 422, 422, 201]);
    let pointers: Vec<_> = outcomes.iter().filter_map(|outcome| outcome["problem"]["pointer"].as_str()).collect();
    let wanted = ["1/do", "2/to", "3/reason", "4/id", "5", "6/text", "7/idempotency_key"];
    assert_eq!(pointers, wanted.map(|place| format!("/commands/{place}")));
    assert_eq!(outcomes[1]["id"], "b");
    assert_eq!(outcomes[5]["id"], Value::Null);
    let raw = r#"{"commands": [{"id": "a", "as": "x", "do": "follow", "member": "\ud800"}]}"#;
    let reply = town.host("POST", "/v1/commands").raw(raw).send().await;
    assert_eq!((reply.status, &reply.json()["outcomes"][0]["status"]), (200, &json!(422)));
}

#[tokio::test]
async fn a_thousand_commands_and_no_more() {
    let town = Town::built(Plan::open_policy()).await;
    let commands = |count: usize| -> Value {
        let one = |number| json!({"id": format!("c{number}"), "as": "ada", "do": "invite", "to": format!("m{number}")});
        (0..count).map(one).collect()
    };
    let outcomes = send(&town, commands(1_000)).await;
    assert!(statuses(&outcomes).iter().all(|&status| status == 201));
    let standing = town.by("ada", "GET", "/v1/standing").send().await.json();
    assert_eq!(standing["pending"], 1_000);
    let reply = town.host("POST", "/v1/commands").json(&json!({"commands": commands(1_001)})).send().await;
    assert_eq!(reply.problem(422, "invalid_request")["pointer"], "/commands");
    assert_eq!(send(&town, json!([])).await, Vec::<Value>::new());
    let reply = town.host("POST", "/v1/commands").send().await;
    assert_eq!(reply.problem(422, "invalid_request")["pointer"], "/commands");
    let reply = town.host("POST", "/v1/commands").json(&json!({"commands": [], "mode": "all"})).send().await;
    assert_eq!(reply.problem(422, "invalid_request")["pointer"], "/mode");
    town.host("POST", "/v1/commands").raw("{").send().await.problem(400, "malformed_body");
}

#[tokio::test]
async fn a_repeated_batch_has_one_effect() {
    let town = Town::new().await;
    let body = json!({"commands": [
        {"id": "1", "as": "ada", "do": "invite", "to": "bob"},
        {"id": "2", "as": "eve", "do": "invite", "to": "bob"},
        {"id": "3", "as": "ada", "do": "engage", "target": "bob", "kind": "like", "idempotency_key": "like-1"},
    ]});
    let call = |body: &Value| town.host("POST", "/v1/commands").header("idempotency-key", "batch").json(body).send();
    let (first, again) = (call(&body).await, call(&body).await);
    assert_eq!((first.status, &first.body), (again.status, &again.body));
    assert_eq!(statuses(first.json()["outcomes"].as_array().unwrap()), [201, 201, 201]);
    let mut other = body.clone();
    other["commands"][0]["to"] = "zoe".into();
    let told = call(&other).await.json();
    assert_eq!(told["outcomes"][0]["problem"]["code"], "idempotency_mismatch");
    assert_eq!(statuses(told["outcomes"].as_array().unwrap()), [422, 422, 201]);
}
