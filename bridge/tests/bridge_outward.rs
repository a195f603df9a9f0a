//! What others see of a bridge on its own machine: its files, and what it writes to standard error.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail like tests")]

#[path = "bridge_support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use serde_json::json;
use support::{Bridge, ControlPlane, Place, Reply, say};

#[test]
fn its_files_are_its_owners_alone_even_where_the_umask_gives_all_away() {
    let plane = ControlPlane::start();
    // Everything is refused, so that there is a file of refused events too.
    plane.answer(|asked| match asked.path.as_str() {
        "/ingest/batch" => {
            let refusal = json!({ "code": "invalid_payload", "message": "no" });
            let rejected: Vec<_> =
                (0..asked.events.len()).map(|index| json!({ "index": index, "error": refusal })).collect();
            let counts = json!({
                "acceptedCount": 0,
                "rejectedCount": rejected.len(),
                "rejected": rejected,
            });
            say(200, &counts.to_string())
        }
        _ => Reply::Take,
    });
    let mut place = Place::new(&plane.url);
    place.settings.remove("MACHINE_ID");
    let mut shell = Command::new("sh");
    shell.args(["-c", "umask 000; exec \"$0\"", env!("CARGO_BIN_EXE_patze-bridge")]);
    shell.env_clear().envs(&place.settings).current_dir(place.dir.path());
    let bridge = Bridge::of(&mut shell);
    // The second delivery comes once the first one's refusals are written down.
    plane.wait_until("two deliveries", |asked| {
        asked.iter().filter(|asked| asked.path == "/ingest/batch").count() >= 2
    });
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    let modes: BTreeMap<_, _> = std::fs::read_dir(place.state())
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.file_name().into_string().unwrap(), mode(&entry.path())))
        .collect();
    for name in ["bridge.lock", "machine-id", "rejected.jsonl", "spool.db", "spool.db-shm", "spool.db-wal"] {
        assert!(modes.contains_key(name), "{name} is not in {modes:?}");
    }
    assert!(modes.values().all(|mode| *mode == 0o600), "{modes:?}");
    assert_eq!(mode(&place.state()), 0o700);
    drop(bridge);
}

/// Heaps, stacks and what SQLite keeps; the program's own code is for the benchmark, which runs it optimised.
#[test]
fn a_long_backlog_is_not_kept_in_memory() {
    let plane = ControlPlane::start();
    let place = Place::new(&plane.url);
    // About 10 MB.
    let ids = place.fill("e", 20_000);
    let bridge = place.start();
    plane.wait_until("the backlog", |asked| {
        asked.iter().map(|asked| asked.events.len()).sum::<usize>() >= ids.len()
    });
    let status = std::fs::read_to_string(format!("/proc/{}/status", bridge.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    let kib: u64 = line.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(kib < 8 << 10, "{kib} KiB");
    assert!(kib > 256, "{kib} KiB: another process?");
}

/// The first line that a bridge writes to a terminal as its standard error.
fn first_line_on_a_terminal(place: &Place) -> String {
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&terminal).unwrap();
    unlockpt(&terminal).unwrap();
    let name = ptsname(&terminal, Vec::new()).unwrap().into_string().unwrap();
    let screen = File::options().read(true).write(true).open(name).unwrap();
    let mut child = place.command(&[]).stdout(Stdio::null()).stderr(screen).spawn().unwrap();
    let mut line = String::new();
    let read = BufReader::new(File::from(terminal)).read_line(&mut line);
    child.kill().unwrap();
    child.wait().unwrap();
    read.unwrap();
    line
}

#[test]
fn colours_are_for_terminals_that_want_them() {
    let plane = ControlPlane::start();
    let escape = '\u{1b}';
    for (no_color, coloured) in [(None, true), (Some(""), true), (Some("1"), false)] {
        let mut place = Place::new(&plane.url);
        place.settings.extend(no_color.map(|value| ("NO_COLOR".to_owned(), value.to_owned())));
        let line = first_line_on_a_terminal(&place);
        assert!(line.contains("patze-bridge starts"), "{line:?}");
        assert_eq!(line.contains(escape), coloured, "{no_color:?}: {line:?}");
    }
    let bridge = Place::new(&plane.url).start();
    bridge.wait_for("the spool is open");
    assert!(!bridge.text().contains(escape), "{:?}", bridge.text());
}
