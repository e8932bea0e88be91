//! Rules 25 to 34: caps, allowance, standing, restriction.

use acquaint_core::member::{Plan, Profile};
use acquaint_core::refusal::{Code, Remedy};
use acquaint_core::standing::Risk;
use acquaint_core::time::Span;
use acquaint_core::view::InvitationState;

use crate::net::{Net, id, refused, start};

#[test]
fn rule_25_withdrawal_acceptance_and_expiry_free_room_at_once() {
    let frees: [fn(&mut Net); 3] = [
        |net| {
            net.withdraw("me", net.sent[0].0).unwrap();
        },
        |net| {
            net.accept("a", net.sent[0].0).unwrap();
        },
        |net| net.wait(Span::days(179)),
    ];
    for free in frees {
        let mut net = Net::with("[limits]\npending_cap = 2");
        net.invite("me", "a").unwrap();
        net.wait(Span::days(1));
        net.invite("me", "b").unwrap();
        let end = start() + Span::days(180);
        assert_eq!(refused(net.invite("me", "c")), (Code::PendingCap, Some(end)), "time frees room at the first end");
        free(&mut net);
        net.invite("me", "c").unwrap();
        assert_eq!(refused(net.invite("me", "d")).0, Code::PendingCap);
    }
    assert_eq!(Code::PendingCap.remedy(), Remedy::Withdraw);
}

#[test]
fn rule_25_a_decline_frees_no_room() {
    let mut net = Net::with("[limits]\npending_cap = 1");
    let invitation = net.invite("me", "a").unwrap();
    net.decline("a", invitation).unwrap();
    assert_eq!(refused(net.invite("me", "b")).0, Code::PendingCap);
}

#[test]
fn rule_26_the_allowance_depends_on_the_plan() {
    for (plan, limit) in [(Plan::Basic, 100), (Plan::Premium, 200)] {
        let mut net = Net::with("[restriction]\nsends_per_hour = \"off\"");
        net.register("me", Profile { plan, ..Profile::default() });
        for n in 0..limit {
            net.invite("me", &format!("m{n}")).unwrap();
        }
        assert_eq!(refused(net.invite("me", "x")), (Code::RollingLimit, Some(start() + Span::days(7))));
        assert_eq!(net.standing("me").rolling.limit, Some(limit));
    }
}

#[test]
fn rule_26_withdrawal_refunds_nothing() {
    let mut net = Net::with("[limits]\nrolling_basic = 1");
    let invitation = net.invite("me", "a").unwrap();
    net.withdraw("me", invitation).unwrap();
    assert_eq!(refused(net.invite("me", "b")), (Code::RollingLimit, Some(start() + Span::days(7))));
}

#[test]
fn rule_27_standing_counts_what_happened() {
    let mut net = Net::linkedin();
    let first = net.invite("me", "a").unwrap();
    let second = net.invite_with_note("me", "b", Some("Hello")).unwrap();
    net.invite("me", "c").unwrap();
    net.accept("a", first).unwrap();
    net.withdraw("me", second).unwrap();
    let standing = net.standing("me");
    assert_eq!((standing.pending, standing.pending_cap), (1, Some(1_500)));
    assert_eq!((standing.rolling.sent, standing.notes.used, standing.withdrawals_24h), (3, 1, 1));
    assert_eq!((standing.connections, standing.acceptance.all), (1, 0));
    net.wait(Span::days(14));
    assert_eq!(net.standing("me").acceptance.all, 0);
    net.wait(Span::seconds(1));
    let standing = net.standing("me");
    assert_eq!((standing.acceptance.all, standing.acceptance.good), (3, 1));
    assert_eq!((standing.rolling.sent, standing.withdrawals_24h), (0, 0));
}

#[test]
fn rule_27_an_acceptance_counts_for_its_own_invitation() {
    // A window short enough that the first send is forgotten before it is accepted.
    let mut net = Net::with("[restriction]\nunanswered_window = \"30d\"");
    let old = net.invite("me", "a").unwrap();
    net.wait(Span::days(40));
    net.invite("me", "b").unwrap();
    net.accept("a", old).unwrap();
    net.wait(Span::days(15));
    let acceptance = net.standing("me").acceptance;
    assert_eq!((acceptance.all, acceptance.good), (1, 0), "the invitation to b is unanswered");
}

#[test]
fn rule_32_a_restriction_stops_sending_and_nothing_else() {
    let mut net = Net::with("[restriction]\nsends_per_hour = 1");
    let mine = net.invite("me", "a").unwrap();
    let theirs = net.invite("b", "me").unwrap();
    let other = net.invite("c", "me").unwrap();
    let restricted = refused(net.invite("me", "x"));
    assert_eq!(restricted.0, Code::Restricted);
    assert_eq!(net.withdraw("me", mine), Ok(InvitationState::Withdrawn));
    assert_eq!(net.accept("me", theirs), Ok(InvitationState::Accepted));
    assert_eq!(net.decline("me", other), Ok(InvitationState::Declined));
    assert!(net.follow("me", "d").is_ok() && net.block("me", "e").is_ok());
    assert_eq!(refused(net.invite("me", "x")), restricted, "withdrawing does not lift it");
}

#[test]
fn rule_32_a_restriction_never_ends_earlier_for_another_that_starts_in_it() {
    let mut net = Net::with(
        r#"
        [restriction]
        sends_per_hour = 2
        withdrawals_per_day = 2
        ladder = ["1d", "10d"]
        ladder_memory = "2d"
        [cleanup]
        daily_budget = 1
        "#,
    );
    for [first, second] in [["a", "b"], ["c", "d"]] {
        net.invite("me", first).unwrap();
        net.invite("me", second).unwrap();
        assert_eq!(refused(net.invite("me", "x")).0, Code::Restricted);
        net.wait(Span::days(1));
    }
    let long = net.standing("me").restriction.unwrap();
    assert_eq!(long.until, start() + Span::days(11));
    net.wait(Span::days(3));
    for (invitation, _, _) in net.sent.clone().into_iter().take(3) {
        net.withdraw("me", invitation).unwrap();
    }
    let running = net.standing("me").restriction.unwrap();
    assert_eq!((running.since, running.until), (net.now, long.until));
}

#[test]
fn rule_34_over_seventy_per_cent_of_the_cap_warns() {
    let mut net = Net::with("[limits]\npending_cap = 10");
    for n in 0..7 {
        net.invite("me", &format!("m{n}")).unwrap();
    }
    assert_eq!(net.standing("me").risk, Risk::Low, "70 % is not over 70 %");
    net.invite("me", "x").unwrap();
    assert_eq!(net.standing("me").risk, Risk::Elevated);
}

#[test]
fn rule_34_acceptance_under_thirty_per_cent_warns_before_any_restriction() {
    for (accepted, risk) in [(30, Risk::Low), (29, Risk::Elevated), (20, Risk::Elevated), (19, Risk::High)] {
        let mut net = Net::with("[restriction]\nsends_per_hour = \"off\"\n[limits]\nrolling_basic = \"off\"");
        for n in 0..100 {
            let invitation = net.invite("me", &format!("m{n}")).unwrap();
            if n < accepted {
                net.accept(&format!("m{n}"), invitation).unwrap();
            }
        }
        net.wait(Span::days(15));
        assert_eq!(net.standing("me").risk, risk, "{accepted} of 100");
        assert!(net.standing("me").restriction.is_none());
    }
}

#[test]
fn high_risk_is_when_the_next_send_would_restrict() {
    let mut net = Net::linkedin();
    for n in 0..39 {
        net.invite("me", &format!("m{n}")).unwrap();
    }
    assert_eq!(net.standing("me").risk, Risk::Low);
    net.invite("me", "x").unwrap();
    assert_eq!(net.standing("me").risk, Risk::High);
    assert_eq!(refused(net.invite("me", "y")).0, Code::Restricted);
    assert_eq!(net.standing("me").risk, Risk::High);
}

#[test]
fn under_the_open_preset_nothing_is_limited() {
    let mut net = Net::with("preset = \"open\"");
    for n in 0..2_000 {
        let invitation = net.invite_with_note("me", &format!("m{n}"), Some("Hello")).unwrap();
        if n % 2 == 0 {
            net.withdraw("me", invitation).unwrap();
            net.invite("me", &format!("m{n}")).unwrap();
        }
    }
    assert_eq!(net.pending_sent(&id("me")).len(), 2_000);
    assert!(net.standing("me").restriction.is_none());
}
