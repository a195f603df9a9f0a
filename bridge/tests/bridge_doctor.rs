//! `patze-bridge doctor`, beside a running bridge and without one.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail like tests")]

#[path = "bridge_support/mod.rs"]
mod support;

use serde_json::Value;
use support::{ControlPlane, Place, say};

fn doctor(place: &Place) -> (Option<i32>, Value, String) {
    let json = place.command(&["doctor", "--json"]).output().unwrap();
    let text = place.command(&["doctor"]).output().unwrap();
    assert_eq!(json.status.code(), text.status.code());
    let report = serde_json::from_slice(&json.stdout).unwrap_or_else(|error| panic!("{error}: {json:?}"));
    (json.status.code(), report, String::from_utf8(text.stdout).unwrap())
}

#[test]
fn all_is_well_beside_a_running_bridge() {
    let plane = ControlPlane::start();
    let place = Place::new(&plane.url).set("CONTROL_PLANE_TOKEN", "pz_ab_topsecret");
    let _bridge = place.start();
    plane.wait_until("a delivery", |asked| !asked.is_empty());
    let (code, report, text) = doctor(&place);
    assert_eq!(code, Some(0), "{text}");
    assert_eq!(report["ok"], true);
    assert_eq!(report["running"], true);
    assert_eq!(report["machine"]["id"], "m1");
    assert_eq!(report["settings"]["token"], "pz_ab_…");
    assert_eq!(report["controlPlane"]["takesEvents"], true);
    assert!(report["controlPlane"]["clockAheadSeconds"].as_i64().unwrap().abs() <= 2, "{report}");
    assert!(report["spool"]["waiting"].is_u64());
    assert!(text.contains("All is well.") && text.contains("pz_ab_…"), "{text}");
    assert!(!format!("{report}{text}").contains("topsecret"));
    assert!(plane.asked().iter().all(|asked| !asked.path.starts_with("/ingest")
        || asked.types().iter().all(|name| name.starts_with("machine."))));
}

#[test]
fn what_is_wrong_is_told_with_what_to_do() {
    let plane = ControlPlane::start();
    let place = Place::new(&plane.url).set("TOKEN_EXPIRES_AT", "2020-01-01T00:00:00Z");
    plane.answer(|asked| match asked.path.as_str() {
        "/health" => support::Reply::Say {
            status: 200,
            headers: vec![("date", "Wed, 01 Jan 2020 00:00:00 GMT".to_owned())],
            body: r#"{"ok":true,"authRequired":true}"#.to_owned(),
        },
        _ => say(401, r#"{"error":"unauthorized"}"#),
    });
    // A home of this user that holds something else than a database.
    let store = place.dir.path().join(".openclaw/state");
    std::fs::create_dir_all(&store).unwrap();
    std::fs::write(store.join("openclaw.sqlite"), "not a database, but long enough to be one ".repeat(50))
        .unwrap();
    place.fill("e", 3);
    let (code, report, text) = doctor(&place);
    assert_eq!(code, Some(1), "{text}");
    assert_eq!(report["running"], false);
    assert_eq!(report["spool"]["waiting"], 3);
    assert_eq!(report["homes"][0]["readable"], false);
    let problems = report["problems"].to_string();
    for part in ["the token ended at 2020-01-01", "refuses the token (401)", "openclaw.sqlite", "clock is"] {
        assert!(problems.contains(part), "no {part:?} in {problems}");
        assert!(text.contains(part), "no {part:?} in {text}");
    }
    assert_eq!(plane.asked().iter().map(|asked| asked.events.len()).sum::<usize>(), 0, "it sends no event");
}

#[test]
fn a_home_that_does_not_answer_is_told_and_the_rest_is_looked_at() {
    let plane = ControlPlane::start();
    let place = Place::new(&plane.url);
    let store = place.dir.path().join(".openclaw/state");
    std::fs::create_dir_all(&store).unwrap();
    std::fs::create_dir(place.dir.path().join(".openclaw-work")).unwrap();
    // Whoever opens a pipe hangs until somebody writes to it, as on a network mount that is away.
    let pipe = store.join("openclaw.sqlite");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let output = place.command(&["doctor", "--json"]).output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{report}");
    assert!(report["problems"][0].as_str().unwrap().contains("has not answered for 5 s"), "{report}");
    assert_eq!(report["homes"][1]["name"], "work", "{report}");
    assert_eq!(report["controlPlane"]["takesEvents"], true, "{report}");
}

/// The unit's `Environment=` lines and the line for the doctor in the operator's manual name the same places.
#[test]
fn the_manuals_line_looks_at_the_bridge_that_systemd_runs() {
    let docs = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    let read = |name: &str| std::fs::read_to_string(docs.join(name)).unwrap();
    let (unit, manual) = (read("systemd/patze-bridge@.service"), read("operations.md"));
    let line = manual.lines().map(str::trim).find(|line| line.starts_with("sudo -H -u alice env ")).unwrap();
    let words: Vec<&str> = line["sudo -H -u alice env ".len()..].split(' ').collect();
    let (places, command) = words.split_at(words.iter().position(|word| !word.contains('=')).unwrap());
    let started = unit.lines().find_map(|line| line.strip_prefix("ExecStart=")).unwrap();
    assert_eq!(command, [started, "doctor"]);
    let mut of_unit: Vec<String> = unit
        .lines()
        .filter_map(|line| line.strip_prefix("Environment="))
        .filter(|line| line.starts_with("BRIDGE_"))
        .map(|line| line.replace("%i", "alice"))
        .collect();
    of_unit.sort();
    assert_eq!(places, of_unit);

    // The same below a folder of this test, with a bridge as the unit would run it.
    let plane = ControlPlane::start();
    let mut place = Place::new(&plane.url);
    let root = place.dir.path().join("root");
    for (name, path) in places.iter().map(|place| place.split_once('=').unwrap()) {
        place.settings.insert(name.to_owned(), format!("{}{path}", root.display()));
    }
    std::fs::create_dir_all(root.join("etc/patze")).unwrap();
    std::fs::write(root.join("etc/patze/bridge-alice.env"), "CONTROL_PLANE_TOKEN=pz_al_ice\n").unwrap();
    place.settings.remove("MACHINE_ID");
    let bridge = place.start();
    bridge.wait_for("the spool is open");
    plane.wait_until("a delivery", |asked| asked.iter().any(|asked| asked.token() == Some("pz_al_ice")));
    let (code, report, text) = doctor(&place);
    assert_eq!(code, Some(0), "{text}");
    assert_eq!(
        (&report["running"], &report["settings"]["token"]),
        (&true.into(), &"pz_al_…".into()),
        "{text}"
    );
    // Without it the doctor looks elsewhere, and says so.
    place.settings.retain(|name, _| !name.starts_with("BRIDGE_"));
    let (_, report, text) = doctor(&place);
    assert_eq!((&report["running"], &report["settings"]["token"]), (&false.into(), &Value::Null));
    assert!(text.contains("a service has its own: BRIDGE_STATE_DIR, BRIDGE_CONFIG_FILE"), "{text}");
}

#[test]
fn nobody_there_and_nothing_begun_yet() {
    let plane = ControlPlane::start();
    let url = plane.url.clone();
    drop(plane);
    let mut place = Place::new(&url);
    place.settings.remove("MACHINE_ID");
    let (code, report, text) = doctor(&place);
    assert_eq!(code, Some(1));
    assert_eq!(report["controlPlane"]["reachable"], false);
    assert_eq!((&report["machine"]["id"], &report["spool"]), (&Value::Null, &Value::Null));
    assert!(
        text.contains("does the control plane run") && text.contains("made at the first start"),
        "{text}"
    );
    assert!(!place.state().exists(), "the doctor makes nothing");
}

#[test]
fn settings_that_cannot_be_used_are_all_there_is_to_say() {
    let place = Place::new("nonsense");
    let output = place.command(&["doctor"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("CONTROL_PLANE_BASE_URL=nonsense"));
}
