//! The live streams: that of events, for the host, and that of the pages, for a member.

use acquaint_app::SessionRules;
use acquaint_core::time::Span;
use acquaint_server::Pages;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::town::{KEY, Plan, Town};

/// A stream as it comes over the wire.
pub(crate) struct Wire {
    stream: TcpStream,
    pub(crate) read: String,
}

impl Wire {
    /// The events, for the host.
    async fn open(town: &Town, more: &str) -> Self {
        Self::to(town, "/v1/events", &format!("host: t\r\nauthorization: Bearer {KEY}\r\n{more}")).await
    }

    /// A stream at that address, asked for with those headers.
    pub(crate) async fn to(town: &Town, path: &str, headers: &str) -> Self {
        let mut stream = TcpStream::connect(town.address).await.unwrap();
        let head = format!("GET {path} HTTP/1.1\r\naccept: text/event-stream\r\n{headers}\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        Self { stream, read: String::new() }
    }

    /// Reads until that text has come.
    async fn until(&mut self, text: &str) {
        self.until_times(text, 1).await;
    }

    /// Reads until that text has come so often, and the message that it stands in has ended.
    pub(crate) async fn until_times(&mut self, text: &str, times: usize) {
        let mut piece = [0; 4096];
        while self.read.rsplit_once("\n\n").is_none_or(|(whole, _)| whole.matches(text).count() < times) {
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

/// The stream of a page, of a member who is signed in; and their cookie.
async fn open_page(town: &Town, member: &str) -> (Wire, String) {
    let ticket = town.host("POST", "/v1/sessions").json(&json!({"member": member})).send().await.json();
    let entered = town.call("GET", ticket["path"].as_str().unwrap()).send().await;
    let cookie = entered.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    let mut wire = Wire::to(town, "/live", &format!("host: town\r\nconnection: close\r\ncookie: {cookie}\r\n")).await;
    wire.until("event: counts").await;
    (wire, cookie)
}

async fn town_with_pages() -> Town {
    let sessions = SessionRules { idle: Span::days(1), lifetime: Span::days(1) };
    let pages = Pages { host: "town".into(), sessions, sign_in: None, oidc: None };
    Town::built(Plan { pages: Some(pages), ..Plan::default() }).await
}

#[tokio::test]
async fn an_open_page_is_told_what_comes_goes_and_is_accepted() {
    let town = town_with_pages().await;
    let ((mut ada, _), (mut bob, _)) = (open_page(&town, "ada").await, open_page(&town, "bob").await);
    let nothing = r#"data: {"received":0,"sent":0,"connections":0,"unread":0,"latest":null}"#;
    assert!(bob.read.contains(nothing), "{}", bob.read);
    let one = town.invite("ada", "bob").await;
    bob.until(&format!(r#"data: {{"id":"{one}","direction":"received","state":"pending"}}"#)).await;
    bob.until(r#"data: {"received":1,"sent":0,"connections":0,"unread":1,"#).await;
    ada.until(&format!(r#"data: {{"id":"{one}","direction":"sent","state":"pending"}}"#)).await;
    town.by("ada", "POST", &format!("/v1/invitations/{one}/withdraw")).send().await;
    bob.until(&format!(r#"data: {{"id":"{one}","direction":"received","state":"gone"}}"#)).await;
    let two = town.invite("bob", "ada").await;
    ada.until(&format!(r#"data: {{"id":"{two}","direction":"received","state":"pending"}}"#)).await;
    town.by("ada", "POST", &format!("/v1/invitations/{two}/accept")).send().await;
    bob.until(&format!(r#"data: {{"id":"{two}","direction":"sent","state":"accepted"}}"#)).await;
    bob.until(r#""connections":1"#).await;
}

#[tokio::test]
async fn a_page_goes_on_from_what_it_saw_last() {
    let town = town_with_pages().await;
    let (mut first, cookie) = open_page(&town, "bob").await;
    let one = town.invite("ada", "bob").await;
    first.until(&one).await;
    let last = first.read.lines().filter_map(|line| line.strip_prefix("id: ")).next_back().unwrap().to_owned();
    drop(first);
    let two = town.invite("cleo", "bob").await;
    let headers = format!("host: town\r\ncookie: {cookie}\r\nlast-event-id: {last}\r\n");
    let mut again = Wire::to(&town, "/live", &headers).await;
    again.until(&two).await;
    assert!(!again.read.contains(&format!("\"id\":\"{one}\"")), "told again: {}", again.read);
}

#[tokio::test]
async fn a_page_of_somebody_who_was_signed_out_is_told_nothing() {
    let town = town_with_pages().await;
    let (mut wire, _) = open_page(&town, "bob").await;
    assert_eq!(town.host("DELETE", "/v1/members/bob/sessions").send().await.status, 204);
    let invitation = town.invite("ada", "bob").await;
    wire.stream.read_to_string(&mut wire.read).await.unwrap();
    assert!(wire.read.ends_with("0\r\n\r\n") && !wire.read.contains(&invitation), "{}", wire.read);
    let stranger = town.call("GET", "/live").send().await;
    assert_eq!(stranger.status, 303, "nobody is led to where one signs in");
}
