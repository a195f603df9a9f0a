//! Tokens at the edge: whose events are taken, and streams that end with their credential.

use patze_actors::credentials::Scope;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::{Server, Stream, heartbeat, in_time, json_of};

async fn batch(server: &Server, token: &str, events: &[Value]) -> Value {
    let request = server.client.post(server.url("/ingest/batch")).bearer_auth(token);
    let (status, answer) = json_of(request.json(&json!({ "events": events })).send().await.unwrap()).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    answer
}

/// W-S4, W-S17: events of another machine than the token's are rejections inside a 200 (contract §14.6).
#[actix_rt::test]
async fn w_s17_a_bridge_token_takes_its_machines_events_alone() {
    let server = Server::start().await;
    let token = server.bridge_token(Some("m1")).await;
    let answer =
        batch(&server, &token, &[heartbeat("a", "m2"), heartbeat("b", "m1"), json!(1), heartbeat("c", "m3")])
            .await;
    assert_eq!(answer["accepted"][0]["index"], 1);
    let rejected: Vec<_> = answer["rejected"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| (entry["index"].as_u64().unwrap(), entry["error"]["code"].as_str().unwrap()))
        .collect();
    assert_eq!(rejected, [(0, "machine_not_allowed"), (2, "invalid_envelope"), (3, "machine_not_allowed")]);
    let request = server.client.post(server.url("/ingest")).bearer_auth(&token).json(&heartbeat("d", "m2"));
    let (status, answer) = json_of(request.send().await.unwrap()).await;
    assert_eq!((status, &answer["error"]["code"]), (StatusCode::BAD_REQUEST, &json!("machine_not_allowed")));
    // Nor does it speak for another machine in its headers.
    let request =
        server.client.post(server.url("/ingest")).bearer_auth(&token).header("X-Patze-Machine-Id", "m2");
    request.json(&heartbeat("e", "m1")).send().await.unwrap();
    let (_, list) = json_of(server.get("/bridge/connections").await).await;
    assert_eq!(list, json!({ "connections": [] }));
    server.stop().await;
}

#[actix_rt::test]
async fn an_unbound_token_belongs_to_the_first_machine_that_uses_it() {
    let server = Server::start().await;
    let token = server.bridge_token(None).await;
    let mut stream = server.events("").await;
    let request = server.client.post(server.url("/ingest/batch")).bearer_auth(&token);
    let body = json!({ "events": [heartbeat("a", "m1"), heartbeat("b", "m2")] });
    let (_, answer) =
        json_of(request.header("X-Patze-Machine-Id", "m1").json(&body).send().await.unwrap()).await;
    assert_eq!(
        (&answer["acceptedCount"], &answer["rejected"][0]["error"]["code"]),
        (&json!(1), &json!("machine_not_allowed"))
    );
    let bound = stream.event().await;
    assert_eq!((&bound["type"], &bound["machineId"]), (&json!("control.token.bound"), &json!("m1")));
    let (_, list) = json_of(server.get("/bridge/connections").await).await;
    assert_eq!(list["connections"][0]["machineId"], "m1");
    let answer = batch(&server, &token, &[heartbeat("c", "m2")]).await;
    assert_eq!(answer["rejectedCount"], 1);
    server.stop().await;
}

/// W-S24: an open stream does not outlive its token.
#[actix_rt::test]
async fn w_s24_a_revoked_tokens_stream_is_cut_at_once_and_others_live() {
    let server = Server::start().await;
    let token = server.token(Scope::Read, None).await;
    let id = server.credentials.tokens()[0].id;
    let header = format!("Authorization: Bearer {token}\r\n");
    let mut cut = Stream::open(server.address, "", &header).await;
    let mut kept = server.events("").await;
    assert_eq!(cut.chunk().await.as_deref(), Some(": connected\n\n"));
    let revoked =
        server.credentials.revoke_recorded(&server.plane.recorder, id, server.plane.clock.now(), "test");
    revoked.await.unwrap();
    assert_eq!(in_time(cut.chunk()).await, None);
    server.ingest(&[heartbeat("e1", "m1")]).await;
    assert_eq!(kept.event().await["type"], "control.token.revoked");
    assert_eq!(kept.event().await["id"], "e1");
    let again = server.client.get(server.url("/events")).bearer_auth(&token).send().await.unwrap();
    let (status, answer) = json_of(again).await;
    assert_eq!((status, answer), (StatusCode::UNAUTHORIZED, json!({ "error": "unauthorized" })));
    server.stop().await;
}

#[actix_rt::test]
async fn scopes_open_their_routes_alone() {
    let server = Server::start().await;
    let (bridge, read) = (server.bridge_token(Some("m1")).await, server.token(Scope::Read, None).await);
    for (token, method, path, status) in [
        (&bridge, "GET", "/snapshot", 403),
        (&bridge, "GET", "/events", 403),
        (&bridge, "POST", "/machines/m1/pause", 403),
        (&read, "POST", "/ingest", 403),
        (&read, "POST", "/machines/m1/pause", 403),
        (&read, "GET", "/snapshot", 200),
        (&read, "GET", "/metrics", 200),
        (&bridge, "GET", "/health", 200),
    ] {
        let method = method.parse().unwrap();
        let request = server.client.request(method, server.url(path)).bearer_auth(token);
        assert_eq!(request.send().await.unwrap().status(), status, "{path}");
    }
    server.stop().await;
}
