//! Who is told of what was stored.

use std::sync::Arc;

use patze_core::event::{Event, Origin, Recorded};
use patze_core::fleet::{Change, Fleet};
use patze_core::time::Timestamp;
use smol_str::SmolStr;

/// Takes what was committed and folded, on the writer's thread and before the batches are answered (design §6). It
/// must not wait for anybody who may wait for the log, and must be quick: it holds every append up.
pub trait Publish: Send {
    /// One transaction's news. Never called twice for the same position, unless it failed before.
    fn publish(&mut self, news: &News<'_>);
}

/// What one transaction brought.
#[derive(Clone, Copy, Debug)]
pub struct News<'a> {
    /// The fleet with all of it folded.
    pub fleet: &'a Arc<Fleet>,
    /// The new events, by position.
    pub events: &'a [Fresh<'a>],
    /// What changed, for actors. May hold the same change more than once.
    pub changes: &'a [Change],
}

/// A new event with its place.
#[derive(Clone, Copy, Debug)]
pub struct Fresh<'a> {
    /// Its position.
    pub position: u64,
    /// When the log took it.
    pub recorded_at: Timestamp,
    /// Where it came from.
    pub origin: &'a SmolStr,
    /// The event itself.
    pub event: &'a Event,
}

impl<'a> Fresh<'a> {
    /// The event as the fold takes it.
    pub fn recorded(&self) -> Recorded<'a> {
        self.event.recorded(self.position, self.recorded_at, Origin::stored(self.origin.as_str()))
    }
}

/// For a log that nobody listens to.
impl Publish for () {
    fn publish(&mut self, _news: &News<'_>) {}
}
