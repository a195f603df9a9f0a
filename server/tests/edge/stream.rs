//! `/events`, byte by byte (contract §8; design §10).

use std::time::Duration;

use patze_core::event::Origin;
use patze_core::event::envelope;
use patze_core::time::Timestamp;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::{Server, Stream, heartbeat, in_time, log_line, until};

fn headers(head: &str) -> Vec<&str> {
    head.lines().filter(|line| !line.is_empty() && !line.starts_with("date:")).collect()
}

#[actix_rt::test]
async fn golden_the_bytes_of_a_stream() {
    let (server, time) = Server::start_virtual().await;
    let before = time.sleepers();
    let mut stream = Stream::open(server.address, "", "Origin: http://localhost:1420\r\n").await;
    let mut expected = vec![
        "HTTP/1.1 200 OK",
        "transfer-encoding: chunked",
        "content-type: text/event-stream; charset=utf-8",
        "cache-control: no-cache, no-transform",
        "x-accel-buffering: no",
        "access-control-allow-origin: http://localhost:1420",
        "vary: Origin",
    ];
    let mut found = headers(&stream.head);
    found[1..].sort_unstable();
    expected[1..].sort_unstable();
    assert_eq!(found, expected);
    assert_eq!(stream.chunk().await.as_deref(), Some(": connected\n\n"));

    // One frame, one chunk, the very bytes that core writes.
    let body = heartbeat("e1", "m1");
    let position = server.plane.log.head().position + 1;
    server.ingest(std::slice::from_ref(&body)).await;
    let mut frame = String::new();
    let event = envelope::validate(&body.to_string()).unwrap();
    event.push_frame(&mut frame, position, Timestamp::parse("2026-02-21T00:00:00Z").unwrap(), Origin::INGEST);
    assert!(
        frame.starts_with("id: e1\nevent: telemetry\ndata: {\"version\":\"telemetry.v1\",\"id\":\"e1\","),
        "{frame}"
    );
    assert!(
        frame.ends_with(",\"recordedAt\":\"2026-02-21T00:00:00.000Z\",\"origin\":\"ingest\"}\n\n"),
        "{frame}"
    );
    assert_eq!(stream.chunk().await.as_deref(), Some(frame.as_str()));

    // Ours are framed under another name, which original clients skip.
    let renamed = server.post("/machines/m1/rename", &json!({ "name": "Desk" })).await;
    assert!(renamed.status().is_success());
    let chunk = stream.chunk().await.unwrap();
    assert!(
        chunk.contains("\nevent: patze\ndata: {") && chunk.contains("\"type\":\"control.machine.renamed\""),
        "{chunk}"
    );

    // A comment every 15 s, whatever else happens.
    time.wait_for_sleepers(before + 1).await;
    for _ in 0..2 {
        time.advance(Duration::from_millis(14_999)).await;
        server.ingest(&[heartbeat(&format!("at{:?}", server.plane.clock.now()), "m1")]).await;
        assert!(stream.chunk().await.unwrap().starts_with("id: at"), "no heartbeat before its time");
        time.advance(Duration::from_millis(1)).await;
        assert_eq!(stream.chunk().await.as_deref(), Some(": heartbeat\n\n"));
    }
    server.stop().await;
    assert_eq!(stream.chunk().await, None, "a stop ends the streams");
}

#[actix_rt::test]
async fn w_c12_a_resume_has_no_gap_and_nothing_twice_while_a_writer_runs() {
    let server = Server::start().await;
    let batch = |n: usize| (0..50).map(|i| heartbeat(&format!("b{n:03}e{i:02}"), "m1")).collect::<Vec<_>>();
    server.ingest(&batch(0)).await;
    // Ten clients come and go by position while batches come in.
    let writer = async {
        for n in 1..=40 {
            server.ingest(&batch(n)).await;
        }
    };
    let reader = async |mut after: u64, stay: usize| {
        let mut seen = Vec::new();
        while seen.len() < 41 * 50 {
            let mut stream = server.events(&format!("?after={after}")).await;
            assert_eq!(stream.frame().await.unwrap().0, "hello");
            for _ in 0..stay {
                let event = stream.any_event().await;
                after += 1;
                assert_eq!(event["position"], after);
                if event["type"] == "machine.heartbeat" {
                    seen.push(event["id"].as_str().unwrap().to_owned());
                }
                if seen.len() == 41 * 50 {
                    break;
                }
            }
        }
        seen
    };
    let readers = futures_util::future::join_all((0..10).map(|n| reader(0, 37 + 100 * n)));
    let (_, all) = in_time(futures_util::future::join(writer, readers)).await;
    let expected: Vec<_> = (0..=40).flat_map(|n| (0..50).map(move |i| format!("b{n:03}e{i:02}"))).collect();
    for seen in all {
        assert!(seen == expected, "each event once, in order");
    }
    server.stop().await;
}

#[actix_rt::test]
async fn a_resume_reads_the_log_where_memory_no_longer_reaches() {
    let server = Server::start().await;
    server.ingest(&(0..700).map(|n| heartbeat(&format!("e{n}"), "m1")).collect::<Vec<_>>()).await;
    // A new process has an empty ring.
    let server = server.restart().await;
    let mut stream = server.events("?after=0").await;
    assert_eq!(stream.chunk().await.as_deref(), Some(": connected\n\n"));
    let (name, hello) = stream.frame().await.unwrap();
    assert_eq!(name, "hello");
    let head = server.plane.log.head();
    assert_eq!(hello["logId"], json!(head.log_id));
    assert!(hello["position"].as_u64().unwrap() >= 701 && hello["foldVersion"].is_u64(), "{hello}");
    assert!(hello["build"].is_string() && hello["now"].is_string(), "{hello}");
    server.ingest(&[heartbeat("live", "m1")]).await;
    for position in 1.. {
        let event = stream.any_event().await;
        assert_eq!(event["position"], position);
        if event["id"] == "live" {
            assert!(position > 701, "all of the past came before");
            break;
        }
    }
    server.stop().await;
}

/// After a restart everybody who was connected comes back at once; the log's readers have room for 66 questions.
#[actix_rt::test]
async fn a_crowd_that_resumes_at_once_after_a_restart_gets_all_of_the_past() {
    let server = Server::start().await;
    server.ingest(&(0..400).map(|n| heartbeat(&format!("e{n}"), "m1")).collect::<Vec<_>>()).await;
    let server = server.restart().await;
    let mut crowd = futures_util::future::join_all((0..250).map(|_| server.events("?after=0"))).await;
    let head = server.plane.log.head().position;
    for stream in &mut crowd {
        assert_eq!(stream.frame().await.unwrap().0, "hello");
        for position in 1..=head {
            assert_eq!(stream.any_event().await["position"], position);
        }
    }
    server.stop().await;
}

#[actix_rt::test]
async fn a_resume_that_cannot_be_is_reset_and_goes_on_live() {
    let server = Server::start().await;
    server.ingest(&[heartbeat("e1", "m1")]).await;
    let log_id = server.plane.log.head().log_id;
    for (query, reason) in [
        ("?after=999999".to_owned(), Some("other_log")),
        ("?after=1&log=another".to_owned(), Some("other_log")),
        (format!("?after=1&log={log_id}"), None),
    ] {
        let mut stream = server.events(&query).await;
        assert_eq!(stream.frame().await.unwrap().0, "hello");
        let (name, data) = stream.frame().await.unwrap();
        let Some(reason) = reason else {
            assert!(name != "reset" && data["position"] == 2, "{name} {data}");
            continue;
        };
        let head = server.plane.log.head().position;
        assert_eq!(
            (name.as_str(), data),
            ("reset", json!({ "logId": log_id, "position": head, "reason": reason }))
        );
        server.ingest(&[heartbeat(&format!("after{query}"), "m1")]).await;
        assert_eq!(stream.event().await["position"], head + 1);
    }
    server.stop().await;
}

#[actix_rt::test]
async fn a_position_that_is_none_is_refused_and_last_event_id_is_ignored() {
    let server = Server::start().await;
    server.ingest(&[heartbeat("e1", "m1")]).await;
    for query in ["?after=x", "?after=-1", "?after=", "?after=1.5"] {
        let response = server.get(&format!("/events{query}")).await;
        assert_eq!(response.status(), 400, "{query}");
        let answer: Value = response.json().await.unwrap();
        assert_eq!(answer["error"], "invalid_after", "{query}");
    }
    let mut stream = Stream::open(server.address, "", "Last-Event-ID: e0\r\n").await;
    server.ingest(&[heartbeat("e2", "m1")]).await;
    assert_eq!(stream.event().await["id"], "e2", "no replay (contract §8.4)");
    server.stop().await;
}

/// W-P5: frames are encoded once for all, and a client that does not read holds nobody up.
#[actix_rt::test]
async fn w_p5_a_slow_subscriber_is_cut_while_others_live() {
    let server = Server::start().await;
    let mut stuck = TcpStream::connect(server.address).await.unwrap();
    let request = format!("GET /events HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", server.address);
    stuck.write_all(request.as_bytes()).await.unwrap();
    let mut quick = server.events("").await;
    until("both listen", async || server.plane.hub.stats().subscribers == 2).await;
    // 48 MiB: three times what the ring and every socket buffer hold.
    for n in 0..100 {
        server.ingest(&[log_line(&format!("e{n}"), "m1", 480_000)]).await;
        loop {
            let event = quick.event().await;
            if event["origin"] == "ingest" {
                assert_eq!(event["id"], format!("e{n}"));
                break;
            }
        }
    }
    let stats = server.plane.hub.stats();
    assert!(stats.encoded < 110, "encoded once each, not once a subscriber: {stats:?}");
    assert!(stats.ring_bytes <= 16 << 20, "{stats:?}");
    // It reads what its socket held, and then the end.
    let mut read = Vec::new();
    in_time(stuck.read_to_end(&mut read)).await.unwrap();
    assert!(read.len() < 40 << 20 && read.ends_with(b"0\r\n\r\n"), "{} bytes", read.len());
    until("it is counted", async || server.plane.hub.stats().cut == 1).await;
    server.ingest(&[heartbeat("last", "m1")]).await;
    assert_eq!(quick.event().await["id"], "last");
    server.stop().await;
}

#[actix_rt::test]
async fn a_client_that_leaves_is_no_subscriber_any_more() {
    let server = Server::start().await;
    let stream = server.events("").await;
    until("it listens", async || server.plane.hub.stats().subscribers == 1).await;
    drop(stream);
    until("it is gone, without an event or a heartbeat", async || server.plane.hub.stats().subscribers == 0)
        .await;
    server.stop().await;
}

#[actix_rt::test]
async fn a_crowd_gets_whole_frames_in_order() {
    let server = Server::start().await;
    let mut crowd = Vec::new();
    for _ in 0..120 {
        crowd.push(server.events("").await);
    }
    until("all listen", async || server.plane.hub.stats().subscribers == 120).await;
    for n in 0..20 {
        server.ingest(&(0..5).map(|i| heartbeat(&format!("{n}-{i}"), "m1")).collect::<Vec<_>>()).await;
    }
    let expected: Vec<_> = (0..20).flat_map(|n| (0..5).map(move |i| format!("{n}-{i}"))).collect();
    for stream in &mut crowd {
        let mut seen = Vec::new();
        while seen.len() < expected.len() {
            let chunk = stream.chunk().await.unwrap();
            assert!(chunk.ends_with("\n\n"), "whole frames: {chunk}");
            for frame in chunk.split_inclusive("\n\n").filter(|frame| !frame.starts_with(':')) {
                let (_, data) = crate::support::parse(frame);
                if data["origin"] == "ingest" {
                    seen.push(data["id"].as_str().unwrap().to_owned());
                }
            }
        }
        assert_eq!(seen, expected);
    }
    server.stop().await;
}
