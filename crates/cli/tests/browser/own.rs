//! "Your LinkedIn": a made-up export in a browser, from what was sent to what is withdrawn by hand.

use super::common::{Ran, Server, acquaint};
use super::driver::{Browser, DESKTOP, Driver, PHONE, Screen};
use super::looks::look;

const NOW: &str = "2026-03-10T08:00:00Z";

/// Pages of an export of sixty people, half of whom accepted on the day.
struct Desk {
    driver: Driver,
    server: Server,
    folder: tempfile::TempDir,
}

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut rows = "From,To,Sent At,Direction,inviterProfileUrl,inviteeProfileUrl\n".to_owned();
        let mut connections = "First Name,Last Name,URL,Connected On\n".to_owned();
        for number in 0..60 {
            let address = format!("https://www.linkedin.com/in/made-up-{number}");
            let day = 1 + number % 28;
            rows += &format!(
                "Me,Made Up {number},\"1/{day}/26, 9:00 AM\",OUTGOING,https://www.linkedin.com/in/me,{address}\n"
            );
            if number % 2 == 0 {
                connections += &format!("Made,Up {number},{address},{day:02} Jan 2026\n");
            }
        }
        connections += "Late,Comer,,01 Mar 2026\n";
        std::fs::write(folder.path().join("Invitations.csv"), rows).unwrap();
        std::fs::write(folder.path().join("Connections.csv"), connections).unwrap();
        let mut command = acquaint();
        command.args(["linkedin", "import", ".", "--now", NOW]).current_dir(folder.path());
        Ran(command.output().unwrap()).succeeds();
        let mut command = acquaint();
        command.args(["linkedin", "pages", "--listen", "127.0.0.1:0", "--now", NOW]).current_dir(folder.path());
        Self { driver: Driver::start(), server: Server::spawn(command), folder }
    }

    fn browser(&self, screen: Screen) -> Browser {
        self.driver.open(screen, &format!("http://{}", self.server.address), true)
    }
}

#[test]
fn what_was_withdrawn_by_hand_is_noted_and_waits() {
    let desk = Desk::new();
    let browser = desk.browser(PHONE);
    browser.go("/");
    assert_eq!(browser.path(), "/linkedin/sent");
    browser.sees("Pending or unknown");
    browser.named("Clean up").follow();
    browser.sees("30 are old. Withdraw at most 25 more today; at that pace it takes 2 days in all.");
    assert_eq!(browser.count(".rows > .row"), 25);
    let name = browser.find(".row .name bdi").text();
    browser.named("Withdraw").click();
    browser.sees("Press Pending, below the name.");
    let link = browser.find(".steps-there a").property("href");
    assert!(link.starts_with("https://www.linkedin.com/in/made-up-"), "{link}");
    browser.named("I withdrew it").click();
    browser.sees("from 31 March 2026. 24 are left for today.");
    assert_eq!(browser.count(".rows > .row"), 24);
    browser.named("Wait list").follow();
    browser.sees("you may invite them again from 31 March 2026");
    let dates = browser.js("return fetch('/linkedin/waiting.ics').then(r => r.text())", &[]);
    assert!(dates.as_str().unwrap().contains("DTSTART:20260331T080000Z"), "{dates}");
    let ledger = || std::fs::read_to_string(desk.folder.path().join("acquaint-linkedin/ledger.json")).unwrap();
    assert_eq!(ledger().matches("withdrawn_at").count(), 1);
    browser.named("I did not").click();
    browser.sees("counts as not withdrawn again");
    browser.sees("Nobody is on the wait list");
    assert_eq!(ledger().matches("withdrawn_at").count(), 0);
    browser.go(&format!("/linkedin/sent?status=pending_or_unknown&name={}", name.replace(' ', "+")));
    browser.sees(&name);
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn every_page_of_ones_own_can_be_read() {
    let desk = Desk::new();
    for screen in [DESKTOP, PHONE, Screen { dark: true, ..PHONE }] {
        let browser = desk.browser(screen);
        for (name, path) in [
            ("own-sent", "/linkedin/sent?weeks=2"),
            ("own-cleanup", "/linkedin/cleanup"),
            ("own-waiting", "/linkedin/waiting"),
            ("own-insights", "/linkedin/insights"),
        ] {
            browser.go(path);
            look(&browser, name);
            // Nothing is asked of anybody else.
            let from =
                browser.js("return performance.getEntriesByType('resource').map(e => new URL(e.name).host)", &[]);
            let from = from.as_array().unwrap().iter().all(|host| host == desk.server.address.as_str());
            assert!(from, "{name}");
        }
        browser.go("/linkedin/cleanup");
        browser.named("Withdraw").click();
        look(&browser, "own-steps");
        browser.go("/linkedin/insights");
        assert!(browser.count(".plot svg") >= 5);
    }
}
