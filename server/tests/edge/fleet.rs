//! `/snapshot` and `/state` (contract §7; design §10), and what survives a restart.

use patze_core::fleet::snapshot::SnapshotWriter;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::{Server, envelope, heartbeat, json_of, log_line, registered, run_state, session_state};

fn a_run() -> Vec<Value> {
    let tool = json!({ "runId": "r1", "toolCallId": "t1", "toolName": "read", "startedAt": "2026-02-21T00:00:00.000Z" });
    let usage = json!({
        "runId": "r1", "machineId": "m1", "provider": "p", "model": "x", "inputTokens": 10, "outputTokens": 5,
        "totalTokens": 15, "estimatedCostUsd": 0.25, "measuredAt": "2026-02-21T00:00:00.000Z",
    });
    vec![
        registered("e1", "m1", "Desk"),
        heartbeat("e2", "m1"),
        session_state("e3", "m1", "created", "running"),
        run_state("e4", "m1", "r1", "created", "running"),
        envelope("e5", "m1", "run.tool.started", tool),
        envelope("e6", "m1", "run.model.usage", usage),
        log_line("e7", "m1", 10),
    ]
}

#[actix_rt::test]
async fn an_empty_snapshot_has_all_nine_keys() {
    let (server, _time) = Server::start_virtual().await;
    let snapshot = server.snapshot().await;
    for (key, value) in [
        ("machines", json!([])),
        ("sessions", json!([])),
        ("runs", json!([])),
        ("activeRuns", json!([])),
        ("runDetails", json!({})),
        ("logs", json!([])),
        ("recentEvents", json!([])),
        ("lastUpdated", json!("1970-01-01T00:00:00.000Z")),
    ] {
        assert_eq!(snapshot[key], value, "{key}");
    }
    assert_eq!(
        snapshot["health"],
        json!({ "overall": "unknown", "machines": [], "activeRunsTotal": 0, "failedRunsTotal": 0, "staleMachinesTotal": 0 })
    );
    server.stop().await;
}

/// W-C3: tool calls, usage, logs and activity are in the snapshot, also after a restart. W-R14: so are machines' names.
#[actix_rt::test]
async fn w_c3_and_w_r14_the_snapshot_tells_all_and_survives_a_restart() {
    let mut server = Server::start().await;
    server.ingest(&a_run()).await;
    for _ in 0..2 {
        let snapshot = server.snapshot().await;
        assert_eq!(snapshot["machines"][0]["name"], "Desk");
        assert_eq!(snapshot["machines"][0]["lastResource"]["cpuPct"], 1.5);
        assert_eq!(snapshot["activeRuns"][0]["isActive"], true);
        let detail = &snapshot["runDetails"]["r1"];
        assert_eq!(detail["toolCalls"][0]["toolName"], "read", "{detail}");
        assert_eq!(detail["modelUsage"]["totalTokens"], 15);
        assert_eq!(detail["modelUsage"]["estimatedCostUsd"], 0.25);
        assert_eq!(snapshot["logs"][0]["message"], "xxxxxxxxxx");
        assert!(snapshot["recentEvents"].as_array().unwrap().len() >= 5, "{}", snapshot["recentEvents"]);
        server = server.restart().await;
    }
    server.stop().await;
}

/// W-P4: the body is written once a position, and a client that has it gets none.
#[actix_rt::test]
async fn w_p4_what_has_not_changed_is_not_sent_again() {
    let (server, _time) = Server::start_virtual().await;
    server.ingest(&a_run()).await;
    for path in ["/snapshot", "/state"] {
        let first = server.get(path).await;
        assert_eq!(first.headers()["cache-control"], "no-cache");
        let tag = first.headers()["etag"].clone();
        let head = server.plane.log.head();
        assert!(
            tag.to_str().unwrap().starts_with(&format!("W/\"{}-{}", head.log_id, head.position)),
            "{tag:?}"
        );
        let again = |tag| server.client.get(server.url(path)).header("if-none-match", tag).send();
        let response = again(tag.clone()).await.unwrap();
        assert_eq!((response.status(), &response.headers()["etag"]), (StatusCode::NOT_MODIFIED, &tag));
        assert_eq!(response.text().await.unwrap(), "");
        server.ingest(&[heartbeat(&format!("more{path}"), "m1")]).await;
        let response = again(tag).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{path}");
    }
    server.stop().await;
}

#[actix_rt::test]
async fn the_state_is_the_fleet_itself_with_its_place_and_time() {
    let (server, _time) = Server::start_virtual().await;
    server.ingest(&a_run()).await;
    let (_, answer) = json_of(server.get("/state").await).await;
    let head = server.plane.log.head();
    assert_eq!(
        (&answer["logId"], &answer["position"], &answer["now"]),
        (&json!(head.log_id), &json!(head.position), &json!("2026-02-21T00:00:00.000Z"))
    );
    assert_eq!(answer["foldVersion"], patze_core::fleet::FOLD_VERSION);
    let fleet: patze_core::fleet::Fleet = serde_json::from_value(answer["state"].clone()).unwrap();
    assert_eq!(&fleet, &*server.plane.log.fleet());
    server.stop().await;
}

/// A body is sent in pieces that are kept from the one before; what arrives is the text written from nothing.
#[actix_rt::test]
async fn a_body_of_kept_pieces_is_the_one_from_nothing() {
    let (server, _time) = Server::start_virtual().await;
    for step in 0..4 {
        let runs = (0..400).map(|n| {
            let (run, to) =
                (format!("r{}", n * (step + 1)), ["running", "streaming", "failed"][(n + step) % 3]);
            run_state(&format!("e{step}-{n}"), "m1", &run, "created", to)
        });
        server.ingest(&runs.collect::<Vec<_>>()).await;
        let response = server.get("/snapshot").await;
        let (position, length) = (server.plane.log.head().position, response.content_length());
        let tag = response.headers()["etag"].to_str().unwrap().to_owned();
        assert!(tag.contains(&format!("-{position}-")), "{tag} at {position}");
        let body = response.bytes().await.unwrap();
        let fleet = server.plane.log.fleet();
        let whole = SnapshotWriter::default().write(&fleet).unwrap().to_vec();
        assert_eq!((fleet.position(), length), (position, Some(whole.len() as u64)));
        assert!(body == whole, "step {step}: {} bytes for {}", body.len(), whole.len());
        let state = server.get("/state").await.bytes().await.unwrap();
        let text = serde_json::to_vec(&*fleet).unwrap();
        assert!(state.ends_with(&[&text[..], b"}"].concat()), "step {step}");
    }
    // The last ones were written off the worker thread.
    assert!(server.plane.log.fleet().facts().runs.len() > 500);
    server.stop().await;
}

/// Any past moment, by position and by time, as the fleet itself and as the contract's view.
#[actix_rt::test]
async fn the_past_is_what_it_was() {
    let (server, time) = Server::start_virtual().await;
    let mut then = Vec::new();
    for (n, event) in a_run().into_iter().enumerate() {
        time.jump_wall(1_000);
        server.ingest(&[event]).await;
        let (_, state) = json_of(server.get("/state").await).await;
        then.push((n, state, server.snapshot().await));
    }
    for (_, state, snapshot) in &then {
        let position = &state["position"];
        let at_position = json_of(server.get(&format!("/state?at={position}")).await).await.1;
        assert_eq!(at_position["state"], state["state"]);
        let time = state["state"]["logTime"].as_str().unwrap();
        let at_time = json_of(server.get(&format!("/state?at={time}")).await).await.1;
        assert_eq!((&at_time["position"], &at_time["state"]), (position, &state["state"]));
        let (status, view) = json_of(server.get(&format!("/snapshot?at={position}")).await).await;
        assert_eq!((status, &view), (StatusCode::OK, snapshot));
    }
    // What is known is not sent, nor built, again.
    let first = server.get("/snapshot?at=2").await;
    let tag = first.headers()["etag"].clone();
    let again =
        server.client.get(server.url("/snapshot?at=2")).header("if-none-match", tag).send().await.unwrap();
    assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
    server.stop().await;
}

#[actix_rt::test]
async fn a_moment_that_is_none_is_said() {
    let (server, _time) = Server::start_virtual().await;
    for at in ["", "soon", "-1", "1.5", "18446744073709551616", "2026-13-01"] {
        for path in ["/state", "/snapshot"] {
            let (status, answer) = json_of(server.get(&format!("{path}?at={at}")).await).await;
            assert_eq!((status, &answer["error"]), (StatusCode::BAD_REQUEST, &json!("invalid_at")), "{at}");
        }
    }
    for at in ["1000000", "2026-02-21T00:00:00.001Z"] {
        let (status, answer) = json_of(server.get(&format!("/state?at={at}")).await).await;
        assert_eq!((status, &answer["error"]), (StatusCode::BAD_REQUEST, &json!("at_in_future")), "{answer}");
    }
    let before = json_of(server.get("/state?at=1970-01-01").await).await.1;
    assert_eq!(before["position"], 0, "before the first event nothing was");
    server.stop().await;
}

#[actix_rt::test]
async fn large_answers_are_compressed_small_ones_and_streams_are_not() {
    let server = Server::start().await;
    let get = async |path: &str| {
        let request = server.client.get(server.url(path)).header("accept-encoding", "gzip");
        request.send().await.unwrap()
    };
    let small = get("/snapshot").await;
    assert!(
        small.headers().get("content-encoding").is_none() && small.headers().get("content-length").is_some()
    );
    let events: Vec<_> = (0..60).map(|n| log_line(&format!("e{n}"), "m1", 300)).collect();
    server.ingest(&events).await;
    let plain = server.get("/snapshot").await;
    assert!(plain.headers().get("content-encoding").is_none());
    let plain = plain.bytes().await.unwrap();
    let large = get("/snapshot").await;
    assert_eq!(large.headers()["content-encoding"], "gzip");
    let large = large.bytes().await.unwrap();
    assert!(large.len() * 3 < plain.len(), "{} of {}", large.len(), plain.len());
    assert!(large.starts_with(&[0x1f, 0x8b]), "gzip's magic");
    let stream = get("/events").await;
    assert!(stream.headers().get("content-encoding").is_none());
    drop(stream);
    server.stop().await;
}
