//! `/ingest` and `/ingest/batch` (contract §9.2, §9.3).

use patze_actors::log::{Batch, Lane};
use patze_core::event::envelope;
use patze_supervise::clock::Clock;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::{Server, envelope as event, heartbeat, json_of, log_line, registered, until};

#[actix_rt::test]
async fn a_mixed_batch_tells_each_events_fate_by_its_index() {
    let server = Server::start().await;
    let bad = event("e2", "m1", "machine.exploded", json!({}));
    let body = json!({ "events": [heartbeat("e1", "m1"), bad, 7, heartbeat("e3", "m1")] });
    let (status, answer) = json_of(server.post("/ingest/batch", &body).await).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!((&answer["acceptedCount"], &answer["rejectedCount"]), (&json!(2), &json!(2)));
    assert_eq!(answer["accepted"][0]["index"], 0);
    assert_eq!(answer["accepted"][1]["index"], 3);
    assert_eq!(answer["rejected"][0]["index"], 1);
    assert_eq!(answer["rejected"][0]["error"]["code"], "invalid_event_type");
    assert!(answer["rejected"][0]["error"]["message"].is_string());
    assert_eq!(answer["rejected"][1]["index"], 2);
    assert_eq!(answer["rejected"][1]["error"]["code"], "invalid_envelope");
    // The echo is the normalised event (contract §3.3).
    let mut echo = heartbeat("e1", "m1");
    echo["payload"]["resource"]["cpuPct"] = json!(1.5);
    assert_eq!(answer["accepted"][0]["event"], echo);
    assert_eq!(server.plane.log.fleet().facts().machines.len(), 1);
    server.stop().await;
}

#[actix_rt::test]
async fn an_empty_batch_is_fine() {
    let server = Server::start().await;
    let (status, answer) = json_of(server.post("/ingest/batch", &json!({ "events": [] })).await).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(answer, json!({ "accepted": [], "rejected": [], "acceptedCount": 0, "rejectedCount": 0 }));
    server.stop().await;
}

#[actix_rt::test]
async fn a_batch_of_the_wrong_shape_is_refused_as_a_whole() {
    let server = Server::start().await;
    for body in [json!([]), json!({}), json!({ "events": {} }), json!("x"), json!(null)] {
        let (status, answer) = json_of(server.post("/ingest/batch", &body).await).await;
        assert_eq!(
            (status, &answer["error"]),
            (StatusCode::BAD_REQUEST, &json!("invalid_batch_request")),
            "{body}"
        );
    }
    server.stop().await;
}

#[actix_rt::test]
async fn one_event_is_echoed_or_refused() {
    let server = Server::start().await;
    let (status, answer) = json_of(server.post("/ingest", &heartbeat("e1", "m1")).await).await;
    assert_eq!((status, answer), (StatusCode::OK, json!({ "ok": true, "event": heartbeat("e1", "m1") })));
    let (status, answer) = json_of(server.post("/ingest", &heartbeat("", "m1")).await).await;
    assert_eq!((status, &answer["ok"]), (StatusCode::BAD_REQUEST, &json!(false)));
    assert_eq!(answer["error"]["code"], "invalid_envelope");
    let (status, answer) = json_of(server.post("/ingest", &json!([1])).await).await;
    assert_eq!((status, &answer["error"]["code"]), (StatusCode::BAD_REQUEST, &json!("invalid_envelope")));
    server.stop().await;
}

/// JavaScript cuts texts in the middle of an emoji and sends what is left of it; Rust's strings cannot hold that.
#[actix_rt::test]
async fn half_a_character_is_taken_as_the_replacement_character() {
    let server = Server::start().await;
    let mut stream = server.events("").await;
    let mut event = registered("e1", "m1", "boxHALF");
    event["payload"]["HALF"] = json!("HALF and WHOLE");
    let batch = json!({ "events": [event, heartbeat("eHALF", "m1")] }).to_string();
    let body = batch.replace("HALF", "\\ud83d").replace("WHOLE", "\\ud83d\\ude00");
    let request = reqwest::Client::builder().no_proxy().build().unwrap().post(server.url("/ingest/batch"));
    let request = request.header("content-type", "application/json").body(body);
    let (status, answer) = json_of(request.send().await.unwrap()).await;
    assert_eq!((status, &answer["acceptedCount"]), (StatusCode::OK, &json!(2)), "{answer}");
    let frame = stream.event().await;
    assert_eq!(frame["payload"]["name"], "box\u{FFFD}");
    assert_eq!(frame["payload"]["\u{FFFD}"], "\u{FFFD} and \u{1F600}");
    assert_eq!(stream.event().await["id"], "e\u{FFFD}");
    assert_eq!(server.snapshot().await["machines"][0]["name"], "box\u{FFFD}");
    server.stop().await;
}

#[actix_rt::test]
async fn a_duplicate_is_accepted_again_and_streamed_once_also_across_a_restart() {
    let server = Server::start().await;
    let mut stream = server.events("").await;
    let first = registered("e1", "m1", "First");
    let other = registered("e1", "m1", "Other");
    server.ingest(&[first.clone(), first]).await;
    server.ingest(std::slice::from_ref(&other)).await;
    server.ingest(&[heartbeat("e2", "m1")]).await;
    assert_eq!(stream.event().await["payload"]["name"], "First");
    assert_eq!(stream.event().await["id"], "e2", "one frame for e1");

    let server = server.restart().await;
    let mut stream = server.events("").await;
    server.ingest(&[other, heartbeat("e3", "m1")]).await;
    assert_eq!(stream.event().await["id"], "e3");
    assert_eq!(server.snapshot().await["machines"][0]["name"], "First", "the first content wins");
    server.stop().await;
}

/// W-P9: the batch response echoes all events; a client that asks for it gets the indices alone.
#[actix_rt::test]
async fn w_p9_return_minimal_leaves_the_echo_out() {
    let server = Server::start().await;
    let body = json!({ "events": [heartbeat("e1", "m1"), heartbeat("", "m1")] });
    let request =
        server.client.post(server.url("/ingest/batch")).header("Prefer", "return=minimal").json(&body);
    let response = request.send().await.unwrap();
    assert_eq!(response.headers()["preference-applied"], "return=minimal");
    let state: Value = server.client.get(server.url("/state")).send().await.unwrap().json().await.unwrap();
    assert_eq!(
        response.headers()["x-patze-log-id"],
        state["logId"].as_str().unwrap(),
        "whose acknowledgement it is"
    );
    let answer: Value = response.json().await.unwrap();
    assert_eq!(answer["accepted"], json!([{ "index": 0 }]));
    assert_eq!(answer["rejected"][0]["error"]["code"], "invalid_envelope", "faults are told all the same");
    let request = server.client.post(server.url("/ingest")).header("Prefer", "return=minimal");
    let answer: Value = request.json(&heartbeat("e2", "m1")).send().await.unwrap().json().await.unwrap();
    assert_eq!(answer, json!({ "ok": true }));
    server.stop().await;
}

#[actix_rt::test]
async fn what_is_acknowledged_is_in_the_next_snapshot_and_on_disk() {
    let server = Server::start().await;
    for n in 0..20 {
        let machine = format!("m{n:02}");
        server.ingest(&[registered("e", &machine, &machine)]).await;
        let snapshot = server.snapshot().await;
        assert_eq!(snapshot["machines"].as_array().unwrap().len(), n + 1);
    }
    let rows: i64 = rusqlite::Connection::open(server.folder().join("patze.db"))
        .unwrap()
        .query_row("SELECT count(*) FROM events WHERE type = 'machine.registered'", [], |row| row.get(0))
        .unwrap();
    assert_eq!(rows, 20);
    server.stop().await;
}

#[actix_rt::test]
async fn a_full_queue_is_a_503_that_says_when_to_come_back_and_stores_nothing() {
    let server = Server::start().await;
    server.ingest(&[heartbeat("before", "m1")]).await;
    // Holds the writer up for as long as it is open, but no longer than its patience with a busy database (5 s).
    let blocker = rusqlite::Connection::open(server.folder().join("patze.db")).unwrap();
    blocker.execute_batch("BEGIN IMMEDIATE").unwrap();
    let large = envelope::validate(&log_line("large", "m1", 500_000).to_string()).unwrap();
    let mut pending = Vec::new();
    let full = loop {
        match server.plane.log.append(Lane::Ingest, Batch::ingest([large.clone()])) {
            Ok(answer) => pending.push(answer),
            Err(full) => break full,
        }
    };
    assert!(full.limit <= 32 << 20, "{full}");
    // What is larger than the room that is left.
    let response = server.post("/ingest", &log_line("late", "m1", 500_000)).await;
    assert_eq!(response.headers()["retry-after"], "1");
    let (status, answer) = json_of(response).await;
    assert_eq!((status, &answer["error"]), (StatusCode::SERVICE_UNAVAILABLE, &json!("overloaded")));
    // Control events have room of their own, and questions are answered.
    assert_eq!(server.get("/snapshot").await.status(), StatusCode::OK);
    blocker.execute_batch("ROLLBACK").unwrap();
    for answer in pending {
        answer.await.unwrap();
    }
    let (status, _) = json_of(server.post("/ingest", &log_line("late", "m1", 500_000)).await).await;
    assert_eq!(status, StatusCode::OK);
    let metrics = server.get("/metrics").await.text().await.unwrap();
    assert!(metrics.contains("patze_http_requests_total{class=\"ingest\",status=\"503\"} 1\n"), "{metrics}");
    server.stop().await;
}

#[actix_rt::test]
async fn a_database_that_cannot_be_written_is_a_503_with_the_reason_and_fails_readyz() {
    let server = Server::start().await;
    server.ingest(&[heartbeat("before", "m1")]).await;
    let blocker = rusqlite::Connection::open(server.folder().join("patze.db")).unwrap();
    blocker.execute_batch("BEGIN IMMEDIATE").unwrap();
    let (status, answer) = json_of(server.post("/ingest", &heartbeat("stuck", "m1")).await).await;
    assert_eq!((status, &answer["error"]), (StatusCode::SERVICE_UNAVAILABLE, &json!("unavailable")));
    assert!(answer["message"].as_str().unwrap().contains("patze.db"), "{answer}");
    let (status, answer) = json_of(server.get("/readyz").await).await;
    assert_eq!((status, &answer["ready"]), (StatusCode::SERVICE_UNAVAILABLE, &json!(false)));
    assert!(answer["reasons"][0].as_str().unwrap().contains("patze.db"), "{answer}");
    blocker.execute_batch("ROLLBACK").unwrap();
    until("stored after all", async || {
        server.post("/ingest", &heartbeat("stuck", "m1")).await.status().is_success()
    })
    .await;
    assert_eq!(server.get("/readyz").await.status(), StatusCode::OK);
    server.stop().await;
}

#[actix_rt::test]
async fn a_bridges_headers_are_seen_before_its_events_are_judged() {
    let server = Server::start().await;
    let send = |version: &'static str, body: Value| {
        let request = server.client.post(server.url("/ingest/batch")).header("X-Patze-Machine-Id", " m1 ");
        request
            .header("X-Patze-Machine-Label", "Desk")
            .header("X-Patze-Bridge-Version", version)
            .json(&body)
            .send()
    };
    send("1.0", json!({ "events": [registered("e1", "m1", "Desk"), { "bad": true }] })).await.unwrap();
    let (_, list) = json_of(server.get("/bridge/connections").await).await;
    let entry = &list["connections"][0];
    assert_eq!(
        (&entry["machineId"], &entry["machineLabel"], &entry["bridgeVersion"], &entry["sourceIp"]),
        (&json!("m1"), &json!("Desk"), &json!("1.0"), &json!("127.0.0.1"))
    );
    // A change of version is a fact in the log (design §5), once.
    let mut stream = server.events("").await;
    for _ in 0..3 {
        send("2.0", json!({ "events": [{ "bad": true }] })).await.unwrap();
    }
    let changed = stream.event().await;
    assert_eq!(
        (&changed["type"], &changed["payload"]["version"]),
        (&json!("control.bridge.changed"), &json!("2.0"))
    );
    until("the fleet knows", async || server.snapshot().await["machines"][0]["bridgeVersion"] == "2.0").await;
    server.stop().await;
}

#[actix_rt::test]
async fn a_clock_that_is_off_is_told_by_the_time_at_which_a_bridge_sent() {
    let server = Server::start().await;
    server.ingest(&[registered("e1", "m1", "Desk")]).await;
    let mut stream = server.events("").await;
    let sent_at = Clock::system().now().plus(-3_600_000).to_string();
    let request = server.client.post(server.url("/ingest")).header("X-Patze-Machine-Id", "m1");
    request.header("X-Patze-Sent-At", sent_at).json(&heartbeat("e2", "m1")).send().await.unwrap();
    let skewed = loop {
        let event = stream.event().await;
        if event["type"] == "control.clock.skewed" {
            break event;
        }
    };
    let seconds = skewed["payload"]["seconds"].as_i64().unwrap();
    assert!((-3_700..=-3_590).contains(&seconds), "{skewed}");
    server.stop().await;
}

/// W-S8: `X-Forwarded-For` is nobody's to set but a proxy's that the user named.
#[actix_rt::test]
async fn w_s8_the_source_address_is_the_peers() {
    for (proxies, address) in [("", "127.0.0.1"), ("127.0.0.1", "198.51.100.7")] {
        let server = Server::start_in(tempfile::tempdir().unwrap(), Clock::system(), proxies).await;
        let request = server.client.post(server.url("/ingest")).header("X-Patze-Machine-Id", "m1");
        request.header("X-Forwarded-For", "198.51.100.7").json(&heartbeat("e1", "m1")).send().await.unwrap();
        let (_, list) = json_of(server.get("/bridge/connections").await).await;
        assert_eq!(list["connections"][0]["sourceIp"], address, "trusted: {proxies:?}");
        server.stop().await;
    }
}
