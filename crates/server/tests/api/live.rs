//! The live stream of events.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::town::{KEY, Town};

/// A stream as it comes over the wire.
struct Wire {
    stream: TcpStream,
    read: String,
}

impl Wire {
    async fn open(town: &Town, more: &str) -> Self {
        let mut stream = TcpStream::connect(town.address).await.unwrap();
        let head = format!(
            "GET /v1/events HTTP/1.1\r\nhost: t\r\nauthorization: Bearer {KEY}\r\naccept: text/event-stream\r\n{more}\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        Self { stream, read: String::new() }
    }

    /// Reads until that text has come.
    async fn until(&mut self, text: &str) {
        let mut piece = [0; 4096];
        while !self.read.contains(text) {
            let length = self.stream.read(&mut piece).await.unwrap();
            assert_ne!(length, 0, "ended before {text}: {}", self.read);
            self.read.push_str(std::str::from_utf8(&piece[..length]).unwrap());
        }
    }
}

#[tokio::test]
async fn a_stream_resumes_tells_what_comes_and_ends_with_the_server() {
    let town = Town::new().await;
    let (one, two) = (town.invite("ada", "bob").await, town.invite("ada", "cleo").await);
    let first = town.host("GET", "/v1/events?limit=1").send().await.json();
    let last_seen = format!("last-event-id: {}\r\n", first["items"][0]["id"].as_str().unwrap());
    let mut wire = Wire::open(&town, &last_seen).await;
    wire.until(&two).await;
    let three = town.invite("ada", "dora").await;
    wire.until(&three).await;
    assert!(wire.read.contains("content-type: text/event-stream"), "{}", wire.read);
    assert!(wire.read.contains("event: invitation.created"), "{}", wire.read);
    assert!(!wire.read.contains(&one), "told again: {}", wire.read);
    let (stopped, _kept) = town.stop();
    wire.stream.read_to_string(&mut wire.read).await.unwrap();
    assert!(wire.read.ends_with("0\r\n\r\n"), "cut: {}", wire.read);
    stopped.await.unwrap().unwrap();
}
