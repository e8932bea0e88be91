//! What must not work, and what people write.

use std::io::{Read, Write};
use std::net::TcpStream;

use super::driver::DESKTOP;
use super::{AMARA, Stage, YUKI, be};

/// Sends a request as it is; the whole answer.
fn raw(stage: &Stage, request: &str) -> String {
    let mut stream = TcpStream::connect(&stage.server.address).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn post(stage: &Stage, host: &str, more: &str, body: &str) -> String {
    let length = body.len();
    raw(
        stage,
        &format!(
            "POST /demo/be HTTP/1.1\r\nHost: {host}\r\n{more}Connection: close\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n\r\n{body}"
        ),
    )
}

#[test]
fn a_form_without_its_token_or_from_elsewhere_changes_nothing() {
    let stage = Stage::new();
    let here = stage.server.address.clone();
    let page = raw(&stage, &format!("GET /demo HTTP/1.1\r\nHost: {here}\r\nConnection: close\r\n\r\n"));
    let cookie = page.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap().split(';').next().unwrap();
    let (_, token) = page.split_once("name=\"token\" value=\"").unwrap();
    let token = token.split('"').next().unwrap();
    let cookie = format!("Cookie: {cookie}\r\n");
    let good = format!("token={token}&member={AMARA}");
    let foreign = format!("{cookie}Origin: https://evil.example\r\n");
    for (host, more, body, status) in [
        (here.as_str(), cookie.as_str(), good.as_str(), "303"),
        (&here, &cookie, "member=ng-01", "403"),
        (&here, &cookie, "token=0&member=ng-01", "403"),
        (&here, "", &good, "403"),
        (&here, &foreign, &good, "403"),
        ("evil.example", &cookie, &good, "421"),
        (&here, &cookie, &good.replace("ng-01", "nobody"), "404"),
    ] {
        let answer = post(&stage, host, more, body);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{more}{body}: {answer}");
        assert!(answer.contains("content-security-policy: default-src 'none'; script-src 'self'"), "{answer}");
    }
    let long = format!("{good}&x={}", "x".repeat(70_000));
    assert!(post(&stage, &here, &cookie, &long).starts_with("HTTP/1.1 413"));
}

#[test]
fn the_calls_of_the_api_need_their_key_here_too() {
    let stage = Stage::new();
    let here = &stage.server.address;
    let answer = raw(&stage, &format!("GET /v1/standing HTTP/1.1\r\nHost: {here}\r\nConnection: close\r\n\r\n"));
    assert!(answer.starts_with("HTTP/1.1 401") && answer.contains("application/problem+json"), "{answer}");
}

#[test]
fn what_people_write_is_text() {
    let stage = Stage::new();
    let browser = stage.browser(DESKTOP, YUKI);
    let tower = format!("a{}", "\u{301}".repeat(300));
    let notes = ["<img src=x onerror=alert(1)><b>bold</b> & \"quoted\"", "\u{202e}gnp.cod 😀 שלום", tower.as_str()];
    for (recipient, note) in ["ng-02", "ng-03", "ng-04"].into_iter().zip(notes) {
        browser.go(&format!("/people/{recipient}"));
        browser.js("document.getElementById('note').value = arguments[0]", &[note.into()]);
        browser.named("Connect").click();
        browser.sees("Pending. You invited");
        assert_eq!(browser.js("return document.querySelector('.note').textContent", &[]), note);
        assert_eq!(browser.count(".note *"), 0, "no markup of theirs is ours");
        let high = browser.js("return document.querySelector('.note').getBoundingClientRect().height", &[]);
        assert!(high.as_f64().unwrap() < 300.0, "{high}");
    }
    be(&browser, "ng-02");
    browser.go("/invitations/received");
    browser.sees("<img src=x onerror=alert(1)><b>bold</b> & \"quoted\"");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}
