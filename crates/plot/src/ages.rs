//! An axis of ages and delays: from minutes to months, so it is logarithmic, and marked at round ones.

use crate::{Axis, Size, to_f64};

/// What may be marked, those first that are named even where there is little room.
const MARKS: [(u64, &str); 10] = [
    (86_400, "1 day"),
    (604_800, "7 days"),
    (3_600, "1 h"),
    (5_184_000, "60 days"),
    (2_419_200, "28 days"),
    (60, "1 min"),
    (1_209_600, "14 days"),
    (259_200, "3 days"),
    (600, "10 min"),
    (21_600, "6 h"),
];

/// Where an age of so many seconds lies on such an axis.
#[must_use]
pub fn place_of(seconds: u64) -> f64 {
    to_f64(seconds.max(1)).ln()
}

/// The axis from one age to another, in seconds, with as many marks as there is room for.
#[must_use]
pub fn ages(first: u64, last: u64, size: Size) -> Axis {
    let range = place_of(first)..place_of(last.max(first + 1));
    let pixels = room(size) / (range.end - range.start);
    let mut marks: Vec<(f64, String)> = Vec::new();
    for (seconds, name) in MARKS.into_iter().filter(|(seconds, _)| (first..=last).contains(seconds)) {
        let clear = |(at, other): &(f64, String)| {
            (at - place_of(seconds)).abs() * pixels > (width(name, size) + width(other, size)) / 2.0
        };
        if marks.iter().all(clear) {
            marks.push((place_of(seconds), name.to_owned()));
        }
    }
    Axis::new(range, marks)
}

/// How many pixels there are beside the names of the upright axis.
pub(crate) fn room(size: Size) -> f64 {
    to_f64(u64::from(size.width)) - 72.0
}

/// About how many pixels a name takes, with some space: a letter is about as wide as 0.6 of its height.
pub(crate) fn width(name: &str, size: Size) -> f64 {
    to_f64(name.chars().count() as u64 + 1) * f64::from(size.font) * 0.6
}
