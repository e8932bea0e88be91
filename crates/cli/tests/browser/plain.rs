//! The same with JavaScript off: every action is a form, every answer a page.

use super::driver::{DESKTOP, PHONE};
use super::{AMARA, MATEO, Stage};

#[test]
fn withdrawing_without_script_keeps_the_place_too() {
    let stage = Stage::new();
    for screen in [DESKTOP, PHONE] {
        let browser = stage.plain_browser(screen, AMARA);
        browser.go("/invitations/sent");
        let id = browser.find(".row:nth-child(2)").property("id");
        let name = browser.find(".row:nth-child(2) .name").text();
        browser.find(".row:nth-child(2) [data-act]").follow();
        assert!(browser.path().starts_with(&format!("/invitations/{id}/withdraw")));
        assert!(browser.find(".ask").text().contains("It is final"));
        browser.find(".ask button").follow();
        assert!(browser.find(".said").text().contains(&format!("Your invitation to {name} is withdrawn.")));
        assert_eq!(browser.find(".row:nth-child(2)").property("id"), id, "the line is still there, and says so");
        assert!(browser.find(".row:nth-child(2)").text().contains("Withdrawn."));
        // What was said is said once.
        browser.go("/invitations/sent");
        assert_eq!(browser.count_plain(".said"), 0);
    }
}

#[test]
fn answering_connecting_and_looking_without_script() {
    let stage = Stage::new();
    let browser = stage.plain_browser(DESKTOP, AMARA);
    let name = browser.find(".row .name").text();
    browser.named("Accept").follow();
    assert_eq!(browser.path(), "/network");
    assert!(browser.find(".said").text().contains(&format!("You and {name} are connected.")));
    browser.find(".person .name").follow();
    let long = "y".repeat(201);
    browser.find("#note").type_in(&long);
    browser.named("Connect").follow();
    assert!(browser.find("#note-error").text().contains("The note is too long"));
    assert_eq!(browser.find("#note").property("value"), long);
    browser.find("#note").type_in("\u{e003}");
    browser.named("Connect").follow();
    assert!(browser.find(".said").text().contains("is sent."));
    assert!(browser.find("#relation").text().contains("Pending."));
    browser.named("7 d").follow();
    assert!(browser.find(".said").text().contains("7 days later: it is 2 December 2026."));
}

#[test]
fn long_lists_go_on_without_script() {
    let stage = Stage::new();
    let browser = stage.plain_browser(PHONE, MATEO);
    browser.go("/invitations/sent?order=oldest");
    let first = browser.find(".row").property("id");
    browser.named("Show more").follow();
    assert!(browser.path().contains("after=inv_") && browser.path().contains("order=oldest"));
    assert_ne!(browser.find(".row").property("id"), first);
    browser.find("select[name='weeks'] option[value='4']").click();
    browser.named("Show").follow();
    assert!(browser.path().contains("weeks=4"));
}
