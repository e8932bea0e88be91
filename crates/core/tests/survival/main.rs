//! The survival estimate beside lifelines, the reference that most use. `script/survival-reference` made the
//! answers, and `script/test` makes them again.

mod stream;

use acquaint_core::survival::{Curve, Observation};
use acquaint_core::time::Span;
use serde::Deserialize;

#[derive(Deserialize)]
struct Case {
    name: String,
    prior: bool,
    /// Age in seconds, and 1 if it was accepted then.
    observed: Vec<(u64, u8)>,
    /// From one age to another, in seconds: share, low, high.
    answers: Vec<(u64, u64, f64, f64, f64)>,
}

#[test]
fn it_answers_as_lifelines_does() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("lifelines.json")).unwrap();
    assert_eq!(cases.len(), 6);
    for case in cases {
        let observed = case.observed.iter();
        let observed =
            observed.map(|&(age, accepted)| Observation { age: Span::seconds(age), accepted: accepted == 1 });
        let curve = if case.prior { Curve::over_prior(observed) } else { Curve::of(observed) };
        for (from, until, share, low, high) in case.answers {
            let (start, end) = (Span::seconds(from), Span::seconds(until));
            let found = if from == 0 { curve.accepted_by(end) } else { curve.chance(start, end) }.unwrap();
            let near = |what: &str, found: f64, expected: f64| {
                let name = &case.name;
                assert!((found - expected).abs() < 1e-8, "{name}, {from} to {until}: {what} {found}, not {expected}");
            };
            near("share", found.share, share);
            // Without any acceptance lifelines tells no interval (0 to 0); ours says what could stay hidden.
            if share > 0.0 {
                near("low", found.low, low);
                near("high", found.high, high);
            }
        }
    }
}
