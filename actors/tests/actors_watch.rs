//! The actors over a real log, under the virtual clock: silence, return, stalls, ticks, and what bridges tell.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test may fail, and must not hang"
)]

use std::time::Duration;

use actix::System;
use futures_util::StreamExt as _;
use patze_actors::control_plane::{Config, ControlPlane};
use patze_actors::log::{AppendError, Batch, Lane, Placed};
use patze_actors::machine::Heard;
use patze_actors::stream::Subscription;
use patze_core::event::{Event, Parts, Severity};
use patze_core::fleet::rows::Status;
use patze_core::ids::{EventId, MachineId};
use patze_core::time::{HOUR, Timestamp};
use patze_supervise::clock::{Clock, VirtualTime};
use patze_supervise::observe::{ActorState, State};
use serde_json::{Value, json};

const START: Timestamp = Timestamp::from_millis(1_795_000_000_000);
const SECOND: Duration = Duration::from_secs(1);
/// How long something real may take.
const PATIENCE: Duration = Duration::from_secs(20);
const MINUTE: Duration = Duration::from_secs(60);

/// A control plane in a folder of its own, and its stream.
struct World {
    plane: ControlPlane,
    time: VirtualTime,
    stream: Subscription,
    sent: u64,
    dir: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        Self::open(tempfile::tempdir().unwrap(), START)
    }

    fn open(dir: tempfile::TempDir, at: Timestamp) -> Self {
        let (clock, time) = Clock::virtual_at(at);
        let config = Config {
            dir: dir.path().to_owned(),
            version: "1.0.0".to_owned(),
            heartbeat_timeout: Duration::from_secs(120),
            retention: patze_core::retention::Retention::default(),
            clock,
        };
        let plane = ControlPlane::start(config).unwrap();
        // No id twice, also where the folder has seen a control plane before.
        let (stream, sent) = (plane.hub.subscribe(None).unwrap(), plane.log.head().position);
        Self { plane, time, stream, sent, dir }
    }

    /// How many events of the log have a type that begins like this.
    fn count(&self, types: &str) -> usize {
        let mut count = 0;
        let each = |event: &patze_core::event::Recorded<'_>| {
            count += usize::from(event.type_name.starts_with(types));
            std::ops::ControlFlow::Continue(())
        };
        self.plane.log.scan(0, each).unwrap();
        count
    }

    /// The next event of the stream that is of this type. The writer is a thread of its own, so that what does not come
    /// must be given up after some real time.
    async fn next(&mut self, type_name: &str) -> Value {
        loop {
            let frame = tokio::time::timeout(PATIENCE, self.stream.next()).await;
            let frame = frame.unwrap_or_else(|_| panic!("no {type_name} came")).expect("the stream goes on");
            let text = std::str::from_utf8(&frame).unwrap();
            let data = text.lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
            let event: Value = serde_json::from_str(data).unwrap();
            if event["type"] == type_name {
                return event;
            }
        }
    }

    fn event(&mut self, at: Timestamp, type_name: &str, payload: &Value) -> Event {
        self.sent += 1;
        Event::new(Parts {
            id: EventId::from(format!("e{}", self.sent)),
            machine: MachineId::new("m"),
            type_name,
            severity: Severity::Info,
            occurred_at: at,
            trace: r#"{"traceId":"t"}"#,
            payload: &payload.to_string(),
        })
    }

    async fn send(&mut self, at: Timestamp, type_name: &str, payload: &Value) {
        let event = self.event(at, type_name, payload);
        let appended =
            self.plane.log.append(Lane::Ingest, Batch::ingest(vec![event])).unwrap().await.unwrap();
        assert!(matches!(appended.placed[..], [Placed::Stored { .. }]), "{appended:?}");
        // What was told is handled before the clock moves.
        self.time.advance(Duration::ZERO).await;
    }

    async fn heartbeat(&mut self, at: Timestamp) {
        self.send(at, "machine.heartbeat", &online()).await;
    }

    async fn run(&mut self, to: &str) {
        let payload = json!({"runId": "r", "sessionId": "s", "agentId": "a", "from": "x", "to": to});
        self.send(self.plane.clock.now(), "run.state.changed", &payload).await;
    }

    /// The one actor of this kind.
    fn actor(&self, kind: &str) -> ActorState {
        self.plane.directory.states().into_iter().find(|state| state.kind == kind).unwrap()
    }

    fn status(&self) -> Status {
        self.plane.log.fleet().facts().machines.get(&"m".into()).unwrap().pulse.as_ref().unwrap().status
    }

    fn stalled(&self) -> Option<Timestamp> {
        self.plane.log.fleet().facts().sessions.get(&("m".into(), "s".into())).unwrap().stalled_since
    }

    async fn stop(self) -> tempfile::TempDir {
        self.plane.stop().await;
        self.dir
    }
}

fn online() -> Value {
    let resource = json!({"cpuPct": 7, "memoryBytes": 1, "memoryPct": 2});
    json!({"machineId": "m", "status": "online", "resource": resource})
}

fn in_system<F: std::future::Future>(test: F) -> F::Output {
    System::new().block_on(test)
}

#[test]
fn w_c9_a_machine_is_called_silent_exactly_at_its_timeout_and_keeps_its_gauges() {
    in_system(async {
        let mut world = World::new();
        world.heartbeat(START).await;
        world.time.advance(119 * SECOND).await;
        assert_eq!(world.status(), Status::Online);
        world.time.advance(SECOND).await;
        let offline = loop {
            let event = world.next("machine.heartbeat").await;
            if event["origin"] == "control" {
                break event;
            }
        };
        assert_eq!(offline["payload"]["status"], "offline");
        assert_eq!(offline["payload"]["resource"]["cpuPct"], 7.0);
        assert_eq!(offline["ts"], START.plus(1).to_string(), "its own last time and a millisecond");
        assert!(offline["id"].as_str().unwrap().starts_with("synth_offline_m_"), "{offline}");
        assert_eq!(world.status(), Status::Offline);
        world.stop().await;
    });
}

#[test]
fn a_machine_whose_clock_is_an_hour_behind_is_back_with_its_first_heartbeat() {
    in_system(async {
        let mut world = World::new();
        world.heartbeat(START.plus(-HOUR)).await;
        world.time.advance(120 * SECOND).await;
        while world.next("machine.heartbeat").await["origin"] != "control" {}
        assert_eq!(world.status(), Status::Offline);
        world.heartbeat(START.plus(-HOUR + 180_000)).await;
        assert_eq!(world.status(), Status::Online);
        world.time.advance(119 * SECOND).await;
        assert_eq!(world.status(), Status::Online, "and has a full timeout again");
        world.stop().await;
    });
}

#[test]
fn a_machine_whose_clock_was_set_back_is_not_called_silent_while_it_sends_heartbeats() {
    in_system(async {
        let mut world = World::new();
        world.heartbeat(START).await;
        // Its clock is an hour behind now, and so is ours: `recorded_at` stands still.
        world.time.jump_wall(-HOUR);
        for minute in 1..6 {
            world.time.advance(60 * SECOND).await;
            world.heartbeat(START.plus(-HOUR + minute * 60_000)).await;
            assert_eq!(world.status(), Status::Online, "minute {minute}");
        }
        assert_eq!(world.count("machine.heartbeat"), 6, "none of them is the control plane's");
        world.time.advance(120 * SECOND).await;
        while world.next("machine.heartbeat").await["origin"] != "control" {}
        world.heartbeat(START.plus(-HOUR + 500_000)).await;
        assert_eq!(world.status(), Status::Online, "an old heartbeat is a sign of life too");
        world.stop().await;
    });
}

#[test]
fn a_start_and_a_resume_from_sleep_give_one_full_timeout() {
    in_system(async {
        let mut world = World::new();
        world.heartbeat(START).await;
        let dir = world.stop().await;

        let later = START.plus(10 * HOUR);
        let mut world = World::open(dir, later);
        world.time.advance(119 * SECOND).await;
        assert_eq!(world.status(), Status::Online, "it was not heard of for ten hours, for we were off");
        // The laptop sleeps for an hour; its monotonic clock does not move.
        world.time.jump_wall(HOUR);
        world.time.advance(SECOND).await;
        assert_eq!(world.status(), Status::Online, "the old timeout does not count");
        world.time.advance(119 * SECOND).await;
        assert_eq!(world.status(), Status::Online);
        world.time.advance(SECOND).await;
        while world.next("machine.heartbeat").await["origin"] != "control" {}
        assert_eq!(world.status(), Status::Offline);
        world.stop().await;
    });
}

#[test]
fn a_session_with_a_silent_run_is_told_stalled_once_and_never_ended() {
    in_system(async {
        let mut world = World::new();
        world.run("running").await;
        world.time.advance(29 * MINUTE).await;
        world.run("streaming").await;
        world.time.advance(29 * MINUTE).await;
        let key = ("m".into(), "s".into());
        assert_eq!(world.plane.log.fleet().facts().sessions.get(&key).unwrap().stalled_since, None);
        world.time.advance(MINUTE).await;
        let stalled = world.next("control.session.stalled").await;
        assert_eq!(stalled["payload"]["silentSince"], START.plus(29 * 60_000).to_string());
        let stalls_before = world.plane.log.head().position;
        world.time.advance(10 * MINUTE).await;
        let mut others = 0;
        world
            .plane
            .log
            .scan(stalls_before, |event| {
                others += usize::from(event.type_name == "control.session.stalled");
                std::ops::ControlFlow::Continue(())
            })
            .unwrap();
        assert_eq!(others, 0, "once a silence");
        world.run("completed").await;
        let sessions: Vec<_> =
            world.plane.directory.states().into_iter().filter(|s| s.kind == "session").collect();
        assert!(sessions.is_empty(), "its actor is done: {sessions:?}");
        world.stop().await;
    });
}

#[test]
fn a_start_and_a_resume_from_sleep_give_a_session_its_full_half_hour() {
    in_system(async {
        let mut world = World::new();
        world.run("running").await;
        let dir = world.stop().await;

        let mut world = World::open(dir, START.plus(10 * HOUR));
        world.time.advance(29 * MINUTE).await;
        assert_eq!(world.stalled(), None, "nobody could hear it for ten hours, for we were off");
        // The laptop sleeps for an hour; its monotonic clock does not move.
        world.time.jump_wall(HOUR);
        world.time.advance(29 * MINUTE).await;
        assert_eq!(world.stalled(), None);
        world.time.advance(2 * MINUTE).await;
        let stalled = world.next("control.session.stalled").await;
        assert_eq!(stalled["payload"]["silentSince"], START.to_string());
        // A log line ends it, and the next silence is told as well.
        let line = json!({"logEntryId": "l", "runId": "r", "sessionId": "s", "level": "info", "message": "x", "ts": ""});
        world.send(world.plane.clock.now(), "run.log.emitted", &line).await;
        assert_eq!(world.stalled(), None);
        world.time.advance(30 * MINUTE).await;
        world.next("control.session.stalled").await;
        world.stop().await;
    });
}

#[test]
fn log_time_moves_on_when_nothing_happens() {
    in_system(async {
        let mut world = World::new();
        world.next("control.server.started").await;
        world.time.advance(60 * SECOND).await;
        let tick = world.next("control.tick").await;
        assert_eq!(tick["recordedAt"], START.plus(60_000).to_string());
        world.stop().await;
    });
}

#[test]
fn log_time_moves_on_once_a_clock_that_was_wrong_is_right_again() {
    in_system(async {
        let mut world = World::new();
        world.next("control.server.started").await;
        world.time.jump_wall(-10 * HOUR);
        world.time.advance(60 * SECOND).await;
        world.time.jump_wall(10 * HOUR);
        world.time.advance(60 * SECOND).await;
        let tick = world.next("control.tick").await;
        assert_eq!(tick["recordedAt"], START.plus(120_000).to_string());
        world.stop().await;
    });
}

#[test]
fn what_a_bridge_tells_becomes_a_fact_once() {
    in_system(async {
        let mut world = World::new();
        world.heartbeat(START).await;
        let heard = Heard { bridge_version: Some("0.9".into()), skew_seconds: Some(-90) };
        for _ in 0..3 {
            world.plane.heard(&"m".into(), heard.clone());
        }
        assert_eq!(world.next("control.bridge.changed").await["payload"]["version"], "0.9");
        assert_eq!(world.next("control.clock.skewed").await["payload"]["seconds"], -90);
        // A little more is no news; the right time is.
        world.plane.heard(&"m".into(), Heard { skew_seconds: Some(-95), ..heard.clone() });
        world.plane.heard(&"m".into(), Heard { skew_seconds: Some(-10), ..heard });
        assert_eq!(world.next("control.clock.ok").await["payload"]["seconds"], -10);
        assert_eq!(world.count("control."), 4, "server.started, and each fact once");
        world.stop().await;
    });
}

#[test]
fn ac_1_a_writer_that_panics_is_back_and_its_restart_is_in_the_log() {
    in_system(async {
        let mut world = World::new();
        world.heartbeat(START).await;
        world.time.fail_next_reading_on("eventLog");
        let beat = world.event(START.plus(1), "machine.heartbeat", &online());
        let append = |beat| world.plane.log.append(Lane::Ingest, Batch::ingest(vec![beat])).unwrap();
        assert_eq!(append(beat.clone()).await, Err(AppendError::Lost));
        // It was a thread of its own that ended; the rest is the virtual clock's.
        let away = async {
            while world.actor("eventLog").state != State::Backoff {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, away).await.expect("its end is noticed");
        world.time.advance(SECOND).await;
        let appended = append(beat).await.unwrap();
        assert!(matches!(appended.placed[..], [Placed::Stored { .. }]), "{appended:?}");
        let restarted = world.next("control.actor.restarted").await;
        assert_eq!(
            (&restarted["payload"]["kind"], &restarted["payload"]["restarts"]),
            (&json!("eventLog"), &json!(1))
        );
        assert!(restarted["payload"]["error"].as_str().unwrap().contains("panicked"), "{restarted}");
        assert_eq!(world.actor("eventLog").restarts, 1);
        world.stop().await;
    });
}

#[test]
fn ac_1_an_actor_that_panics_is_back_and_its_restart_is_in_the_log() {
    in_system(async {
        let mut world = World::new();
        world.heartbeat(START).await;
        world.time.fail_next_reading_on(std::thread::current().name().unwrap());
        let heard = Heard { bridge_version: Some("0.9".into()), skew_seconds: None };
        world.plane.heard(&"m".into(), heard.clone());
        world.time.advance(Duration::ZERO).await;
        assert_eq!(world.actor("machine").state, State::Backoff);
        world.time.advance(SECOND).await;
        let restarted = world.next("control.actor.restarted").await;
        assert_eq!(
            (&restarted["payload"]["kind"], &restarted["payload"]["key"]),
            (&json!("machine"), &json!("m"))
        );
        assert!(restarted["payload"]["error"].as_str().unwrap().contains("told to fail"), "{restarted}");
        // It does its work again: what its bridge tells, and its silence.
        world.plane.heard(&"m".into(), heard);
        assert_eq!(world.next("control.bridge.changed").await["payload"]["version"], "0.9");
        world.time.advance(120 * SECOND).await;
        while world.next("machine.heartbeat").await["origin"] != "control" {}
        assert_eq!(world.status(), Status::Offline);
        world.stop().await;
    });
}

#[test]
fn the_log_and_the_prover_are_shown_with_what_they_do() {
    in_system(async {
        let mut world = World::new();
        world.heartbeat(START).await;
        let shown = world.actor("eventLog");
        assert_eq!((shown.state, shown.key.as_str()), (State::Running, "eventLog"));
        assert_eq!(shown.detail, json!({"position": world.plane.log.head().position, "queueBytes": 0}));
        assert_eq!(world.actor("prover").detail, json!({"lastProof": null, "position": null}));
        assert_eq!(world.actor("history").detail["fault"], Value::Null);
        world.stop().await;
    });
}

#[test]
fn a_heartbeat_that_a_full_mailbox_could_not_be_told_of_is_seen_all_the_same() {
    in_system(async {
        let mut world = World::new();
        world.heartbeat(START).await;
        world.time.advance(120 * SECOND).await;
        while world.next("machine.heartbeat").await["origin"] != "control" {}
        // Nothing is handled until this thread gives way.
        for _ in 0..100 {
            world.plane.heard(&"m".into(), Heard { bridge_version: None, skew_seconds: None });
        }
        let beat = world.event(world.plane.clock.now(), "machine.heartbeat", &online());
        let log = world.plane.log.clone();
        let append = move || log.append(Lane::Ingest, Batch::ingest(vec![beat])).unwrap().wait().unwrap();
        std::thread::spawn(append).join().unwrap();
        assert_eq!(world.status(), Status::Online);
        world.time.advance(120 * SECOND).await;
        while world.next("machine.heartbeat").await["origin"] != "control" {}
        assert_eq!(world.status(), Status::Offline, "its new silence was watched for");
        world.stop().await;
    });
}

#[test]
fn a_forgotten_machines_actor_is_done() {
    in_system(async {
        let mut world = World::new();
        world.heartbeat(START).await;
        let machines = |world: &World| {
            world.plane.directory.states().into_iter().filter(|state| state.kind == "machine").count()
        };
        assert_eq!(machines(&world), 1);
        let forgotten = patze_core::event::control::Control::MachineForgotten { machine_id: "m".into() };
        world.plane.recorder.record(&forgotten, "t").unwrap().await.unwrap();
        world.next("control.machine.forgotten").await;
        world.time.advance(Duration::ZERO).await;
        assert_eq!(machines(&world), 0);
        world.stop().await;
    });
}
