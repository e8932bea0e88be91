//! Each call, where everything goes well.

use acquaint_app::Clock;
use serde_json::{Value, json};

use crate::town::{Plan, START, Town};

#[tokio::test]
async fn a_member_is_registered_shown_and_erased() {
    let town = Town::new().await;
    let told = json!({
        "name": "Ada", "headline": "Engines", "email": "ada@example.org", "plan": "premium",
        "audience": ["maths", "engines"], "last_active_at": "2025-12-31T23:00:00+01:00",
        "who_may_invite": "email", "reminders": false
    });
    let mut whole = told.clone();
    whole["id"] = "ada".into();
    whole["last_active_at"] = "2025-12-31T22:00:00Z".into();
    let reply = town.host("PUT", "/v1/members/ada").json(&told).send().await;
    assert_eq!((reply.status, reply.json()), (200, whole.clone()));
    assert_eq!(town.host("GET", "/v1/members/ada").send().await.json(), whole);
    assert_eq!(town.by("ada", "GET", "/v1/members/ada").send().await.json(), whole);
    let public = json!({"id": "ada", "name": "Ada", "headline": "Engines"});
    assert_eq!(town.by("bob", "GET", "/v1/members/ada").send().await.json(), public);

    let reply = town.host("PUT", "/v1/members/ada").send().await;
    let bare = json!({"id": "ada", "plan": "basic", "audience": [], "who_may_invite": "anyone", "reminders": true});
    assert_eq!((reply.status, reply.json()), (200, bare));

    let reply = town.host("DELETE", "/v1/members/ada").send().await;
    assert_eq!((reply.status, reply.body.len()), (204, 0));
    town.host("GET", "/v1/members/ada").send().await.problem(404, "unknown_member");
    town.host("DELETE", "/v1/members/ada").send().await.problem(404, "unknown_member");
}

/// An invitation makes a row for its recipient, but not if the recipient blocks the sender: who is
/// not registered does not exist for others, whoever invited them.
#[tokio::test]
async fn members_who_are_not_registered_do_not_exist_for_others() {
    let town = Town::new().await;
    assert_eq!(town.by("shy", "PUT", "/v1/blocks/ada").send().await.status, 204);
    for other in ["shy", "bob"] {
        town.invite("ada", other).await;
        town.by("ada", "GET", &format!("/v1/members/{other}")).send().await.problem(404, "unknown_member");
    }
    assert_eq!(town.by("bob", "GET", "/v1/members/bob").send().await.status, 200);
    assert_eq!(town.host("GET", "/v1/members/bob").send().await.status, 200);
}

#[tokio::test]
async fn an_invitation_is_sent_and_shown_to_both() {
    let town = Town::new().await;
    let body = json!({"to": "bob", "note": "We met in Turin"});
    let reply = town.by("ada", "POST", "/v1/invitations").json(&body).send().await;
    assert_eq!(reply.status, 201);
    assert_eq!(reply.header("content-type"), Some("application/json"));
    assert_eq!(reply.header("ratelimit-policy"), Some(r#""invitations";q=100;w=604800"#));
    assert_eq!(reply.header("ratelimit"), Some(r#""invitations";r=99"#));
    let sent = reply.json();
    let id = sent["id"].as_str().unwrap();
    assert!(id.starts_with("inv_"));
    let whole = json!({
        "id": id, "to": "bob", "note": "We met in Turin", "state": "pending",
        "sent_at": START, "expires_at": "2026-06-30T00:00:00Z"
    });
    assert_eq!(sent, whole);

    let path = format!("/v1/invitations/{id}");
    assert_eq!(town.by("ada", "GET", &path).send().await.json(), sent);
    let received = json!({"id": id, "from": "ada", "note": "We met in Turin", "state": "pending", "sent_at": START});
    assert_eq!(town.by("bob", "GET", &path).send().await.json(), received);
    town.by("eve", "GET", &path).send().await.problem(404, "not_found");

    let page = town.by("ada", "GET", "/v1/invitations/sent").send().await.json();
    assert_eq!(page, json!({"items": [sent], "next_cursor": null, "total_pending": 1}));
    let page = town.by("bob", "GET", "/v1/invitations/received").send().await.json();
    assert_eq!(page, json!({"items": [received], "next_cursor": null, "total_pending": 1}));
}

#[tokio::test]
async fn whether_an_invitation_would_be_allowed_is_told_and_changes_nothing() {
    let town = Town::new().await;
    let check = |body: Value| town.by("ada", "POST", "/v1/invitations/check").json(&body).send();
    assert_eq!(check(json!({"to": "bob"})).await.json(), json!({"allowed": true}));
    let refused = check(json!({"to": "ada"})).await;
    let told = json!({
        "allowed": false, "code": "self_invitation", "remedy": "none", "detail": "You cannot invite yourself."
    });
    assert_eq!((refused.status, refused.json()), (200, told));

    let id = town.invite("ada", "bob").await;
    town.by("ada", "POST", &format!("/v1/invitations/{id}/withdraw")).send().await;
    let refused = check(json!({"to": "bob"})).await.json();
    assert_eq!(refused["code"], "cooldown");
    assert_eq!(refused["retry_at"], "2026-01-22T00:00:00Z");
    assert_eq!(refused["remedy"], "wait");
}

#[tokio::test]
async fn an_invitation_is_withdrawn_silently() {
    let town = Town::new().await;
    let id = town.invite("ada", "bob").await;
    let path = format!("/v1/invitations/{id}/withdraw");
    let first = town.by("ada", "POST", &path).send().await;
    let told = json!({
        "id": id, "to": "bob", "state": "withdrawn", "sent_at": START, "expires_at": "2026-06-30T00:00:00Z",
        "decided_at": START, "may_invite_again_at": "2026-01-22T00:00:00Z"
    });
    assert_eq!((first.status, first.json()), (200, told));
    assert_eq!(town.by("ada", "POST", &path).raw(" ").send().await.body, first.body);

    let page = town.by("bob", "GET", "/v1/invitations/received").send().await.json();
    assert_eq!(page, json!({"items": [], "next_cursor": null, "total_pending": 0}));
    assert_eq!(town.by("bob", "GET", "/v1/notifications").send().await.json()["items"], json!([]));
    let path = format!("/v1/invitations/{id}");
    town.by("bob", "GET", &path).send().await.problem(404, "no_longer_available");
    town.by("bob", "POST", &format!("{path}/accept")).send().await.problem(409, "no_longer_available");
}

#[tokio::test]
async fn an_invitation_is_accepted() {
    let town = Town::new().await;
    let id = town.invite("ada", "bob").await;
    let reply = town.by("bob", "POST", &format!("/v1/invitations/{id}/accept")).json(&json!({})).send().await;
    let told = json!({"id": id, "from": "ada", "state": "accepted", "sent_at": START, "decided_at": START});
    assert_eq!((reply.status, reply.json()), (200, told));
    let page = json!({"items": [{"member": "bob", "since": START}], "next_cursor": null});
    assert_eq!(town.by("ada", "GET", "/v1/connections").send().await.json(), page);
    assert_eq!(town.by("ada", "GET", "/v1/following").send().await.json(), page);
    assert_eq!(town.by("ada", "GET", "/v1/followers").send().await.json(), page);
    town.by("ada", "POST", &format!("/v1/invitations/{id}/withdraw")).send().await.problem(409, "already_accepted");

    let notifications = town.by("ada", "GET", "/v1/notifications").send().await.json();
    let line = &notifications["items"][0];
    assert_eq!(line["kind"], "invitation_accepted");
    assert_eq!(line["about"], "bob");
    assert_eq!(line["invitation_id"], id);
    assert_eq!(line["read"], false);

    assert_eq!(town.by("ada", "DELETE", "/v1/connections/bob").send().await.status, 204);
    assert_eq!(town.by("bob", "GET", "/v1/connections").send().await.json()["items"], json!([]));
}

#[tokio::test]
async fn two_who_invite_each_other_are_connected() {
    let town = Town::new().await;
    town.invite("ada", "bob").await;
    let reply = town.by("bob", "POST", "/v1/invitations").json(&json!({"to": "ada"})).send().await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.json()["state"], "accepted");
    assert_eq!(reply.json()["to"], "ada");
}

#[tokio::test]
async fn a_decline_is_silent() {
    let town = Town::new().await;
    let id = town.invite("ada", "bob").await;
    let before = town.by("ada", "GET", &format!("/v1/invitations/{id}")).send().await.body;
    let body = json!({"reason": "dont_know"});
    let reply = town.by("bob", "POST", &format!("/v1/invitations/{id}/decline")).json(&body).send().await;
    let told = json!({"id": id, "from": "ada", "state": "declined", "sent_at": START, "decided_at": START});
    assert_eq!((reply.status, reply.json()), (200, told));
    assert_eq!(town.by("ada", "GET", &format!("/v1/invitations/{id}")).send().await.body, before);
}

#[tokio::test]
async fn a_relation_says_what_may_be_done() {
    let town = Town::new().await;
    let nothing = json!({
        "member": "bob", "following": false, "followed_by": false, "blocking": false,
        "may": {"invite": true, "withdraw": false, "accept": false, "decline": false, "follow": true, "block": true,
                "disconnect": false}
    });
    assert_eq!(town.by("ada", "GET", "/v1/relations/bob").send().await.json(), nothing);
    let id = town.invite("ada", "bob").await;
    let relation = town.by("ada", "GET", "/v1/relations/bob").send().await.json();
    let invitation = json!({"id": id, "direction": "sent", "sent_at": START, "expires_at": "2026-06-30T00:00:00Z"});
    assert_eq!(relation["invitation"], invitation);
    assert_eq!(relation["invite_refusal"], json!({"code": "already_pending", "remedy": "none"}));
    assert_eq!(relation["may"]["withdraw"], true);
    let relation = town.by("bob", "GET", "/v1/relations/ada").send().await.json();
    assert_eq!(relation["invitation"]["direction"], "received");
    assert_eq!(relation["may"]["accept"], true);
    assert_eq!(relation["may"]["invite"], true);
}

#[tokio::test]
async fn follows_and_blocks_come_and_go() {
    let town = Town::new().await;
    let page = |member: &str| json!({"items": [{"member": member, "since": START}], "next_cursor": null});
    let empty = json!({"items": [], "next_cursor": null});
    assert_eq!(town.by("ada", "PUT", "/v1/follows/bob").send().await.status, 204);
    assert_eq!(town.by("ada", "PUT", "/v1/follows/bob").json(&json!({})).send().await.status, 204);
    assert_eq!(town.by("ada", "GET", "/v1/following").send().await.json(), page("bob"));
    assert_eq!(town.by("bob", "GET", "/v1/followers").send().await.json(), page("ada"));
    assert_eq!(town.by("ada", "DELETE", "/v1/follows/bob").send().await.status, 204);
    assert_eq!(town.by("ada", "GET", "/v1/following").send().await.json(), empty);

    assert_eq!(town.by("ada", "PUT", "/v1/blocks/bob").send().await.status, 204);
    assert_eq!(town.by("ada", "GET", "/v1/blocks").send().await.json(), page("bob"));
    assert_eq!(town.by("bob", "GET", "/v1/blocks").send().await.json(), empty);
    assert_eq!(town.by("ada", "GET", "/v1/relations/bob").send().await.json()["blocking"], true);
    assert_eq!(town.by("bob", "GET", "/v1/relations/ada").send().await.json()["blocking"], false);
    town.by("ada", "PUT", "/v1/follows/bob").send().await.problem(409, "blocking");
    assert_eq!(town.by("ada", "DELETE", "/v1/blocks/bob").send().await.status, 204);
    let told = town.by("ada", "PUT", "/v1/blocks/bob").send().await;
    assert_eq!(told.problem(429, "cooldown")["retry_at"], "2026-01-03T00:00:00Z");
    assert_eq!(told.header("retry-after"), Some("172800"));
}

#[tokio::test]
async fn an_engagement_reaches_its_target() {
    let town = Town::new().await;
    let body = json!({"target": "bob", "kind": "comment", "subject": "post-7", "text": "Well\nsaid"});
    let reply = town.by("ada", "POST", "/v1/engagements").json(&body).send().await;
    assert_eq!(reply.status, 201);
    let mut told = reply.json();
    assert!(told["id"].as_str().unwrap().starts_with("eng_"));
    told.as_object_mut().unwrap().remove("id");
    assert_eq!(told, body);
    let line = &town.by("bob", "GET", "/v1/notifications").send().await.json()["items"][0];
    assert_eq!(line["kind"], "engagement");
    assert_eq!(line["about"], "ada");
    assert_eq!(line["engagement"], json!({"kind": "comment", "subject": "post-7", "text": "Well\nsaid"}));
}

#[tokio::test]
async fn notifications_are_read_up_to_a_point() {
    let town = Town::new().await;
    for sender in ["ada", "cid", "dan"] {
        town.invite(sender, "bob").await;
    }
    let read = async || {
        let page = town.by("bob", "GET", "/v1/notifications").send().await.json();
        page["items"].as_array().unwrap().iter().map(|line| line["read"].as_bool().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(read().await, [false; 3]);
    let page = town.by("bob", "GET", "/v1/notifications").send().await.json();
    let body = json!({"up_to": page["items"][1]["id"]});
    let reply = town.by("bob", "POST", "/v1/notifications/read").json(&body).send().await;
    assert_eq!((reply.status, reply.body.len()), (204, 0));
    assert_eq!(read().await, [false, true, true]);
    assert_eq!(town.by("bob", "POST", "/v1/notifications/read").send().await.status, 204);
    assert_eq!(read().await, [true; 3]);
}

#[tokio::test]
async fn standing_says_where_one_stands() {
    let town = Town::new().await;
    town.invite("ada", "bob").await;
    let told = json!({
        "pending": 1, "pending_cap": 1500, "oldest_pending_at": START, "rolling": {"sent": 1, "limit": 100},
        "notes": {"used": 0, "limit": 5}, "acceptance": {"matured": 0, "accepted": 0}, "withdrawals_24h": 0,
        "risk": "low", "connections": 0
    });
    assert_eq!(town.by("ada", "GET", "/v1/standing").send().await.json(), told);
    let town = Town::built(Plan::open_policy()).await;
    let told = town.by("ada", "GET", "/v1/standing").send().await.json();
    assert_eq!(told["pending_cap"], Value::Null);
    assert_eq!(told["rolling"], json!({"sent": 0, "limit": null}));
    let reply = town.by("ada", "POST", "/v1/invitations").json(&json!({"to": "bob"})).send().await;
    assert_eq!(reply.header("ratelimit"), None);
}

#[tokio::test]
async fn events_come_in_their_order() {
    let town = Town::new().await;
    let id = town.invite("ada", "bob").await;
    town.by("bob", "POST", &format!("/v1/invitations/{id}/decline")).json(&json!({"reason": "spam"})).send().await;
    town.by("eve", "PUT", "/v1/follows/bob").send().await;
    let page = town.host("GET", "/v1/events").send().await.json();
    let items = page["items"].as_array().unwrap();
    let types: Vec<_> = items.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["invitation.created", "invitation.declined", "follow.created"]);
    let mut first = items[0].clone();
    assert!(first["id"].as_str().unwrap().starts_with("evt_"));
    first.as_object_mut().unwrap().remove("id");
    let told = json!({
        "type": "invitation.created", "at": START, "actor": "ada", "subject": "bob", "invitation_id": id,
        "data": {"delivered": true}
    });
    assert_eq!(first, told);
    assert_eq!(items[1]["data"], json!({"reason": "spam"}));
    assert_eq!(items[2]["data"], json!({}));

    let page = town.host("GET", "/v1/events?limit=1").send().await.json();
    assert_eq!(page["next_cursor"], items[0]["id"]);
    let path = format!("/v1/events?after={}&limit=2", items[0]["id"].as_str().unwrap());
    let page = town.host("GET", &path).header("accept", "text/event-stream, */*").send().await.json();
    assert_eq!(page, json!({"items": items[1..], "next_cursor": null}));
    let stream = town.host("GET", "/v1/events").header("accept", "text/event-stream");
    stream.header("last-event-id", "17").send().await.problem(422, "invalid_request");
}

#[tokio::test]
async fn the_clock_is_set_where_it_can_be() {
    let town = Town::new().await;
    assert_eq!(town.host("GET", "/v1/dev/clock").send().await.json(), json!({"now": START}));
    let id = town.invite("ada", "bob").await;
    assert_eq!(town.advance("180d").await, "2026-06-30T00:00:00Z");
    let told = town.by("ada", "GET", &format!("/v1/invitations/{id}")).send().await.json();
    assert_eq!(told["state"], "expired");
    assert_eq!(told["decided_at"], "2026-06-30T00:00:00Z");
    let body = json!({"now": "2027-01-01T01:00:00+01:00"});
    let reply = town.host("PUT", "/v1/dev/clock").json(&body).send().await;
    assert_eq!((reply.status, reply.json()), (200, json!({"now": "2027-01-01T00:00:00Z"})));

    let town = Town::built(Plan { clock: Clock::system(), ..Plan::default() }).await;
    town.host("GET", "/v1/dev/clock").send().await.problem(404, "not_found");
    town.host("PUT", "/v1/dev/clock").json(&body).send().await.problem(404, "not_found");
    let body = json!({"by": "1d"});
    town.host("POST", "/v1/dev/clock/advance").json(&body).send().await.problem(404, "not_found");
}

#[tokio::test]
async fn the_open_calls_answer() {
    let town = Town::new().await;
    let reply = town.call("GET", "/healthz").header("x-request-id", "mine-7").send().await;
    assert_eq!((reply.status, reply.json()), (200, json!({"status": "ok"})));
    assert_eq!(reply.header("x-request-id"), Some("mine-7"));
    assert_eq!(town.call("GET", "/readyz").send().await.json(), json!({"status": "ok"}));
    let metrics = town.host("GET", "/metrics").send().await.text();
    let line = r#"acquaint_http_request_duration_seconds_count{route="/healthz",method="GET",class="2xx"} 1"#;
    assert!(metrics.contains(line), "{metrics}");
    assert!(metrics.contains("acquaint_http_requests_in_flight 1\n"), "{metrics}");
    assert!(metrics.contains("acquaint_queue_depth"), "{metrics}");
    let document = town.call("GET", "/openapi.json").send().await.json();
    assert_eq!(document, serde_json::to_value(acquaint_server::openapi()).unwrap());
    let told = town.call("GET", "/problems/cooldown").send().await.json();
    assert_eq!(told["status"], 429);
    town.call("GET", "/problems/nothing").send().await.problem(404, "not_found");

    let reply = town.call("GET", "/docs").send().await;
    assert_eq!((reply.status, reply.header("location")), (303, Some("/docs/")));
    let page = town.call("GET", "/docs/").send().await;
    assert_eq!(page.header("content-type"), Some("text/html"));
    assert!(page.text().contains("swagger-ui"));
    let start = town.call("GET", "/docs/swagger-initializer.js").send().await.text();
    assert!(start.contains("/openapi.json"), "{start}");
    assert!(!page.text().contains("//") || !page.text().contains("https://"), "{}", page.text());
    town.call("GET", "/docs/nothing.js").send().await.problem(404, "not_found");
}
