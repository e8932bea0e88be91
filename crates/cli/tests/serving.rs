//! `acquaint serve`, as a process: ready, one owner, stopping, and what survives being killed.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "tests, and what helps them, stop at the first surprise")]

mod common;

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::sync::Mutex;
use std::thread;

use common::{Client, KEY, Server, acquaint, field, run};

#[test]
fn it_says_where_it_listens_and_stops_when_told() {
    for signal in ["TERM", "INT"] {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start(&folder.path().join("store"), &[]);
        let (status, body) = server.client().call("POST", "/v1/invitations", "a", r#"{"to":"b"}"#).unwrap();
        assert_eq!(status, 201, "{body}");
        let (_, metrics) = server.client().call("GET", "/metrics", "a", "").unwrap();
        // At least that of the invitation: the outbox writes how far it has come, too.
        let commits = metrics.lines().find_map(|line| line.strip_prefix("acquaint_store_commits_total "));
        assert!(commits.is_some_and(|commits| commits.parse::<u64>().unwrap() >= 1), "{metrics}");
        server.signal(signal);
        let (code, out, log) = server.end();
        assert_eq!((code, out.as_str()), (Some(0), ""), "{log}");
        assert!(log.contains("stopped"), "{log}");
    }
}

#[test]
fn a_store_has_one_owner() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store");
    let _server = Server::start(&store, &[]);
    let store = format!("fjall:{}", store.display());
    let mut second = acquaint();
    second.args(["serve", "--listen", "127.0.0.1:0", "--store", &store]).env("ACQUAINT_HOST_KEY", KEY);
    common::Ran(second.output().unwrap()).fails(1, "another process holds the store");
    let backup = folder.path().join("backup");
    run(&["backup", backup.to_str().unwrap(), "--store", &store]).fails(1, "another process holds the store");
}

#[test]
fn an_address_that_is_taken_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(&folder.path().join("one"), &[]);
    let store = format!("fjall:{}", folder.path().join("two").display());
    let mut second = acquaint();
    second.args(["serve", "--listen", &server.address, "--store", &store]).env("ACQUAINT_HOST_KEY", KEY);
    common::Ran(second.output().unwrap()).fails(1, &format!("cannot listen on {}", server.address));
}

#[test]
fn certificates_that_cannot_be_read_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = acquaint();
    let store = format!("fjall:{}", folder.path().join("store").display());
    command.args(["serve", "--listen", "127.0.0.1:0", "--store", &store]).env("ACQUAINT_HOST_KEY", KEY);
    command.env("SSL_CERT_FILE", folder.path().join("mistyped.pem")).env_remove("SSL_CERT_DIR");
    let server = Server::spawn(command);
    server.signal("TERM");
    let (code, _, log) = server.end();
    assert_eq!(code, Some(0));
    assert!(log.contains("mistyped.pem") && log.contains("no certificates are trusted"), "{log}");
}

#[test]
fn in_development_the_clock_can_be_set_and_a_key_is_made_up() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = acquaint();
    let store = format!("fjall:{}", folder.path().join("store").display());
    command.args(["serve", "--dev", "--listen", "localhost:0", "--store", &store]);
    let server = Server::spawn(command);
    let (status, _) = server.client().call("GET", "/v1/dev/clock", "a", "").unwrap();
    assert_eq!(status, 401);
    server.signal("TERM");
    let (code, _, log) = server.end();
    assert_eq!(code, Some(0));
    assert!(log.contains("no host key was given; for this run it is dev_"), "{log}");

    let server = Server::start(&folder.path().join("store"), &["--dev"]);
    let (status, body) = server.client().call("POST", "/v1/dev/clock/advance", "a", r#"{"by":"21d"}"#).unwrap();
    assert_eq!(status, 200, "{body}");
}

#[test]
fn host_keys_are_read_from_a_file_one_a_line() {
    let folder = tempfile::tempdir().unwrap();
    let keys = folder.path().join("keys");
    fs::write(&keys, format!("older-key\n\n{KEY}\n")).unwrap();
    let mut command = acquaint();
    let store = format!("fjall:{}", folder.path().join("store").display());
    command.args(["serve", "--listen", "127.0.0.1:0", "--store", &store]).env("ACQUAINT_HOST_KEY_FILE", &keys);
    let server = Server::spawn(command);
    assert_eq!(server.client().call("GET", "/v1/standing", "a", "").unwrap().0, 200);
}

#[test]
fn a_hang_up_reads_the_policy_again_and_a_wrong_one_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let policy = folder.path().join("policy.toml");
    fs::write(&policy, "preset = \"open\"\n").unwrap();
    let mut server = Server::start(&folder.path().join("store"), &["--policy", policy.to_str().unwrap()]);
    let mut log = std::io::BufReader::new(server.child.stderr.take().unwrap());
    let mut wait_for = |words: &str| {
        let mut line = String::new();
        while !line.contains(words) {
            line.clear();
            assert!(std::io::BufRead::read_line(&mut log, &mut line).unwrap() > 0, "the log ended");
        }
        line
    };
    let mut client = server.client();
    let mut cap = || {
        let (_, body) = client.call("GET", "/v1/standing", "a", "").unwrap();
        serde_json::from_str::<serde_json::Value>(&body).unwrap()["pending_cap"].as_u64()
    };
    assert_eq!(cap(), None);
    fs::write(&policy, "preset = \"open\"\n[limits]\npending_cap = 7\n").unwrap();
    server.signal("HUP");
    wait_for("is in force");
    assert_eq!(cap(), Some(7));
    fs::write(&policy, "preset = \"open\"\n[limits]\npending_cap = \"seven\"\n").unwrap();
    server.signal("HUP");
    assert!(wait_for("stays as it was").contains("line 3"));
    assert_eq!(cap(), Some(7));
    server.child.stderr = Some(log.into_inner());
}

/// Connections that load the server before it is killed.
const CONNECTIONS: usize = 8;
/// Acknowledged invitations after which it is killed.
const ENOUGH: usize = 1_500;

/// Invites on several connections until the server is killed in the middle; what was acknowledged.
fn load_and_kill(store: &Path, round: usize) -> Vec<(String, String)> {
    let server = Mutex::new(Server::start(store, &["--policy", "open"]));
    let address = server.lock().unwrap().address.clone();
    let acknowledged = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for connection in 0..CONNECTIONS {
            let (address, acknowledged, server) = (&address, &acknowledged, &server);
            scope.spawn(move || {
                let mut client = Client::connect(address).unwrap();
                let sender = format!("sender-{round}-{connection}");
                for number in 0.. {
                    let body = format!(r#"{{"to":"member-{round}-{connection}-{number}"}}"#);
                    let Ok((status, body)) = client.call("POST", "/v1/invitations", &sender, &body) else { return };
                    assert_eq!(status, 201, "{body}");
                    let mut all = acknowledged.lock().unwrap();
                    all.push((sender.clone(), field(&body, "id")));
                    if all.len() == ENOUGH {
                        // SIGKILL, while the other connections wait for their answers.
                        server.lock().unwrap().child.kill().unwrap();
                    }
                }
            });
        }
    });
    acknowledged.into_inner().unwrap()
}

#[test]
fn what_was_acknowledged_survives_being_killed() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store");
    let mut acknowledged = Vec::new();
    for round in 0..2 {
        acknowledged.extend(load_and_kill(&store, round));
        assert!(acknowledged.len() >= ENOUGH * (round + 1));
        let server = Server::start(&store, &["--policy", "open"]);
        let mut client = server.client();
        for (sender, id) in &acknowledged {
            let (status, body) = client.call("GET", &format!("/v1/invitations/{id}"), sender, "").unwrap();
            assert_eq!((status, field(&body, "state").as_str()), (200, "pending"), "{body}");
        }
        server.signal("TERM");
        assert_eq!(server.end().0, Some(0));
    }
}

#[test]
fn a_reader_who_goes_away_is_no_failure() {
    let mut child = acquaint().args(["policy", "show", "linkedin"]).stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

/// The member's token is signed by hand, as any host would: HMAC with SHA-256 (RFC 7515).
#[test]
fn members_call_with_tokens_of_the_host() {
    let folder = tempfile::tempdir().unwrap();
    let secret = "a planted secret of thirty-two bytes or more";
    let file = folder.path().join("token.secret");
    fs::write(&file, format!("{secret}\n")).unwrap();
    let more = ["--token-algorithm", "HS256", "--token-secret-file", file.to_str().unwrap(), "--log-level", "trace"];
    let server = Server::start(&folder.path().join("store"), &more);
    let token = token(secret, r#"{"sub":"ada","aud":"acquaint","exp":99999999999}"#);
    for (given, expected) in [(token.as_str(), 200), ("forged.forged.forged", 401)] {
        let (status, body) = server.client().call_as(given, "GET", "/v1/standing").unwrap();
        assert_eq!(status, expected, "{body}");
        assert!(!body.contains(given));
    }
    server.signal("TERM");
    let (_, out, log) = server.end();
    for planted in [secret, KEY, &token, "forged.forged"] {
        assert!(!out.contains(planted) && !log.contains(planted), "{planted:?} is in the log");
    }
}

fn token(secret: &str, claims: &str) -> String {
    use base64::Engine as _;
    let base64 = base64::prelude::BASE64_URL_SAFE_NO_PAD;
    let signed = format!("{}.{}", base64.encode(r#"{"alg":"HS256"}"#), base64.encode(claims));
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret.as_bytes());
    let seal = base64.encode(ring::hmac::sign(&key, signed.as_bytes()));
    format!("{signed}.{seal}")
}

#[test]
fn settings_of_tokens_that_cannot_be_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let short = folder.path().join("short");
    fs::write(&short, "hush").unwrap();
    let short = short.to_str().unwrap();
    for (given, why) in [
        (&["--token-algorithm", "none"][..], "expected HS256, RS256, ES256 or EdDSA"),
        (&["--token-algorithm", "HS256"], "HS256 needs a secret"),
        (&["--token-algorithm", "HS256", "--token-secret-file", short], "at least 32 bytes"),
        (&["--token-algorithm", "RS256"], "RS256 needs the public keys"),
        (&["--token-algorithm", "RS256", "--token-key-set", short], "not a JSON Web Key Set"),
    ] {
        let mut command = acquaint();
        command.arg("serve").args(given).env("ACQUAINT_HOST_KEY", KEY);
        let ran = common::Ran(command.output().unwrap());
        ran.fails(2, why);
        assert!(!ran.stderr().contains("hush"));
    }
}

#[test]
fn keys_are_made_and_revoked_in_a_store_and_through_its_server() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let store = format!("fjall:{}", path.display());
    drop(Server::start(&path, &[]));
    let made = run(&["keys", "create", "shop", "--scopes", "read", "--store", &store]).succeeds();
    run(&["keys", "create", "shop", "--scopes", "act", "--store", &store]).fails(1, "there is a key of that name");
    run(&["keys", "create", "x", "--scopes", "root", "--store", &store]).fails(2, "a scope is read, act or admin");

    let server = Server::start(&path, &["--log-level", "trace"]);
    run(&["keys", "list", "--store", &store]).fails(1, "another process holds the store");
    let keys = |args: &[&str]| {
        let mut command = acquaint();
        command.arg("keys").args(args).args(["--server", &server.address]).env("ACQUAINT_HOST_KEY", KEY);
        common::Ran(command.output().unwrap())
    };
    let other = keys(&["create", "back-office", "--scopes", "admin,read"]).succeeds();
    let listed = keys(&["list"]).succeeds();
    assert!(listed.starts_with("back-office\tread,admin\t") && listed.contains("\nshop\tread\t"), "{listed}");
    let status = |key: &str| server.client().call_as(key.trim(), "GET", "/v1/events").unwrap().0;
    assert_eq!((status(&made), status(&other)), (200, 200));
    keys(&["revoke", "shop"]).succeeds();
    keys(&["revoke", "shop"]).fails(1, "there is no key of the name");
    assert_eq!((status(&made), status(&other)), (401, 200));
    server.signal("TERM");
    let (_, _, log) = server.end();
    assert!(log.contains("administration") && log.contains("revokeKey"), "{log}");
    for secret in [made.trim(), other.trim(), KEY] {
        assert!(!log.contains(secret), "a key is in the log");
    }
}

#[test]
fn what_is_for_signing_in_goes_with_the_pages() {
    for flag in ["--oidc-issuer", "--sign-in-url"] {
        let mut command = acquaint();
        command.args(["serve", flag, "https://login.example.org"]).env("ACQUAINT_HOST_KEY", KEY);
        common::Ran(command.output().unwrap())
            .fails(2, &format!("{flag}: members sign in to the pages, so --pages-url"));
    }
}
