//! "Where the rules could be read in two ways", each reading with its exact second.

use acquaint_core::command::Action;
use acquaint_core::decide::Answer;
use acquaint_core::event::EventKind;
use acquaint_core::ids::InvitationId;
use acquaint_core::member::{Profile, RestrictionClass, WhoMayInvite};
use acquaint_core::refusal::Code;
use acquaint_core::relation::Complaint;
use acquaint_core::time::Span;
use acquaint_core::view::InvitationState;

use crate::net::{Net, id, refused, start};

const SECOND: Span = Span::seconds(1);

/// A member of this name for each number.
fn numbered(number: usize) -> String {
    format!("m{number:03}")
}

/// Sends to that many new members, all in this second.
fn send_many(net: &mut Net, from: &str, count: usize) -> Vec<InvitationId> {
    let known = net.members.len() + 1_000;
    (0..count).map(|n| net.invite(from, &numbered(known + n)).unwrap()).collect()
}

/// As many members as that report `from`, each at its own invitation.
fn report_many(net: &mut Net, from: &str, count: usize) {
    for invitation in send_many(net, from, count) {
        let recipient = net.sent.last().unwrap().2.clone();
        let recipient = net.sent.iter().find(|sent| sent.0 == invitation).map_or(recipient, |sent| sent.2.clone());
        net.complain(recipient.as_str(), invitation, Complaint::Spam).unwrap();
    }
}

fn restriction_class(net: &Net, name: &str) -> Option<RestrictionClass> {
    net.standing(name).restriction.map(|restriction| restriction.class)
}

// Windows

#[test]
fn a_send_leaves_the_rolling_window_when_it_is_as_old_as_the_window() {
    let mut net = Net::with("[limits]\nrolling_basic = 2\nrolling_window = \"7d\"");
    net.invite("me", "a").unwrap();
    net.wait_until(start() + SECOND).invite("me", "b").unwrap();
    let over = start() + Span::days(7);
    assert_eq!(refused(net.invite("me", "c")), (Code::RollingLimit, Some(over)));
    net.wait_until(over - SECOND);
    assert_eq!(refused(net.invite("me", "c")), (Code::RollingLimit, Some(over)));
    assert_eq!(net.standing("me").rolling.sent, 2);
    net.wait_until(over).invite("me", "c").unwrap();
    // One came back, one was used: the next comes back a second later.
    assert_eq!(refused(net.invite("me", "d")), (Code::RollingLimit, Some(over + SECOND)));
    net.wait_until(over + SECOND).invite("me", "d").unwrap();
}

#[test]
fn an_hour_of_velocity_is_half_open() {
    let mut net = Net::with("[restriction]\nsends_per_hour = 2");
    send_many(&mut net, "me", 2);
    let mut a_second_early = net.clone();
    a_second_early.wait_until(start() + Span::hours(1) - SECOND);
    assert_eq!(refused(a_second_early.invite("me", "c")).0, Code::Restricted);
    net.wait_until(start() + Span::hours(1)).invite("me", "c").unwrap();
}

#[test]
fn a_day_of_withdrawals_is_half_open() {
    let mut net = Net::with("[restriction]\nwithdrawals_per_day = 2\n[cleanup]\ndaily_budget = 1");
    let sent = send_many(&mut net, "me", 3);
    net.withdraw("me", sent[0]).unwrap();
    net.withdraw("me", sent[1]).unwrap();
    let mut a_second_early = net.clone();
    a_second_early.wait_until(start() + Span::hours(24) - SECOND).withdraw("me", sent[2]).unwrap();
    assert_eq!(restriction_class(&a_second_early, "me"), Some(RestrictionClass::Pace));
    net.wait_until(start() + Span::hours(24)).withdraw("me", sent[2]).unwrap();
    assert_eq!(restriction_class(&net, "me"), None);
}

#[test]
fn reports_leave_their_window_when_they_are_as_old_as_it() {
    let mut net = Net::linkedin();
    report_many(&mut net, "me", 5);
    let mut a_second_early = net.clone();
    a_second_early.wait_until(start() + Span::days(7) - SECOND);
    assert_eq!(refused(a_second_early.invite("me", "x")).0, Code::Restricted);
    net.wait_until(start() + Span::days(7)).invite("me", "x").unwrap();
}

#[test]
fn unanswered_invitations_are_judged_once_they_are_older_than_fourteen_days() {
    let mut net = Net::with("[restriction]\nsends_per_hour = \"off\"");
    send_many(&mut net, "me", 50);
    net.wait_until(start() + Span::days(14)).invite("me", "x").unwrap();
    net.wait_until(start() + Span::days(14) + SECOND);
    assert_eq!(refused(net.invite("me", "y")).0, Code::Restricted);
    assert_eq!(restriction_class(&net, "me"), Some(RestrictionClass::UnansweredOrReported));
}

#[test]
fn unanswered_invitations_are_judged_until_they_are_ninety_days_old() {
    let mut net = Net::with("[restriction]\nsends_per_hour = \"off\"");
    send_many(&mut net, "me", 50);
    let mut a_second_early = net.clone();
    a_second_early.wait_until(start() + Span::days(90) - SECOND);
    assert_eq!(refused(a_second_early.invite("me", "x")).0, Code::Restricted);
    net.wait_until(start() + Span::days(90)).invite("me", "x").unwrap();
}

#[test]
fn fewer_than_a_fifth_is_strict_and_at_least_fifty_is_not() {
    for (sent, accepted, restricts) in [(50, 9, true), (50, 10, false), (49, 0, false), (51, 10, true)] {
        let mut net = Net::with("[restriction]\nsends_per_hour = \"off\"");
        let invitations = send_many(&mut net, "me", sent);
        for invitation in invitations.into_iter().take(accepted) {
            let recipient = net.sent.iter().find(|sent| sent.0 == invitation).unwrap().2.clone();
            net.accept(recipient.as_str(), invitation).unwrap();
        }
        net.wait(Span::days(15));
        let outcome = net.invite("me", "x").map_err(|refusal| refusal.code);
        assert_eq!(outcome.err(), restricts.then_some(Code::Restricted), "{accepted} of {sent}");
    }
}

// Waits

#[test]
fn a_wait_is_over_at_its_retry_at_and_not_before() {
    let mut net = Net::linkedin();
    let invitation = net.invite("me", "you").unwrap();
    net.wait(Span::days(3));
    net.withdraw("me", invitation).unwrap();
    let over = net.now + Span::days(21);
    net.wait_until(over - SECOND);
    assert_eq!(refused(net.invite("me", "you")), (Code::Cooldown, Some(over)));
    assert_eq!(net.view("me", "you").invite_refusal.unwrap().retry_at, Some(over));
    net.wait_until(over).invite("me", "you").unwrap();
}

#[test]
fn a_restriction_is_over_at_its_retry_at_and_not_before() {
    let mut net = Net::linkedin();
    send_many(&mut net, "me", 40);
    let over = start() + Span::days(1);
    assert_eq!(refused(net.invite("me", "x")), (Code::Restricted, Some(over)));
    net.wait_until(over - SECOND);
    assert_eq!(refused(net.invite("me", "x")), (Code::Restricted, Some(over)));
    assert!(net.standing("me").restriction.is_some());
    net.wait_until(over).invite("me", "x").unwrap();
    assert!(net.standing("me").restriction.is_none());
}

#[test]
fn blocking_again_is_possible_forty_eight_hours_after_unblocking() {
    let mut net = Net::linkedin();
    net.block("me", "you").unwrap();
    net.unblock("me", "you").unwrap();
    let over = start() + Span::hours(48);
    net.wait_until(over - SECOND);
    assert_eq!(refused(net.block("me", "you")), (Code::Cooldown, Some(over)));
    assert!(!net.view("me", "you").may.block);
    net.wait_until(over);
    assert!(net.view("me", "you").may.block);
    net.block("me", "you").unwrap();
}

#[test]
fn an_invitation_ends_at_its_end_and_not_before() {
    let mut net = Net::linkedin();
    let invitation = net.invite("me", "you").unwrap();
    net.wait_without_timers((start() + Span::days(180) - SECOND).since(start()));
    assert_eq!(net.clone().accept("you", invitation), Ok(InvitationState::Accepted));
    net.wait_without_timers(SECOND);
    assert_eq!(refused(net.accept("you", invitation)).0, Code::NoLongerAvailable);
}

// Velocity, unanswered, reports, withdrawals

#[test]
fn the_send_that_would_be_one_too_many_is_refused_and_starts_the_restriction() {
    let mut net = Net::linkedin();
    send_many(&mut net, "me", 40);
    assert_eq!(restriction_class(&net, "me"), None);
    let refusal = refused(net.invite("me", "x"));
    assert_eq!(refusal, (Code::Restricted, Some(start() + Span::days(1))));
    let restriction = net.standing("me").restriction.unwrap();
    assert_eq!((restriction.since, restriction.class), (start(), RestrictionClass::Pace));
    assert_eq!(net.count_events(|kind| matches!(kind, EventKind::MemberRestricted { .. })), 1);
    // Asking again neither lengthens it nor climbs the ladder.
    net.wait(Span::hours(1));
    assert_eq!(refused(net.invite("me", "y")), refusal);
    assert_eq!(net.standing("me").restriction, Some(restriction));
    assert_eq!(net.standing("me").rolling.sent, 40);
}

#[test]
fn what_comes_to_light_during_a_restriction_starts_no_other_before_its_end() {
    let mut net = Net::with("[restriction]\nsends_per_hour = 6");
    let sent = send_many(&mut net, "me", 6);
    let refusal = refused(net.invite("me", "x"));
    net.wait(SECOND);
    for (invitation, _, recipient) in net.sent.clone() {
        net.complain(recipient.as_str(), invitation, Complaint::Spam).unwrap();
    }
    let running = net.standing("me").restriction;
    net.wait(Span::hours(2));
    assert_eq!(refused(net.invite("me", "x")), refusal);
    assert_eq!(net.standing("me").restriction, running);
    net.withdraw("me", sent[0]).unwrap();
    net.wait_until(start() + Span::days(1));
    assert_eq!(refused(net.invite("me", "x")), (Code::Restricted, Some(net.now + Span::days(3))));
}

#[test]
fn asking_whether_a_send_would_be_allowed_starts_nothing() {
    let mut net = Net::linkedin();
    send_many(&mut net, "me", 40);
    assert_eq!(refused(net.check("me", "x")), (Code::Restricted, Some(start() + Span::days(1))));
    assert!(!net.view("me", "x").may.invite);
    assert_eq!(restriction_class(&net, "me"), None);
}

#[test]
fn a_send_that_is_refused_for_the_person_does_not_start_a_restriction() {
    let mut net = Net::linkedin();
    net.invite("me", "you").unwrap();
    send_many(&mut net, "me", 39);
    assert_eq!(refused(net.invite("me", "you")).0, Code::AlreadyPending);
    assert_eq!(restriction_class(&net, "me"), None);
}

#[test]
fn too_many_unanswered_are_judged_when_the_member_is_about_to_send() {
    let mut net = Net::with("[restriction]\nsends_per_hour = \"off\"");
    let sent = send_many(&mut net, "me", 50);
    net.wait(Span::days(20));
    assert_eq!(restriction_class(&net, "me"), None);
    net.withdraw("me", sent[0]).unwrap();
    net.follow("me", "a").unwrap();
    assert_eq!(restriction_class(&net, "me"), None);
    let over = net.now + Span::days(1);
    assert_eq!(refused(net.invite("me", "x")), (Code::Restricted, Some(over)));
    assert_eq!(restriction_class(&net, "me"), Some(RestrictionClass::UnansweredOrReported));
}

#[test]
fn reports_change_nothing_until_the_member_is_about_to_send() {
    let mut net = Net::linkedin();
    report_many(&mut net, "me", 4);
    assert_eq!(net.check("me", "x"), Ok(()));
    let mut silent = net.clone();
    let before = net.standing("me");
    report_many(&mut net, "me", 1);
    silent.invite("me", &numbered(1_000 + net.members.len() - 2)).unwrap();
    // All that the fifth report changed is in the row, not in what the member sees.
    assert_eq!(net.standing("me"), silent.standing("me"));
    assert_eq!((net.standing("me").restriction, net.standing("me").risk), (before.restriction, before.risk));
    assert_eq!(refused(net.invite("me", "x")), (Code::Restricted, Some(start() + Span::days(1))));
    assert_eq!(restriction_class(&net, "me"), Some(RestrictionClass::UnansweredOrReported));
}

#[test]
fn a_plain_decline_is_no_report() {
    let mut net = Net::linkedin();
    for invitation in send_many(&mut net, "me", 30) {
        let recipient = net.sent.iter().find(|sent| sent.0 == invitation).unwrap().2.clone();
        net.decline(recipient.as_str(), invitation).unwrap();
    }
    net.invite("me", "x").unwrap();
}

#[test]
fn the_withdrawal_that_exceeds_the_number_succeeds_and_starts_the_restriction() {
    let mut net = Net::with("[restriction]\nsends_per_hour = \"off\"");
    let sent = send_many(&mut net, "me", 52);
    for invitation in sent.iter().take(50) {
        net.withdraw("me", *invitation).unwrap();
    }
    assert_eq!(restriction_class(&net, "me"), None);
    assert_eq!(net.withdraw("me", sent[50]), Ok(InvitationState::Withdrawn));
    let restriction = net.standing("me").restriction.unwrap();
    assert_eq!((restriction.since, restriction.until), (start(), start() + Span::days(1)));
    assert_eq!(restriction.class, RestrictionClass::Pace);
    assert_eq!(net.standing("me").withdrawals_24h, 51);
}

// Evidence and ladder

#[test]
fn reports_that_led_to_a_restriction_never_count_again() {
    let mut net = Net::linkedin();
    report_many(&mut net, "me", 5);
    assert_eq!(refused(net.invite("me", "x")).0, Code::Restricted);
    net.wait(Span::days(1));
    net.invite("me", "x").unwrap();
    report_many(&mut net, "me", 4);
    net.invite("me", "y").unwrap();
    report_many(&mut net, "me", 1);
    assert_eq!(refused(net.invite("me", "z")).0, Code::Restricted);
}

#[test]
fn unanswered_invitations_that_led_to_a_restriction_never_count_again() {
    let mut net = Net::with("[restriction]\nsends_per_hour = \"off\"");
    send_many(&mut net, "me", 50);
    net.wait(Span::days(15));
    assert_eq!(refused(net.invite("me", "x")).0, Code::Restricted);
    net.wait(Span::days(1));
    send_many(&mut net, "me", 49);
    net.wait(Span::days(15));
    net.invite("me", "x").unwrap();
}

#[test]
fn withdrawals_that_led_to_a_restriction_never_count_again() {
    let mut net =
        Net::with("[restriction]\nsends_per_hour = \"off\"\nwithdrawals_per_day = 2\n[cleanup]\ndaily_budget = 1");
    let sent = send_many(&mut net, "me", 7);
    for invitation in sent.iter().take(3) {
        net.withdraw("me", *invitation).unwrap();
    }
    let first = net.standing("me").restriction.unwrap();
    net.wait(SECOND);
    net.withdraw("me", sent[3]).unwrap();
    net.withdraw("me", sent[4]).unwrap();
    assert_eq!(net.standing("me").restriction, Some(first));
    // Three more after the start are evidence of their own.
    net.withdraw("me", sent[5]).unwrap();
    let second = net.standing("me").restriction.unwrap();
    assert_eq!((second.since, second.until), (net.now, net.now + Span::days(3)));
}

#[test]
fn fast_sends_that_led_to_a_restriction_never_count_again() {
    let mut net = Net::with("[restriction]\nsends_per_hour = 2\nladder = [\"1m\"]");
    send_many(&mut net, "me", 2);
    assert_eq!(refused(net.invite("me", "x")).0, Code::Restricted);
    net.wait(Span::minutes(1));
    send_many(&mut net, "me", 2);
    assert_eq!(refused(net.invite("me", "x")).0, Code::Restricted);
}

/// Starts a restriction now and says how long it lasts.
fn restricted_for(net: &mut Net) -> Span {
    send_many(net, "me", 2);
    let (code, until) = refused(net.invite("me", "x"));
    assert_eq!(code, Code::Restricted);
    until.unwrap().since(net.now)
}

#[test]
fn the_last_rung_repeats() {
    let mut net = Net::with("[restriction]\nsends_per_hour = 2");
    let lengths = [1, 3, 7, 30, 30, 30].map(Span::days);
    for length in lengths {
        assert_eq!(restricted_for(&mut net), length);
        net.wait(length);
    }
}

#[test]
fn the_ladder_is_remembered_for_ninety_days_from_the_start_of_the_last() {
    let mut net = Net::with("[restriction]\nsends_per_hour = 2");
    assert_eq!(restricted_for(&mut net), Span::days(1));
    let started = net.now;
    let mut a_second_early = net.clone();
    a_second_early.wait_until(started + Span::days(90) - SECOND);
    assert_eq!(restricted_for(&mut a_second_early), Span::days(3));
    net.wait_until(started + Span::days(90));
    assert_eq!(restricted_for(&mut net), Span::days(1));
}

#[test]
fn the_ladder_counts_from_the_start_and_not_from_the_end() {
    let mut net = Net::with("[restriction]\nsends_per_hour = 2\nladder = [\"60d\", \"70d\"]");
    assert_eq!(restricted_for(&mut net), Span::days(60));
    net.wait(Span::days(90));
    assert_eq!(restricted_for(&mut net), Span::days(60));
}

// Decline

#[test]
fn after_a_declined_invitation_has_run_out_the_next_is_kept_from_the_decliner_for_a_while() {
    for (days_after, seconds_less, delivered) in [(0, 0, false), (21, 1, false), (21, 0, true)] {
        let mut net = Net::linkedin();
        let invitation = net.invite("me", "you").unwrap();
        net.wait(Span::days(100));
        net.decline("you", invitation).unwrap();
        net.wait_until(start() + Span::days(180 + days_after) - Span::seconds(seconds_less));
        // As after any expiry: at once, and nothing to be seen.
        assert_eq!(net.check("me", "you"), Ok(()));
        let next = net.invite("me", "you").unwrap();
        assert_eq!(net.sent_state("me", "you"), Some(InvitationState::Pending));
        let received = net.received_state("you", "me");
        assert_eq!(received, delivered.then_some(InvitationState::Pending), "{days_after} d - {seconds_less} s");
        if !delivered {
            // Never, not later: the wait being over does not bring it.
            net.wait(Span::days(30));
            assert_eq!(net.received_state("you", "me"), None);
            assert_eq!(refused(net.accept("you", next)).0, Code::NotFound);
        }
    }
}

#[test]
fn a_decliner_who_invites_is_no_longer_kept_from() {
    let mut net = Net::linkedin();
    let invitation = net.invite("me", "you").unwrap();
    net.decline("you", invitation).unwrap();
    net.wait(Span::days(180));
    let theirs = net.invite("you", "me").unwrap();
    net.withdraw("you", theirs).unwrap();
    net.invite("me", "you").unwrap();
    assert_eq!(net.received_state("you", "me"), Some(InvitationState::Pending));
}

#[test]
fn the_quiet_time_counts_from_the_end_even_if_the_timer_comes_late() {
    let mut net = Net::linkedin();
    let invitation = net.invite("me", "you").unwrap();
    net.decline("you", invitation).unwrap();
    net.wait_without_timers(Span::days(180 + 21));
    net.invite("me", "you").unwrap();
    assert_eq!(net.received_state("you", "me"), Some(InvitationState::Pending));
}

#[test]
fn after_a_withdrawn_declined_invitation_the_ordinary_wait_is_enough() {
    let mut net = Net::linkedin();
    let invitation = net.invite("me", "you").unwrap();
    net.decline("you", invitation).unwrap();
    assert_eq!(net.withdraw("me", invitation), Ok(InvitationState::Withdrawn));
    let over = net.now + Span::days(21);
    net.wait_until(over - SECOND);
    assert_eq!(refused(net.invite("me", "you")), (Code::Cooldown, Some(over)));
    net.wait_until(over).invite("me", "you").unwrap();
    assert_eq!(net.received_state("you", "me"), Some(InvitationState::Pending));
}

#[test]
fn a_decliner_who_invites_meets_the_invitation_that_still_looks_pending() {
    for complaint in [None, Some(Complaint::DontKnow), Some(Complaint::Spam)] {
        let mut net = Net::linkedin();
        let invitation = net.invite("me", "you").unwrap();
        net.act(&id("you"), Action::Decline { invitation, complaint }).unwrap();
        net.wait(Span::days(30));
        net.invite("you", "me").unwrap();
        assert_eq!(net.view("me", "you").connected_since, Some(net.now));
        assert_eq!(net.sent_state("me", "you"), Some(InvitationState::Accepted));
    }
}

// Blocked or barred

#[test]
fn an_undelivered_invitation_counts_for_its_sender_like_any_other() {
    let arrange: [fn(&mut Net); 2] = [
        |net| {
            let first = net.invite("me", "you").unwrap();
            net.complain("you", first, Complaint::DontKnow).unwrap();
            net.withdraw("me", first).unwrap();
        },
        |net| {
            net.invite("me", "you").unwrap();
            net.withdraw("me", net.sent[0].0).unwrap();
            net.block("you", "me").unwrap();
        },
    ];
    for arrange in arrange {
        let mut net = Net::linkedin();
        arrange(&mut net);
        net.wait(Span::days(30));
        let sent_at = net.now;
        let invitation = net.invite("me", "you").unwrap();
        assert_eq!(net.received_state("you", "me"), None);
        assert_eq!(net.standing("me").pending, 1);
        assert_eq!(net.standing("me").rolling.sent, 1);
        net.wait(Span::days(15));
        let matured = net.standing("me").acceptance;
        assert_eq!((matured.all, matured.good), (2, 0));
        let mut withdrawn = net.clone();
        assert_eq!(withdrawn.withdraw("me", invitation), Ok(InvitationState::Withdrawn));
        assert_eq!(withdrawn.standing("me").pending, 0);
        net.wait_until(sent_at + Span::days(180) - SECOND);
        assert_eq!(net.sent_state("me", "you"), Some(InvitationState::Pending));
        net.wait_until(sent_at + Span::days(180));
        assert_eq!(net.sent_state("me", "you"), Some(InvitationState::Expired));
        assert_eq!(net.standing("me").pending, 0);
    }
}

#[test]
fn who_does_not_know_somebody_and_then_invites_them_has_a_new_wish() {
    let mut net = Net::linkedin();
    let invitation = net.invite("me", "you").unwrap();
    net.complain("you", invitation, Complaint::DontKnow).unwrap();
    net.withdraw("me", invitation).unwrap();
    let theirs = net.invite("you", "me").unwrap();
    assert_eq!(net.received_state("me", "you"), Some(InvitationState::Pending));
    net.withdraw("you", theirs).unwrap();
    net.wait(Span::days(21));
    net.invite("me", "you").unwrap();
    assert_eq!(net.received_state("you", "me"), Some(InvitationState::Pending), "they are no longer barred");
}

#[test]
fn a_blocker_must_unblock_before_inviting() {
    let mut net = Net::linkedin();
    net.invite("me", "you").unwrap();
    net.block("you", "me").unwrap();
    assert!(net.invite("you", "me").is_err());
    assert!(!net.view("you", "me").may.invite);
    net.unblock("you", "me").unwrap();
    net.invite("you", "me").unwrap();
    assert_eq!(net.view("me", "you").connected_since, Some(net.now));
}

#[test]
fn unblocking_restores_nothing() {
    let mut net = Net::linkedin();
    net.connect("me", "you");
    net.block("you", "me").unwrap();
    net.unblock("you", "me").unwrap();
    let view = net.view("you", "me");
    assert_eq!((view.connected_since, view.following, view.followed_by), (None, false, false));
    let mut net = Net::linkedin();
    net.invite("me", "you").unwrap();
    net.follow("me", "you").unwrap();
    net.block("you", "me").unwrap();
    net.unblock("you", "me").unwrap();
    assert_eq!(net.received_state("you", "me"), Some(InvitationState::Gone));
    assert!(!net.view("you", "me").followed_by);
}

// Crossing, second withdrawal

#[test]
fn of_two_that_cross_one_is_pending_and_the_other_accepted() {
    for [first, second] in [["a", "b"], ["b", "a"]] {
        let mut net = Net::linkedin();
        let invite = |to: &str| Action::Invite { to: id(to), note: None, to_email: None };
        let state = |answer: Answer| match answer {
            Answer::Invited { invitation, .. } => invitation.state,
            other => panic!("{other:?}"),
        };
        assert_eq!(state(net.act(&id(first), invite(second)).unwrap()), InvitationState::Pending);
        assert_eq!(state(net.act(&id(second), invite(first)).unwrap()), InvitationState::Accepted);
        assert_eq!(net.view(first, second).connected_since, Some(start()));
        assert_eq!((net.standing(first).pending, net.standing(second).pending), (0, 0));
        assert_eq!((net.standing(first).connections, net.standing(second).connections), (1, 1));
    }
}

#[test]
fn who_meets_an_invitation_needs_neither_settings_nor_waits_nor_allowance() {
    let mut net = Net::with("[limits]\nrolling_basic = 1\npending_cap = 1\n[restriction]\nsends_per_hour = 1");
    net.register("you", Profile { who_may_invite: WhoMayInvite::Nobody, ..Profile::default() });
    let earlier = net.invite("me", "x").unwrap();
    net.invite("you", "me").unwrap();
    assert_eq!(refused(net.invite("me", "y")).0, Code::Restricted);
    net.invite("me", "you").unwrap();
    assert!(net.view("me", "you").connected_since.is_some());
    assert_eq!(net.standing("me").rolling.sent, 1, "an acceptance is no send");
    assert_eq!(net.withdraw("me", earlier), Ok(InvitationState::Withdrawn));
}

#[test]
fn a_second_withdrawal_is_answered_like_the_first_and_changes_nothing() {
    let mut net = Net::linkedin();
    let invitation = net.invite_with_note("me", "you", Some("Hello")).unwrap();
    let withdraw = Action::Withdraw { invitation };
    let first = net.act(&id("me"), withdraw.clone()).unwrap();
    net.wait(Span::days(1));
    let before = net.clone();
    assert_eq!(net.act(&id("me"), withdraw.clone()), Ok(first.clone()));
    assert!(net.rows() == before.rows());
    // Also once a newer one has taken its place.
    net.wait(Span::days(20));
    net.invite("me", "you").unwrap();
    let before = net.clone();
    assert_eq!(net.act(&id("me"), withdraw), Ok(first));
    assert!(net.rows() == before.rows());
}

// Full members

#[test]
fn a_full_member_neither_sends_nor_is_invited_nor_accepts() {
    let mut net = Net::with("[limits]\nconnections = 1");
    let waiting = net.invite("a", "full").unwrap();
    net.invite("b", "full").unwrap();
    net.connect("full", "x");
    assert_eq!(refused(net.invite("full", "y")), (Code::ConnectionCap, None));
    assert_eq!(refused(net.invite("y", "full")), (Code::ConnectionCap, None));
    assert_eq!(refused(net.accept("full", waiting)), (Code::ConnectionCap, None));
    assert_eq!(refused(net.invite("full", "b")), (Code::ConnectionCap, None), "meeting is accepting");
    net.connect("a", "z");
    net.disconnect("full", "x").unwrap();
    assert_eq!(refused(net.accept("full", waiting)), (Code::ConnectionCap, None), "now the sender is full");
    net.disconnect("z", "a").unwrap();
    assert_eq!(net.accept("full", waiting), Ok(InvitationState::Accepted));
}

// The clock

#[test]
fn what_falls_due_on_the_way_happens_at_its_own_moment_in_order() {
    let mut net = Net::linkedin();
    net.invite("a", "b").unwrap();
    net.wait(Span::days(1));
    net.invite("c", "d").unwrap();
    net.events.clear();
    net.wait(Span::days(1_000));
    let day = |days| start() + Span::days(days);
    let expected = [
        (day(7), "a", "invitation.reminded"),
        (day(8), "c", "invitation.reminded"),
        (day(21), "a", "invitation.reminded"),
        (day(22), "c", "invitation.reminded"),
        (day(180), "a", "invitation.expired"),
        (day(181), "c", "invitation.expired"),
    ];
    let found: Vec<_> =
        net.events.iter().map(|event| (event.at, event.actor.as_str().to_owned(), event.kind.name())).collect();
    assert_eq!(found, expected.map(|(at, actor, kind)| (at, actor.to_owned(), kind)));
}
