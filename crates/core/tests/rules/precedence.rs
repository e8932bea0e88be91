//! Of several refusals of an invitation that hold together, the earliest in the rule book's order is
//! returned.

use acquaint_core::command::Action;
use acquaint_core::event::EventKind;
use acquaint_core::ids::InvitationId;
use acquaint_core::member::{NoteCount, Registration, Restriction, RestrictionClass, WhoMayInvite};
use acquaint_core::policy::Policy;
use acquaint_core::refusal::Code;
use acquaint_core::relation::{End, Ending, Invitation, Side};
use acquaint_core::time::{Span, Time};
use uuid::Uuid;

use crate::net::{Net, id, refused, start};

/// An invitation of "me" that is about to be sent into this network.
struct Ask {
    net: Net,
    to: &'static str,
    note: String,
}

/// Something that an invitation is refused for.
struct Reason {
    code: Code,
    name: &'static str,
    arrange: fn(&mut Ask),
    /// Names of what cannot hold together with it.
    never_with: &'static [&'static str],
}

/// Every way to be refused, in the order of the rule book.
const REASONS: [Reason; 20] = [
    reason(
        Code::SelfInvitation,
        "myself",
        |ask| ask.to = "me",
        &["connected", "pending", "I block them", "withdrawn yesterday", "expired, with a wait"],
    ),
    reason(
        Code::UnknownMember,
        "not registered",
        |ask| {
            ask.net.policy.members.must_be_registered = true;
            ask.net.arrange_member("me", |me| profile(me).registration = Registration::None);
        },
        &[],
    ),
    reason(
        Code::UnknownMember,
        "being erased",
        |ask| with_other(ask, |other| profile(other).registration = Registration::Erasing),
        &[],
    ),
    reason(
        Code::AlreadyConnected,
        "connected",
        |ask| ask.net.arrange_relation("me", "you", |relation| relation.state.connected_since = Some(start())),
        &["pending", "I block them"],
    ),
    reason(
        Code::AlreadyPending,
        "pending",
        |ask| last_invitation(ask, None),
        &["I block them", "withdrawn yesterday", "expired, with a wait"],
    ),
    reason(
        Code::NotAcceptingInvitations,
        "they take none",
        |ask| with_other(ask, |other| profile(other).who_may_invite = WhoMayInvite::Nobody),
        &["they ask for the e-mail"],
    ),
    reason(
        Code::NotAcceptingInvitations,
        "I block them",
        |ask| {
            let block = |mine: &mut Side| mine.blocking_since = Some(start());
            ask.net.arrange_relation("me", "you", |relation| block(relation.side_mut(&id("me"))));
        },
        &[],
    ),
    reason(
        Code::EmailRequired,
        "they ask for the e-mail",
        |ask| with_other(ask, |other| profile(other).who_may_invite = WhoMayInvite::Email),
        &[],
    ),
    reason(
        Code::Cooldown,
        "withdrawn yesterday",
        |ask| last_invitation(ask, Some(Ending::Withdrawn)),
        &["expired, with a wait"],
    ),
    reason(
        Code::Cooldown,
        "expired, with a wait",
        |ask| {
            ask.net.policy.invitation.resend_after_expiry = Span::days(2);
            last_invitation(ask, Some(Ending::Expired));
        },
        &[],
    ),
    reason(
        Code::Restricted,
        "restricted",
        |ask| {
            let until = ask.net.now + Span::days(1);
            ask.net.arrange_member("me", |me| {
                let class = RestrictionClass::Pace;
                me.ledger.restriction = Some(Restriction { since: start() - Span::days(1), until, class, rung: 0 });
            });
        },
        &[],
    ),
    reason(Code::Restricted, "too many unanswered", |ask| sends(ask, 50, Span::days(20)), &["restricted"]),
    reason(
        Code::Restricted,
        "reported",
        |ask| {
            ask.net.arrange_member("me", |me| (0..5).for_each(|_| me.ledger.reports.record(start(), Span::days(7))));
        },
        &["restricted"],
    ),
    reason(Code::Restricted, "too fast", |ask| sends(ask, 40, Span::minutes(1)), &["restricted"]),
    reason(
        Code::PendingCap,
        "at the pending cap",
        |ask| ask.net.arrange_member("me", |me| me.ledger.pending_sent = 1_500),
        &[],
    ),
    reason(Code::RollingLimit, "allowance used up", |ask| sends(ask, 100, Span::days(2)), &[]),
    reason(
        Code::ConnectionCap,
        "I am full",
        |ask| ask.net.arrange_member("me", |me| me.ledger.connections = 30_000),
        &[],
    ),
    reason(Code::NoteTooLong, "long note", |ask| ask.note.push_str(&"n".repeat(201)), &[]),
    reason(
        Code::NoteQuota,
        "no note left",
        |ask| {
            let month = ask.net.now.month();
            ask.note.push('n');
            ask.net.arrange_member("me", |me| me.ledger.notes = Some(NoteCount { month, used: 5 }));
        },
        &[],
    ),
    reason(Code::NoteNotText, "no text", |ask| ask.note.push_str("a\u{7}b"), &[]),
];

const fn reason(code: Code, name: &'static str, arrange: fn(&mut Ask), never_with: &'static [&'static str]) -> Reason {
    Reason { code, name, arrange, never_with }
}

fn profile(member: &mut acquaint_core::member::Member) -> &mut acquaint_core::member::Profile {
    std::sync::Arc::make_mut(&mut member.profile)
}

fn with_other(ask: &mut Ask, change: impl FnOnce(&mut acquaint_core::member::Member)) {
    ask.net.arrange_member(ask.to, change);
}

fn last_invitation(ask: &mut Ask, how: Option<Ending>) {
    let at = start() - Span::days(1);
    let invitation = Invitation {
        id: InvitationId(Uuid::from_u128(1)),
        note: None,
        sent_at: at,
        expires_at: Some(start() + Span::days(100)),
        end: how.map(|how| End { how, at }),
        kept: None,
        reminder_moments: 0,
        reminders: Vec::new(),
        next_due: None,
    };
    ask.net.arrange_relation("me", "you", |relation| relation.side_mut(&id("me")).invitation = Some(invitation));
}

fn sends(ask: &mut Ask, count: u32, ago: Span) {
    let at = ask.net.now - ago;
    ask.net.arrange_member("me", |me| (0..count).for_each(|_| me.ledger.sends.record(at, Span::days(90))));
}

fn ask(reasons: &[&Reason]) -> Ask {
    let mut net = Net::new(Policy::default());
    for name in ["me", "you"] {
        net.register(name, acquaint_core::member::Profile::default());
    }
    let mut ask = Ask { net, to: "you", note: String::new() };
    for reason in reasons {
        (reason.arrange)(&mut ask);
    }
    ask
}

impl Ask {
    fn send(&mut self) -> (Code, Option<Time>) {
        let note = Some(self.note.clone());
        refused(self.net.act(&id("me"), Action::Invite { to: id(self.to), note, to_email: None }))
    }
}

fn together(one: &Reason, other: &Reason) -> bool {
    !one.never_with.contains(&other.name) && !other.never_with.contains(&one.name)
}

#[test]
fn without_a_reason_nothing_is_refused() {
    let mut ask = ask(&[]);
    assert!(ask.net.invite("me", "you").is_ok());
}

#[test]
fn each_reason_alone_is_the_one_returned() {
    for reason in &REASONS {
        assert_eq!(ask(&[reason]).send().0, reason.code, "{}", reason.name);
    }
}

#[test]
fn of_two_reasons_the_earlier_is_returned() {
    let mut pairs = 0;
    for (place, earlier) in REASONS.iter().enumerate() {
        for later in REASONS.iter().skip(place + 1).filter(|later| together(earlier, later)) {
            // Arranged in both orders, so that the order of arranging plays no part.
            for both in [[earlier, later], [later, earlier]] {
                assert_eq!(ask(&both).send().0, earlier.code, "{} and {}", earlier.name, later.name);
            }
            pairs += 1;
        }
    }
    assert_eq!(pairs, 175, "the pairs that can hold together");
}

#[test]
fn of_all_at_once_each_comes_when_those_before_it_have_gone() {
    let mut holding: Vec<&Reason> = Vec::new();
    for reason in REASONS.iter().skip(1) {
        if holding.iter().all(|held| together(held, reason)) {
            holding.push(reason);
        }
    }
    assert_eq!(holding.len(), 12);
    while let Some(first) = holding.first() {
        assert_eq!(ask(&holding).send().0, first.code, "{}", first.name);
        holding.remove(0);
    }
}

#[test]
fn the_order_of_the_codes_is_that_of_the_rule_book() {
    let names: Vec<_> = Code::ALL.iter().take(14).map(|code| code.name()).collect();
    let person = "self_invitation unknown_member already_connected already_pending not_accepting_invitations \
                  email_required cooldown";
    let account = "restricted pending_cap rolling_limit connection_cap";
    let content = "note_too_long note_quota note_not_text";
    assert_eq!(names, [person, account, content].join(" ").split(' ').collect::<Vec<_>>());
    assert!(Code::ALL.is_sorted());
}

#[test]
fn a_refused_send_leaves_nothing_but_the_restriction_that_it_starts() {
    for reason in &REASONS {
        let mut ask = ask(&[reason]);
        let before = ask.net.clone();
        ask.send();
        let starts = ["too many unanswered", "reported", "too fast"].contains(&reason.name);
        let started = ask.net.count_events(|kind| matches!(kind, EventKind::MemberRestricted { .. }));
        assert_eq!(started, usize::from(starts), "{}", reason.name);
        if starts {
            let restriction = ask.net.member(&id("me")).ledger.restriction;
            assert_eq!(restriction.map(|restriction| restriction.since), Some(ask.net.now));
            ask.net.members.get_mut(&id("me")).unwrap().ledger.restriction = None;
            ask.net.members.get_mut(&id("me")).unwrap().version -= 1;
            ask.net.events.pop();
        }
        assert!(ask.net.rows() == before.rows(), "{} leaves a trace", reason.name);
    }
}

#[test]
fn where_time_heals_it_the_refusal_says_when() {
    for reason in &REASONS {
        let heals = matches!(reason.code, Code::Cooldown | Code::Restricted | Code::RollingLimit | Code::NoteQuota);
        let (_, retry_at) = ask(&[reason]).send();
        assert_eq!(retry_at.is_some(), heals, "{}", reason.name);
        assert!(retry_at.is_none_or(|at| at > start()), "{}", reason.name);
    }
}
