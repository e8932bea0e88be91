//! How the acceptance of invitations is spread over their age, estimated from some that were watched.
//!
//! The estimator is that of Kaplan and Meier (1958): an invitation that was withdrawn, ended or is still
//! pending says "not accepted until that age" and nothing about later, so it is censored there and is no
//! failure. Intervals are Greenwood's variance on the log-log scale, at [`CONFIDENCE`], so that they stay
//! between 0 and 1.
//!
//! [`Curve::over_prior`] lets so many made-up invitations take part that behaved as the measured ones of
//! the rule book did. That is the posterior mean of Hjort's beta process (1990): at each age, the share
//! accepted is (own acceptances + prior acceptances) / (own at risk + prior at risk). With no history it
//! is the prior, and with a long one the history.

use serde::Serialize;

use crate::time::Span;

/// How sure the intervals are.
pub const CONFIDENCE: f64 = 0.95;
/// The quantile of the normal distribution that belongs to [`CONFIDENCE`].
const QUANTILE: f64 = 1.959_963_984_540_054;
/// For how many invitations the prior counts.
pub const PRIOR_INVITATIONS: f64 = 50.0;
/// The share of all that are accepted, in the prior: the largest of the measured samples, 16,492
/// invitations, which is also the most cautious.
const PRIOR_ACCEPTED: f64 = 0.37;
/// The share of all acceptances that arrive within an age, in the prior: that of the same sample for 1 h,
/// 1 d, 7 d and 28 d; in between and after, in the proportions of the other two.
const PRIOR_ARRIVED: [(Span, f64); 9] = [
    (Span::hours(1), 0.21),
    (Span::days(1), 0.63),
    (Span::days(3), 0.80),
    (Span::days(7), 0.88),
    (Span::days(14), 0.95),
    (Span::days(21), 0.97),
    (Span::days(28), 0.99),
    (Span::days(60), 0.997),
    (Span::days(180), 1.0),
];
/// At how many ages the prior's acceptances lie between two rows of [`PRIOR_ARRIVED`].
const PRIOR_PARTS: u32 = 8;

/// One invitation, watched from its sending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Observation {
    /// How long it was watched.
    pub age: Span,
    /// Whether the watching ended because it was accepted.
    pub accepted: bool,
}

/// An estimated share, with its interval at [`CONFIDENCE`]; all between 0 and 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Estimate {
    /// The share.
    pub share: f64,
    /// The lower end of the interval, at most the share.
    pub low: f64,
    /// The upper end of the interval, at least the share.
    pub high: f64,
}

impl Estimate {
    /// Certainly none.
    pub const NONE: Estimate = Estimate { share: 0.0, low: 0.0, high: 0.0 };
}

/// The estimated spread of acceptances over age.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    watched: usize,
    accepted: usize,
    start: f64,
    steps: Vec<Step>,
}

/// What is so from one age on, until the next step.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Step {
    age: Span,
    /// Share not accepted by then.
    survival: f64,
    /// Greenwood's sum up to then.
    spread: f64,
    /// Invitations still watched after it.
    at_risk: f64,
}

/// So many invitations at one age: accepted, or watched no longer.
#[derive(Clone, Copy)]
struct Mark {
    age: Span,
    accepted: f64,
    left: f64,
}

impl Curve {
    /// From these alone.
    #[must_use]
    pub fn of(observations: impl IntoIterator<Item = Observation>) -> Self {
        Self::estimate(observations, Vec::new())
    }

    /// From these over the prior, which counts for [`PRIOR_INVITATIONS`].
    #[must_use]
    pub fn over_prior(observations: impl IntoIterator<Item = Observation>) -> Self {
        Self::estimate(observations, prior())
    }

    fn estimate(observations: impl IntoIterator<Item = Observation>, mut marks: Vec<Mark>) -> Self {
        let (mut watched, mut accepted) = (0, 0);
        marks.extend(observations.into_iter().map(|Observation { age, accepted: is_accepted }| {
            watched += 1;
            accepted += usize::from(is_accepted);
            let (accepted, left) = if is_accepted { (1.0, 0.0) } else { (0.0, 1.0) };
            Mark { age, accepted, left }
        }));
        marks.sort_by_key(|mark| mark.age);
        let marks = together(&marks);
        // Summed from the end, so that small numbers at great ages stay exact.
        let mut at_risk: Vec<f64> = marks.iter().rev().scan(0.0, running).collect();
        at_risk.reverse();
        let start = at_risk.first().copied().unwrap_or_default();
        let after = at_risk.iter().copied().skip(1).chain([0.0]);
        let (mut survival, mut spread) = (1.0, 0.0);
        let steps = marks.iter().zip(&at_risk).zip(after).map(|((mark, before), after)| {
            if mark.accepted > 0.0 {
                let stay = (before - mark.accepted).max(0.0);
                survival *= stay / before;
                spread += mark.accepted / (before * stay);
            }
            Step { age: mark.age, survival, spread, at_risk: after }
        });
        Self { watched, accepted, start, steps: steps.collect() }
    }

    /// How many invitations were watched, without the prior's.
    #[must_use]
    pub fn watched(&self) -> usize {
        self.watched
    }

    /// How many of them were accepted.
    #[must_use]
    pub fn accepted(&self) -> usize {
        self.accepted
    }

    /// The share of all that are accepted by that age; `None` when nothing was watched.
    #[must_use]
    pub fn accepted_by(&self, age: Span) -> Option<Estimate> {
        self.between(Step { age: Span::ZERO, survival: 1.0, spread: 0.0, at_risk: self.start }, age)
    }

    /// The chance that an invitation which nobody has accepted by `age` is accepted by `until`; `None` when
    /// none of that age was watched.
    #[must_use]
    pub fn chance(&self, age: Span, until: Span) -> Option<Estimate> {
        if age >= until { Some(Estimate::NONE) } else { self.between(self.at(age), until) }
    }

    /// How it stands at an age.
    fn at(&self, age: Span) -> Step {
        let passed = self.steps.partition_point(|step| step.age <= age);
        let start = Step { age: Span::ZERO, survival: 1.0, spread: 0.0, at_risk: self.start };
        passed.checked_sub(1).and_then(|last| self.steps.get(last)).copied().unwrap_or(start)
    }

    fn between(&self, from: Step, until: Span) -> Option<Estimate> {
        if from.at_risk <= 0.0 || from.survival <= 0.0 {
            return None;
        }
        let to = self.at(until);
        let survival = (to.survival / from.survival).clamp(0.0, 1.0);
        let share = 1.0 - survival;
        if to.spread <= from.spread {
            // No acceptance in between: as many as could stay hidden among those watched to the end.
            let high = if to.at_risk > 0.0 { 1.0 - ((1.0 - CONFIDENCE) / 2.0).powf(1.0 / to.at_risk) } else { 1.0 };
            return Some(Estimate { share, low: 0.0, high: high.max(share) });
        }
        if survival <= 0.0 {
            // Every one was accepted: nothing is known about how many others would not have been.
            return Some(Estimate { share, low: 0.0, high: 1.0 });
        }
        let factor = (QUANTILE * (to.spread - from.spread).sqrt() / survival.ln().abs()).exp();
        let (low, high) = (1.0 - survival.powf(1.0 / factor), 1.0 - survival.powf(factor));
        Some(Estimate { share, low: low.min(share), high: high.max(share) })
    }
}

/// Marks of one age made one.
fn together(sorted: &[Mark]) -> Vec<Mark> {
    let of_one_age = |marks: &[Mark]| {
        let first = marks.first()?;
        let (accepted, left) = (marks.iter().map(|mark| mark.accepted).sum(), marks.iter().map(|mark| mark.left).sum());
        Some(Mark { age: first.age, accepted, left })
    };
    sorted.chunk_by(|a, b| a.age == b.age).filter_map(of_one_age).collect()
}

#[expect(clippy::unnecessary_wraps, reason = "the form that `scan` asks for")]
fn running(sum: &mut f64, mark: &Mark) -> Option<f64> {
    *sum += mark.accepted + mark.left;
    Some(*sum)
}

/// The made-up invitations that take part with a history.
fn prior() -> Vec<Mark> {
    let rows = [(Span::ZERO, 0.0)].into_iter().chain(PRIOR_ARRIVED).zip(PRIOR_ARRIVED);
    let accepted = rows.flat_map(|((from, arrived_before), (to, arrived))| {
        let part = PRIOR_INVITATIONS * PRIOR_ACCEPTED * (arrived - arrived_before) / f64::from(PRIOR_PARTS);
        let length = (to.as_seconds() - from.as_seconds()) / u64::from(PRIOR_PARTS);
        (1..=u64::from(PRIOR_PARTS)).map(move |n| Mark {
            age: Span::seconds(from.as_seconds() + n * length),
            accepted: part,
            left: 0.0,
        })
    });
    let never = Mark { age: Span::MAX, accepted: 0.0, left: PRIOR_INVITATIONS * (1.0 - PRIOR_ACCEPTED) };
    accepted.chain([never]).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn watched(age: Span, accepted: bool) -> Observation {
        Observation { age, accepted }
    }

    fn near(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-9, "{found} is not {expected}");
    }

    #[test]
    fn the_textbook_case() {
        // Five watched: accepted at 1 and 3, lost at 2, 4 and 5.
        let ages = [(1, true), (2, false), (3, true), (4, false), (5, false)];
        let curve = Curve::of(ages.map(|(days, accepted)| watched(Span::days(days), accepted)));
        assert_eq!((curve.watched(), curve.accepted()), (5, 2));
        near(curve.accepted_by(Span::days(1)).unwrap().share, 1.0 / 5.0);
        near(curve.accepted_by(Span::days(3)).unwrap().share, 1.0 - 4.0 / 5.0 * 2.0 / 3.0);
        near(curve.chance(Span::days(2), Span::days(4)).unwrap().share, 1.0 / 3.0);
        assert_eq!(curve.chance(Span::days(5), Span::days(9)), None, "nobody was watched that long");
        assert_eq!(curve.chance(Span::days(9), Span::days(9)), Some(Estimate::NONE));
    }

    #[test]
    fn nothing_seen_is_not_certainty() {
        let none = Curve::of([watched(Span::days(30), false); 20]);
        let estimate = none.accepted_by(Span::days(14)).unwrap();
        assert_eq!((estimate.share, estimate.low), (0.0, 0.0));
        near(estimate.high, 1.0 - 0.025_f64.powf(1.0 / 20.0));
        let all = Curve::of([watched(Span::days(1), true); 20]).accepted_by(Span::days(14)).unwrap();
        assert_eq!(all, Estimate { share: 1.0, low: 0.0, high: 1.0 });
        assert_eq!(Curve::of([]).accepted_by(Span::days(14)), None);
    }

    /// The rule book: with 37 % accepted about 7 % of those pending after 7 d are, and under 1 % after 30 d.
    #[test]
    fn without_history_it_is_the_prior() {
        let curve = Curve::over_prior([]);
        let chance = |days| curve.chance(Span::days(days), Span::days(180)).unwrap().share;
        near(curve.accepted_by(Span::days(180)).unwrap().share, 0.37);
        near(curve.accepted_by(Span::hours(1)).unwrap().share, 0.37 * 0.21);
        near(chance(7), 0.37 * 0.12 / (1.0 - 0.37 * 0.88));
        assert!((0.06..0.08).contains(&chance(7)), "{}", chance(7));
        assert!((0.000_1..0.01).contains(&chance(30)), "{}", chance(30));
    }

    /// A long history overrules the prior: the heavy account of the rule book, 2,410 sent and 82.6 %
    /// accepted, whose pending ones were later accepted with these shares.
    #[test]
    fn a_long_history_overrules_the_prior() {
        let arrived = [(1, 0.70), (3, 0.855), (7, 0.915), (14, 0.95), (21, 0.96), (28, 0.97), (60, 0.99), (180, 1.0)];
        let (mut history, mut before) = (Vec::new(), 0);
        for (days, share) in arrived {
            let by_then = (2_410.0 * 0.826 * share) as usize;
            history.extend(vec![watched(Span::days(days), true); by_then - before]);
            before = by_then;
        }
        history.resize(2_410, watched(Span::days(180), false));
        let curve = Curve::over_prior(history);
        for (days, measured) in [(7, 0.29), (14, 0.20), (21, 0.16), (28, 0.13), (60, 0.05)] {
            let Estimate { share, low, high } = curve.chance(Span::days(days), Span::days(180)).unwrap();
            assert!((share - measured).abs() < 0.025, "after {days} d {share}, measured {measured}");
            assert!(low < measured && measured < high, "after {days} d {low} to {high}, measured {measured}");
        }
    }

    fn history() -> impl Strategy<Value = Vec<Observation>> {
        let one = (0_u64..20_000_000, any::<bool>());
        prop::collection::vec(one.prop_map(|(age, accepted)| watched(Span::seconds(age), accepted)), 0..60)
    }

    proptest! {
        /// Whatever the history: shares lie in their intervals between 0 and 1, and the older an
        /// invitation, the smaller its chance.
        #[test]
        fn chances_fall_with_age(history in history(), own in any::<bool>()) {
            let curve = if own { Curve::of(history) } else { Curve::over_prior(history) };
            let mut last = 1.0;
            for days in 0..180 {
                let Some(found) = curve.chance(Span::days(days), Span::days(180)) else { continue };
                prop_assert!(0.0 <= found.low && found.low <= found.share, "{found:?}");
                prop_assert!(found.share <= found.high && found.high <= 1.0, "{found:?}");
                prop_assert!(found.share <= last + 1e-12, "{} after {last}", found.share);
                last = found.share;
            }
        }

        /// The order in which invitations are told changes nothing.
        #[test]
        fn order_is_nothing(history in history(), split in any::<prop::sample::Index>()) {
            let mut turned = history.clone();
            turned.rotate_left(if history.is_empty() { 0 } else { split.index(history.len()) });
            prop_assert_eq!(Curve::of(history), Curve::of(turned));
        }

        /// The more of the same is seen, the nearer the estimate to it, and the narrower.
        #[test]
        fn history_moves_it_away_from_the_prior(share in 0_usize..=10, times in 1_usize..20) {
            let cohort = |times: usize| {
                let accepted = vec![watched(Span::days(2), true); share * times];
                Curve::over_prior([accepted, vec![watched(Span::days(180), false); (10 - share) * times]].concat())
            };
            let seen = share as f64 / 10.0;
            let at = |times| cohort(times).accepted_by(Span::days(180)).unwrap();
            let (less, more) = (at(times), at(times * 10));
            prop_assert!((more.share - seen).abs() < (less.share - seen).abs());
            prop_assert!(more.high - more.low < less.high - less.low);
        }
    }
}
