//! Operators: what they may do, and the audit trail of what was administered.

use acquaint_core::access::{Operation, Rule};
use serde_json::{Value, json};

use crate::access::{filled, operations};
use crate::town::{Call, Town};

fn by(town: &Town, key: &str, method: &str, path: &str) -> Call {
    town.call(method, path).header("authorization", format!("Bearer {key}"))
}

/// Makes an operator's key.
async fn operator(town: &Town, name: &str) -> String {
    let reply = town.host("POST", "/v1/keys").json(&json!({"name": name, "holder": "operator"})).send().await;
    assert_eq!(reply.status, 201, "{}", reply.text());
    assert_eq!((&reply.json()["holder"], &reply.json()["scopes"]), (&json!("operator"), &json!([])));
    reply.json()["key"].as_str().unwrap().to_owned()
}

/// The whole trail, the latest first, without its times.
async fn trail(town: &Town, key: &str) -> Vec<Value> {
    let (mut all, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = by(town, key, "GET", &format!("/v1/audit?limit=2&cursor={cursor}")).send().await;
        assert_eq!(page.status, 200, "{}", page.text());
        let page = page.json();
        for mut entry in page["items"].as_array().unwrap().clone() {
            assert!(entry.as_object_mut().unwrap().remove("at").is_some());
            all.push(entry);
        }
        match page["next_cursor"].as_str() {
            Some(next) => next.clone_into(&mut cursor),
            None => return all,
        }
    }
}

#[tokio::test]
async fn an_operator_looks_after_the_community_and_acts_for_nobody() {
    let town = Town::new().await;
    let document = serde_json::to_value(acquaint_server::openapi()).unwrap();
    for (method, path, operation) in operations(&document) {
        let operation = Operation::named(operation["operationId"].as_str().unwrap()).unwrap();
        if operation.rule() == Rule::Anybody {
            continue;
        }
        // One for each: some of these calls take keys out of use.
        let key = operator(&town, operation.name()).await;
        for member in [None, Some("ada")] {
            let call = by(&town, &key, &method, &filled(&path)).raw("!");
            let call = member.into_iter().fold(call, |call, member| call.header("acquaint-member", member));
            let reply = call.send().await;
            let forbidden = reply.status == 403 && reply.json()["code"] == "forbidden";
            let is_theirs = matches!(operation.rule(), Rule::Operator(_) | Rule::Own(_));
            assert_eq!(forbidden, !is_theirs, "{operation:?}: {}", reply.text());
        }
    }
    let scoped = json!({"name": "a", "holder": "operator", "scopes": ["act"]});
    let told = town.host("POST", "/v1/keys").json(&scoped).send().await.problem(422, "invalid_request");
    assert_eq!(told["pointer"], "/scopes");
}

#[tokio::test]
async fn the_trail_says_who_administered_what_and_about_whom() {
    let town = Town::new().await;
    let olga = operator(&town, "olga").await;
    for name in ["ada", "bob"] {
        let reply = town.host("PUT", &format!("/v1/members/{name}")).json(&json!({"name": name})).send().await;
        assert_eq!(reply.status, 200);
    }
    let steps = [
        (olga.as_str(), "GET", "/v1/members/ada/export", 200),
        (&olga, "DELETE", "/v1/members/ada/sessions", 204),
        (&olga, "DELETE", "/v1/members/nobody", 404),
        (&olga, "GET", "/v1/keys", 200),
        (&olga, "DELETE", "/v1/keys/lost", 404),
        // What is not theirs is not done, and is no administration.
        (&olga, "POST", "/v1/keys", 403),
        (&olga, "GET", "/v1/standing", 403),
    ];
    for (step, (key, method, path, status)) in steps.into_iter().enumerate() {
        town.advance("1s").await;
        assert_eq!(by(&town, key, method, path).send().await.status, status, "step {step}");
    }
    town.advance("1s").await;
    assert_eq!(town.host("DELETE", "/v1/members/bob/sessions").send().await.status, 204, "as the product does daily");
    assert_eq!(town.host("GET", "/v1/members/bob/export").send().await.status, 200);
    let seen = trail(&town, &olga).await;
    let administered: Vec<&Value> = seen.iter().filter(|entry| entry["operation"] != "advanceClock").collect();
    let olgas = |mut entry: Value| {
        entry["by"] = "operator".into();
        entry["key"] = "olga".into();
        entry
    };
    let expected = [
        json!({"by": "host", "key": "start", "operation": "exportMember", "member": "bob", "status": 200}),
        olgas(json!({"operation": "revokeKey", "target": "lost", "status": 404})),
        olgas(json!({"operation": "eraseMember", "member": "nobody", "status": 404})),
        olgas(json!({"operation": "endSessions", "member": "ada", "status": 204})),
        olgas(json!({"operation": "exportMember", "member": "ada", "status": 200})),
        json!({"by": "host", "key": "start", "operation": "createKey", "target": "olga", "status": 201}),
    ];
    assert_eq!(administered, expected.iter().collect::<Vec<_>>());

    // An erasure is in the trail, and takes the member out of it.
    assert_eq!(by(&town, &olga, "DELETE", "/v1/members/ada").send().await.status, 204);
    let after = trail(&town, &olga).await;
    assert!(!after.iter().any(|entry| entry["member"] == "ada"), "{after:?}");
    let erased: Vec<&Value> = after.iter().filter(|entry| entry["member_erased"] == true).collect();
    let mut operations: Vec<&str> = erased.iter().map(|entry| entry["operation"].as_str().unwrap()).collect();
    operations.sort_unstable();
    assert_eq!(operations, ["endSessions", "eraseMember", "exportMember"]);
    assert!(erased.iter().all(|entry| entry["key"] == "olga" && entry["status"].is_u64()), "{erased:?}");
    assert!(after.iter().any(|entry| entry["member"] == "bob"));

    // Nobody else reads it, and not with a cursor of another list.
    by(&town, &olga, "GET", "/v1/audit?cursor=AQo.x").send().await.problem(422, "invalid_cursor");
    let reader = json!({"name": "reader", "scopes": ["read", "act"]});
    let reader = town.host("POST", "/v1/keys").json(&reader).send().await.json()["key"].as_str().unwrap().to_owned();
    by(&town, &reader, "GET", "/v1/audit").send().await.problem(403, "forbidden");
    town.advance("366d").await;
    assert_eq!(trail(&town, &olga).await.len(), 0, "all of it is too old, the step of the clock as well");
}
