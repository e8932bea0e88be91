//! The main ways through the pages with the community in PostgreSQL.

use acquaint_testkit::postgres::Place;

use super::driver::{DESKTOP, PHONE};
use super::{AMARA, Stage};

#[test]
fn withdrawing_accepting_and_a_second_start_on_postgresql() {
    let stage = Stage::on(Some(Place::new().unwrap()));
    let browser = stage.browser(DESKTOP, AMARA);
    browser.named("My Network").follow();
    browser.named("See all").follow();
    let received: u32 = browser.find("#count-received").text().parse().unwrap();
    browser.named("Accept").click();
    browser.sees("You are connected.");
    browser.wait(&format!("document.getElementById('count-received').textContent === '{}'", received - 1));
    browser.named("Sent").follow();
    let sent: u32 = browser.find("#count-sent").text().parse().unwrap();
    let name = browser.find(".row .name").text();
    browser.named("Withdraw").click();
    browser.sees(&format!("Withdraw your invitation to {name}?"));
    browser.find(".asking button").click();
    browser.sees("Withdrawn. They are not told.");
    drop(browser);

    let stage = stage.again();
    let browser = stage.plain_browser(PHONE, AMARA);
    browser.go("/invitations/sent");
    assert_eq!(browser.find("#count-sent").text(), (sent - 1).to_string(), "a second start keeps the data");
}
