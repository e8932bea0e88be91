//! What holds after any history, recounted from the events.

use std::collections::BTreeMap;
use std::fmt::Debug;

use acquaint_core::command::Action;
use acquaint_core::event::{EventKind, NotificationKind};
use acquaint_core::ids::{InvitationId, MemberId};
use acquaint_core::policy::Policy;
use acquaint_core::refusal::Code;
use acquaint_core::relation::Ending;
use acquaint_core::standing;
use acquaint_core::tally::Count;
use acquaint_core::time::{Span, Time};
use proptest::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::history::{NAMES, Step, seeded, step};
use crate::net::{Net, id, start};

const SECOND: Span = Span::seconds(1);

/// Limits so low that histories run into all of them.
const TIGHT: &str = r#"
    [invitation]
    expires_after = "30d"
    resend_after_withdrawal = "3d"
    resend_after_decline = "4d"
    notes_per_month_basic = 3
    [reminders]
    after = ["2d", "5d"]
    [limits]
    pending_cap = 2
    rolling_window = "7d"
    rolling_basic = 5
    connections = 2
    [restriction]
    unanswered_window = "20d"
    unanswered_after = "3d"
    unanswered_min = 4
    reports = 2
    sends_per_hour = 3
    withdrawals_per_day = 2
    ladder = ["1h", "1d", "2d"]
    ladder_memory = "10d"
    [cleanup]
    daily_budget = 1
"#;

/// No restrictions, so that nothing but the caps and the allowance stands in the way.
const CAPS_ONLY: &str = r#"
    preset = "open"
    [invitation]
    expires_after = "30d"
    [reminders]
    after = ["2d"]
    [limits]
    pending_cap = 3
    rolling_window = "3d"
    rolling_basic = 3
    connections = 2
    [restriction]
    unanswered_window = "20d"
    unanswered_after = "1d"
    unanswered_min = 1000000
    acceptance_floor = 0.0
"#;

fn policies() -> impl Strategy<Value = Policy> {
    prop_oneof![Just(TIGHT), Just(CAPS_ONLY), Just("")].prop_map(|document| Policy::parse(document).unwrap())
}

fn history() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(step(), 1..80)
}

/// What the events say about one member's sends: when, and whether accepted.
fn sends_of(net: &Net, member: &MemberId) -> Vec<(Time, InvitationId, bool)> {
    let accepted = |wanted: InvitationId| {
        net.events.iter().any(|event| event.kind == EventKind::InvitationAccepted && event.invitation == Some(wanted))
    };
    let created = net
        .events
        .iter()
        .filter(|event| event.actor == *member && matches!(event.kind, EventKind::InvitationCreated { .. }));
    created.map(|event| (event.at, event.invitation.unwrap())).map(|(at, id)| (at, id, accepted(id))).collect()
}

fn counters_equal_lists(net: &Net, member: &MemberId) -> Result<(), TestCaseError> {
    let ledger = net.member(member).ledger;
    let connected =
        net.relations.values().filter(|r| r.pair.both().contains(&member) && r.state.connected_since.is_some()).count();
    prop_assert_eq!(ledger.pending_sent as usize, net.pending_sent(member).len(), "pending sent by {}", member);
    prop_assert_eq!(ledger.pending_received as usize, net.pending_received(member).len(), "pending for {}", member);
    prop_assert_eq!(ledger.connections as usize, connected, "connections of {}", member);
    Ok(())
}

fn caps_hold(net: &Net, member: &MemberId) -> Result<(), TestCaseError> {
    let (ledger, limits) = (net.member(member).ledger, &net.policy.limits);
    prop_assert!(limits.pending_cap.is_none_or(|cap| ledger.pending_sent <= cap));
    prop_assert!(limits.connections.is_none_or(|cap| ledger.connections <= cap));
    let sends = sends_of(net, member);
    let in_window = |window: Span| {
        let inside = |at: Time| net.now - window < at && at <= net.now;
        u32::try_from(sends.iter().filter(|send| inside(send.0)).count()).unwrap()
    };
    let rolling = in_window(limits.rolling_window);
    prop_assert!(limits.rolling_basic.is_none_or(|limit| rolling <= limit), "{} sent {}", member, rolling);
    prop_assert!(net.policy.restriction.sends_per_hour.is_none_or(|limit| in_window(Span::hours(1)) <= limit));
    let standing = standing::standing(&net.member(member), &net.policy, net.now);
    prop_assert_eq!(standing.rolling.sent, rolling);
    let rules = &net.policy.restriction;
    let judged = |at: Time| net.now - rules.unanswered_window < at && at < net.now - rules.unanswered_after;
    let matured: Vec<_> = sends.iter().filter(|send| judged(send.0)).collect();
    let good = matured.iter().filter(|send| send.2).count();
    let expected = Count { all: matured.len().try_into().unwrap(), good: good.try_into().unwrap() };
    prop_assert_eq!(standing.acceptance, expected, "acceptance of {}", member);
    Ok(())
}

fn relations_are_sound(net: &Net) -> Result<(), TestCaseError> {
    for relation in net.relations.values() {
        let sides = [&relation.state.low, &relation.state.high];
        let pending = sides.iter().filter(|side| side.invitation.as_ref().is_some_and(|i| i.is_pending())).count();
        prop_assert!(pending <= 1, "two who invite each other are connected");
        prop_assert!(pending == 0 || relation.state.connected_since.is_none());
        let blocked = sides.iter().any(|side| side.blocking_since.is_some());
        prop_assert!(!blocked || relation.state.connected_since.is_none());
        for invitation in sides.iter().filter_map(|side| side.invitation.as_ref()) {
            prop_assert!(!invitation.is_pending() || invitation.next_due.is_some(), "its end at least is due");
            let waits = invitation.end.is_none_or(|end| end.how == Ending::Withdrawn);
            prop_assert!(waits || invitation.next_due.is_none(), "of what is over, only a wait is due");
            prop_assert!(invitation.next_due.is_none_or(|due| due > net.now));
            prop_assert!(invitation.is_answerable() || invitation.reminders.is_empty());
        }
    }
    Ok(())
}

fn both_sides_agree(net: &Net) -> Result<(), TestCaseError> {
    for (a, b) in NAMES.iter().flat_map(|a| NAMES.iter().map(move |b| (a, b))).filter(|(a, b)| a != b) {
        let (mine, theirs) = (net.view(a, b), net.view(b, a));
        prop_assert_eq!(mine.connected_since, theirs.connected_since);
        prop_assert!(!theirs.followed_by || mine.following, "nobody sees a follow that is not there");
        prop_assert!(!(mine.blocking && (mine.following || mine.followed_by)));
        if theirs.may.accept {
            prop_assert!(mine.may.withdraw);
            prop_assert_eq!(mine.invitation.map(|view| view.id), theirs.invitation.map(|view| view.id));
        }
    }
    Ok(())
}

fn notifications_are_of_what_is_there(net: &Net) -> Result<(), TestCaseError> {
    for ((owner, _), line) in &net.notifications {
        if line.kind == NotificationKind::InvitationReminder {
            let waiting = net.pending_received(owner);
            prop_assert!(waiting.iter().any(|view| Some(view.id) == line.invitation), "{:?}", line);
        }
    }
    let mut reminded: BTreeMap<InvitationId, usize> = BTreeMap::new();
    for event in net.events.iter().filter(|event| matches!(event.kind, EventKind::InvitationReminded { .. })) {
        *reminded.entry(event.invitation.unwrap()).or_default() += 1;
    }
    prop_assert!(reminded.values().all(|times| *times <= net.policy.reminders.after.len()));
    Ok(())
}

/// What may be done according to the view is what can be done.
fn the_view_tells_the_truth(net: &Net) -> Result<(), TestCaseError> {
    for (a, b) in NAMES.iter().flat_map(|a| NAMES.iter().map(move |b| (a, b))).filter(|(a, b)| a != b) {
        let (view, other) = (net.view(a, b), id(b));
        let try_it = |action: Action| net.clone().act(&id(a), action);
        let invited = try_it(Action::Invite { to: other.clone(), note: None, to_email: None });
        // Reports alone are not told before a send.
        let reported = net.member(&id(a)).ledger.reports.count(Time::MIN, net.now).all > 0
            && invited.as_ref().err().is_some_and(|refusal| refusal.code == Code::Restricted);
        prop_assert_eq!(view.may.invite, view.invite_refusal.is_none());
        if !reported {
            prop_assert_eq!(view.invite_refusal, invited.err());
        }
        if let Some(invitation) = view.invitation.as_ref().map(|view| view.id) {
            prop_assert_eq!(view.may.withdraw, try_it(Action::Withdraw { invitation }).is_ok());
            let declined = try_it(Action::Decline { invitation, complaint: None });
            prop_assert_eq!(view.may.decline, declined.is_ok());
            let accepted = try_it(Action::Accept { invitation });
            let full = accepted.as_ref().err().is_some_and(|refusal| refusal.code == Code::ConnectionCap);
            prop_assert_eq!(view.may.accept, accepted.is_ok() || full);
        }
        let followed = try_it(Action::Follow { other: other.clone() });
        prop_assert!(!view.may.follow || followed.is_ok());
        prop_assert_eq!(view.may.block || view.blocking, try_it(Action::Block { other: other.clone() }).is_ok());
        let disconnected = try_it(Action::Disconnect { other });
        prop_assert!(disconnected.is_ok());
    }
    Ok(())
}

/// A refusal of an account at this moment: when is it over, and is it so?
fn retry_at_is_exact(net: &Net, member: &MemberId) -> Result<(), TestCaseError> {
    let row = net.member(member);
    let Some(at) = standing::allowance(&row, &net.policy, net.now).next_slot_at else { return Ok(()) };
    prop_assert!(at > net.now);
    let early = standing::allowance(&row, &net.policy, at - SECOND);
    prop_assert_eq!(early.next_slot_at, Some(at), "a second early there is no room");
    prop_assert_eq!(standing::allowance(&row, &net.policy, at).next_slot_at, None, "then there is");
    if net.policy.restriction.sends_per_hour.is_none() {
        // And the send itself agrees, once no cap stands in the way.
        let mut later = net.clone();
        later.policy.limits.pending_cap = None;
        later.policy.limits.connections = None;
        let invite = |net: &Net| net.clone().invite(member.as_str(), "stranger").map_err(|refusal| refusal.code);
        later.wait_until(at - SECOND);
        prop_assert_eq!(invite(&later).err(), Some(Code::RollingLimit));
        later.wait(SECOND);
        prop_assert!(invite(&later).is_ok());
    }
    Ok(())
}

/// A refusal leaves nothing but, perhaps, the restriction that it started.
fn a_refusal_left_nothing(before: &Net, after: &Net, actor: &MemberId) -> Result<(), TestCaseError> {
    let (old, new) = (before.member(actor), after.member(actor));
    let mut undone = after.clone();
    if new.ledger.restriction != old.ledger.restriction {
        prop_assert_eq!(new.ledger.restriction.unwrap().since, after.now);
        let told = undone.events.pop().map(|event| event.kind.name());
        prop_assert_eq!(told, Some("member.restricted"));
        let row = undone.members.get_mut(actor).unwrap();
        row.ledger.restriction = old.ledger.restriction;
        row.version -= 1;
        if row.version == 0 {
            undone.members.remove(actor);
        }
    }
    prop_assert!(undone.rows() == before.rows(), "a refusal left a trace");
    Ok(())
}

/// In bytes, as stores keep rows, and in text, as backups do.
fn survives<T: Serialize + DeserializeOwned + PartialEq + Debug>(row: &T) -> Result<(), TestCaseError> {
    let bytes = postcard::to_stdvec(row).unwrap();
    prop_assert_eq!(&postcard::from_bytes::<T>(&bytes).unwrap(), row);
    let text = serde_json::to_string(row).unwrap();
    prop_assert_eq!(&serde_json::from_str::<T>(&text).unwrap(), row);
    Ok(())
}

proptest! {
    #![proptest_config(seeded(128))]

    #[test]
    fn everything_holds_after_every_command(policy in policies(), history in history()) {
        let mut net = Net::new(policy);
        for step in history {
            let before = net.clone();
            if let (Some(Err(_)), Step::Act { actor, .. }) = (step.play(&mut net), &step) {
                a_refusal_left_nothing(&before, &net, &id(NAMES[*actor]))?;
            }
            relations_are_sound(&net)?;
            for member in NAMES.map(id) {
                counters_equal_lists(&net, &member)?;
                caps_hold(&net, &member)?;
            }
            notifications_are_of_what_is_there(&net)?;
        }
        prop_assert!(net.events.is_sorted_by_key(|event| event.at), "events come in the order of time");
        both_sides_agree(&net)?;
        the_view_tells_the_truth(&net)?;
        for member in NAMES.map(id) {
            retry_at_is_exact(&net, &member)?;
        }
    }

    #[test]
    fn late_timers_change_nothing_but_reminders(policy in policies(), history in history()) {
        let (mut prompt, mut late) = (Net::new(policy.clone()), Net::new(policy));
        prompt.policy.reminders.after.clear();
        late.policy.reminders.after.clear();
        // Room at the cap is freed when an end is carried out, which the late one does later.
        prompt.policy.limits.pending_cap = None;
        late.policy.limits.pending_cap = None;
        for step in history {
            match step {
                Step::Wait(span) => {
                    prompt.wait(span);
                    late.wait_without_timers(span);
                }
                step => prop_assert_eq!(step.play(&mut prompt), step.play(&mut late)),
            }
        }
        late.wait(Span::ZERO);
        for (a, b) in [("a", "b"), ("b", "c"), ("c", "d"), ("d", "a")] {
            prop_assert_eq!(late.view(a, b), prompt.view(a, b));
            prop_assert_eq!(late.standing(a), prompt.standing(a));
        }
    }

    #[test]
    fn rows_survive_being_packed(policy in policies(), history in history()) {
        let mut net = Net::new(policy);
        for step in history {
            step.play(&mut net);
        }
        for member in net.members.values() {
            survives(&*member.profile)?;
            survives(&member.ledger)?;
        }
        for relation in net.relations.values() {
            survives(&relation.state)?;
        }
        survives(&net.events)?;
        survives(&net.past.into_values().collect::<Vec<_>>())?;
        survives(&net.notifications.into_values().collect::<Vec<_>>())?;
    }

    #[test]
    fn a_long_wait_ends_every_invitation_and_leaves_no_timer(history in history()) {
        let mut net = Net::linkedin();
        for step in history {
            step.play(&mut net);
        }
        net.wait(Span::days(181));
        prop_assert!(net.now > start());
        prop_assert!(net.relations.values().all(|relation| relation.next_due().is_none()));
        prop_assert!(net.members.values().all(|member| member.ledger.pending_sent + member.ledger.pending_received == 0));
    }
}
