//! The whole way, with the real programs: an original bridge's requests (contract §16.2), and our bridge over a
//! recorded OpenClaw home.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test may fail; real processes need real deadlines"
)]

mod process;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use process::Server;
use serde_json::{Value, json};

/// How long something real may take before a test fails.
const PATIENCE: Duration = Duration::from_secs(60);

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

async fn get(address: &str, path: &str) -> Value {
    reqwest::get(format!("{address}{path}")).await.unwrap().json().await.unwrap()
}

async fn post(address: &str, path: &str, body: &Value) -> (u16, Value) {
    let answer = reqwest::Client::new().post(format!("{address}{path}")).json(body).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap_or_default())
}

fn envelope(id: &str, type_name: &str, payload: &Value) -> Value {
    json!({"version": "telemetry.v1", "id": id, "ts": "2026-11-25T10:00:00.000Z", "machineId": "machine_1", "severity": "info",
           "type": type_name, "payload": payload, "trace": {"traceId": "trace_1"}})
}

/// What a fresh original bridge sends first (contract §14.2), its session's two states in one millisecond.
fn first_batch() -> Value {
    let m = "machine_1";
    json!({"events": [
        envelope("evt_1", "machine.registered", &json!({"machineId": m, "name": "vps-1", "kind": "vps", "status": "online", "registeredAt": "2026-11-25T10:00:00.000Z"})),
        envelope("evt_2", "machine.heartbeat", &json!({"machineId": m, "status": "online", "resource": {"cpuPct": 3, "memoryBytes": 5e9, "memoryPct": 40, "diskPct": 12}})),
        envelope("evt_3", "run.state.changed", &json!({"runId": "run_1", "sessionId": "ses_1", "agentId": "main", "from": "created", "to": "completed"})),
        envelope("evt_4", "run.tool.completed", &json!({"runId": "run_1", "toolCallId": "t1", "toolName": "exec", "status": "completed", "durationMs": 4, "success": true})),
        envelope("evt_5", "run.log.emitted", &json!({"logEntryId": "log_1", "runId": "run_1", "sessionId": "ses_1", "level": "info", "message": "done", "ts": "2026-11-25T10:00:00.000Z"})),
        envelope("evt_6", "run.model.usage", &json!({"runId": "run_1", "machineId": m, "provider": "p", "model": "x", "inputTokens": 10, "outputTokens": 10, "totalTokens": 20, "measuredAt": "2026-11-25T10:00:00.000Z"})),
        // The random ids of an original bridge: the later one sorts first.
        envelope("evt_z", "session.state.changed", &json!({"sessionId": "ses_1", "agentId": "main", "machineId": m, "from": "created", "to": "running"})),
        envelope("evt_a", "session.state.changed", &json!({"sessionId": "ses_1", "agentId": "main", "machineId": m, "from": "running", "to": "completed"})),
    ]})
}

fn assert_first_batch(snapshot: &Value) {
    assert_eq!(snapshot["machines"][0]["name"], "vps-1");
    assert_eq!(snapshot["machines"][0]["lastResource"]["diskPct"], 12.0);
    for list in ["machines", "runs", "sessions", "logs"] {
        assert_eq!(snapshot[list].as_array().unwrap().len(), 1, "{list}");
    }
    assert_eq!(snapshot["sessions"][0]["state"], "completed", "step 4: equal times are decided by arrival");
    let detail = &snapshot["runDetails"]["run_1"];
    assert_eq!(detail["toolCalls"].as_array().unwrap().len(), 1);
    assert_eq!(detail["modelUsage"]["totalTokens"], 20, "step 3: no doubled totals");
}

/// Steps 1 (without cron-sync), 2, 3, 4, 7 of contract §16.2, and of 5 that frames carry `version`.
#[test]
fn contract_16_2_unchanged_original_clients_work() {
    let dir = tempfile::tempdir().unwrap();
    let mut server = Server::start(dir.path());
    runtime().block_on(async {
        // 7: the browser's preflight.
        let preflight = reqwest::Client::new()
            .request(reqwest::Method::OPTIONS, format!("{}/events", server.address))
            .header("Origin", "http://localhost:1420")
            .header("Access-Control-Request-Method", "GET")
            .header("Access-Control-Request-Headers", "authorization,last-event-id")
            .send()
            .await
            .unwrap();
        assert_eq!(preflight.status(), 204);
        assert_eq!(preflight.headers()["access-control-allow-origin"], "http://localhost:1420");
        assert_eq!(preflight.headers()["access-control-allow-headers"], "authorization,last-event-id");

        // 3 and 5: a control-client starts, and sees what comes with its version.
        assert_eq!(get(&server.address, "/snapshot").await["machines"], json!([]));
        let mut stream = reqwest::get(format!("{}/events", server.address)).await.unwrap();
        assert_eq!(stream.chunk().await.unwrap().unwrap(), ": connected\n\n");

        // 1: the bridge's first requests.
        let (status, answer) = post(&server.address, "/ingest/batch", &first_batch()).await;
        assert_eq!((status, &answer["acceptedCount"], &answer["rejectedCount"]), (200, &json!(8), &json!(0)));
        let (status, answer) =
            post(&server.address, "/openclaw/bridge/commands/poll", &json!({"machineId": "machine_1"})).await;
        assert_eq!((status, answer), (200, json!({"available": false})));
        let mut seen = String::new();
        while seen.matches("event: telemetry\n").count() < 8 {
            seen.push_str(std::str::from_utf8(&stream.chunk().await.unwrap().unwrap()).unwrap());
        }
        let frames: Vec<Value> = seen
            .lines()
            .filter_map(|line| line.strip_prefix("data: "))
            .map(|data| serde_json::from_str(data).unwrap())
            .collect();
        assert!(frames.iter().all(|frame| frame["version"] == "telemetry.v1"), "step 5");
        assert_first_batch(&get(&server.address, "/snapshot").await);
    });

    // 2 and 3: the server dies and comes back; the bridge sends again what it had no answer to.
    server.kill();
    let server = Server::start(dir.path());
    runtime().block_on(async {
        assert_first_batch(&get(&server.address, "/snapshot").await);
        let (status, answer) = post(&server.address, "/ingest/batch", &first_batch()).await;
        assert_eq!((status, &answer["acceptedCount"]), (200, &json!(8)), "a duplicate is accepted again");
        assert_first_batch(&get(&server.address, "/snapshot").await);
    });
}

/// Our bridge, as a process of its own, over one home.
struct Bridge(Child);

impl Bridge {
    fn start(address: &str, home: &Path, state: &Path, machine: &str) -> Self {
        let program = Path::new(env!("CARGO_BIN_EXE_patze")).with_file_name("patze-bridge");
        assert!(program.exists(), "{} is not built: run the tests of the whole workspace", program.display());
        let process = Command::new(program)
            .current_dir(state)
            .env_clear()
            .envs([
                ("HOME", state.as_os_str()),
                ("BRIDGE_STATE_DIR", state.as_os_str()),
                ("OPENCLAW_STATE_DIR", home.as_os_str()),
            ])
            .envs([
                ("CONTROL_PLANE_BASE_URL", address),
                ("MACHINE_ID", machine),
                ("MACHINE_LABEL", machine),
                ("RUST_LOG", "warn"),
            ])
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Self(process)
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A recorded home, unpacked; the folder that holds it.
fn unpack(fixture: &str) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let archive = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../bridge/tests/fixtures")
        .join(fixture)
        .join("openclaw-home.tar.zst");
    let tar = Command::new("tar")
        .arg("-C")
        .arg(dir.path())
        .arg("--zstd")
        .arg("-xf")
        .arg(&archive)
        .status()
        .unwrap();
    assert!(tar.success(), "{} cannot be unpacked; are tar and zstd installed?", archive.display());
    let home = dir.path().join(".openclaw");
    (dir, home)
}

fn expected(fixture: &str) -> Value {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../bridge/tests/fixtures")
        .join(fixture)
        .join("expected.json");
    serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()
}

/// What a machine's snapshot adds up to, in the words of `expected.json`.
fn counts(snapshot: &Value, machine: &str) -> Value {
    let of = |list: &str| -> Vec<&Value> {
        snapshot[list].as_array().unwrap().iter().filter(|row| row["machineId"] == machine).collect()
    };
    let (sessions, runs) = (of("sessions"), of("runs"));
    let ended = |state: &str| runs.iter().filter(|run| run["state"] == state).count();
    let tokens = |field: &str| sessions.iter().map(|s| s["usage"][field].as_u64().unwrap()).sum::<u64>();
    let details =
        snapshot["runDetails"].as_object().unwrap().values().filter(|detail| detail["machineId"] == machine);
    json!({
        "sessions": sessions.len(), "runs": runs.len(), "runs_completed": ended("completed"), "runs_failed": ended("failed"),
        "runs_cancelled": ended("cancelled"), "inputTokens": tokens("inputTokens"), "outputTokens": tokens("outputTokens"),
        "toolCalls": details.map(|detail| detail["toolCallCount"].as_u64().unwrap()).sum::<u64>(),
    })
}

/// Asks until the machine's counts are what is expected.
async fn until_counted(address: &str, machine: &str, expected: &Value) {
    let began = Instant::now();
    loop {
        let counted = counts(&get(address, "/snapshot").await, machine);
        if counted.as_object().unwrap().iter().all(|(key, value)| expected[key] == *value) {
            return;
        }
        assert!(began.elapsed() < PATIENCE, "{machine}: {counted} is not {expected}");
        tokio::task::yield_now().await;
    }
}

/// Events of bridges by machine and id, without heartbeats and registrations.
fn stored(dir: &Path) -> Vec<(String, String, String)> {
    let db = rusqlite::Connection::open_with_flags(
        dir.join("patze.db"),
        rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY,
    )
    .unwrap();
    let mut statement = db
        .prepare("SELECT machine, id, payload FROM events WHERE origin = 'ingest' AND type NOT LIKE 'machine.%' ORDER BY machine, id")
        .unwrap();
    statement
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .unwrap()
        .map(Result::unwrap)
        .collect()
}

#[test]
fn recorded_homes_arrive_whole_and_once() {
    for fixture in ["03-sessions-tools", "04-sessions-failures-cron", "05-channels-telegram-slack-discord"] {
        let (_folder, home) = unpack(fixture);
        let expected = expected(fixture);
        let dir = tempfile::tempdir().unwrap();
        let mut server = Server::start(dir.path());
        let port = server.address.rsplit(':').next().unwrap().to_owned();
        let (one, two, fresh) =
            (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        runtime().block_on(async {
            let _one = Bridge::start(&server.address, &home, one.path(), "one");
            until_counted(&server.address, "one", &expected).await;
            // Another machine with the same history does not merge with the first.
            let _two = Bridge::start(&server.address, &home, two.path(), "two");
            until_counted(&server.address, "two", &expected).await;
            assert_eq!(get(&server.address, "/snapshot").await["machines"].as_array().unwrap().len(), 2);
        });
        let before = stored(dir.path());

        // The control plane is away while the first machine reads everything again with an empty spool.
        server.kill();
        let _fresh = Bridge::start(&format!("http://127.0.0.1:{port}"), &home, fresh.path(), "one");
        let server = Server::start_on(dir.path(), &port);
        runtime().block_on(until_delivered_again(&server.address, "one", &before));
        assert_eq!(stored(dir.path()), before, "{fixture}: the same events, once");
    }
}

/// Waits until everything that is stored of the machine has come once more.
async fn until_delivered_again(address: &str, machine: &str, stored: &[(String, String, String)]) {
    let events = stored.iter().filter(|(of, ..)| of == machine).count();
    let began = Instant::now();
    loop {
        let metrics = reqwest::get(format!("{address}/metrics")).await.unwrap().text().await.unwrap();
        let duplicates = metrics.lines().find_map(|line| line.strip_prefix("patze_events_duplicate_total "));
        let duplicates: usize = duplicates.unwrap().parse().unwrap();
        if duplicates >= events {
            return;
        }
        assert!(began.elapsed() < PATIENCE, "{duplicates} of {events} events came again");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// BR-2 on the control plane's disk: nothing of what the recorded prompts, replies and arguments say.
#[test]
fn no_recorded_text_is_on_the_control_planes_disk() {
    let (_folder, home) = unpack("03-sessions-tools");
    let agent = home.join("agents/main/agent/openclaw-agent.sqlite");
    let source = rusqlite::Connection::open(agent).unwrap();
    let texts: String = {
        let mut statement =
            source.prepare("SELECT event_json FROM transcript_events WHERE event_json IS NOT NULL").unwrap();
        statement.query_map([], |row| row.get::<_, String>(0)).unwrap().map(Result::unwrap).collect()
    };
    drop(source);
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let state = tempfile::tempdir().unwrap();
    runtime().block_on(async {
        let _bridge = Bridge::start(&server.address, &home, state.path(), "one");
        until_counted(&server.address, "one", &expected("03-sessions-tools")).await;
    });
    let mut disk = Vec::new();
    for file in std::fs::read_dir(dir.path()).unwrap() {
        disk.extend(std::fs::read(file.unwrap().path()).unwrap());
    }
    let disk = String::from_utf8_lossy(&disk);
    for marker in ["hello there", "Mock reply", "list files please", "ls -la", "SOUL.md"] {
        assert!(texts.contains(marker), "{marker:?} is in the recorded home");
        assert!(!disk.contains(marker), "{marker:?} has left its machine");
    }
}
