//! Homes that do not answer, or are locked, with a virtual clock, real files and a real spool.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail like tests")]

mod support;

use std::fs::OpenOptions;
use std::future::Future;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use patze_bridge::config::{Config, Settings, Vars};
use patze_bridge::source::{self, Sources, homes};
use patze_bridge::spool::{self, Limits, SpoolHandle, Status, read_status};
use patze_core::ids::MachineId;
use patze_supervise::backoff::Backoff;
use patze_supervise::clock::{Clock, VirtualTime};
use patze_supervise::supervisor::World;
use rusqlite::Connection;
use serde_json::Value;
use support::{FAILURES, TOOLS, Unpacked};

const SECOND: Duration = Duration::from_secs(1);
/// How long, in real time, a test waits for what must come.
const DEADLINE: Duration = Duration::from_secs(60);

struct Stage {
    world: World,
    time: VirtualTime,
    state: tempfile::TempDir,
    settings: Settings,
    sources: Sources,
    spool: SpoolHandle,
}

fn backoff() -> Backoff {
    Backoff::try_with_seed(SECOND, 60 * SECOND, 0.0, 1).unwrap()
}

/// A spool and the door to the sources, for a user with the home folder `user`.
fn stage(user: &Path) -> Stage {
    let (clock, time) = Clock::virtual_at(support::LATER.wall);
    let state = tempfile::tempdir().unwrap();
    let environment = [("HOME".to_owned(), user.to_str().unwrap().to_owned())];
    let config = Config::of(&Vars::read(environment, Path::new("/nonexistent")).unwrap()).unwrap();
    let again = config.clone();
    let settings = Settings::new(config, move || Ok(again.clone()));
    let world = World::new(clock);
    let machine = MachineId::new("m1");
    let limits = Limits { cap: 64 << 20 };
    let kept = spool::Settings { dir: state.path().to_owned(), limits, machine: machine.clone(), mapper: 1 };
    let spool = SpoolHandle::start(&world, backoff(), kept);
    let ports = source::Ports { settings: settings.clone(), machine, spool: spool.clone() };
    let sources = source::supervise(&world, backoff(), ports);
    Stage { world, time, state, settings, sources, spool }
}

impl Stage {
    /// What the home's source shows of itself.
    fn shown(&self, home: &Path) -> Value {
        self.sources.state(&home.to_str().unwrap().to_owned()).map_or(Value::Null, |state| state.detail)
    }

    fn condition(&self, home: &Path) -> (String, String) {
        let shown = self.shown(home);
        let field = |name: &str| shown["condition"][name].as_str().unwrap_or_default().to_owned();
        (field("is"), field("why"))
    }

    /// Waits until so many looks at the home have come to an end.
    async fn looks(&self, home: &Path, count: u64) {
        self.until("a look", || self.shown(home)["looks"] == count).await;
    }

    fn status(&self) -> Status {
        read_status(self.state.path()).unwrap().unwrap()
    }

    /// Waits, in real time and by the turns of the actors' thread alone, until `condition` holds.
    async fn until(&self, what: &str, mut condition: impl FnMut() -> bool) {
        let holds = async {
            while !condition() {
                tokio::task::yield_now().await;
            }
        };
        assert!(Clock::system().timeout(DEADLINE, holds).await.is_ok(), "{what} did not come");
    }

    /// Moves time by a second at a time, until `condition` holds, `most` at most; how far.
    async fn pass_until(&self, most: u32, mut condition: impl FnMut() -> bool) -> u32 {
        for second in 0..most {
            if condition() {
                return second;
            }
            self.time.advance(SECOND).await;
        }
        most
    }
}

fn run<F: Future<Output = ()>>(test: F) {
    actix_rt::System::new().block_on(test);
}

/// A home whose state database hangs whoever opens it, as one on a dead network mount: a pipe that nobody writes to.
struct Hung {
    pipe: PathBuf,
    aside: PathBuf,
}

impl Hung {
    fn new(home: &Path) -> Self {
        let pipe = home.join("state/openclaw.sqlite");
        let aside = pipe.with_extension("aside");
        std::fs::rename(&pipe, &aside).unwrap();
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        Self { pipe, aside }
    }
}

impl Drop for Hung {
    /// The mount is back: the calls that hang return, and the next find what was there.
    fn drop(&mut self) {
        let flags = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
        let writer = OpenOptions::new().write(true).custom_flags(flags).open(&self.pipe);
        std::fs::rename(&self.aside, &self.pipe).unwrap();
        drop(writer);
    }
}

#[test]
fn a_home_that_does_not_answer_is_said_so_and_the_others_are_read() {
    run(async {
        let home = Unpacked::new(TOOLS);
        let user = home.path().parent().unwrap().canonicalize().unwrap();
        let (dead, other) = (user.join(".openclaw"), user.join(".openclaw-work"));
        let copy = Unpacked::new(TOOLS);
        std::fs::rename(copy.path(), &other).unwrap();
        let hung = Hung::new(&dead);
        let stage = stage(&user);
        let homes = homes::start(&stage.world, backoff(), stage.settings.clone(), stage.sources.clone());

        stage.until("the other home", || stage.condition(&other).0 == "read").await;
        stage.until("a source for the dead one", || stage.sources.keys().len() == 2).await;
        assert!(stage.status().waiting > 0);
        // It is waited for, then said not to answer, once; nothing is asked of it meanwhile.
        stage.time.wait_for_sleepers(3).await;
        let waited = stage.pass_until(90, || stage.condition(&dead).0 == "unreadable").await;
        assert!((29..=31).contains(&waited), "{waited} s");
        assert!(stage.condition(&dead).1.contains("has not answered for 30 s"), "{:?}", stage.shown(&dead));
        let before = stage.status().waiting;
        for _ in 0..90 {
            stage.time.advance(SECOND).await;
        }
        assert_eq!((stage.condition(&dead).0.as_str(), stage.status().waiting), ("unreadable", before));

        drop(hung);
        stage
            .until("the end of the call", || stage.condition(&dead).1.find("has not answered").is_none())
            .await;
        stage.time.advance(2 * SECOND).await;
        stage.until("the home that was dead", || stage.condition(&dead).0 == "read").await;
        assert!(stage.status().waiting > before);
        homes.close().await;
        stage.sources.close().await;
        stage.spool.close().await;
    });
}

#[test]
fn a_home_that_is_locked_for_long_is_said_to_be_unreadable_until_it_is_not() {
    run(async {
        let home = Unpacked::new(TOOLS);
        let path = home.path().canonicalize().unwrap();
        let locker = Connection::open(home.state_db()).unwrap();
        locker.execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE;").unwrap();
        let stage = stage(path.parent().unwrap());
        stage.sources.start(path.to_str().unwrap().to_owned()).unwrap();
        // Looks take real time, in which the clock stands still; the delays between them add up to half a minute.
        for (look, delay) in [1, 2, 4, 8, 15].into_iter().enumerate() {
            stage.looks(&path, look as u64 + 1).await;
            assert_eq!(stage.condition(&path).0, "", "after look {look}");
            stage.time.advance(delay * SECOND).await;
        }
        stage.looks(&path, 6).await;
        let (is, why) = stage.condition(&path);
        assert!(is == "unreadable" && why.contains("openclaw.sqlite is locked by another program"), "{why}");

        drop(locker);
        stage.time.advance(32 * SECOND).await;
        stage.until("the home", || stage.condition(&path).0 == "read").await;
        assert!(stage.status().waiting > 0);
        stage.sources.close().await;
        stage.spool.close().await;
    });
}

/// Reads a home of more than 10,000 rows with the clock standing still; how often the spool was given a cursor, and the
/// last one.
async fn cursors_given(stage: &Stage, home: &Unpacked) -> (i64, Option<String>) {
    let path = home.path().canonicalize().unwrap();
    stage.spool.begin("anybody".to_owned()).await.unwrap();
    let db = Connection::open(spool::path(stage.state.path())).unwrap();
    db.execute_batch(
        "CREATE TABLE given (n);
         CREATE TRIGGER made AFTER INSERT ON cursor BEGIN INSERT INTO given VALUES (1); END;
         CREATE TRIGGER moved AFTER UPDATE ON cursor BEGIN INSERT INTO given VALUES (1); END;",
    )
    .unwrap();
    let key = path.to_str().unwrap().to_owned();
    stage.sources.start(key.clone()).unwrap();
    let rows = |shown: &Value| shown["looks"].as_u64().unwrap_or(0);
    // It sleeps twice when it rests: until the slow poll, and until the cursor is due.
    let looks = 10_000 / 100 + 1;
    stage.until("all pages", || rows(&stage.shown(&path)) >= looks && stage.time.sleepers() == 2).await;
    let given = db.query_row("SELECT count(*) FROM given", [], |row| row.get(0)).unwrap();
    (given, stage.spool.begin(key).await.unwrap().cursor)
}

/// What a reader of its own finds from `cursor` on, page by page.
fn left(home: &Unpacked, cursor: &str) -> Vec<String> {
    let read = || {
        let mut cursor = serde_json::from_str(cursor).unwrap();
        support::read_on(&mut home.open(), &mut cursor, source::PAGE).unwrap()
    };
    std::thread::scope(|scope| scope.spawn(read).join().unwrap()).iter().map(support::text).collect()
}

/// 10,000 more rows in one window.
fn grow(home: &Unpacked) {
    let db = Connection::open(home.agent_db("main")).unwrap();
    db.execute_batch("PRAGMA foreign_keys = OFF; PRAGMA synchronous = OFF;").unwrap();
    let (session, last): (String, i64) = db
        .query_row("SELECT session_id, max(seq) FROM transcript_events GROUP BY 1 LIMIT 1", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .unwrap();
    db.execute(
        "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 10000)
         INSERT INTO transcript_events (session_id, seq, created_at, event_json)
         SELECT ?1, ?2 + n, 1790000000000 + n, json_object('type', 'message', 'id', 'm' || n,
           'message', json_object('role', 'user', 'content', 'hello')) FROM n",
        (session, last),
    )
    .unwrap();
}

#[test]
fn the_cursor_is_given_at_most_once_a_second_and_at_the_end() {
    run(async {
        let home = Unpacked::new(TOOLS);
        grow(&home);
        let path = home.path().canonicalize().unwrap();
        let key = path.to_str().unwrap().to_owned();
        let stage = stage(path.parent().unwrap());
        let (given, early) = cursors_given(&stage, &home).await;
        assert_eq!(given, 1, "cursors for 10,000 rows in no time");
        let waiting = stage.status().waiting;
        assert!(waiting > 10_000, "{waiting}");
        assert_ne!(stage.condition(&path).0, "read", "the spool does not know yet how far that was");

        stage.time.advance(SECOND).await;
        stage.until("the end", || stage.condition(&path).0 == "read").await;
        assert_eq!(stage.status().waiting, waiting, "a cursor without events");
        let last = stage.spool.begin(key).await.unwrap().cursor;
        assert_ne!(last, early);

        // Once more from where the spool was before: the same events, and nothing else.
        let events = |stage: &Stage| -> Vec<String> {
            let db = Connection::open(spool::path(stage.state.path())).unwrap();
            let mut bodies = db.prepare("SELECT body FROM event ORDER BY seq").unwrap();
            bodies.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
        };
        let all = events(&stage);
        let texts = left(&home, &early.unwrap());
        assert!(texts.len() > 9_000, "{}", texts.len());
        assert_eq!(all[all.len() - texts.len()..], texts);
        stage.sources.close().await;
        stage.spool.close().await;
    });
}

#[test]
fn one_that_stops_gives_its_last_cursor() {
    run(async {
        let home = Unpacked::new(TOOLS);
        grow(&home);
        let path = home.path().canonicalize().unwrap();
        let key = path.to_str().unwrap().to_owned();
        let stage = stage(path.parent().unwrap());
        let (_, early) = cursors_given(&stage, &home).await;
        stage.sources.close().await;
        let last = stage.spool.begin(key).await.unwrap().cursor;
        assert_ne!(last, early);
        assert_eq!(left(&home, &last.unwrap()), [""; 0]);
        stage.spool.close().await;
    });
}

#[test]
fn a_damaged_store_is_named_and_the_rest_of_the_home_is_read() {
    run(async {
        let home = Unpacked::new(FAILURES);
        let path = home.path().canonicalize().unwrap();
        let db = home.agent_db("work");
        let aside = db.with_extension("aside");
        std::fs::rename(&db, &aside).unwrap();
        std::fs::write(&db, vec![0x5a; 65_536]).unwrap();
        let stage = stage(path.parent().unwrap());
        stage.sources.start(path.to_str().unwrap().to_owned()).unwrap();
        // Looks take real time, in which the clock stands still; the delays between them add up to 63 s.
        for (look, delay) in [1, 2, 4, 8, 16, 32].into_iter().enumerate() {
            stage.looks(&path, look as u64 + 1).await;
            let (is, why) = stage.condition(&path);
            assert!(is == "unreadable" && why.contains("agents/work/agent/openclaw-agent.sqlite"), "{why}");
            stage.time.advance(delay * SECOND).await;
        }
        stage.until("the rest of the home", || stage.shown(&path)["events"].as_u64() > Some(0)).await;
        stage.until("its end", || stage.time.sleepers() == 2).await;
        stage.time.advance(SECOND).await;
        stage.until("its cursor", || stage.condition(&path).0 == "read").await;
        let shown = stage.shown(&path);
        assert!(shown["passedOver"][0].as_str().unwrap().contains("agents/work/"), "{shown}");

        std::fs::rename(&aside, &db).unwrap();
        let before = stage.status().waiting;
        stage.time.advance(60 * SECOND).await;
        stage.until("the store", || stage.shown(&path)["passedOver"] == serde_json::json!([])).await;
        assert!(stage.status().waiting > before);
        stage.sources.close().await;
        stage.spool.close().await;
    });
}
