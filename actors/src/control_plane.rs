//! The control plane's actors, put together (design §9).
//!
//! ```text
//! ControlPlane ─┬─ eventLog   a Duty: the log's writer thread, its news to the stream and to the crew
//!               ├─ prover     a Duty: checkpoints, and the standing proof of FO-1
//!               ├─ history    a Duty: the projector of history.db
//!               ├─ machine    one for each machine
//!               ├─ session    one for each live session
//!               └─ janitor    ticks, and the disk under the log
//! ```
//! All run on the arbiter that started them. Whoever fails is restarted, and the restart is a fact in the log (AC-1).

use std::path::PathBuf;
use std::time::Duration;

use patze_core::event::control::Control;
use patze_core::ids::MachineId;
use patze_supervise::backoff::Backoff;
use patze_supervise::clock::Clock;
use patze_supervise::observe::Directory;
use patze_supervise::supervisor::{Plan, Restart, Supervisor, World};

use crate::dispatch::{Crew, Dispatch};
use crate::duty::Duty;
use crate::history::History;
use crate::janitor::Janitor;
use crate::log::{Log, LogConfig, OpenError, Proven};
use crate::machine::{Heard, Machine, Watch};
use crate::recorder::Recorder;
use crate::session::Session;
use crate::stream::Hub;

/// How long the actors have to stop.
const STOP_WITHIN: Duration = Duration::from_secs(2);

/// How a control plane is started.
#[derive(Clone, Debug)]
pub struct Config {
    /// The folder that holds the log (`PATZE_SETTINGS_DIR`).
    pub dir: PathBuf,
    /// The server's version, as `control.server.started` tells it.
    pub version: String,
    /// How long a machine may be silent (`HEARTBEAT_TIMEOUT_MS`).
    pub heartbeat_timeout: Duration,
    /// The injected clock.
    pub clock: Clock,
}

/// Why a control plane did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The log could not be opened; its own text says what to do.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A thread cannot be started.
    #[error("no thread can be started for history; see the limits of processes and memory")]
    Thread(#[source] std::io::Error),
    /// The restart delays do not fit; a fault of this program.
    #[error("the delays between restarts are invalid")]
    Backoff(#[from] patze_supervise::backoff::InvalidBackoff),
}

/// The running control plane. Clones are handles to the same one.
#[derive(Clone, Debug)]
pub struct ControlPlane {
    /// The event log.
    pub log: Log,
    /// What was: lists, search, charts.
    pub history: History,
    /// The stream of what is stored.
    pub hub: Hub,
    /// Appends facts.
    pub recorder: Recorder,
    /// The state of every actor.
    pub directory: Directory,
    /// The injected clock.
    pub clock: Clock,
    crew: Crew,
    duties: Supervisor<&'static str, Duty>,
    janitor: Supervisor<&'static str, Janitor>,
}

impl ControlPlane {
    /// Opens the log and starts all actors on the current arbiter. Blocks while the log is read.
    ///
    /// # Errors
    /// If the log cannot be opened.
    pub fn start(config: Config) -> Result<Self, StartError> {
        let Config { dir, version, heartbeat_timeout, clock } = config;
        let log = Log::open(LogConfig::new(dir, clock.clone()))?;
        let history = History::new(&log, &clock).map_err(StartError::Thread)?;
        let recorder = Recorder::new(log.clone(), clock.clone());
        let (hub, herald) = Hub::new(clock.clone(), log.head().position);
        actix::spawn(herald.run());
        let directory = Directory::default();
        let world = {
            let recorder = recorder.clone();
            let world = World::new(clock.clone()).reporting(move |restart| report(&recorder, restart));
            World { directory: directory.clone(), ..world }
        };
        let patient = Backoff::try_new(Duration::from_millis(100), Duration::from_secs(30), 0.2)?;
        let watch = Watch {
            log: log.clone(),
            recorder: recorder.clone(),
            clock: clock.clone(),
            timeout: heartbeat_timeout,
        };
        let machines =
            Supervisor::here(&world, Plan::new("machine", patient.clone()), move |id: &MachineId, seat| {
                Machine::new(id.clone(), watch.clone(), seat)
            });
        let sessions = {
            let (log, recorder, clock) = (log.clone(), recorder.clone(), clock.clone());
            Supervisor::here(&world, Plan::new("session", patient.clone()), move |key, seat| {
                Session::new(key, log.clone(), recorder.clone(), clock.clone(), seat)
            })
        };
        let crew = Crew { machines, sessions };
        let duties = {
            let (log, history, hub, crew) = (log.clone(), history.clone(), hub.clone(), crew.clone());
            Supervisor::here(&world, Plan::new("duty", patient.clone()), move |name: &&'static str, seat| {
                let job = match *name {
                    WRITER => write(&log, &hub, &crew),
                    PROVER => prove(&log),
                    _ => project(&history),
                };
                Duty::new(name, job, seat)
            })
        };
        let janitor = {
            let (log, recorder, clock) = (log.clone(), recorder.clone(), clock.clone());
            Supervisor::here(&world, Plan::new("janitor", patient), move |_, seat| {
                Janitor::new(log.clone(), recorder.clone(), clock.clone(), seat)
            })
        };
        let started =
            [duties.start(WRITER), duties.start(PROVER), duties.start(PROJECTOR), janitor.start("janitor")];
        debug_assert!(started.iter().all(Result::is_ok), "a new supervisor has room");
        crew.start_all(&log.fleet());
        // A fact that need not be waited for: the log keeps the order, and a full lane right after the start is a fault
        // that the writer reports.
        let _ = recorder.record(&Control::ServerStarted { version }, "server");
        Ok(Self { log, history, hub, recorder, directory, clock, crew, duties, janitor })
    }

    /// Tells a machine's actor what a request of its bridge said. Lost where the machine is not known yet or its mailbox
    /// is full: the next request says it again.
    pub fn heard(&self, machine: &MachineId, heard: Heard) {
        let _ = self.crew.machines.tell(machine, heard);
    }

    /// Stops in good order: subscribers end, actors stop, what was accepted is written, the log is marked as clean.
    pub async fn stop(&self) {
        self.hub.close();
        let actors = async {
            self.crew.machines.close().await;
            self.crew.sessions.close().await;
            self.janitor.close().await;
        };
        if self.clock.timeout(STOP_WITHIN, actors).await.is_err() {
            tracing::warn!("some actors did not stop in time");
        }
        let log = self.log.clone();
        match tokio::task::spawn_blocking(move || log.close()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "the log was not closed in good order"),
            Err(error) => tracing::error!(%error, "closing the log failed"),
        }
        let history = self.history.clone();
        if let Err(error) = tokio::task::spawn_blocking(move || history.close()).await {
            tracing::error!(%error, "closing history failed");
        }
        // The writer, the prover and the projector have ended with the log.
        if self.clock.timeout(STOP_WITHIN, self.duties.close()).await.is_err() {
            tracing::warn!("a duty's thread did not end in time");
        }
    }
}

const WRITER: &str = "eventLog";
const PROVER: &str = "prover";
const PROJECTOR: &str = "history";

/// The writer's job: until the log is closed.
fn write(log: &Log, hub: &Hub, crew: &Crew) -> crate::duty::Job {
    let (log, dispatch) = (log.clone(), Dispatch::new(hub.clone(), crew.clone()));
    Box::new(move || {
        let mut writer = log.writer(Box::new(dispatch)).map_err(|error| error.to_string())?;
        writer.run().map_err(|error| error.to_string())
    })
}

/// The prover's job: compare, and store the checkpoint, at each proof that is due, until the log is closed.
fn prove(log: &Log) -> crate::duty::Job {
    let log = log.clone();
    Box::new(move || {
        while let Some(proof) = log.next_proof() {
            match log.prove(&proof).map_err(|error| error.to_string())? {
                Proven::Differs(position) => {
                    tracing::error!(
                        position,
                        "the live state differs from the rebuilt one: run `patze verify`, report it"
                    );
                }
                proven => tracing::debug!(?proven, "the live state was proven"),
            }
        }
        Ok(())
    })
}

/// The projector's job: until the log is closed.
fn project(history: &History) -> crate::duty::Job {
    let history = history.clone();
    Box::new(move || {
        history.projector().run().map_err(|error| {
            let text = with_sources(&error);
            history.failed(text.clone());
            text
        })
    })
}

/// An error and what it came from, for people.
fn with_sources(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

/// Makes a restart a fact of the log (AC-1).
fn report(recorder: &Recorder, restart: &Restart) {
    let fact = Control::ActorRestarted {
        kind: restart.kind.to_owned(),
        key: restart.key.clone(),
        restarts: u32::try_from(restart.restarts).unwrap_or(u32::MAX),
        error: restart.error.clone(),
    };
    if recorder.record(&fact, &restart.key).is_err() {
        tracing::error!(?restart, "a restart could not be recorded");
    }
}
