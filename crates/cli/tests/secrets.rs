//! Secrets over a whole run: they are planted in a real server that logs all it can, everything is asked
//! for, with and without right, and then whatever was said and written is searched for them.
#![cfg(unix)]
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests, and what helps them, stop at the first surprise"
)]

mod common;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::thread;

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use common::{KEY, Server, acquaint, run};
use serde_json::{Value, json};

const TOKEN_SECRET: &str = "planted-secret-of-tokens-0123456789abcdef";
const PROVIDER_SECRET: &str = "planted-secret-at-the-provider";
const WRONG_KEY: &str = "planted-wrong-key-of-somebody";
const HOST: &str = "localhost";

/// A client that speaks TLS with one server, and remembers all that it was told.
struct Client {
    address: String,
    config: Arc<rustls::ClientConfig>,
    told: String,
}

struct Reply {
    status: u16,
    head: String,
    body: String,
}

impl Reply {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// The value of the cookie that it sets.
    fn cookie(&self) -> String {
        let line = self.head.lines().find(|line| line.to_ascii_lowercase().starts_with("set-cookie:")).unwrap();
        line.split_once(':').unwrap().1.split(';').next().unwrap().trim().to_owned()
    }
}

impl Client {
    fn new(address: &str, certificate: Vec<u8>) -> Self {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(certificate.into()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = config.unwrap().with_root_certificates(roots).with_no_client_auth();
        Self { address: address.to_owned(), config: Arc::new(config), told: String::new() }
    }

    /// Makes a call whose answer hands a secret out, as it should.
    fn handed(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
        let name = rustls::pki_types::ServerName::try_from(HOST).unwrap();
        let connection = rustls::ClientConnection::new(Arc::clone(&self.config), name).unwrap();
        let mut stream = rustls::StreamOwned::new(connection, TcpStream::connect(&self.address).unwrap());
        let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        // A server that closes without saying so has said all the same.
        stream.read_to_end(&mut answer).ok();
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Reply { status, head: head.to_owned(), body: body.to_owned() }
    }

    /// Makes a call; its answer is searched in the end.
    fn call(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
        let reply = self.handed(method, path, headers, body);
        self.told.push_str(&format!("{}\n{}\n", reply.head, reply.body));
        reply
    }
}

fn token(claims: &str) -> String {
    let base64 = BASE64_URL_SAFE_NO_PAD;
    let signed = format!("{}.{}", base64.encode(r#"{"alg":"HS256"}"#), base64.encode(claims));
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, TOKEN_SECRET.as_bytes());
    format!("{signed}.{}", base64.encode(ring::hmac::sign(&key, signed.as_bytes())))
}

/// Everything that the description of the API knows, with a name for every place.
fn operations(description: &Value) -> Vec<(String, String)> {
    let filled = |path: &str| {
        path.replace("{id}", "ada")
            .replace("{member}", "bob")
            .replace("{code}", "cooldown")
            .replace("{name}", "nobody")
            .replace("{file}", "curve.svg")
            .replace("{calendar}", "YWRh.0123456789abcdef.ics")
    };
    let paths = description["paths"].as_object().unwrap();
    let all = paths.iter().flat_map(|(path, item)| {
        item.as_object().unwrap().keys().map(move |method| (method.to_uppercase(), filled(path)))
    });
    // A live stream does not end, and erasing Ada would end the story.
    all.filter(|(method, path)| (method.as_str(), path.as_str()) != ("DELETE", "/v1/members/ada")).collect()
}

/// The bytes of the community's secret, from a backup.
fn community_secret(folder: &Path, store: &str) -> Vec<u8> {
    let file = folder.join("backup");
    run(&["backup", file.to_str().unwrap(), "--store", store]).succeeds();
    let mut text = String::new();
    zstd::Decoder::new(std::fs::File::open(file).unwrap()).unwrap().read_to_string(&mut text).unwrap();
    let line = text.lines().find(|line| line.contains("\\\"bytes\\\"")).unwrap();
    let bytes = line.split_once("\\\"bytes\\\":[").unwrap().1.split(']').next().unwrap();
    bytes.split(',').map(|byte| byte.parse().unwrap()).collect()
}

/// What was planted, by name.
#[derive(Default)]
struct Planted(Vec<(String, String)>);

impl Planted {
    fn add(&mut self, name: &str, secret: &str) {
        assert!(secret.len() >= 8, "{name}: {secret:?} is too short to be searched for");
        self.0.push((name.to_owned(), secret.to_owned()));
    }

    fn search(&self, place: &str, text: &str) {
        for (name, secret) in &self.0 {
            let around =
                text.find(secret.as_str()).map(|at| &text[text.floor_char_boundary(at.saturating_sub(200))..at]);
            assert!(around.is_none(), "{name} is in {place}, after {around:?}");
        }
    }
}

/// Asks for everything, in every way that somebody might.
fn ask_for_everything(client: &mut Client, bearers: &[&str], cookie: &str) {
    let pages = [
        "/network",
        "/invitations/sent",
        "/invitations/received",
        "/people/bob",
        "/connections",
        "/notifications",
        "/settings",
        "/standing",
        "/cleanup",
        "/insights",
        "/metrics",
        "/session/none",
        "/session/start",
        "/session/back?code=planted&state=planted",
        "/nothing",
    ];
    for page in pages {
        for cookie in [cookie, "__Host-acquaint=forged", ""] {
            client.call("GET", page, &[("Cookie", cookie)], "");
            client.call(
                "POST",
                page,
                &[("Cookie", cookie), ("Content-Type", "application/x-www-form-urlencoded")],
                "token=x",
            );
        }
    }
    let description = client.call("GET", "/openapi.json", &[], "").json();
    for (method, path) in operations(&description) {
        for bearer in bearers {
            let authorization = format!("Bearer {bearer}");
            for body in ["", "{", r#"{"to":"bob","member":"bob","by":"1s"}"#] {
                let headers = [
                    ("Authorization", authorization.as_str()),
                    ("Acquaint-Member", "ada"),
                    ("Content-Type", "application/json"),
                ];
                // What hands out a secret is asked for elsewhere.
                if method == "POST" && ["/v1/sessions", "/v1/cleanup/waiting/calendar"].contains(&path.as_str())
                    || path == "/v1/cleanup/waiting/calendar"
                {
                    client.handed(&method, &path, &headers, body);
                } else {
                    client.call(&method, &path, &headers, body);
                }
            }
        }
    }
}

/// The server, with secrets in every setting that takes one.
fn serve(at: &impl Fn(&str) -> String, store: &str) -> Command {
    std::fs::write(at("token"), TOKEN_SECRET).unwrap();
    std::fs::write(at("provider"), PROVIDER_SECRET).unwrap();
    // A provider that is not there: what cannot be done is logged as well.
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut command = acquaint();
    command.args(["serve", "--listen", "127.0.0.1:0", "--store", store, "--log-level", "trace", "--address-rate", "0"]);
    command.args(["--tls-certificate", &at("certificate.pem"), "--tls-key", &at("key.pem")]);
    command.args(["--token-algorithm", "HS256", "--token-secret-file", &at("token"), "--member-rate", "0"]);
    command.args(["--pages-url", "https://localhost", "--oidc-issuer", &format!("http://{gone}")]);
    command.args(["--oidc-secret-file", &at("provider")]).env("ACQUAINT_HOST_KEY", KEY);
    command
}

/// Every kind of key and token, good and bad.
fn hand_out_keys(client: &mut Client, planted: &mut Planted, host: &[(&str, &str)]) -> Vec<String> {
    let mut bearers =
        vec![KEY.to_owned(), WRONG_KEY.to_owned(), token(r#"{"sub":"ada","aud":"acquaint","exp":99999999999}"#)];
    bearers.push(token(r#"{"sub":"ada","aud":"acquaint","exp":1}"#));
    for body in
        [json!({"name": "shop", "scopes": ["read", "act", "admin"]}), json!({"name": "olga", "holder": "operator"})]
    {
        let made = client.handed("POST", "/v1/keys", host, &body.to_string());
        assert_eq!(made.status, 201, "{}", made.body);
        bearers.push(made.json()["key"].as_str().unwrap().to_owned());
    }
    for bearer in &bearers {
        planted.add("a key or a token", bearer);
    }
    bearers
}

/// A browser that is signed in, and a calendar; the cookie.
fn sign_in(client: &mut Client, planted: &mut Planted, host: &[(&str, &str)]) -> String {
    let ticket = client.handed("POST", "/v1/sessions", host, r#"{"member":"ada"}"#).json();
    planted.add("a ticket", ticket["ticket"].as_str().unwrap().rsplit('.').next().unwrap());
    let entered = client.handed("GET", ticket["path"].as_str().unwrap(), &[], "");
    assert_eq!(entered.status, 303, "{}", entered.body);
    let cookie = entered.cookie();
    planted.add("a cookie", cookie.rsplit(['.', '=']).next().unwrap());
    client.call("GET", ticket["path"].as_str().unwrap(), &[], "");
    let calendar =
        client.handed("POST", "/v1/cleanup/waiting/calendar", host, "").json()["path"].as_str().unwrap().to_owned();
    planted.add("the address of a calendar", calendar.trim_end_matches(".ics").rsplit('.').next().unwrap());
    assert_eq!(client.call("GET", &calendar, &[], "").status, 200);
    cookie
}

/// The community's secret, in every form that it could be written in.
fn plant_the_community_s(planted: &mut Planted, community: &[u8]) {
    assert_eq!(community.len(), 32);
    planted
        .add("the community's secret (hex)", &community.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
    planted.add("the community's secret (base64)", BASE64_STANDARD.encode(community).trim_end_matches('='));
    planted.add("the community's secret (base64url)", &BASE64_URL_SAFE_NO_PAD.encode(community));
    planted.add("the community's secret (numbers)", &format!("{community:?}"));
}

#[test]
fn no_secret_is_said_or_logged_in_a_whole_run() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let made = rcgen::generate_simple_self_signed(vec![HOST.into()]).unwrap();
    let private = made.signing_key.serialize_pem();
    let store = format!("fjall:{}", at("store"));
    std::fs::write(at("key.pem"), &private).unwrap();
    std::fs::write(at("certificate.pem"), made.cert.pem()).unwrap();
    let mut server = Server::spawn(serve(&at, &store));
    let mut log = server.child.stderr.take().unwrap();
    let reading = thread::spawn(move || {
        let mut text = String::new();
        log.read_to_string(&mut text).unwrap();
        text
    });
    let mut client = Client::new(&server.address, made.cert.der().to_vec());
    let host = format!("Bearer {KEY}");
    let host = [("Authorization", host.as_str()), ("Acquaint-Member", "ada"), ("Content-Type", "application/json")];
    let mut planted = Planted::default();
    planted.add("the host's key", KEY);
    planted.add("the secret of tokens", TOKEN_SECRET);
    planted.add("our secret at the provider", PROVIDER_SECRET);
    planted.add("a wrong key", WRONG_KEY);
    for line in private.lines().filter(|line| !line.starts_with("-----")) {
        planted.add("the private key of the certificate", line);
    }
    for member in ["ada", "bob"] {
        let name = json!({"name": member}).to_string();
        assert_eq!(client.call("PUT", &format!("/v1/members/{member}"), &host, &name).status, 200);
    }
    let bearers = hand_out_keys(&mut client, &mut planted, &host);
    let cookie = sign_in(&mut client, &mut planted, &host);
    let bearers: Vec<&str> = bearers.iter().map(String::as_str).collect();
    ask_for_everything(&mut client, &bearers, &cookie);
    server.signal("TERM");
    let code = server.child.wait().unwrap().code();
    let mut out = String::new();
    server.child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
    let log = reading.join().unwrap();
    assert_eq!(code, Some(0), "{log}");
    plant_the_community_s(&mut planted, &community_secret(folder.path(), &store));
    // The run was what it should be: it was logged, and both kinds of answers were given.
    assert!(log.contains("administration") && log.contains("DEBUG") && log.lines().count() > 500, "{log}");
    for status in [" 200 ", " 401 ", " 403 ", " 404 ", " 422 "] {
        assert!(client.told.contains(&format!("HTTP/1.1{status}")), "no answer was{status}");
    }
    planted.search("the log", &log);
    planted.search("standard output", &out);
    planted.search("an answer", &client.told);
}
