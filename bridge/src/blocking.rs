//! File calls that may never come back: somebody else's disk can be a network mount that is away.
//!
//! The actors share one thread, the arbiter. A call that hangs there holds all of them up, the heartbeat too. So settings are
//! read again on a blocking thread, and whatever looks into a home runs on a blocking thread, one at a time for each home, and its asker waits [`PATIENCE`] before it
//! says that the home does not answer. The call itself cannot be given up: whoever asked goes on waiting for it and asks
//! nothing more meanwhile, so that a dead mount costs one thread and not one a minute.

use std::path::Path;
use std::time::Duration;

/// How long a home is waited for until it is said not to answer.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// What is said of a place that did not answer for `waited`.
pub fn silence(place: &Path, waited: Duration) -> String {
    format!(
        "{} has not answered for {} s: is it on a network mount that is away?",
        place.display(),
        waited.as_secs()
    )
}

/// Holds the rule of this module in builds with debug assertions: to be called by what reads files that are not the
/// bridge's own.
#[track_caller]
pub fn off_the_arbiter() {
    debug_assert!(
        actix::Arbiter::try_current().is_none(),
        "files of others must be read on a blocking thread, not on the actors' own"
    );
}
