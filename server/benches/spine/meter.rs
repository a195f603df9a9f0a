//! Time, CPU time and percentiles.

use std::time::Duration;

use patze_supervise::clock::Clock;
use rustix::time::{ClockId, clock_gettime};

/// What a piece of work took.
#[derive(Clone, Copy, Default)]
pub struct Took {
    /// Wall time.
    pub wall: Duration,
    /// CPU time of the clock that was asked.
    pub cpu: Duration,
}

impl Took {
    /// µs of wall time a piece.
    pub fn micros(self, pieces: usize) -> f64 {
        micros(self.wall, pieces)
    }

    /// µs of CPU time a piece.
    pub fn cpu_micros(self, pieces: usize) -> f64 {
        micros(self.cpu, pieces)
    }
}

impl std::ops::AddAssign for Took {
    fn add_assign(&mut self, more: Self) {
        self.wall += more.wall;
        self.cpu += more.cpu;
    }
}

/// Wall time and the whole process's CPU time.
pub fn timed<T>(clock: &Clock, work: impl FnOnce() -> T) -> (T, Took) {
    timed_by(clock, ClockId::ProcessCPUTime, work)
}

/// Wall time and this thread's CPU time.
pub fn timed_here<T>(clock: &Clock, work: impl FnOnce() -> T) -> (T, Took) {
    timed_by(clock, ClockId::ThreadCPUTime, work)
}

fn timed_by<T>(clock: &Clock, id: ClockId, work: impl FnOnce() -> T) -> (T, Took) {
    let cpu = || {
        let time = clock_gettime(id);
        Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
    };
    let (wall_began, cpu_began) = (clock.elapsed(), cpu());
    let value = work();
    (value, Took { wall: clock.elapsed() - wall_began, cpu: cpu() - cpu_began })
}

/// µs a piece.
pub fn micros(time: Duration, pieces: usize) -> f64 {
    time.as_secs_f64() * 1e6 / pieces.max(1) as f64
}

/// ms.
pub fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// The value below which `share` of the sorted values lie, in ms.
pub fn percentile(sorted: &[Duration], share: f64) -> f64 {
    let last = sorted.len().saturating_sub(1);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index")]
    let at = (last as f64 * share).round() as usize;
    millis(sorted.get(at).copied().unwrap_or_default())
}

/// The median of some measurements.
pub fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

/// One time as a multiple of another.
pub fn ratio(time: Duration, of: Duration) -> f64 {
    time.as_secs_f64() / of.as_secs_f64()
}
