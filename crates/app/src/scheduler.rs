//! What falls due: looked up in the store, carried out as commands.

use std::time::Duration;

use acquaint_core::command::{Action, Command};
use acquaint_core::time::Time;
use acquaint_store::Due;

use crate::clock::Stopwatch;
use crate::duties::Done;
use crate::engine::{Engine, Request, SubmitError};
use crate::privacy::Sweep;

/// How many due moments, documents or pages are worked on in one go.
pub(crate) const AT_ONCE: usize = 256;

/// How many due moments are carried out in one go while callers wait for answers: each waits for one such
/// batch at most, and more at once would be written faster than anybody needs.
const BESIDE_CALLERS: usize = 16;

/// How long is rested after each such batch, in times that it took: more reminders a second make more tables to be
/// written, and the callers' commits wait for the same disk.
const REST: f64 = 1.25;

/// How many idempotency records are looked at in one go.
pub(crate) const FORGET_AT_ONCE: usize = 1_000;

/// How due moments are carried out next: many at once if nobody waits for anything else, few if somebody does, and
/// then with rests in between, so that the machine is theirs for more than half of the time.
pub(crate) struct Pace {
    is_shared: bool,
    begun: Stopwatch,
}

impl Pace {
    pub(crate) fn of(engine: &Engine) -> Self {
        Self { is_shared: engine.is_busy(), begun: Stopwatch::start() }
    }

    /// How many at once.
    pub(crate) fn at_once(&self) -> usize {
        if self.is_shared { BESIDE_CALLERS } else { AT_ONCE }
    }

    /// Rests, if the machine is shared.
    #[expect(clippy::disallowed_methods, reason = "the rest is what leaves the machine to others")]
    pub(crate) async fn rest(self) {
        if self.is_shared {
            tokio::time::sleep(Duration::from_secs_f64(self.begun.seconds() * REST)).await;
        }
    }
}

/// The commands of what is due.
pub(crate) async fn carry_out(engine: &Engine, due: &[Due]) -> Result<(), SubmitError> {
    let command = |due: &Due| {
        let [actor, other] = due.pair.both().map(Clone::clone);
        Request { command: Command { actor, action: Action::Due { other } }, claim: None }
    };
    let outcomes = engine.submit_all(due.iter().map(command).collect()).await?;
    outcomes.into_iter().try_for_each(|outcome| outcome.map(drop))
}

/// How far the timers and the duties have been carried out. Kept, because a store finds its way slowly through
/// what is no longer there.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    pub(crate) until: Option<Due>,
    pub(crate) done: Done,
    pub(crate) sweep: Sweep,
}

impl Progress {
    /// Starts again from the beginning if the clock went back; what is written at this very moment is
    /// still to be looked at.
    pub(crate) fn clock_set(&mut self, now: Time) {
        if self.until.as_ref().is_some_and(|due| due.at > now) {
            self.until = None;
        }
        self.done.values_mut().for_each(|done| *done = now.min(*done));
    }
}
