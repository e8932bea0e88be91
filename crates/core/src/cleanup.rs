//! A plan that withdraws invitations one by one, day by day (rule 40).
//!
//! A plan is data, and every step of it is a function of the plan, the member's row and the moment.
//! It names the invitations that its owner looked at and chose; nothing is added later, and nothing
//! is withdrawn that the owner did not name (rule 36). Withdrawals made by hand count in its budget,
//! because rule 31 counts them too.

use serde::{Deserialize, Serialize};

use crate::ids::{InvitationId, MemberId};
use crate::member::{Ledger, RestrictionClass};
use crate::policy::WITHDRAWAL_WINDOW;
use crate::refusal::{Code, Refusal};
use crate::standing;
use crate::time::{Span, Time};

/// Invitations in one plan, at most.
pub const MAX_ITEMS: usize = 1_500;

/// A plan and how far it has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// When it was made.
    pub started_at: Time,
    /// Withdrawals in any 24 hours, by the plan and by hand together: 1 or more.
    pub daily_budget: u32,
    /// Whether it goes on.
    pub state: State,
    /// Not before this moment is the next one withdrawn.
    pub next_at: Time,
    /// What its owner chose, in order.
    pub items: Vec<Item>,
}

/// Whether a plan goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It goes on by itself.
    Running,
    /// Its owner said to wait.
    Paused,
    /// Something about the owner's account came in between; it goes on when the owner says so.
    Stopped(Refusal),
    /// Its owner ended it.
    Cancelled,
    /// Every item has its outcome.
    Finished,
}

impl State {
    /// The name, alike in API and pages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            State::Running => "running",
            State::Paused => "paused",
            State::Stopped(_) => "stopped",
            State::Cancelled => "cancelled",
            State::Finished => "finished",
        }
    }

    /// Whether nothing more can come of it.
    #[must_use]
    pub fn is_over(self) -> bool {
        matches!(self, State::Cancelled | State::Finished)
    }
}

/// One invitation of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// Which.
    pub invitation: InvitationId,
    /// Whom it was sent to.
    pub to: MemberId,
    /// When.
    pub sent_at: Time,
    /// What came of it, and when that was found.
    pub outcome: Option<(Outcome, Time)>,
}

/// What came of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It is withdrawn.
    Withdrawn,
    /// It had been accepted before its turn, and stays so.
    AlreadyAccepted,
    /// It had ended before its turn.
    NoLongerAvailable,
    /// The rules did not let it be withdrawn.
    Refused(Code),
    /// The owner took it off the plan.
    Skipped,
}

impl Outcome {
    /// The name, alike in API and pages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Withdrawn => "withdrawn",
            Outcome::AlreadyAccepted => "already_accepted",
            Outcome::NoLongerAvailable => "no_longer_available",
            Outcome::Refused(_) => "refused",
            Outcome::Skipped => "skipped",
        }
    }

    /// What a refusal of the withdrawal means for the item.
    #[must_use]
    pub fn of_refusal(code: Code) -> Self {
        match code {
            Code::AlreadyAccepted => Outcome::AlreadyAccepted,
            Code::NoLongerAvailable | Code::NotFound => Outcome::NoLongerAvailable,
            other => Outcome::Refused(other),
        }
    }
}

/// What a plan does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Withdraw this one now.
    Withdraw(InvitationId),
    /// Nothing before that moment.
    Wait(Time),
    /// Nothing, until its owner says so: the refusal says why.
    Stop(Refusal),
    /// Nothing.
    Rest,
}

impl Plan {
    /// A plan that begins at once.
    #[must_use]
    pub fn new(items: Vec<Item>, daily_budget: u32, now: Time) -> Self {
        let daily_budget = daily_budget.max(1);
        let mut plan = Self { started_at: now, daily_budget, state: State::Running, next_at: now, items };
        plan.finish();
        plan
    }

    /// Between two withdrawals, so that they are spread over the day.
    #[must_use]
    pub fn interval(&self) -> Span {
        Span::seconds((WITHDRAWAL_WINDOW.as_seconds() / u64::from(self.daily_budget)).max(1))
    }

    /// Items whose turn has not come.
    pub fn open(&self) -> impl Iterator<Item = &Item> {
        self.items.iter().filter(|item| item.outcome.is_none())
    }

    /// When somebody has to look at it; `None` while it does not go on.
    #[must_use]
    pub fn due(&self) -> Option<Time> {
        (self.state == State::Running).then_some(self.next_at)
    }

    /// When the last item has its turn if nothing comes in between; `None` while it does not go on.
    #[must_use]
    pub fn finishes_at(&self) -> Option<Time> {
        let after_next = u64::try_from(self.open().count()).unwrap_or(u64::MAX).saturating_sub(1);
        let spread = Span::seconds(self.interval().as_seconds().saturating_mul(after_next));
        self.due().map(|next| next + spread)
    }

    /// What to do at `now`, given what the owner has done by then.
    ///
    /// A restriction of the class `pace` stops it: whoever was found to act too fast should not have
    /// a program act on. One of the other class concerns sending alone (rule 32).
    #[must_use]
    pub fn turn(&self, owner: &Ledger, now: Time) -> Turn {
        let Some(next) = self.open().next().filter(|_| self.state == State::Running) else { return Turn::Rest };
        if let Some(pace) = standing::restriction(owner, now).filter(|it| it.class == RestrictionClass::Pace) {
            return Turn::Stop(Refusal { code: Code::Restricted, retry_at: Some(pace.until) });
        }
        let room_at = owner.withdrawals.below(self.daily_budget, WITHDRAWAL_WINDOW, now);
        match room_at.unwrap_or(now).max(self.next_at) {
            wait if wait > now => Turn::Wait(wait),
            _ => Turn::Withdraw(next.invitation),
        }
    }

    /// Writes down what came of the item whose turn it was. Only a withdrawal uses up the interval.
    pub fn record(&mut self, outcome: Outcome, now: Time) {
        if let Some(item) = self.items.iter_mut().find(|item| item.outcome.is_none()) {
            item.outcome = Some((outcome, now));
        }
        if outcome == Outcome::Withdrawn {
            self.next_at = now + self.interval();
        }
        self.finish();
    }

    /// Waits until that moment.
    pub fn wait(&mut self, until: Time) {
        self.next_at = until;
    }

    /// Stops until its owner says that it goes on.
    pub fn stop(&mut self, why: Refusal) {
        if self.state == State::Running {
            self.state = State::Stopped(why);
        }
    }

    /// Waits until its owner says that it goes on. Nothing comes of it when it is over.
    pub fn pause(&mut self) {
        if !self.state.is_over() {
            self.state = State::Paused;
        }
    }

    /// Goes on. Nothing comes of it when it is over.
    pub fn resume(&mut self, now: Time) {
        if !self.state.is_over() {
            self.state = State::Running;
            self.next_at = self.next_at.max(now);
        }
    }

    /// Ends it; what was withdrawn stays withdrawn.
    pub fn cancel(&mut self) {
        if !self.state.is_over() {
            self.state = State::Cancelled;
        }
    }

    /// Takes items off it whose turn has not come.
    pub fn skip(&mut self, invitations: &[InvitationId], now: Time) {
        for item in self.items.iter_mut().filter(|item| invitations.contains(&item.invitation)) {
            item.outcome.get_or_insert((Outcome::Skipped, now));
        }
        self.finish();
    }

    fn finish(&mut self) {
        if !self.state.is_over() && self.open().next().is_none() {
            self.state = State::Finished;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::member::Restriction;

    fn plan(items: u128, budget: u32) -> Plan {
        let item = |n| Item {
            invitation: InvitationId(Uuid::from_u128(n)),
            to: MemberId::new("bo").unwrap(),
            sent_at: Time::from_unix(0),
            outcome: None,
        };
        Plan::new((0..items).map(item).collect(), budget, Time::from_unix(1_000_000))
    }

    #[test]
    fn nothing_to_do_is_finished_at_once() {
        assert_eq!(plan(0, 25).state, State::Finished);
        assert_eq!(plan(0, 25).due(), None);
    }

    #[test]
    fn a_restriction_for_pace_stops_it_and_its_owner_lets_it_go_on() {
        let mut plan = plan(3, 25);
        let now = plan.started_at;
        let until = now + Span::days(1);
        let restricted = |class| Ledger {
            restriction: Some(Restriction { since: now, until, class, rung: 0 }),
            ..Ledger::default()
        };
        let sending = restricted(RestrictionClass::UnansweredOrReported);
        assert!(matches!(plan.turn(&sending, now), Turn::Withdraw(_)));
        let pace = restricted(RestrictionClass::Pace);
        let why = Refusal { code: Code::Restricted, retry_at: Some(until) };
        assert_eq!(plan.turn(&pace, now), Turn::Stop(why));
        plan.stop(why);
        assert_eq!((plan.turn(&pace, until), plan.due()), (Turn::Rest, None));
        plan.resume(until);
        assert_eq!(plan.due(), Some(until));
        assert!(matches!(plan.turn(&pace, until), Turn::Withdraw(_)));
    }

    #[test]
    fn only_withdrawals_use_up_the_interval() {
        let mut plan = plan(3, 24);
        let (now, none) = (plan.started_at, Ledger::default());
        plan.record(Outcome::AlreadyAccepted, now);
        assert!(matches!(plan.turn(&none, now), Turn::Withdraw(_)));
        plan.record(Outcome::Withdrawn, now);
        assert_eq!(plan.turn(&none, now), Turn::Wait(now + Span::hours(1)));
        assert_eq!(plan.finishes_at(), Some(now + Span::hours(1)));
    }

    #[test]
    fn what_is_over_stays_over() {
        let mut plan = plan(2, 5);
        let now = plan.started_at;
        let first = plan.items[0].invitation;
        plan.skip(&[first, InvitationId(Uuid::from_u128(99))], now);
        plan.cancel();
        plan.resume(now);
        plan.pause();
        plan.stop(Code::Restricted.refuse());
        assert_eq!(plan.state, State::Cancelled);
        assert_eq!(plan.open().count(), 1);
    }

    proptest! {
        /// Whatever the owner withdraws by hand meanwhile, no window of 24 hours holds more than the
        /// budget once the plan has a part in it, and the plan comes to its end.
        #[test]
        fn a_plan_never_exceeds_its_budget(
            items in 1_u128..60, budget in 1_u32..30, by_hand in prop::collection::vec(0_u64..200_000, 0..40)
        ) {
            let mut plan = plan(items, budget);
            let mut owner = Ledger::default();
            let mut by_hand: Vec<Time> = by_hand.into_iter().map(|at| plan.started_at + Span::seconds(at)).collect();
            by_hand.sort_unstable();
            let mut by_hand = by_hand.into_iter().peekable();
            let mut steps = 0;
            while let Some(now) = plan.due() {
                while let Some(at) = by_hand.next_if(|at| *at <= now) {
                    owner.withdrawals.record(at, WITHDRAWAL_WINDOW);
                }
                match plan.turn(&owner, now) {
                    Turn::Withdraw(_) => {
                        owner.withdrawals.record(now, WITHDRAWAL_WINDOW);
                        let count = owner.withdrawals.count(now - WITHDRAWAL_WINDOW, now).all;
                        prop_assert!(count <= budget, "{count} in a day");
                        plan.record(Outcome::Withdrawn, now);
                    }
                    Turn::Wait(until) => {
                        prop_assert!(until > now);
                        plan.wait(until);
                    }
                    other => prop_assert!(false, "{other:?}"),
                }
                steps += 1;
                prop_assert!(steps < 10_000, "it comes to an end");
            }
            prop_assert_eq!(plan.state, State::Finished);
            let written = serde_json::to_string(&plan).unwrap();
            prop_assert_eq!(serde_json::from_str::<Plan>(&written).unwrap(), plan);
        }
    }
}
