//! Signing in with a real OpenID Connect provider: its own process, its own pages.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use acquaint_app::SessionRules;
use acquaint_core::time::Span;
use acquaint_server::{Oidc, Pages};

use crate::town::{Call, Plan, Reply, Town};

const BACK: &str = "https://town/session/back";

/// The provider; killed when dropped.
struct Provider {
    child: Child,
    issuer: String,
}

impl Provider {
    fn start() -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../script/oidc-provider");
        let mut child = Command::new(script).arg(BACK).stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let mut issuer = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut issuer).unwrap();
        Self { child, issuer: issuer.trim().to_owned() }
    }

    fn address(&self) -> SocketAddr {
        self.issuer.strip_prefix("http://").unwrap().parse().unwrap()
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// A browser's cookies for one host.
#[derive(Default)]
struct Jar(BTreeMap<String, String>);

impl Jar {
    fn keep(&mut self, reply: &Reply) {
        for set in reply.headers.get_all("set-cookie") {
            let pair = set.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            self.0.insert(name.to_owned(), value.to_owned());
        }
    }

    fn header(&self) -> String {
        let pairs: Vec<String> = self.0.iter().map(|(name, value)| format!("{name}={value}")).collect();
        pairs.join("; ")
    }
}

async fn town(provider: &Provider, secret: &str) -> Town {
    let oidc = Oidc::new(&provider.issuer, "acquaint", Some(secret.to_owned()), BACK).unwrap();
    assert!(!format!("{oidc:?}").contains(secret));
    let sessions = SessionRules { idle: Span::minutes(30), lifetime: Span::hours(2) };
    let pages = Pages { host: "town".into(), sessions, sign_in: None, oidc: Some(oidc) };
    Town::built(Plan { pages: Some(pages), ..Plan::default() }).await
}

/// Goes to the provider, says there who one is, agrees, and is sent back; the path and query of that.
async fn through(provider: &Provider, start: &str, who: &str) -> String {
    let mut jar = Jar::default();
    let mut path = start.strip_prefix(&provider.issuer).unwrap().to_owned();
    for _ in 0..12 {
        let mut reply = Call::to(provider.address(), "GET", &path).header("cookie", jar.header()).send().await;
        jar.keep(&reply);
        if reply.status == 200 {
            let is_login = reply.text().contains("name=\"login\"");
            let form = if is_login { format!("prompt=login&login={who}&password=x") } else { "prompt=consent".into() };
            let post = Call::to(provider.address(), "POST", &path).header("cookie", jar.header());
            reply = post.header("content-type", "application/x-www-form-urlencoded").raw(form).send().await;
            jar.keep(&reply);
        }
        let to = reply.header("location").unwrap_or_else(|| panic!("{} {}", reply.status, reply.text())).to_owned();
        if let Some(back) = to.strip_prefix("https://town") {
            return back.to_owned();
        }
        to.strip_prefix(&provider.issuer).unwrap_or(&to).clone_into(&mut path);
    }
    panic!("the provider leads round and round");
}

/// Begins at our side: where the browser is sent, and what it is to remember.
async fn started(town: &Town) -> (String, String) {
    let reply = town.call("GET", "/session/start").send().await;
    assert_eq!(reply.status, 303, "{}", reply.text());
    let mut jar = Jar::default();
    jar.keep(&reply);
    (reply.header("location").unwrap().to_owned(), jar.header())
}

#[tokio::test(flavor = "multi_thread")]
async fn members_sign_in_with_a_provider() {
    let provider = Provider::start();
    let town = town(&provider, "a-secret-of-the-provider").await;
    let led = town.call("GET", "/session/none").send().await;
    assert!(led.status == 401 && led.text().contains("href=\"/session/start\""));
    let (start, remembered) = started(&town).await;
    for part in ["code_challenge_method=S256", "response_type=code", "nonce=", "state="] {
        assert!(start.contains(part), "{part} is not in {start}");
    }
    let back = through(&provider, &start, "ada").await;

    // Whoever brings the answer without having asked, or another question's, is not let in.
    let (_, other) = started(&town).await;
    for cookie in ["", other.as_str(), &remembered.replace('~', "-")] {
        let reply = town.call("GET", &back).header("cookie", cookie).send().await;
        assert!(reply.status == 401 && reply.header("set-cookie").is_none(), "{}", reply.status);
    }
    let entered = town.call("GET", &back).header("cookie", remembered.as_str()).send().await;
    assert_eq!((entered.status, entered.header("location")), (303, Some("/network")), "{}", entered.text());
    let mut jar = Jar::default();
    jar.keep(&entered);
    assert_eq!(jar.0["__Host-acquaint-way"], "", "an attempt is good once");
    let page = town.call("GET", "/network").header("cookie", jar.header()).send().await;
    assert!(page.status == 200 && page.text().contains("ada by the provider"), "{}", page.text());
    let member = town.host("GET", "/v1/members/ada").send().await.json();
    assert_eq!((&member["name"], &member["email"]), (&"ada by the provider".into(), &"ada@example.org".into()));
    // The code was used.
    let again = town.call("GET", &back).header("cookie", remembered.as_str()).send().await;
    assert_eq!(again.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_without_its_proof_or_our_secret_is_worth_nothing() {
    let provider = Provider::start();
    let ours = town(&provider, "a-secret-of-the-provider").await;
    let thief = town(&provider, "another-secret").await;
    let (start, remembered) = started(&thief).await;
    let back = through(&provider, &start, "ada").await;
    assert_eq!(thief.call("GET", &back).header("cookie", remembered).send().await.status, 401);
    // A code of Ada's attempt, brought in with the state of another: the proof key is another's, too.
    let (start, _) = started(&ours).await;
    let stolen = through(&provider, &start, "ada").await;
    let (start, mine) = started(&ours).await;
    let state = |text: &str| text.split("state=").nth(1).unwrap().split('&').next().unwrap().to_owned();
    let swapped = stolen.replace(&state(&stolen), &state(&start));
    assert_eq!(ours.call("GET", &swapped).header("cookie", mine).send().await.status, 401);
}

#[tokio::test]
async fn a_provider_that_is_away_is_told() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let issuer = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let oidc = Oidc::new(&issuer, "acquaint", None, BACK).unwrap();
    let sessions = SessionRules { idle: Span::minutes(30), lifetime: Span::hours(2) };
    let pages = Pages { host: "town".into(), sessions, sign_in: None, oidc: Some(oidc) };
    let town = Town::built(Plan { pages: Some(pages), ..Plan::default() }).await;
    assert_eq!(town.call("GET", "/session/start").send().await.status, 503);
}
