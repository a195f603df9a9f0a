//! The real program reads recorded homes: each event arrives, the same ones however often it is killed or begins anew.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail like tests")]

#[path = "bridge_support/mod.rs"]
mod bridge;
mod support;

use std::collections::BTreeMap;
use std::path::Path;

use bridge::{Asked, ControlPlane, Place, Reply, say};
use patze_bridge::openclaw::{OpenclawHome, discover};
use patze_core::event::Event;
use patze_core::ids::MachineId;
use serde_json::Value;
use support::{CHANNELS, TOOLS, Unpacked, read_all};

/// A bridge of machine `m1` that finds `home`, with a state folder of its own.
fn place(home: &Unpacked, url: &str) -> Place {
    let place = Place::new(url);
    let state = place.state();
    let user = home.path();
    place
        .set("HOME", user.parent().unwrap().to_str().unwrap())
        .set("BRIDGE_STATE_DIR", state.to_str().unwrap())
}

/// What a reader of its own finds in `home`, by id.
fn expected(home: &Unpacked) -> BTreeMap<String, Value> {
    let info = discover::look(&home.path(), home.path().parent().unwrap());
    let events = read_all(&mut OpenclawHome::open(&info, MachineId::new("m1"), false).unwrap());
    assert!(!events.is_empty());
    events.iter().map(|event| (event.id.as_str().to_owned(), value(event))).collect()
}

fn value(event: &Event) -> Value {
    let mut text = String::new();
    event.push_json(&mut text);
    serde_json::from_str(&text).unwrap()
}

/// What came of homes, by id; what comes twice must be the same both times.
fn arrived(asked: &[Asked]) -> BTreeMap<String, Value> {
    let mut all = BTreeMap::new();
    for event in asked.iter().flat_map(|asked| &asked.events) {
        if !event["type"].as_str().unwrap().starts_with("machine.") {
            let former = all.insert(event["id"].as_str().unwrap().to_owned(), event.clone());
            assert!(former.is_none_or(|former| former == *event), "one id, two events: {event}");
        }
    }
    all
}

fn home_events(asked: &[Asked]) -> usize {
    asked.iter().flat_map(Asked::types).filter(|name| !name.starts_with("machine.")).count()
}

#[test]
fn a_home_is_read_once_and_completely() {
    let plane = ControlPlane::start();
    let home = Unpacked::new(CHANNELS);
    let expected = expected(&home);
    let place = place(&home, &plane.url);
    let bridge = place.start();
    plane.wait_until("the whole home", |asked| arrived(asked).len() == expected.len());
    bridge.wait_for("the home is read");
    bridge.signal("TERM");
    assert!(bridge.wait().0.success());
    let asked = plane.asked();
    assert_eq!(arrived(&asked), expected);
    assert_eq!(home_events(&asked), expected.len(), "each once");

    let before = asked.len();
    let again = place.start();
    again.wait_for("the home is read");
    plane.wait_until("a beat", |asked| {
        asked[before..].iter().any(|a| a.types().contains(&"machine.heartbeat".into()))
    });
    assert_eq!(home_events(&plane.asked()), expected.len(), "a restart reads nothing twice");
}

#[test]
fn killed_while_it_reads_it_loses_nothing() {
    let plane = ControlPlane::start();
    let mut requests = 0;
    plane.answer(move |_| {
        requests += 1;
        if requests % 2 == 0 { say(500, "") } else { Reply::Take }
    });
    let home = Unpacked::new(CHANNELS);
    let expected = expected(&home);
    let place = place(&home, &plane.url);
    for round in 0..8 {
        let bridge = place.start();
        match round % 4 {
            0 => bridge.wait_for("the spool is open"),
            1 => bridge.wait_for("found an OpenClaw home"),
            2 => bridge.wait_for("the home is read"),
            _ => {
                let before = plane.asked().len();
                plane.wait_until("a request", |asked| asked.len() > before);
            }
        }
        bridge.signal("KILL");
        bridge.wait();
    }
    plane.answer(|_| Reply::Take);
    let _last = place.start();
    plane.wait_until("the whole home", |asked| arrived(asked).len() == expected.len());
    assert_eq!(arrived(&plane.asked()), expected);
}

#[test]
fn a_fresh_spool_and_another_log_give_the_same_events() {
    let plane = ControlPlane::start();
    let home = Unpacked::new(TOOLS);
    let expected = expected(&home);
    let (one, other) = (place(&home, &plane.url), place(&home, &plane.url));
    let take_as = |log: &'static str| {
        move |asked: &Asked| {
            let body = format!(r#"{{"acceptedCount":{},"rejectedCount":0}}"#, asked.events.len());
            Reply::Say { status: 200, headers: vec![("x-patze-log-id", log.to_owned())], body }
        }
    };
    plane.answer(take_as("first"));
    let bridge = one.start();
    plane.wait_until("the home", |asked| home_events(asked) == expected.len());
    // Restored from a backup while the bridge runs.
    plane.answer(take_as("second"));
    plane.wait_until("the home again", |asked| home_events(asked) == 2 * expected.len());
    bridge.signal("TERM");
    assert!(bridge.wait().0.success());
    let bridge = other.start();
    plane.wait_until("the home once more", |asked| home_events(asked) == 3 * expected.len());
    drop(bridge);
    assert_eq!(arrived(&plane.asked()), expected);
}

#[test]
fn a_home_that_cannot_be_read_is_said_to_be_so_and_ends_nothing() {
    let plane = ControlPlane::start();
    let home = Unpacked::new(TOOLS);
    let expected = expected(&home);
    let place = place(&home, &plane.url);
    let bridge = place.start();
    plane.wait_until("the home", |asked| home_events(asked) == expected.len());
    bridge.wait_for("the home is read");

    let db = home.state_db();
    let (aside, wal) = (db.with_extension("aside"), db.with_extension("sqlite-wal"));
    std::fs::rename(&db, &aside).unwrap();
    std::fs::write(&db, "not a database, but as long as one would be. ".repeat(100)).unwrap();
    touch(&wal);
    bridge.wait_for("the home cannot be read; trying again");
    let doctor = place.command(&["doctor", "--json"]).output().unwrap();
    let report: Value = serde_json::from_slice(&doctor.stdout).unwrap();
    assert_eq!(
        (doctor.status.code(), &report["homes"][0]["readable"]),
        (Some(1), &Value::Bool(false)),
        "{report}"
    );

    std::fs::rename(&aside, &db).unwrap();
    let read = "the home is read";
    bridge.wait_for_times(read, 2);
    assert_eq!(home_events(&plane.asked()), expected.len(), "nothing was ended or made up");
    let doctor = place.command(&["doctor"]).output().unwrap();
    let text = String::from_utf8(doctor.stdout).unwrap();
    assert!(doctor.status.success() && text.contains("readable, read to the end"), "{text}");
}

#[test]
fn a_home_that_gets_its_store_later_is_read_then() {
    let plane = ControlPlane::start();
    let home = Unpacked::new(TOOLS);
    let expected = expected(&home);
    let aside = home.path().with_extension("aside");
    std::fs::rename(home.path(), &aside).unwrap();
    std::fs::create_dir(home.path()).unwrap();
    let bridge = place(&home, &plane.url).start();
    bridge.wait_for("there is nothing to read in the home yet");
    copy(&aside, &home.path());
    plane.wait_until("the home", |asked| arrived(asked).len() == expected.len());
}

/// A recorded home's files. What SQLite keeps beside a database that is open comes and goes; the record has none of it.
fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let (entry, to) = (entry.as_ref().unwrap().path(), to.join(entry.as_ref().unwrap().file_name()));
        if entry.to_str().is_some_and(|name| name.ends_with("-wal") || name.ends_with("-shm")) {
            continue;
        }
        if entry.is_dir() {
            std::fs::create_dir(&to).unwrap();
            copy(&entry, &to);
        } else if entry.is_file() {
            std::fs::copy(&entry, &to).unwrap();
        }
    }
}

/// As a program that writes to it would.
fn touch(path: &Path) {
    use std::io::Write as _;
    std::fs::OpenOptions::new().create(true).append(true).open(path).unwrap().write_all(b"").unwrap();
    std::fs::write(path, "").unwrap();
}
