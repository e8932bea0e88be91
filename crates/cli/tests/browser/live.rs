//! What changes while a page is open: it comes and goes by itself, and nobody who is busy is disturbed.

use super::driver::{DESKTOP, PHONE};
use super::{AMARA, Stage, YUKI};

/// A line with a name in it.
fn line(name: &str) -> String {
    format!("[...document.querySelectorAll('ul[data-list] li')].some((line) => line.textContent.includes('{name}'))")
}

#[test]
fn an_invitation_comes_and_goes_on_an_open_page_and_its_acceptance_is_seen() {
    let stage = Stage::new();
    let (amara, yuki) = (stage.browser(DESKTOP, AMARA), stage.browser(PHONE, YUKI));
    amara.go("/invitations/received");
    let before = amara.js("return Number(document.querySelector('#count-received').textContent)", &[]);
    let count = |more: i64| {
        let number = before.as_i64().unwrap() + more;
        format!("document.querySelector('#count-received').textContent === '{number}'")
    };
    amara.wait(&count(0));
    assert_eq!(amara.js(&format!("return {}", line("Yuki Tanaka")), &[]), false);

    yuki.go(&format!("/people/{AMARA}"));
    yuki.named("Connect").click();
    amara.wait(&line("Yuki Tanaka"));
    amara.wait(&count(1));
    amara.wait("document.querySelector('#live').textContent === 'A new invitation is here.'");

    yuki.go("/invitations/sent");
    yuki.named("Withdraw").click();
    yuki.find(".asking button").click();
    yuki.sees("Withdrawn.");
    amara.wait(&format!("!({})", line("Yuki Tanaka")));
    amara.wait(&count(0));

    yuki.go("/invitations/sent");
    amara.go(&format!("/people/{YUKI}"));
    amara.named("Connect").click();
    amara.sees("Pending. You invited");
    amara.go("/invitations/sent");
    yuki.go("/invitations/received");
    yuki.wait(&line("Amara Okafor"));
    yuki.named("Accept").click();
    amara.wait("[...document.querySelectorAll('ul[data-list=sent] li.over')].some((line) => line.textContent.includes('Yuki Tanaka'))");
    assert_eq!(amara.complaints(), Vec::<String>::new());
    assert_eq!(yuki.complaints(), Vec::<String>::new());
}

#[test]
fn a_line_that_somebody_is_busy_with_stays_until_they_are_done() {
    let stage = Stage::new();
    let (amara, yuki) = (stage.browser(DESKTOP, AMARA), stage.browser(PHONE, YUKI));
    yuki.go(&format!("/people/{AMARA}"));
    yuki.named("Connect").click();
    yuki.sees("Pending. You invited");
    amara.go("/invitations/received");
    amara.wait(&line("Yuki Tanaka"));
    let open = "const line = [...document.querySelectorAll('li')].find((line) => line.textContent.includes('Yuki Tanaka'));\
        line.querySelector('details').open = true;";
    amara.js(open, &[]);
    let before = amara.js("return Number(document.querySelector('#count-received').textContent)", &[]);
    yuki.go("/invitations/sent");
    yuki.named("Withdraw").click();
    yuki.find(".asking button").click();
    yuki.sees("Withdrawn.");
    let number = before.as_i64().unwrap() - 1;
    amara.wait(&format!("document.querySelector('#count-received').textContent === '{number}'"));
    assert_eq!(amara.js(&format!("return {}", line("Yuki Tanaka")), &[]), true, "its menu is open");
}

#[test]
fn a_notification_comes_to_the_open_list_and_to_the_bell() {
    let stage = Stage::new();
    let (amara, yuki) = (stage.browser(DESKTOP, AMARA), stage.browser(PHONE, YUKI));
    yuki.go("/notifications");
    yuki.wait("document.querySelector('[data-list=notifications]')");
    amara.go(&format!("/people/{YUKI}"));
    amara.named("Connect").click();
    amara.sees("Pending. You invited");
    yuki.wait("document.querySelector('[data-list=notifications]').textContent.includes('Amara Okafor')");
    yuki.wait("document.querySelector('[data-badge=unread] .badge')");
}
