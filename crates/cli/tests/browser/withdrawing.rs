//! Withdrawing, which is what many come for.

use super::driver::{DESKTOP, PHONE};
use super::{AMARA, MATEO, Stage};

/// The two keys that open and confirm.
const ENTER: &str = "\u{e007}";

#[test]
fn on_a_desktop_the_way_is_my_network_see_all_sent_withdraw() {
    let stage = Stage::new();
    let browser = stage.browser(DESKTOP, AMARA);
    browser.named("My Network").follow();
    browser.named("See all").follow();
    browser.named("Sent").follow();
    let name = browser.find(".row .name").text();
    browser.named("Withdraw").click();
    browser.sees(&format!("Withdraw your invitation to {name}?"));
    browser.sees("They are not told.");
    browser.sees("You may invite them again after 21 days, from 16 December 2026.");
    browser.find(".asking button").click();
    browser.sees("Withdrawn. They are not told. You may invite them again from 16 December 2026.");
    assert_eq!(browser.path(), "/invitations/sent");
    assert_eq!(browser.find(".row .name").text(), name, "the line says so in its place");
    browser.wait(&format!(
        "document.getElementById('live').textContent.includes('Your invitation to {name} is withdrawn.')"
    ));
}

#[test]
fn on_a_phone_the_way_is_the_bottom_bar_invitations_sent_withdraw() {
    let stage = Stage::new();
    let browser = stage.browser(PHONE, AMARA);
    let bar = browser.js("return document.querySelector('.main-nav').getBoundingClientRect().bottom", &[]);
    assert_eq!(bar.as_f64(), Some(844.0), "the bar is at the bottom");
    browser.named("My Network").follow();
    let top = browser.js("return document.querySelector('.manage a').getBoundingClientRect().top", &[]);
    assert!(top.as_f64().unwrap() < 250.0, "Invitations are at the top, at {top}");
    browser.named("Invitations").follow();
    browser.named("Sent").follow();
    browser.named("Withdraw").click();
    browser.find(".asking button").click();
    browser.sees("Withdrawn. They are not told.");
}

#[test]
fn several_are_withdrawn_by_keyboard_one_after_another_and_the_list_keeps_its_place() {
    let stage = Stage::new();
    let browser = stage.browser(DESKTOP, MATEO);
    browser.go("/invitations/sent?order=oldest");
    assert_eq!(browser.find("#count-sent").text(), "143");
    // Somewhere down the list.
    browser.js("document.querySelectorAll('.row [data-act]')[8].focus()", &[]);
    let names = browser.js("return [...document.querySelectorAll('.row .name')].map(n => n.textContent)", &[]);
    for step in 0..3 {
        browser.press(ENTER);
        browser.wait("document.activeElement.matches('.asking button')");
        let scrolled = browser.js("return scrollY", &[]);
        browser.press(ENTER);
        let over = format!("document.querySelectorAll('.row.over').length === {}", step + 1);
        browser.wait(&over);
        browser.wait("document.activeElement.matches('[data-act]')");
        let place = browser
            .js("return [...document.querySelectorAll('.row')].indexOf(document.activeElement.closest('.row'))", &[]);
        assert_eq!(place, 9 + step, "the keyboard is on the next line");
        let moved = browser.js("return scrollY", &[]).as_f64().unwrap() - scrolled.as_f64().unwrap();
        assert!((0.0..=200.0).contains(&moved.abs()), "the list moved by {moved}");
        browser.wait(&format!("document.getElementById('count-sent').textContent === '{}'", 142 - step));
    }
    let now = browser.js("return [...document.querySelectorAll('.row .name')].map(n => n.textContent)", &[]);
    let first = |names: &serde_json::Value| names.as_array().unwrap()[..20].to_vec();
    assert_eq!(first(&now), first(&names), "every line is where it was");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn one_may_think_better_of_it() {
    let stage = Stage::new();
    let browser = stage.browser(DESKTOP, AMARA);
    browser.go("/invitations/sent");
    let before = browser.find("#count-sent").text();
    browser.named("Withdraw").click();
    browser.named("Keep it").click();
    browser.wait("document.querySelector('.row').matches(':not(.asking)')");
    browser.wait("document.activeElement === document.querySelector('.row [data-act]')");
    assert_eq!(browser.find("#count-sent").text(), before);
}

#[test]
fn filters_and_pages_show_what_is_looked_for() {
    let stage = Stage::new();
    let browser = stage.browser(DESKTOP, MATEO);
    browser.go("/invitations/sent");
    assert_eq!(browser.count(".rows > .row"), 20);
    browser.js("document.querySelector('.more').scrollIntoView()", &[]);
    browser.wait("document.querySelectorAll('.rows > .row').length === 40");
    let name = browser.find(".row:nth-child(5) .name").text();
    browser.find("#name").type_in(&name.to_lowercase());
    browser.wait(&format!(
        "[...document.querySelectorAll('.row .name')].every(n => n.textContent === {name:?}) && location.search.includes('name=')"
    ));
    browser.go("/invitations/sent?weeks=4&note=with");
    let old = "[...document.querySelectorAll('.row')].every(row => row.querySelector('.note')
        && Date.parse('2026-11-25T09:00:00Z') - Date.parse(row.querySelector('.facts time').dateTime) > 28 * 86400e3)";
    assert!(browser.count(".row") > 0);
    browser.wait(old);
    browser.go("/invitations/sent?name=nobody-of-that-name");
    browser.sees("Nothing fits");
}
