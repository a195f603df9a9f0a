//! A fleet with something of everything.

use patze_supervise::clock::VirtualTime;
use serde_json::{Value, json};

use super::Document;
use crate::support::{Server, envelope, heartbeat, registered, run_state, until};

/// The payloads of the 11 types are the document's own examples.
const TYPES: [(&str, &str); 11] = [
    ("machine.registered", "MachineRegistered"),
    ("machine.heartbeat", "MachineHeartbeat"),
    ("agent.state.changed", "AgentStateChanged"),
    ("session.state.changed", "SessionStateChanged"),
    ("run.state.changed", "RunStateChanged"),
    ("run.log.emitted", "RunLogEmitted"),
    ("run.tool.started", "RunToolStarted"),
    ("run.tool.completed", "RunToolCompleted"),
    ("run.model.usage", "RunModelUsage"),
    ("run.resource.usage", "RunResourceUsage"),
    ("trace.span.recorded", "TraceSpanRecorded"),
];

/// Machine `m1` with session `s1` and run `r1`, and what else the document has words for.
pub async fn server(document: &Document) -> (Server, VirtualTime) {
    let (server, time) = Server::start_virtual().await;
    time.advance(std::time::Duration::from_secs(5)).await;
    server.ingest(&examples(document)).await;
    // More model series than are told apart, and more steps of a run than are shown.
    let many_models = (0..201).map(|n| {
        let payload = json!({"runId": "r2", "machineId": "m1", "provider": "p", "model": format!("x{n}"), "inputTokens": 1000 - n});
        envelope(&format!("model{n}"), "m1", "run.model.usage", payload)
    });
    server.ingest(&many_models.collect::<Vec<_>>()).await;
    let many_errors = (0..2_001).map(|n| line(&format!("error{n}"), "r9", "error", "no"));
    server.ingest(&many_errors.collect::<Vec<_>>()).await;
    server.ingest(&others()).await;
    caught_up(&server).await;
    (server, time)
}

pub async fn caught_up(server: &Server) {
    until("history has it all", async || server.plane.history.status().progress.behind == 0).await;
}

/// One event of each type, as the document has it.
pub fn examples(document: &Document) -> Vec<Value> {
    let schemas = &document.open["components"]["schemas"];
    TYPES
        .iter()
        .map(|(kind, schema)| {
            let mut event = envelope(&format!("e_{schema}"), "m1", kind, schemas[schema]["example"].clone());
            event["trace"] = json!({"traceId": "t1", "spanId": "sp1", "parentSpanId": "sp0"});
            event
        })
        .collect()
}

fn others() -> Vec<Value> {
    let at = |second: u32, mut event: Value| {
        event["ts"] = json!(format!("2026-02-21T00:00:0{second}.000Z"));
        event
    };
    let session = |id: &str, session: &str, to: &str, parent: Option<&str>| {
        let payload = json!({"sessionId": session, "agentId": "main", "machineId": "m1", "from": "x", "to": to, "home": "default",
                             "sessionKey": format!("agent:{session}"), "parentSessionKey": parent});
        envelope(id, "m1", "session.state.changed", payload)
    };
    let run = |id: &str, run: &str, session: &str, to: &str| {
        let payload = json!({"runId": run, "sessionId": session, "agentId": "main", "home": "default", "from": "x", "to": to, "reason": "rate limit"});
        envelope(id, "m1", "run.state.changed", payload)
    };
    let mut late = run("o_late", "r3", "s2", "completed");
    late["ts"] = json!("2026-02-20T20:00:00.000Z");
    let usage = json!({"runId": "r2", "machineId": "m1", "sessionId": "s2", "agentId": "main", "home": "default", "provider": "p", "model": "x", "inputTokens": 5000,
                       "estimatedCostUsd": 0.5});
    let span = json!({"id": "sp2", "traceId": "t1", "machineId": "m1", "runId": "r1", "name": "act"});
    vec![
        registered("o1", "m2", "Closet"),
        heartbeat("o2", "m2"),
        run_state("o3", "m2", "r1", "x", "running"),
        envelope(
            "o4",
            "m1",
            "gateway.log",
            json!({"level": "warn", "message": "restarts", "ts": "2026-02-21T00:00:00Z"}),
        ),
        line("o5", "r1", "info", &"long ".repeat(4_000)),
        session("o6", "s2", "completed", None),
        session("o7", "child", "running", Some("agent:main:main")),
        at(1, run("o8", "rc", "child", "running")),
        at(1, run("o9", "r2", "s2", "queued")),
        at(2, run("o10", "r2", "s2", "running")),
        at(3, envelope("o11", "m1", "run.model.usage", usage)),
        at(4, run("o12", "r2", "s2", "failed")),
        at(3, run("o13", "rc", "child", "completed")),
        run("o14", "r9", "s1", "running"),
        envelope("o15", "m1", "trace.span.recorded", span),
        late,
    ]
}

fn line(id: &str, run: &str, level: &str, message: &str) -> Value {
    let payload = json!({"logEntryId": id, "runId": run, "sessionId": "s1", "level": level, "message": message, "ts": "2026-02-21T00:00:01Z"});
    envelope(id, "m1", "run.log.emitted", payload)
}
