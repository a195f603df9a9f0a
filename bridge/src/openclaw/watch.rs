//! Waking the reader when a home changes.
//!
//! A wake-up says only "look again", never what happened: the facts are in the store. New rows go to the `-wal` files
//! (the databases themselves change only at checkpoints), and a new agent's database appears with its first run, so the
//! folders are watched, not the files, and what else happens in them is passed over: reading must not wake the reader.
//!
//! - **Debounced**: the first change is followed by [`DEBOUNCE`] of waiting, in which further ones are gathered.
//! - **Never deaf**: after [`SLOW_POLL`] without a wake-up there is one anyway. It also covers folders that cannot be
//!   watched (network file systems, no inotify watches left) and databases outside of the home; [`Watch::problem`] then
//!   says why waking is slow.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use notify::event::{CreateKind, EventKind, ModifyKind};
use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use patze_supervise::clock::Clock;
use tokio::sync::Notify;

use crate::blocking::off_the_arbiter;

/// How long changes are gathered after the first.
pub const DEBOUNCE: Duration = Duration::from_millis(50);

/// The longest time between two wake-ups.
pub const SLOW_POLL: Duration = Duration::from_secs(30);

/// Why the reader was woken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wake {
    /// Something changed in the home.
    Changed,
    /// Nothing was seen to change for [`SLOW_POLL`].
    Slow,
}

/// Watches one home.
pub struct Watch {
    dir: PathBuf,
    watcher: Option<RecommendedWatcher>,
    watched: BTreeSet<PathBuf>,
    problem: Option<notify::Error>,
    signal: Arc<Signal>,
    clock: Clock,
}

/// Whether something changed since the last look; set from the watcher's own thread.
#[derive(Default)]
struct Signal {
    changed: AtomicBool,
    notify: Notify,
}

impl Watch {
    /// A watch on the state directory `dir`, which sees nothing before it is told to [`cover`](Self::cover) it.
    pub fn new(dir: &Path, clock: Clock) -> Self {
        let signal = Arc::new(Signal::default());
        let raised = Arc::clone(&signal);
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            // An error may stand for lost events: look.
            if event.as_ref().map_or(true, is_change) {
                raised.raise();
            }
        });
        let (watcher, problem) = match watcher {
            Ok(watcher) => (Some(watcher), None),
            Err(error) => (None, Some(error)),
        };
        Self { dir: dir.to_owned(), watcher, watched: BTreeSet::new(), problem, signal, clock }
    }

    /// Why some folder is not watched, if one is not.
    pub fn problem(&self) -> Option<&notify::Error> {
        self.problem.as_ref()
    }

    /// Waits until the reader should look again. May be dropped at any time: no change gets lost.
    pub async fn next(&mut self) -> Wake {
        if self.clock.timeout(SLOW_POLL, self.signal.raised()).await.is_err() {
            return Wake::Slow;
        }
        self.clock.sleep(DEBOUNCE).await;
        self.signal.changed.store(false, Ordering::Release);
        Wake::Changed
    }

    /// Watches the folders that have appeared, and forgets those that are gone. A folder that appears later wakes
    /// through the folder that it is in. To be called before each look, so that no change after the look is missed; it
    /// blocks where the disk does ([`crate::blocking`]).
    pub fn cover(&mut self) {
        off_the_arbiter();
        let Some(watcher) = &mut self.watcher else { return };
        let agents = self.dir.join("agents");
        let mut folders = BTreeSet::from([self.dir.clone(), self.dir.join("state"), agents.clone()]);
        for agent in std::fs::read_dir(&agents).into_iter().flatten().flatten() {
            folders.insert(agent.path().join("agent"));
            folders.insert(agent.path());
        }
        folders.retain(|folder| folder.is_dir());
        for gone in self.watched.difference(&folders) {
            // Its watch went with the folder.
            let _ = watcher.unwatch(gone);
        }
        let mut problem = None;
        let mut watched = BTreeSet::new();
        for folder in folders {
            let known = self.watched.contains(&folder);
            match if known { Ok(()) } else { watcher.watch(&folder, RecursiveMode::NonRecursive) } {
                Ok(()) => {
                    watched.insert(folder);
                }
                Err(error) => problem = Some(error),
            }
        }
        self.watched = watched;
        self.problem = problem;
    }
}

impl Signal {
    fn raise(&self) {
        self.changed.store(true, Ordering::Release);
        self.notify.notify_one();
    }

    async fn raised(&self) {
        while !self.changed.load(Ordering::Acquire) {
            self.notify.notified().await;
        }
    }
}

/// Whether an event may mean new rows: a `-wal` file was written, or a database or a folder came or went.
fn is_change(event: &notify::Event) -> bool {
    let named = |end: &str| event.paths.iter().any(|path| path.as_os_str().to_string_lossy().ends_with(end));
    match event.kind {
        EventKind::Create(CreateKind::Folder) | EventKind::Remove(_) => true,
        EventKind::Create(_) | EventKind::Modify(ModifyKind::Name(_)) => {
            named(".sqlite") || named(".sqlite-wal")
        }
        EventKind::Modify(ModifyKind::Metadata(_)) | EventKind::Access(_) => false,
        _ => named(".sqlite-wal"),
    }
}

#[cfg(test)]
mod tests;
