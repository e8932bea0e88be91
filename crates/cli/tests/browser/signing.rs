//! Signing in and out in a browser: with a ticket of the host's, and with a real OpenID Connect provider.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use super::common::{Client, KEY, Server, acquaint, field};
use super::driver::{Browser, DESKTOP, Driver, PHONE, Screen};
use super::looks::{assert_accessible, assert_fits, look};

/// The provider; killed when dropped.
struct Provider(Child);

impl Provider {
    /// It sends browsers back to that address; and its issuer.
    fn start(back: &str) -> (Self, String) {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../script/oidc-provider");
        let mut child = Command::new(script).arg(back).stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let mut issuer = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut issuer).unwrap();
        (Self(child), issuer.trim().to_owned())
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// A community whose pages are served to members who sign in.
pub(super) struct Community {
    pub(super) server: Server,
    site: String,
    driver: Arc<Driver>,
    _provider: Option<Provider>,
    _folder: tempfile::TempDir,
}

impl Community {
    /// Served with these settings as well, and with a provider to sign in with if there is to be one.
    pub(super) fn serving(more: &[&str], with_provider: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // Browsers are told the address before there is a server.
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let site = format!("http://localhost:{}", address.port());
        let mut command = acquaint();
        let store = format!("fjall:{}", folder.path().join("store").display());
        command.args(["serve", "--listen", &address.to_string(), "--store", &store, "--pages-url", &site]);
        command.args(more).env("ACQUAINT_HOST_KEY", KEY);
        let provider = with_provider.then(|| {
            let (provider, issuer) = Provider::start(&format!("{site}/session/back"));
            command.args(["--oidc-issuer", &issuer]).env("ACQUAINT_OIDC_SECRET", "a-secret-of-the-provider");
            provider
        });
        let server = Server::spawn(command);
        Self { server, site, driver: Driver::start(), _provider: provider, _folder: folder }
    }

    pub(super) fn browser(&self, screen: Screen) -> Browser {
        self.driver.open(screen, &self.site, true)
    }

    /// A call of the host's.
    pub(super) fn host(&self, method: &str, path: &str, body: &str) -> String {
        let mut client = Client::connect(&self.server.address).unwrap();
        let (status, said) = client.call(method, path, "ada", body).unwrap();
        assert!((200..300).contains(&status), "{method} {path}: {said}");
        said
    }
}

/// The page of whoever is not signed in. It is answered with 401, which browsers note as a complaint.
fn is_signed_out(browser: &Browser, path: &str, name: &str) {
    assert_eq!(browser.path(), path);
    browser.picture(name);
    assert_fits(browser, name);
    assert_accessible(browser, name);
    browser.complaints();
}

fn a_member_comes_and_goes(screen: Screen) {
    let community = Community::serving(&[], true);
    let browser = community.browser(screen);
    browser.go("/invitations/sent");
    is_signed_out(&browser, "/session/none", "signed-out");
    browser.named("Sign in").follow();
    // At the provider: who one is, and that one agrees.
    browser.find("input[name='login']").type_in("ada");
    browser.find("input[name='password']").type_in("x");
    browser.find("button[type='submit']").follow();
    browser.find("button[type='submit']").follow();
    browser.find("#main");
    assert_eq!(browser.path(), "/network");
    browser.complaints();
    browser.go("/network");
    browser.sees("ada by the provider");
    look(&browser, "signed-in");
    // Another browser is nobody.
    let other = community.browser(screen);
    other.go("/network");
    assert_eq!(other.path(), "/session/none");
    // The host signs her out everywhere.
    community.host("DELETE", "/v1/members/ada/sessions", "");
    browser.go("/standing");
    is_signed_out(&browser, "/session/none", "signed-out-by-the-host");
}

#[test]
fn a_member_comes_and_goes_at_a_desk() {
    a_member_comes_and_goes(DESKTOP);
}

#[test]
fn a_member_comes_and_goes_on_a_phone() {
    a_member_comes_and_goes(PHONE);
}

#[test]
fn a_ticket_signs_in_one_browser_once_and_signing_out_ends_it() {
    let community = Community::serving(&[], false);
    community.host("PUT", "/v1/members/ada", r#"{"name":"Ada Lovelace"}"#);
    let path = field(&community.host("POST", "/v1/sessions", r#"{"member":"ada"}"#), "path");
    let browser = community.browser(DESKTOP);
    browser.go(&path);
    assert_eq!(browser.path(), "/network", "the ticket does not stay in the address");
    browser.sees("Ada Lovelace");
    let other = community.browser(DESKTOP);
    other.go(&path);
    other.sees("This way in was used already");
    // No script can read what the browser is known by.
    assert_eq!(browser.js("return document.cookie", &[]), serde_json::json!(""));
    browser.named("Sign out").follow();
    is_signed_out(&browser, "/session/end", "signed-out-by-oneself");
    browser.go("/network");
    is_signed_out(&browser, "/session/none", "still-signed-out");
}
