//! The real program against a control plane that fails in every way: nothing is lost, nothing is invented.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail like tests")]

#[path = "bridge_support/mod.rs"]
mod support;

use std::collections::BTreeSet;
use std::time::Duration;

use patze_bridge::spool::Rejected;
use patze_core::time::Timestamp;
use patze_supervise::clock::Clock;
use support::{Asked, ControlPlane, Place, Reply, say, with_prefix};

const UNAUTHORIZED: &str = r#"{"error":"unauthorized"}"#;

fn all_of<'a>(prefix: &'a str, ids: &'a [String]) -> impl FnMut(&[Asked]) -> bool + 'a {
    move |asked| {
        let came: BTreeSet<String> = with_prefix(asked, prefix).into_iter().collect();
        ids.iter().all(|id| came.contains(id))
    }
}

fn batches(asked: &[Asked]) -> Vec<&Asked> {
    asked.iter().filter(|asked| asked.path == "/ingest/batch").collect()
}

#[test]
fn a_fresh_bridge_introduces_its_machine_and_beats() {
    let plane = ControlPlane::start();
    let place = Place::new(&plane.url).set("CONTROL_PLANE_TOKEN", "pz_1_s").set("BRIDGE_VERSION", "7.7");
    let bridge = place.start();
    let asked = plane.wait_until("a heartbeat", |asked| {
        asked.iter().any(|asked| asked.types().contains(&"machine.heartbeat".to_owned()))
    });
    assert_eq!(asked[0].types()[0], "machine.registered");
    let registered = &asked[0].events[0]["payload"];
    assert_eq!((&registered["name"], &registered["kind"]), (&"test box".into(), &"local".into()));
    let headers: Vec<_> = [
        "content-type",
        "accept",
        "authorization",
        "x-patze-machine-id",
        "x-patze-machine-label",
        "x-patze-bridge-version",
        "prefer",
    ]
    .map(|name| asked[0].headers[name].as_str())
    .to_vec();
    assert_eq!(
        headers,
        ["application/json", "application/json", "Bearer pz_1_s", "m1", "test box", "7.7", "return=minimal"]
    );
    let sent_at = &asked[0].headers["x-patze-sent-at"];
    assert!(Timestamp::is_canonical(sent_at), "{sent_at}");
    assert_eq!(asked[0].headers["content-length"], asked[0].body.to_string());

    let clock = Clock::system();
    bridge.signal("TERM");
    let (status, text) = bridge.wait();
    assert!(status.success(), "{text}");
    assert!(clock.elapsed() < Duration::from_secs(5), "{:?}", clock.elapsed());
    assert!(!text.contains("pz_1_s"), "a token in the log: {text}");
}

#[test]
fn a_restart_sends_what_waited_before_what_is_new() {
    let plane = ControlPlane::start();
    let place = Place::new(&plane.url);
    let ids = place.fill("old", 1_200);
    let _bridge = place.start();
    let asked = plane.wait_until("all and a heartbeat", |asked| {
        all_of("old", &ids)(asked)
            && asked.iter().any(|a| a.types().contains(&"machine.heartbeat".to_owned()))
    });
    assert_eq!(with_prefix(&asked, "old"), ids);
    let order: Vec<String> = asked.iter().flat_map(Asked::types).collect();
    let (first_old, registered) = (
        order.iter().position(|name| name == "gateway.log").unwrap(),
        order.iter().position(|name| name == "machine.registered").unwrap(),
    );
    assert!(first_old < registered, "W-B12: old before new");
    let sizes: Vec<usize> = batches(&asked).iter().map(|asked| asked.events.len()).collect();
    assert!(sizes.iter().all(|size| *size <= 500) && sizes[0] == 500, "{sizes:?}");
    assert!(asked.iter().all(|asked| asked.body <= 900 << 10));
}

#[test]
fn a_control_plane_that_is_down_or_busy_gets_everything_in_the_end() {
    let plane = ControlPlane::start();
    let place = Place::new(&plane.url);
    let ids = place.fill("e", 900);
    let mut failures = 0;
    plane.answer(move |_| {
        failures += 1;
        match failures {
            1 => say(500, ""),
            2 => Reply::Say {
                status: 429,
                headers: vec![("retry-after", "2".to_owned())],
                body: String::new(),
            },
            3 => say(503, r#"{"error":"overloaded"}"#),
            // A captive portal, then a proxy: neither acknowledges nor rejects.
            4 => say(200, "<html>welcome</html>"),
            5 => say(400, "<html>plain HTTP request sent to HTTPS port</html>"),
            _ => Reply::Take,
        }
    });
    let bridge = place.start();
    let asked = plane.wait_until("all events", |asked| all_of("e", &ids)(&asked[asked.len().min(5)..]));
    assert_eq!(with_prefix(&asked[5..], "e"), ids, "in order, each once after the failures");
    assert!(asked[2].at - asked[1].at >= Duration::from_secs(2), "Retry-After");
    assert!(
        asked[..6].windows(2).all(|pair| pair[1].at - pair[0].at >= Duration::from_millis(500)),
        "backoff"
    );
    bridge.wait_for("the control plane takes events again");
    assert_eq!(Rejected::of(&place.state()).read(0).unwrap().count, 0);
}

#[test]
fn the_culprit_of_a_refused_batch_is_found_and_kept_aside() {
    let bad = r#"{"error":"request_error","message":"bad"}"#;
    for (status, body) in [(400, bad), (413, r#"{"error":"payload_too_large"}"#)] {
        let plane = ControlPlane::start();
        let place = Place::new(&plane.url);
        let ids = place.fill("e", 700);
        let (culprit, last) = (ids[333].clone(), ids[699].clone());
        let one = culprit.clone();
        plane.answer(move |asked| if asked.ids().contains(&one) { say(status, body) } else { Reply::Take });
        let _bridge = place.start();
        plane.wait_until("the last event", |asked| with_prefix(asked, "e").contains(&last));
        let expected: Vec<_> = ids.iter().filter(|id| **id != culprit).cloned().collect();
        let accepted: Vec<Asked> =
            plane.asked().into_iter().filter(|asked| !asked.ids().contains(&culprit)).collect();
        assert_eq!(with_prefix(&accepted, "e"), expected, "{status}");
        let rejected = Rejected::of(&place.state()).read(9).unwrap();
        assert_eq!(rejected.count, 1, "{status}");
        assert!(rejected.last[0].event.get().contains(&culprit));
    }
}

#[test]
fn events_that_are_rejected_by_name_are_kept_aside_and_acknowledged() {
    let plane = ControlPlane::start();
    let place = Place::new(&plane.url);
    let ids = place.fill("e", 10);
    plane.answer(|asked| {
        let Some(index) = asked.ids().iter().position(|id| id.ends_with("000004")) else { return Reply::Take };
        let count = asked.events.len() - 1;
        say(
            200,
            &format!(
                r#"{{"acceptedCount":{count},"rejectedCount":1,"rejected":[{{"index":{index},"error":{{"code":"invalid_payload","message":"no"}}}}]}}"#
            ),
        )
    });
    let bridge = place.start();
    bridge.wait_for("the control plane rejects events");
    let asked = plane.wait_until("what follows", |asked| asked.len() >= 3);
    assert_eq!(with_prefix(&asked, "e"), ids, "each once: a rejected event is not sent again");
    let rejected = Rejected::of(&place.state()).read(9).unwrap();
    assert_eq!((rejected.count, rejected.last[0].code.as_str()), (1, "invalid_payload"));
}

#[test]
fn without_the_batch_route_events_go_one_by_one() {
    let plane = ControlPlane::start();
    let place = Place::new(&plane.url);
    let ids = place.fill("e", 50);
    plane.answer(
        |asked| if asked.path == "/ingest" { Reply::Take } else { say(404, r#"{"error":"not_found"}"#) },
    );
    let _bridge = place.start();
    let single = |asked: &[Asked]| -> Vec<Asked> {
        asked.iter().filter(|asked| asked.path == "/ingest").cloned().collect()
    };
    let asked = plane.wait_until("all events", |asked| all_of("e", &ids)(&single(asked)));
    assert_eq!(with_prefix(&single(&asked), "e"), ids);
    assert!(single(&asked).iter().all(|asked| asked.events.len() == 1));
}

#[test]
fn a_refused_token_waits_for_a_new_one_and_loses_nothing() {
    let plane = ControlPlane::start();
    let place = Place::new(&plane.url);
    let config = place.dir.path().join("config.env");
    std::fs::write(&config, "CONTROL_PLANE_TOKEN=old\n").unwrap();
    let place = place.set("BRIDGE_CONFIG_FILE", config.to_str().unwrap()).set("CONTROL_PLANE_TOKEN", "older");
    let ids = place.fill("e", 20);
    plane.answer(|asked| if asked.token() == Some("new") { Reply::Take } else { say(401, UNAUTHORIZED) });
    let mut bridge = place.start();
    bridge.wait_for("it refuses the token (401)");
    assert_eq!(plane.asked()[0].token(), Some("old"), "the file wins over the environment");
    std::fs::write(&config, "CONTROL_PLANE_TOKEN=new\n").unwrap();
    bridge.signal("HUP");
    let accepted = |asked: &[Asked]| -> Vec<Asked> {
        asked.iter().filter(|asked| asked.token() == Some("new")).cloned().collect()
    };
    let asked = plane.wait_until("all events", |asked| all_of("e", &ids)(&accepted(asked)));
    assert_eq!(with_prefix(&accepted(&asked), "e"), ids);
    assert!(bridge.is_running());
}

#[test]
fn a_token_of_another_machine_holds_events_instead_of_throwing_them_away() {
    let plane = ControlPlane::start();
    let place = Place::new(&plane.url);
    let ids = place.fill("e", 3);
    plane.answer(|asked| {
        let rejected: Vec<String> = (0..asked.events.len())
            .map(|index| {
                format!(r#"{{"index":{index},"error":{{"code":"machine_not_allowed","message":"other"}}}}"#)
            })
            .collect();
        let count = rejected.len();
        say(
            200,
            &format!(r#"{{"acceptedCount":0,"rejectedCount":{count},"rejected":[{}]}}"#, rejected.join(",")),
        )
    });
    let bridge = place.start();
    bridge.wait_for("machine_not_allowed");
    plane.answer(|_| Reply::Take);
    let before = plane.asked().len();
    bridge.signal("TERM");
    assert!(bridge.wait().0.success());
    let _again = place.start();
    plane.wait_until("all events", |asked| all_of("e", &ids)(&asked[before..]));
    assert_eq!(Rejected::of(&place.state()).read(0).unwrap().count, 0);
}

#[test]
fn a_token_that_has_ended_or_ends_while_it_runs_is_no_crash() {
    let plane = ControlPlane::start();
    let place = Place::new(&plane.url);
    let config = place.dir.path().join("config.env");
    let write = |ends: Timestamp, token: &str| {
        std::fs::write(&config, format!("TOKEN_EXPIRES_AT={ends}\nCONTROL_PLANE_TOKEN={token}\n")).unwrap();
    };
    let now = Clock::system().now();
    write(now.plus(-1_000), "ended");
    let place = place.set("BRIDGE_CONFIG_FILE", config.to_str().unwrap());
    let mut bridge = place.start();
    bridge.wait_for("the token ended at");
    assert_eq!(plane.asked().len(), 0, "an ended token is not sent");

    write(Clock::system().now().plus(2_500), "short");
    bridge.signal("HUP");
    plane.wait_until("a delivery with the new token", |asked| {
        asked.iter().any(|a| a.token() == Some("short"))
    });
    let ends = format!("the token ended at {}", place_end(&config));
    bridge.wait_for(&ends);
    assert!(bridge.is_running());

    write(Clock::system().now().plus(3_600_000), "long");
    bridge.signal("HUP");
    plane.wait_until("a delivery with the last token", |asked| {
        asked.iter().any(|a| a.token() == Some("long"))
    });
    assert!(bridge.is_running());
}

fn place_end(config: &std::path::Path) -> String {
    let text = std::fs::read_to_string(config).unwrap();
    text.lines().next().unwrap().strip_prefix("TOKEN_EXPIRES_AT=").unwrap().to_owned()
}

#[test]
fn another_log_is_another_control_plane_and_is_told_who_this_is() {
    let plane = ControlPlane::start();
    let place = Place::new(&plane.url);
    let registrations = |asked: &[Asked]| {
        asked.iter().flat_map(Asked::types).filter(|name| name == "machine.registered").count()
    };
    let take_as = |log: &'static str| {
        move |asked: &Asked| {
            let count = asked.events.len();
            let body = format!(r#"{{"acceptedCount":{count},"rejectedCount":0}}"#);
            Reply::Say { status: 200, headers: vec![("x-patze-log-id", log.to_owned())], body }
        }
    };
    plane.answer(take_as("one"));
    let bridge = place.start();
    plane.wait_until("a few beats", |asked| asked.len() >= 4);
    assert_eq!(registrations(&plane.asked()), 1);
    bridge.signal("TERM");
    assert!(bridge.wait().0.success());
    // A cursor stands for a home that was read for the first log.
    drop(place.fill("e", 1));
    plane.answer(take_as("two"));
    let bridge = place.start();
    bridge.wait_for("the control plane has another log than before");
    let status = patze_bridge::spool::read_status(&place.state()).unwrap().unwrap();
    assert_eq!(status.log_id.as_deref(), Some("two"));
    assert_eq!(status.cursors, [], "homes are read from the start for it");
}

#[test]
fn a_new_label_is_told_without_a_restart() {
    let plane = ControlPlane::start();
    let place = Place::new(&plane.url);
    let config = place.dir.path().join("config.env");
    std::fs::write(&config, "MACHINE_LABEL=before\n").unwrap();
    let place = place.set("BRIDGE_CONFIG_FILE", config.to_str().unwrap());
    let bridge = place.start();
    let named = |asked: &[Asked], label: &str| {
        let events = asked.iter().flat_map(|asked| &asked.events);
        events.filter(|event| event["payload"]["name"] == label).count()
    };
    plane.wait_until("its first name", |asked| named(asked, "before") == 1);
    std::fs::write(&config, "MACHINE_LABEL=after\nMACHINE_KIND=toaster\n").unwrap();
    bridge.signal("HUP");
    bridge.wait_for("MACHINE_KIND=toaster is not allowed");
    std::fs::write(&config, "MACHINE_LABEL=after\n").unwrap();
    bridge.signal("HUP");
    plane.wait_until("its new name", |asked| named(asked, "after") == 1);
}

#[test]
fn one_bridge_a_state_folder() {
    let plane = ControlPlane::start();
    let place = Place::new(&plane.url);
    let bridge = place.start();
    bridge.wait_for("the spool is open");
    let second = place.command(&[]).output().unwrap();
    let text = String::from_utf8(second.stderr).unwrap();
    assert_eq!(second.status.code(), Some(1), "{text}");
    assert!(text.contains("another patze-bridge (process ") && text.contains("BRIDGE_STATE_DIR"), "{text}");
}

#[test]
fn bad_settings_are_told_and_not_retried() {
    let place = Place::new("box:9700").set("MACHINE_KIND", "toaster");
    let output = place.command(&[]).output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(
        text.contains("CONTROL_PLANE_BASE_URL=box:9700") && text.contains("MACHINE_KIND=toaster"),
        "{text}"
    );
}

#[test]
fn all_files_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let plane = ControlPlane::start();
    let mut place = Place::new(&plane.url);
    place.settings.remove("MACHINE_ID");
    let bridge = place.start();
    plane.wait_until("a delivery", |asked| !asked.is_empty());
    bridge.wait_for("the spool is open");
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&place.state()), 0o700);
    let mut names = BTreeSet::new();
    for entry in std::fs::read_dir(place.state()).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
        names.insert(path.file_name().unwrap().to_str().unwrap().to_owned());
    }
    assert!(
        names.is_superset(&["bridge.lock", "machine-id", "spool.db"].map(str::to_owned).into()),
        "{names:?}"
    );
    let id = std::fs::read_to_string(place.state().join("machine-id")).unwrap();
    assert_eq!(plane.asked()[0].headers["x-patze-machine-id"], id.trim());
    assert!(id.starts_with("machine_"));
}
