//! `kill -9` of the real program at random moments: every event that was in the spool, or that the program took itself,
//! arrives at least once, and in order.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail like tests")]

#[path = "bridge_support/mod.rs"]
mod support;

use std::collections::BTreeSet;
use std::time::Duration;

use patze_bridge::spool::Rejected;
use patze_supervise::clock::Clock;
use support::{Asked, ControlPlane, Place, Reply, say, with_prefix};

/// Kills in one run of the test.
const KILLS: usize = 12;

/// A control plane that answers one request in three, and breaks off or fails in the others.
fn flaky(plane: &ControlPlane) {
    let mut requests = 0_u64;
    plane.answer(move |_| {
        requests += 1;
        match requests % 3 {
            0 => say(500, ""),
            1 => Reply::Take,
            // Taken by nobody: a batch that a killed bridge never heard of again.
            _ => Reply::Say { status: 502, headers: Vec::new(), body: String::new() },
        }
    });
}

#[test]
fn nothing_is_lost_and_nothing_overtakes() {
    let plane = ControlPlane::start();
    flaky(&plane);
    let place = Place::new(&plane.url);
    let mut filled = Vec::new();
    let mut kept_beats = BTreeSet::new();
    let seed = u64::from(std::process::id());
    for round in 0..KILLS {
        filled.extend(place.fill(&format!("e{round:02}-"), 400));
        let bridge = place.start();
        // At random moments of its life: from before it has opened the spool to the middle of its third delivery.
        let requests = (seed.wrapping_mul(31).wrapping_add(round as u64 * 17)) % 4;
        if requests == 0 {
            bridge.wait_for("patze-bridge starts");
        } else {
            let until = plane.asked().len() + usize::try_from(requests).unwrap();
            plane.wait_until("a few requests", |asked| asked.len() >= until);
        }
        bridge.signal("KILL");
        let (status, text) = bridge.wait();
        assert!(!status.success(), "{text}");
        kept_beats.extend(waiting_beats(&place));
    }
    plane.answer(|_| Reply::Take);
    let last = place.start();
    let beats = |asked: &[Asked]| -> BTreeSet<String> {
        asked
            .iter()
            .flat_map(|asked| &asked.events)
            .filter(|event| event["type"] == "machine.heartbeat")
            .map(|event| event["id"].to_string())
            .collect()
    };
    plane.wait_until("all events", |asked| {
        with_prefix(asked, "e").into_iter().collect::<BTreeSet<_>>().len() == filled.len()
            && kept_beats.is_subset(&beats(asked))
    });
    last.signal("TERM");
    assert!(last.wait().0.success());

    let asked = plane.asked();
    let came = with_prefix(&asked, "e");
    let mut seen = BTreeSet::new();
    let firsts: Vec<&String> = came.iter().filter(|id| seen.insert(*id)).collect();
    assert_eq!(firsts, filled.iter().collect::<Vec<_>>(), "first arrivals are in the order of the spool");
    for asked in &asked {
        assert!(asked.ids().windows(2).all(|pair| pair[0] != pair[1]), "an event twice in one batch");
    }
    assert_eq!(Rejected::of(&place.state()).read(0).unwrap().count, 0);
}

/// The heartbeats that the killed program left in its spool, as JSON strings.
fn waiting_beats(place: &Place) -> BTreeSet<String> {
    let path = patze_bridge::spool::path(&place.state());
    let db = rusqlite::Connection::open(path).unwrap();
    let mut query = db.prepare("SELECT body FROM event WHERE heartbeat = 1").unwrap();
    let bodies = query.query_map([], |row| row.get::<_, String>(0)).unwrap();
    bodies
        .map(|body| serde_json::from_str::<serde_json::Value>(&body.unwrap()).unwrap()["id"].to_string())
        .collect()
}

#[test]
fn a_control_plane_that_was_away_gets_it_all_when_it_is_back() {
    let plane = ControlPlane::start();
    let port = plane.port;
    drop(plane);
    let place = Place::new(&format!("http://127.0.0.1:{port}"));
    let ids = place.fill("e", 2_000);
    let bridge = place.start();
    bridge.wait_for("the control plane takes no events");
    let clock = Clock::system();
    let plane = ControlPlane::on(port);
    plane.wait_until("all events", |asked| with_prefix(asked, "e").len() == ids.len());
    assert!(clock.elapsed() < Duration::from_secs(35), "it is tried at least every 30 s");
    assert_eq!(with_prefix(&plane.asked(), "e"), ids);
    bridge.wait_for("the control plane takes events again");
}
