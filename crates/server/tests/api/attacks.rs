//! What somebody might try. Forged tokens are in `tokens`, sessions and forms in `sessions`, cursors in
//! `pages`, silence in `silence`, greedy callers in `callers` and `limits`; the rest is here.

use std::time::Duration;

use acquaint_app::SessionRules;
use acquaint_core::time::Span;
use acquaint_server::Pages;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::tokens::{taken, token};
use crate::town::{KEY, Plan, Town};

/// Text that would do something if it reached a browser as it is.
const SCRIPTS: [&str; 4] =
    ["<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "'-alert(1)-'", "</title><svg/onload=alert(1)>"];

async fn with_pages() -> Town {
    let sessions = SessionRules { idle: Span::minutes(30), lifetime: Span::hours(12) };
    let pages = Pages { host: "town".into(), sessions, sign_in: None, oidc: None };
    Town::built(Plan { pages: Some(pages), ..Plan::open_policy() }).await
}

#[tokio::test]
async fn no_text_of_anybody_s_becomes_part_of_a_page() {
    let town = with_pages().await;
    for (number, script) in SCRIPTS.iter().enumerate() {
        let (evil, victim) = (format!("evil{number}"), format!("victim{number}"));
        for (id, email) in [(&evil, "a@example.org"), (&victim, "b@example.org")] {
            let told = json!({"name": script, "headline": script, "email": email, "audience": [script]});
            let reply = town.host("PUT", &format!("/v1/members/{id}")).json(&told).send().await;
            assert_eq!(reply.status, 200, "{}", reply.text());
        }
        let sent = town.by(&evil, "POST", "/v1/invitations").json(&json!({"to": victim, "note": script})).send().await;
        assert_eq!(sent.status, 201);
        let said = json!({"target": victim, "kind": "comment", "subject": script, "text": script});
        assert_eq!(town.by(&evil, "POST", "/v1/engagements").json(&said).send().await.status, 201);
        for (who, other) in [(&victim, &evil), (&evil, &victim)] {
            let ticket = town.host("POST", "/v1/sessions").json(&json!({"member": who})).send().await.json();
            let entered = town.call("GET", ticket["path"].as_str().unwrap()).send().await;
            let cookie = entered.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
            let paths =
                ["/network", "/invitations/received", "/invitations/sent", "/notifications", "/standing", "/settings"];
            let profile = format!("/people/{other}");
            let found = format!("/invitations/sent?name={}", "%3Cscript%3Ealert(1)%3C%2Fscript%3E");
            for path in paths.into_iter().chain([profile.as_str(), &found]) {
                let page = town.call("GET", path).header("cookie", cookie.as_str()).send().await;
                assert_eq!(page.status, 200, "{path}");
                let text = page.text();
                for raw in ["<script>alert", "<img src=x", "<svg/onload", "onerror=alert(1)>"] {
                    assert!(!text.contains(raw), "{path} of {who} contains {raw}");
                }
                let policy = page.header("content-security-policy").unwrap();
                assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
                assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
            }
        }
    }
}

/// An invitation of others' is as good as none, byte for byte.
#[tokio::test]
async fn invitations_and_members_cannot_be_enumerated() {
    let town = Town::new().await;
    let theirs = town.invite("bob", "cid").await;
    let nobodys = "inv_019000000000700080000000000000ab";
    for (method, more) in [("GET", ""), ("POST", "/accept"), ("POST", "/decline"), ("POST", "/withdraw")] {
        let ask = async |id: &str| {
            let reply = town.by("eve", method, &format!("/v1/invitations/{id}{more}")).send().await;
            let mut headers: Vec<String> = reply.headers.keys().map(ToString::to_string).collect();
            headers.sort();
            (reply.status, headers, reply.text().replace(id, "ID"))
        };
        assert_eq!(ask(&theirs).await, ask(nobodys).await, "{method} {more}");
        assert_eq!(ask(&theirs).await.0, 404);
    }
}

/// The key of another principal is another key, and tells nothing.
#[tokio::test]
async fn idempotency_keys_of_another_principal_are_others() {
    let town = Town::built(Plan { tokens: Some(taken()), ..Plan::default() }).await;
    let body = json!({"to": "bob"});
    let first = town.by("ada", "POST", "/v1/invitations").header("idempotency-key", "k").json(&body).send().await;
    assert_eq!(first.status, 201);
    let by_token = |member: &str| {
        let call = town.call("POST", "/v1/invitations").header("authorization", format!("Bearer {}", token(member)));
        call.header("idempotency-key", "k").json(&body).send()
    };
    by_token("ada").await.problem(409, "already_pending");
    assert_eq!(by_token("eve").await.status, 201);
    let again = town.by("ada", "POST", "/v1/invitations").header("idempotency-key", "k").json(&body).send().await;
    assert_eq!((again.status, again.json()["id"].clone()), (201, first.json()["id"].clone()));
}

#[tokio::test]
async fn paths_lead_nowhere_but_where_they_say() {
    let town = with_pages().await;
    for path in [
        "/assets/../Cargo.toml",
        "/assets/..%2f..%2fCargo.toml",
        "/assets/%2e%2e/%2e%2e/etc/passwd",
        "/docs/..%2f..%2fetc%2fpasswd",
        "/v1/../metrics",
        "//v1/events",
        "/v1//events",
        "/v1/events/",
        "/V1/events",
        "/v1/events%00",
        "/v1/events;x=1",
        "/v1/members/..%2f..%2fevents",
        "/v1/members/%00",
        "/v1/members/a%2Fexport",
    ] {
        let reply = town.call("GET", path).send().await;
        assert!([400, 401, 404].contains(&reply.status), "{path}: {} {}", reply.status, reply.text());
        let as_host = town.host("GET", path).send().await;
        assert!([400, 404, 422].contains(&as_host.status), "{path}: {} {}", as_host.status, as_host.text());
    }
}

/// What a client says never becomes a header of an answer.
#[tokio::test]
async fn no_header_can_be_injected() {
    let town = with_pages().await;
    for path in ["/people/x%0d%0aset-cookie:%20a=b", "/session?ticket=%0d%0aset-cookie:a=b", "/problems/%0d%0ax:y"] {
        let reply = town.call("GET", path).send().await;
        assert!(reply.header("set-cookie").is_none() && reply.header("x").is_none(), "{path}");
    }
    let named = town.call("GET", "/healthz").header("x-request-id", "fine-1").send().await;
    assert_eq!(named.header("x-request-id"), Some("fine-1"));
    let odd = town.call("GET", "/healthz").header("x-request-id", "no fine name").send().await;
    assert_ne!(odd.header("x-request-id"), Some("no fine name"));
}

/// Sends bytes and reads whatever comes until the server ends the connection.
async fn told(town: &Town, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(town.address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    stream.shutdown().await.ok();
    let mut read = Vec::new();
    stream.read_to_end(&mut read).await.ok();
    String::from_utf8_lossy(&read).into_owned()
}

/// Two readers of the same bytes must not see different requests: whatever could be read in two ways
/// is refused, and nothing behind it is answered.
#[tokio::test]
async fn no_request_hides_in_another() {
    let town = Town::new().await;
    let start = format!(
        "POST /v1/invitations/check HTTP/1.1\r\nhost: t\r\nauthorization: Bearer {KEY}\r\nacquaint-member: ada\r\n"
    );
    let hidden = format!("GET /v1/events HTTP/1.1\r\nhost: t\r\nauthorization: Bearer {KEY}\r\n\r\n");
    for shape in [
        "content-length: 0\r\ncontent-length: 5\r\n",
        "content-length: 0, 5\r\n",
        "content-length: +0\r\n",
        "content-length: 0x0\r\n",
        "transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n",
        "transfer-encoding: chunked, identity\r\n",
        "transfer-encoding: xchunked\r\n",
        "content-length : 0\r\n",
        " content-length: 0\r\n",
        "x: a\r\n b\r\ncontent-length: 0\r\n",
        "x: a\rb\r\n",
        "x\0: a\r\n",
    ] {
        let answer = told(&town, format!("{start}{shape}\r\n{hidden}").as_bytes()).await;
        assert!(!answer.contains("next_cursor"), "{shape:?} let a hidden request through: {answer}");
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400"), "{shape:?}: {answer}");
    }
    // With both, chunks count (RFC 9112, section 6.3), and the connection ends or what follows is a request of its own.
    let both = format!("{start}content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n");
    let answer = told(&town, both.as_bytes()).await;
    assert!(answer.matches("HTTP/1.1").count() <= 1, "{answer}");
}

/// A thousand clients that send a byte and wait do not hold up one that asks properly.
#[tokio::test]
async fn a_thousand_slow_clients_hold_nobody_up() {
    let town = Town::new().await;
    let mut slow = Vec::with_capacity(1_000);
    for _ in 0..1_000 {
        let mut stream = TcpStream::connect(town.address).await.unwrap();
        stream.write_all(b"G").await.unwrap();
        slow.push(stream);
    }
    let patience = Duration::from_secs(20);
    let calls = async {
        for number in 0..50 {
            let to = format!("m{number}");
            let reply = town.by("ada", "POST", "/v1/invitations/check").json(&json!({"to": to})).send().await;
            assert_eq!(reply.status, 200);
        }
        assert_eq!(town.call("GET", "/readyz").send().await.status, 200);
    };
    // Far more than it takes, and less than it would if slow clients had to give up first (30 s).
    tokio::time::timeout(patience, calls).await.unwrap();
    assert_eq!(slow.len(), 1_000);
}
