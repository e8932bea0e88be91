//! Every page, looked at: by axe-core, by the browser's own policy, by weight, and as a picture.

use serde_json::{Value, json};

use super::driver::{Browser, DESKTOP, PHONE, Screen};
use super::{AMARA, DEV, INGRID, LEILA, LENA, MATEO, Stage, YUKI, be};

const AXE: &str = include_str!("vendor/axe.min.js");
/// Most bytes of a page with all that it needs, when a browser sees it for the first time.
const MAX_WEIGHT: f64 = 120.0 * 1024.0;

/// Who looks at what; the name is that of the picture.
const PAGES: [(&str, &str, &str); 28] = [
    ("network", AMARA, "/network"),
    ("received", AMARA, "/invitations/received"),
    ("sent", AMARA, "/invitations/sent"),
    ("connections", AMARA, "/connections"),
    ("followers", AMARA, "/followers"),
    ("notifications", AMARA, "/notifications"),
    ("settings", AMARA, "/settings"),
    ("me", AMARA, "/people/ng-01"),
    ("profile-email", AMARA, "/people/in-01"),
    ("profile-nobody", AMARA, "/people/de-01"),
    ("block", AMARA, "/people/ng-05/block"),
    ("sent-many", MATEO, "/invitations/sent?order=oldest"),
    ("standing-elevated", MATEO, "/standing"),
    ("cleanup", MATEO, "/cleanup"),
    ("insights", MATEO, "/insights"),
    ("waiting", INGRID, "/cleanup/waiting"),
    ("standing-restricted", INGRID, "/standing"),
    ("profile-restricted", INGRID, "/people/ng-05"),
    ("received-many", LEILA, "/invitations/received"),
    ("following", DEV, "/following"),
    ("blocked", DEV, "/blocked"),
    ("network-empty", YUKI, "/network"),
    ("sent-empty", YUKI, "/invitations/sent"),
    ("cleanup-empty", YUKI, "/cleanup"),
    ("waiting-empty", YUKI, "/cleanup/waiting"),
    ("insights-empty", YUKI, "/insights"),
    ("notifications-empty", YUKI, "/notifications"),
    ("standing", LENA, "/standing"),
];

/// Has axe-core look at the page as it stands.
pub(crate) fn assert_accessible(browser: &Browser, what: &str) {
    browser.js(AXE, &[]);
    let tags = json!(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]);
    let script = "return axe.run(document, { runOnly: arguments[0], resultTypes: ['violations'] })
        .then(found => found.violations.map(v => v.id + ': ' + v.help + ' – '
          + v.nodes.map(n => n.target.join(' ') + ' (' + n.any.concat(n.all, n.none).map(c => c.message).join('; ') + ')').join(', ')))";
    let found = browser.js(script, &[tags]);
    assert_eq!(found, json!([]), "{what} at {} px", browser.screen.width);
}

/// Nothing reaches over the edge of the screen.
pub(crate) fn assert_fits(browser: &Browser, what: &str) {
    let wide = browser.js("return document.documentElement.scrollWidth", &[]);
    assert!(wide.as_u64().unwrap() <= browser.screen.width.into(), "{what} is {wide} px wide");
}

/// Looks at the page as it stands, and keeps a picture of it.
pub(crate) fn look(browser: &Browser, name: &str) {
    browser.picture(name);
    assert_fits(browser, name);
    assert_accessible(browser, name);
    assert_eq!(browser.complaints(), Vec::<String>::new(), "{name}");
}

fn every_page(screen: Screen) {
    let stage = Stage::new();
    let browser = stage.driver.open(screen, &stage.site(), true);
    browser.go("/demo");
    look(&browser, "chooser");
    browser.go("/operator");
    look(&browser, "operator-of-the-demo");
    let mut now = "";
    for (name, who, path) in PAGES {
        if who != now {
            be(&browser, who);
            now = who;
        }
        browser.go(path);
        look(&browser, name);
    }
    parts_that_change(&browser);
    browser.go("/nowhere");
    browser.picture("nothing-here");
    assert_accessible(&browser, "nothing-here");
}

/// What a page becomes when something on it is pressed.
fn parts_that_change(browser: &Browser) {
    be(browser, MATEO);
    browser.go("/cleanup");
    browser.named("Look at the plan").click();
    browser.sees("In this order");
    look(browser, "cleanup-plan-asked");
    browser.named("Start the plan").follow();
    browser.named("1 d").click();
    browser.sees("1 day later");
    look(browser, "cleanup-plan");
    browser.go("/insights");
    browser.js("document.querySelectorAll('details').forEach(d => d.open = true)", &[]);
    look(browser, "insights-numbers");
    be(browser, AMARA);
    browser.go("/invitations/sent");
    browser.named("Withdraw").click();
    browser.find(".asking button");
    look(browser, "withdraw-asked");
    browser.find(".asking button").click();
    browser.sees("Withdrawn.");
    look(browser, "withdrawn");
    browser.go("/invitations/received");
    browser.find(".menu summary").click();
    look(browser, "received-menu");
    browser.find(".menu[open] button[value='spam']").click();
    browser.sees("They cannot invite you again.");
    browser.named("Accept").click();
    browser.sees("You are connected.");
    look(browser, "received-answered");
    browser.go("/network");
    browser.find(".person .name").follow();
    look(browser, "profile");
    browser.find("#note").type_in(&"z".repeat(205));
    browser.named("Connect").click();
    browser.sees("The note is too long");
    look(browser, "profile-error");
}

#[test]
fn every_page_on_a_desktop() {
    every_page(DESKTOP);
}

#[test]
fn every_page_on_a_desktop_in_the_dark() {
    every_page(Screen { dark: true, ..DESKTOP });
}

#[test]
fn every_page_on_a_phone() {
    every_page(PHONE);
}

#[test]
fn every_page_on_a_phone_in_the_dark() {
    every_page(Screen { dark: true, ..PHONE });
}

#[test]
fn a_page_is_light_and_asks_nobody_else() {
    let stage = Stage::new();
    for (who, path) in [(AMARA, "/network"), (MATEO, "/invitations/sent"), (AMARA, "/people/de-01")] {
        let browser = stage.browser(DESKTOP, who);
        browser.devtools("Network.enable", &json!({}));
        browser.devtools("Network.setCacheDisabled", &json!({ "cacheDisabled": true }));
        browser.go(path);
        browser.wait("document.readyState === 'complete'");
        let loaded = browser.js(
            "return [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]
               .map(e => ({ from: e.name, bytes: e.transferSize }))",
            &[],
        );
        let loaded = loaded.as_array().unwrap();
        let weight: f64 = loaded.iter().map(|entry| entry["bytes"].as_f64().unwrap()).sum();
        let elsewhere = |entry: &&Value| !entry["from"].as_str().unwrap().starts_with(&stage.site());
        assert_eq!(loaded.iter().find(elsewhere), None);
        assert!(
            loaded.len() > 4 && (10_000.0..MAX_WEIGHT).contains(&weight),
            "{path} weighs {weight} bytes: {loaded:?}"
        );
        println!("{path} weighs {weight} bytes in {} answers", loaded.len());
    }
}
