//! `/settings/retention`, and how a past that was thinned or cut answers (design §6, §10).

use patze_core::retention::Retention;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::{Server, heartbeat, json_of, session_state, until};

const DAY: i64 = 86_400_000;

async fn settings(server: &Server) -> Value {
    let (status, answer) = json_of(server.get("/settings/retention").await).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    answer
}

async fn beats(server: &Server, name: &str, n: u32) {
    for i in 0..n {
        server.ingest(&[heartbeat(&format!("{name}{i}"), "m1")]).await;
    }
}

#[actix_rt::test]
async fn what_is_kept_is_shown_set_and_kept_to() {
    let (server, time) = Server::start_virtual().await;
    let shown = settings(&server).await;
    assert_eq!(shown["keep"], json!({ "heartbeats": "48h", "logs": "30d", "maxSize": "unlimited" }));
    assert_eq!(
        (&shown["setBy"], &shown["horizon"], &shown["runs"]),
        (&json!("environment"), &json!(null), &json!([]))
    );
    assert_eq!(shown["forecast"], json!(null), "less than an hour");
    for (body, names) in [
        (json!({}), "heartbeats"),
        (json!({ "heartbeats": "1m" }), "heartbeats: "),
        (json!({ "logs": 7 }), "logs must be a text such as 48h"),
        (json!({ "maxSize": "1GB", "size": "1GB" }), "maxSize"),
        (json!({ "maxSize": "lots" }), "maxSize: "),
    ] {
        let (status, answer) = json_of(server.post("/settings/retention", &body).await).await;
        assert_eq!(
            (status, &answer["error"]),
            (StatusCode::BAD_REQUEST, &json!("invalid_retention")),
            "{body}"
        );
        assert!(answer["message"].as_str().unwrap().contains(names), "{answer}");
    }

    beats(&server, "old", 20).await;
    server.ingest(&[session_state("s", "m1", "created", "running")]).await;
    let then = json_of(server.get("/state").await).await.1;
    let at = then["position"].as_u64().unwrap();
    time.jump_wall(DAY);
    beats(&server, "new", 3).await;
    let body = json!({ "heartbeats": "12h" });
    let (status, answer) = json_of(server.post("/settings/retention", &body).await).await;
    assert_eq!(
        (status, &answer["keep"]["heartbeats"], &answer["setBy"]),
        (StatusCode::OK, &json!("12h"), &json!("user"))
    );
    let per_day = answer["forecast"]["heartbeatsPerDay"].as_u64().unwrap();
    assert!((1_000..100_000).contains(&per_day), "{answer}");
    assert!(answer["forecast"]["text"].as_str().unwrap().starts_with("at this rate "), "{answer}");
    until("what is too old has gone", async || settings(&server).await["runs"] != json!([])).await;
    let runs = settings(&server).await["runs"].clone();
    assert_eq!((&runs[0]["heartbeats"]["rows"], &runs[0]["unproven"]), (&json!(19), &json!(0)), "{runs}");

    let (status, past) = json_of(server.get(&format!("/state?at={at}")).await).await;
    assert_eq!((status, &past["thinned"], &past["position"]), (StatusCode::OK, &json!(true), &json!(at)));
    assert_eq!(past["state"]["sessions"], then["state"]["sessions"]);
    let view = server.get(&format!("/snapshot?at={at}")).await;
    assert!(view.headers().get("etag").is_none());
    let view = json_of(view).await.1;
    assert_eq!((&view["thinned"], view["sessions"].as_array().unwrap().len()), (&json!(true), 1));
    let newest = json_of(server.get("/state").await).await.1;
    assert_eq!(newest.get("thinned"), None, "the newest state is always there in full");

    // What was set survives a restart.
    let server = server.restart().await;
    assert_eq!(settings(&server).await["keep"]["heartbeats"], "12h");
    server.stop().await;
}

#[actix_rt::test]
async fn before_the_horizon_there_is_a_410_and_a_reset() {
    let (server, time) = Server::start_virtual().await;
    for n in 0..20 {
        time.jump_wall(60_000);
        beats(&server, &format!("{n}."), 20).await;
    }
    let log = server.plane.log.clone();
    let rules = Retention { max_bytes: Some(1), ..Retention::default() };
    let cut =
        actix_rt::task::spawn_blocking(move || log.retain(&rules, &mut || true)).await.unwrap().unwrap();
    assert!(cut.cut.rows > 0);
    let horizon = settings(&server).await["horizon"].clone();
    let position = horizon["position"].as_u64().unwrap();
    for path in ["/state", "/snapshot"] {
        for at in ["0".to_owned(), (position - 1).to_string(), "2026-02-21T00:00:01Z".to_owned()] {
            let (status, answer) = json_of(server.get(&format!("{path}?at={at}")).await).await;
            assert_eq!(
                (status, &answer["error"]),
                (StatusCode::GONE, &json!("at_before_horizon")),
                "{at}: {answer}"
            );
            assert_eq!(answer["horizon"], horizon);
            assert!(answer["message"].as_str().unwrap().contains(&position.to_string()), "{answer}");
        }
        let (status, answer) = json_of(server.get(&format!("{path}?at={position}")).await).await;
        assert_eq!(
            (status, &answer["position"], answer.get("thinned")),
            (StatusCode::OK, &json!(position), None)
        );
    }
    let mut stream = server.events(&format!("?after={}", position - 1)).await;
    let mut told = String::new();
    while !told.contains("event: reset") {
        told += &stream.chunk().await.unwrap();
    }
    assert!(told.contains("before_horizon"), "{told}");
    server.stop().await;
}
