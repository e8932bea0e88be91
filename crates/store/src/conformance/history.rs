//! Random commands, played on the store under test and on the model.

use std::sync::Arc;

use acquaint_core::command::{Action, Command, Engagement, EngagementKind};
use acquaint_core::ids::MemberId;
use acquaint_core::member::{Profile, WhoMayInvite};
use acquaint_core::policy::Preset;
use acquaint_core::relation::Complaint;
use acquaint_core::time::Span;
use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestRunner};

use super::Town;
use super::whole::scan;
use crate::memory::MemoryStore;
use crate::{Store, StoreResult};

/// Five members, named so that keys built carelessly collide or sort wrongly.
const NAMES: [&str; 5] = ["a", "a!", "ab", "名", "\u{10ffff}"];

/// How many histories are played, unless `PROPTEST_CASES` says otherwise.
const CASES: u32 = 64;

/// What is done at one moment, each line of it committed at once.
#[derive(Debug, Clone)]
pub struct History {
    batches: Vec<(Span, Vec<Step>)>,
    follow_on_invite: bool,
    limit: usize,
}

/// One command of a history. Which invitation is meant follows from those sent so far.
#[derive(Debug, Clone)]
struct Step {
    actor: usize,
    other: usize,
    what: What,
}

#[derive(Debug, Clone)]
enum What {
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
    Register { nobody: bool },
    MarkRead,
    BeginErasure,
    Forget,
    FinishErasure,
}

fn what() -> impl Strategy<Value = What> {
    let complaint = prop::option::of(prop_oneof![Just(Complaint::DontKnow), Just(Complaint::Spam)]);
    // Mostly the latest invitation, sometimes one that a newer has superseded.
    let back = prop_oneof![4 => Just(0_usize), 1 => 0_usize..4];
    prop_oneof![
        10 => any::<bool>().prop_map(|note| What::Invite { note }),
        4 => back.clone().prop_map(|back| What::Withdraw { back }),
        4 => back.clone().prop_map(|back| What::Accept { back }),
        4 => (back, complaint).prop_map(|(back, complaint)| What::Decline { back, complaint }),
        3 => Just(What::Disconnect),
        2 => Just(What::Follow),
        1 => Just(What::Unfollow),
        2 => Just(What::Block),
        2 => Just(What::Unblock),
        1 => Just(What::Engage),
        4 => Just(What::Due),
        1 => any::<bool>().prop_map(|nobody| What::Register { nobody }),
        1 => Just(What::MarkRead),
        1 => Just(What::BeginErasure),
        1 => Just(What::Forget),
        1 => Just(What::FinishErasure),
    ]
}

/// Random histories.
pub fn history() -> impl Strategy<Value = History> {
    let step = (0..NAMES.len(), 1..NAMES.len(), what()).prop_map(|(actor, distance, what)| {
        let other = (actor + distance) % NAMES.len();
        Step { actor, other, what }
    });
    let pause = prop_oneof![
        4 => Just(Span::ZERO),
        2 => Just(Span::seconds(1)),
        2 => Just(Span::days(3)),
        1 => Just(Span::days(25)),
        1 => Just(Span::days(180)),
    ];
    let batch = (pause, prop::collection::vec(step, 1..6));
    (prop::collection::vec(batch, 1..40), any::<bool>(), 1_usize..4)
        .prop_map(|(batches, follow_on_invite, limit)| History { batches, follow_on_invite, limit })
}

/// Plays random histories through `play`, and shrinks one that fails.
///
/// # Panics
/// When one fails, with the shortest that was found.
#[expect(clippy::panic, reason = "a test fails by it")]
pub fn play_random(mut play: impl FnMut(History) -> StoreResult<()>) {
    let mut config = ProptestConfig { failure_persistence: None, max_shrink_iters: 400, ..ProptestConfig::default() };
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = CASES;
    }
    if config.rng_seed == RngSeed::Random {
        config.rng_seed = RngSeed::Fixed(1);
    }
    let play = std::cell::RefCell::new(&mut play);
    let outcome = TestRunner::new(config).run(&history(), |history| {
        (play.borrow_mut())(history).map_err(|error| TestCaseError::fail(error.to_string()))
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}

impl History {
    /// Plays all of it on an empty store, comparing as it goes.
    ///
    /// # Errors
    /// Those of the store.
    ///
    /// # Panics
    /// When the store differs from the model.
    pub async fn play(self, store: Arc<dyn Store>) -> StoreResult<()> {
        let mut town = Town::new(store);
        town.policy.follow.on_invite = self.follow_on_invite;
        // Waits short enough that histories get past them.
        town.policy.invitation.resend_after_decline = Span::days(2);
        debug_assert!(town.policy.preset == Preset::Open);
        for (place, (pause, steps)) in self.batches.into_iter().enumerate() {
            town.wait(pause);
            town.act_in_turn(steps.into_iter().map(|step| |town: &Town| step.command(town))).await?;
            if place % 8 == 7 {
                town.compare(self.limit).await?;
            }
        }
        town.compare(self.limit).await?;
        town.compare(100).await?;
        town.compare_records(self.limit).await?;
        restores(&town).await
    }
}

/// What the store gives away can be restored to the same community elsewhere.
async fn restores(town: &Town) -> StoreResult<()> {
    let elsewhere = MemoryStore::new();
    elsewhere.restore(&scan(&*town.store, 50).await?).await?;
    let page = town.page(100);
    let (restored, expected) =
        (super::Whole::read(&elsewhere, &page).await?, super::Whole::read(&town.model, &page).await?);
    assert_eq!(restored, expected, "restored (left), the model (right)");
    Ok(())
}

impl Step {
    fn command(self, town: &Town) -> Command {
        let name = |place: usize| NAMES.get(place).and_then(|name| MemberId::new(name).ok());
        let (actor, other) = name(self.actor).zip(name(self.other)).unwrap_or_else(|| unreachable!());
        let between = |back: usize| {
            let of_pair = town
                .invitations
                .iter()
                .rev()
                .filter(|(_, from, to)| (*from == actor && *to == other) || (*from == other && *to == actor));
            of_pair.map(|sent| sent.0).nth(back)
        };
        // Where there is no such invitation yet, the two exchange a sign of life instead.
        let engage = Action::Engage {
            target: other.clone(),
            engagement: Engagement { kind: EngagementKind::Like, subject: None, text: Some("…".into()) },
        };
        let action = match self.what {
            What::Invite { note } => {
                Action::Invite { to: other.clone(), note: note.then(|| "Hello".into()), to_email: None }
            }
            What::Withdraw { back } => between(back).map_or(engage, |invitation| Action::Withdraw { invitation }),
            What::Accept { back } => between(back).map_or(engage, |invitation| Action::Accept { invitation }),
            What::Decline { back, complaint } => {
                between(back).map_or(engage, |invitation| Action::Decline { invitation, complaint })
            }
            What::Disconnect => Action::Disconnect { other },
            What::Follow => Action::Follow { other },
            What::Unfollow => Action::Unfollow { other },
            What::Block => Action::Block { other },
            What::Unblock => Action::Unblock { other },
            What::Engage => engage,
            What::Due => Action::Due { other },
            What::Register { nobody } => Action::Register {
                profile: Profile {
                    who_may_invite: if nobody { WhoMayInvite::Nobody } else { WhoMayInvite::Anyone },
                    ..Profile::default()
                },
            },
            What::MarkRead => Action::MarkRead { up_to: None },
            What::BeginErasure => Action::BeginErasure,
            What::Forget => Action::Forget { other },
            What::FinishErasure => Action::FinishErasure,
        };
        Command { actor, action }
    }
}
