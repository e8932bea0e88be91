//! Cleaning up: chosen, looked at, begun, watched day by day; then the wait list, and insights.

use super::driver::{Browser, DESKTOP, PHONE};
use super::{MATEO, Stage, YUKI};

/// The number at the beginning of the heading of the plan.
fn done(browser: &Browser) -> u64 {
    browser.find(".plan h2").text().split(' ').next().unwrap().parse().unwrap()
}

/// Lets a day pass, on the page that one is on.
fn next_day(browser: &Browser) {
    // The page of the day before says so too.
    browser.named("1 d").follow();
    browser.sees("1 day later");
}

#[test]
fn a_plan_is_looked_at_begun_and_carried_out_day_by_day() {
    let stage = Stage::new();
    let browser = stage.browser(DESKTOP, MATEO);
    browser.go("/invitations/sent");
    let before: u64 = browser.find("#count-sent").text().parse().unwrap();
    browser.named("Clean up").follow();
    assert_eq!(browser.path(), "/cleanup");
    let all = browser.count(".pick");
    assert!(all > 60, "{all} suggestions");
    browser.sees("They have not been here for a long time.");
    browser.sees("in 100 like this are still accepted");
    // The first one stays.
    let kept = browser.find(".pick .name").text();
    browser.find(".pick input").click();
    browser.named("Look at the plan").click();
    browser.sees(&format!("Withdraw {} invitations?", all - 1));
    browser.sees("At most 25 a day");
    assert!(!browser.find(".numbered").text().contains(&kept), "{kept}");
    assert_eq!(
        browser.find(".ask li:nth-child(3)").text(),
        "Whoever accepts before their turn stays connected with you."
    );
    browser.named("Start the plan").click();
    browser.sees("The plan begins.");
    browser.sees(&format!("0 of {} done", all - 1));

    browser.named("Pause").click();
    browser.sees("Nothing is withdrawn until you go on.");
    next_day(&browser);
    browser.sees(&format!("Paused, 0 of {} done", all - 1));
    browser.named("Go on").click();
    browser.sees("The plan goes on.");
    let skipped = browser.find(".plain .name").text();
    browser.named("Keep it").click();
    browser.sees("That invitation is kept.");
    let mut last = done(&browser);
    assert_eq!(last, 1);
    for day in 1.. {
        next_day(&browser);
        if browser.count(".plan.over") == 1 {
            break;
        }
        let now = done(&browser);
        // The first one goes at once, and the one after 24 hours on the same button.
        let most = if day == 1 { 26 } else { 25 };
        assert!((last + 1..=last + most).contains(&now), "{last} and then {now} on day {day}");
        assert!(day < 12, "it does not end");
        last = now;
    }
    browser.sees("The last plan is finished");
    browser.sees(&format!("1 kept, {} withdrawn", all - 2));
    browser.go("/invitations/sent");
    let after: u64 = browser.find("#count-sent").text().parse().unwrap();
    assert_eq!(before - after, all - 2);
    browser.go(&format!("/invitations/sent?name={}", skipped.replace(' ', "+")));
    browser.sees(&skipped);
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn a_plan_ends_when_its_owner_says_so() {
    let stage = Stage::new();
    let browser = stage.plain_browser(PHONE, MATEO);
    browser.go("/cleanup");
    browser.find("select[name='budget'] option[value='5']").click();
    browser.named("Look at the plan").click();
    assert!(browser.find(".ask").text().contains("At most 5 a day"));
    browser.named("Start the plan").follow();
    browser.named("1 d").follow();
    browser.go("/cleanup");
    assert!(browser.find(".plan h2").text().starts_with("6 of "), "{}", browser.find(".plan h2").text());
    browser.named("End the plan").click();
    assert!(browser.find(".said").text().contains("What was withdrawn stays withdrawn."));
    assert!(browser.find(".plan.over").text().contains("6 withdrawn"));
    browser.named("21 d").follow();
    browser.go("/cleanup");
    assert!(browser.find(".plan.over").text().contains("6 withdrawn"), "nothing more is");
}

#[test]
fn whoever_is_left_alone_is_suggested_again_when_their_owner_says_so() {
    let stage = Stage::new();
    for browser in [stage.browser(DESKTOP, MATEO), stage.plain_browser(PHONE, MATEO)] {
        browser.go("/cleanup");
        let all = browser.count(".pick");
        let name = browser.find(".pick .name").text();
        browser.find(".pick .row-acts button").follow();
        assert!(browser.find(".said").text().contains("left alone from now on"));
        assert_eq!(browser.count(".pick"), all - 1);
        assert_ne!(browser.find(".pick .name").text(), name);
        // A tag takes everybody with it who has it.
        let tag = browser.find(".skip-tags label").text();
        let (tag, count) = tag.trim_end_matches(')').rsplit_once(" (").unwrap();
        browser.find(".skip-tags input[name='tag']").click();
        browser.find(".skip-tags button").follow();
        assert_eq!(browser.count(".pick"), all - 1 - count.parse::<u64>().unwrap());
        browser.find(".kept summary").click();
        let kept = browser.find(".kept").text();
        assert!(kept.contains("Left alone for good (2)") && kept.contains(&name) && kept.contains(tag), "{kept}");
        browser.find(".kept button").follow();
        browser.find(".kept summary").click();
        browser.find(".kept button").follow();
        assert_eq!(browser.count(".kept"), 0);
        assert_eq!(browser.count(".pick"), all);
        assert_eq!(browser.complaints(), Vec::<String>::new());
    }
}

#[test]
fn a_plan_goes_on_after_the_server_was_stopped() {
    let stage = Stage::new();
    let browser = stage.browser(DESKTOP, MATEO);
    browser.go("/cleanup");
    browser.named("Look at the plan").click();
    browser.named("Start the plan").click();
    browser.sees("The plan begins.");
    next_day(&browser);
    let before = done(&browser);
    let stage = stage.again();
    let browser = stage.browser(DESKTOP, MATEO);
    browser.go("/cleanup");
    assert_eq!(done(&browser), before);
    next_day(&browser);
    assert_eq!(done(&browser), before + 25);
}

#[test]
fn after_the_wait_one_invites_again_with_a_note() {
    let stage = Stage::new();
    let browser = stage.browser(DESKTOP, YUKI);
    browser.go("/cleanup/waiting");
    browser.sees("Nobody is on the wait list");
    browser.go("/people/ng-03");
    browser.named("Connect").click();
    browser.sees("Pending. You invited");
    browser.named("Withdraw").follow();
    browser.find(".asking button").click();
    browser.sees("is withdrawn");
    browser.go("/cleanup/waiting");
    browser.sees("again from 16 December 2026, in 3 weeks");
    browser.named("Make a calendar").click();
    browser.sees("Private address");
    let address = browser.find("#address").property("value");
    let fetched = browser.js("return fetch(arguments[0]).then(r => r.text())", &[address.clone().into()]);
    let fetched = fetched.as_str().unwrap().to_owned();
    assert!(fetched.contains("DTSTART:20261216T"), "{fetched}");
    browser.named("New address").click();
    browser.sees("Whoever has it can read it.");
    assert_ne!(browser.find("#address").property("value"), address);
    browser.named("21 d").click();
    browser.sees("you may invite them again");
    browser.named("Invite with a note").follow();
    assert!(browser.find("#note").property("value").starts_with("Hello "), "the note is prepared");
    browser.named("Connect").click();
    browser.sees("Pending. You invited");
    browser.go("/cleanup/waiting");
    browser.sees("Nobody is on the wait list");
}

#[test]
fn insights_can_be_read_on_a_phone_and_have_their_numbers_behind_them() {
    let stage = Stage::new();
    let browser = stage.browser(PHONE, MATEO);
    browser.go("/insights");
    browser.sees("invitations ");
    let small = "const svg = document.querySelector('.plot svg'); const scale = svg.getBoundingClientRect().width / svg.viewBox.baseVal.width;
        return Math.min(...[...document.querySelectorAll('.plot text')].map(t => parseFloat(t.getAttribute('font-size')) * scale))";
    let small = browser.js(small, &[]).as_f64().unwrap();
    assert!(small >= 11.0, "letters of {small} px");
    assert_eq!(browser.count(".figure"), 9);
    browser.find("#curve summary").click();
    browser.wait("document.querySelector('#curve table').getBoundingClientRect().height > 50");
    let links = browser.js("return [...document.querySelectorAll('#curve .files a')].map(a => a.href)", &[]);
    for (link, begins) in links.as_array().unwrap().iter().zip(["key,age_seconds,", "<svg role=\"img\""]) {
        let text = browser.js("return fetch(arguments[0]).then(r => r.text())", std::slice::from_ref(link));
        assert!(text.as_str().unwrap().starts_with(begins), "{link}: {text}");
    }
    assert_eq!(browser.complaints(), Vec::<String>::new());
}
