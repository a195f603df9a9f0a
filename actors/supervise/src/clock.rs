//! The one place that reads clocks and sleeps.
//!
//! Everything else is handed a [`Clock`]. `Clock::system()` is the machine's; `Clock::virtual_at` makes one that
//! stands still until its [`VirtualTime`] moves it, so that a test of an hour takes a millisecond and no test sleeps.
//!
//! A clock has two faces, and code must choose the right one:
//! - [`Clock::now`] is the wall clock: what is written into events. It jumps when somebody sets it or when the
//!   machine resumes from sleep.
//! - [`Clock::elapsed`] is monotonic and stands still while the machine sleeps. Sleeps and deadlines are measured
//!   by it.
//!
//! [`SleepWatch`] compares the two faces to notice a resume from sleep.

mod sleep_watch;
mod virtual_time;

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use patze_core::time::Timestamp;

pub use sleep_watch::{Jump, SleepWatch};
pub use virtual_time::VirtualTime;

use virtual_time::VirtualSleep;

/// The time source that is injected everywhere. Cheap to clone; may be used from any thread.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System { made: Instant },
    Virtual(VirtualTime),
}

/// The time limit of a [`Clock::timeout`] passed first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no result within {} ms", limit.as_millis())]
pub struct Elapsed {
    /// The limit that was set.
    pub limit: Duration,
}

/// Ready once its clock has reached a monotonic instant; made by [`Clock::sleep`]. Owns all it needs, so an actor
/// can spawn it into its context.
#[derive(Debug)]
#[must_use = "a sleep does nothing unless it is awaited"]
pub struct Sleep(Waiting);

#[derive(Debug)]
enum Waiting {
    System(Pin<Box<tokio::time::Sleep>>),
    Virtual(VirtualSleep),
}

// === impl Clock ===

impl Clock {
    /// The machine's clock.
    #[allow(clippy::disallowed_methods, reason = "this is the clock that everything else is told to ask")]
    pub fn system() -> Self {
        Self(Source::System { made: Instant::now() })
    }

    /// A clock that shows `wall` and moves only when its [`VirtualTime`] is moved.
    pub fn virtual_at(wall: Timestamp) -> (Self, VirtualTime) {
        let time = VirtualTime::starting_at(wall);
        (Self(Source::Virtual(time.clone())), time)
    }

    /// The wall clock. It may jump in both directions.
    #[allow(clippy::disallowed_methods, reason = "this is the clock that everything else is told to ask")]
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Source::System { .. } => {
                Timestamp::from_millis(match SystemTime::now().duration_since(UNIX_EPOCH) {
                    Ok(after) => i64::try_from(after.as_millis()).unwrap_or(i64::MAX),
                    Err(before) => {
                        i64::try_from(before.duration().as_millis()).map_or(i64::MIN, |millis| -millis)
                    }
                })
            }
            Source::Virtual(time) => time.now(),
        }
    }

    /// Monotonic time since the clock was made. It does not count the time that the machine slept.
    pub fn elapsed(&self) -> Duration {
        match &self.0 {
            Source::System { made } => made.elapsed(),
            Source::Virtual(time) => time.elapsed(),
        }
    }

    /// Waits for `delay` of monotonic time, counted from this call.
    ///
    /// # Panics
    /// On the system clock, when called outside a tokio runtime.
    pub fn sleep(&self, delay: Duration) -> Sleep {
        self.sleep_until_elapsed(self.elapsed().saturating_add(delay))
    }

    /// Waits until [`Clock::elapsed`] is at least `instant`: at once if that has passed.
    ///
    /// # Panics
    /// On the system clock, when called outside a tokio runtime.
    #[allow(clippy::disallowed_methods, reason = "this is the clock that everything else is told to wait on")]
    pub fn sleep_until_elapsed(&self, instant: Duration) -> Sleep {
        Sleep(match &self.0 {
            Source::System { .. } => {
                Waiting::System(Box::pin(tokio::time::sleep(instant.saturating_sub(self.elapsed()))))
            }
            Source::Virtual(time) => Waiting::Virtual(time.sleep_until(instant)),
        })
    }

    /// The output of `future`, if it comes within `limit` (counted from the first poll).
    ///
    /// # Errors
    /// [`Elapsed`] if the limit passes first; `future` is dropped then. One that is ready at once always wins.
    #[allow(clippy::disallowed_methods, reason = "this is the clock that deadlines are told to be set with")]
    pub async fn timeout<F: Future>(&self, limit: Duration, future: F) -> Result<F::Output, Elapsed> {
        match &self.0 {
            // Tokio's own, because it still looks at the limit when the future uses up the task's poll budget.
            Source::System { .. } => tokio::time::timeout(limit, future).await.map_err(|_| Elapsed { limit }),
            Source::Virtual(_) => {
                let mut future = std::pin::pin!(future);
                let mut sleep = std::pin::pin!(self.sleep(limit));
                std::future::poll_fn(|cx| match future.as_mut().poll(cx) {
                    Poll::Ready(output) => Poll::Ready(Ok(output)),
                    Poll::Pending => sleep.as_mut().poll(cx).map(|()| Err(Elapsed { limit })),
                })
                .await
            }
        }
    }
}

// === impl Sleep ===

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.0 {
            Waiting::System(sleep) => sleep.as_mut().poll(cx),
            Waiting::Virtual(sleep) => Pin::new(sleep).poll(cx),
        }
    }
}

#[cfg(test)]
mod tests;
