//! Random commands among a few members.

use acquaint_core::command::{Action, Engagement, EngagementKind};
use acquaint_core::ids::{InvitationId, MemberId};
use acquaint_core::relation::Complaint;
use acquaint_core::time::Span;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use crate::net::{Net, Outcome, id};

/// The same histories each time, so that a test does not fail by chance. `PROPTEST_RNG_SEED` plays
/// others, `PROPTEST_CASES` more.
pub(crate) fn seeded(cases: u32) -> ProptestConfig {
    let mut config = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = cases;
    }
    if config.rng_seed == RngSeed::Random {
        config.rng_seed = RngSeed::Fixed(1);
    }
    config
}

/// Who takes part in random histories.
pub(crate) const NAMES: [&str; 4] = ["a", "b", "c", "d"];

/// One command, or time passing.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    Act { actor: usize, other: usize, what: What },
    Wait(Span),
}

/// What is done towards another. Which invitation is meant follows from those between the two.
#[derive(Debug, Clone)]
pub(crate) enum What {
    Invite { note: bool },
    Withdraw { back: usize },
    Accept { back: usize },
    Decline { back: usize, complaint: Option<Complaint> },
    Disconnect,
    Follow,
    Unfollow,
    Block,
    Unblock,
    Engage,
    Due,
}

pub(crate) fn complaint() -> impl Strategy<Value = Option<Complaint>> {
    prop_oneof![Just(None), Just(Some(Complaint::DontKnow)), Just(Some(Complaint::Spam))]
}

pub(crate) fn what() -> impl Strategy<Value = What> {
    let back = || prop_oneof![5 => Just(0_usize), 1 => 0_usize..4];
    prop_oneof![
        12 => any::<bool>().prop_map(|note| What::Invite { note }),
        4 => back().prop_map(|back| What::Withdraw { back }),
        4 => back().prop_map(|back| What::Accept { back }),
        4 => (back(), complaint()).prop_map(|(back, complaint)| What::Decline { back, complaint }),
        3 => Just(What::Disconnect),
        2 => Just(What::Follow),
        1 => Just(What::Unfollow),
        1 => Just(What::Block),
        2 => Just(What::Unblock),
        1 => Just(What::Engage),
        1 => Just(What::Due),
    ]
}

/// Short pauses that stay within the windows, and long ones that leave them.
pub(crate) fn pause() -> impl Strategy<Value = Span> {
    prop_oneof![
        3 => (0_u64..100).prop_map(Span::seconds),
        3 => (0_u64..72).prop_map(Span::hours),
        2 => (1_u64..12).prop_map(Span::days),
        1 => Just(Span::days(31)),
    ]
}

pub(crate) fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..NAMES.len(), 1..NAMES.len(), what()).prop_map(|(actor, distance, what)| {
            Step::Act { actor, other: (actor + distance) % NAMES.len(), what }
        }),
        1 => pause().prop_map(Step::Wait),
    ]
}

impl Step {
    pub(crate) fn play(&self, net: &mut Net) -> Option<Outcome> {
        match self {
            Step::Wait(span) => {
                net.wait(*span);
                None
            }
            Step::Act { actor, other, what } => {
                let (actor, other) = (id(NAMES[*actor]), id(NAMES[*other]));
                let action = what.action(net, &actor, &other);
                Some(net.act(&actor, action))
            }
        }
    }
}

impl What {
    pub(crate) fn action(&self, net: &Net, actor: &MemberId, other: &MemberId) -> Action {
        let other = other.clone();
        let from = |sender: &MemberId, recipient: &MemberId, back: usize| {
            let of_sender = net.sent.iter().rev().filter(|sent| sent.1 == *sender && sent.2 == *recipient);
            of_sender.map(|sent| sent.0).nth(back).unwrap_or(InvitationId(uuid::Uuid::nil()))
        };
        match *self {
            What::Invite { note } => Action::Invite { to: other, note: note.then(|| "Hello".into()), to_email: None },
            What::Withdraw { back } => Action::Withdraw { invitation: from(actor, &other, back) },
            What::Accept { back } => Action::Accept { invitation: from(&other, actor, back) },
            What::Decline { back, complaint } => Action::Decline { invitation: from(&other, actor, back), complaint },
            What::Disconnect => Action::Disconnect { other },
            What::Follow => Action::Follow { other },
            What::Unfollow => Action::Unfollow { other },
            What::Block => Action::Block { other },
            What::Unblock => Action::Unblock { other },
            What::Engage => Action::Engage {
                target: other,
                engagement: Engagement { kind: EngagementKind::Like, subject: None, text: None },
            },
            What::Due => Action::Due { other },
        }
    }
}
