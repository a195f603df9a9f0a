//! The demo's present: what bridges would send, as it happens.

use std::time::Duration;

use patze_actors::control_plane::ControlPlane;
use patze_actors::log::AppendError;
use patze_core::time::DAY;

use super::Mark;
use super::past::append;
use super::story::Story;

/// As often as our bridge.
const BEAT: Duration = Duration::from_secs(5);
/// A demo that was stopped for longer does not tell all of it.
const CATCH_UP: i64 = 2 * DAY;
/// Tries begin anew so long after the log did not take the events.
const PATIENCE: Duration = Duration::from_secs(10);

/// Feeds a running control plane for as long as its log is open. Spawns on the current arbiter.
pub fn keep_alive(plane: &ControlPlane, mark: Mark) {
    let plane = plane.clone();
    actix::spawn(async move {
        loop {
            match feed(&plane, mark).await {
                AppendError::Closed => return,
                error => tracing::warn!(%error, "the demo's events were not taken; trying again"),
            }
            plane.clock.sleep(PATIENCE).await;
        }
    });
}

/// Tells all from where the log is. What it has already, it does not take again.
async fn feed(plane: &ControlPlane, mark: Mark) -> AppendError {
    let clock = &plane.clock;
    let now = clock.now();
    let known = plane.log.fleet().facts().log_time;
    let mut story = Story::from(mark.created_at, known.clamp(now.plus(-CATCH_UP), now));
    let mut events = story.registrations(now);
    loop {
        let now = clock.now();
        events.extend(story.until(now));
        events.extend(story.heartbeats(now));
        if let Err(error) = append(plane, std::mem::take(&mut events)).await {
            return error;
        }
        clock.sleep(BEAT).await;
    }
}
