//! The actors with a virtual clock, a real spool and a real connection: what takes minutes takes no time.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail like tests")]

#[path = "bridge_support/mod.rs"]
mod support;

use std::future::Future;
use std::path::Path;
use std::time::Duration;

use patze_bridge::config::{Config, Settings, Vars};
use patze_bridge::push::actor::{Away, Link, Ports, Push, start};
use patze_bridge::spool::{Appended, Limits, SpoolHandle, Status, read_status};
use patze_bridge::{heartbeat, spool};
use patze_core::ids::MachineId;
use patze_core::time::Timestamp;
use patze_supervise::backoff::Backoff;
use patze_supervise::clock::{Clock, VirtualTime};
use patze_supervise::supervisor::{Supervisor, World};
use support::{ControlPlane, DEADLINE, Reply, event, say, with_prefix};
use tokio::sync::watch;

const SECOND: Duration = Duration::from_secs(1);

struct Stage {
    world: World,
    time: VirtualTime,
    dir: tempfile::TempDir,
    spool: SpoolHandle,
    settings: Settings,
    link: watch::Sender<Link>,
}

fn machine() -> MachineId {
    MachineId::new("m1")
}

fn backoff() -> Backoff {
    Backoff::try_with_seed(SECOND, 60 * SECOND, 0.0, 1).unwrap()
}

/// A spool and settings for a control plane at `url`, at noon.
fn stage(url: &str) -> Stage {
    let (clock, time) = Clock::virtual_at(Timestamp::parse("2026-11-25T12:00:00Z").unwrap());
    let dir = tempfile::tempdir().unwrap();
    let environment = [("CONTROL_PLANE_BASE_URL", url), ("HEARTBEAT_INTERVAL_MS", "5000")];
    let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let config = Config::of(&Vars::read(environment, Path::new("/nonexistent")).unwrap()).unwrap();
    let world = World::new(clock);
    let settings = spool::Settings {
        dir: dir.path().to_owned(),
        limits: Limits { cap: 64 << 20 },
        machine: machine(),
        mapper: 1,
    };
    let spool = SpoolHandle::start(&world, backoff(), settings);
    let again = config.clone();
    let settings = Settings::new(config, move || Ok(again.clone()));
    Stage { world, time, dir, spool, settings, link: watch::Sender::new(Link::default()) }
}

impl Stage {
    fn push(&self) -> Supervisor<&'static str, Push> {
        let ports = Ports {
            settings: self.settings.clone(),
            machine: machine(),
            spool: self.spool.clone(),
            link: self.link.clone(),
        };
        start(&self.world, backoff(), ports).unwrap()
    }

    async fn append(&self, ids: &[&str]) {
        let epoch = self.spool.begin("h".to_owned()).await.unwrap().epoch;
        let events = ids.iter().map(|id| event(id, 0)).collect();
        assert_eq!(
            self.spool.append("h".to_owned(), epoch, Some("c".to_owned()), events).await.unwrap(),
            Appended::Kept
        );
    }

    /// Waits, in real time, until delivery stands so.
    async fn until(&self, what: &str, condition: impl FnMut(&Link) -> bool) {
        let mut link = self.link.subscribe();
        let stands = Clock::system().timeout(DEADLINE, link.wait_for(condition)).await.is_ok();
        assert!(stands, "{what}: {:?}", self.link.borrow());
    }

    fn status(&self) -> Status {
        read_status(self.dir.path()).unwrap().unwrap()
    }
}

fn run<F: Future<Output = ()>>(test: F) {
    actix_rt::System::new().block_on(test);
}

#[test]
fn a_control_plane_that_hangs_is_given_up_after_ten_seconds() {
    run(async {
        let plane = ControlPlane::start();
        plane.answer(|_| Reply::Hang);
        let stage = stage(&plane.url);
        stage.append(&["a", "b"]).await;
        let push = stage.push();
        plane.requests(1).await;
        stage.time.advance(10 * SECOND - Duration::from_millis(1)).await;
        assert_eq!(stage.link.borrow().away, None);
        stage.time.advance(Duration::from_millis(1)).await;
        stage
            .until("away", |link| link.away.as_ref().is_some_and(|away| away.why.contains("took too long")))
            .await;
        plane.answer(|_| Reply::Take);
        stage.time.advance(SECOND).await;
        stage.until("idle", |link| link.idle && link.delivered == 2).await;
        // The hung batch was too much at once: half of it is tried.
        assert_eq!(plane.asked()[1].ids(), ["a"]);
        assert_eq!(with_prefix(&plane.asked()[1..], ""), ["a", "b"]);
        push.close().await;
    });
}

#[test]
fn a_failing_control_plane_is_asked_ever_more_rarely_and_at_most_every_half_minute() {
    run(async {
        let plane = ControlPlane::start();
        plane.answer(|_| say(503, ""));
        let stage = stage(&plane.url);
        stage.append(&["a"]).await;
        let push = stage.push();
        let mut waits = Vec::new();
        for turn in 1..12 {
            // Requests take real time, in which the clock stands still; it moves only between an answer and the next
            // turn.
            stage.until("the answer", |link| link.ended == turn).await;
            let began = stage.world.clock.elapsed();
            while stage.link.borrow().begun == turn {
                assert!(stage.world.clock.elapsed() < began + 60 * SECOND, "no turn {}", turn + 1);
                stage.time.advance(Duration::from_millis(100)).await;
            }
            waits.push(stage.world.clock.elapsed() - began);
        }
        stage.until("the last answer", |link| link.ended == 12).await;
        assert_eq!(plane.asked().len(), 12, "each turn was a request");
        assert!(waits[0] >= Duration::from_millis(500) && waits[0] < 2 * SECOND, "{waits:?}");
        assert!(waits[10] > 15 * SECOND && waits[10] < 31 * SECOND, "{waits:?}");
        push.close().await;
    });
}

#[test]
fn a_silent_hour_costs_one_heartbeat_a_minute() {
    run(async {
        let stage = stage("http://127.0.0.1:1");
        let away = Away { since: Duration::ZERO, why: "down".to_owned() };
        stage.link.send_modify(|link| link.away = Some(away));
        let ports = heartbeat::Ports {
            settings: stage.settings.clone(),
            machine: machine(),
            spool: stage.spool.clone(),
            link: stage.link.subscribe(),
        };
        let beats = heartbeat::start(&stage.world, backoff(), ports);
        beat_for(&stage, 3_600).await;
        let status = stage.status();
        // Every five seconds in the first minute, then one a minute.
        assert!((59 + 11..=59 + 14).contains(&status.heartbeats), "{status:?}");
        assert_eq!(status.waiting - status.heartbeats, 1, "one registration");

        stage.link.send_modify(|link| link.away = None);
        let before = stage.status().heartbeats;
        beat_for(&stage, 60).await;
        assert!((11..=13).contains(&(stage.status().heartbeats - before)));

        // A control plane that does not know the machine is told anew, once.
        stage.link.send_modify(|link| link.introductions += 1);
        beat_for(&stage, 600).await;
        let status = stage.status();
        assert_eq!(status.waiting - status.heartbeats, 2);
        beats.close().await;
    });
}

/// Moves time second by second; the disk is real, so each step waits until what it woke is on it.
async fn beat_for(stage: &Stage, seconds: u64) {
    for _ in 0..seconds {
        stage.time.advance(SECOND).await;
        // Questions to the spool are answered in order: behind this one is every beat before it.
        stage.spool.begin("probe".to_owned()).await.unwrap();
    }
}

#[test]
fn one_that_tells_of_no_log_is_told_who_this_is_after_an_absence() {
    run(async {
        let plane = ControlPlane::start();
        let stage = stage(&plane.url);
        let push = stage.push();
        stage.append(&["a"]).await;
        stage.until("delivered", |link| link.delivered == 1).await;
        assert_eq!(stage.link.borrow().introductions, 0);
        plane.answer(|_| say(500, ""));
        stage.append(&["b"]).await;
        stage.until("away", |link| link.away.is_some()).await;
        plane.answer(|_| Reply::Take);
        stage.time.advance(SECOND).await;
        stage.until("delivered", |link| link.delivered == 2).await;
        assert_eq!(stage.link.borrow().introductions, 1);
        push.close().await;
    });
}

#[test]
fn a_damaged_spool_is_put_aside_and_the_bridge_goes_on() {
    run(async {
        let stage = stage("http://127.0.0.1:1");
        stage.append(&["a"]).await;
        stage.spool.close().await;
        let path = spool::path(stage.dir.path());
        std::fs::write(&path, "no database any more ".repeat(500)).unwrap();
        let settings = spool::Settings {
            dir: stage.dir.path().to_owned(),
            limits: Limits { cap: 64 << 20 },
            machine: machine(),
            mapper: 1,
        };
        let again = SpoolHandle::start(&stage.world, backoff(), settings);
        assert_eq!(again.begin("h".to_owned()).await.unwrap().cursor, None);
        assert!(stage.dir.path().join("spool.db.damaged").exists());
    });
}
