//! How much one caller may ask for, and that others do not notice when somebody asks for more.

use acquaint_server::Limits;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::tokens::{taken, token};
use crate::town::{Plan, Town};

async fn limited(limits: Limits) -> Town {
    Town::built(Plan { limits, tokens: Some(taken()), trusted_proxies: vec!["127.0.0.0/8"], ..Plan::default() }).await
}

#[tokio::test]
async fn a_member_has_so_many_calls_and_others_have_their_own() {
    let town = limited(Limits { member_rate: 3, key_rate: 5, ..Limits::default() }).await;
    let by = |member: &str| {
        let bearer = format!("Bearer {}", token(member));
        town.call("GET", "/v1/standing").header("authorization", bearer).send()
    };
    for _ in 0..3 {
        assert_eq!(by("ada").await.status, 200);
    }
    let reply = by("ada").await;
    reply.problem(429, "too_many_requests");
    let wait: u64 = reply.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=20).contains(&wait), "{wait}");
    assert_eq!(by("bob").await.status, 200);
    for _ in 0..5 {
        assert_eq!(town.by("ada", "GET", "/v1/standing").send().await.status, 200);
    }
    town.by("ada", "GET", "/v1/standing").send().await.problem(429, "too_many_requests");
}

#[tokio::test]
async fn strangers_have_so_many_calls_for_each_address() {
    let town = limited(Limits { address_rate: 3, ..Limits::default() }).await;
    let from = |address: &str| {
        town.call("GET", "/v1/standing")
            .header("authorization", "Bearer wrong")
            .header("x-forwarded-for", address)
            .send()
    };
    for _ in 0..3 {
        from("192.0.2.1").await.problem(401, "unauthenticated");
    }
    from("192.0.2.1").await.problem(429, "too_many_requests");
    // What a client says about itself counts for nothing; what the last proxy saw does.
    from("203.0.113.9, 192.0.2.1").await.problem(429, "too_many_requests");
    from("192.0.2.2").await.problem(401, "unauthenticated");
    // Whoever has a key is no stranger, and health is told to everybody.
    let known = town.by("ada", "GET", "/v1/standing").header("x-forwarded-for", "192.0.2.1");
    assert_eq!(known.send().await.status, 200);
    for path in ["/healthz", "/readyz"] {
        assert_eq!(town.call("GET", path).header("x-forwarded-for", "192.0.2.1").send().await.status, 200);
    }
    let open = town.call("GET", "/openapi.json").header("x-forwarded-for", "192.0.2.1");
    open.send().await.problem(429, "too_many_requests");
}

#[tokio::test]
async fn an_address_that_is_not_trusted_cannot_say_that_it_is_another() {
    let limits = Limits { address_rate: 1, ..Limits::default() };
    let town = Town::built(Plan { limits, ..Plan::default() }).await;
    let from = |address: &str| town.call("GET", "/openapi.json").header("x-forwarded-for", address).send();
    assert_eq!(from("192.0.2.1").await.status, 200);
    from("192.0.2.2").await.problem(429, "too_many_requests");
}

#[tokio::test]
async fn an_address_has_so_many_connections() {
    let limits = Limits { address_connections: 1, ..Limits::default() };
    let town = Town::built(Plan { limits, ..Plan::default() }).await;
    let mut first = TcpStream::connect(town.address).await.unwrap();
    first.write_all(b"GET /healthz HTTP/1.1\r\nhost: t\r\n\r\n").await.unwrap();
    first.read_exact(&mut [0; 15]).await.unwrap();
    let mut second = TcpStream::connect(town.address).await.unwrap();
    let mut read = Vec::new();
    second.read_to_end(&mut read).await.ok();
    assert!(read.is_empty(), "a connection too many is closed at once");
}

/// Where those who watch over the server have a listener of their own, it answers whatever happens
/// on the other, and tells nobody else what the server counts.
#[tokio::test]
async fn health_is_told_when_nobody_else_gets_through() {
    let limits = Limits { connections: 1, ..Limits::default() };
    let town = Town::built(Plan { limits, is_watched_apart: true, ..Plan::default() }).await;
    town.call("GET", "/metrics").send().await.problem(404, "not_found");
    let mut taken = TcpStream::connect(town.address).await.unwrap();
    taken.write_all(b"GET /healthz HTTP/1.1\r\nhost: t\r\n\r\n").await.unwrap();
    taken.read_exact(&mut [0; 15]).await.unwrap();
    for path in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(town.watch(path).send().await.status, 200, "{path}");
    }
    for path in ["/v1/standing", "/openapi.json", "/docs/"] {
        town.watch(path).send().await.problem(404, "not_found");
    }
}
