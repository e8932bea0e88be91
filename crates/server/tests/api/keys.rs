//! Keys of the host's: each is good for its scopes, from the moment it is made until it is revoked.

use acquaint_app::keys::Grant;
use acquaint_core::access::{Operation, Principal, Rule, Scope};
use serde_json::{Value, json};

use crate::access::{filled, operations};
use crate::town::{Call, Town};

fn by(town: &Town, key: &str, method: &str, path: &str) -> Call {
    town.call(method, path).header("authorization", format!("Bearer {key}")).header("acquaint-member", "ada")
}

async fn made(town: &Town, name: &str, scopes: &[&str]) -> String {
    let reply = town.host("POST", "/v1/keys").json(&json!({"name": name, "scopes": scopes})).send().await;
    assert_eq!(reply.status, 201, "{}", reply.text());
    assert_eq!(reply.json()["scopes"], json!(scopes));
    reply.json()["key"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_key_counts_from_its_making_to_its_revocation() {
    let town = Town::new().await;
    let key = made(&town, "shop", &["read", "act"]).await;
    assert_eq!(by(&town, &key, "GET", "/v1/standing").send().await.status, 200);
    by(&town, &format!("{key}x"), "GET", "/v1/standing").send().await.problem(401, "unauthenticated");

    let again = town.host("POST", "/v1/keys").json(&json!({"name": "shop", "scopes": ["read"]})).send().await;
    again.problem(409, "key_exists");
    let listed = town.host("GET", "/v1/keys").send().await;
    assert!(!listed.text().contains(&key), "a secret is told once");
    assert_eq!(listed.json()["items"][0]["name"], "shop");

    assert_eq!(town.host("DELETE", "/v1/keys/shop").send().await.status, 204);
    by(&town, &key, "GET", "/v1/standing").send().await.problem(401, "unauthenticated");
    town.host("DELETE", "/v1/keys/shop").send().await.problem(404, "not_found");
    town.host("DELETE", "/v1/keys/%00").send().await.problem(404, "not_found");
}

/// Made and revoked around this server, as the command line does with a database.
#[tokio::test]
async fn a_key_that_is_made_elsewhere_counts_within_a_moment() {
    let town = Town::new().await;
    let (_, secret) = town.network.create_key("cron", Grant::Host(vec![Scope::Read])).await.unwrap();
    assert_eq!(by(&town, secret.reveal(), "GET", "/v1/standing").send().await.status, 200);
    assert!(town.network.revoke_key("cron").await.unwrap());
    let gone = async {
        while by(&town, secret.reveal(), "GET", "/v1/standing").send().await.status != 401 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), gone).await.unwrap();
}

#[tokio::test]
async fn a_key_opens_what_its_scopes_say_and_nothing_else() {
    let town = Town::new().await;
    let document = serde_json::to_value(acquaint_server::openapi()).unwrap();
    for scope in Scope::ALL {
        let key = made(&town, scope.name(), &[scope.name()]).await;
        for (method, path, operation) in operations(&document) {
            let operation = Operation::named(operation["operationId"].as_str().unwrap()).unwrap();
            let principal = Principal::Host { key: "k".into(), scopes: [scope].into() };
            let (Rule::Member(needed)
            | Rule::Viewer(needed)
            | Rule::Own(needed)
            | Rule::Host(needed)
            | Rule::Operator(needed)) = operation.rule()
            else {
                continue;
            };
            // What is let through fails on its body, and changes nothing.
            let reply = by(&town, &key, &method, &filled(&path)).raw("!").send().await;
            let forbidden = reply.status == 403 && reply.json()["code"] == "forbidden";
            assert_eq!(forbidden, needed != scope, "{principal:?} {operation:?}: {}", reply.text());
            // Erasing and revoking take no body.
            if operation == Operation::RevokeKey && scope == Scope::Admin {
                reply.problem(404, "not_found");
            }
        }
    }
}

#[tokio::test]
async fn what_cannot_be_a_key_is_refused() {
    let town = Town::new().await;
    let wrong: [(Value, &str); 5] = [
        (json!({"name": "a b", "scopes": ["read"]}), "/name"),
        (json!({"name": "", "scopes": ["read"]}), "/name"),
        (json!({"name": "a", "scopes": []}), "/scopes"),
        (json!({"name": "a", "scopes": ["root"]}), "/scopes/0"),
        (json!({"scopes": ["read"]}), "/name"),
    ];
    for (body, pointer) in wrong {
        let told = town.host("POST", "/v1/keys").json(&body).send().await.problem(422, "invalid_request");
        assert_eq!(told["pointer"], pointer, "{told}");
    }
}
