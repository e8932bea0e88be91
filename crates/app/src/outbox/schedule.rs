//! When a delivery that failed is tried again, and when it is given up. Pure: the time and the chance are
//! arguments.

use acquaint_core::time::{Span, Time};

/// The wait after the first attempt that failed; each wait is three times as long as the one before.
const FIRST_WAIT: u64 = 10;
/// The longest wait between two attempts.
const LONGEST_WAIT: u64 = 12 * 3_600;
/// A delivery is given up when its next attempt would come later than this after the first one.
pub(crate) const PATIENCE: Span = Span::days(3);

/// When the next attempt is made, after that many have failed (at least 1); `None` is to give up.
///
/// `chance` lies between 0 and 1, and spreads the attempts of deliveries that failed together over the
/// second half of their wait. `wish` is what the receiver asked for; it is heeded where it is longer than
/// our own wait, up to the longest one.
pub(crate) fn next(first_try: Time, now: Time, failed: u32, wish: Option<Span>, chance: f64) -> Option<Time> {
    let tripled = 3_u64.saturating_pow(failed.saturating_sub(1));
    let longest = FIRST_WAIT.saturating_mul(tripled).min(LONGEST_WAIT);
    let spread = 0.5 + chance.clamp(0.0, 1.0) / 2.0;
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "at most 43,200"
    )]
    let own = (longest as f64 * spread).ceil() as u64;
    let wished = wish.map_or(0, |wish| wish.as_seconds().min(LONGEST_WAIT));
    let next = now + Span::seconds(own.max(wished));
    (next <= first_try + PATIENCE).then_some(next)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_dead_endpoint_is_tried_for_three_days_and_not_longer() {
        let first = Time::from_unix(1_000_000);
        for (chance, attempts) in [(0.0, 20), (1.0, 14)] {
            let (mut now, mut tried) = (first, 1);
            while let Some(next) = super::next(first, now, tried, None, chance) {
                assert!(next > now);
                (now, tried) = (next, tried + 1);
            }
            assert_eq!(tried, attempts, "chance {chance}");
            assert!(now > first + Span::hours(60) && now <= first + PATIENCE, "{now}");
        }
    }

    #[test]
    fn the_receiver_may_ask_for_more_time_but_not_for_all_of_it() {
        let first = Time::from_unix(0);
        let after = |wish| super::next(first, first, 1, Some(wish), 0.0).unwrap();
        assert_eq!(after(Span::seconds(1)), Time::from_unix(5));
        assert_eq!(after(Span::minutes(10)), Time::from_unix(600));
        assert_eq!(after(Span::days(30)), Time::from_unix(LONGEST_WAIT.try_into().unwrap()));
    }

    proptest! {
        #[test]
        fn waits_lie_between_half_and_all_of_what_they_may_be(failed in 1_u32..100, chance in 0.0_f64..=1.0) {
            let now = Time::from_unix(0);
            let all = FIRST_WAIT.saturating_mul(3_u64.saturating_pow(failed - 1)).min(LONGEST_WAIT);
            let wait = super::next(now, now, failed, None, chance).unwrap().since(now).as_seconds();
            prop_assert!(wait >= all / 2 && wait <= all, "{wait} of {all}");
        }
    }
}
