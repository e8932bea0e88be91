//! A log of moments that can be counted exactly in any window.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::time::{Span, Time};

/// Moments in ascending order, grouped by second, each group with how many of its moments later
/// turned out well (for sends: were accepted).
///
/// Exact to the second for up to [`Tally::EXACT`] groups; past that the older half is grouped in
/// pairs under the later moment, so that a row stays bounded and nothing leaves a window early.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tally {
    groups: Vec<Group>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Group {
    at: Time,
    count: u32,
    good: u32,
}

/// What lies in a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Count {
    /// How many moments.
    pub all: u32,
    /// How many of them turned out well.
    pub good: u32,
}

impl Count {
    /// The share that turned out well, 0 to 1; nothing of nothing has no share.
    #[must_use]
    pub fn share(self) -> Option<f64> {
        (self.all > 0).then(|| f64::from(self.good) / f64::from(self.all))
    }
}

impl Tally {
    /// How many groups are kept exact.
    pub const EXACT: usize = 4_096;

    /// Adds one moment and forgets those that `memory` no longer reaches.
    pub fn record(&mut self, at: Time, memory: Span) {
        self.groups.retain(|group| group.at > at - memory);
        if memory == Span::ZERO {
            return;
        }
        let place = self.groups.partition_point(|group| group.at < at);
        match self.groups.get_mut(place) {
            Some(group) if group.at == at => group.count += 1,
            _ => self.groups.insert(place, Group { at, count: 1, good: 0 }),
        }
        if self.groups.len() > Self::EXACT {
            self.coarsen();
        }
    }

    /// Notes that one of the moments at `at` turned out well. One that is forgotten stays forgotten.
    pub fn mark_good(&mut self, at: Time) {
        let place = self.groups.partition_point(|group| group.at < at);
        // Between two groups, the later one was grouped and holds the moment; before all of them,
        // the moment is forgotten, and the first group is about others.
        if let Some(group) = self.groups.get_mut(place)
            && (group.at == at || place > 0)
            && group.good < group.count
        {
            group.good += 1;
        }
    }

    /// Counts the moments `t` with `after < t <= until`.
    #[must_use]
    pub fn count(&self, after: Time, until: Time) -> Count {
        let mut count = Count::default();
        for group in self.groups.iter().filter(|group| after < group.at && group.at <= until) {
            count.all = count.all.saturating_add(group.count);
            count.good = count.good.saturating_add(group.good);
        }
        count
    }

    /// When fewer than `limit` moments will lie in the window of that length that ends then, if
    /// there are `limit` or more in the one that ends at `now`.
    #[must_use]
    pub fn below(&self, limit: u32, window: Span, now: Time) -> Option<Time> {
        let mut excess = (self.count(now - window, now).all + 1).checked_sub(limit.max(1))?;
        for group in self.groups.iter().filter(|group| group.at > now - window && group.at <= now) {
            if excess <= group.count {
                return (excess > 0).then(|| group.at + window);
            }
            excess -= group.count;
        }
        None
    }

    /// How many groups the log holds.
    #[must_use]
    pub fn groups(&self) -> usize {
        self.groups.len()
    }

    /// The groups in order: the moment, how many there are, and how many of them turned out well.
    pub fn triples(&self) -> impl Iterator<Item = (Time, u32, u32)> {
        self.groups.iter().map(|group| (group.at, group.count, group.good))
    }

    /// The log of groups that [`Tally::triples`] gave.
    #[must_use]
    pub fn from_triples(triples: impl IntoIterator<Item = (Time, u32, u32)>) -> Self {
        Self { groups: triples.into_iter().map(|(at, count, good)| Group { at, count, good }).collect() }
    }

    fn coarsen(&mut self) {
        let recent = self.groups.split_off(self.groups.len() / 2);
        let merge = |pair: &[Group]| match *pair {
            [first, second] => Some(Group {
                at: second.at,
                count: first.count.saturating_add(second.count),
                good: first.good.saturating_add(second.good),
            }),
            [single] => Some(single),
            _ => None,
        };
        self.groups = self.groups.chunks(2).filter_map(merge).chain(recent).collect();
    }
}

/// Packed as gaps between groups: most take four bytes.
impl Serialize for Tally {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut last = 0;
        serializer.collect_seq(self.triples().map(|(at, count, good)| {
            let gap = at.unix().wrapping_sub(last);
            last = at.unix();
            (gap, count, good)
        }))
    }
}

impl<'de> Deserialize<'de> for Tally {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let packed = Vec::<(i64, u32, u32)>::deserialize(deserializer)?;
        let mut last = 0_i64;
        Ok(Self::from_triples(packed.into_iter().map(|(gap, count, good)| {
            last = last.wrapping_add(gap);
            (Time::from_unix(last), count, good)
        })))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: i64) -> Time {
        Time::from_unix(seconds)
    }

    fn tally(moments: &[i64]) -> Tally {
        let mut tally = Tally::default();
        for &moment in moments {
            tally.record(at(moment), Span::days(1_000));
        }
        tally
    }

    #[test]
    fn a_window_is_half_open() {
        let tally = tally(&[0, 10, 10, 20]);
        assert_eq!(tally.count(at(0), at(10)).all, 2);
        assert_eq!(tally.count(at(10), at(20)).all, 1);
    }

    #[test]
    fn room_returns_one_by_one() {
        let week = Span::days(7);
        let tally = tally(&[0, 5, 5, 9]);
        assert_eq!(tally.below(5, week, at(9)), None);
        assert_eq!(tally.below(4, week, at(9)), Some(at(0) + week));
        assert_eq!(tally.below(3, week, at(9)), Some(at(5) + week));
        assert_eq!(tally.below(2, week, at(9)), Some(at(5) + week));
        assert_eq!(tally.below(1, week, at(9)), Some(at(9) + week));
    }

    proptest! {
        #[test]
        fn the_moment_of_room_is_the_first_one(mut moments in prop::collection::vec(0_i64..200, 1..60), limit in 1_u32..40) {
            moments.sort_unstable();
            let (tally, window, now) = (tally(&moments), Span::seconds(150), at(*moments.last().unwrap()));
            let room = |when: Time| moments.iter().filter(|&&m| at(m) > when - window && at(m) <= when).count() < limit as usize;
            match tally.below(limit, window, now) {
                None => prop_assert!(room(now)),
                Some(when) => {
                    prop_assert!(when > now && room(when));
                    prop_assert!(!room(when - Span::seconds(1)));
                }
            }
        }

        #[test]
        fn packing_keeps_everything(moments in prop::collection::vec(-1_000_000_i64..1_000_000, 0..50)) {
            let mut tally = tally(&moments);
            if let Some(&first) = moments.first() {
                tally.mark_good(at(first));
            }
            let packed = postcard::to_stdvec(&tally).unwrap();
            prop_assert_eq!(postcard::from_bytes::<Tally>(&packed).unwrap(), tally);
        }
    }

    #[test]
    fn what_is_forgotten_is_not_marked_on_another() {
        let mut tally = Tally::default();
        tally.record(at(0), Span::seconds(10));
        tally.record(at(15), Span::seconds(10));
        tally.mark_good(at(0));
        assert_eq!(tally.count(at(-1), at(20)), Count { all: 1, good: 0 });
        tally.mark_good(at(15));
        tally.mark_good(at(15));
        assert_eq!(tally.count(at(-1), at(20)), Count { all: 1, good: 1 });
    }

    #[test]
    fn what_was_grouped_can_still_be_marked() {
        let mut tally = Tally::default();
        for second in 0..5_000 {
            tally.record(at(second), Span::days(1_000));
        }
        assert!(tally.groups() < 5_000);
        (1_000..2_000).for_each(|second| tally.mark_good(at(second)));
        assert_eq!(tally.count(at(-1), at(5_000)), Count { all: 5_000, good: 1_000 });
    }

    #[test]
    fn a_long_log_stays_bounded_and_loses_nothing() {
        let mut tally = Tally::default();
        for second in 0..20_000 {
            tally.record(at(second), Span::days(1_000));
        }
        assert!(tally.groups.len() <= Tally::EXACT);
        assert_eq!(tally.count(at(-1), at(20_000)).all, 20_000);
    }
}
