//! kill -9 at random moments under load (EL-1, EL-2, EL-3, FO-1). `scripts/crash-test N` runs N rounds.
//!
//! Each round starts the real server on the same folder, loads it over HTTP, and kills it once a random number of
//! batches was acknowledged, with others in flight. After the restart: every acknowledged event is there once, positions
//! are dense, `patze verify` finds the digests whole, and two states are what a rebuild gives: the one that was live under
//! load just before the kill, and the one that is live after the restart.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test may fail; real processes need real deadlines"
)]

mod process;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use process::Server;
use serde_json::{Value, json};
use tokio::sync::mpsc;

/// Connections that load the server at once.
const CONNECTIONS: u64 = 4;
/// How long a server may take to listen again.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// A small generator, so that a round's numbers can be had again from its seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n
    }
}

fn event(id: &str, machine: u64, n: u64) -> Value {
    let (type_name, payload) = match n % 3 {
        0 => (
            "run.state.changed",
            json!({"runId": format!("r{}", n / 3 % 50), "sessionId": "s", "agentId": "a", "from": "x", "to": if n.is_multiple_of(2) { "running" } else { "completed" }}),
        ),
        1 => (
            "run.model.usage",
            json!({"runId": format!("r{}", n / 3 % 50), "machineId": format!("m{machine}"), "provider": "p", "model": "x", "inputTokens": n, "outputTokens": 1, "estimatedCostUsd": 0.001}),
        ),
        _ => (
            "run.log.emitted",
            json!({"logEntryId": id, "runId": "r1", "sessionId": "s", "level": "info", "message": format!("line {n}"), "ts": "2026-11-25T10:00:00.000Z"}),
        ),
    };
    json!({"version": "telemetry.v1", "id": id, "ts": "2026-11-25T10:00:00.000Z", "machineId": format!("m{machine}"),
           "severity": "info", "type": type_name, "payload": payload, "trace": {"traceId": "t"}})
}

/// Posts batches until the server is gone; tells of each acknowledged one.
async fn load(
    address: String,
    connection: u64,
    round: u64,
    ids: Arc<AtomicU64>,
    acked: mpsc::Sender<Vec<(String, String)>>,
) {
    let client = reqwest::Client::builder().timeout(ANSWER_WITHIN).build().unwrap();
    let mut dice = Dice(0x9E37_79B9 ^ (round << 8) ^ connection | 1);
    let mut again = Vec::new();
    loop {
        let mut events: Vec<Value> = (0..=dice.below(50))
            .map(|_| {
                let n = ids.fetch_add(1, Ordering::Relaxed);
                event(&format!("e{n:09}"), connection % 2, n)
            })
            .collect();
        // Some are delivered twice, as a bridge does that missed an answer.
        if dice.below(4) == 0 {
            events.append(&mut again);
        }
        let request = client.post(format!("{address}/ingest/batch")).json(&json!({ "events": events }));
        let Ok(answer) = request.send().await else { return };
        if answer.status() != 200 {
            continue;
        }
        let Ok(body) = answer.json::<Value>().await else { return };
        assert_eq!(body["acceptedCount"], events.len(), "{body}");
        let names = events
            .iter()
            .map(|e| (e["machineId"].as_str().unwrap().into(), e["id"].as_str().unwrap().into()));
        if acked.send(names.collect()).await.is_err() {
            return;
        }
        again = events;
    }
}

/// The fleet that a server shows, as text, and its position.
async fn state(address: &str, query: &str) -> (u64, String) {
    let client = reqwest::Client::builder().timeout(ANSWER_WITHIN).build().unwrap();
    let text = client.get(format!("{address}/state{query}")).send().await.unwrap().text().await.unwrap();
    let answer: Value = serde_json::from_str(&text).unwrap();
    let (_, state) = text.split_once(",\"state\":").unwrap();
    (answer["position"].as_u64().unwrap(), state.strip_suffix('}').unwrap().to_owned())
}

/// Rebuild == live (FO-1): the state before the kill is the past of the restarted server, whose own is the one that
/// `patze verify` builds from the first event on.
async fn check_states(address: &str, dir: &Path, before: Option<&(u64, String)>, round: u64) {
    if let Some((position, live)) = before {
        let (_, rebuilt) = state(address, &format!("?at={position}")).await;
        assert_eq!(&rebuilt, live, "round {round}: the state at {position}");
    }
    loop {
        let (position, live) = state(address, "").await;
        let verified = verify(dir, round);
        let told = |what: &str| {
            let line = verified.lines().find(|line| line.starts_with(what)).unwrap();
            line.split_whitespace().nth(1).unwrap().to_owned()
        };
        // The control plane may just have noted something of its own.
        if told("position") == position.to_string() {
            let fleet: patze_core::fleet::Fleet = serde_json::from_str(&live).unwrap();
            let hash: String = fleet.hash().iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(told("state"), hash, "round {round}: the state at {position}");
            return;
        }
    }
}

/// What `patze verify` says.
fn verify(dir: &Path, round: u64) -> String {
    let verified = Command::new(env!("CARGO_BIN_EXE_patze"))
        .current_dir(dir)
        .env_clear()
        .env("PATZE_SETTINGS_DIR", dir)
        .arg("verify")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&verified.stdout).into_owned();
    let noted = String::from_utf8_lossy(&verified.stderr);
    assert!(verified.status.success(), "round {round}: patze verify: {said}{noted}");
    said
}

/// What must hold after every restart.
fn check(dir: &Path, acked: &BTreeSet<(String, String)>, round: u64) {
    let db = rusqlite::Connection::open_with_flags(
        dir.join("patze.db"),
        rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY,
    )
    .unwrap();
    let mut statement =
        db.prepare("SELECT machine, id FROM events WHERE machine <> '' ORDER BY position").unwrap();
    let stored: Vec<(String, String)> =
        statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect();
    let once: BTreeSet<_> = stored.iter().cloned().collect();
    assert_eq!(once.len(), stored.len(), "round {round}: an event is stored twice (EL-3)");
    let lost: Vec<_> = acked.difference(&once).take(5).collect();
    assert!(lost.is_empty(), "round {round}: acknowledged and not there (EL-2): {lost:?}");
    let (first, last, count): (i64, i64, i64) = db
        .query_row(
            "SELECT coalesce(min(position), 1), coalesce(max(position), 0), count(*) FROM events",
            [],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )
        .unwrap();
    assert_eq!((first, last), (1, count), "round {round}: positions are dense (EL-1)");
}

fn crash(rounds: u64) {
    let dir = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let ids = Arc::new(AtomicU64::new(0));
    let (mut acked, mut before) = (BTreeSet::new(), None);
    for round in 1..=rounds {
        let mut server = Server::start(dir.path());
        check(dir.path(), &acked, round);
        runtime.block_on(check_states(&server.address, dir.path(), before.as_ref(), round));
        let batches = Dice(round.wrapping_mul(0x2545_F491_4F6C_DD1D) | 1).below(40);
        runtime.block_on(async {
            let (tell, mut told) = mpsc::channel(64);
            let loads: Vec<_> = (0..CONNECTIONS)
                .map(|c| tokio::spawn(load(server.address.clone(), c, round, ids.clone(), tell.clone())))
                .collect();
            drop(tell);
            let mut seen = 0;
            while let Some(names) = told.recv().await {
                acked.extend(names);
                if seen == batches {
                    before = Some(state(&server.address, "").await);
                    server.kill();
                }
                seen += 1;
            }
            for load in loads {
                load.await.unwrap();
            }
            assert!(seen > batches, "round {round}: the load ended early, after {seen} batches");
        });
    }
    let server = Server::start(dir.path());
    check(dir.path(), &acked, rounds + 1);
    runtime.block_on(check_states(&server.address, dir.path(), before.as_ref(), rounds + 1));
    println!("{rounds} rounds, {} acknowledged events, none lost", acked.len());
}

#[test]
fn killed_servers_lose_nothing() {
    crash(2);
}

#[test]
#[ignore = "scripts/crash-test N runs it, N rounds"]
fn killed_servers_lose_nothing_for_many_rounds() {
    crash(std::env::var("CRASH_ROUNDS").unwrap().parse().unwrap());
}
