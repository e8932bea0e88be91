//! Clients that are slow, greedy or too many, and the end of the server.

use std::sync::Arc;
use std::time::Duration;

use acquaint_app::EngineConfig;
use acquaint_server::Limits;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::town::{Gate, KEY, Plan, Town, short_limits};

async fn read_to_end(stream: &mut TcpStream) -> String {
    let mut read = Vec::new();
    // A connection that the server resets has ended as well.
    stream.read_to_end(&mut read).await.ok();
    String::from_utf8(read).unwrap()
}

#[tokio::test]
async fn a_head_that_does_not_come_ends_the_connection() {
    let town = Town::built(Plan { limits: short_limits(), ..Plan::default() }).await;
    let mut silent = TcpStream::connect(town.address).await.unwrap();
    let mut slow = TcpStream::connect(town.address).await.unwrap();
    slow.write_all(b"GET /healthz HTTP/1.1\r\nhost: t").await.unwrap();
    assert!(!read_to_end(&mut slow).await.contains("200 OK"));
    assert!(!read_to_end(&mut silent).await.contains("200 OK"));
    assert_eq!(town.call("GET", "/healthz").send().await.status, 200);
}

/// The head of a call with a body of that many bytes.
fn head(length: usize, more: &str) -> String {
    format!(
        "POST /v1/invitations HTTP/1.1\r\nhost: t\r\nauthorization: Bearer {KEY}\r\nacquaint-member: ada\r\n\
         content-length: {length}\r\n{more}\r\n"
    )
}

#[tokio::test]
async fn a_body_that_does_not_come_is_answered_and_the_connection_ends() {
    let town = Town::built(Plan { limits: short_limits(), ..Plan::default() }).await;
    let mut slow = TcpStream::connect(town.address).await.unwrap();
    slow.write_all(head(100, "").as_bytes()).await.unwrap();
    slow.write_all(b"{\"to\":").await.unwrap();
    let answer = read_to_end(&mut slow).await;
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(answer.contains("request_timeout"), "{answer}");
}

#[tokio::test]
async fn a_body_that_breaks_off_changes_nothing() {
    let town = Town::new().await;
    let mut broken = TcpStream::connect(town.address).await.unwrap();
    broken.write_all(head(100, "").as_bytes()).await.unwrap();
    broken.write_all(b"{\"to\":").await.unwrap();
    broken.shutdown().await.unwrap();
    let answer = read_to_end(&mut broken).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400"), "{answer}");
}

#[tokio::test]
async fn a_body_has_a_size() {
    let town =
        Town::built(Plan { limits: Limits { body: 1_000, batch_body: 2_000, ..Limits::default() }, ..Plan::default() })
            .await;
    let fits = json!({"to": "bob"}).to_string();
    let padded = |size: usize| format!("{fits}{}", " ".repeat(size - fits.len()));
    let invite = |size: usize| town.by("ada", "POST", "/v1/invitations/check").raw(padded(size)).send();
    assert_eq!(invite(1_000).await.status, 200);
    invite(1_001).await.problem(413, "payload_too_large");
    let batch = |size: usize| {
        town.host("POST", "/v1/commands").raw(format!("{{\"commands\":[]}}{}", " ".repeat(size - 15))).send()
    };
    assert_eq!(batch(2_000).await.status, 200);
    batch(2_001).await.problem(413, "payload_too_large");

    let mut chunked = TcpStream::connect(town.address).await.unwrap();
    let head = head(0, "").replace("content-length: 0", "transfer-encoding: chunked");
    chunked.write_all(head.as_bytes()).await.unwrap();
    chunked.write_all(format!("{:x}\r\n{}\r\n", 1_001, padded(1_001)).as_bytes()).await.unwrap();
    let answer = read_to_end(&mut chunked).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
}

#[tokio::test]
async fn a_head_has_a_size() {
    let town = Town::new().await;
    let mut call = town.call("GET", "/healthz");
    for number in 0..99 {
        call = call.header(&format!("x-{number}"), "y");
    }
    assert_eq!(call.send().await.status, 200);
    let mut call = town.call("GET", "/healthz");
    for number in 0..100 {
        call = call.header(&format!("x-{number}"), "y");
    }
    assert_eq!(call.send().await.status, 431);
    let town = Town::built(Plan { limits: Limits { headers: 2, ..Limits::default() }, ..Plan::default() }).await;
    assert_eq!(town.call("GET", "/healthz").header("x-1", "y").send().await.status, 200);
    assert_eq!(town.call("GET", "/healthz").header("x-1", "y").header("x-2", "y").send().await.status, 431);
}

#[tokio::test]
async fn what_is_not_http_is_told_so() {
    let town = Town::new().await;
    let mut stream = TcpStream::connect(town.address).await.unwrap();
    stream.write_all(b"GET /\0 HTTP/1.1\r\nhost: t\r\n\r\n").await.unwrap();
    assert!(read_to_end(&mut stream).await.starts_with("HTTP/1.1 400"));
}

#[tokio::test]
async fn connections_beyond_the_limit_wait() {
    let town = Town::built(Plan { limits: Limits { connections: 1, ..Limits::default() }, ..Plan::default() }).await;
    let mut first = TcpStream::connect(town.address).await.unwrap();
    first.write_all(b"GET /healthz HTTP/1.1\r\nhost: t\r\n\r\n").await.unwrap();
    let mut start = [0; 15];
    first.read_exact(&mut start).await.unwrap();
    assert_eq!(&start, b"HTTP/1.1 200 OK");
    // The first connection is open; the second is answered once it has gone.
    let call = town.host("GET", "/metrics");
    let second = tokio::spawn(call.send());
    first.write_all(b"GET /healthz HTTP/1.1\r\nhost: t\r\nconnection: close\r\n\r\n").await.unwrap();
    read_to_end(&mut first).await;
    assert!(second.await.unwrap().text().contains("acquaint_http_connections 1\n"));
}

#[tokio::test]
async fn a_full_queue_is_told() {
    let gate = Arc::new(Gate::closed());
    let engine = EngineConfig { queue: 1, ..EngineConfig::default() };
    let town = Town::built(Plan { store: Some(gate.clone()), engine, ..Plan::default() }).await;
    let call = |to: &str| town.by("ada", "POST", "/v1/invitations").json(&json!({"to": to})).send();
    let first = tokio::spawn(call("bob"));
    gate.waiting.notified().await;
    call("cid").await.problem(503, "overloaded");
    let batch = json!({"commands": [{"id": "1", "as": "ada", "do": "follow", "member": "bob"}]});
    town.host("POST", "/v1/commands").json(&batch).send().await.problem(503, "overloaded");
    gate.open();
    assert_eq!(first.await.unwrap().status, 201);
    // The place in the queue is free a moment after the answer; whoever is turned away tries again.
    let mut second = call("cid").await;
    while second.status == 503 {
        second = call("cid").await;
    }
    assert_eq!(second.status, 201);
}

/// Sends a head and waits until the server asks for the body.
async fn half_sent(town: &Town, body: &str) -> TcpStream {
    let mut stream = TcpStream::connect(town.address).await.unwrap();
    stream.write_all(head(body.len(), "expect: 100-continue\r\n").as_bytes()).await.unwrap();
    let mut asked = [0; 25];
    stream.read_exact(&mut asked).await.unwrap();
    assert_eq!(&asked, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream
}

#[tokio::test]
async fn requests_under_way_are_answered_before_the_end() {
    let town = Town::new().await;
    let (address, network) = (town.address, town.network.clone());
    let body = json!({"to": "bob"}).to_string();
    let mut idle = TcpStream::connect(address).await.unwrap();
    idle.write_all(b"GET /healthz HTTP/1.1\r\nhost: t\r\n\r\n").await.unwrap();
    idle.read_exact(&mut [0; 15]).await.unwrap();
    let mut stream = half_sent(&town, &body).await;
    let (server, _kept) = town.stop();
    // The idle connection ends at once: the server has heard that it is to stop.
    read_to_end(&mut idle).await;
    stream.write_all(body.as_bytes()).await.unwrap();
    let answer = read_to_end(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 201 Created"), "{answer}");
    server.await.unwrap().unwrap();
    network.shutdown().await;
}

#[tokio::test]
async fn the_end_does_not_wait_for_ever() {
    let limits = Limits { shutdown_timeout: Duration::from_millis(100), ..Limits::default() };
    let town = Town::built(Plan { limits, ..Plan::default() }).await;
    let mut stream = half_sent(&town, "{\"to\": \"bob\"}").await;
    let (server, _kept) = town.stop();
    server.await.unwrap().unwrap();
    assert_eq!(read_to_end(&mut stream).await, "");
}
