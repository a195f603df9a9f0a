//! `/settings/auth` (contract §9.6), `/settings/tokens`, and what they change, on a whole server.

use futures_util::StreamExt as _;
use patze_server::guard::Allowed;
use reqwest::Method;
use serde_json::{Value, json};

use super::server::Server;
use super::{TOKEN, admin, bridge, credentials, expired, mode_none, mode_token, reader, revoked};

fn own() -> String {
    format!("Bearer {TOKEN}")
}

/// An event of a machine, as bridges send it.
fn heartbeat(machine: &str, id: &str) -> Value {
    json!({
        "version": "telemetry.v1", "id": id, "ts": "2026-02-21T00:00:00.000Z", "machineId": machine,
        "severity": "info", "type": "machine.heartbeat", "trace": { "traceId": "t" },
        "payload": {
            "machineId": machine, "status": "online",
            "resource": { "cpuPct": 1, "memoryBytes": 2, "memoryPct": 3 },
        },
    })
}

fn of_type<'a>(facts: &'a [(String, Value)], name: &str) -> Vec<&'a Value> {
    facts.iter().filter(|(known, _)| known == name).map(|(_, payload)| payload).collect()
}

#[actix_rt::test]
async fn the_mode_is_set_as_the_contract_says() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), mode_none()).await;
    let path = "/settings/auth";
    assert_eq!(server.get(path, None).await, (200, json!({ "mode": "none", "hasToken": false })));
    for (body, code) in [
        (json!([]), "invalid_body"),
        (json!("none"), "invalid_body"),
        (json!({}), "invalid_mode"),
        (json!({ "mode": "Token" }), "invalid_mode"),
        (json!({ "mode": 1 }), "invalid_mode"),
        (json!({ "mode": "token" }), "token_too_short"),
        (json!({ "mode": "token", "token": 1234567890123456u64 }), "token_too_short"),
        (json!({ "mode": "token", "token": "123456789012345" }), "token_too_short"),
        (json!({ "mode": "token", "token": "  123456789012345  " }), "token_too_short"),
        (json!({ "mode": "token", "token": "sixteen characters\u{e9}" }), "invalid_token"),
        (json!({ "mode": "token", "token": "sixteen\ncharacters" }), "invalid_token"),
        (json!({ "mode": "none" }), "confirmation_required"),
        (json!({ "mode": "none", "confirm": "disable_auth" }), "confirmation_required"),
    ] {
        let (status, answer) = server.post(path, None, body.clone()).await;
        assert_eq!((status, answer["error"].as_str()), (400, Some(code)), "{body}");
    }
    assert_eq!(server.get("/snapshot", None).await.0, 200, "nothing has changed");

    let on = json!({ "mode": "token", "token": format!("  {TOKEN}\n") });
    assert_eq!(server.post(path, None, on).await, (200, json!({ "mode": "token", "hasToken": true })));
    // It is effective for the next request, trimmed, and on the disk.
    assert_eq!(server.get("/snapshot", None).await.0, 401);
    assert_eq!(server.get(path, Some(&own())).await, (200, json!({ "mode": "token", "hasToken": true })));
    assert_eq!(server.get("/health", None).await.1["authRequired"], true);
    let file = std::fs::read_to_string(folder.path().join("auth.json")).unwrap();
    assert_eq!(file, format!("{{\n  \"mode\": \"token\",\n  \"token\": \"{TOKEN}\"\n}}\n"));

    let off = json!({ "mode": "none", "confirm": "DISABLE_AUTH" });
    assert_eq!(server.post(path, None, off.clone()).await.0, 401);
    assert_eq!(
        server.post(path, Some(&own()), off).await,
        (200, json!({ "mode": "none", "hasToken": false }))
    );
    assert_eq!(server.get("/snapshot", None).await.0, 200);

    let facts = server.facts().await;
    let changes = of_type(&facts, "control.auth.changed");
    assert_eq!(changes, [&json!({ "mode": "token" }), &json!({ "mode": "none" })]);
    assert!(!format!("{facts:?}").contains(TOKEN), "SE-1");
    server.stop().await;
}

#[actix_rt::test]
async fn w_s7_without_a_credential_only_this_machine_decides_who_is_let_in() {
    let (folder, _) = credentials(mode_none());
    let proxies = "127.0.0.1".parse().unwrap();
    let allowed = Allowed { proxies, ..Allowed::default() };
    let proxied = Server::start_with(folder.path(), mode_none(), allowed, "127.0.0.1").await;
    let bare_folder = tempfile::tempdir().unwrap();
    let bare = Server::start(bare_folder.path(), mode_none()).await;
    let auth = json!({ "mode": "none", "confirm": "DISABLE_AUTH" });
    let token = json!({ "name": "left behind", "scope": "admin" });
    for (server, client, authorization, allowed) in [
        (&proxied, Some("198.51.100.7"), None, false),
        (&proxied, Some("198.51.100.7"), Some(admin()), true),
        (&proxied, Some("127.0.0.1"), None, true),
        (&proxied, None, None, true),
        // A proxy that nobody vouches for hides who asks.
        (&bare, Some("127.0.0.1"), None, false),
        (&bare, None, None, true),
    ] {
        let ask = async |method: Method, path: &str, body: &Value| {
            let request = server.request(method, path).json(body);
            let request =
                if let Some(client) = client { request.header("x-forwarded-for", client) } else { request };
            let request =
                if let Some(a) = &authorization { request.header("authorization", a) } else { request };
            server.ask(request).await.0
        };
        let who = format!("{client:?} {authorization:?}");
        assert_eq!(ask(Method::POST, "/settings/auth", &auth).await == 200, allowed, "{who}");
        assert_eq!(ask(Method::POST, "/settings/tokens", &token).await == 201, allowed, "{who}");
        // Whether it is found is told after whether it may be revoked.
        let revoked = ask(Method::DELETE, "/settings/tokens/7777777777", &json!({})).await;
        assert_eq!(revoked, if allowed { 404 } else { 403 }, "{who}");
    }
    proxied.stop().await;
    bare.stop().await;
}

#[actix_rt::test]
async fn a_server_that_others_reach_does_not_switch_to_none() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start_with(folder.path(), mode_token(), Allowed::default(), "0.0.0.0").await;
    let off = json!({ "mode": "none", "confirm": "DISABLE_AUTH" });
    let (status, answer) = server.post("/settings/auth", Some(&own()), off).await;
    assert_eq!((status, answer["error"].as_str()), (400, Some("open_bind")));
    assert!(answer["message"].as_str().unwrap().contains("PATZE_ALLOW_OPEN"), "{answer}");
    assert_eq!(server.get("/snapshot", None).await.0, 401);
    server.stop().await;
}

#[actix_rt::test]
async fn w_s4_a_token_is_made_shown_once_used_listed_and_revoked() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), mode_token()).await;
    let path = "/settings/tokens";
    let asked = json!({ "name": "dashboard", "scope": "read", "expiresIn": "7d" });
    let (status, made) = server.post(path, Some(&own()), asked).await;
    assert_eq!(status, 201, "{made}");
    let (text, id) = (made["token"].as_str().unwrap(), made["id"].as_str().unwrap());
    assert!(text.starts_with(&format!("pz_{id}_")), "{made}");
    assert_eq!(
        (&made["name"], &made["scope"], &made["state"]),
        (&json!("dashboard"), &json!("read"), &json!("live"))
    );
    let header = format!("Bearer {text}");
    assert_eq!(server.get("/snapshot", Some(&header)).await.0, 200);
    assert_eq!(server.post(path, Some(&header), json!({ "name": "x" })).await.0, 403, "a reader makes none");

    let (status, listed) = server.get(path, Some(&header)).await;
    assert_eq!((status, listed["tokens"][0]["id"].as_str()), (200, Some(id)));
    let everything = format!("{listed} {:?} {:?}", server.facts().await, server.plane.log.fleet());
    for secret in [&text[14..], "sha256"] {
        assert!(!everything.contains(secret), "SE-1: {everything}");
    }

    let one = format!("{path}/{id}");
    assert_eq!(server.delete(&one, Some(&header)).await.0, 403, "a reader revokes none, itself included");
    assert_eq!(server.delete(&one, Some(&own())).await, (200, json!({ "ok": true, "id": id })));
    assert_eq!(server.get("/snapshot", Some(&header)).await.0, 401);
    assert_eq!(server.delete(&one, Some(&own())).await.0, 200, "again is fine");
    assert_eq!(server.get(path, Some(&own())).await.1["tokens"][0]["state"], "revoked");
    let off = json!({ "mode": "none", "confirm": "DISABLE_AUTH" });
    assert_eq!(server.post("/settings/auth", Some(&own()), off).await.0, 200);
    assert_eq!(server.get("/snapshot", Some(&header)).await.0, 401, "in mode none too");

    let facts = server.facts().await;
    assert_eq!(of_type(&facts, "control.token.created")[0]["name"], "dashboard");
    assert_eq!(of_type(&facts, "control.token.revoked"), [&json!({ "id": id })]);
    server.stop().await;
}

#[actix_rt::test]
async fn what_no_token_is_made_of() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), mode_none()).await;
    for (body, code) in [
        (json!([]), "invalid_body"),
        (json!({}), "invalid_name"),
        (json!({ "name": " " }), "invalid_name"),
        (json!({ "name": 7 }), "invalid_body"),
        (json!({ "name": "n", "scope": "root" }), "invalid_scope"),
        (json!({ "name": "n", "scope": "read", "machineId": "m" }), "invalid_machine_id"),
        (json!({ "name": "n", "machineId": "" }), "invalid_machine_id"),
        (json!({ "name": "n", "expiresIn": "soon" }), "invalid_expiry"),
        (json!({ "name": "n", "expiresIn": "-1d" }), "invalid_expiry"),
        (json!({ "name": "n", "expiresAt": "tomorrow" }), "invalid_expiry"),
        (json!({ "name": "n", "expiresAt": "2020-01-01T00:00:00Z" }), "invalid_expiry"),
        (json!({ "name": "n", "expiresIn": "1d", "expiresAt": "2099-01-01T00:00:00Z" }), "invalid_expiry"),
    ] {
        let (status, answer) = server.post("/settings/tokens", None, body.clone()).await;
        assert_eq!((status, answer["error"].as_str()), (400, Some(code)), "{body}");
    }
    let never = json!({ "name": "n", "expiresIn": "never", "machineId": null });
    let (status, made) = server.post("/settings/tokens", None, never).await;
    assert_eq!((status, &made["scope"], &made["expiresAt"]), (201, &json!("bridge"), &Value::Null));
    for id in ["0000000000", "x", "0000000000x"] {
        let (status, answer) = server.delete(&format!("/settings/tokens/{id}"), None).await;
        assert_eq!((status, answer["error"].as_str()), (404, Some("not_found")), "{id}");
    }
    server.stop().await;
}

#[actix_rt::test]
async fn w_s17_a_bridge_token_ingests_for_its_machine_alone_and_restarts_do_not_matter() {
    let (folder, _) = credentials(mode_none());
    for round in 0..2 {
        // In mode none the second time: a known token restricts there too.
        let environment = if round == 0 { mode_token() } else { mode_none() };
        let server = Server::start(folder.path(), environment).await;
        let ids: Vec<String> = (0..3).map(|n| format!("e{round}{n}")).collect();
        let events = [heartbeat("m1", &ids[0]), heartbeat("m2", &ids[1]), heartbeat("m1", &ids[2])];
        let (status, answer) =
            server.post("/ingest/batch", Some(&bridge()), json!({ "events": events })).await;
        assert_eq!((status, &answer["acceptedCount"]), (200, &json!(2)), "{answer}");
        assert_eq!(answer["rejected"][0]["error"]["code"], "machine_not_allowed");
        assert_eq!(answer["rejected"][0]["index"], 1);
        // The contract's own token speaks for all machines.
        let everywhere = if round == 0 { own() } else { admin() };
        let (status, _) = server.post("/ingest", Some(&everywhere), heartbeat("m2", &ids[1])).await;
        assert_eq!(status, 200);
        let facts = server.facts().await;
        let bound = json!({ "id": "BBBBBBBBBB", "machineId": "m1" });
        assert_eq!(of_type(&facts, "control.token.bound"), [&bound], "once, in round {round}");
        server.stop().await;
    }
}

#[actix_rt::test]
async fn a_crash_between_auth_json_and_log_is_healed_at_the_next_start() {
    // Five tokens that the log knows nothing of.
    let (folder, _) = credentials(mode_none());
    for _ in 0..2 {
        let server = Server::start(folder.path(), mode_none()).await;
        let facts = server.facts().await;
        assert_eq!(of_type(&facts, "control.token.created").len(), 5, "once each");
        assert_eq!(of_type(&facts, "control.token.revoked"), [&json!({ "id": "ZZZZZZZZZZ" })]);
        server.stop().await;
    }
    // And tokens that the log knows and the file does not.
    std::fs::remove_file(folder.path().join("auth.json")).unwrap();
    for _ in 0..2 {
        let server = Server::start(folder.path(), mode_none()).await;
        assert_eq!(of_type(&server.facts().await, "control.token.revoked").len(), 5, "once each");
        assert!(server.plane.log.fleet().facts().server.tokens.is_empty());
        server.stop().await;
    }
}

#[actix_rt::test]
async fn w_s24_open_streams_of_a_revoked_token_are_cut_and_others_are_not() {
    let (folder, _) = credentials(mode_none());
    let server = Server::start(folder.path(), mode_token()).await;
    let open = async |header: &str| {
        let request = server.request(Method::GET, "/events").header("authorization", header);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 200);
        let mut stream = answer.bytes_stream();
        let first = stream.next().await.unwrap().unwrap();
        assert!(first.starts_with(b": connected"), "{first:?}");
        stream
    };
    let (of_reader, mut of_admin) = (open(&reader()).await, open(&admin()).await);
    assert_eq!(server.delete("/settings/tokens/RRRRRRRRRR", Some(&own())).await.0, 200);
    // It ends; the client's own time limit fails the test if it does not.
    let _rest: Vec<_> = of_reader.collect().await;
    // The revocation is the next thing that the other stream shows, and after it a machine's event.
    let (status, _) = server.post("/ingest", Some(&own()), heartbeat("m1", "after")).await;
    assert_eq!(status, 200);
    let mut seen = String::new();
    while !seen.contains("id: after\n") {
        seen.push_str(std::str::from_utf8(&of_admin.next().await.unwrap().unwrap()).unwrap());
    }
    assert!(seen.contains("control.token.revoked"), "{seen}");
    for header in [revoked(), expired(), reader()] {
        assert_eq!(server.get("/events", Some(&header)).await.0, 401);
    }
    drop(of_admin);
    server.stop().await;
}

#[actix_rt::test]
async fn w_s24_a_change_of_mode_cuts_the_streams_of_those_without_a_token() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), mode_none()).await;
    let stream = server.request(Method::GET, "/events").send().await.unwrap().bytes_stream();
    let on = json!({ "mode": "token", "token": TOKEN });
    assert_eq!(server.post("/settings/auth", None, on).await.0, 200);
    let _all: Vec<_> = stream.collect().await;
    server.stop().await;
}

/// The paths are those of the document, which is the table itself (`server/src/edge/openapi.rs`), so that a new route
/// without a guard is a red test.
#[actix_rt::test]
async fn every_route_of_the_table_needs_a_token_but_the_open_ones() {
    const OPEN: [&str; 5] = ["/", "/plain", "/page/none.js", "/health", "/openapi.json"];
    let document: serde_json::Value = serde_json::from_str(include_str!("../../openapi.json")).unwrap();
    let paths = document["paths"].as_object().unwrap().keys();
    let paths: Vec<String> =
        paths.map(|path| path.replace("{id}", "0000000000").replace("{file}", "none.js")).collect();
    assert!(paths.len() > 10 && paths.iter().all(|path| !path.contains('{')), "{paths:?}");
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), mode_token()).await;
    for path in &paths {
        let mut guarded = false;
        for method in [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            let status = server.ask(server.request(method.clone(), path)).await.0;
            match (path.as_str(), status) {
                (path, 200) if OPEN.contains(&path) => {}
                (_, 404) => {}
                (_, 401) => guarded = true,
                _ => panic!("{method} {path} answers {status} without a token"),
            }
        }
        assert!(guarded || OPEN.contains(&path.as_str()), "{path} has no method");
    }
    server.stop().await;
}
