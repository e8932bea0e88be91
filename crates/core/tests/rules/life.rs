//! Rules 1 to 24, one by one, where the tables and the clarifications do not walk them already.

use acquaint_core::command::{Action, Command, Engagement, EngagementKind};
use acquaint_core::decide::{Answer, Facts, Moment, decide};
use acquaint_core::event::{EventKind, NotificationKind};
use acquaint_core::member::{Plan, Profile, WhoMayInvite};
use acquaint_core::policy::Policy;
use acquaint_core::refusal::{Code, Refusal};
use acquaint_core::time::{Span, Time};
use acquaint_core::timers;
use acquaint_core::view::{self, ContactList, InvitationState};

use crate::net::{Net, id, pair, refused, start};

fn premium() -> Profile {
    Profile { plan: Plan::Premium, ..Profile::default() }
}

fn like(net: &mut Net, actor: &str, target: &str) -> Result<Answer, Refusal> {
    let engagement = Engagement { kind: EngagementKind::Like, subject: None, text: None };
    net.act(&id(actor), Action::Engage { target: id(target), engagement })
}

#[test]
fn rule_2_a_note_is_counted_as_a_reader_counts() {
    // One family, one flag, one letter with two accents: many code points, one character each.
    for character in ["n", "é", "👨‍👩‍👧‍👦", "🇨🇭", "e\u{301}\u{323}", "\r\n"] {
        let mut net = Net::linkedin();
        net.register("paying", premium());
        // Between letters, so that neighbours do not join.
        let sign = |place: u32| if place.is_multiple_of(2) { "n" } else { character };
        let note = |length: u32| (0..length).map(sign).collect::<String>();
        assert!(net.invite_with_note("me", "a", Some(&note(200))).is_ok(), "{character}");
        assert_eq!(refused(net.invite_with_note("me", "b", Some(&note(201)))).0, Code::NoteTooLong, "{character}");
        assert!(net.invite_with_note("paying", "a", Some(&note(300))).is_ok(), "{character}");
        assert_eq!(refused(net.invite_with_note("paying", "b", Some(&note(301)))).0, Code::NoteTooLong);
    }
}

#[test]
fn rule_3_five_notes_a_calendar_month_in_utc() {
    let mut net = Net::linkedin();
    for to in ["a", "b", "c", "d", "e"] {
        net.invite_with_note("me", to, Some("Hello")).unwrap();
    }
    let july: Time = "2026-07-01T00:00:00Z".parse().unwrap();
    assert_eq!(refused(net.invite_with_note("me", "f", Some("Hello"))), (Code::NoteQuota, Some(july)));
    assert_eq!((net.standing("me").notes.used, net.standing("me").notes.limit), (5, Some(5)));
    // Its own quota: an invitation without a note, or with nothing but space in it, still goes.
    net.invite("me", "f").unwrap();
    net.invite_with_note("me", "g", Some(" \n\t")).unwrap();
    net.wait_until(july - Span::seconds(1));
    assert_eq!(refused(net.invite_with_note("me", "h", Some("Hello"))), (Code::NoteQuota, Some(july)));
    net.wait(Span::seconds(1));
    net.invite_with_note("me", "h", Some("Hello")).unwrap();
    assert_eq!(net.standing("me").notes.used, 1);
}

#[test]
fn rule_3_does_not_hold_for_premium() {
    let mut net = Net::linkedin();
    net.register("me", premium());
    for n in 0..20 {
        net.invite_with_note("me", &format!("m{n}"), Some("Hello")).unwrap();
    }
    assert_eq!(net.standing("me").notes.limit, None);
}

#[test]
fn a_note_is_text() {
    let mut net = Net::linkedin();
    net.invite_with_note("me", "a", Some("Line one\r\n\tline two")).unwrap();
    for wrong in ["\0", "a\u{1b}[31m", "\u{7f}", "a\u{85}b"] {
        assert_eq!(refused(net.invite_with_note("me", "b", Some(wrong))).0, Code::NoteNotText, "{wrong:?}");
    }
}

#[test]
fn rule_4_accepting_connects_and_by_default_both_follow() {
    let mut net = Net::linkedin();
    net.connect("a", "b");
    for [viewer, other] in [["a", "b"], ["b", "a"]] {
        let view = net.view(viewer, other);
        assert_eq!((view.connected_since, view.following, view.followed_by), (Some(start()), true, true));
    }
    assert_eq!(net.notifications_of("a")[0].kind, NotificationKind::InvitationAccepted);
    assert!(net.notifications_of("b").is_empty());
    let mut net = Net::with("[follow]\non_accept = false");
    net.connect("a", "b");
    assert!(!net.view("a", "b").following && !net.view("b", "a").following);
}

#[test]
fn rules_7_and_8_a_withdrawal_is_final_and_silent() {
    let mut net = Net::linkedin();
    let invitation = net.invite_with_note("me", "you", Some("Hello")).unwrap();
    net.wait(Span::days(7));
    assert_eq!(net.notifications_of("you").len(), 1, "a reminder");
    net.withdraw("me", invitation).unwrap();
    assert!(net.notifications_of("you").is_empty() && net.notifications_of("me").is_empty());
    assert!(net.pending_received(&id("you")).is_empty());
    let seen = view::received(&net.relation(&pair("me", "you")), &id("you")).unwrap();
    assert_eq!((seen.state, seen.note), (InvitationState::Gone, None));
    let before = net.events.len();
    net.wait(Span::days(400));
    let after: Vec<_> = net.events[before..].iter().map(|event| event.kind.name()).collect();
    assert_eq!(after, ["invitation.wait_ended"], "nothing else comes after it");
    assert!(net.notifications_of("you").is_empty());
    for outcome in [net.accept("you", invitation), net.decline("you", invitation)] {
        assert_eq!(refused(outcome).0, Code::NoLongerAvailable);
    }
}

#[test]
fn rule_9_the_wait_is_one_direction_only() {
    let mut net = Net::linkedin();
    let invitation = net.invite("me", "you").unwrap();
    net.withdraw("me", invitation).unwrap();
    assert_eq!(refused(net.check("me", "you")).0, Code::Cooldown);
    assert_eq!(net.check("you", "me"), Ok(()));
    let theirs = net.invite("you", "me").unwrap();
    // Rule 19, and accepting it needs no wait either.
    assert_eq!(net.accept("me", theirs), Ok(InvitationState::Accepted));
}

#[test]
fn rule_9_the_answer_to_a_withdrawal_says_when_one_may_invite_again() {
    let mut net = Net::linkedin();
    let invitation = net.invite("me", "you").unwrap();
    let Ok(Answer::Invitation(view)) = net.act(&id("me"), Action::Withdraw { invitation }) else { panic!() };
    assert_eq!(view.may_invite_again_at(&net.policy), Some(start() + Span::days(21)));
    let seen = view::received(&net.relation(&pair("me", "you")), &id("you")).unwrap();
    assert_eq!(seen.may_invite_again_at(&net.policy), None, "that is the sender's matter");
}

#[test]
fn rule_10_after_an_expiry_there_is_no_wait_unless_the_policy_has_one() {
    let mut net = Net::linkedin();
    net.invite("me", "you").unwrap();
    net.wait(Span::days(180));
    net.invite("me", "you").unwrap();
    assert_eq!(net.received_state("you", "me"), Some(InvitationState::Pending));
    let mut net = Net::with("[invitation]\nresend_after_expiry = \"2d\"");
    let invitation = net.invite("me", "you").unwrap();
    net.wait(Span::days(181));
    let over = start() + Span::days(182);
    let seen = net.facts(&id("me"), &id("you"), Some(invitation)).invitation.unwrap();
    assert_eq!(seen.may_invite_again_at(&net.policy), Some(over));
    assert_eq!(refused(net.invite("me", "you")), (Code::Cooldown, Some(over)), "from the end, not from now");
}

#[test]
fn rule_11_the_end_is_promised_at_sending() {
    let mut net = Net::linkedin();
    net.invite("me", "you").unwrap();
    let end = net.pending_sent(&id("me"))[0].expires_at;
    assert_eq!(end, Some(start() + Span::days(180)));
    net.policy.invitation.expires_after = Some(Span::days(1));
    net.wait(Span::days(100));
    assert_eq!(net.sent_state("me", "you"), Some(InvitationState::Pending));
    net.wait(Span::days(80));
    assert_eq!(net.sent_state("me", "you"), Some(InvitationState::Expired));
    assert!(net.notifications_of("you").is_empty(), "no reminder of what has ended");
}

#[test]
fn rule_11_what_ran_out_unseen_is_over_for_both_even_when_the_next_is_sent_at_once() {
    let mut net = Net::linkedin();
    let first = net.invite("me", "you").unwrap();
    net.wait_without_timers(Span::days(180));
    net.invite("me", "you").unwrap();
    let ended =
        |viewer: &str| net.facts(&id(viewer), &id(if viewer == "me" { "you" } else { "me" }), Some(first)).invitation;
    assert_eq!(ended("me").map(|view| view.state), Some(InvitationState::Expired));
    assert_eq!(ended("you").map(|view| view.state), Some(InvitationState::Gone));
    assert_eq!(refused(net.withdraw("me", first)).0, Code::NoLongerAvailable);
    assert_eq!(refused(net.accept("you", first)).0, Code::NoLongerAvailable);
}

#[test]
fn rule_13_accept_and_withdraw_have_one_winner() {
    let mut net = Net::linkedin();
    let invitation = net.invite("me", "you").unwrap();
    let mut withdrawn = net.clone();
    net.accept("you", invitation).unwrap();
    assert_eq!(refused(net.withdraw("me", invitation)).0, Code::AlreadyAccepted);
    withdrawn.withdraw("me", invitation).unwrap();
    assert_eq!(refused(withdrawn.accept("you", invitation)).0, Code::NoLongerAvailable);
}

#[test]
fn answers_given_twice_are_answered_alike_and_change_nothing() {
    let mut net = Net::linkedin();
    let accepted = net.invite("me", "a").unwrap();
    let declined = net.invite("me", "b").unwrap();
    for (actor, action) in [
        ("a", Action::Accept { invitation: accepted }),
        ("b", Action::Decline { invitation: declined, complaint: None }),
    ] {
        let first = net.act(&id(actor), action.clone());
        net.wait(Span::days(1));
        let before = net.clone();
        assert_eq!(net.act(&id(actor), action), first);
        assert!(net.rows() == before.rows());
    }
}

#[test]
fn nobody_answers_or_withdraws_what_is_not_theirs() {
    let mut net = Net::linkedin();
    let invitation = net.invite("me", "you").unwrap();
    for (actor, action) in [
        ("me", Action::Accept { invitation }),
        ("me", Action::Decline { invitation, complaint: None }),
        ("you", Action::Withdraw { invitation }),
    ] {
        assert_eq!(refused(net.act(&id(actor), action)).0, Code::NotFound);
    }
}

/// A batch may hold an older sight of an invitation than of the relation.
#[test]
fn what_is_only_remembered_as_pending_is_not_answered_in_place_of_a_newer_one() {
    let mut net = Net::linkedin();
    let first = net.invite("me", "you").unwrap();
    let remembered = net.facts(&id("you"), &id("me"), Some(first)).invitation;
    net.withdraw("me", first).unwrap();
    net.wait(Span::days(21));
    net.invite("me", "you").unwrap();
    let facts = Facts { invitation: remembered, ..net.facts(&id("you"), &id("me"), None) };
    for action in [Action::Accept { invitation: first }, Action::Decline { invitation: first, complaint: None }] {
        let command = Command { actor: id("you"), action };
        let moment = Moment { now: net.now, id: uuid::Uuid::nil() };
        let decision = decide(&facts, &command, &net.policy, moment);
        assert_eq!(refused(decision.answer).0, Code::NotFound);
        assert!(decision.change.is_empty());
    }
}

#[test]
fn rules_15_and_18_an_engagement_reaches_its_target_and_accepts_nothing() {
    let mut net = Net::linkedin();
    let invitation = net.invite("me", "you").unwrap();
    like(&mut net, "you", "me").unwrap();
    assert_eq!(net.sent_state("me", "you"), Some(InvitationState::Pending));
    assert!(matches!(net.notifications_of("me")[0].kind, NotificationKind::Engagement(_)));
    net.decline("you", invitation).unwrap();
    like(&mut net, "me", "you").unwrap();
    assert_eq!(net.notifications_of("you").len(), 1);
    net.block("you", "me").unwrap();
    assert!(like(&mut net, "me", "you").is_ok(), "the blocked one sees no difference");
    assert_eq!(net.notifications_of("you").len(), 1);
    assert_eq!(refused(like(&mut net, "you", "me")).0, Code::Blocking);
    assert_eq!(refused(like(&mut net, "me", "me")).0, Code::SelfTarget);
}

#[test]
fn rule_17_follows_survive_whatever_becomes_of_invitations() {
    let endings: [fn(&mut Net); 3] = [
        |net| {
            net.withdraw("me", net.sent[0].0).unwrap();
        },
        |net| {
            net.decline("you", net.sent[0].0).unwrap();
        },
        |net| net.wait(Span::days(200)),
    ];
    for end in endings {
        let mut net = Net::linkedin();
        net.follow("me", "you").unwrap();
        net.follow("you", "me").unwrap();
        net.invite("me", "you").unwrap();
        end(&mut net);
        let view = net.view("me", "you");
        assert_eq!((view.following, view.followed_by), (true, true));
        let since = view::contact(&net.relation(&pair("me", "you")), &id("me"), ContactList::Following);
        assert_eq!(since, Some(start()));
    }
    let mut net = Net::with("[follow]\non_invite = true");
    net.invite("me", "you").unwrap();
    assert!(net.view("me", "you").following && net.view("you", "me").followed_by);
}

#[test]
fn rule_20_a_block_ends_everything_both_ways() {
    let mut net = Net::linkedin();
    net.connect("me", "you");
    net.block("me", "you").unwrap();
    for [viewer, other] in [["me", "you"], ["you", "me"]] {
        let view = net.view(viewer, other);
        assert_eq!((view.connected_since, view.following, view.followed_by), (None, false, false));
        assert_eq!(net.standing(viewer).connections, 0);
    }
    let mut net = Net::linkedin();
    net.invite("me", "you").unwrap();
    net.invite("x", "me").unwrap();
    net.block("me", "you").unwrap();
    net.block("me", "x").unwrap();
    assert!(net.pending_received(&id("you")).is_empty() && net.pending_received(&id("me")).is_empty());
    assert!(net.pending_sent(&id("me")).is_empty());
    assert_eq!(net.sent_state("x", "me"), Some(InvitationState::Pending));
}

#[test]
fn rule_20_a_blocker_is_told_to_unblock_first() {
    let mut net = Net::linkedin();
    net.block("me", "you").unwrap();
    assert_eq!(refused(net.follow("me", "you")).0, Code::Blocking);
    assert!(!net.view("me", "you").may.follow);
    assert_eq!(refused(net.block("me", "me")).0, Code::SelfTarget);
}

#[test]
fn rule_21_who_may_invite_is_refused_openly_and_only_by_the_setting() {
    let mut net = Net::linkedin();
    let profile =
        |who_may_invite| Profile { who_may_invite, email: Some("Ann@Example.org".into()), ..Profile::default() };
    net.register("you", profile(WhoMayInvite::Nobody));
    assert_eq!(refused(net.invite("me", "you")), (Code::NotAcceptingInvitations, None));
    net.register("you", profile(WhoMayInvite::Email));
    let ask = |net: &mut Net, email: Option<&str>| {
        let to_email = email.map(str::to_owned);
        net.act(&id("me"), Action::Invite { to: id("you"), note: None, to_email })
    };
    assert_eq!(refused(ask(&mut net, None)), (Code::EmailRequired, None));
    assert_eq!(refused(ask(&mut net, Some("ann@example.com"))), (Code::EmailRequired, None));
    assert_eq!(refused(ask(&mut net, Some(""))), (Code::EmailRequired, None));
    assert!(ask(&mut net, Some(" ann@example.ORG ")).is_ok());
    // The setting is the same answer for the blocked and for others.
    net.register("you", profile(WhoMayInvite::Nobody));
    net.block("you", "x").unwrap();
    assert_eq!(refused(net.invite("x", "you")), refused(net.invite("y", "you")));
    net.register("you", profile(WhoMayInvite::Anyone));
    assert!(net.invite("x", "you").is_ok() && net.invite("y", "you").is_ok());
}

#[test]
fn rule_21_a_member_without_an_address_cannot_be_invited_by_it() {
    let mut net = Net::linkedin();
    net.register("you", Profile { who_may_invite: WhoMayInvite::Email, ..Profile::default() });
    for email in [None, Some(String::new())] {
        let action = Action::Invite { to: id("you"), note: None, to_email: email };
        assert_eq!(refused(net.act(&id("me"), action)).0, Code::EmailRequired);
    }
}

#[test]
fn rule_22_at_most_two_reminders_at_their_moments() {
    let mut net = Net::linkedin();
    net.invite("me", "you").unwrap();
    for (days, reminders) in [(6, 0), (7, 1), (20, 1), (21, 2), (179, 2)] {
        net.wait_until(start() + Span::days(days));
        let told = net.count_events(|kind| matches!(kind, EventKind::InvitationReminded { .. }));
        assert_eq!((told, net.notifications_of("you").len()), (reminders, reminders), "day {days}");
    }
    assert!(net.notifications_of("me").is_empty());
}

#[test]
fn rule_22_a_late_timer_reminds_once() {
    let mut net = Net::linkedin();
    net.invite("me", "you").unwrap();
    net.wait_without_timers(Span::days(100));
    net.wait(Span::ZERO);
    let told = net.count_events(|kind| matches!(kind, EventKind::InvitationReminded { .. }));
    assert_eq!(told, 1);
    assert_eq!(net.relation(&pair("me", "you")).next_due(), Some(start() + Span::days(180)));
}

#[test]
fn rule_22_a_reminder_that_the_policy_takes_back_does_not_come() {
    let mut net = Net::linkedin();
    net.invite("me", "you").unwrap();
    net.wait(Span::days(7));
    net.policy.reminders.after = vec![Span::days(7), Span::days(30)];
    net.wait(Span::days(22));
    assert_eq!(net.notifications_of("you").len(), 1);
    net.wait(Span::days(1));
    assert_eq!(net.notifications_of("you").len(), 2);
}

#[test]
fn rule_22_of_what_is_not_before_its_recipient_only_the_end_is_due() {
    let keep: [fn(&mut Net); 2] = [
        |net| {
            net.invite("me", "you").unwrap();
            net.decline("you", net.sent[0].0).unwrap();
        },
        |net| {
            net.block("you", "me").unwrap();
            net.invite("me", "you").unwrap();
        },
    ];
    for keep in keep {
        let mut net = Net::linkedin();
        keep(&mut net);
        assert_eq!(net.relation(&pair("me", "you")).next_due(), Some(start() + Span::days(180)));
    }
}

#[test]
fn rule_23_no_reminder_of_what_is_no_longer_pending() {
    let endings: [fn(&mut Net); 4] = [
        |net| {
            net.withdraw("me", net.sent[0].0).unwrap();
        },
        |net| {
            net.decline("you", net.sent[0].0).unwrap();
        },
        |net| {
            net.accept("you", net.sent[0].0).unwrap();
        },
        |net| {
            net.block("you", "me").unwrap();
        },
    ];
    for end in endings {
        let mut net = Net::linkedin();
        net.invite("me", "you").unwrap();
        net.wait_without_timers(Span::days(7));
        end(&mut net);
        // The timer that raced and lost.
        net.act(&id("me"), Action::Due { other: id("you") }).unwrap();
        net.wait(Span::days(400));
        assert_eq!(net.count_events(|kind| matches!(kind, EventKind::InvitationReminded { .. })), 0);
        assert!(net.notifications_of("you").is_empty());
    }
}

#[test]
fn rule_23_a_reminder_that_came_first_goes_when_the_invitation_is_answered() {
    let mut net = Net::linkedin();
    let invitation = net.invite("me", "you").unwrap();
    net.wait(Span::days(21));
    assert_eq!(net.notifications_of("you").len(), 2);
    net.decline("you", invitation).unwrap();
    assert!(net.notifications_of("you").is_empty());
}

#[test]
fn rule_24_the_recipient_can_switch_reminders_off() {
    let mut net = Net::linkedin();
    net.register("you", Profile { reminders: false, ..Profile::default() });
    net.invite("me", "you").unwrap();
    net.wait(Span::days(10));
    // Switched on again, the one that is over is not made up for.
    net.register("you", Profile::default());
    assert!(net.notifications_of("you").is_empty());
    net.wait(Span::days(11));
    assert_eq!(net.notifications_of("you").len(), 1);
}

#[test]
fn rule_41_the_sender_is_told_when_the_wait_is_over() {
    let mut net = Net::linkedin();
    let invitation = net.invite("me", "you").unwrap();
    net.wait(Span::days(8));
    net.withdraw("me", invitation).unwrap();
    net.wait(Span::seconds(21 * 86_400 - 1));
    assert!(net.notifications_of("me").is_empty() && !net.view("me", "you").may.invite);
    net.wait(Span::seconds(1));
    let [told] = net.notifications_of("me")[..] else { panic!("told once") };
    let expected = (NotificationKind::MayInviteAgain, id("you"), Some(invitation), net.now);
    assert_eq!((told.kind.clone(), told.about.clone(), told.invitation, told.at), expected);
    assert!(net.view("me", "you").may.invite, "what was told is true");
    assert!(net.notifications_of("you").is_empty(), "a withdrawal tells the recipient nothing, ever");
    net.wait(Span::days(400));
    assert_eq!(net.count_events(|kind| *kind == EventKind::InvitationWaitEnded), 1);
}

#[test]
fn rule_41_what_the_recipient_did_in_silence_does_not_keep_the_notice_back() {
    let silent: [fn(&mut Net); 3] = [
        |_| {},
        |net| {
            net.decline("you", net.sent[0].0).unwrap();
        },
        |net| {
            net.block("you", "me").unwrap();
        },
    ];
    for act in silent {
        let mut net = Net::linkedin();
        let invitation = net.invite("me", "you").unwrap();
        act(&mut net);
        net.withdraw("me", invitation).unwrap();
        net.wait(Span::days(21));
        assert_eq!(net.notifications_of("me").len(), 1);
    }
}

#[test]
fn rule_41_nobody_is_told_what_they_see_to_be_idle() {
    let idle: [fn(&mut Net); 5] = [
        |net| net.connect("you", "me"),
        |net| {
            net.invite("you", "me").unwrap();
        },
        |net| {
            net.block("me", "you").unwrap();
        },
        |net| net.register("you", Profile { who_may_invite: WhoMayInvite::Nobody, ..Profile::default() }),
        |net| {
            net.act(&id("you"), Action::BeginErasure).unwrap();
        },
    ];
    for (place, make_idle) in idle.into_iter().enumerate() {
        let mut net = Net::linkedin();
        let invitation = net.invite("me", "you").unwrap();
        net.withdraw("me", invitation).unwrap();
        make_idle(&mut net);
        net.wait(Span::days(21));
        let told = net.count_events(|kind| *kind == EventKind::InvitationWaitEnded);
        assert_eq!(told, 0, "case {place}");
        net.wait(Span::days(400));
        assert_eq!(net.relation(&pair("me", "you")).next_due(), None, "case {place}");
    }
}

#[test]
fn rule_41_without_a_wait_there_is_nothing_to_tell() {
    let mut policy = Policy::default();
    policy.invitation.resend_after_withdrawal = Span::ZERO;
    let mut net = Net::new(policy);
    let invitation = net.invite("me", "you").unwrap();
    net.withdraw("me", invitation).unwrap();
    net.wait(Span::days(400));
    assert!(net.notifications_of("me").is_empty());
}

#[test]
fn a_member_who_is_being_erased_is_gone_for_inviting() {
    let mut net = Net::linkedin();
    net.connect("you", "x");
    net.act(&id("you"), Action::BeginErasure).unwrap();
    assert_eq!(refused(net.invite("me", "you")).0, Code::UnknownMember);
    assert_eq!(refused(net.invite("you", "me")).0, Code::UnknownMember);
    net.act(&id("you"), Action::Forget { other: id("x") }).unwrap();
    assert_eq!(net.standing("x").connections, 0);
    net.act(&id("you"), Action::FinishErasure).unwrap();
    assert!(!net.members.contains_key(&id("you")) && net.relations.is_empty());
    net.invite("me", "you").unwrap();
}

#[test]
fn nothing_new_begins_with_a_member_who_is_being_erased() {
    let mut net = Net::linkedin();
    net.act(&id("you"), Action::BeginErasure).unwrap();
    let before = net.clone();
    for [actor, other] in [["me", "you"], ["you", "me"]] {
        assert_eq!(refused(net.follow(actor, other)).0, Code::UnknownMember);
        assert_eq!(refused(net.block(actor, other)).0, Code::UnknownMember);
        assert_eq!(refused(like(&mut net, actor, other)).0, Code::UnknownMember);
    }
    assert!(net.rows() == before.rows(), "or a relation would be left behind");
}

#[test]
fn forgetting_frees_the_others_room_and_tells_nobody() {
    let mut net = Net::linkedin();
    net.invite("me", "you").unwrap();
    net.wait(Span::days(8));
    net.invite("x", "me").unwrap();
    let events = net.events.len();
    net.act(&id("you"), Action::Forget { other: id("me") }).unwrap();
    assert_eq!(net.standing("me").pending, 0);
    assert!(net.notifications_of("you").is_empty());
    assert_eq!(net.events.len(), events);
    assert_eq!(net.member(&id("me")).ledger.pending_received, 1);
    net.act(&id("x"), Action::Forget { other: id("me") }).unwrap();
    assert_eq!(net.member(&id("me")).ledger.pending_received, 0);
    net.connect("z", "me");
    let events = net.events.len();
    net.act(&id("z"), Action::Forget { other: id("me") }).unwrap();
    assert_eq!((net.standing("me").connections, net.events.len()), (0, events));
}

#[test]
fn rule_22_the_sender_may_know_when_reminders_are_due_and_not_whether_they_came() {
    let policy = Policy::default();
    let moments = |days| timers::reminder_moments(start(), &policy, start() + Span::days(days));
    for (days, passed, next) in [(0, 0, Some(7)), (6, 0, Some(7)), (7, 1, Some(21)), (21, 2, None)] {
        let next = next.map(|days| start() + Span::days(days));
        assert_eq!(moments(days), timers::ReminderMoments { all: 2, passed, next }, "day {days}");
    }
}

#[test]
fn members_change_their_settings_and_nothing_else_that_is_known() {
    let mut net = Net::linkedin();
    net.register("ann", Profile { name: Some("Ann".into()), ..Profile::default() });
    let before = net.member(&id("ann")).profile;
    let change = |who_may_invite, reminders| Action::ChangeSettings { who_may_invite, reminders };
    net.act(&id("ann"), change(WhoMayInvite::Nobody, false)).unwrap();
    let wanted = Profile { who_may_invite: WhoMayInvite::Nobody, reminders: false, ..(*before).clone() };
    assert_eq!(*net.member(&id("ann")).profile, wanted);
    assert_eq!(net.count_events(|kind| *kind == EventKind::MemberUpdated), 2);
    net.act(&id("ann"), change(WhoMayInvite::Nobody, false)).unwrap();
    assert_eq!(net.count_events(|kind| *kind == EventKind::MemberUpdated), 2, "nothing has changed");
    net.act(&id("ann"), Action::BeginErasure).unwrap();
    assert_eq!(refused(net.act(&id("ann"), change(WhoMayInvite::Anyone, true))).0, Code::UnknownMember);
}
