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
use patze_actors::log::{Batch, Lane, Placed};
use patze_actors::machine::Heard;
use patze_actors::stream::Subscription;
use patze_core::event::{Event, Parts, Severity};
use patze_core::fleet::rows::Status;
use patze_core::ids::{EventId, MachineId};
use patze_core::time::{HOUR, Timestamp};
use patze_supervise::clock::{Clock, VirtualTime};
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

    async fn send(&mut self, at: Timestamp, type_name: &str, payload: &Value) {
        self.sent += 1;
        let event = Event::new(Parts {
            id: EventId::from(format!("e{}", self.sent)),
            machine: MachineId::new("m"),
            type_name,
            severity: Severity::Info,
            occurred_at: at,
            trace: r#"{"traceId":"t"}"#,
            payload: &payload.to_string(),
        });
        let appended =
            self.plane.log.append(Lane::Ingest, Batch::ingest(vec![event])).unwrap().await.unwrap();
        assert!(matches!(appended.placed[..], [Placed::Stored { .. }]), "{appended:?}");
        // What was told is handled before the clock moves.
        self.time.advance(Duration::ZERO).await;
    }

    async fn heartbeat(&mut self, at: Timestamp) {
        let resource = json!({"cpuPct": 7, "memoryBytes": 1, "memoryPct": 2});
        self.send(
            at,
            "machine.heartbeat",
            &json!({"machineId": "m", "status": "online", "resource": resource}),
        )
        .await;
    }

    async fn run(&mut self, to: &str) {
        let payload = json!({"runId": "r", "sessionId": "s", "agentId": "a", "from": "x", "to": to});
        self.send(self.plane.clock.now(), "run.state.changed", &payload).await;
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
