//! The Homes actor: it finds OpenClaw homes and has each read by a [`Source`](super::Source).
//!
//! **Owns** nothing. **Woken by** its timer: a home may be made, or become readable, while the bridge runs. **Appends**
//! nothing. **Fails** only by a bug. A home that is gone keeps its source, which says that it cannot be read; it may be a
//! disk that is not mounted. Each directory is asked on a thread of its own ([`crate::blocking`]), so that one that does
//! not answer keeps no other from being found; it is told of at the next look.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use actix::prelude::*;
use patze_supervise::backoff::Backoff;
use patze_supervise::clock::Clock;
use patze_supervise::supervisor::{Plan, Seat, Supervisor, World};
use patze_supervise::timer::run_later;
use tokio::task::spawn_blocking;
use tracing::{error, info, warn};

use super::Sources;
use crate::blocking::silence;
use crate::config::{Config, Settings};
use crate::failure::returned;
use crate::openclaw::discover::{self, Candidate};

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
    /// The folders that have been asked and have not answered yet: the one that holds homes, and what may be one.
    asked: BTreeSet<PathBuf>,
    /// Those of them that were told of.
    silent: BTreeSet<PathBuf>,
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
        asked: BTreeSet::new(),
        silent: BTreeSet::new(),
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
        run_later(ctx, &self.clock, LOOK_AGAIN, Self::look);
        for folder in &self.asked {
            if self.silent.insert(folder.clone()) {
                warn!("{}; what else there is, is read meanwhile", silence(folder, LOOK_AGAIN));
            }
        }
        self.show();
        let settings = self.settings.now();
        let folder = folder_of(&settings).to_owned();
        if !self.asked.insert(folder.clone()) {
            return;
        }
        let listed = spawn_blocking(move || discover::candidates(&settings.homes)).into_actor(self);
        ctx.spawn(listed.map(move |listed, homes, ctx| {
            for candidate in returned(listed) {
                homes.ask(candidate, ctx);
            }
            homes.answered(&folder);
        }));
    }

    /// Has it read if it is a home.
    fn ask(&mut self, candidate: Candidate, ctx: &mut Context<Self>) {
        let dir = candidate.dir.clone();
        if !self.asked.insert(dir.clone()) {
            return;
        }
        let asked = spawn_blocking(move || candidate.true_path()).into_actor(self);
        ctx.spawn(asked.map(move |path, homes, _| {
            // One that is not there yet is found when it is: until then its true path is not known.
            if let Some(path) = returned(path) {
                homes.found(&path);
            }
            homes.answered(&dir);
        }));
    }

    fn found(&mut self, path: &Path) {
        let key = path.to_string_lossy().into_owned();
        if self.known.contains(&key) {
            return;
        }
        match self.sources.start(key.clone()) {
            Ok(()) => {
                info!(home = key, "found an OpenClaw home");
                self.known.insert(key);
            }
            // The next look finds it again.
            Err(refused) => error!(home = key, %refused, "the home is not read yet"),
        }
    }

    fn answered(&mut self, folder: &Path) {
        self.asked.remove(folder);
        if self.silent.remove(folder) {
            info!(folder = %folder.display(), "the folder answers again");
        }
        if self.known.is_empty() && self.asked.is_empty() {
            let settings = self.settings.now();
            info!(
                in_folder = %folder_of(&settings).display(),
                "no OpenClaw home (.openclaw or .openclaw-<profile>) yet; looking again every minute"
            );
        }
        self.show();
    }

    fn show(&self) {
        self.seat.publish(&serde_json::json!({ "homes": self.known, "silent": self.silent }));
    }
}

/// The folder that is searched first of all.
fn folder_of(settings: &Config) -> &Path {
    settings.homes.openclaw_home.as_ref().unwrap_or(&settings.homes.user_home)
}
