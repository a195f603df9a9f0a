//! How the bridge starts, and how it stops.
//!
//! One bridge a state folder: `bridge.lock` is held while it runs. SIGTERM and SIGINT stop it in order: sources first,
//! then what is quick to deliver is delivered, then the spool is closed; what is not waits in the spool for the next
//! start. SIGHUP reads the settings again.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use patze_core::openclaw::MAPPER_VERSION;
use patze_supervise::backoff::{Backoff, InvalidBackoff};
use patze_supervise::clock::Clock;
use patze_supervise::supervisor::World;
use rustix::fs::{FlockOperation, flock};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tracing::{info, warn};

use crate::config::machine::{self, MachineIdError};
use crate::config::{Config, Settings};
use crate::push::actor::Link;
use crate::push::http::Client;
use crate::push::tls::TlsError;
use crate::spool::{Limits, SpoolHandle};
use crate::{heartbeat, private, push, source, spool};

/// The spool's cap (design §11).
const SPOOL_CAP: u64 = 256 << 20;
/// How long the last delivery may take, and each actor's end: all in all less than five seconds.
const LAST_DELIVERY: Duration = Duration::from_secs(2);
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Why the bridge cannot run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The state folder cannot be used.
    #[error("the state folder {} cannot be used; make it writable for this user, or set BRIDGE_STATE_DIR", path.display())]
    State {
        /// The folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Another bridge uses the state folder.
    #[error(
        "another patze-bridge{} uses {}; stop it, or set BRIDGE_STATE_DIR (and MACHINE_ID) for a second one",
        pid.as_ref().map(|pid| format!(" (process {pid})")).unwrap_or_default(), path.display()
    )]
    Locked {
        /// The folder.
        path: PathBuf,
        /// The other one's process id, as it wrote it.
        pid: Option<String>,
    },
    /// There is no machine id.
    #[error(transparent)]
    Machine(#[from] MachineIdError),
    /// There is no trust for an https control plane.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// There is no randomness.
    #[error("the bridge cannot start")]
    Backoff(#[from] InvalidBackoff),
    /// Signals cannot be received.
    #[error("signals cannot be received")]
    Signals(#[source] io::Error),
}

/// Runs the bridge until it is told to stop.
///
/// # Errors
/// [`RunError`] if it cannot start.
pub async fn run(settings: Settings) -> Result<(), RunError> {
    let config = settings.now();
    let mut signals = Signals::new().map_err(RunError::Signals)?;
    let _lock = lock(&config.state_dir)?;
    let machine = machine::ensure(&config.machine)?;
    let clock = Clock::system();
    // A control plane that cannot be trusted is better known now than at the first delivery.
    Client::new(&config, clock.clone())?;
    announce(&config, machine.as_str());

    let world = World::new(clock.clone()).reporting(|restart| {
        warn!(
            kind = restart.kind,
            key = restart.key,
            restarts = restart.restarts,
            error = restart.error,
            "restarted"
        );
    });
    let backoff = || Backoff::try_new(Duration::from_millis(500), Duration::from_secs(60), 0.5);
    let spool = SpoolHandle::start(
        &world,
        backoff()?,
        spool::Settings {
            dir: config.state_dir.clone(),
            limits: Limits { cap: SPOOL_CAP },
            machine: machine.clone(),
            mapper: MAPPER_VERSION,
        },
    );
    let link = watch::Sender::new(Link::default());
    let ports = push::actor::Ports {
        settings: settings.clone(),
        machine: machine.clone(),
        spool: spool.clone(),
        link: link.clone(),
    };
    // First of all, so that the machine is introduced before anything is told of it.
    let ours = heartbeat::Ports {
        settings: settings.clone(),
        machine: machine.clone(),
        spool: spool.clone(),
        link: link.subscribe(),
    };
    let heartbeat = heartbeat::start(&world, backoff()?, ours);
    let push = push::actor::start(&world, backoff()?, ports)?;
    let ports = source::Ports { settings: settings.clone(), machine, spool: spool.clone() };
    let sources = source::supervise(&world, backoff()?, ports);
    let homes = source::homes::start(&world, backoff()?, settings.clone(), sources.clone());

    signals.stop(&settings).await;
    info!("stopping");
    let _ = clock
        .timeout(LAST_WORDS, async { tokio::join!(homes.close(), sources.close(), heartbeat.close()) })
        .await;
    let mut standing = link.subscribe();
    let delivered = standing.wait_for(|link| link.idle || link.away.is_some());
    if !matches!(clock.timeout(LAST_DELIVERY, delivered).await, Ok(Ok(link)) if link.idle) {
        info!("what is not delivered yet waits in the spool");
    }
    let _ = clock.timeout(LAST_WORDS, async { tokio::join!(push.close(), spool.close()) }).await;
    Ok(())
}

/// What the process listens to.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

// === impl Signals ===

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// Waits until the bridge is to stop; reads the settings again when told so.
    async fn stop(&mut self, settings: &Settings) {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return,
                _ = self.interrupt.recv() => return,
                _ = self.hang_up.recv() => {
                    let settings = settings.clone();
                    actix_rt::spawn(async move { settings.reread().await });
                }
            }
        }
    }
}

/// Makes sure that no other bridge uses the state folder `dir`, as long as the file lives.
fn lock(dir: &Path) -> Result<File, RunError> {
    let failed = |source| RunError::State { path: dir.to_owned(), source };
    private::create_folder(dir).map_err(failed)?;
    let mut file = private::open(&dir.join("bridge.lock"), OpenOptions::new().write(true)).map_err(failed)?;
    if let Err(error) = flock(&file, FlockOperation::NonBlockingLockExclusive) {
        if error != rustix::io::Errno::WOULDBLOCK {
            return Err(failed(error.into()));
        }
        let mut pid = String::new();
        let read = file.read_to_string(&mut pid).is_ok() && !pid.trim().is_empty();
        return Err(RunError::Locked { path: dir.to_owned(), pid: read.then(|| pid.trim().to_owned()) });
    }
    file.set_len(0)
        .and_then(|()| file.rewind())
        .and_then(|()| writeln!(file, "{}", std::process::id()))
        .map_err(failed)?;
    Ok(file)
}

fn announce(config: &Config, machine: &str) {
    for note in &config.notes {
        warn!("{note}");
    }
    info!(
        version = env!("CARGO_PKG_VERSION"),
        machine,
        label = config.label,
        to = %config.control_plane,
        state = %config.state_dir.display(),
        "patze-bridge starts"
    );
    if config.capture_content {
        warn!("BRIDGE_CAPTURE_CONTENT=1: prompts, replies, tool arguments and results leave this machine");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_bridge_a_state_folder() {
        let dir = tempfile::tempdir().unwrap();
        let held = lock(dir.path()).unwrap();
        let error = lock(dir.path()).unwrap_err();
        let pid = std::process::id().to_string();
        assert!(matches!(&error, RunError::Locked { pid: Some(other), .. } if *other == pid), "{error:?}");
        assert!(error.to_string().contains(&format!("(process {pid})")), "{error}");
        drop(held);
        lock(dir.path()).unwrap();
    }
}
