//! kill -9 while history follows a load: what it has then is neither twice nor missing, and equals a history that is made
//! anew from the log.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test may fail; real processes need real deadlines"
)]

mod process;

use std::time::Duration;

use process::Server;
use serde_json::{Value, json};

/// How long anything real may take.
const PATIENCE: Duration = Duration::from_secs(60);
const ROUNDS: u64 = 3;
/// Events of a batch.
const BATCH: u64 = 200;

fn event(n: u64) -> Value {
    let run = format!("r{}", n / 9 % 70);
    let (type_name, payload) = match n % 4 {
        0 => (
            "run.state.changed",
            json!({"runId": run, "sessionId": "s", "agentId": "a", "from": "x", "to": if n.is_multiple_of(8) { "running" } else { "failed" }}),
        ),
        1 => (
            "run.model.usage",
            json!({"runId": run, "machineId": "m", "provider": "p", "model": "x", "inputTokens": n, "outputTokens": 1, "estimatedCostUsd": 0.001}),
        ),
        2 => (
            "run.tool.completed",
            json!({"runId": run, "toolCallId": format!("t{n}"), "toolName": "exec", "status": "failed", "durationMs": 5, "success": false}),
        ),
        _ => (
            "run.log.emitted",
            json!({"logEntryId": n.to_string(), "runId": run, "sessionId": "s", "level": "error", "message": format!("line {n}"), "ts": "2026-11-25T10:00:00.000Z"}),
        ),
    };
    json!({"version": "telemetry.v1", "id": format!("e{n:09}"), "ts": "2026-11-25T10:00:00.000Z", "machineId": "m",
           "severity": "info", "type": type_name, "payload": payload, "trace": {"traceId": "t"}})
}

/// All that history tells, without where it is kept.
async fn told(server: &Server) -> Value {
    let mut told = serde_json::Map::new();
    for list in ["runs", "sessions", "logs"] {
        let (mut items, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = server.get(&format!("/history/{list}?limit=200{cursor}")).await;
            items.extend(page["items"].as_array().unwrap().iter().cloned());
            let Some(next) = page["next"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        // Equal times are ordered by the row's number, which is the order of arrival: it is the same too.
        told.insert(list.to_owned(), items.into());
    }
    let usage = server
        .get("/history/usage?by=model&bucket=hour&from=2026-11-25T00:00:00Z&to=2026-11-26T00:00:00Z")
        .await;
    told.insert("usage".to_owned(), usage["series"].clone());
    let timeline = server.get("/history/runs/r1/timeline").await;
    told.insert("timeline".to_owned(), timeline["steps"].clone());
    told.into()
}

#[tokio::test]
async fn a_killed_server_has_the_history_of_its_log() {
    let dir = tempfile::tempdir().unwrap();
    let client = reqwest::Client::builder().timeout(PATIENCE).build().unwrap();
    let mut next = 0;
    for round in 1..=ROUNDS {
        let mut server = Server::start(dir.path());
        for batch in 0..8 * round {
            let events: Vec<Value> = (next..next + BATCH).map(event).collect();
            next += BATCH;
            let url = format!("{}/ingest/batch", server.address);
            let answer = client.post(url).json(&json!({ "events": events })).send().await.unwrap();
            assert_eq!(answer.status(), 200, "round {round}, batch {batch}");
        }
        // Wherever the projector is now.
        server.kill();
    }
    let mut server = Server::start(dir.path());
    server.caught_up().await;
    let followed = told(&server).await;
    assert_eq!(followed["logs"].as_array().unwrap().len() as u64, next / 4, "each line once");
    assert_eq!(followed["usage"][0]["total"]["calls"], next / 4, "each call once");
    server.kill();
    for suffix in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(dir.path().join(format!("history.db{suffix}")));
    }
    let server = Server::start(dir.path());
    server.caught_up().await;
    let anew = told(&server).await;
    for part in ["runs", "sessions", "logs", "usage", "timeline"] {
        assert!(anew[part] == followed[part], "{part} differ");
    }
}
