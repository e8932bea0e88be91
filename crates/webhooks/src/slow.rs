//! Receivers that answer slowly, or for ever: an attempt ends all the same, within its time and with little
//! read, and holds up nobody else.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use acquaint_app::outbox::{Letter as Kept, Outbox, Stage};
use acquaint_app::{Clock, EngineConfig, Network, Request};
use acquaint_core::command::{Action, Command};
use acquaint_core::ids::MemberId;
use acquaint_core::policy::{Policy, Preset};
use acquaint_core::time::Time;
use acquaint_store::memory::MemoryStore;
use tokio::task::JoinSet;

use crate::addresses::Allowed;
use crate::endpoint::{Terms, Webhooks};
use crate::post::{Answer, Letter, Poster};

/// How long an attempt may take here: enough for a machine that is busy to read a status.
const PATIENCE: Duration = Duration::from_secs(2);
/// Nobody waits for this one.
const FOR_EVER: Duration = Duration::from_secs(3_600);
/// How long a receiver that dribbles looks whether somebody still listens, between two bytes.
const PACE: Duration = Duration::from_millis(10);
/// What may be on its way between two ends on one machine: in their buffers, and in what is read at once.
const ON_THE_WAY: usize = 64 << 20;

/// How a receiver answers, after its first words.
#[derive(Debug, Clone, Copy)]
enum Manner {
    /// It has said everything.
    Done,
    /// It says no more, and keeps the connection.
    Silent,
    /// The same, over and over, a byte at a time.
    Dribbling(&'static str),
    /// The same, over and over, as fast as it is taken.
    Flooding(&'static str),
}

impl Manner {
    /// Answers until it is done or nobody listens any more; how many bytes were taken.
    fn answer(self, mut stream: TcpStream, first: &str) -> std::io::Result<usize> {
        // The whole request, which ends with the body of `letter` or of an event.
        let mut request = Vec::new();
        while !request.ends_with(b"}") {
            let mut some = [0; 4 << 10];
            match stream.read(&mut some)? {
                0 => return Ok(0),
                read => request.extend_from_slice(&some[..read]),
            }
        }
        stream.write_all(first.as_bytes())?;
        let mut taken = first.len();
        match self {
            Manner::Done => {}
            Manner::Silent => while stream.read(&mut [0])? > 0 {},
            Manner::Dribbling(text) => {
                stream.set_nodelay(true)?;
                stream.set_read_timeout(Some(PACE))?;
                for byte in text.bytes().cycle() {
                    match stream.read(&mut [0]) {
                        Ok(0) => break,
                        Err(error) if ![ErrorKind::WouldBlock, ErrorKind::TimedOut].contains(&error.kind()) => break,
                        Ok(_) | Err(_) => {}
                    }
                    if stream.write_all(&[byte]).is_err() {
                        break;
                    }
                    taken += 1;
                }
            }
            Manner::Flooding(text) => {
                let much = text.repeat(100);
                while stream.write_all(much.as_bytes()).is_ok() {
                    taken += much.len();
                }
            }
        }
        Ok(taken)
    }
}

/// Its address, and where it listens.
fn listener(scheme: &str) -> (String, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    (format!("{scheme}://{}/", listener.local_addr().unwrap()), listener)
}

/// A receiver for one request. What it got rid of is told when nobody listens to it any more.
fn receiver(first: &'static str, manner: Manner) -> (String, JoinHandle<usize>) {
    let (url, listener) = listener("http");
    let answering = std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        manner.answer(stream, first).unwrap_or_default()
    });
    (url, answering)
}

fn allowed() -> Allowed {
    Allowed { networks: vec!["127.0.0.0/8".parse().unwrap()], http: true }
}

async fn post(url: &str) -> Result<Answer, String> {
    let mut poster = Poster::new(allowed()).unwrap();
    poster.patience = PATIENCE;
    poster.post(url, &Letter { id: "evt_1", at: 0, signatures: "v1,x".into(), body: "{}" }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_without_an_end_before_its_status_ends_by_its_time() {
    let mut attempts = JoinSet::new();
    for (first, manner) in [
        ("", Manner::Silent),
        ("HTTP/1.1 200 OK\r\n", Manner::Dribbling("x: x\r\n")),
        ("HTTP/1.1 200 OK\r\nx: ", Manner::Dribbling("x")),
        // Interim answers are none, however many there are.
        ("", Manner::Flooding("HTTP/1.1 103 Early Hints\r\n\r\n")),
        ("", Manner::Dribbling("HTTP/1.1 100 Continue\r\n\r\n")),
    ] {
        attempts.spawn(async move {
            let (url, answering) = receiver(first, manner);
            let said = post(&url).await.unwrap_err();
            assert_eq!(said, "there was no answer within 2 s", "{first:?} {manner:?}");
            // The connection is gone: nobody reads on behind what was given up.
            tokio::task::spawn_blocking(|| answering.join().unwrap()).await.unwrap();
        });
    }
    attempts.join_all().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handshake_without_an_end_ends_by_its_time() {
    let (url, listener) = listener("https");
    let waiting = std::thread::spawn(move || listener.accept().unwrap().0.read_to_end(&mut Vec::new()).unwrap());
    assert_eq!(post(&url).await.unwrap_err(), "there was no answer within 2 s");
    tokio::task::spawn_blocking(|| waiting.join().unwrap()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_without_an_end_is_given_up_after_little_of_it() {
    for (first, more) in [
        ("HTTP/1.1 200 OK\r\n", "x: x\r\n"),
        ("HTTP/1.1 200 OK\r\nx: ", "x"),
        ("HTTP/1.1 200 ", "O"),
        ("HTTP/1.1 2", "0"),
        ("", "x"),
        ("", "\r\n"),
    ] {
        let (url, answering) = receiver(first, Manner::Flooding(more));
        let said = post(&url).await.unwrap_err();
        assert!(said.starts_with("no answer: ") || said.starts_with("the connection broke off: "), "{first:?}: {said}");
        let taken = tokio::task::spawn_blocking(|| answering.join().unwrap()).await.unwrap();
        assert!(taken < ON_THE_WAY, "{first:?}: {taken} bytes were taken");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_body_without_an_end_the_beginning_is_kept() {
    for head in [
        "HTTP/1.1 200 OK\r\ncontent-length: 9000000000000000000\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nfffffffffffffff\r\n",
    ] {
        let (url, answering) = receiver(head, Manner::Flooding("much "));
        let answer = post(&url).await.unwrap();
        assert_eq!((answer.status, answer.text()), (200, "much ".repeat(1_000)[..4 << 10].to_owned()), "{head:?}");
        let taken = tokio::task::spawn_blocking(|| answering.join().unwrap()).await.unwrap();
        assert!(taken < ON_THE_WAY, "{head:?}: {taken} bytes were taken");
    }
}

/// An endpoint that took the letter said so, and must not get it again because of what came after that.
#[tokio::test(flavor = "multi_thread")]
async fn a_status_is_an_answer_whatever_becomes_of_the_body() {
    let mut attempts = JoinSet::new();
    for (first, manner, text) in [
        ("HTTP/1.1 202 Accepted\r\n\r\nthank ", Manner::Silent, "thank "),
        ("HTTP/1.1 202 Accepted\r\ncontent-length: 100000\r\n\r\nthank ", Manner::Dribbling("x"), "thank x"),
        ("HTTP/1.1 202 Accepted\r\ncontent-length: 100\r\n\r\nthank ", Manner::Done, "thank "),
        ("HTTP/1.1 202 Accepted\r\ntransfer-encoding: chunked\r\n\r\n6\r\nthank \r\n", Manner::Done, "thank "),
        ("HTTP/1.1 202 Accepted\r\ntransfer-encoding: chunked\r\n\r\n6\r\nthank \r\nno number", Manner::Done, "thank "),
        ("HTTP/1.1 202 Accepted\r\ntransfer-encoding: chunked\r\n\r\n1;", Manner::Flooding("x"), ""),
        ("HTTP/1.1 202 Accepted\r\ntransfer-encoding: chunked\r\n\r\n0\r\n", Manner::Flooding("x: x\r\n"), ""),
    ] {
        attempts.spawn(async move {
            let (url, answering) = receiver(first, manner);
            let answer = post(&url).await.unwrap_or_else(|error| panic!("{first:?} {manner:?}: {error}"));
            assert_eq!(answer.status, 202);
            assert!(answer.text().starts_with(text), "{first:?} {manner:?}: {}", answer.text());
            tokio::task::spawn_blocking(|| answering.join().unwrap()).await.unwrap();
        });
    }
    attempts.join_all().await;
}

/// A receiver for as many requests as there are.
fn endless_receiver(first: &'static str, manner: Manner) -> (String, Arc<AtomicUsize>) {
    let ((url, listener), asked) = (listener("http"), Arc::<AtomicUsize>::default());
    let seen = Arc::clone(&asked);
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            seen.fetch_add(1, Ordering::SeqCst);
            std::thread::spawn(move || manner.answer(stream, first));
        }
    });
    (url, asked)
}

/// A community with endpoints at these addresses, whose outbox is at work.
struct Town {
    network: Network,
    webhooks: Webhooks,
    endpoints: Vec<String>,
    outbox: Outbox,
}

/// How many events there are in a test: more than the attempts at one endpoint that are made at the same time.
const EVENTS: usize = 5;

impl Town {
    async fn new(patience: Duration, urls: &[&String]) -> Self {
        let clock = Clock::settable("2026-03-02T12:00:00Z".parse::<Time>().unwrap());
        let policy = Policy::preset(Preset::Open);
        let network =
            Network::start(Arc::new(MemoryStore::new()), policy, clock, EngineConfig::default()).await.unwrap();
        let mut webhooks = Webhooks::new(network.clone(), allowed()).unwrap();
        webhooks.poster.patience = patience;
        let outbox = Outbox::start(&network, vec![Arc::new(webhooks.clone())]).await.unwrap();
        let mut endpoints = Vec::new();
        for url in urls {
            let terms = Terms { url: (*url).clone(), events: Vec::new(), description: None };
            endpoints.push(webhooks.create(terms).await.unwrap().0.id);
        }
        let town = Self { network, webhooks, endpoints, outbox };
        for number in 0..EVENTS {
            let [actor, to] = ["a", "b"].map(|who| MemberId::new(&format!("{who}{number}")).unwrap());
            let command = Command { actor, action: Action::Invite { to, note: None, to_email: None } };
            town.network.submit(Request { command, claim: None }).await.unwrap().unwrap();
        }
        town
    }

    async fn letters(&self, endpoint: usize, stage: Stage) -> Vec<Kept> {
        self.webhooks.deliveries(&self.endpoints[endpoint], stage, None, 100).await.unwrap()
    }
}

/// Looks again and again, until it is so.
async fn until(mut is_so: impl AsyncFnMut() -> bool) {
    let mut looks = tokio::time::interval(Duration::from_millis(20));
    for _ in 0..3_000 {
        looks.tick().await;
        if is_so().await {
            return;
        }
    }
    panic!("what was waited for did not come");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_never_ends_its_answer_delays_no_other() {
    let (stuck, asked) = endless_receiver("HTTP/1.1 200 OK\r\nx: ", Manner::Dribbling("x"));
    let (open, _) = endless_receiver("HTTP/1.1 200 OK\r\n\r\n", Manner::Dribbling("x"));
    let (fine, arrived) = endless_receiver("HTTP/1.1 204 No Content\r\n\r\n", Manner::Done);
    // No attempt at those that are stuck ends in this test, so that whoever waited for one would wait for ever.
    let town = Town::new(FOR_EVER, &[&stuck, &open, &fine]).await;
    until(async || arrived.load(Ordering::SeqCst) == EVENTS && asked.load(Ordering::SeqCst) > 0).await;
    until(async || town.letters(2, Stage::Delivered).await.len() == EVENTS).await;
    for endpoint in [0, 1] {
        let waiting = town.letters(endpoint, Stage::Pending).await;
        assert!(waiting.len() == EVENTS && waiting.iter().all(|letter| letter.delivery.attempts.is_empty()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_became_of_attempts_without_an_end_is_in_the_log() {
    let (stuck, _) = endless_receiver("HTTP/1.1 200 OK\r\nx: ", Manner::Dribbling("x"));
    let (open, taken) = endless_receiver("HTTP/1.1 200 OK\r\n\r\n", Manner::Flooding("much "));
    let town = Town::new(PATIENCE, &[&stuck, &open]).await;
    until(async || {
        let letters = town.letters(0, Stage::Pending).await;
        letters.len() == EVENTS && letters.iter().all(|letter| letter.delivery.attempts.len() == 1)
    })
    .await;
    for letter in town.letters(0, Stage::Pending).await {
        let attempt = &letter.delivery.attempts[0];
        assert_eq!(attempt.said.text, "there was no answer within 2 s");
        assert!(!attempt.arrived && attempt.said.code.is_none(), "{attempt:?}");
        assert!(letter.next_at > Some(attempt.at), "it is tried again: {letter:?}");
    }
    let delivered = town.letters(1, Stage::Delivered).await;
    assert_eq!(delivered.len(), EVENTS);
    assert!(delivered.iter().all(|letter| letter.delivery.attempts[0].said.text.starts_with("much much ")));
    assert_eq!(taken.load(Ordering::SeqCst), EVENTS, "each arrived once");
    town.outbox.shutdown().await;
    town.network.shutdown().await;
}
