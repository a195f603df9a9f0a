//! The body matrix of contract §2.3, and that every fault is an answer.

use std::fmt::Write as _;

use patze_server::edge::budget::LIMIT;
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::support::{Server, heartbeat, in_time, json_of, log_line, registered, until};

const INGEST: [&str; 2] = ["/ingest", "/ingest/batch"];

async fn send(server: &Server, path: &str, content_type: Option<&str>, body: Option<&str>) -> (u16, Value) {
    let mut request = server.client.post(server.url(path));
    if let Some(content_type) = content_type {
        request = request.header("content-type", content_type);
    }
    if let Some(body) = body {
        request = request.body(body.to_owned());
    }
    let (status, answer) = json_of(request.send().await.unwrap()).await;
    (status.as_u16(), answer)
}

#[actix_rt::test]
async fn the_matrix_of_ingest() {
    let server = Server::start().await;
    let json = Some("application/json");
    for path in INGEST {
        for (content_type, body, status, error) in [
            (json, Some("{"), 400, "request_error"),
            (json, Some(""), 400, "request_error"),
            (json, None, 400, "request_error"),
            (json, Some("{\"a\":{\"__proto__\":1}}"), 400, "request_error"),
            (json, Some("{\"events\":[]} trailing"), 400, "request_error"),
            (Some("text/plain"), Some("{}"), 415, "unsupported_media_type"),
            (Some("text/plain; charset=utf-8"), None, 415, "unsupported_media_type"),
            (None, None, 415, "unsupported_media_type"),
            (Some("application/xml"), Some("<a/>"), 415, "request_error"),
            (Some("application/x-www-form-urlencoded"), Some("a=1"), 415, "request_error"),
        ] {
            let (got, answer) = send(&server, path, content_type, body).await;
            assert_eq!(
                (got, &answer["error"]),
                (status, &json!(error)),
                "{path} {content_type:?} {body:?}: {answer}"
            );
        }
    }
    let event = heartbeat("e1", "m1").to_string();
    for content_type in ["application/json; charset=utf-8", "APPLICATION/JSON", "application/json;x"] {
        assert_eq!(send(&server, "/ingest", Some(content_type), Some(&event)).await.0, 200, "{content_type}");
    }
    server.stop().await;
}

#[actix_rt::test]
async fn the_matrix_of_routes_with_an_object() {
    let server = Server::start().await;
    server.ingest(&[registered("e1", "m1", "Desk")]).await;
    let json = Some("application/json");
    for (content_type, body, status, error) in [
        (json, Some("{"), 400, "request_error"),
        (json, None, 400, "request_error"),
        (json, Some("{\"__proto__\":1}"), 400, "request_error"),
        (json, Some("[]"), 400, "invalid_body"),
        (json, Some("null"), 400, "invalid_body"),
        (None, None, 400, "invalid_body"),
        (Some("text/plain"), Some("{}"), 400, "invalid_body"),
        (Some("application/xml"), Some("<a/>"), 415, "request_error"),
        (json, Some("{}"), 400, "invalid_name"),
        (json, Some("{\"name\":\"\"}"), 400, "invalid_name"),
        (json, Some("{\"name\":7}"), 400, "invalid_name"),
        (json, Some("{\"name\":\"a\\nb\"}"), 400, "invalid_name"),
    ] {
        let (got, answer) = send(&server, "/machines/m1/rename", content_type, body).await;
        assert_eq!((got, &answer["error"]), (status, &json!(error)), "{content_type:?} {body:?}: {answer}");
    }
    server.stop().await;
}

#[actix_rt::test]
async fn a_post_that_needs_no_body_takes_none() {
    let server = Server::start().await;
    server.ingest(&[registered("e1", "m1", "Desk")]).await;
    let json = Some("application/json");
    for (content_type, body, status) in [
        (None, None, 200),
        (json, Some("{}"), 200),
        (json, Some("[1]"), 200),
        (Some("text/plain"), Some("x"), 200),
        (json, None, 400),
        (json, Some("{"), 400),
        (Some("application/xml"), Some("<a/>"), 415),
    ] {
        let (got, answer) = send(&server, "/machines/m1/pause", content_type, body).await;
        assert_eq!(got, status, "{content_type:?} {body:?}: {answer}");
    }
    server.stop().await;
}

#[actix_rt::test]
async fn limits_count_real_bytes() {
    let server = Server::start().await;
    let fitting = log_line("e1", "m1", 500_000).to_string();
    let padded = |size: usize| format!("{}{fitting}", " ".repeat(size - fitting.len()));
    // Announced by its length.
    assert_eq!(send(&server, "/ingest", Some("application/json"), Some(&padded(1_048_576))).await.0, 200);
    for path in INGEST {
        let (status, answer) = send(&server, path, Some("application/json"), Some(&padded(1_048_577))).await;
        assert_eq!((status, &answer["error"]), (413, &json!("payload_too_large")), "{path}");
    }
    // Not announced.
    for (size, status) in [(1_048_576, StatusCode::OK), (1_048_577, StatusCode::PAYLOAD_TOO_LARGE)] {
        let pieces: Vec<Vec<u8>> = padded(size).into_bytes().chunks(60_000).map(<[u8]>::to_vec).collect();
        let body = reqwest::Body::wrap_stream(futures_util::stream::iter(
            pieces.into_iter().map(Ok::<_, std::convert::Infallible>),
        ));
        let request = server.client.post(server.url("/ingest")).header("content-type", "application/json");
        let (got, answer) = json_of(request.body(body).send().await.unwrap()).await;
        assert_eq!(got, status, "{size} chunked: {answer}");
    }
    // Elsewhere 4 MiB.
    let body = format!("{{\"name\":\"{}\"}}", "x".repeat(4 * 1024 * 1024));
    let (status, answer) = send(&server, "/machines/m1/rename", Some("application/json"), Some(&body)).await;
    assert_eq!((status, &answer["error"]), (413, &json!("request_error")));
    server.stop().await;
}

#[actix_rt::test]
async fn a_length_that_lies_is_an_answer_too() {
    let server = Server::start().await;
    let head =
        format!("POST /ingest HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n", server.address);
    // An endless promise, and nothing sent.
    let answer = server.raw(format!("{head}Content-Length: 99999999\r\n\r\n")).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    // Chunks without end, in one write.
    let mut endless = format!("{head}Transfer-Encoding: chunked\r\n\r\n");
    for _ in 0..40 {
        let _ = write!(endless, "8000\r\n{}\r\n", "x".repeat(0x8000));
    }
    let answer = server.raw(endless).await;
    assert!(answer.starts_with("HTTP/1.1 413 ") && answer.contains("payload_too_large"), "{answer}");
    assert_eq!(server.get("/health").await.status(), StatusCode::OK);
    server.stop().await;
}

#[actix_rt::test]
async fn odd_bytes_are_refused_and_nothing_is_lost() {
    let server = Server::start().await;
    let request = server.client.post(server.url("/ingest")).header("content-type", "application/json");
    let (status, answer) = json_of(request.body(vec![b'"', 0xff, b'"']).send().await.unwrap()).await;
    assert_eq!((status, &answer["error"]), (StatusCode::BAD_REQUEST, &json!("request_error")));
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let (status, _) = send(&server, "/ingest", Some("application/json"), Some(&deep)).await;
    assert_eq!(status, 400);
    server.ingest(&[heartbeat("e1", "m1")]).await;
    server.stop().await;
}

#[actix_rt::test]
async fn a_body_that_does_not_come_is_waited_for_a_minute() {
    let (server, time) = Server::start_virtual().await;
    let sleepers = time.sleepers();
    let head =
        format!("POST /ingest HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n", server.address);
    let request = server.raw(format!("{head}Content-Length: 100\r\n\r\n{{"));
    let wait = async {
        time.wait_for_sleepers(sleepers + 1).await;
        time.advance(std::time::Duration::from_secs(60)).await;
    };
    let (answer, ()) = futures_util::future::join(request, wait).await;
    assert!(answer.starts_with("HTTP/1.1 408 ") && answer.contains("request_timeout"), "{answer}");
    server.stop().await;
}

#[actix_rt::test]
async fn a_megabyte_of_nonsense_is_answered_within_bounds() {
    let server = Server::start().await;
    let body = format!("{{\"events\":[{}1]}}", "1,".repeat(200_000));
    let (status, answer) = send(&server, "/ingest/batch", Some("application/json"), Some(&body)).await;
    assert_eq!((status, &answer["rejectedCount"]), (200, &json!(200_001)));
    assert_ne!(answer["rejected"][999]["error"]["message"], "");
    assert_eq!(answer["rejected"][1000]["error"], json!({ "code": "invalid_envelope", "message": "" }));
    server.stop().await;
}

/// The value of a metric without labels, or of the one with these.
async fn metric(server: &Server, name: &str) -> u64 {
    let page = server.get("/metrics").await.text().await.unwrap();
    let line = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.map_or(0, |value| value.parse().unwrap())
}

async fn assert_all_given_back_and_well(server: &Server) {
    let most = metric(server, "patze_requests_held_bytes_max").await;
    assert!(most > LIMIT as u64 / 2 && most <= LIMIT as u64, "{most} of {LIMIT}");
    until("all is given back", async || metric(server, "patze_requests_held_bytes").await == 0).await;
    server.ingest(&[heartbeat("e1", "m1")]).await;
}

/// AC-2: the memory of all requests together is bounded.
#[actix_rt::test]
async fn large_batches_at_once_stay_within_the_budget() {
    let server = Server::start().await;
    let body = format!("{{\"events\":[{}1]}}", "1,".repeat(500_000));
    let json = Some("application/json");
    let answers = (0..6).map(|_| send(&server, "/ingest/batch", json, Some(&body)));
    let answers = futures_util::future::join_all(answers).await;
    let overloaded = answers.iter().filter(|(status, _)| *status == 503).count();
    assert!(overloaded > 0, "six times what the budget holds twice at most");
    for (status, answer) in answers {
        match status {
            503 => assert_eq!(answer["error"], "overloaded"),
            _ => assert_eq!((status, &answer["rejectedCount"]), (200, &json!(500_001))),
        }
    }
    let (status, answer) = send(&server, "/ingest/batch", json, Some(&body)).await;
    assert_eq!((status, &answer["rejectedCount"]), (200, &json!(500_001)), "one alone has room");
    assert_all_given_back_and_well(&server).await;
    server.stop().await;
}

#[actix_rt::test]
async fn bodies_that_do_not_end_stay_within_the_budget() {
    let server = Server::start().await;
    let mut begun = format!(
        "POST /ingest/batch HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: 1048576\r\n\r\n",
        server.address
    );
    begun.push_str(&" ".repeat(1_048_575));
    let refused = "patze_http_requests_total{class=\"ingest\",status=\"503\"}";
    let mut slow = Vec::new();
    while metric(&server, refused).await == 0 {
        assert!(slow.len() < 300, "nobody is turned away");
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        // The one that is turned away may be cut while it writes.
        let _ = in_time(stream.write_all(begun.as_bytes())).await;
        slow.push(stream);
    }
    drop(slow);
    assert_all_given_back_and_well(&server).await;
    server.stop().await;
}

/// A tree of values takes fifty times its text.
#[actix_rt::test]
async fn an_object_of_too_many_values_is_no_request() {
    let server = Server::start().await;
    let body = format!("{{\"machineId\":\"m1\",\"x\":[{}1]}}", "[1],".repeat(800_000));
    let poll = "/openclaw/bridge/commands/poll";
    let (status, answer) = send(&server, poll, Some("application/json"), Some(&body)).await;
    assert_eq!((status, &answer["error"]), (400, &json!("request_error")), "{answer}");
    let body = format!("{{\"machineId\":\"m1\",\"x\":[{}1]}}", "[1],".repeat(10_000));
    assert_eq!(send(&server, poll, Some("application/json"), Some(&body)).await.0, 200);
    server.stop().await;
}
