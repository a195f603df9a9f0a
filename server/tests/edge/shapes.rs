//! Every endpoint's shape, HEAD, and what is nowhere.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{Server, heartbeat, json_of, registered};

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[actix_rt::test]
async fn what_is_nowhere_is_a_404_as_json() {
    let server = Server::start().await;
    let long = format!("/machines/{}/pause", "x".repeat(300));
    for (method, path) in [
        (Method::GET, "/nowhere"),
        (Method::GET, "/health/"),
        (Method::GET, "/snapshot/"),
        (Method::GET, "//snapshot"),
        (Method::POST, "/snapshot"),
        (Method::GET, "/ingest"),
        (Method::PUT, "/ingest/batch"),
        (Method::DELETE, "/events"),
        (Method::POST, "/machines/nobody/pause"),
        (Method::POST, "/machines//pause"),
        (Method::POST, "/machines/%ff/pause"),
        (Method::POST, "/machines/m1/explode"),
        (Method::POST, long.as_str()),
        (Method::GET, "/settings"),
        (Method::GET, "/tasks"),
    ] {
        let response = server.client.request(method.clone(), server.url(path)).send().await.unwrap();
        let (status, answer) = json_of(response).await;
        assert_eq!(
            (status, &answer["error"]),
            (StatusCode::NOT_FOUND, &json!("not_found")),
            "{method} {path}"
        );
        assert!(answer["message"].is_string(), "{method} {path}");
    }
    server.stop().await;
}

#[actix_rt::test]
async fn every_get_answers_head_with_its_head_alone() {
    let server = Server::start().await;
    for path in [
        "/",
        "/plain",
        "/health",
        "/openapi.json",
        "/readyz",
        "/metrics",
        "/actors",
        "/snapshot",
        "/state",
        "/events",
        "/bridge/connections",
    ] {
        let head = server.client.head(server.url(path)).send().await.unwrap();
        let get = server.get(path).await;
        assert_eq!(head.status(), StatusCode::OK, "{path}");
        assert_eq!(head.headers().get("content-type"), get.headers().get("content-type"), "{path}");
        assert_eq!(head.text().await.unwrap(), "", "{path}");
    }
    server.stop().await;
}

/// W-R16: health is answered from memory, without a child process, and says that nothing was asked.
#[actix_rt::test]
async fn w_r16_health_is_the_contracts_superset() {
    let server = Server::start().await;
    let (status, answer) = json_of(server.get("/health").await).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        answer,
        json!({
            "ok": true, "authMode": "none", "authRequired": false,
            "openclawCliAvailable": false, "openclawCliVersion": null,
        })
    );
    server.stop().await;
}

#[actix_rt::test]
async fn readyz_shows_the_head_of_the_log() {
    let server = Server::start().await;
    server.ingest(&[heartbeat("e1", "m1")]).await;
    let (status, answer) = json_of(server.get("/readyz").await).await;
    assert_eq!((status, &answer["ready"], &answer["reasons"]), (StatusCode::OK, &json!(true), &json!([])));
    let head = server.plane.log.head();
    assert_eq!((&answer["logId"], &answer["position"]), (&json!(head.log_id), &json!(head.position)));
    assert_eq!(answer["digest"].as_str().unwrap().len(), 64);
    assert_eq!(answer["check"], "notNeeded");
    server.stop().await;
}

#[actix_rt::test]
async fn actors_are_listed_with_their_state() {
    let server = Server::start().await;
    server.ingest(&[registered("e1", "m1", "Desk")]).await;
    crate::support::until("the machine's actor is there", async || {
        let (_, answer) = json_of(server.get("/actors").await).await;
        let actors = answer["actors"].as_array().unwrap().clone();
        actors.iter().any(|actor| actor["kind"] == "machine" && actor["key"] == "m1")
    })
    .await;
    let (_, answer) = json_of(server.get("/actors").await).await;
    assert_eq!(answer["live"], true);
    assert_eq!(
        keys(&answer["actors"][0]),
        ["kind", "key", "state", "since", "detail", "mailbox", "restarts", "lastError"]
            .into_iter()
            .collect::<std::collections::BTreeSet<_>>()
            .into_iter()
            .collect::<Vec<_>>()
    );
    server.stop().await;
}

#[actix_rt::test]
async fn metrics_are_prometheus_text() {
    let server = Server::start().await;
    server.ingest(&[heartbeat("e1", "m1")]).await;
    server.ingest(&[heartbeat("e1", "m1")]).await;
    server.post("/ingest", &json!({ "bad": 1 })).await;
    let _stream = server.events("").await;
    let response = server.get("/metrics").await;
    assert_eq!(response.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    let text = response.text().await.unwrap();
    for line in [
        "patze_events_duplicate_total 1",
        "patze_events_rejected_total{code=\"invalid_envelope\"} 1",
        "patze_http_requests_total{class=\"ingest\",status=\"200\"} 2",
        "patze_http_requests_total{class=\"ingest\",status=\"400\"} 1",
        "patze_subscribers 1",
    ] {
        assert!(text.lines().any(|l| l == line), "{line} in\n{text}");
    }
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (name, value) = line.rsplit_once(' ').unwrap();
        assert!(value.parse::<f64>().is_ok() && name.starts_with(|c: char| c.is_ascii_lowercase()), "{line}");
    }
    assert!(text.contains("patze_fold_total{outcome=\"folded\"} "), "{text}");
    if cfg!(target_os = "linux") {
        assert!(text.contains("\nprocess_resident_memory_bytes "), "{text}");
    }
    server.stop().await;
}

#[actix_rt::test]
async fn the_landing_page_has_counts_links_and_no_scripts() {
    let server = Server::start().await;
    server.ingest(&[registered("e1", "m1", "Desk")]).await;
    let response = server.get("/plain").await;
    assert_eq!(response.headers()["content-type"], "text/html; charset=utf-8");
    assert!(
        response.headers()["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'")
    );
    let text = response.text().await.unwrap();
    assert!(text.contains("1 machines") && text.contains("href=\"snapshot\""), "{text}");
    assert!(!text.contains("<script"), "{text}");
    server.stop().await;
}

#[actix_rt::test]
async fn a_bridge_that_polls_for_commands_is_told_that_there_are_none() {
    let server = Server::start().await;
    let path = "/openclaw/bridge/commands/poll";
    let (status, answer) =
        json_of(server.post(path, &json!({ "machineId": "m1", "leaseTtlMs": 30000 })).await).await;
    assert_eq!((status, answer), (StatusCode::OK, json!({ "available": false })));
    let (status, answer) = json_of(server.post(path, &json!({})).await).await;
    assert_eq!((status, &answer["error"]), (StatusCode::BAD_REQUEST, &json!("machineId_required")));
    server.stop().await;
}

#[actix_rt::test]
async fn a_machine_is_renamed_paused_resumed_and_forgotten() {
    let server = Server::start().await;
    // An id with what a path must escape.
    let (id, path) = ("m/1 é", "/machines/m%2F1%20%C3%A9");
    server.ingest(&[registered("e1", id, "Reported")]).await;
    let act = async |what: &str, body: Option<Value>| {
        let mut request = server.client.post(server.url(&format!("{path}/{what}")));
        if let Some(body) = body {
            request = request.json(&body);
        }
        let (status, answer) = json_of(request.send().await.unwrap()).await;
        assert_eq!((status, &answer["ok"]), (StatusCode::OK, &json!(true)), "{what}: {answer}");
        answer
    };
    let machine = async || server.snapshot().await["machines"][0].clone();
    let answer = act("rename", Some(json!({ "name": "Büro" }))).await;
    assert_eq!(answer["machine"]["givenName"], "Büro");
    assert_eq!(
        (&machine().await["name"], &machine().await["reportedName"]),
        (&json!("Büro"), &json!("Reported"))
    );
    let before = server.plane.log.head().position;
    act("rename", Some(json!({ "name": "Büro" }))).await;
    assert_eq!(server.plane.log.head().position, before, "what is so already is no event");
    act("rename", Some(json!({ "name": null }))).await;
    assert_eq!(machine().await["name"], "Reported");
    act("pause", None).await;
    assert_eq!(machine().await["paused"], true);
    assert_eq!(server.snapshot().await["health"]["overall"], "unknown", "paused ones do not count");
    act("resume", None).await;
    assert_eq!(machine().await["paused"], Value::Null);
    let answer = act("forget", None).await;
    assert_eq!(answer["machine"], Value::Null);
    assert_eq!(machine().await, Value::Null);
    server.stop().await;
}
