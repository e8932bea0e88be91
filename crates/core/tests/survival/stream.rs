//! The curve of a real stream beside the measured table of the rule book: `data/collegemsg.csv`, with the
//! first message of a pair as invitation and the first one the other way as acceptance.

use std::collections::HashMap;

use acquaint_core::history::{Fate, Sent};
use acquaint_core::survival::Curve;
use acquaint_core::time::{Span, Time};

const STREAM: &str = include_str!("../../../../data/collegemsg.csv");

/// Every invitation of the stream, and when the stream ends.
fn invitations() -> (Vec<Sent>, Time) {
    let mut first: HashMap<(u64, u64), Time> = HashMap::new();
    let mut end = Time::MIN;
    for line in STREAM.lines().skip(1) {
        let numbers: Vec<u64> = line.split(',').filter_map(|field| field.parse().ok()).collect();
        let [from, to, at] = numbers[..] else { continue };
        end = Time::from_unix(0) + Span::seconds(at);
        first.entry((from, to)).or_insert(end);
    }
    let sent = first.iter().filter_map(|(&(from, to), &at)| match first.get(&(to, from)) {
        None => Some(Sent { at, ..Sent::default() }),
        Some(&other) if at < other => Some(Sent { at, fate: Fate::Accepted(other), ..Sent::default() }),
        // A reply; or both first messages bear the same second, and the two cross: no delay to speak of.
        Some(_) => None,
    });
    (sent.collect(), end)
}

#[test]
fn the_curve_of_the_stream_is_that_of_the_rule_book() {
    let (sent, end) = invitations();
    let observed = || sent.iter().map(|sent| sent.observation(end));
    // 13,840, but for the two pairs that cross.
    assert_eq!(sent.len(), 13_836);
    // The rule book's table counts what was accepted in the end; so those alone are looked at.
    let accepted = Curve::of(observed().filter(|it| it.accepted));
    for (age, measured) in [
        (Span::hours(1), 37.3),
        (Span::days(1), 72.9),
        (Span::days(3), 83.9),
        (Span::days(7), 90.6),
        (Span::days(14), 94.8),
        (Span::days(21), 96.9),
    ] {
        let share = accepted.accepted_by(age).unwrap().share * 100.0;
        assert!((share - measured).abs() < 0.051, "within {age}: {share} %, measured {measured} %");
    }
    // Of all, with those still pending at the end censored: 46.7 % was counted, and a little more is
    // to be expected of those that the stream's end cut off.
    let all = Curve::of(observed()).accepted_by(Span::days(180)).unwrap();
    assert!(all.low < all.share && (0.467..0.48).contains(&all.share), "{all:?}");
}
