//! The pages for members: signing in with a ticket of the host's, staying, and signing out.

use acquaint_app::SessionRules;
use acquaint_core::time::Span;
use acquaint_server::Pages;
use serde_json::json;

use crate::town::{Plan, Reply, Town};

async fn served() -> Town {
    let sessions = SessionRules { idle: Span::minutes(30), lifetime: Span::hours(2) };
    let pages =
        Pages { host: "town".into(), sessions, sign_in: Some("https://host.example/sign-in".into()), oidc: None };
    let town = Town::built(Plan { pages: Some(pages), ..Plan::default() }).await;
    for name in ["ada", "bob"] {
        town.host("PUT", &format!("/v1/members/{name}")).json(&json!({"name": name.to_uppercase()})).send().await;
    }
    town
}

async fn ticket(town: &Town, member: &str) -> String {
    let reply = town.host("POST", "/v1/sessions").json(&json!({"member": member})).send().await;
    assert_eq!(reply.status, 201, "{}", reply.text());
    reply.json()["path"].as_str().unwrap().to_owned()
}

/// The cookie that an answer sets, as a browser sends it back.
fn cookie(reply: &Reply) -> String {
    let set = reply.header("set-cookie").unwrap_or_default();
    set.split(';').next().unwrap_or_default().to_owned()
}

async fn signed_in(town: &Town, member: &str) -> String {
    let reply = town.call("GET", &ticket(town, member).await).send().await;
    assert_eq!((reply.status, reply.header("location")), (303, Some("/network")));
    cookie(&reply)
}

async fn look(town: &Town, cookie: &str, path: &str) -> Reply {
    town.call("GET", path).header("cookie", cookie).send().await
}

fn form_token(page: &str) -> String {
    page.split("name=\"token\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_ticket_lets_one_browser_in_once() {
    let town = served().await;
    let path = ticket(&town, "ada").await;
    let entered = town.call("GET", &path).send().await;
    let set = entered.header("set-cookie").unwrap();
    assert!(set.starts_with("__Host-acquaint="), "{set}");
    for attribute in ["; Path=/", "; HttpOnly", "; SameSite=Lax", "; Secure"] {
        assert!(set.contains(attribute), "{set}");
    }
    assert!(!set.contains("Domain"), "{set}");
    let page = look(&town, &cookie(&entered), "/network").await;
    assert!(page.status == 200 && page.text().contains("ADA") && !page.text().contains("/demo"), "{}", page.text());
    let again = town.call("GET", &path).send().await;
    assert!(again.status == 401 && again.header("set-cookie").is_none());
    assert!(again.text().contains("https://host.example/sign-in"));
    let late = ticket(&town, "ada").await;
    town.advance("1m").await;
    assert_eq!(town.call("GET", &late).send().await.status, 401);
    assert_eq!(town.call("GET", "/session").send().await.status, 401);
}

#[tokio::test]
async fn nobody_sees_a_page_without_a_session() {
    let town = served().await;
    let ada = signed_in(&town, "ada").await;
    let forged = ["", "__Host-acquaint=", "__Host-acquaint=YWRh.AAAA", "acquaint_session=x", &ada[..ada.len() - 1]];
    for cookie in forged {
        let reply = look(&town, cookie, "/network").await;
        assert_eq!((reply.status, reply.header("location")), (303, Some("/session/none")), "{cookie}");
    }
    // The text of Ada's browser under Bob's name.
    let bob = ada.replace("YWRh.", "Ym9i.");
    assert!(bob != ada && look(&town, &bob, "/network").await.status == 303);
    assert_eq!(look(&town, "", "/session/none").await.status, 401);
    for path in ["/demo", "/demo/be", "/demo/clock"] {
        assert_eq!(look(&town, &ada, path).await.status, 404, "{path}");
    }
    // A second `Host` is one too many.
    let strange = town.call("GET", "/network").header("cookie", ada.as_str()).header("host", "evil.example");
    assert_eq!(strange.send().await.status, 421);
}

/// Whoever is signed in with a cookie that they were given by somebody else is somebody new afterwards.
#[tokio::test]
async fn signing_in_makes_a_new_session_and_ends_the_one_before() {
    let town = served().await;
    let planted = signed_in(&town, "bob").await;
    let path = ticket(&town, "ada").await;
    let entered = town.call("GET", &path).header("cookie", planted.as_str()).send().await;
    assert!(entered.status == 303 && cookie(&entered) != planted);
    assert_eq!(look(&town, &planted, "/network").await.status, 303, "what was planted is worth nothing");
    assert!(look(&town, &cookie(&entered), "/network").await.text().contains("ADA"));
}

#[tokio::test]
async fn a_session_is_renewed_on_the_way_and_ends() {
    let town = served().await;
    let first = signed_in(&town, "ada").await;
    assert!(look(&town, &first, "/network").await.header("set-cookie").is_none());
    town.advance("16m").await;
    let second = cookie(&look(&town, &first, "/network").await);
    assert!(!second.is_empty() && second != first);
    assert_eq!(look(&town, &first, "/standing").await.status, 200, "a browser asks for several things at once");
    town.advance("2m").await;
    assert_eq!(look(&town, &first, "/network").await.status, 303);
    assert_eq!(look(&town, &second, "/network").await.status, 200);
    town.advance("30m").await;
    assert_eq!(look(&town, &second, "/network").await.status, 303);
}

#[tokio::test]
async fn forms_need_the_token_of_their_own_sign_in_and_origin() {
    let town = served().await;
    let (ada, bob) = (signed_in(&town, "ada").await, signed_in(&town, "bob").await);
    let token = form_token(&look(&town, &ada, "/people/bob").await.text());
    let other = form_token(&look(&town, &bob, "/people/ada").await.text());
    let post = |token: &str, origin: &'static str| {
        let call = town.call("POST", "/people/bob/follow").header("cookie", ada.as_str()).header("origin", origin);
        call.header("content-type", "application/x-www-form-urlencoded").raw(format!("token={token}")).send()
    };
    for (token, origin) in [
        ("", "https://town"),
        (other.as_str(), "https://town"),
        (token.as_str(), "https://evil.example"),
        (&token, "null"),
    ] {
        assert_eq!(post(token, origin).await.status, 403, "{token} {origin}");
    }
    assert!(town.by("ada", "GET", "/v1/following").send().await.json()["items"].as_array().unwrap().is_empty());
    assert_eq!(post(&token, "https://town").await.status, 303);
    town.advance("16m").await;
    let renewed = look(&town, &ada, "/network").await;
    assert!(renewed.header("set-cookie").is_some());
    let call = town.call("POST", "/people/bob/unfollow").header("cookie", cookie(&renewed));
    let call = call.header("content-type", "application/x-www-form-urlencoded").raw(format!("token={token}"));
    assert_eq!(call.send().await.status, 303, "a page from before the renewal works");
}

#[tokio::test]
async fn signing_out_ends_the_session_and_the_host_can_end_all() {
    let town = served().await;
    let (one, other) = (signed_in(&town, "ada").await, signed_in(&town, "ada").await);
    let token = form_token(&look(&town, &one, "/network").await.text());
    let out = town.call("POST", "/session/end").header("cookie", one.as_str());
    let out =
        out.header("content-type", "application/x-www-form-urlencoded").raw(format!("token={token}")).send().await;
    assert!(out.status == 200 && out.header("set-cookie").unwrap().contains("Max-Age=0"));
    assert_eq!(look(&town, &one, "/network").await.status, 303);
    assert_eq!(look(&town, &other, "/network").await.status, 200);
    assert_eq!(town.host("DELETE", "/v1/members/ada/sessions").send().await.status, 204);
    assert_eq!(look(&town, &other, "/network").await.status, 303);
    let erased = signed_in(&town, "bob").await;
    assert_eq!(town.host("DELETE", "/v1/members/bob").send().await.status, 204);
    assert_eq!(look(&town, &erased, "/network").await.status, 303);
}

#[tokio::test]
async fn without_pages_there_are_no_tickets() {
    let town = Town::new().await;
    town.host("POST", "/v1/sessions").json(&json!({"member": "ada"})).send().await.problem(404, "not_found");
    assert_eq!(town.call("GET", "/network").send().await.status, 404);
}
