//! Webhooks from end to end: the real server, and a receiver that verifies with another implementation of
//! Standard Webhooks and of JSON Schema, and fails now and then.
#![cfg(unix)]
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests, and what helps them, stop at the first surprise"
)]

mod common;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use acquaint_testkit::postgres::Place;
use common::{Client, KEY, Ran, Server, acquaint, until};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use serde_json::{Value, json};

/// script/webhook-receiver, killed when dropped.
struct Receiver {
    child: Child,
    address: String,
    /// Where it shows its certificates, one each.
    encrypted: Vec<String>,
}

impl Receiver {
    fn start() -> Self {
        Self::with(&[])
    }

    /// With certificates and their keys, in files.
    fn with(certificates: &[[PathBuf; 2]]) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../script/webhook-receiver");
        let mut command = Command::new(script);
        command.args(certificates.as_flattened());
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let mut addresses = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut addresses).unwrap();
        let mut addresses = addresses.split_whitespace().map(str::to_owned);
        Self { child, address: addresses.next().unwrap(), encrypted: addresses.collect() }
    }

    fn ask(&self, method: &str, path: &str, body: &str) -> Value {
        // One connection for each question: the receiver is another program's.
        let (_, answer) = Client::connect(&self.address).unwrap().call(method, path, "nobody", body).unwrap();
        serde_json::from_str(&answer).unwrap()
    }

    fn trusts(&self, name: &str, endpoint: &Value) {
        self.ask("POST", &format!("/-/trust/{name}"), endpoint["secret"].as_str().unwrap());
    }

    /// What came to that path, in order; all of it was signed and in the form of its schema.
    fn seen(&self, name: &str) -> Vec<Value> {
        let seen = self.ask("GET", &format!("/-/seen/{name}"), "");
        let seen = seen.as_array().unwrap().clone();
        assert!(seen.iter().all(|call| call["wrong"].is_null()), "{seen:?}");
        seen
    }

    fn arrived(&self, name: &str) -> Vec<Value> {
        let seen = self.seen(name).into_iter().filter(|call| call["arrived"] == true);
        seen.map(|mut call| call["event"].take()).collect()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Calls of the host's.
struct Host(Client);

impl Host {
    fn of(server: &Server) -> Self {
        Self(server.client())
    }

    fn ask(&mut self, method: &str, path: &str, body: &Value) -> Value {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let (status, answer) = self.0.call(method, path, "ann", &body).unwrap();
        assert!((200..300).contains(&status), "{method} {path}: {status} {answer}");
        if answer.is_empty() { Value::Null } else { serde_json::from_str(&answer).unwrap() }
    }

    fn get(&mut self, path: &str) -> Value {
        self.ask("GET", path, &Value::Null)
    }

    fn invites(&mut self, from: &str, to: &str) -> String {
        let body = json!({"to": to}).to_string();
        let (status, answer) = self.0.call("POST", "/v1/invitations", from, &body).unwrap();
        assert_eq!(status, 201, "{answer}");
        common::field(&answer, "id")
    }

    fn answers(&mut self, member: &str, invitation: &str, how: &str) {
        let path = format!("/v1/invitations/{invitation}/{how}");
        let (status, answer) = self.0.call("POST", &path, member, "").unwrap();
        assert_eq!(status, 200, "{answer}");
    }

    fn endpoint(&mut self, receiver: &Receiver, name: &str) -> Value {
        self.endpoint_at(receiver, name, &format!("http://{}/{name}", receiver.address))
    }

    fn endpoint_at(&mut self, receiver: &Receiver, name: &str, url: &str) -> Value {
        let made = self.ask("POST", "/v1/webhooks", &json!({"url": url}));
        receiver.trusts(name, &made);
        made
    }

    fn wait(&mut self, by: &str) {
        self.ask("POST", "/v1/dev/clock/advance", &json!({"by": by}));
    }

    fn events(&mut self) -> Vec<Value> {
        let (mut all, mut after) = (Vec::new(), String::new());
        loop {
            let page = self.get(&format!("/v1/events?limit=100&after={after}"));
            all.extend(page["items"].as_array().unwrap().iter().cloned());
            match page["next_cursor"].as_str() {
                Some(next) => next.clone_into(&mut after),
                None => return all,
            }
        }
    }

    /// Twenty pairs: invited, then accepted, declined or withdrawn.
    fn happenings(&mut self, of: &str) {
        for number in 0..20 {
            let (from, to) = (format!("a{of}{number}"), format!("b{of}{number}"));
            let invitation = self.invites(&from, &to);
            match number % 3 {
                0 => self.answers(&to, &invitation, "accept"),
                1 => self.answers(&to, &invitation, "decline"),
                _ => self.answers(&from, &invitation, "withdraw"),
            }
        }
    }
}

const OPEN: [&str; 3] = ["--webhook-http", "--webhook-networks", "127.0.0.0/8"];

fn serve(folder: &Path) -> Server {
    Server::start(folder, &[OPEN.as_slice(), &["--dev"]].concat())
}

/// For each two members, the ids of what happened between them, each where it stands first.
fn lanes(events: &[Value]) -> BTreeMap<String, Vec<String>> {
    let mut lanes: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for event in events {
        let mut pair = [event["actor"].as_str().unwrap(), event["subject"].as_str().unwrap()];
        pair.sort_unstable();
        let (lane, id) = (lanes.entry(pair.join(" ")).or_default(), event["id"].as_str().unwrap().to_owned());
        if !lane.contains(&id) {
            lane.push(id);
        }
    }
    lanes
}

#[test]
fn everything_arrives_in_order_though_the_receiver_fails_and_the_server_is_killed() {
    let (receiver, folder) = (Receiver::start(), tempfile::tempdir().unwrap());
    let mut server = serve(folder.path());
    let mut host = Host::of(&server);
    receiver.ask("POST", "/-/schemas", &host.get("/v1/events/schemas").to_string());
    host.endpoint(&receiver, "flaky");
    host.endpoint(&receiver, "slow");
    for round in ["x", "y", "z"] {
        host.happenings(round);
        until(|| receiver.seen("flaky").len() >= 5);
        server.signal("KILL");
        server.end();
        server = serve(folder.path());
        host = Host::of(&server);
    }
    let events = host.events();
    let told = |receiver: &Receiver| lanes(&receiver.arrived("flaky")).values().map(Vec::len).sum::<usize>();
    until(|| {
        host.wait("20s");
        told(&receiver) >= events.len()
    });
    // Everything, in order between any two, and nothing that did not happen.
    assert_eq!(lanes(&receiver.arrived("flaky")), lanes(&events));
    for event in receiver.arrived("flaky") {
        assert!(events.contains(&event), "{event}");
    }
    // The slow one delayed nobody, and nothing has arrived there.
    assert!(!receiver.seen("slow").is_empty() && receiver.arrived("slow").is_empty());
    server.signal("TERM");
    let (code, _, log) = server.end();
    assert_eq!(code, Some(0), "{log}");
}

#[test]
fn an_endpoint_is_tried_out_changed_switched_off_and_brought_back() {
    let (receiver, folder) = (Receiver::start(), tempfile::tempdir().unwrap());
    let server = serve(folder.path());
    let mut host = Host::of(&server);
    receiver.ask("POST", "/-/schemas", &host.get("/v1/events/schemas").to_string());
    let made = host.endpoint(&receiver, "gone");
    let path = format!("/v1/webhooks/{}", made["id"].as_str().unwrap());
    assert!(host.get(&path)["secret"].is_null(), "a secret is told when it is made");

    // It says that it is gone: switched off, and what was for it is a dead letter.
    let invitation = host.invites("ann", "bo");
    until(|| host.get(&path)["enabled"] == false);
    assert_eq!(host.get(&path)["disabled_because"], "gone");
    until(|| host.get(&format!("{path}/deliveries?stage=dead"))["items"].as_array().unwrap().len() == 1);
    let dead = host.get("/v1/dead-letters")["items"][0].clone();
    assert_eq!((&dead["attempts"][0]["status"], &dead["type"]), (&json!(410), &json!("invitation.created")));

    // Another address, a filter, and on again.
    let url = format!("http://{}/fine", receiver.address);
    let terms = json!({"url": url, "events": ["invitation.created", "invitation.accepted"], "enabled": true});
    assert_eq!(host.ask("PUT", &path, &terms)["enabled"], true);
    receiver.trusts("fine", &made);
    assert_eq!(host.ask("POST", &format!("{path}/redrive"), &Value::Null)["count"], 1);
    until(|| receiver.arrived("fine").len() == 1);
    assert_eq!(receiver.arrived("fine")[0]["id"], dead["id"]);
    host.answers("ann", &invitation, "withdraw");
    let second = host.invites("cid", "bo");
    host.answers("bo", &second, "accept");
    until(|| receiver.arrived("fine").len() == 3);
    let types: Vec<Value> = receiver.arrived("fine").iter().map(|event| event["type"].clone()).collect();
    assert_eq!(types, ["invitation.created", "invitation.created", "invitation.accepted"]);

    // A test, and a replay from the log.
    let test = host.ask("POST", &format!("{path}/test"), &Value::Null);
    until(|| receiver.arrived("fine").iter().any(|event| event["id"] == test["id"]));
    until(|| host.get(&format!("{path}/deliveries"))["items"].as_array().unwrap().len() == 4);
    host.ask("POST", &format!("{path}/deliveries/{}/replay", dead["id"].as_str().unwrap()), &Value::Null);
    until(|| receiver.arrived("fine").iter().filter(|event| event["id"] == dead["id"]).count() == 2);

    // A new secret: both sign for a while, and receivers may have either.
    let rotated = host.ask("POST", &format!("{path}/secret"), &json!({"overlap": "1d"}));
    assert_ne!(rotated["secret"], made["secret"]);
    let test = host.ask("POST", &format!("{path}/test"), &Value::Null);
    until(|| receiver.seen("fine").iter().any(|call| call["id"] == test["id"] && call["signatures"] == 2));
    host.wait("25h");
    receiver.trusts("fine", &rotated);
    let test = host.ask("POST", &format!("{path}/test"), &Value::Null);
    until(|| receiver.seen("fine").iter().any(|call| call["id"] == test["id"] && call["signatures"] == 1));

    let metrics = host.0.call("GET", "/metrics", "ann", "").unwrap().1;
    assert!(
        metrics.contains(r#"acquaint_delivery_attempts_total{channel="webhooks",outcome="delivered"}"#),
        "{metrics}"
    );
    host.ask("DELETE", &path, &Value::Null);
    assert_eq!(host.0.call("GET", &path, "ann", "").unwrap().0, 404);
}

#[test]
fn addresses_that_are_not_public_are_refused_unless_they_are_allowed() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &["--dev"]);
    let mut client = server.client();
    for url in ["http://example.org/", "https://127.0.0.1/", "https://169.254.169.254/", "https://[::1]/", "x"] {
        let (status, problem) = client.call("POST", "/v1/webhooks", "ann", &json!({"url": url}).to_string()).unwrap();
        assert!(status == 422 && problem.contains(r#""pointer":"/url""#), "{url}: {problem}");
    }
    // What its text does not tell is found out when it is looked up, and is an attempt that failed.
    let mut host = Host::of(&server);
    let made = host.ask("POST", "/v1/webhooks", &json!({"url": "https://localhost/"}));
    let path = format!("/v1/webhooks/{}", made["id"].as_str().unwrap());
    host.ask("POST", &format!("{path}/test"), &Value::Null);
    until(|| {
        let pending = host.get(&format!("{path}/deliveries?stage=pending"));
        let told = pending["items"][0]["attempts"][0]["answer"].as_str().unwrap_or_default().to_owned();
        told.contains("no address of the public internet")
    });
}

/// Who signs certificates.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: String,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        // Authorities of one name would be taken for each other, until it comes to the signature.
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), certificate }
    }

    /// A certificate for a host, good until the end of that year, and its key: files of that name.
    fn signs(&self, folder: &Path, name: &str, host: &str, until: i32) -> [PathBuf; 2] {
        let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
        params.not_after = date_time_ymd(until, 12, 31);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        [("pem", certificate.pem()), ("key", key.serialize_pem())].map(|(ending, text)| {
            let path = folder.join(name).with_extension(ending);
            std::fs::write(&path, text).unwrap();
            path
        })
    }
}

/// A server on a machine that trusts these authorities alone.
fn serve_trusting(folder: &Path, authorities: &[&Authority]) -> Server {
    let roots = folder.join("roots.pem");
    std::fs::write(&roots, authorities.iter().map(|one| one.certificate.as_str()).collect::<String>()).unwrap();
    let mut command = acquaint();
    command.args(["serve", "--dev", "--listen", "127.0.0.1:0", "--webhook-networks", "127.0.0.0/8", "--store"]);
    command.arg(format!("fjall:{}", folder.join("store").display())).env("ACQUAINT_HOST_KEY", KEY);
    command.env("SSL_CERT_FILE", roots).env_remove("SSL_CERT_DIR");
    Server::spawn(command)
}

#[test]
fn nothing_is_posted_to_a_receiver_with_a_wrong_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let (ours, strange) = (Authority::new("ours"), Authority::new("strange"));
    // What each is called, how it is refused, and its certificate.
    let wrong = [
        ("stranger", "UnknownIssuer", strange.signs(folder.path(), "stranger", "localhost", 2999)),
        ("elsewhere", "not valid for name", ours.signs(folder.path(), "elsewhere", "example.org", 2999)),
        ("expired", "expired", ours.signs(folder.path(), "expired", "localhost", 2020)),
    ];
    let right = ours.signs(folder.path(), "right", "localhost", 2999);
    let receiver = Receiver::with(&[right, wrong[0].2.clone(), wrong[1].2.clone(), wrong[2].2.clone()]);
    let server = serve_trusting(folder.path(), &[&ours]);
    let mut host = Host::of(&server);
    receiver.ask("POST", "/-/schemas", &host.get("/v1/events/schemas").to_string());
    let names = ["right", "stranger", "elsewhere", "expired"];
    let ids = [0, 1, 2, 3].map(|number| {
        let (_, port) = receiver.encrypted[number].split_once(':').unwrap();
        let url = format!("https://localhost:{port}/{}", names[number]);
        host.endpoint_at(&receiver, names[number], &url)["id"].as_str().unwrap().to_owned()
    });
    host.invites("ann", "bo");
    until(|| receiver.arrived("right").len() == 1);

    // Each of the others is tried, told apart in the log, and tried again.
    for ((name, complaint, _), id) in wrong.iter().zip(&ids[1..]) {
        let path = format!("/v1/webhooks/{id}/deliveries?stage=pending");
        until(|| {
            host.wait("20s");
            let attempts = host.get(&path)["items"][0]["attempts"].as_array().unwrap().clone();
            for attempt in &attempts {
                let answer = attempt["answer"].as_str().unwrap();
                assert!(answer.starts_with("no encrypted connection: ") && answer.contains(complaint), "{answer}");
                assert!(attempt["status"].is_null() && attempt["arrived"] != true, "{attempt}");
            }
            attempts.len() >= 2
        });
        assert!(receiver.seen(name).is_empty(), "{name} was told");
    }

    // Once the machine trusts the authority, what waited arrives.
    server.signal("TERM");
    server.end();
    let server = serve_trusting(folder.path(), &[&ours, &strange]);
    let mut host = Host::of(&server);
    until(|| {
        host.wait("20s");
        receiver.arrived("stranger").len() == 1
    });
    assert_eq!(receiver.arrived("stranger"), receiver.arrived("right"));
    assert!(receiver.seen("elsewhere").is_empty() && receiver.seen("expired").is_empty());
}

#[test]
fn of_two_servers_on_one_database_one_delivers() {
    let (receiver, place) = (Receiver::start(), Place::new().unwrap());
    let on = |args: &[&str]| {
        let mut command = acquaint();
        command.env("ACQUAINT_STORE", place.url()).env("ACQUAINT_HOST_KEY", KEY).args(args);
        command
    };
    Ran(on(&["migrate"]).output().unwrap()).succeeds();
    let serve = || {
        let own = ["serve", "--listen", "127.0.0.1:0", "--pool-size", "4", "--statement-timeout", "20s"];
        Server::spawn(on(&[own.as_slice(), &OPEN].concat()))
    };
    let (one, other) = (serve(), serve());
    let (mut first, mut second) = (Host::of(&one), Host::of(&other));
    receiver.ask("POST", "/-/schemas", &first.get("/v1/events/schemas").to_string());
    first.endpoint(&receiver, "fine");
    first.happenings("x");
    second.happenings("y");
    until(|| receiver.arrived("fine").len() >= first.events().len());
    let arrived = receiver.arrived("fine");
    assert_eq!(lanes(&arrived), lanes(&first.events()));
    assert_eq!(arrived.len(), first.events().len(), "each was delivered by one of them, once");
    // The one that delivers is gone; the other takes over.
    one.signal("TERM");
    one.end();
    second.happenings("z");
    until(|| receiver.arrived("fine").len() >= second.events().len());
    assert_eq!(lanes(&receiver.arrived("fine")), lanes(&second.events()));
}

#[test]
fn the_command_line_manages_endpoints() {
    let (receiver, folder) = (Receiver::start(), tempfile::tempdir().unwrap());
    let server = serve(folder.path());
    let webhooks = |args: &[&str]| {
        let mut command = acquaint();
        command.args(["webhooks", "--server", &server.address]).args(args).env("ACQUAINT_HOST_KEY", KEY);
        Ran(command.output().unwrap())
    };
    let url = format!("http://{}/fine", receiver.address);
    let made = webhooks(&["create", &url, "--events", "invitation.created"]).succeeds();
    let (id, secret) = made.trim_end().split_once('\n').unwrap();
    receiver.trusts("fine", &json!({"secret": secret}));
    let test = webhooks(&["test", id]).succeeds();
    until(|| receiver.arrived("fine").iter().any(|event| event["id"] == test.trim_end()));
    until(|| webhooks(&["deliveries", id]).succeeds().contains("\t200\tthank you"));
    webhooks(&["replay", id, test.trim_end()]).succeeds();
    until(|| receiver.arrived("fine").len() == 2);
    webhooks(&["disable", id]).succeeds();
    assert_eq!(webhooks(&["list"]).succeeds(), format!("{id}\t{url}\toff (asked)\tinvitation.created\n"));
    webhooks(&["enable", id]).succeeds();
    assert!(webhooks(&["rotate", id]).succeeds().starts_with("whsec_"));
    assert_eq!(webhooks(&["redrive", id]).succeeds(), "0\n");
    webhooks(&["create", "https://127.0.0.1:1/", "--events", "nothing"]).fails(2, "the server says");
    webhooks(&["test", "a/b"]).fails(2, "is no such name");
    webhooks(&["delete", id]).succeeds();
    assert_eq!(webhooks(&["list"]).succeeds(), "");
}
