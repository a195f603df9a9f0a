//! The drill: a secret came in and is everywhere; `patze redact` takes it out, also if it is killed on the way. Real
//! processes, and every byte of the folder is looked at.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test may fail; real processes need real deadlines"
)]

mod process;

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use process::Server;
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(60);
const SECRET: &str = "hunter22\"key";

fn command(dir: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_patze"));
    command.current_dir(dir).env_clear().env("PATZE_SETTINGS_DIR", dir).args(words);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs a command to its end, with this on its standard input. Whether it succeeded, and all that it printed.
fn patze(dir: &Path, words: &[&str], input: &str) -> (bool, String) {
    let mut child = command(dir, words).spawn().unwrap();
    // One that refuses has perhaps ended without reading.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
    let printed = format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert!(!printed.contains("hunter22"), "{words:?} printed it: {printed}");
    (status.success(), printed)
}

fn done(dir: &Path, words: &[&str], input: &str) -> String {
    let (done, printed) = patze(dir, words, input);
    assert!(done, "{words:?}: {printed}");
    printed
}

fn refused(dir: &Path, words: &[&str], input: &str) -> String {
    let (done, printed) = patze(dir, words, input);
    assert!(!done, "{words:?}: {printed}");
    printed
}

/// Files of the folder that hold the secret, as it is or as JSON has it.
fn holding(dir: &Path) -> Vec<String> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        let Ok(bytes) = std::fs::read(entry.path()) else { continue };
        if bytes.windows(8).any(|b| b == b"hunter22") {
            names.push(entry.file_name().into_string().unwrap());
        }
    }
    names.sort();
    names
}

fn event(n: u64) -> Value {
    let message = if n.is_multiple_of(7) { format!("the key {SECRET} is {n}") } else { format!("line {n}") };
    json!({"version": "telemetry.v1", "id": format!("e{n:09}"), "ts": "2026-11-25T10:00:00.000Z",
           "machineId": format!("m{}", n % 2), "severity": "info", "type": "run.log.emitted", "trace": {"traceId": "t"},
           "payload": {"logEntryId": format!("l{n}"), "runId": "r", "sessionId": "s", "level": "info",
                       "message": message, "ts": "2026-11-25T10:00:00.000Z"}})
}

async fn load(server: &Server, events: u64) {
    let client = reqwest::Client::builder().timeout(PATIENCE).build().unwrap();
    let events: Vec<Value> = (0..events).map(event).collect();
    for events in events.chunks(250) {
        let request =
            client.post(format!("{}/ingest/batch", server.address)).json(&json!({ "events": events }));
        assert_eq!(request.send().await.unwrap().status(), 200);
    }
}

/// What a stream that is resumed at `after` says first.
async fn opening(server: &Server, after: u64) -> String {
    let mut answer = reqwest::get(format!("{}/events?after={after}", server.address)).await.unwrap();
    let mut text = String::new();
    while !text.contains("event: hello") || !text.ends_with("\n\n") {
        text.push_str(&String::from_utf8_lossy(&answer.chunk().await.unwrap().unwrap()));
    }
    while !text.contains("event: reset") && !text.contains("event: telemetry") {
        text.push_str(&String::from_utf8_lossy(&answer.chunk().await.unwrap().unwrap()));
    }
    text
}

async fn hits(server: &Server) -> usize {
    server.get("/history/logs?q=hunter22").await["items"].as_array().unwrap().len()
}

#[tokio::test]
async fn a_secret_is_taken_out_of_everything() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path();
    let mut server = Server::start(dir);
    load(&server, 1_000).await;
    server.caught_up().await;
    assert!(hits(&server).await > 0);

    // While it serves, a look is all.
    let looked = done(dir, &["redact", "--match", SECRET, "--dry-run"], "");
    assert!(looked.contains("events       143 on 2 machines") && looked.contains("m0: 72"), "{looked}");
    let held = refused(dir, &["redact", "--match", SECRET, "--yes"], "");
    assert!(held.contains("is held by another server (process"), "{held}");
    server.kill();
    assert!(holding(dir).iter().any(|name| name.starts_with("history.db")), "{:?}", holding(dir));

    // What makes no sense is told, and nothing happens.
    for (words, said) in [
        (&["redact"][..], "--event"),
        (&["redact", "--match", "abc", "--yes"], "at least 4 characters"),
        (&["redact", "--match", "", "--yes"], "at least 4 characters"),
        (&["redact", "--match", "no such text", "--yes"], "no event holds that text"),
        (&["redact", "--event", "e9", "--yes"], "no event \"e9\""),
        (&["redact", "--match", "-"], "nobody can be asked"),
        (&["redact", "--event", "e000000007", "--match", "abcd"], "cannot be used with"),
    ] {
        let printed = refused(dir, words, "abcd");
        assert!(printed.contains(said), "{words:?}: {printed}");
    }
    for no in ["", "no\n", "y\n"] {
        let printed = refused(dir, &["redact", "--match", SECRET], no);
        assert!(printed.contains("Nothing was changed."), "{printed}");
    }
    assert!(!holding(dir).is_empty());

    // One of them by its id, after a yes; then all, the text from standard input.
    let one = done(dir, &["redact", "--event", "e000000007"], "yes\n");
    assert!(one.contains("machine      m1: 1") && one.contains("blanked, told at position"), "{one}");
    std::fs::write(dir.join("patze.db.before-0002"), SECRET).unwrap();
    let all = done(dir, &["redact", "--match", "-", "--yes"], &format!("{SECRET}\n"));
    assert!(all.contains("events       142 on 2 machines"), "{all}");
    assert!(all.contains("still holds") && all.contains("copy "), "{all}");
    assert_eq!(holding(dir), ["patze.db.before-0002"]);
    assert!(done(dir, &["verify"], "").contains("sound: "));

    // Served again: nothing of it anywhere; who was there before begins anew, and what is sent again stays blank.
    let server = Server::start(dir);
    load(&server, 1_000).await;
    server.caught_up().await;
    assert_eq!(hits(&server).await, 0);
    assert!(!server.get("/state").await.to_string().contains("hunter22"));
    assert!(!server.get("/snapshot").await.to_string().contains("hunter22"));
    let text = opening(&server, 5).await;
    assert!(text.contains("\"reason\":\"redacted\""), "{text}");
    let text = opening(&server, 0).await;
    assert!(!text.contains("event: reset"), "{text}");
    assert_eq!(holding(dir), ["patze.db.before-0002"]);
}

/// What a redaction has come to, as far as the folder shows it, when it is killed.
fn kill_when(dir: &Path, reached: &dyn Fn() -> bool) -> bool {
    let mut child = command(dir, &["redact", "--match", SECRET, "--yes"]).spawn().unwrap();
    let deadline = Instant::now() + PATIENCE;
    let early = loop {
        if child.try_wait().unwrap().is_some() {
            break false;
        }
        if reached() {
            break true;
        }
        assert!(Instant::now() < deadline);
        std::thread::yield_now();
    };
    child.kill().unwrap();
    child.wait().unwrap();
    early
}

#[tokio::test]
async fn killed_at_any_moment_it_is_carried_through() {
    let home = tempfile::tempdir().unwrap();
    let base = home.path().join("base");
    std::fs::create_dir(&base).unwrap();
    let mut server = Server::start(&base);
    load(&server, 10_000).await;
    server.caught_up().await;
    server.kill();
    // So that its write-ahead log is in the database, and grows only by what the redaction writes.
    done(&base, &["token", "list"], "");
    assert!(holding(&base).contains(&"patze.db".to_owned()));

    let size = |path: &Path| std::fs::metadata(path).map_or(0, |meta| meta.len());
    let mut killed = 0;
    for (round, (written, history)) in
        [(0, false), (1, false), (100 << 10, false), (0, true), (1, true), (1 << 20, true), (2 << 20, true)]
            .into_iter()
            .enumerate()
    {
        let dir = home.path().join(format!("killed{round}"));
        std::fs::create_dir(&dir).unwrap();
        for name in ["patze.db", "patze.db-wal", "patze.db-head", "history.db", "history.db-wal"] {
            if base.join(name).exists() {
                std::fs::copy(base.join(name), dir.join(name)).unwrap();
            }
        }
        let wal = dir.join("patze.db-wal");
        let reached = || size(&wal) >= written && (!history || !dir.join("history.db").exists());
        killed += u32::from(kill_when(&dir, &reached));
        assert!(done(&dir, &["verify"], "").contains("sound: "), "{written} {history}");
        if round % 2 == 1 {
            // A start carries it through, if it was decided.
            let mut server = Server::start(&dir);
            server.caught_up().await;
            server.kill();
        }
        let (again, printed) = patze(&dir, &["redact", "--match", SECRET, "--yes"], "");
        assert!(again || printed.contains("no event holds that text"), "{written} {history}: {printed}");
        assert_eq!(holding(&dir), [""; 0], "{written} {history}: {printed}");
        assert!(done(&dir, &["verify"], "").contains("sound: "), "{written} {history}");
    }
    assert!(killed >= 3, "only {killed} were killed before they had ended");
}
