//! The pages of the demo in a real Chromium, at the width of a desk and of a phone, with JavaScript
//! and without.
//!
//! | module | what it proves |
//! |---|---|
//! | [`withdrawing`] | the two ways to Withdraw, several in a row by keyboard, the list keeps its place |
//! | [`answering`] | accepting, ignoring, and two browsers at once |
//! | [`cleaning`] | a clean-up plan from the first look to its end, the wait list, insights |
//! | [`connecting`] | notes, errors beside their fields, refusals with dates, what time changes |
//! | [`plain`] | all of it with JavaScript off |
//! | [`live`] | what changes while a page is open |
//! | [`looks`] | every page: axe-core finds nothing, nothing is stopped by the policy, it is light; pictures |
//! | [`operating`] | the pages of those who look after the community |
//! | [`own`] | a person's own LinkedIn export |
//! | [`smoke`] | the main ways on PostgreSQL; the tests above are on the embedded store |
//! | [`signing`] | signing in with a ticket and with a provider, signing out; the pages around it |
//! | [`safety`] | forged forms, strange hosts, what people write |
#![cfg(unix)]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests, and what helps them, stop at the first surprise"
)]

mod answering;
mod cleaning;
#[path = "../common/mod.rs"]
mod common;
mod connecting;
mod driver;
mod live;
mod looks;
mod operating;
mod own;
mod plain;
mod safety;
mod signing;
mod smoke;
mod withdrawing;

use std::sync::Arc;

use acquaint_testkit::postgres::Place;
use common::{Server, acquaint};
use driver::{Browser, Driver, Screen};

/// Those of the demo with a part of their own.
const AMARA: &str = "ng-01";
const MATEO: &str = "mx-01";
const INGRID: &str = "no-01";
const YUKI: &str = "jp-01";
const LEILA: &str = "lb-01";
const DEV: &str = "in-01";
const LENA: &str = "de-01";

/// A running demo, as new, at a time that is always the same, and what drives browsers.
struct Stage {
    driver: Arc<Driver>,
    server: Server,
    folder: tempfile::TempDir,
    place: Option<Place>,
}

impl Stage {
    fn new() -> Self {
        Self::on(None)
    }

    /// On a database, or on the embedded store.
    fn on(place: Option<Place>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = Self::serve(&folder, place.as_ref());
        Self { driver: Driver::start(), server, folder, place }
    }

    fn serve(folder: &tempfile::TempDir, place: Option<&Place>) -> Server {
        let mut command = acquaint();
        if let Some(place) = place {
            command.args(["migrate", "--store", place.url()]);
            assert!(command.output().unwrap().status.success(), "the database was not migrated");
            command = acquaint();
        }
        command.args(["demo", "--listen", "127.0.0.1:0", "--at", "2026-11-25T09:00:00Z", "--dir"]).arg(folder.path());
        if let Some(place) = place {
            command.args(["--store", place.url()]);
        }
        Server::spawn(command)
    }

    /// The same demo, stopped and started again.
    fn again(self) -> Self {
        let Self { driver, server, folder, place } = self;
        server.signal("TERM");
        assert_eq!(server.end().0, Some(0));
        let server = Self::serve(&folder, place.as_ref());
        Self { driver, server, folder, place }
    }

    fn site(&self) -> String {
        format!("http://{}", self.server.address)
    }

    /// A browser in which one is that member.
    fn browser(&self, screen: Screen, who: &str) -> Browser {
        let browser = self.driver.open(screen, &self.site(), true);
        be(&browser, who);
        browser
    }

    /// The same with JavaScript off.
    fn plain_browser(&self, screen: Screen, who: &str) -> Browser {
        let browser = self.driver.open(screen, &self.site(), false);
        be(&browser, who);
        browser
    }
}

/// Becomes somebody, by the chooser.
fn be(browser: &Browser, who: &str) {
    if browser.path() != "/demo" {
        browser.go("/demo");
    }
    // The chooser shows the first people; the others are found by paging on.
    while browser.count_plain(&format!("button[value='{who}']")) == 0 {
        browser.named("Show more people").follow();
    }
    browser.find(&format!("button[value='{who}']")).follow();
    browser.find("#main");
    assert_eq!(browser.path(), "/network");
}

/// The id of the member to whose page the element leads.
fn member_of(browser: &Browser, css: &str) -> String {
    browser.find(css).property("href").rsplit('/').next().unwrap().to_owned()
}
