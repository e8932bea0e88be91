//! Which pending invitations to withdraw, and why (rules 37 to 39).
//!
//! Advice only: nothing is withdrawn by it (rule 36). It looks at what the sender may know, so it is
//! the same for an invitation that was declined in silence as for one that nobody has answered.

use serde::Serialize;

use crate::history::Sent;
use crate::member::Profile;
use crate::policy::CleanupPolicy;
use crate::survival::{Curve, Estimate};
use crate::time::{Span, Time};

/// Why an invitation is suggested for withdrawal, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The recipient was not seen for the policy's `inactive_after`.
    RecipientInactive,
    /// The recipient has none of the tags that the sender wants to reach.
    OutsideAudience,
    /// It is older than the policy's `stale_after` (rule 38).
    Stale,
}

impl Reason {
    /// The name, alike in API, pages and on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Reason::RecipientInactive => "recipient_inactive",
            Reason::OutsideAudience => "outside_audience",
            Reason::Stale => "stale",
        }
    }

    /// A sentence for people.
    #[must_use]
    pub fn sentence(self) -> &'static str {
        match self {
            Reason::RecipientInactive => "They have not been here for a long time.",
            Reason::OutsideAudience => "They are not among the people you want to reach.",
            Reason::Stale => "It has waited for long.",
        }
    }
}

/// A pending invitation that its sender might withdraw.
#[derive(Debug, Clone, PartialEq)]
pub struct Suggestion<T> {
    /// Which.
    pub of: T,
    /// When it was sent.
    pub sent_at: Time,
    /// Why, the worst first; at least one.
    pub reasons: Vec<Reason>,
    /// The chance that it is still accepted (rule 39).
    pub chance: Estimate,
}

/// A pending invitation, and what is known about its recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending<T> {
    /// Which; handed back in the suggestion.
    pub of: T,
    /// When it was sent.
    pub sent_at: Time,
    /// When the recipient was last seen, where that is known.
    pub last_active_at: Option<Time>,
    /// Whether the recipient is known to lie outside the sender's audience: [`is_outside`].
    pub outside_audience: bool,
}

/// What suggestions are measured by.
#[derive(Debug, Clone, Copy)]
pub struct Measure<'a> {
    /// The ages from which on there is a reason.
    pub policy: &'a CleanupPolicy,
    /// How the sender's invitations were accepted.
    pub curve: &'a Curve,
    /// The age at which an invitation ends by itself; chances are judged up to then.
    pub ends_after: Span,
    /// When.
    pub now: Time,
}

/// Chances are judged up to this age where invitations never end by themselves.
pub const LONGEST_JUDGED: Span = Span::days(365);

/// How the invitations that somebody sent were accepted, over the prior.
#[must_use]
pub fn curve<'a>(sent: impl IntoIterator<Item = &'a Sent>, now: Time) -> Curve {
    Curve::over_prior(sent.into_iter().map(|sent| sent.observation(now)))
}

/// Whether somebody with that profile lies outside the audience that the sender named. Nobody does
/// while one of the two has said nothing.
#[must_use]
pub fn is_outside(sender: &Profile, recipient: &Profile) -> bool {
    let (wanted, tags) = (&sender.audience, &recipient.audience);
    !wanted.is_empty() && !tags.is_empty() && !tags.iter().any(|tag| wanted.contains(tag))
}

/// The suggestions, in their order: recipient inactive, recipient outside the audience, then the oldest
/// first. An invitation without a reason is none.
#[must_use]
pub fn suggest<T>(pending: impl IntoIterator<Item = Pending<T>>, by: &Measure<'_>) -> Vec<Suggestion<T>> {
    let mut pending: Vec<_> = pending.into_iter().collect();
    pending.sort_by_key(|it| it.rank(by.policy, by.now));
    pending.into_iter().filter_map(|one| judge(one, by)).collect()
}

impl<T> Pending<T> {
    /// Its place in the order of rule 38: the smaller, the earlier it is withdrawn.
    #[must_use]
    pub fn rank(&self, policy: &CleanupPolicy, now: Time) -> impl Ord + use<T> {
        (!self.is_inactive(policy, now), !self.outside_audience, self.sent_at)
    }

    fn is_inactive(&self, policy: &CleanupPolicy, now: Time) -> bool {
        self.last_active_at.is_some_and(|at| now.since(at) > policy.inactive_after)
    }
}

fn judge<T>(pending: Pending<T>, by: &Measure<'_>) -> Option<Suggestion<T>> {
    let age = by.now.since(pending.sent_at);
    let reasons = [
        (pending.is_inactive(by.policy, by.now), Reason::RecipientInactive),
        (pending.outside_audience, Reason::OutsideAudience),
        (age > by.policy.stale_after, Reason::Stale),
    ];
    let reasons: Vec<_> = reasons.into_iter().filter_map(|(holds, reason)| holds.then_some(reason)).collect();
    if reasons.is_empty() {
        return None;
    }
    // The prior's invitations are at risk at every age, so there always is a chance to tell.
    let chance = by.curve.chance(age, by.ends_after).unwrap_or(Estimate::NONE);
    Some(Suggestion { of: pending.of, sent_at: pending.sent_at, reasons, chance })
}

/// The chance, said plainly: `about 6 in 100 like this are still accepted`.
#[must_use]
pub fn plainly(chance: Estimate) -> String {
    match (chance.share * 100.0).round() {
        100.0.. => "nearly all like this are still accepted".into(),
        n if n >= 1.0 => format!("about {n} in 100 like this are still accepted"),
        _ => "fewer than 1 in 100 like this are still accepted".into(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::policy::Policy;

    const NOW: Time = Time::from_unix(1_800_000_000);

    fn pending(of: usize, days: u64, seen: Option<u64>, outside_audience: bool) -> Pending<usize> {
        let last_active_at = seen.map(|days| NOW - Span::days(days));
        Pending { of, sent_at: NOW - Span::days(days), last_active_at, outside_audience }
    }

    fn suggested(pending: Vec<Pending<usize>>) -> Vec<Suggestion<usize>> {
        let policy = Policy::default().cleanup;
        let curve = Curve::over_prior([]);
        suggest(pending, &Measure { policy: &policy, curve: &curve, ends_after: Span::days(180), now: NOW })
    }

    #[test]
    fn the_worst_come_first_and_each_says_why() {
        let found = suggested(vec![
            pending(0, 20, None, false),
            pending(1, 40, Some(3), false),
            pending(2, 14, None, false),
            pending(3, 2, Some(90), true),
            pending(4, 16, Some(91), false),
            pending(5, 1, Some(200), true),
        ]);
        let told: Vec<_> = found.iter().map(|it| (it.of, it.reasons.as_slice())).collect();
        let (inactive, outside, stale) = (Reason::RecipientInactive, Reason::OutsideAudience, Reason::Stale);
        assert_eq!(
            told,
            [
                (5, [inactive, outside].as_slice()),
                (4, &[inactive, stale]),
                (3, &[outside]),
                (1, &[stale]),
                (0, &[stale])
            ]
        );
    }

    #[test]
    fn who_said_nothing_is_outside_of_nothing() {
        let of = |tags: &[&str]| Profile {
            audience: tags.iter().map(|tag| (*tag).to_owned()).collect(),
            ..Profile::default()
        };
        assert!(is_outside(&of(&["rust", "go"]), &of(&["sales"])));
        assert!(!is_outside(&of(&["rust", "go"]), &of(&["sales", "go"])));
        assert!(!is_outside(&of(&[]), &of(&["sales"])));
        assert!(!is_outside(&of(&["rust"]), &of(&[])));
    }

    #[test]
    fn chances_are_told_in_plain_words() {
        let told = |share| plainly(Estimate { share, low: 0.0, high: 1.0 });
        assert_eq!(told(0.062), "about 6 in 100 like this are still accepted");
        assert_eq!(told(0.004), "fewer than 1 in 100 like this are still accepted");
        assert_eq!(told(0.999), "nearly all like this are still accepted");
    }

    proptest! {
        /// Each pending one that has a reason is there once, and the order is total: no row comes
        /// before one that is worse.
        #[test]
        fn nothing_is_lost_and_the_order_holds(
            rows in prop::collection::vec((0_u64..200, prop::option::of(0_u64..200), any::<bool>()), 0..40)
        ) {
            let rows = rows.into_iter().enumerate().map(|(n, (days, seen, outside))| pending(n, days, seen, outside));
            let rows: Vec<_> = rows.collect();
            let found = suggested(rows.clone());
            let mut ids: Vec<_> = found.iter().map(|it| it.of).collect();
            ids.sort_unstable();
            let with_reason = rows.iter().filter(|row| {
                row.outside_audience
                    || NOW.since(row.sent_at) > Span::days(14)
                    || row.last_active_at.is_some_and(|at| NOW.since(at) > Span::days(90))
            });
            prop_assert_eq!(ids, with_reason.map(|row| row.of).collect::<Vec<_>>());
            for pair in found.windows(2) {
                let rank = |it: &Suggestion<usize>| {
                    let lacks = |reason| !it.reasons.contains(&reason);
                    (lacks(Reason::RecipientInactive), lacks(Reason::OutsideAudience), it.sent_at)
                };
                prop_assert!(rank(&pair[0]) <= rank(&pair[1]));
                prop_assert!(pair[0].reasons.is_sorted());
            }
        }
    }
}
