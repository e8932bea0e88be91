//! Keys of members' tokens at an address: changed, out of reach, and wrong.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "tests, and what helps them, stop at the first surprise")]

mod common;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use acquaint_app::clock::Stopwatch;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use common::Server;
use ring::signature::{Ed25519KeyPair, KeyPair};

/// For how many seconds something is waited for that must come.
const PATIENCE: f64 = 120.0;
/// How often the server asks an address, at most: `docs/command-line.md`.
const AT_MOST_EVERY: u64 = 5;

/// A host's web server that answers each request with what it is told to.
struct Host {
    address: SocketAddr,
    answer: Arc<Mutex<Vec<u8>>>,
    asked: Arc<AtomicUsize>,
}

impl Host {
    fn on(listener: TcpListener) -> Self {
        let address = listener.local_addr().unwrap();
        let (answer, asked) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicUsize::new(0)));
        let (answers, count) = (Arc::clone(&answer), Arc::clone(&asked));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
                while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
                // Counted first: whoever is counted from now on gets what is to be answered now.
                count.fetch_add(1, Ordering::SeqCst);
                let answer = answers.lock().unwrap().clone();
                // Who was asked may not want to hear all of it.
                stream.write_all(&answer).ok();
            }
        });
        Self { address, answer, asked }
    }

    fn start() -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").unwrap())
    }

    fn url(&self) -> String {
        format!("http://{}/keys", self.address)
    }

    fn says(&self, status: &str, headers: &str, body: &str) {
        let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n{headers}\r\n", body.len());
        *self.answer.lock().unwrap() = (head + body).into_bytes();
    }

    fn publishes(&self, keys: &[&Key]) {
        self.says(
            "200 OK",
            "",
            &format!(r#"{{"keys":[{}]}}"#, keys.iter().map(|key| key.jwk()).collect::<Vec<_>>().join(",")),
        );
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

/// A key of the host's (Ed25519, RFC 8037).
struct Key {
    name: &'static str,
    pair: Ed25519KeyPair,
}

impl Key {
    fn new(name: &'static str, seed: u8) -> Self {
        Self { name, pair: Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap() }
    }

    fn jwk(&self) -> String {
        let x = BASE64.encode(self.pair.public_key().as_ref());
        format!(r#"{{"kty":"OKP","crv":"Ed25519","use":"sig","kid":"{}","x":"{x}"}}"#, self.name)
    }

    fn token(&self) -> String {
        let header = BASE64.encode(format!(r#"{{"alg":"EdDSA","kid":"{}"}}"#, self.name));
        let claims = BASE64.encode(r#"{"sub":"ada","aud":"acquaint","exp":99999999999}"#);
        let signed = format!("{header}.{claims}");
        let signature = BASE64.encode(self.pair.sign(signed.as_bytes()));
        format!("{signed}.{signature}")
    }
}

struct Asked {
    server: Server,
    /// Read all the time, so that the server never waits for somebody to do it.
    log: JoinHandle<String>,
    _folder: tempfile::TempDir,
}

impl Asked {
    fn start(url: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let more = ["--token-algorithm", "EdDSA", "--token-key-set", url, "--address-rate", "0", "--member-rate", "0"];
        let mut server = Server::start(&folder.path().join("store"), &more);
        let mut errors = server.child.stderr.take().unwrap();
        let log = thread::spawn(move || {
            let mut text = String::new();
            errors.read_to_string(&mut text).unwrap();
            text
        });
        Self { server, log, _folder: folder }
    }

    fn status(&self, token: &str) -> u16 {
        self.server.client().call_as(token, "GET", "/v1/standing").unwrap().0
    }

    /// Calls again and again until it is answered so.
    fn until(&self, token: &str, expected: u16) {
        let watch = Stopwatch::start();
        loop {
            let status = self.status(token);
            if status == expected {
                return;
            }
            assert!(watch.seconds() < PATIENCE, "still {status}, and not {expected}");
        }
    }
}

#[test]
fn keys_at_an_address_are_changed_while_the_server_runs() {
    let (old, new, stray) = (Key::new("old", 1), Key::new("new", 2), Key::new("stray", 3));
    let host = Host::start();
    host.publishes(&[&old]);
    let watch = Stopwatch::start();
    let asked = Asked::start(&host.url());
    assert_eq!(host.asked(), 1, "the keys are there when the server listens");
    assert_eq!((asked.status(&old.token()), asked.status(&new.token())), (200, 401));
    host.publishes(&[&old, &new]);
    asked.until(&new.token(), 200);
    assert_eq!(asked.status(&old.token()), 200);
    host.publishes(&[&new]);
    asked.status(&stray.token());
    asked.until(&old.token(), 401);
    assert_eq!((asked.status(&new.token()), asked.status(&stray.token())), (200, 401));
    let bound = watch.seconds() as u64 / AT_MOST_EVERY + 2;
    assert!(host.asked() as u64 <= bound, "asked {} times", host.asked());
}

#[test]
fn keys_that_are_known_stay_while_their_address_is_wrong_or_down() {
    let (known, stray) = (Key::new("known", 1), Key::new("stray", 3));
    let (host, elsewhere) = (Host::start(), Host::start());
    host.publishes(&[&known]);
    elsewhere.publishes(&[&stray]);
    let asked = Asked::start(&host.url());
    let led = format!("Location: {}\r\n", elsewhere.url());
    let huge = format!(r#"{{"keys":[{}],"x":"{}"}}"#, stray.jwk(), "x".repeat(64 << 10));
    let wrong: [&dyn Fn(); 5] = [
        &|| host.says("500 Internal Server Error", "", ""),
        &|| host.says("302 Found", &led, ""),
        &|| host.says("200 OK", "", &huge),
        &|| host.says("200 OK", "", "<html>"),
        // The connection ends without an answer.
        &|| host.answer.lock().unwrap().clear(),
    ];
    for answers in wrong {
        answers();
        let before = host.asked();
        let watch = Stopwatch::start();
        while host.asked() == before {
            assert_eq!(asked.status(&stray.token()), 401);
            assert!(watch.seconds() < PATIENCE, "it does not ask");
        }
        assert_eq!(asked.status(&known.token()), 200);
    }
    assert_eq!(elsewhere.asked(), 0, "a redirect is not followed");
    host.publishes(&[&stray]);
    asked.until(&stray.token(), 200);
    let Asked { mut server, log, _folder } = asked;
    server.signal("TERM");
    assert_eq!(server.child.wait().unwrap().code(), Some(0));
    let log = log.join().unwrap();
    for told in ["the answer is 500", "the answer is 302", "length limit exceeded", "not a JSON Web Key Set"] {
        assert!(log.contains(told), "{told} is not in {log}");
    }
}

#[test]
fn a_server_starts_while_the_address_is_down() {
    let place = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = place.local_addr().unwrap();
    drop(place);
    let key = Key::new("key", 1);
    let asked = Asked::start(&format!("http://{address}/keys"));
    assert_eq!(asked.status(&key.token()), 503, "nobody can say whether it is good");
    assert_eq!((asked.status("no.token.ofours"), asked.status(common::KEY)), (401, 400));
    let host = Host::on(TcpListener::bind(address).unwrap());
    host.publishes(&[&key]);
    asked.until(&key.token(), 200);
}

#[test]
fn an_address_that_could_be_changed_on_the_way_is_refused() {
    for url in ["http://keys.example.org/set", "https://user:password@keys.example.org/set", "https://"] {
        let mut command = common::acquaint();
        command.args(["serve", "--token-algorithm", "RS256", "--token-key-set", url]);
        command.env("ACQUAINT_HOST_KEY", common::KEY);
        let ran = common::Ran(command.output().unwrap());
        ran.fails(2, "--token-key-set: expected https:// and a name, without a password");
        assert!(!ran.stderr().contains("user:password"));
    }
}
