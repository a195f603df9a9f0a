//! What is answered.

use std::time::Duration;

use patze_core::retention::Retention;
use patze_core::time::DAY;
use patze_supervise::clock::VirtualTime;
use reqwest::header::{ETAG, IF_NONE_MATCH};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};

use super::document::Operation;
use super::{Document, story};
use crate::support::{Server, Stream, heartbeat, until};

/// An operation's request as the document's examples have it, with its path's parameter `id` as told, or as its example.
pub fn request(
    server: &Server,
    document: &Document,
    operation: &Operation<'_>,
    id: Option<&str>,
) -> RequestBuilder {
    let mut url = server.url(operation.path);
    for parameter in document.parameters(operation, "path") {
        let value = id.unwrap_or_else(|| parameter["example"].as_str().unwrap());
        url = url.replace(&format!("{{{}}}", parameter["name"].as_str().unwrap()), value);
    }
    let request = server.client.request(operation.method.clone(), url);
    match operation.json["requestBody"]["content"]["application/json"]["example"].clone() {
        Value::Null => request,
        body => request.json(&body),
    }
}

/// Every operation, asked as its examples say, succeeds; what is there already is 304; what is not there is 404.
pub async fn examples(server: &Server, document: &Document) {
    let token = ask(server, document, "createToken").await;
    // What an example would spoil for the others.
    // A file of the page has a hash in its name, and there are none where no page was built.
    let page = server.get("/").await.text().await.unwrap();
    let file = page.split("\"./page/").nth(1).and_then(|rest| rest.split('"').next());
    let names = &[
        ("revokeToken", token["id"].as_str().unwrap()),
        ("forgetMachine", "m2"),
        ("getPageFile", file.unwrap_or_default()),
    ];
    for operation in document.operations() {
        if operation.id == "getPageFile" && file.is_none() {
            continue;
        }
        let id = names.iter().find(|(name, _)| *name == operation.id).map(|(_, id)| *id);
        let response = request(server, document, &operation, id).send().await.unwrap();
        assert!(
            response.status().is_success(),
            "{}, as its examples say, is {}",
            operation.id,
            response.status()
        );
        let tag = response.headers().get(ETAG).cloned();
        document.check(operation.id, response).await;
        let statuses = &operation.json["responses"];
        if !statuses["304"].is_null() {
            let again = request(server, document, &operation, id).header(IF_NONE_MATCH, tag.unwrap());
            document.check(operation.id, again.send().await.unwrap()).await;
        }
        if !statuses["404"].is_null() {
            let response = request(server, document, &operation, Some("nobody")).send().await.unwrap();
            assert_eq!(response.status(), StatusCode::NOT_FOUND, "{}", operation.id);
            document.check(operation.id, response).await;
        }
    }
}

/// What the examples alone do not bring about.
pub async fn everything(server: &Server, document: &Document, time: &VirtualTime) {
    // A bridge's token is bound by its first use; the bridge's clock is an hour behind.
    let made = create(server, document, &json!({"name": "unbound", "expiresIn": "7d"})).await;
    let ingest = document.operation("ingestBatch");
    let request = request(server, document, &ingest, None).bearer_auth(made["token"].as_str().unwrap());
    let request = request
        .header("Prefer", "return=minimal")
        .header("X-Patze-Machine-Id", "m1")
        .header("X-Patze-Machine-Label", "Desk");
    let request =
        request.header("X-Patze-Bridge-Version", "0.0.1").header("X-Patze-Sent-At", "2026-02-20T23:00:00Z");
    document.check("ingestBatch", request.send().await.unwrap()).await;
    let odd = server.post("/ingest/batch", &json!({"events": [1]})).await;
    document.check("ingestBatch", odd).await;
    for id in ["listBridgeConnections", "listTokens", "getState", "getSnapshot"] {
        ask(server, document, id).await;
    }
    server.ingest(&[heartbeat("again", "m2")]).await;
    story::caught_up(server).await;
    for (id, query) in [
        ("getSnapshot", "?at=5"),
        ("listMachines", "?limit=1"),
        ("listSessions", "?limit=1"),
        ("listRuns", "?limit=1"),
        ("listRuns", ""),
        ("listLogs", "?limit=1"),
        ("listLogs", "?q=rate+limit"),
        ("listLogs", "?runId=r1"),
        ("getUsage", "?by=agent"),
        ("getUsage", "?by=model"),
        ("getUsage", "?by=channel"),
    ] {
        get(server, document, id, document.operation(id).path, query).await;
    }
    for run in ["r1/timeline", "r1/timeline?machineId=m1", "r2/timeline", "r9/timeline"] {
        get(server, document, "getRunTimeline", "/history/runs/", run).await;
    }
    let prices = server.folder().join("prices.toml");
    let entry = "[[price]]\nprovider = \"p\"\nmodel = \"x1\"\noutput = 0\ninput = ";
    for (price, seen) in [("2.0", "estimatedCostUsd"), ("-1", "pricesFault")] {
        std::fs::write(&prices, format!("{entry}{price}\n")).unwrap();
        let answer = get(server, document, "getUsage", "/history/usage", "?by=model").await;
        assert!(answer.to_string().contains(seen), "{answer}");
    }
    // Half an hour of silence: the machine is called offline, and the session that should work is stalled.
    until("the session is called stalled", async || {
        time.advance(Duration::from_secs(60)).await;
        ask(server, document, "getSnapshot").await["sessions"].to_string().contains("stalledSince")
    })
    .await;
    story::caught_up(server).await;
    for id in [
        "getState",
        "renameMachine",
        "pauseMachine",
        "getSnapshot",
        "listMachines",
        "listSessions",
        "resumeMachine",
        "forgetMachine",
        "listMachines",
    ] {
        ask(server, document, id).await;
        story::caught_up(server).await;
    }
    // Back, for what follows.
    server.ingest(&[heartbeat("back", "m1")]).await;
}

/// A past that was cut, and one that was thinned.
pub async fn what_retention_leaves(server: &Server, document: &Document, time: &VirtualTime) {
    let beats = async |name: &str| {
        for n in 0..200 {
            server.ingest(&[heartbeat(&format!("{name}{n}"), "m1")]).await;
        }
    };
    beats("cut").await;
    let log = server.plane.log.clone();
    let rules = Retention { max_bytes: Some(1), ..Retention::default() };
    let cut =
        actix_rt::task::spawn_blocking(move || log.retain(&rules, &mut || true)).await.unwrap().unwrap();
    assert!(cut.cut.rows > 0, "{cut:?}");
    let horizon = ask(server, document, "getRetention").await["horizon"]["position"].as_u64().unwrap();

    beats("thinned").await;
    let at = server.plane.log.head().position;
    time.jump_wall(3 * DAY);
    server.ingest(&[heartbeat("later", "m1")]).await;
    let body = json!({"heartbeats": "1h"});
    document.check("setRetention", server.post("/settings/retention", &body).await).await;
    until("what is too old has gone", async || {
        let runs = ask(server, document, "getRetention").await["runs"].clone();
        runs.as_array().unwrap().iter().any(|run| run["heartbeats"]["rows"] != 0)
    })
    .await;
    for (id, path) in [("getState", "/state"), ("getSnapshot", "/snapshot")] {
        let thinned = get(server, document, id, path, &format!("?at={at}")).await;
        assert_eq!(thinned["thinned"], true, "{id}");
        let answer = server.get(&format!("{path}?at={}", horizon - 1)).await;
        assert_eq!(answer.status(), StatusCode::GONE);
        document.check(id, answer).await;
    }
}

/// The stream: from the begin, and of another log.
pub async fn frames(server: &Server, document: &Document) {
    let operation = document.operation("streamEvents");
    let schemas = &document.response(&operation, StatusCode::OK).0["x-frames"];
    let check = |(name, data): (String, Value)| {
        let schema = &schemas[name.as_str()];
        document.assert_is(schema, &data, &format!("a frame {name} of /events"));
        document.see(schema, &data, "");
        data
    };
    let head = server.plane.log.head().position;
    let mut stream = server.events("?after=0").await;
    check(stream.frame().await.unwrap());
    while check(stream.frame().await.unwrap())["position"] != head {}
    let mut stream = Stream::open(server.address, "?after=0&log=another", "").await;
    check(stream.frame().await.unwrap());
    assert_eq!(check(stream.frame().await.unwrap())["reason"], "other_log");
}

/// What is answered by a server whose control plane has stopped.
pub async fn when_it_does_not_run(server: Server, document: &Document) {
    // One that can be resumed; the other one can be paused.
    ask(&server, document, "pauseMachine").await;
    let token = ask(&server, document, "createToken").await;
    let names = [("pauseMachine", "m2"), ("revokeToken", token["id"].as_str().unwrap())];
    let past = server.plane.log.head().position - 1;
    server.plane.stop().await;
    for operation in document.operations().filter(|operation| !operation.json["responses"]["503"].is_null()) {
        let id = names.iter().find(|(name, _)| *name == operation.id).map(|(_, id)| *id);
        let mut request = request(&server, document, &operation, id);
        if document.parameters(&operation, "query").iter().any(|parameter| parameter["name"] == "at") {
            request = server.client.get(server.url(&format!("{}?at={past}", operation.path)));
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE, "{}", operation.id);
        document.check(operation.id, response).await;
    }
    server.stop().await;
}

async fn ask(server: &Server, document: &Document, id: &str) -> Value {
    document.check(id, request(server, document, &document.operation(id), None).send().await.unwrap()).await
}

async fn get(server: &Server, document: &Document, id: &str, path: &str, query: &str) -> Value {
    let response =
        server.client.request(Method::GET, server.url(&format!("{path}{query}"))).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK, "{path}{query}");
    document.check(id, response).await
}

async fn create(server: &Server, document: &Document, body: &Value) -> Value {
    document.check("createToken", server.post("/settings/tokens", body).await).await
}
