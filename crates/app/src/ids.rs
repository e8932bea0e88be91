//! Identifiers: UUIDs of version 7 (RFC 9562) that ascend in the order in which they are made.

use acquaint_core::ids::EventId;
use acquaint_core::time::Time;
use rand::rngs::{StdRng, SysRng};
use rand::{Rng, SeedableRng, TryRng};
use uuid::{Builder, Uuid};

use crate::clock::Clock;

/// How many identifiers may bear one millisecond: what fits in 26 bits.
const PER_MILLISECOND: u32 = 1 << 26;

/// Makes identifiers. There is one for each engine, so that the order of ids is that of decisions.
///
/// After the 48 bits of milliseconds come a counter of 26 bits (RFC 9562, section 6.2, method 1)
/// and 48 random bits from a cryptographic generator, so that nobody guesses an id.
#[derive(Debug)]
pub(crate) struct IdSource {
    clock: Clock,
    random: StdRng,
    millis: u64,
    counter: u32,
}

impl IdSource {
    /// A source whose ids come after `last`, whatever the clock says.
    pub(crate) fn after(clock: Clock, last: Option<EventId>) -> Result<Self, NoRandomness> {
        let mut random = SysRng;
        let random = StdRng::try_from_rng(&mut random).map_err(|error| NoRandomness(error.to_string()))?;
        let mut source = Self { clock, random, millis: 0, counter: 0 };
        last.into_iter().for_each(|id| source.come_after(id));
        Ok(source)
    }

    /// Whatever is made from now on comes after this one, which somebody else made.
    pub(crate) fn come_after(&mut self, id: EventId) {
        let theirs = millis_of(id.0);
        if theirs >= self.millis {
            self.millis = theirs + 1;
            self.counter = 0;
        }
    }

    pub(crate) fn next(&mut self) -> Uuid {
        let now = self.clock.millis();
        if now > self.millis || self.counter == PER_MILLISECOND {
            self.millis = now.max(self.millis + 1);
            self.counter = 0;
        }
        let counter = self.counter;
        self.counter += 1;
        let random = self.random.next_u64().to_be_bytes();
        let [c0, c1, c2, c3] = counter.to_be_bytes();
        let [r0, r1, r2, r3, r4, r5, ..] = random;
        // The top 12 bits of the counter fill `rand_a`, the next 14 begin `rand_b` behind the
        // two bits of the variant, which the builder sets.
        let high = (u16::from(c0) << 10) | (u16::from(c1) << 2) | (u16::from(c2) >> 6);
        let [h0, h1] = high.to_be_bytes();
        Builder::from_unix_timestamp_millis(self.millis, &[h0, h1, c2 & 0x3f, c3, r0, r1, r2, r3, r4, r5]).into_uuid()
    }
}

fn millis_of(id: Uuid) -> u64 {
    u64::try_from(id.as_u128() >> 80).unwrap_or(u64::MAX)
}

/// Random bytes from the operating system: from 16 on, what nobody guesses.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], NoRandomness> {
    let mut bytes = [0; N];
    SysRng.try_fill_bytes(&mut bytes).map_err(|error| NoRandomness(error.to_string()))?;
    Ok(bytes)
}

/// A number between 0 and 1; the middle, where the system gives none.
pub(crate) fn chance() -> f64 {
    random::<4>().map_or(0.5, |bytes| f64::from(u32::from_be_bytes(bytes)) / f64::from(u32::MAX))
}

/// An identifier that is made apart from the engine's: it is in no order with theirs within a second.
pub(crate) fn fresh(now: Time) -> Result<Uuid, NoRandomness> {
    let millis = u64::try_from(now.unix()).unwrap_or(0) * 1_000;
    Ok(Builder::from_unix_timestamp_millis(millis, &random()?).into_uuid())
}

/// The operating system has no random numbers to give.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the operating system gives no random numbers: {0}")]
pub struct NoRandomness(String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_ascend_while_the_clock_stands_still_or_goes_back() {
        let clock = Clock::settable(Time::from_unix(1_000));
        let mut source = IdSource::after(clock.clone(), None).unwrap();
        let mut last = source.next();
        for step in 0..10_000 {
            if step == 5_000 {
                clock.set(Time::from_unix(10));
            }
            let next = source.next();
            assert!(next > last, "{next} after {last}");
            assert_eq!(next.get_version_num(), 7);
            last = next;
        }
        let mut later = IdSource::after(Clock::settable(Time::from_unix(0)), Some(EventId(last))).unwrap();
        assert!(later.next() > last);
        let mut other = IdSource::after(Clock::settable(Time::from_unix(0)), None).unwrap();
        other.next();
        other.come_after(EventId(last));
        let next = other.next();
        assert!(next > last);
        other.come_after(EventId(last));
        assert!(other.next() > next);
    }

    #[test]
    fn the_counter_goes_on_past_its_bytes() {
        let mut source = IdSource::after(Clock::settable(Time::from_unix(1_000)), None).unwrap();
        let mut last = Uuid::nil();
        for counter in [0, 63, 64, 255, 256, 16_383, 16_384, 65_536, (1 << 26) - 1, 1 << 26] {
            source.counter = counter;
            let next = source.next();
            assert!(next > last, "{counter}: {next} after {last}");
            last = next;
        }
    }
}
