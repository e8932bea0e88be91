//! When and where the invitations that somebody sent are accepted (rule 42).
//!
//! Every share is the one accepted within the same span of the sending, estimated as in
//! [`survival`](crate::survival), so that young, pending and withdrawn invitations distort no
//! comparison. A share that rests on fewer than [`MIN_SAMPLE`] invitations is not told. Days and hours
//! are those of UTC.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::history::{Fate, Sent};
use crate::survival::{Curve, Estimate};
use crate::time::{Span, Time};

/// Fewer invitations than this prove nothing.
pub const MIN_SAMPLE: usize = 20;
/// Ages that tell pending invitations apart.
const AGES: [Span; 8] = [
    Span::ZERO,
    Span::days(1),
    Span::days(3),
    Span::days(7),
    Span::days(14),
    Span::days(21),
    Span::days(28),
    Span::days(60),
];
/// Numbers of mutual connections that tell invitations apart.
const MUTUAL: [u32; 5] = [0, 1, 3, 10, 30];
/// Points of the curve between two powers of two of its age.
const POINTS: u32 = 4;
const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

/// A share of some invitations.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Share {
    /// How many were sent.
    pub sent: usize,
    /// How many of them the share rests on: accepted within the span, or watched for all of it.
    pub sample: usize,
    /// The share accepted within the span, unless the sample is too small.
    pub accepted: Option<Estimate>,
}

/// The shares of groups, in the order of the groups.
pub type Shares<K> = Vec<(K, Share)>;

/// All that is told about the invitations that somebody sent.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Insights {
    /// The span within which every share here was accepted.
    pub within: Span,
    /// Of all.
    pub all: Share,
    /// By the week of sending: its Monday, 00:00.
    pub by_week: Shares<Time>,
    /// By the month of sending: its first moment.
    pub by_month: Shares<Time>,
    /// The share of all that is accepted by an age, up to where [`MIN_SAMPLE`] were watched.
    pub curve: Vec<(Span, Estimate)>,
    /// How many are pending, by age: from this one up to the next.
    pub pending: Vec<(Span, usize)>,
    /// Without a note, and with one.
    pub by_note: Shares<bool>,
    /// By each tag of the recipients; one with several tags counts for each.
    pub by_tag: Shares<String>,
    /// By connections in common: from this number up to the next.
    pub by_mutual: Shares<u32>,
    /// By day of the week of sending: 1 for Monday to 7.
    pub by_weekday: Shares<u8>,
    /// By hour of sending: 0 to 23.
    pub by_hour: Shares<u8>,
}

/// Looks at invitations at `now`: the share of each group that is accepted within `within`.
#[must_use]
pub fn look(sent: &[Sent], within: Span, now: Time) -> Insights {
    let by = By { sent, within, now };
    Insights {
        within,
        all: by.share(sent.iter()),
        by_week: by.groups(|sent| [week(sent.at)]),
        by_month: by.groups(|sent| [sent.at.month().start()]),
        curve: by.curve(),
        pending: by.pending(),
        by_note: by.groups(|sent| [sent.with_note]),
        by_tag: by.groups(|sent| sent.tags.clone()),
        by_mutual: by.groups(|sent| sent.mutual.map(|mutual| reached(&MUTUAL, mutual))),
        by_weekday: by.groups(|sent| [weekday(sent.at)]),
        by_hour: by.groups(|sent| [hour(sent.at)]),
    }
}

struct By<'a> {
    sent: &'a [Sent],
    within: Span,
    now: Time,
}

impl By<'_> {
    fn groups<K: Ord, G: IntoIterator<Item = K>>(&self, group: impl Fn(&Sent) -> G) -> Shares<K> {
        let mut groups: BTreeMap<K, Vec<&Sent>> = BTreeMap::new();
        for sent in self.sent {
            for key in group(sent) {
                groups.entry(key).or_default().push(sent);
            }
        }
        groups.into_iter().map(|(key, sent)| (key, self.share(sent.into_iter()))).collect()
    }

    fn share<'s>(&self, sent: impl Iterator<Item = &'s Sent> + Clone) -> Share {
        let observed = sent.map(|sent| sent.observation(self.now));
        let sample = observed.clone().filter(|it| it.accepted || it.age >= self.within).count();
        let accepted = (sample >= MIN_SAMPLE).then(|| Curve::of(observed.clone()).accepted_by(self.within)).flatten();
        Share { sent: observed.count(), sample, accepted }
    }

    fn curve(&self) -> Vec<(Span, Estimate)> {
        let mut ages: Vec<_> = self.sent.iter().map(|sent| sent.observation(self.now)).collect();
        let curve = Curve::of(ages.iter().copied());
        ages.sort_unstable_by_key(|it| std::cmp::Reverse(it.age));
        // At this age so many are still watched; what lies after rests on too few.
        let Some(last) = ages.get(MIN_SAMPLE - 1).map(|it| it.age) else { return Vec::new() };
        let steps = (0..).map(|step| Span::seconds((900.0 * 2_f64.powf(f64::from(step) / f64::from(POINTS))) as u64));
        let ages = steps.take_while(|age| *age < last).chain([last]);
        ages.filter_map(|age| Some((age, curve.accepted_by(age)?))).collect()
    }

    fn pending(&self) -> Vec<(Span, usize)> {
        let pending = self.sent.iter().filter(|sent| sent.fate == Fate::Pending);
        let mut counts: BTreeMap<Span, usize> = AGES.into_iter().map(|age| (age, 0)).collect();
        for sent in pending {
            *counts.entry(reached(&AGES, sent.age(self.now))).or_default() += 1;
        }
        counts.into_iter().collect()
    }
}

/// The last of ascending values that is not above this one.
fn reached<T: Copy + Ord + Default>(values: &[T], value: T) -> T {
    values.iter().copied().take_while(|from| *from <= value).last().unwrap_or_default()
}

fn week(at: Time) -> Time {
    // The epoch was a Thursday.
    let days = at.unix().div_euclid(DAY);
    Time::from_unix((days - (days + 3).rem_euclid(7)) * DAY)
}

fn weekday(at: Time) -> u8 {
    ((at.unix().div_euclid(DAY) + 3).rem_euclid(7) + 1) as u8
}

fn hour(at: Time) -> u8 {
    at.unix().div_euclid(HOUR).rem_euclid(24) as u8
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WITHIN: Span = Span::days(14);

    fn now() -> Time {
        "2026-11-25T12:00:00Z".parse().unwrap()
    }

    fn sent(days_ago: u64, accepted_after: Option<u64>) -> Sent {
        let at = now() - Span::days(days_ago);
        let fate = accepted_after.map_or(Fate::Pending, |days| Fate::Accepted(at + Span::days(days)));
        Sent { at, fate, ..Sent::default() }
    }

    #[test]
    fn weeks_begin_on_monday() {
        let wednesday = now();
        assert_eq!(week(wednesday).to_string(), "2026-11-23T00:00:00Z");
        assert_eq!((weekday(wednesday), hour(wednesday)), (3, 12));
        assert_eq!((weekday(week(wednesday)), hour(week(wednesday))), (1, 0));
        assert_eq!(week(week(wednesday)), week(wednesday));
        assert_eq!((weekday(Time::from_unix(-1)), hour(Time::from_unix(-1))), (3, 23));
    }

    #[test]
    fn a_small_sample_is_told_no_share() {
        let few = look(&vec![sent(30, Some(1)); MIN_SAMPLE - 1], WITHIN, now());
        assert_eq!(few.all, Share { sent: 19, sample: 19, accepted: None });
        assert!(few.curve.is_empty());
        // Young ones do not make the sample larger.
        let young = [vec![sent(30, Some(1)); MIN_SAMPLE - 1], vec![sent(3, None); 50]].concat();
        assert_eq!(look(&young, WITHIN, now()).all, Share { sent: 69, sample: 19, accepted: None });
    }

    #[test]
    fn young_invitations_distort_no_share() {
        // Half are accepted on the first day; of the young ones the other half is still pending.
        let half = |days| [vec![sent(days, Some(1)); 40], vec![sent(days, None); 40]].concat();
        let found = look(&[half(30), half(5)].concat(), WITHIN, now());
        let share = found.all.accepted.unwrap();
        assert!((share.share - 0.5).abs() < 1e-9, "{share:?}");
        assert!(share.low > 0.40 && share.high < 0.60, "{share:?}");
        assert_eq!(found.by_week.len(), 2);
        assert_eq!(
            found.by_month.iter().map(|(month, _)| month.to_string()).collect::<Vec<_>>(),
            ["2026-10-01T00:00:00Z", "2026-11-01T00:00:00Z"]
        );
        assert_eq!(
            found.pending.iter().filter(|(_, count)| *count > 0).collect::<Vec<_>>(),
            [&(Span::days(3), 40), &(Span::days(28), 40)]
        );
    }

    #[test]
    fn groups_are_told_apart() {
        let with = |note, tags: &[&str], mutual, accepted| Sent {
            with_note: note,
            tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
            mutual,
            ..sent(30, accepted)
        };
        let rows = [
            vec![with(true, &["rust", "oslo"], Some(12), Some(2)); 30],
            vec![with(false, &["rust"], Some(2), None); 30],
            vec![with(false, &[], None, None); 5],
        ];
        let found = look(&rows.concat(), WITHIN, now());
        let told = |share: &Share| (share.sent, share.accepted.map(|it| it.share));
        let shown: Vec<_> = found.by_note.iter().map(|(note, share)| (*note, told(share))).collect();
        assert_eq!(shown, [(false, (35, Some(0.0))), (true, (30, Some(1.0)))]);
        let shown: Vec<_> = found.by_tag.iter().map(|(tag, share)| (tag.as_str(), told(share))).collect();
        assert_eq!(shown, [("oslo", (30, Some(1.0))), ("rust", (60, Some(0.5)))]);
        let shown: Vec<_> = found.by_mutual.iter().map(|(from, share)| (*from, share.sent)).collect();
        assert_eq!(shown, [(1, 30), (10, 30)]);
        assert_eq!(found.by_hour.iter().map(|(hour, share)| (*hour, share.sent)).collect::<Vec<_>>(), [(12, 65)]);
    }

    proptest! {
        /// Groups that are told apart hold every invitation once, and the curve rises.
        #[test]
        fn everything_is_counted_once(
            rows in prop::collection::vec((0_u64..400, prop::option::of(0_u64..60)), 0..120)
        ) {
            let rows: Vec<_> = rows.into_iter().map(|(ago, accepted)| sent(ago, accepted.filter(|it| *it <= ago))).collect();
            let found = look(&rows, WITHIN, now());
            let total = |shares: Vec<usize>| shares.into_iter().sum::<usize>();
            prop_assert_eq!(total(found.by_week.iter().map(|it| it.1.sent).collect()), rows.len());
            prop_assert_eq!(total(found.by_month.iter().map(|it| it.1.sent).collect()), rows.len());
            prop_assert_eq!(total(found.by_weekday.iter().map(|it| it.1.sent).collect()), rows.len());
            prop_assert_eq!(total(found.by_note.iter().map(|it| it.1.sent).collect()), rows.len());
            let pending = rows.iter().filter(|row| row.fate == Fate::Pending).count();
            prop_assert_eq!(total(found.pending.iter().map(|it| it.1).collect()), pending);
            prop_assert!(found.curve.is_sorted_by(|a, b| a.0 < b.0 && a.1.share <= b.1.share));
        }
    }
}
