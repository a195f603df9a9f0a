//! The control plane's actors, put together (design §9).
//!
//! ```text
//! ControlPlane ─┬─ eventLog   a Duty: the log's writer thread, its news to the stream and to the crew
//!               ├─ prover     a Duty: checkpoints, and the standing proof of FO-1
//!               ├─ history    a Duty: the projector of history.db
//!               ├─ retention  a Duty: what is old, or too much, leaves the log
//!               ├─ machine    one for each machine
//!               ├─ session    one for each live session
//!               └─ janitor    ticks, the disk under the log, and when retention is due
//! ```
//! All run on the arbiter that started them. Whoever fails is restarted, and the restart is a fact in the log (AC-1).

use std::path::PathBuf;
use std::time::Duration;

use patze_core::causes::with_causes;
use patze_core::event::control::Control;
use patze_core::ids::MachineId;
use patze_core::retention::Retention;
use patze_supervise::backoff::Backoff;
use patze_supervise::clock::Clock;
use patze_supervise::observe::Directory;
use patze_supervise::supervisor::{Plan, Restart, Seat, Supervisor, World};
use serde_json::json;

use crate::dispatch::{Crew, Dispatch};
use crate::duty::{Duty, Job};
use crate::history::History;
use crate::janitor::Janitor;
use crate::log::{Log, LogConfig, OpenError, Proven};
use crate::machine::{Heard, Machine, Watch};
use crate::recorder::Recorder;
use crate::session::Session;
use crate::stream::Hub;

/// How often a restart is appended that cannot be stored, a second apart.
const REPORT_TRIES: u32 = 60;
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
    /// What is kept unless the user has set something else (`PATZE_KEEP_HEARTBEATS`, `PATZE_KEEP_LOGS`, `PATZE_MAX_SIZE`).
    pub retention: Retention,
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
    /// The settings folder.
    pub dir: PathBuf,
    crew: Crew,
    duties: [Supervisor<&'static str, Duty>; 4],
    /// What is kept unless the user has set something else.
    retention: Retention,
    janitor: Supervisor<&'static str, Janitor>,
}

impl ControlPlane {
    /// Opens the log and starts all actors on the current arbiter. Blocks while the log is read.
    ///
    /// # Errors
    /// If the log cannot be opened.
    pub fn start(config: Config) -> Result<Self, StartError> {
        let Config { dir, version, heartbeat_timeout, retention, clock } = config;
        let log = Log::open(LogConfig::new(&dir, clock.clone()))?;
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
            let (proving, keeping) = (log.clone(), log.clone());
            [
                duty(&world, "eventLog", Duty::new, &patient, move |seat| write(&log, &hub, &crew, seat)),
                duty(&world, "prover", Duty::in_background, &patient, move |seat| prove(&proving, seat)),
                duty(&world, "history", Duty::in_background, &patient, move |seat| project(&history, seat)),
                duty(&world, "retention", Duty::in_background, &patient, move |seat| {
                    retain(&keeping, retention, seat)
                }),
            ]
        };
        let janitor = {
            let (log, recorder, clock) = (log.clone(), recorder.clone(), clock.clone());
            Supervisor::here(&world, Plan::new("janitor", patient), move |_, seat| {
                Janitor::new(log.clone(), recorder.clone(), clock.clone(), seat)
            })
        };
        let started = janitor.start("janitor");
        debug_assert!(started.is_ok(), "a new supervisor has room");
        crew.start_all(&log.fleet());
        // A fact that need not be waited for: the log keeps the order, and a full lane right after the start is a fault
        // that the writer reports.
        let _ = recorder.record(&Control::ServerStarted { version }, "server");
        Ok(Self { log, history, hub, recorder, directory, clock, dir, crew, duties, retention, janitor })
    }

    /// What is kept: what the user has set, else what the environment says.
    pub fn retention(&self) -> Retention {
        retention_of(&self.log, self.retention)
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
        // The writer, the prover, the projector and retention have ended with the log.
        let duties = async {
            for duty in &self.duties {
                duty.close().await;
            }
        };
        if self.clock.timeout(STOP_WITHIN, duties).await.is_err() {
            tracing::warn!("a duty's thread did not end in time");
        }
    }
}

/// Starts the one duty of a kind. Its key and its thread have the kind's name.
fn duty(
    world: &World,
    kind: &'static str,
    make: fn(&'static str, Job, Seat) -> Duty,
    backoff: &Backoff,
    job: impl Fn(&Seat) -> Job + 'static,
) -> Supervisor<&'static str, Duty> {
    let plan = Plan::new(kind, backoff.clone());
    let duty = Supervisor::here(world, plan, move |_: &&'static str, seat| {
        let job = job(&seat);
        make(kind, job, seat)
    });
    let started = duty.start(kind);
    debug_assert!(started.is_ok(), "a new supervisor has room");
    duty
}

/// The writer's job: until the log is closed.
fn write(log: &Log, hub: &Hub, crew: &Crew, seat: &Seat) -> Job {
    let shown = log.clone();
    seat.publish_live(move || {
        let queue_bytes = shown.metrics().queue_bytes.load(std::sync::atomic::Ordering::Relaxed);
        json!({ "position": shown.head().position, "queueBytes": queue_bytes })
    });
    let (log, dispatch) = (log.clone(), Dispatch::new(hub.clone(), crew.clone()));
    Box::new(move || {
        let mut writer = log.writer(Box::new(dispatch)).map_err(|error| error.to_string())?;
        writer.run().map_err(|error| error.to_string())
    })
}

/// The prover's job: compare, and store the checkpoint, at each proof that is due, until the log is closed.
fn prove(log: &Log, seat: &Seat) -> Job {
    let (log, seat) = (log.clone(), seat.clone());
    seat.publish(&json!({ "lastProof": null, "position": null }));
    Box::new(move || {
        while let Some(proof) = log.next_proof() {
            let proven = log.prove(&proof).map_err(|error| error.to_string())?;
            let (word, position) = match proven {
                Proven::Stored(position) => ("stored", position),
                Proven::Stands(position) => ("stands", position),
                Proven::Differs(position) => ("differs", position),
                Proven::Overtaken(position) => ("overtaken", position),
            };
            seat.publish(&json!({ "lastProof": word, "position": position }));
            match proven {
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

/// Retention's job: a run whenever one is due, until the log is closed. A run that fails is told in its report and made
/// again when the next is due: what it met is still there.
fn retain(log: &Log, otherwise: Retention, seat: &Seat) -> Job {
    let (log, seat) = (log.clone(), seat.clone());
    seat.publish(&json!({ "lastRun": null }));
    Box::new(move || {
        while log.next_retention() {
            match log.retain(&retention_of(&log, otherwise), &mut || log.rest()) {
                Ok(run) => seat.publish(&json!({ "lastRun": run })),
                Err(error) => {
                    let error = with_causes(&error);
                    tracing::error!(error, "what is due could not be deleted");
                    seat.publish(&json!({ "lastRun": { "error": error } }));
                }
            }
        }
        Ok(())
    })
}

fn retention_of(log: &Log, otherwise: Retention) -> Retention {
    log.fleet().facts().server.retention.unwrap_or(otherwise)
}

/// The projector's job: until the log is closed.
fn project(history: &History, seat: &Seat) -> Job {
    let shown = history.clone();
    seat.publish_live(move || {
        let status = shown.status();
        json!({ "behind": status.progress.behind, "fault": status.fault })
    });
    let history = history.clone();
    Box::new(move || {
        history.projector().run().map_err(|error| {
            let text = with_causes(&error);
            history.failed(text.clone());
            text
        })
    })
}

/// Makes a restart a fact of the log (AC-1), if need be once the log takes facts again: restarts are often, and what is in
/// the way of an actor may be in the way of its report.
fn report(recorder: &Recorder, restart: &Restart) {
    let fact = Control::ActorRestarted {
        kind: restart.kind.to_owned(),
        key: restart.key.clone(),
        restarts: u32::try_from(restart.restarts).unwrap_or(u32::MAX),
        error: restart.error.clone(),
    };
    let event = recorder.event(&fact, &restart.key);
    let (recorder, restart) = (recorder.clone(), restart.clone());
    actix::spawn(async move {
        for _ in 0..REPORT_TRIES {
            if recorder.settle(recorder.append(event.clone())).await {
                return;
            }
        }
        tracing::error!(?restart, "a restart could not be recorded");
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::{Batch, Lane};
    use patze_core::time::Timestamp;

    #[test]
    fn a_restart_that_a_full_lane_refused_is_recorded_when_there_is_room() {
        let dir = tempfile::tempdir().unwrap();
        actix::System::new().block_on(async {
            let (clock, time) = Clock::virtual_at(Timestamp::from_millis(1_795_000_000_000));
            let log = Log::open(LogConfig::new(dir.path(), clock.clone())).unwrap();
            let recorder = Recorder::new(log.clone(), clock);
            while recorder.record(&Control::Tick {}, "t").is_ok() {}
            let (key, error) = ("m".to_owned(), "it failed".to_owned());
            report(&recorder, &Restart { kind: "machine", key, restarts: 1, error, delay: Duration::ZERO });
            time.advance(Duration::ZERO).await;

            let mut writer = log.writer(Box::new(())).unwrap();
            let writer = std::thread::spawn(move || writer.run());
            // Control events go first: whatever waited is stored when this is.
            let written = async || log.append(Lane::Ingest, Batch::ingest([])).unwrap().await.unwrap();
            written().await;
            let restarts = || {
                let mut restarts = 0;
                log.scan(0, |event| {
                    restarts += usize::from(event.type_name == "control.actor.restarted");
                    std::ops::ControlFlow::Continue(())
                })
                .unwrap();
                restarts
            };
            assert_eq!(restarts(), 0, "it was refused");
            time.advance(Duration::from_secs(1)).await;
            written().await;
            assert_eq!(restarts(), 1);
            tokio::task::spawn_blocking(move || log.close()).await.unwrap().unwrap();
            writer.join().unwrap().unwrap();
        });
    }
}
