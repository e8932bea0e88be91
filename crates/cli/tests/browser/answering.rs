//! Answering invitations, and two people who do something at the same time.

use super::driver::{DESKTOP, PHONE};
use super::{AMARA, LEILA, Stage, be, member_of};

#[test]
fn accepting_and_ignoring_show_in_place() {
    let stage = Stage::new();
    let browser = stage.browser(DESKTOP, AMARA);
    browser.go("/invitations/received");
    let all: u32 = browser.find("#count-received").text().parse().unwrap();
    browser.named("Accept").click();
    browser.sees("You are connected.");
    browser.wait(&format!("document.getElementById('count-received').textContent === '{}'", all - 1));
    browser.wait("document.activeElement.matches('.row:nth-child(2) [data-act]')");
    browser.named("Ignore").click();
    browser.sees("Ignored. They are not told.");
    browser.find(".row:not(.over) .menu summary").click();
    browser.find(".menu[open] button[value='dont_know']").click();
    browser.sees("They cannot invite you again.");
    browser.wait(&format!("document.getElementById('count-received').textContent === '{}'", all - 3));
    // The latest was from Leila, who sees it too.
    be(&browser, LEILA);
    browser.go(&format!("/people/{AMARA}"));
    browser.sees("Connected just now");
}

#[test]
fn a_menu_is_closed_with_escape() {
    let stage = Stage::new();
    let browser = stage.browser(PHONE, AMARA);
    browser.go("/invitations/received");
    browser.find(".menu summary").click();
    browser.find(".menu[open]");
    browser.press("\u{e00c}");
    browser.wait("!document.querySelector('.menu[open]') && document.activeElement.matches('.menu summary')");
}

#[test]
fn an_ignored_invitation_still_looks_pending_to_its_sender() {
    let stage = Stage::new();
    let mine = stage.browser(DESKTOP, AMARA);
    mine.go("/invitations/received");
    mine.find(".row:not(.over) form[action$='/decline'] .button").click();
    mine.sees("Ignored. They are not told.");
    let theirs = stage.browser(DESKTOP, LEILA);
    theirs.go(&format!("/people/{AMARA}"));
    theirs.sees("Pending. You invited Amara Okafor");
    theirs.go("/invitations/sent?name=amara");
    theirs.sees("first reminder in 6 days");
    theirs.go("/network");
    let suggested = "[...document.querySelectorAll('.person .name')].every(n => n.textContent !== 'Amara Okafor')";
    theirs.wait(suggested);
}

#[test]
fn who_withdraws_what_was_just_accepted_is_told_kindly() {
    let stage = Stage::new();
    let sender = stage.browser(DESKTOP, AMARA);
    sender.go("/invitations/sent");
    let recipient_id = member_of(&sender, ".row .name");
    sender.named("Withdraw").click();
    sender.find(".asking button");
    let recipient = stage.browser(PHONE, &recipient_id);
    recipient.go(&format!("/people/{AMARA}"));
    recipient.named("Accept").click();
    recipient.sees("You and Amara Okafor are connected.");
    sender.find(".asking button").click();
    sender.sees("Accepted in the meantime: you are connected.");
    assert_eq!(sender.complaints(), Vec::<String>::new());
}

#[test]
fn who_accepts_what_was_just_withdrawn_is_told_kindly() {
    let stage = Stage::new();
    let sender = stage.browser(DESKTOP, AMARA);
    sender.go("/invitations/sent");
    let recipient_id = member_of(&sender, ".row .name");
    let recipient = stage.browser(PHONE, &recipient_id);
    recipient.go("/invitations/received");
    recipient.find(&format!(".row .name[href='/people/{AMARA}']"));
    // Without its live stream, the page is as it was loaded.
    recipient.js("window.dispatchEvent(new Event('pagehide'))", &[]);
    sender.named("Withdraw").click();
    sender.find(".asking button").click();
    sender.sees("Withdrawn. They are not told.");
    let accept = format!(".row:has(.name[href='/people/{AMARA}']) form[action$='/accept'] button");
    recipient.find(&accept).click();
    recipient.sees("This invitation is no longer there.");
}
