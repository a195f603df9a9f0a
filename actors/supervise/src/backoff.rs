//! How long to wait before trying again: exponential, with jitter, so that many who failed together do not return
//! together.

use std::time::Duration;

/// A sequence of delays. The n-th is drawn evenly from `[floor, floor × (1 + jitter)]`, where the floor begins at
/// `min`, doubles each time, and stops growing where its range reaches `max`. So every delay is within `[min,
/// max]`, and even the longest ones are spread.
///
/// One that makes no sense cannot be built.
#[derive(Clone, Debug)]
pub struct Backoff {
    min: u64,
    max: u64,
    jitter: f64,
    floor: u64,
    random: SplitMix,
}

/// Why a backoff cannot be built.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidBackoff {
    /// A zero delay would be no delay.
    #[error("the shortest delay of a backoff is zero; give it at least a millisecond")]
    NoDelay,
    /// The bounds are the wrong way round.
    #[error("the shortest delay of a backoff ({min:?}) is longer than its longest ({max:?})")]
    Bounds {
        /// The shortest delay that was asked for.
        min: Duration,
        /// The longest delay that was asked for.
        max: Duration,
    },
    /// Jitter is a fraction.
    #[error("the jitter of a backoff must be a number from 0 to 1")]
    Jitter,
    /// The operating system gave no randomness for the seed.
    #[error("the operating system gave no random seed for a backoff")]
    Seed(#[source] getrandom::Error),
}

/// Sebastiano Vigna's SplitMix64: enough to spread retries, and nothing else hangs on it.
#[derive(Clone, Debug)]
struct SplitMix(u64);

// === impl Backoff ===

impl Backoff {
    /// A backoff of delays from `min` to `max`, seeded by the operating system. `jitter` is the fraction of its floor
    /// that a delay is spread over: 0 for none, 1 for up to double.
    ///
    /// # Errors
    /// [`InvalidBackoff`] if the numbers make no sense or there is no randomness.
    pub fn try_new(min: Duration, max: Duration, jitter: f64) -> Result<Self, InvalidBackoff> {
        Self::try_with_seed(min, max, jitter, getrandom::u64().map_err(InvalidBackoff::Seed)?)
    }

    /// The same with a given seed: equal seeds give equal delays.
    ///
    /// # Errors
    /// [`InvalidBackoff`] if the numbers make no sense.
    pub fn try_with_seed(
        min: Duration,
        max: Duration,
        jitter: f64,
        seed: u64,
    ) -> Result<Self, InvalidBackoff> {
        if min.is_zero() {
            return Err(InvalidBackoff::NoDelay);
        }
        if min > max {
            return Err(InvalidBackoff::Bounds { min, max });
        }
        if !(0.0..=1.0).contains(&jitter) {
            return Err(InvalidBackoff::Jitter);
        }
        let (min, max) = (nanos(min), nanos(max));
        Ok(Self { min, max, jitter, floor: min, random: SplitMix(seed) })
    }

    /// The next delay, longer as a rule than the one before.
    pub fn next_delay(&mut self) -> Duration {
        let floor = self.floor;
        let ceiling = self.ceiling(floor);
        // Where the range would go beyond `max` the floor stays, so that the range keeps its width.
        let highest = ((self.max as f64 / (1.0 + self.jitter)) as u64).max(self.min);
        self.floor = floor.saturating_mul(2).min(highest);
        Duration::from_nanos(floor + self.random.up_to(ceiling - floor))
    }

    /// Begins again at the shortest delay: what was tried has worked.
    pub fn reset(&mut self) {
        self.floor = self.min;
    }

    /// Another sequence with the same bounds, at its beginning, and with a seed of its own drawn from this one.
    pub fn fork(&mut self) -> Self {
        Self { floor: self.min, random: SplitMix(self.random.next()), ..*self }
    }

    fn ceiling(&self, floor: u64) -> u64 {
        floor.saturating_add((floor as f64 * self.jitter) as u64).clamp(floor, self.max)
    }
}

// === impl SplitMix ===

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Evenly from `0..=most`, but for a bias below 2⁻⁶⁴ × `most`.
    fn up_to(&mut self, most: u64) -> u64 {
        ((u128::from(self.next()) * (u128::from(most) + 1)) >> 64) as u64
    }
}

/// Held to what 64 bits of nanoseconds can say, which is 584 years.
fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn without_jitter_it_doubles_up_to_the_longest() {
        let mut backoff = Backoff::try_new(SECOND, 10 * SECOND, 0.0).unwrap();
        let delays: Vec<u64> = (0..6).map(|_| backoff.next_delay().as_secs()).collect();
        assert_eq!(delays, [1, 2, 4, 8, 10, 10]);
        backoff.reset();
        assert_eq!(backoff.next_delay(), SECOND);
    }

    #[test]
    fn nonsense_cannot_be_built() {
        let built = |min, max, jitter| Backoff::try_new(min, max, jitter).map(drop);
        assert_eq!(built(Duration::ZERO, SECOND, 0.0), Err(InvalidBackoff::NoDelay));
        assert_eq!(
            built(2 * SECOND, SECOND, 0.0),
            Err(InvalidBackoff::Bounds { min: 2 * SECOND, max: SECOND })
        );
        for jitter in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
            assert_eq!(built(SECOND, SECOND, jitter), Err(InvalidBackoff::Jitter), "{jitter}");
        }
    }

    #[test]
    fn those_who_fail_together_do_not_return_together() {
        let mut parent = Backoff::try_with_seed(SECOND, 60 * SECOND, 0.5, 7).unwrap();
        let first: std::collections::BTreeSet<Duration> =
            (0..100).map(|_| parent.fork().next_delay()).collect();
        assert_eq!(first.len(), 100);
        let (earliest, latest) = (*first.first().unwrap(), *first.last().unwrap());
        assert!(
            earliest < SECOND + SECOND / 20 && latest > SECOND + SECOND * 9 / 20,
            "{earliest:?} {latest:?}"
        );
    }

    #[test]
    fn the_longest_delays_are_spread_too() {
        let mut backoff = Backoff::try_with_seed(SECOND, 60 * SECOND, 0.5, 7).unwrap();
        let late: Vec<Duration> = (0..200).map(|_| backoff.next_delay()).skip(10).collect();
        let (min, max) = (late.iter().min().unwrap(), late.iter().max().unwrap());
        assert!(*min >= 40 * SECOND && *min < 42 * SECOND, "{min:?}");
        assert!(*max <= 60 * SECOND && *max > 58 * SECOND, "{max:?}");
    }

    fn durations() -> impl Strategy<Value = Duration> {
        prop_oneof![
            (1u64..=10_000_000_000).prop_map(Duration::from_nanos),
            (1u64..=u64::MAX).prop_map(Duration::from_secs),
        ]
    }

    proptest! {
        #[test]
        fn delays_stay_within_bounds_and_floors_only_grow(
            (a, b) in (durations(), durations()), jitter in 0.0..=1.0f64, seed: u64, count in 1usize..100,
        ) {
            let (min, max) = (a.min(b), a.max(b));
            let mut backoff = Backoff::try_with_seed(min, max, jitter, seed).unwrap();
            let (mut floor, mut ceiling) = (0, 0);
            for _ in 0..count {
                let (lower, upper) = (backoff.floor, backoff.ceiling(backoff.floor));
                prop_assert!(lower >= floor && upper >= ceiling, "a range moved down");
                (floor, ceiling) = (lower, upper);
                let delay = nanos(backoff.next_delay());
                prop_assert!((lower..=upper).contains(&delay));
                prop_assert!((nanos(min)..=nanos(max)).contains(&delay));
            }
            backoff.reset();
            prop_assert!(nanos(backoff.next_delay()) <= backoff.ceiling(nanos(min)));
        }

        #[test]
        fn equal_seeds_give_equal_delays(seed: u64, jitter in 0.0..=1.0f64) {
            let build = || Backoff::try_with_seed(SECOND, 60 * SECOND, jitter, seed).unwrap();
            let (mut one, mut other) = (build(), build());
            for _ in 0..20 {
                prop_assert_eq!(one.next_delay(), other.next_delay());
            }
        }
    }
}
