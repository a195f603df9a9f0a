//! The Homes actor: it finds OpenClaw homes and has each read by a [`Source`](super::Source).
//!
//! **Owns** nothing. **Woken by** its timer: a home may be made, or become readable, while the bridge runs. **Appends**
//! nothing. **Fails** only by a bug. A home that is gone keeps its source, which says that it cannot be read; it may be a
//! disk that is not mounted.

use std::collections::BTreeSet;
use std::time::Duration;

use actix::prelude::*;
use patze_supervise::backoff::Backoff;
use patze_supervise::clock::Clock;
use patze_supervise::supervisor::{Plan, Seat, Supervisor, World};
use patze_supervise::timer::run_later;
use tracing::{error, info};

use super::Sources;
use crate::config::Settings;
use crate::failure::returned;
use crate::openclaw::discover;

/// The kind, and the key of the one of a bridge.
const HOMES: &str = "homes";
/// How often homes are looked for.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// See the module.
pub struct Homes {
    settings: Settings,
    sources: Sources,
    clock: Clock,
    seat: Seat,
    known: BTreeSet<String>,
}

/// Starts the actor on this arbiter. The supervisor must be kept for as long as it is to run.
///
/// # Panics
/// When called outside an actix arbiter.
pub fn start(
    world: &World,
    backoff: Backoff,
    settings: Settings,
    sources: Sources,
) -> Supervisor<&'static str, Homes> {
    let clock = world.clock.clone();
    let supervisor = Supervisor::here(world, Plan::new(HOMES, backoff), move |_: &&str, seat| Homes {
        settings: settings.clone(),
        sources: sources.clone(),
        clock: clock.clone(),
        seat,
        known: BTreeSet::new(),
    });
    if let Err(refused) = supervisor.start(HOMES) {
        error!(%refused, "the search for homes was not started");
    }
    supervisor
}

// === impl Homes ===

impl Actor for Homes {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        self.look(ctx);
    }
}

impl Homes {
    fn look(&mut self, ctx: &mut Context<Self>) {
        let settings = self.settings.now();
        let found = tokio::task::spawn_blocking(move || discover::find(&settings.homes));
        ctx.spawn(found.into_actor(self).map(|found, homes, ctx| {
            // One that is not there yet is found when it is: until then its true path is not known.
            for home in
                returned(found).into_iter().filter(|home| !matches!(home.path.try_exists(), Ok(false)))
            {
                let key = home.path.to_string_lossy().into_owned();
                if homes.known.contains(&key) {
                    continue;
                }
                match homes.sources.start(key.clone()) {
                    Ok(()) => {
                        info!(home = %home, "found an OpenClaw home");
                        homes.known.insert(key);
                    }
                    // The next look finds it again.
                    Err(refused) => error!(home = %home, %refused, "the home is not read yet"),
                }
            }
            if homes.known.is_empty() {
                homes.tell_of_none();
            }
            homes.seat.publish(&serde_json::json!({ "homes": homes.known }));
            run_later(ctx, &homes.clock, LOOK_AGAIN, Self::look);
        }));
    }

    fn tell_of_none(&self) {
        let place = &self.settings.now().homes;
        let place = place.openclaw_home.as_ref().unwrap_or(&place.user_home);
        info!(
            in_folder = %place.display(),
            "no OpenClaw home (.openclaw or .openclaw-<profile>) yet; looking again every minute"
        );
    }
}
