//! The drill: a server under load is backed up and killed; the backup is restored elsewhere, proven, served, exported and
//! imported into a third folder. Real processes from end to end.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test may fail; real processes need real deadlines"
)]

mod process;

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use process::Server;
use serde_json::{Value, json};

const ANSWER_WITHIN: Duration = Duration::from_secs(30);

fn command(dir: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_patze"));
    command.current_dir(dir.parent().unwrap()).env_clear().env("PATZE_SETTINGS_DIR", dir).args(words);
    command
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// Runs a command to its end.
fn patze(dir: &Path, words: &[&str]) -> Output {
    command(dir, words).output().unwrap()
}

/// What a command that succeeds prints.
fn done(dir: &Path, words: &[&str]) -> String {
    let output = patze(dir, words);
    let (out, notes) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{words:?}: {out}{notes}");
    out.into_owned()
}

/// Why a command fails.
fn refused(dir: &Path, words: &[&str]) -> String {
    let output = patze(dir, words);
    assert!(!output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The value of a line that begins with `name`.
fn value<'a>(printed: &'a str, name: &str) -> &'a str {
    let line = printed.lines().find(|line| line.split_whitespace().next() == Some(name));
    line.unwrap_or_else(|| panic!("no {name} in {printed}")).split_whitespace().nth(1).unwrap()
}

fn event(n: u64) -> Value {
    let (machine, run) = (format!("m{}", n % 3), format!("r{}", n / 9 % 50));
    let (type_name, payload) = match n % 3 {
        0 => (
            "run.state.changed",
            json!({"runId": run, "sessionId": "s", "agentId": "a", "from": "x", "to": if n.is_multiple_of(2) { "running" } else { "failed" }}),
        ),
        1 => (
            "run.model.usage",
            json!({"runId": run, "machineId": machine, "provider": "p", "model": "x", "inputTokens": n, "outputTokens": 1}),
        ),
        _ => (
            "run.log.emitted",
            json!({"logEntryId": format!("l{n}"), "runId": run, "sessionId": "s", "level": "info",
                   "message": format!("line {n}, \"quoted\"\r\nand broken"), "ts": "2026-11-25T10:00:00.000Z"}),
        ),
    };
    json!({"version": "telemetry.v1", "id": format!("e{n:09}"), "ts": "2026-11-25T10:00:00.000Z", "machineId": machine,
           "severity": "info", "type": type_name, "payload": payload, "trace": {"traceId": "t"}})
}

/// Posts batches until the server is gone; tells of each that was acknowledged.
async fn load(address: String, acked: mpsc::Sender<u64>) {
    let client = reqwest::Client::builder().timeout(ANSWER_WITHIN).build().unwrap();
    for batch in 0.. {
        let events: Vec<Value> = (batch * 50..batch * 50 + 50).map(event).collect();
        let request = client.post(format!("{address}/ingest/batch")).json(&json!({ "events": events }));
        match request.send().await {
            Ok(answer) if answer.status() == 200 && acked.send(batch).is_ok() => {}
            Ok(answer) if answer.status() == 503 => {}
            _ => return,
        }
    }
}

#[test]
fn a_backup_under_load_comes_back_elsewhere() {
    let home = tempfile::tempdir().unwrap();
    let dir = |name: &str| home.path().join(name);
    let (first, second, third) = (dir("first"), dir("second"), dir("third"));
    for dir in [&first, &second, &third] {
        std::fs::create_dir(dir).unwrap();
    }
    let path = |name: &str| dir(name).to_str().unwrap().to_owned();
    let (backup, cut, export) = (path("backup.tar.zst"), path("cut.tar.zst"), path("export.jsonl"));
    let runtime = runtime();

    // Under load a backup is made, and the server killed.
    let mut server = Server::start(&first);
    let (tell, told) = mpsc::channel();
    let address = server.address.clone();
    let loading = std::thread::spawn(move || self::runtime().block_on(load(address, tell)));
    let next = || told.recv_timeout(ANSWER_WITHIN).expect("the load ended early");
    while next() < 20 {}
    let made = done(&first, &["backup", &backup, "--with-secrets"]);
    let of_the_time: u64 = value(&made, "position").parse().unwrap();
    let mut last = 0;
    while last * 50 < of_the_time {
        last = next();
    }
    assert!(refused(&first, &["backup", &backup]).contains("exists and is left as it is"));
    let held = refused(&first, &["restore", &backup]);
    assert!(held.contains("is held by another server (process"), "{held}");
    let held = refused(&first, &["renew-log"]);
    assert!(held.contains("is held by another server (process"), "{held}");
    server.kill();
    loading.join().unwrap();

    // A damaged backup is refused, wherever it is cut, and nothing appears.
    let whole = std::fs::read(&backup).unwrap();
    for part in 0..5 {
        std::fs::write(&cut, &whole[..whole.len() * part / 5]).unwrap();
        let said = refused(&second, &["restore", &cut]);
        assert!(said.contains("nothing was changed") || said.contains("no backup"), "{said}");
        assert!(!second.join("patze.db").exists());
    }

    // Restored into an empty folder it is sound, ends where it says, and is another log.
    assert!(done(&second, &["restore", &backup, "--check"]).contains("sound: "));
    let restored = done(&second, &["restore", &backup]);
    let verified = done(&second, &["verify"]);
    assert_eq!(value(&verified, "position"), value(&made, "position"));
    assert_eq!(value(&verified, "digest"), value(&made, "digest"));
    assert_ne!(value(&verified, "log"), value(&made, "log"));
    assert!(restored.contains(value(&verified, "log")), "{restored}");

    // What is served is what was served at that position.
    let (old, mut new) = (Server::start(&first), Server::start(&second));
    let at = |path: &str| format!("{path}?at={of_the_time}");
    for path in ["/state", "/snapshot"] {
        let (mut was, mut is) = (runtime.block_on(old.get(&at(path))), runtime.block_on(new.get(&at(path))));
        for answer in [&mut was, &mut is] {
            for of_the_answer in ["logId", "now"] {
                answer.as_object_mut().unwrap().remove(of_the_answer);
            }
        }
        assert!(was == is, "{path}: {was}\n{is}");
    }
    drop(old);
    let held = refused(&second, &["import", &export]);
    assert!(held.contains("cannot be read"), "{held}");
    assert!(done(&second, &["export", &export]).is_empty());
    let held = refused(&second, &["import", &export]);
    assert!(held.contains("is held by another server (process"), "{held}");
    new.kill();

    // Exported and imported it is the same fleet, in another log.
    std::fs::remove_file(&export).unwrap();
    done(&second, &["export", &export]);
    assert!(done(&third, &["import", &export, "--dry-run"]).contains("would store"));
    assert!(!third.join("patze.db").exists(), "a dry run makes nothing");
    done(&third, &["import", &export]);
    let (second_is, third_is) = (done(&second, &["verify"]), done(&third, &["verify"]));
    for same in ["position", "state"] {
        assert_eq!(value(&second_is, same), value(&third_is, same), "{same}");
    }
    assert_ne!(value(&second_is, "log"), value(&third_is, "log"));
    let again = done(&third, &["import", &export]);
    assert_eq!(value(&again, "stored"), "0,", "{again}");
}

#[test]
fn an_export_goes_into_a_pipe_and_into_csv() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("a");
    std::fs::create_dir(&dir).unwrap();
    let runtime = runtime();
    let server = Server::start(&dir);
    let events: Vec<Value> = (0..3_000).map(event).collect();
    for events in events.chunks(500) {
        let client = reqwest::Client::new();
        let request =
            client.post(format!("{}/ingest/batch", server.address)).json(&json!({ "events": events }));
        assert_eq!(runtime.block_on(request.send()).unwrap().status(), 200);
    }

    // Who reads one line and goes ends the export, and that is no failure.
    let mut child = command(&dir, &["export"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::with_capacity(64, child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let first: Value = serde_json::from_str(&line).unwrap();
    assert_eq!((&first["position"], &first["type"]), (&json!(1), &json!("control.server.started")));
    assert!(child.wait().unwrap().success());

    let lines = done(&dir, &["export", "-", "--type", "run.log.*", "--machine", "m2"]);
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 1_000);
    assert!(lines.iter().all(|line| line["machineId"] == "m2" && line["origin"] == "ingest"));

    let csv = done(&dir, &["export", "--format", "csv", "--machine", "m2"]);
    let (header, rest) = csv.split_once("\r\n").unwrap();
    assert_eq!(header, "position,recordedAt,ts,machineId,id,severity,type,origin,trace,payload");
    let row = rest.split("\r\n").next().unwrap();
    let end = concat!(
        r#",info,run.log.emitted,ingest,"{""traceId"":""t""}","{""level"":""info"",""logEntryId"":""l2"","#,
        r#"""message"":""line 2, \""quoted\""\r\nand broken"",""runId"":""r0"",""sessionId"":""s"","#,
        r#"""ts"":""2026-11-25T10:00:00.000Z""}""#
    );
    assert!(row.ends_with(end), "{row}");
    let nothing = done(&dir, &["export", "--since", "2100-01-01"]);
    assert!(nothing.is_empty());
    assert!(refused(&dir, &["export", "--since", "yesterday"]).contains("2026-11-25"));
}

#[test]
fn prices_are_shown_or_their_mistake_is() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("a");
    std::fs::create_dir(&dir).unwrap();
    let none = patze(&dir, &["prices"]);
    assert!(none.status.success() && String::from_utf8_lossy(&none.stderr).contains("prices.example.toml"));
    std::fs::write(dir.join("prices.toml"), include_str!("../../docs/prices.example.toml")).unwrap();
    let shown = done(&dir, &["prices"]);
    assert!(shown.lines().any(|line| line.contains("claude-opus-4-5*") && line.ends_with("6.25")), "{shown}");
    std::fs::write(
        dir.join("prices.toml"),
        "[[price]]\nprovider = \"p\"\nmodel = \"m\"\ninput = -1\noutput = 0\n",
    )
    .unwrap();
    let said = refused(&dir, &["prices"]);
    assert!(said.contains("prices.toml, line 4: -1 is no price"), "{said}");
}
