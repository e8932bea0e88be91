//! What is kept about a member: told to them, erased with them.

use acquaint_app::SessionRules;
use acquaint_core::time::Span;
use acquaint_server::Pages;
use serde_json::{Value, json};

use crate::tokens::{taken, token};
use crate::town::{Plan, Town};

async fn engage(town: &Town, from: &str, to: &str, text: &str) {
    let body = json!({"target": to, "kind": "comment", "text": text});
    assert_eq!(town.by(from, "POST", "/v1/engagements").json(&body).send().await.status, 201);
}

/// Ada with something of every kind, and a declined and a blocked invitation that she knows nothing of.
async fn lively() -> Town {
    let town = Town::built(Plan { tokens: Some(taken()), ..Plan::default() }).await;
    for name in ["ada", "bob", "cid", "dee"] {
        let body = json!({"name": name.to_uppercase(), "email": format!("{name}@example.org")});
        assert_eq!(town.host("PUT", &format!("/v1/members/{name}")).json(&body).send().await.status, 200);
    }
    town.connect("ada", "bob").await;
    let declined = town.invite("ada", "cid").await;
    let path = format!("/v1/invitations/{declined}/decline");
    assert_eq!(town.by("cid", "POST", &path).json(&json!({"reason": "spam"})).send().await.status, 200);
    assert_eq!(town.by("dee", "PUT", "/v1/blocks/ada").send().await.status, 204);
    let body = json!({"to": "dee", "note": "Hello Dee"});
    let sent = town.by("ada", "POST", "/v1/invitations").header("idempotency-key", "k-1").json(&body).send().await;
    assert_eq!(sent.status, 201);
    let plan = json!({"invitations": [sent.json()["id"]], "daily_budget": 1});
    assert_eq!(town.by("ada", "POST", "/v1/cleanup/plan").json(&plan).send().await.status, 201);
    engage(&town, "bob", "ada", "Well said, Ada").await;
    engage(&town, "ada", "bob", "Thank you, Bob").await;
    town.invite("eve", "ada").await;
    town
}

async fn export(town: &Town, member: &str) -> Value {
    let reply = town.host("GET", &format!("/v1/members/{member}/export")).send().await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.json()
}

#[tokio::test]
async fn a_member_is_told_everything_that_is_kept_about_them_and_nothing_silent() {
    let town = lively().await;
    let told = export(&town, "ada").await;
    assert_eq!(told["member"]["email"], "ada@example.org");
    let names = |list: &str, field: &str| -> Vec<String> {
        told[list].as_array().unwrap().iter().map(|item| item[field].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names("sent", "to"), ["dee", "cid"]);
    assert_eq!(names("received", "from"), ["eve"]);
    assert_eq!(names("past", "to"), ["bob"]);
    assert_eq!(names("connections", "member"), ["bob"]);
    assert_eq!(names("idempotency_keys", "key"), ["k-1"]);
    let acts = names("acts", "type");
    for act in ["member.updated", "invitation.created", "engagement.created"] {
        assert!(acts.iter().any(|found| found == act), "{act} is not in {acts:?}");
    }
    assert!(names("notifications", "kind").contains(&"engagement".to_owned()));
    assert!(told["cleanup_plan"]["items"].is_array() && told["standing"]["pending"] == 2);
    let text = told.to_string();
    for silent in ["declin", "spam", "delivered", "block.created", "dee@"] {
        assert!(!text.contains(silent), "{silent} is in {text}");
    }
}

#[tokio::test]
async fn an_export_has_sessions_and_a_calendar_without_what_opens_them() {
    let pages = Pages {
        host: "town".into(),
        sessions: SessionRules { idle: Span::minutes(30), lifetime: Span::hours(2) },
        sign_in: None,
        oidc: None,
    };
    let town = Town::built(Plan { pages: Some(pages), ..Plan::default() }).await;
    town.host("PUT", "/v1/members/ada").send().await;
    let told = export(&town, "ada").await;
    assert_eq!((&told["sessions"], &told["wait_calendar"]), (&json!([]), &json!(false)));
    let ticket = async || {
        let reply = town.host("POST", "/v1/sessions").json(&json!({"member": "ada"})).send().await;
        reply.json()["path"].as_str().unwrap().to_owned()
    };
    let entered = town.call("GET", &ticket().await).send().await;
    let cookie = entered.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    town.advance("20m").await;
    // Under a new text, which is the same browser.
    let renewed = town.call("GET", "/network").header("cookie", cookie.as_str()).send().await;
    let renewed = renewed.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    let unused = ticket().await;
    let calendar = town.by("ada", "POST", "/v1/cleanup/waiting/calendar").send().await.json();
    town.host("DELETE", "/v1/members/zed/sessions").send().await;
    let told = export(&town, "ada").await;
    let mut sessions = told["sessions"].as_array().unwrap().clone();
    sessions.sort_by_key(|session| session["is_ticket"].as_bool());
    let expected = [
        json!({"started_at": "2026-01-01T00:00:00Z", "ends_at": "2026-01-01T00:50:00Z", "is_ticket": false}),
        json!({"started_at": "2026-01-01T00:20:00Z", "ends_at": "2026-01-01T00:21:00Z", "is_ticket": true}),
    ];
    assert_eq!(sessions, expected);
    assert_eq!(told["wait_calendar"], true);
    // The one before, and this one.
    let administered: Vec<&Value> = told["administered"].as_array().unwrap().iter().collect();
    assert!(administered.len() == 2 && administered[0]["operation"] == "exportMember", "{administered:?}");
    let text = told.to_string();
    let word = |path: &str| path.rsplit(['/', '=', '.']).next().unwrap().to_owned();
    let calendar = calendar["path"].as_str().unwrap().trim_end_matches(".ics");
    for secret in [word(&cookie), word(&renewed), word(&unused), word(calendar)] {
        assert!(secret.len() > 20 && !text.contains(&secret), "{secret} is in {text}");
    }
}

/// Found by schemathesis: the export told the recipient of an invitation that was withdrawn.
#[tokio::test]
async fn what_is_gone_for_a_recipient_is_not_in_their_export() {
    let town = Town::new().await;
    town.host("PUT", "/v1/members/bob").send().await;
    let id = town.invite("ada", "bob").await;
    assert_eq!(town.by("ada", "POST", &format!("/v1/invitations/{id}/withdraw")).send().await.status, 200);
    assert_eq!(export(&town, "bob").await["past"], json!([]));
    assert_eq!(export(&town, "ada").await["past"][0]["state"], "withdrawn");
}

#[tokio::test]
async fn an_export_is_for_the_member_and_the_host_alone() {
    let town = lively().await;
    let by = |member: &str, path: &str| {
        town.call("GET", path).header("authorization", format!("Bearer {}", token(member))).send()
    };
    assert_eq!(by("ada", "/v1/members/ada/export").await.status, 200);
    let of_other = by("bob", "/v1/members/ada/export").await;
    let of_nobody = by("bob", "/v1/members/xyz/export").await;
    of_other.problem(404, "unknown_member");
    assert_eq!(of_other.text().replace("/ada/", "/xyz/"), of_nobody.text());
    town.host("GET", "/v1/members/xyz/export").send().await.problem(404, "unknown_member");
}

#[tokio::test]
async fn erasing_a_member_leaves_no_trace_of_them_with_others() {
    let town = lively().await;
    // Eve's invitation to Ada stands in a plan of Eve's, and in the answer that her key keeps.
    let invited =
        town.by("eve", "POST", "/v1/invitations").header("idempotency-key", "k-2").json(&json!({"to": "bob"}));
    assert_eq!(invited.send().await.status, 201);
    let pending = town.by("eve", "GET", "/v1/invitations/sent").send().await.json();
    let ids: Vec<&Value> = pending["items"].as_array().unwrap().iter().map(|item| &item["id"]).collect();
    let plan = town.by("eve", "POST", "/v1/cleanup/plan").json(&json!({"invitations": ids})).send().await;
    assert!(plan.status == 201 && plan.text().contains("\"ada\""), "{}", plan.text());
    let before = export(&town, "bob").await;
    assert!(before.to_string().contains("\"ada\""));

    assert_eq!(town.host("DELETE", "/v1/members/ada").send().await.status, 204);
    town.host("GET", "/v1/members/ada/export").send().await.problem(404, "unknown_member");
    for other in ["bob", "cid", "dee", "eve"] {
        let told = export(&town, other).await.to_string();
        for trace in ["\"ada\"", "Ada", "ADA", "Thank you"] {
            assert!(!told.contains(trace), "{other} is still told {trace}: {told}");
        }
    }
    let events = town.host("GET", "/v1/events?limit=100").send().await.json();
    // With its quotes: an id may have these letters among its digits.
    let left: Vec<&Value> =
        events["items"].as_array().unwrap().iter().filter(|e| e.to_string().contains("\"ada\"")).collect();
    assert_eq!(left.len(), 1, "{left:?}");
    assert_eq!(left[0]["type"], "member.erased");
    // What others have left is counted right.
    let standing = town.by("eve", "GET", "/v1/standing").send().await.json();
    assert_eq!(standing["pending"], 1);
    assert_eq!(town.by("bob", "GET", "/v1/standing").send().await.json()["connections"], 0);
    let again = town.by("eve", "POST", "/v1/invitations").header("idempotency-key", "k-2").json(&json!({"to": "bob"}));
    assert_eq!(again.send().await.status, 201, "the keys of others go on");
}
