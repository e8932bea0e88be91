//! Clean-up plans over HTTP: looked at, made, carried out while the clock goes on.

use acquaint_app::Clock;
use serde_json::{Value, json};

use crate::town::{Plan, START, Town};

async fn town() -> Town {
    Town::built(Plan { clock: Clock::settable(START.parse().unwrap()), ..Plan::default() }).await
}

async fn advance(town: &Town, by: &str) {
    let reply = town.host("POST", "/v1/dev/clock/advance").json(&json!({"by": by})).send().await;
    assert_eq!(reply.status, 200);
}

async fn plan(town: &Town, body: &Value) -> Value {
    let reply = town.by("ada", "POST", "/v1/cleanup/plan").json(body).send().await;
    assert_eq!(reply.status, 201);
    reply.json()
}

#[tokio::test]
async fn a_plan_is_looked_at_made_and_carried_out() {
    let town = town().await;
    let (first, second) = (town.invite("ada", "bob").await, town.invite("ada", "cy").await);
    advance(&town, "15d").await;
    let young = town.invite("ada", "dan").await;
    let reply = town.by("ada", "POST", "/v1/cleanup/preview").json(&json!({"daily_budget": 2})).send().await;
    let preview = reply.json();
    assert_eq!(preview["invitations"].as_array().unwrap().len(), 2, "{preview}");
    assert_eq!(preview["invitations"][0]["id"], first);
    assert_eq!((&preview["daily_budget"], &preview["finishes_at"]), (&json!(2), &json!("2026-01-16T12:00:00Z")));
    town.by("ada", "GET", "/v1/cleanup/plan").send().await.problem(404, "not_found");

    let body = json!({"invitations": [first, second], "daily_budget": 2});
    let made = plan(&town, &body).await;
    assert_eq!((&made["state"], &made["open"]), (&json!("running"), &json!(2)));
    assert_eq!(plan(&town, &body).await, made, "the same again is that one");
    let other = town.by("ada", "POST", "/v1/cleanup/plan").json(&json!({"invitations": [young]})).send().await;
    other.problem(409, "plan_exists");

    let invitation = format!("/v1/invitations/{second}/accept");
    assert_eq!(town.by("cy", "POST", &invitation).send().await.status, 200);
    advance(&town, "1d").await;
    let done = town.by("ada", "GET", "/v1/cleanup/plan").send().await.json();
    assert_eq!(done["state"], "finished");
    let outcomes: Vec<_> = done["items"].as_array().unwrap().iter().map(|item| item["outcome"].clone()).collect();
    assert_eq!(outcomes, ["withdrawn", "already_accepted"]);
    assert_eq!(town.by("bob", "GET", "/v1/invitations/received").send().await.json()["total_pending"], 0);
}

#[tokio::test]
async fn a_plan_waits_skips_and_ends_when_its_owner_says_so() {
    let town = town().await;
    town.by("ada", "POST", "/v1/cleanup/plan/pause").send().await.problem(404, "not_found");
    let (first, second) = (town.invite("ada", "bob").await, town.invite("ada", "cy").await);
    plan(&town, &json!({"invitations": [first, second]})).await;
    let paused = town.by("ada", "POST", "/v1/cleanup/plan/pause").send().await.json();
    assert_eq!((&paused["state"], &paused["next_at"]), (&json!("paused"), &Value::Null));
    let skip = json!({"invitations": [first]});
    let skipped = town.by("ada", "POST", "/v1/cleanup/plan/skip").json(&skip).send().await.json();
    assert_eq!(skipped["items"][0]["outcome"], "skipped");
    advance(&town, "2d").await;
    let resumed = town.by("ada", "POST", "/v1/cleanup/plan/resume").send().await.json();
    assert_eq!((&resumed["state"], &resumed["open"]), (&json!("running"), &json!(1)));
    let cancelled = town.by("ada", "POST", "/v1/cleanup/plan/cancel").send().await.json();
    assert_eq!(cancelled["state"], "cancelled");
    advance(&town, "2d").await;
    assert_eq!(town.by("ada", "GET", "/v1/invitations/sent").send().await.json()["total_pending"], 2);
    town.by("bob", "GET", "/v1/cleanup/plan").send().await.problem(404, "not_found");
}

#[tokio::test]
async fn what_does_not_fit_is_named() {
    let town = town().await;
    let own = town.invite("ada", "bob").await;
    let received = town.invite("cy", "ada").await;
    for (body, pointer) in [
        (json!({"invitations": []}), "/invitations"),
        (json!({"invitations": [own, received]}), "/invitations/1"),
        (json!({"invitations": [own, own]}), "/invitations/1"),
        (json!({"invitations": [own], "daily_budget": 0}), "/daily_budget"),
        (json!({"invitations": "all"}), "/invitations"),
    ] {
        let reply = town.by("ada", "POST", "/v1/cleanup/plan").json(&body).send().await;
        reply.problem(422, "invalid_request");
        assert_eq!(reply.json()["pointer"], pointer, "{body}");
    }
    let reply = town.by("ada", "POST", "/v1/cleanup/preview").json(&json!({"older_than": "2 weeks"})).send().await;
    reply.problem(422, "invalid_request");
    assert_eq!(reply.json()["pointer"], "/older_than");
}

#[tokio::test]
async fn suggestions_the_wait_list_and_insights_are_told() {
    let town = town().await;
    let first = town.invite("ada", "bob").await;
    advance(&town, "15d").await;
    town.invite("ada", "cy").await;
    let found = town.by("ada", "GET", "/v1/cleanup/suggestions").send().await.json();
    assert_eq!((&found["total"], &found["suggestions"][0]["invitation"]["id"]), (&json!(1), &json!(first)));
    assert_eq!(found["suggestions"][0]["reasons"], json!(["stale"]));
    let share = found["suggestions"][0]["chance"]["share"].as_f64().unwrap();
    assert!((0.01..0.04).contains(&share), "{found}");
    assert_eq!(found["suggestions"][0]["told"], "about 3 in 100 like this are still accepted");

    let withdraw = format!("/v1/invitations/{first}/withdraw");
    assert_eq!(town.by("ada", "POST", &withdraw).send().await.status, 200);
    let waiting = town.by("ada", "GET", "/v1/cleanup/waiting").send().await.json();
    assert_eq!(waiting["waiting"][0]["to"], "bob");
    assert_eq!(waiting["waiting"][0]["may_invite_again_at"], "2026-02-06T00:00:00Z", "{waiting}");

    let insights = town.by("ada", "GET", "/v1/insights").send().await.json();
    assert_eq!((&insights["within"], &insights["all"]), (&json!("14d"), &json!({"sent": 2, "sample": 1})));
    assert_eq!(insights["by_note"], json!([{"key": "false", "sent": 2, "sample": 1}]));

    let figure = |file: &str| town.by("ada", "GET", &format!("/v1/insights/figures/{file}")).send();
    let csv = figure("notes.csv").await;
    assert_eq!((csv.status, csv.header("content-type")), (200, Some("text/csv; charset=utf-8")));
    assert_eq!(csv.text(), "key,age_seconds,invitations,sample,accepted,low,high\r\nwithout,,2,1,,,\r\n");
    let svg = figure("pending.svg").await;
    assert_eq!((svg.status, svg.header("content-type")), (200, Some("image/svg+xml")));
    assert!(svg.text().starts_with("<svg role=\"img\""), "{}", svg.text());
    for none in ["pending", "pending.png", "nothing.svg"] {
        figure(none).await.problem(404, "not_found");
    }
}

#[tokio::test]
async fn the_wait_list_is_a_calendar_for_whoever_has_its_address() {
    let town = town().await;
    let invitation = town.invite("ada", "bob").await;
    advance(&town, "1d").await;
    let withdraw = format!("/v1/invitations/{invitation}/withdraw");
    assert_eq!(town.by("ada", "POST", &withdraw).send().await.status, 200);
    let place = "/v1/cleanup/waiting/calendar";
    town.by("ada", "GET", place).send().await.problem(404, "not_found");
    town.by("ada", "DELETE", place).send().await.problem(404, "not_found");

    let made = town.by("ada", "POST", place).send().await;
    assert_eq!(made.status, 201);
    let path = made.json()["path"].as_str().unwrap().to_owned();
    assert_eq!(town.by("ada", "GET", place).send().await.json()["path"], path);
    let read = town.call("GET", &path).send().await;
    assert_eq!((read.status, read.header("content-type")), (200, Some("text/calendar; charset=utf-8")));
    let text = read.text();
    assert!(text.starts_with("BEGIN:VCALENDAR\r\n") && text.ends_with("END:VCALENDAR\r\n"), "{text}");
    assert!(text.contains(&format!("UID:{invitation}@acquaint\r\nDTSTAMP:20260102T000000Z\r\n")), "{text}");
    assert!(text.contains("DTSTART:20260123T000000Z\r\n") && text.contains("SUMMARY:You may invite "), "{text}");

    // The address is whole, or opens nothing; that of another member neither.
    let (member, secret) = path.trim_start_matches("/v1/calendars/").split_once('.').unwrap();
    let other = town.by("bob", "POST", place).send().await.json()["path"].as_str().unwrap().to_owned();
    let bob = other.trim_start_matches("/v1/calendars/").split_once('.').unwrap().0;
    for wrong in [format!("{member}."), format!("{member}.{}", &secret[1..]), format!("{bob}.{secret}"), secret.into()]
    {
        town.call("GET", &format!("/v1/calendars/{wrong}")).send().await.problem(404, "not_found");
    }
    assert_eq!(town.call("GET", &other).send().await.text().matches("BEGIN:VEVENT").count(), 0);

    // A new address closes the old one.
    let renewed = town.by("ada", "POST", place).send().await.json()["path"].as_str().unwrap().to_owned();
    assert_ne!(renewed, path);
    town.call("GET", &path).send().await.problem(404, "not_found");
    assert_eq!(town.call("GET", &renewed).send().await.status, 200);
    assert_eq!(town.by("ada", "DELETE", place).send().await.status, 204);
    town.call("GET", &renewed).send().await.problem(404, "not_found");
}
