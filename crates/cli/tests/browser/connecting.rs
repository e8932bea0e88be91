//! Inviting: notes, mistakes, refusals with their dates, and what time changes.

use super::driver::{Browser, DESKTOP, PHONE};
use super::{AMARA, DEV, INGRID, LENA, Stage, YUKI, be, member_of};

/// Opens the page of somebody whom Amara may know.
fn stranger(browser: &Browser) -> String {
    browser.go("/network");
    let id = member_of(browser, ".person .name");
    browser.go(&format!("/people/{id}"));
    id
}

#[test]
fn connecting_with_a_note_counts_what_is_left() {
    let stage = Stage::new();
    let browser = stage.browser(DESKTOP, AMARA);
    let id = stranger(&browser);
    browser.sees("notes left this month");
    // One letter of two code points, and an emoji of four: three characters for a reader.
    browser.find("#note").type_in("Zoe\u{301}");
    browser.wait("document.querySelector('[data-left]').textContent === '197 characters left'");
    browser.named("Connect").click();
    browser.sees("Pending. You invited");
    browser.go("/invitations/sent");
    assert_eq!(member_of(&browser, ".row .name"), id);
    assert_eq!(browser.find(".row .note").text(), "Zoe\u{301}");
}

#[test]
fn a_note_that_is_too_long_is_kept_with_the_error_beside_it() {
    let stage = Stage::new();
    for screen in [DESKTOP, PHONE] {
        let browser = stage.browser(screen, AMARA);
        stranger(&browser);
        let long = "x".repeat(203);
        browser.find("#note").type_in(&long);
        browser.wait("document.querySelector('[data-left]').textContent === '3 characters too many'");
        browser.named("Connect").click();
        browser.sees("The note is too long: at most 200 characters. Nothing is lost, shorten it.");
        assert_eq!(browser.find("#note").property("value"), long);
        browser.wait("document.activeElement.id === 'note' && document.activeElement.getAttribute('aria-describedby').includes('note-error')");
    }
}

#[test]
fn who_asks_for_the_address_gets_it_beside_the_field() {
    let stage = Stage::new();
    let browser = stage.browser(DESKTOP, AMARA);
    browser.go(&format!("/people/{DEV}"));
    browser.find("#note").type_in("Hello Dev");
    browser.named("Connect").click();
    browser.sees("Type in their e-mail address.");
    browser.find("#email").type_in("dev@elsewhere.example");
    browser.named("Connect").click();
    browser.sees("This is not the address that they gave.");
    assert_eq!(browser.find("#email").property("value"), "dev@elsewhere.example");
    assert_eq!(browser.find("#note").property("value"), "Hello Dev");
    browser.js("document.getElementById('email').value = ''", &[]);
    browser.find("#email").type_in("in-01@community.example");
    browser.named("Connect").click();
    browser.sees("Pending. You invited Dev Patel");
}

#[test]
fn a_wait_is_told_with_its_date_and_is_over_in_time() {
    let stage = Stage::new();
    let browser = stage.browser(DESKTOP, AMARA);
    browser.go("/invitations/sent");
    let id = member_of(&browser, ".row .name");
    browser.named("Withdraw").click();
    browser.find(".asking button").click();
    browser.sees("Withdrawn.");
    browser.go(&format!("/people/{id}"));
    browser.sees("Connecting is not possible now");
    browser.sees("again from 16 December 2026 (in 3 weeks).");
    browser.named("21 d").click();
    browser.sees("21 days later: it is 16 December 2026.");
    assert_eq!(browser.path(), format!("/people/{id}"), "one stays where one was");
    browser.named("Connect").click();
    browser.sees("Pending. You invited");
}

#[test]
fn refusals_say_why_and_until_when() {
    let stage = Stage::new();
    let browser = stage.browser(DESKTOP, INGRID);
    browser.go("/people/ng-02");
    browser.sees("You cannot send invitations until 28 November 2026");
    browser.go("/standing");
    browser.sees("Too many of your invitations went unanswered or were reported.");
    browser.sees("What still works");
    browser.named("7 d").click();
    browser.sees("7 days later: it is 2 December 2026.");
    browser.go("/people/ng-02");
    browser.find("form.invite");
    be(&browser, AMARA);
    browser.go(&format!("/people/{LENA}"));
    browser.sees("does not take invitations. You can follow them instead.");
    browser.find("form[action$='/follow'] button").click();
    browser.wait("document.querySelector(\"form[action$='/unfollow'] button\") === document.activeElement");
}

#[test]
fn reminders_and_endings_come_with_time() {
    let stage = Stage::new();
    let browser = stage.browser(DESKTOP, YUKI);
    browser.go(&format!("/people/{AMARA}"));
    browser.named("Connect").click();
    browser.sees("Pending. You invited Amara Okafor");
    browser.named("7 d").click();
    browser.sees("7 days later");
    browser.go("/invitations/sent");
    browser.sees("1 of 2 reminders due so far");
    let other = stage.browser(PHONE, AMARA);
    other.go("/notifications");
    other.sees("Yuki Tanaka still waits for your answer.");
    let round =
        "return [...document.querySelectorAll('.kind')].every((kind) => kind.offsetWidth === kind.offsetHeight)";
    assert_eq!(other.js(round, &[]), true, "what kind it is of is told in a circle");
    browser.named("180 d").click();
    browser.sees("Nothing waits for an answer");
    // The demo comes back with the clock as it was left.
    let stage = stage.again();
    let browser = stage.browser(DESKTOP, YUKI);
    browser.sees("31 May 2027");
}

#[test]
fn a_card_of_my_network_connects_in_place() {
    let stage = Stage::new();
    let browser = stage.browser(PHONE, AMARA);
    browser.find(".person form button").click();
    browser.wait("document.querySelector('.person .outcome')?.textContent.includes('Pending.')");
    browser.wait("document.activeElement.closest('.person')?.matches(':nth-child(2)')");
    assert_eq!(browser.path(), "/network");
}

#[test]
fn blocking_is_asked_about_and_can_be_taken_back() {
    let stage = Stage::new();
    let browser = stage.browser(DESKTOP, AMARA);
    let id = stranger(&browser);
    browser.named("More").click();
    browser.named("Block").follow();
    assert_eq!(browser.path(), format!("/people/{id}/block"));
    browser.named("Block").click();
    browser.sees("They are not told.");
    browser.go("/blocked");
    browser.named("Unblock").click();
    browser.sees("You block nobody.");
    browser.go(&format!("/people/{id}"));
    browser.named("More").click();
    browser.sees("can block them again after 48 hours");
}

#[test]
fn settings_are_kept() {
    let stage = Stage::new();
    let browser = stage.browser(PHONE, AMARA);
    browser.named("Settings").follow();
    browser.find("input[value='nobody']").click();
    browser.find("input[name='reminders']").click();
    browser.named("Save").click();
    browser.sees("Your settings are saved.");
    browser.go("/settings");
    assert_eq!(browser.find("input[value='nobody']").property("checked"), "true");
    assert_eq!(browser.find("input[name='reminders']").property("checked"), "false");
    be(&browser, YUKI);
    browser.go(&format!("/people/{AMARA}"));
    browser.sees("Amara Okafor does not take invitations.");
}
