//! Noticing that the machine slept, or that somebody set its clock.

use std::time::Duration;

use patze_core::time::Timestamp;

use super::Clock;

/// Compares the wall clock with the monotonic one between two looks. A laptop that sleeps stops the monotonic clock
/// and not the wall clock, so after a resume the wall clock is ahead; a clock that was set back is behind.
///
/// Pure but for [`SleepWatch::look_at`]: it holds the readings of the last look and nothing else. Slow drift between
/// the two clocks never adds up, because each look starts anew.
#[derive(Clone, Copy, Debug)]
pub struct SleepWatch {
    bound_ms: i64,
    wall: Timestamp,
    elapsed: Duration,
}

/// The wall clock moved otherwise than the monotonic one, by more than the bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Jump {
    /// The machine slept for about this long, or its clock was set forward: every machine gets one full timeout
    /// before it is called silent (design §5).
    Ahead(Duration),
    /// The clock was set back by about this much.
    Back(Duration),
}

impl SleepWatch {
    /// Starts from a first reading of both faces. `bound` is what two looks may differ by without being a jump;
    /// it must be larger than what the machine's time service corrects between two looks.
    pub fn new(bound: Duration, wall: Timestamp, elapsed: Duration) -> Self {
        Self { bound_ms: i64::try_from(bound.as_millis()).unwrap_or(i64::MAX), wall, elapsed }
    }

    /// The next reading: the jump since the last one, if there was any.
    pub fn look(&mut self, wall: Timestamp, elapsed: Duration) -> Option<Jump> {
        let passed = i64::try_from(elapsed.saturating_sub(self.elapsed).as_millis()).unwrap_or(i64::MAX);
        let drift = wall.since(self.wall).saturating_sub(passed);
        (self.wall, self.elapsed) = (wall, elapsed);
        if drift.saturating_abs() <= self.bound_ms {
            return None;
        }
        let by = Duration::from_millis(drift.unsigned_abs());
        Some(if drift > 0 { Jump::Ahead(by) } else { Jump::Back(by) })
    }

    /// [`Self::look`] at both faces of `clock`.
    pub fn look_at(&mut self, clock: &Clock) -> Option<Jump> {
        self.look(clock.now(), clock.elapsed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_jump_is_more_than_the_bound_in_either_direction_and_told_once() {
        let wall = Timestamp::from_millis(1_000_000);
        for (drift_ms, jump) in [
            (0, None),
            (5_000, None),
            (-5_000, None),
            (5_001, Some(Jump::Ahead(Duration::from_millis(5_001)))),
            (28_800_000, Some(Jump::Ahead(Duration::from_secs(28_800)))),
            (-5_001, Some(Jump::Back(Duration::from_millis(5_001)))),
        ] {
            let mut watch = SleepWatch::new(5 * SECOND, wall, SECOND);
            assert_eq!(watch.look(wall.plus(10_000 + drift_ms), 11 * SECOND), jump, "{drift_ms}");
            assert_eq!(watch.look(wall.plus(20_000 + drift_ms), 21 * SECOND), None, "{drift_ms}, next look");
        }
    }

    #[test]
    fn slow_drift_does_not_add_up() {
        let (mut wall, mut elapsed) = (Timestamp::EPOCH, Duration::ZERO);
        let mut watch = SleepWatch::new(SECOND, wall, elapsed);
        for _ in 0..1_000 {
            (wall, elapsed) = (wall.plus(10_900), elapsed + 10 * SECOND);
            assert_eq!(watch.look(wall, elapsed), None);
        }
    }

    #[test]
    fn the_ends_of_time_do_not_overflow() {
        let mut watch = SleepWatch::new(Duration::MAX, Timestamp::MIN, Duration::ZERO);
        assert_eq!(watch.look(Timestamp::MAX, Duration::ZERO), None);
        let mut watch = SleepWatch::new(SECOND, Timestamp::MAX, Duration::ZERO);
        assert!(matches!(watch.look(Timestamp::MIN, Duration::MAX), Some(Jump::Back(_))));
    }

    #[test]
    fn a_virtual_clock_that_slept_is_noticed() {
        let (clock, time) = Clock::virtual_at(Timestamp::EPOCH);
        let mut watch = SleepWatch::new(SECOND, clock.now(), clock.elapsed());
        assert_eq!(watch.look_at(&clock), None);
        time.jump_wall(3_600_000);
        assert_eq!(watch.look_at(&clock), Some(Jump::Ahead(3_600 * SECOND)));
        time.jump_wall(-60_000);
        assert_eq!(watch.look_at(&clock), Some(Jump::Back(60 * SECOND)));
    }
}
