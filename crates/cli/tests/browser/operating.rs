//! The pages of operators: signing in with a key, endpoints, what they were told, and what was given up.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};

use serde_json::{Value, json};

use super::common::{KEY, Ran, acquaint, field};
use super::driver::{Browser, DESKTOP, PHONE, Screen};
use super::looks::{assert_accessible, assert_fits, look};
use super::signing::Community;

/// Something that takes whatever is posted to it; its address.
fn receiver() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || listener.incoming().flatten().try_for_each(take));
    format!("http://{address}/arrivals")
}

fn take(stream: TcpStream) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let (mut line, mut length) = (String::new(), 0);
    while stream.read_line(&mut line)? > 2 {
        let found = line.to_ascii_lowercase().strip_prefix("content-length:").map(|rest| rest.trim().to_owned());
        length = found.and_then(|found| found.parse().ok()).unwrap_or(length);
        line.clear();
    }
    stream.read_exact(&mut vec![0; length])?;
    stream.get_mut().write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nthanks")
}

/// An address where nobody listens.
fn nowhere() -> String {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    format!("http://{address}/lost")
}

fn operators_key(community: &Community, name: &str) -> String {
    let mut command = acquaint();
    command.args(["keys", "create", name, "--operator", "--server", &community.server.address]);
    let made = Ran(command.env("ACQUAINT_HOST_KEY", KEY).output().unwrap()).succeeds();
    made.split_whitespace().find(|word| word.starts_with("acq_")).unwrap().to_owned()
}

fn sign_in(browser: &Browser, key: &str) {
    browser.find("input[name='key']").type_in(key);
    browser.named("Sign in").follow();
}

/// Loads the page again until it shows this.
fn comes(browser: &Browser, path: &str, text: &str) {
    let shows = |_: &u32| {
        browser.go(path);
        browser.find("main").text().contains(text)
    };
    assert!((0..300).any(|turn| shows(&turn)), "{text:?} never came on {path}: {}", browser.find("main").text());
}

fn an_operator_sees_to_webhooks(screen: Screen) {
    let community = Community::serving(&["--webhook-http", "--webhook-networks", "127.0.0.0/8"], false);
    let key = operators_key(&community, "olga");
    let browser = community.browser(screen);
    browser.go("/operator/dead-letters");
    assert_eq!(browser.path(), "/operator", "nobody is let in yet");
    look(&browser, "operator-door");
    // A key of the host's is none of an operator's: it could do more.
    for wrong in [KEY, "acq_nothing", "x"] {
        sign_in(&browser, wrong);
        assert!(browser.find("[role='alert']").text().contains("not the key of an operator"), "{wrong}");
    }
    assert_fits(&browser, "operator-wrong");
    assert_accessible(&browser, "operator-wrong");
    browser.complaints();
    sign_in(&browser, &key);
    browser.sees("Nothing is told what happens");
    look(&browser, "operator-empty");

    let make = |url: &str, description: &str| {
        let body = json!({"url": url, "description": description, "events": ["invitation.accepted"]});
        field(&community.host("POST", "/v1/webhooks", &body.to_string()), "id")
    };
    let (good, lost) = (make(&receiver(), "The shop <b>"), make(&nowhere(), ""));
    browser.go("/operator");
    browser.sees("The shop <b>");
    assert_eq!(browser.count(".rows > .row"), 2);
    look(&browser, "operator");
    browser.find(&format!("a[href='/operator/webhooks/{good}']")).follow();
    browser.sees("Nothing is on its way.");
    browser.named("Send a test").follow();
    browser.sees("Something to try it out is on its way.");
    let arrived = format!("/operator/webhooks/{good}?stage=delivered");
    comes(&browser, &arrived, "200 thanks");
    look(&browser, "operator-arrived");
    browser.named("Send again").follow();
    browser.sees("It is sent off once more.");
    browser.named("Switch off").follow();
    browser.sees("as was asked");
    browser.named("Switch on").follow();
    browser.sees("It is on.");

    let waiting = format!("/operator/webhooks/{lost}");
    browser.go(&waiting);
    browser.named("Send a test").follow();
    comes(&browser, &waiting, "webhook.test");
    comes(&browser, &waiting, "Connection refused");
    look(&browser, "operator-waiting");
    browser.named("Dead letters").follow();
    browser.sees("Nothing was given up");
    look(&browser, "operator-dead-letters");
    browser.go(&waiting);
    browser.named("Delete").click();
    browser.named("Delete it for good").follow();
    browser.sees("The endpoint is gone.");
    assert_eq!(browser.count(".rows > .row"), 1);
    assert_eq!(browser.complaints(), Vec::<String>::new());

    assert_trail_tells(&community);
    // What another page would have her browser post is not done.
    let forged =
        "return fetch(arguments[0], { method: 'POST', body: new URLSearchParams({ token: 'x' }) }).then(r => r.status)";
    let address = format!("/operator/webhooks/{good}/delete");
    assert_eq!(browser.js(forged, &[address.into()]), 403);
    browser.complaints();

    // The key is revoked while she is signed in.
    community.host("DELETE", "/v1/keys/olga", "");
    browser.go(&arrived);
    assert_eq!(browser.path(), "/operator");
    assert_eq!(browser.count("input[name='key']"), 1);
}

/// All that she did is in the trail, under her name.
fn assert_trail_tells(community: &Community) {
    let trail: Value = serde_json::from_str(&community.host("GET", "/v1/audit", "")).unwrap();
    let entries = trail["items"].as_array().unwrap().iter().filter(|entry| entry["key"] == "olga");
    let told = entries.map(|entry| (entry["operation"].as_str().unwrap().to_owned(), entry["status"].clone()));
    let mut told: Vec<_> = told.collect();
    told.reverse();
    let expected = [
        "testWebhook",
        "replayWebhookDelivery",
        "disableWebhook",
        "enableWebhook",
        "testWebhook",
        "listDeadLetters",
        "deleteWebhook",
    ];
    assert_eq!(told, expected.map(|operation| (operation.to_owned(), json!(200))));
}

#[test]
fn an_operator_sees_to_webhooks_at_a_desk() {
    an_operator_sees_to_webhooks(DESKTOP);
}

#[test]
fn an_operator_sees_to_webhooks_on_a_phone() {
    an_operator_sees_to_webhooks(PHONE);
}

#[test]
fn an_operator_signs_out() {
    let community = Community::serving(&[], false);
    let key = operators_key(&community, "olga");
    let browser = community.browser(DESKTOP);
    browser.go("/operator");
    sign_in(&browser, &key);
    browser.sees("Webhooks");
    // She is no member.
    browser.go("/network");
    assert_eq!(browser.path(), "/session/none");
    browser.go("/operator");
    browser.named("Sign out").follow();
    assert_eq!(browser.count("input[name='key']"), 1);
    browser.go("/operator/dead-letters");
    assert_eq!(browser.path(), "/operator");
}
