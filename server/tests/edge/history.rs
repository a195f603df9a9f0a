//! `/history/…`: what is answered, paging, bad input, and a file that is missing or damaged.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::{Server, envelope, heartbeat, json_of, registered, until};

const DAY: &str = "2026-02-21";

/// An event at `time` of [`DAY`].
fn at(time: &str, id: &str, machine: &str, kind: &str, payload: Value) -> Value {
    let mut event = envelope(id, machine, kind, payload);
    event["ts"] = json!(format!("{DAY}T{time}Z"));
    event
}

fn run(time: &str, id: &str, machine: &str, run: &str, to: &str) -> Value {
    let payload = json!({
        "runId": run, "sessionId": format!("s-{machine}"), "agentId": "main", "home": "default", "from": "x", "to": to,
        "reason": if to == "failed" { json!("rate limit") } else { Value::Null },
    });
    at(time, id, machine, "run.state.changed", payload)
}

fn session(time: &str, id: &str, machine: &str, to: &str) -> Value {
    let payload = json!({
        "sessionId": format!("s-{machine}"), "agentId": "main", "home": "default", "machineId": machine, "from": "x",
        "to": to, "sessionKey": "agent:main:main", "channel": "telegram",
    });
    at(time, id, machine, "session.state.changed", payload)
}

fn line(time: &str, id: &str, machine: &str, run: &str, level: &str, message: &str) -> Value {
    let payload = json!({
        "logEntryId": id, "runId": run, "sessionId": format!("s-{machine}"), "level": level, "message": message,
        "ts": format!("{DAY}T{time}Z"),
    });
    at(time, id, machine, "run.log.emitted", payload)
}

fn usage(time: &str, id: &str, machine: &str, run: &str, model: &str, tokens: u64, cost: f64) -> Value {
    let payload = json!({
        "runId": run, "machineId": machine, "provider": "p", "model": model, "inputTokens": tokens, "outputTokens": 1,
        "estimatedCostUsd": cost,
    });
    at(time, id, machine, "run.model.usage", payload)
}

/// A server on the evening of [`DAY`], whose history has all these.
async fn server(events: &[Value]) -> Server {
    let (server, time) = Server::start_virtual().await;
    time.advance(std::time::Duration::from_secs(20 * 3_600)).await;
    server.ingest(events).await;
    caught_up(&server).await;
    server
}

async fn caught_up(server: &Server) {
    until("history has it all", async || server.plane.history.status().progress.behind == 0).await;
}

async fn ask(server: &Server, path: &str) -> Value {
    let (status, answer) = json_of(server.get(path).await).await;
    assert_eq!(status, StatusCode::OK, "{path}: {answer}");
    answer
}

fn ids<'a>(answer: &'a Value, key: &str) -> Vec<&'a str> {
    answer["items"].as_array().unwrap().iter().map(|item| item[key].as_str().unwrap()).collect()
}

#[actix_rt::test]
async fn runs_are_listed_filtered_and_paged_while_events_arrive() {
    let mut events =
        vec![session("08:00:00", "s1", "m1", "running"), session("08:00:01", "s2", "m2", "running")];
    for n in 0..5 {
        for machine in ["m1", "m2"] {
            let name = format!("r{n}");
            events.push(run(&format!("08:0{n}:00"), &format!("a{n}{machine}"), machine, &name, "running"));
            let end = if n == 2 { "failed" } else { "completed" };
            events.push(run(&format!("08:0{n}:30"), &format!("b{n}{machine}"), machine, &name, end));
        }
    }
    let server = server(&events).await;
    let all = ask(&server, "/history/runs").await;
    assert_eq!(all["items"].as_array().unwrap().len(), 10);
    assert_eq!((&all["behind"], &all["rebuilding"]), (&json!(0), &json!(false)), "{all}");
    let first = &all["items"][0];
    assert_eq!(
        (&first["runId"], &first["state"], &first["durationMs"]),
        (&json!("r4"), &json!("completed"), &json!(30_000))
    );
    assert_eq!(first["agentId"], "main");
    for (filter, count) in [
        ("machineId=m1", 5),
        ("agentId=main", 10),
        ("agentId=nobody", 0),
        ("sessionId=s-m2", 5),
        ("sessionId=s-m2&machineId=m1", 0),
        ("channel=telegram", 10),
        ("channel=slack", 0),
        ("state=failed", 2),
        ("state=failed&machineId=m2", 1),
        ("state=completed&machineId=m2", 4),
        ("state=running", 0),
        ("from=2026-02-21T08:01:00Z&to=2026-02-21T08:03:00Z", 4),
        ("from=2026-02-21T08:03:00Z&machineId=m1", 2),
    ] {
        let found = ask(&server, &format!("/history/runs?{filter}")).await;
        assert_eq!(found["items"].as_array().unwrap().len(), count, "{filter}");
    }
    let failed = ask(&server, "/history/runs?state=failed&machineId=m1").await;
    assert_eq!(failed["items"][0]["failureReason"], "rate limit");
    // Page by page, with a new run between any two pages.
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    for round in 0.. {
        let page = ask(&server, &format!("/history/runs?limit=3{cursor}")).await;
        for item in page["items"].as_array().unwrap() {
            seen.push(format!("{} {}", item["machineId"], item["runId"]));
        }
        let Some(next) = page["next"].as_str() else { break };
        cursor = format!("&cursor={next}");
        let id = format!("new{round}");
        server.ingest(&[run("19:00:00", &id, "m1", &id, "running")]).await;
        caught_up(&server).await;
    }
    let mut once = seen.clone();
    once.sort();
    once.dedup();
    assert_eq!((seen.len(), once.len()), (10, 10), "each of the first ten once: {seen:?}");
    server.stop().await;
}

#[actix_rt::test]
async fn sessions_and_machines_are_listed() {
    let server = server(&[
        registered("e1", "m1", "Desk"),
        heartbeat("e2", "m1"),
        session("08:00:00", "s1", "m1", "running"),
        session("09:00:00", "s2", "m2", "completed"),
        run("08:00:30", "r1", "m1", "r1", "failed"),
        usage("08:00:10", "u1", "m1", "r1", "x", 10, 0.5),
    ])
    .await;
    let sessions = ask(&server, "/history/sessions").await;
    assert_eq!(ids(&sessions, "sessionId"), ["s-m2", "s-m1"]);
    let first = &sessions["items"][1];
    assert_eq!((&first["sessionKey"], &first["channel"]), (&json!("agent:main:main"), &json!("telegram")));
    assert_eq!((&first["totalRuns"], &first["failedRuns"]), (&json!(1), &json!(1)));
    for (filter, count) in [
        ("machineId=m1", 1),
        ("channel=telegram", 2),
        ("agentId=main&state=completed", 1),
        ("state=failed", 0),
        ("sessionId=s-m1", 1),
        ("to=2026-02-21T08:30:00Z", 1),
    ] {
        let found = ask(&server, &format!("/history/sessions?{filter}")).await;
        assert_eq!(found["items"].as_array().unwrap().len(), count, "{filter}");
    }
    let machines = ask(&server, "/history/machines?status=online").await;
    assert_eq!(ids(&machines, "machineId"), ["m1"]);
    assert_eq!(
        (&machines["items"][0]["name"], &machines["items"][0]["lastResource"]["cpuPct"]),
        (&json!("Desk"), &json!(1.5))
    );
    assert_eq!(ask(&server, "/history/machines").await["items"].as_array().unwrap().len(), 2);
    server.stop().await;
}

#[actix_rt::test]
async fn lines_are_searched_and_filtered() {
    let server = server(&[
        run("08:00:00", "e1", "m1", "r1", "running"),
        line("08:00:01", "l1", "m1", "r1", "info", "Connection to the gateway was made"),
        line("08:00:02", "l2", "m1", "r1", "error", "the rate limit of the provider was reached, 429"),
        line("08:00:03", "l3", "m2", "r2", "error", "connection reset; rate unknown, limit unknown"),
        line("08:00:04", "l4", "m2", "r2", "critical", "m1 l3 d20505"),
        at(
            "08:00:05",
            "g1",
            "m1",
            "gateway.log",
            json!({"level": "warn", "message": "gateway restarts", "ts": "2026-02-21T08:00:05Z"}),
        ),
    ])
    .await;
    for (filter, found) in [
        ("", vec!["g1", "l4", "l3", "l2", "l1"]),
        ("q=connection", vec!["l3", "l1"]),
        ("q=CONN*+gateway", vec!["l1"]),
        ("q=%22rate+limit%22", vec!["l2"]),
        ("q=rate+limit", vec!["l3", "l2"]),
        ("q=rate+limit&machineId=m2", vec!["l3"]),
        ("q=nowhere", vec![]),
        // The filters' own words are no words of a line, and the other way round.
        ("q=l3", vec!["l4"]),
        ("q=a0", vec![]),
        ("level=error,critical", vec!["l4", "l3", "l2"]),
        ("level=error&machineId=m1", vec!["l2"]),
        ("agentId=main", vec!["l2", "l1"]),
        ("sessionId=s-m2", vec!["l4", "l3"]),
        ("runId=r1&level=info", vec!["l1"]),
        ("runId=r9", vec![]),
        ("from=2026-02-21T08:00:03Z", vec!["g1", "l4", "l3"]),
        ("q=rate&to=2026-02-21T08:00:03Z", vec!["l2"]),
        ("from=2026-01-01T00:00:00Z&to=2026-02-20T00:00:00Z", vec![]),
        // Four hundred days, a word of the search each.
        ("q=rate&from=2025-01-17T00:00:00Z&to=2026-02-20T23:00:00Z", vec![]),
        ("q=rate&from=2020-01-01T00:00:00Z", vec!["l3", "l2"]),
        ("to=2026-02-20T00:00:00Z", vec![]),
    ] {
        let answer = ask(&server, &format!("/history/logs?{filter}")).await;
        assert_eq!(ids(&answer, "id"), found, "{filter}");
    }
    let hit = &ask(&server, "/history/logs?q=rate&level=error&machineId=m1").await["items"][0];
    assert_eq!(
        hit["context"],
        json!([{"text": "the "}, {"text": "rate", "hit": true}, {"text": " limit of the provider was reached, 429"}])
    );
    let first = ask(&server, "/history/logs?level=error,critical&limit=2").await;
    let next = first["next"].as_str().unwrap();
    let second = ask(&server, &format!("/history/logs?level=critical,error&limit=2&cursor={next}")).await;
    assert_eq!(ids(&second, "id"), ["l2"]);
    server.stop().await;
}

#[actix_rt::test]
async fn a_run_is_told_step_by_step() {
    let tool = |time: &str, id: &str, call: &str| {
        let started = format!("{DAY}T{time}Z");
        at(
            time,
            id,
            "m1",
            "run.tool.started",
            json!({"runId": "r1", "toolCallId": call, "toolName": "exec", "startedAt": started}),
        )
    };
    let done = |time: &str, id: &str, call: &str, ms: u64, ok: bool| {
        let status = if ok { "completed" } else { "failed" };
        let payload = json!({"runId": "r1", "toolCallId": call, "toolName": "exec", "status": status, "durationMs": ms,
                             "success": ok, "errorMessage": "no such file"});
        at(time, id, "m1", "run.tool.completed", payload)
    };
    let child = json!({"sessionId": "child", "agentId": "sub", "home": "default", "machineId": "m1", "from": "x", "to": "running",
                       "sessionKey": "agent:sub:1", "parentSessionKey": "agent:main:main"});
    let child_run = json!({"runId": "rc", "sessionId": "child", "agentId": "sub", "home": "default", "from": "x", "to": "running"});
    let span = json!({"id": "sp", "traceId": "t", "machineId": "m1", "runId": "r1", "name": "plan",
                      "startedAt": "2026-02-21T08:00:02Z", "endedAt": "2026-02-21T08:00:03Z", "status": "ok"});
    let server = server(&[
        session("08:00:00", "s1", "m1", "running"),
        run("08:00:00", "e1", "m1", "r1", "queued"),
        run("08:00:02", "e2", "m1", "r1", "running"),
        usage("08:00:05", "u1", "m1", "r1", "x", 10, 0.25),
        tool("08:00:05", "t1", "c1"),
        done("08:00:07", "t2", "c1", 2_000, true),
        done("08:00:09", "t3", "c2", 1_000, false),
        line("08:00:09", "l1", "m1", "r1", "error", "no such file"),
        at("08:00:10", "s2", "m1", "session.state.changed", child),
        at("08:00:10", "e3", "m1", "run.state.changed", child_run),
        at("08:00:11", "sp1", "m1", "trace.span.recorded", span),
        run("08:00:12", "e4", "m1", "r1", "failed"),
        run("08:00:12", "e5", "m2", "r1", "completed"),
    ])
    .await;
    let timeline = ask(&server, "/history/runs/r1/timeline?machineId=m1").await;
    assert_eq!(timeline["run"]["failureReason"], "rate limit");
    assert!(timeline.get("ambiguous").is_none(), "{timeline}");
    let steps = timeline["steps"].as_array().unwrap();
    let of = |kind: &str| -> Vec<(&str, &str)> {
        let of_kind = steps.iter().filter(|step| step["kind"] == kind);
        of_kind
            .map(|step| {
                (
                    &step["start"].as_str().unwrap()[17..19],
                    step["end"].as_str().map_or("", |end| &end[17..19]),
                )
            })
            .collect()
    };
    assert_eq!(of("state"), [("00", "02"), ("02", "12"), ("12", "12")]);
    assert_eq!(of("modelCall"), [("02", "05")]);
    assert_eq!(
        of("toolCall"),
        [("05", "07"), ("08", "09")],
        "one told by its end alone began as long before as it took"
    );
    assert_eq!(of("subAgent"), [("10", "")]);
    assert_eq!(of("error"), [("09", "09")]);
    assert_eq!(of("span"), [("02", "03")]);
    assert_eq!(of("wait"), [("00", "02"), ("07", "08"), ("09", "10")]);
    let call = steps.iter().find(|step| step["kind"] == "modelCall").unwrap();
    assert_eq!((&call["usage"]["inputTokens"], &call["usage"]["costUsd"]), (&json!(10), &json!(0.25)));
    assert!(steps.is_sorted_by_key(|step| step["start"].as_str().unwrap()));
    let either = ask(&server, "/history/runs/r1/timeline").await;
    assert_eq!(either["ambiguous"], true);
    for path in [
        "/history/runs/nobody/timeline",
        "/history/runs/rc/timeline?machineId=m2",
        "/history/runs/rc/timeline?machineId=m9",
    ] {
        let (status, answer) = json_of(server.get(path).await).await;
        assert_eq!((status, &answer["error"]), (StatusCode::NOT_FOUND, &json!("not_found")), "{path}");
    }
    server.stop().await;
}

#[actix_rt::test]
async fn usage_is_summed_by_the_hours_and_days_of_a_zone() {
    let mut sub = usage("18:40:00", "u4", "m2", "r9", "y", 7, 0.0);
    sub["payload"]["agentId"] = json!("writer");
    let server = server(&[
        session("08:00:00", "s1", "m1", "running"),
        run("08:00:00", "e1", "m1", "r1", "running"),
        usage("08:10:00", "u1", "m1", "r1", "x", 10, 0.5),
        usage("08:20:00", "u2", "m1", "r1", "x", 20, 0.25),
        usage("18:20:00", "u3", "m1", "r1", "y", 40, 0.0),
        sub,
    ])
    .await;
    let query = "from=2026-02-21T00:00:00Z&to=2026-02-21T20:00:00Z";
    let by_machine = ask(&server, &format!("/history/usage?by=machine&bucket=hour&{query}")).await;
    let m1 = &by_machine["series"][0];
    assert_eq!(
        (&m1["machineId"], &m1["total"]["calls"], &m1["total"]["costUsd"]),
        (&json!("m1"), &json!(3), &json!(0.75))
    );
    assert_eq!(
        (&m1["total"]["unpriced"]["calls"], &m1["total"]["unpriced"]["inputTokens"]),
        (&json!(1), &json!(40))
    );
    let starts: Vec<_> =
        m1["buckets"].as_array().unwrap().iter().map(|b| b["start"].as_str().unwrap()).collect();
    assert_eq!(starts, ["2026-02-21T08:00:00.000Z", "2026-02-21T18:00:00.000Z"]);
    assert_eq!(m1["buckets"][0]["inputTokens"], 30);
    let names = |answer: &Value, key: &str| -> Vec<String> {
        answer["series"]
            .as_array()
            .unwrap()
            .iter()
            .map(|s| s[key].as_str().unwrap_or("-").to_owned())
            .collect()
    };
    assert_eq!(names(&ask(&server, &format!("/history/usage?by=model&{query}")).await, "model"), ["y", "x"]);
    assert_eq!(
        names(&ask(&server, &format!("/history/usage?by=agent&{query}")).await, "agentId"),
        ["main", "writer"]
    );
    assert_eq!(
        names(&ask(&server, &format!("/history/usage?by=channel&{query}")).await, "channel"),
        ["telegram", ""]
    );
    // Half an hour off: midnight in Kolkata is 18:30Z.
    let kolkata = ask(&server, &format!("/history/usage?by=model&bucket=day&tz=Asia/Kolkata&{query}")).await;
    let y = &kolkata["series"][0];
    assert_eq!((&kolkata["exact"], &kolkata["tz"]), (&json!(true), &json!("Asia/Kolkata")));
    assert_eq!(
        (
            &y["buckets"][0]["start"],
            &y["buckets"][0]["inputTokens"],
            &y["buckets"][1]["start"],
            &y["buckets"][1]["inputTokens"]
        ),
        (&json!("2026-02-20T18:30:00.000Z"), &json!(40), &json!("2026-02-21T18:30:00.000Z"), &json!(7))
    );
    server.stop().await;
}

#[actix_rt::test]
async fn calls_without_a_cost_are_estimated_and_marked_as_such() {
    let server = server(&[
        session("08:00:00", "s1", "m1", "running"),
        run("08:00:00", "e1", "m1", "r1", "running"),
        usage("08:10:00", "u1", "m1", "r1", "free", 1_000_000, 0.0),
        usage("12:10:00", "u2", "m1", "r1", "free", 1_000_000, 0.0),
        usage("12:11:00", "u3", "m1", "r1", "free", 500_000, 0.75),
        usage("12:12:00", "u4", "m1", "r1", "unknown", 5, 0.0),
    ])
    .await;
    let path = "/history/usage?by=model&bucket=hour&from=2026-02-21T00:00:00Z&to=2026-02-21T20:00:00Z";
    let free = async |key: &str| {
        let answer = ask(&server, path).await;
        answer["series"].as_array().unwrap().iter().find(|series| series["model"] == key).unwrap().clone()
    };
    assert_eq!(free("free").await["total"].get("estimatedCostUsd"), None, "without a table");
    let table = server.folder().join("prices.toml");
    let entry = |rest: &str| format!("[[price]]\nprovider = \"P\"\nmodel = \"Free\"\noutput = 0\n{rest}\n");
    let both = entry("input = 4.0\nfrom = 2026-02-21T12:00:00Z") + &entry("input = 2.0");
    std::fs::write(&table, both).unwrap();
    let told = free("free").await;
    let costs: Vec<_> = told["buckets"]
        .as_array()
        .unwrap()
        .iter()
        .map(|bucket| (bucket["costUsd"].clone(), bucket["estimatedCostUsd"].clone()))
        .collect();
    assert_eq!(costs, [(json!(0.0), json!(2.0)), (json!(0.75), json!(4.0))]);
    assert_eq!(
        (&told["total"]["costUsd"], &told["total"]["estimatedCostUsd"]),
        (&json!(0.75), &json!(6.0)),
        "a table counts at once, by the time of the call, and is never part of what was reported"
    );
    assert_eq!(free("unknown").await["total"].get("estimatedCostUsd"), None, "no entry, no estimate");
    std::fs::write(&table, entry("input = -1")).unwrap();
    let answer = ask(&server, path).await;
    let fault = answer["pricesFault"].as_str().unwrap();
    assert!(fault.contains("prices.toml, line 5: -1 is no price"), "{fault}");
    assert_eq!(answer["series"][0]["total"].get("estimatedCostUsd"), None);
    server.stop().await;
}

#[actix_rt::test]
async fn gauges_and_the_moment_rail() {
    let beat = |time: &str, id: &str, cpu: f64| {
        let resource = json!({"cpuPct": cpu, "memoryBytes": 1024, "memoryPct": 2, "diskPct": 40});
        at(
            time,
            id,
            "m1",
            "machine.heartbeat",
            json!({"machineId": "m1", "status": "online", "resource": resource}),
        )
    };
    let server = server(&[
        beat("08:00:00", "h1", 10.0),
        beat("08:00:30", "h2", 30.0),
        beat("09:00:00", "h3", 50.0),
        run("19:59:00", "e1", "m1", "r1", "running"),
        run("19:59:30", "e2", "m1", "r1", "failed"),
    ])
    .await;
    let series = ask(
        &server,
        "/history/machines/m1/series?from=2026-02-21T08:00:00Z&to=2026-02-21T10:00:00Z&points=120",
    )
    .await;
    let points = series["points"].as_array().unwrap();
    assert_eq!(points.len(), 2, "gaps are absent: {series}");
    assert_eq!(
        (
            &points[0]["n"],
            &points[0]["min"]["cpuPct"],
            &points[0]["mean"]["cpuPct"],
            &points[0]["max"]["cpuPct"]
        ),
        (&json!(2), &json!(10.0), &json!(20.0), &json!(30.0))
    );
    assert_eq!(
        (&points[1]["start"], &points[1]["mean"]["diskPct"]),
        (&json!("2026-02-21T09:00:00.000Z"), &json!(40.0))
    );
    assert!(points[1]["mean"].get("netRxBytes").is_none());
    let density =
        ask(&server, "/history/density?from=2026-02-21T19:00:00Z&to=2026-02-21T20:10:00Z&buckets=70").await;
    let buckets = density["buckets"].as_array().unwrap();
    assert_eq!((buckets.len(), &density["bucketMs"]), (70, &json!(60_000)));
    // All came at once, at eight in the evening; the rail is over the time at which they were taken.
    let taken = buckets.iter().find(|bucket| bucket["start"] == "2026-02-21T20:00:00.000Z").unwrap();
    assert!(taken["events"].as_u64().unwrap() >= 5, "{taken}");
    assert_eq!((&taken["failures"], &taken["worst"]), (&json!(1), &json!("critical")));
    assert_eq!(buckets[69]["worst"], "unknown", "what comes after the last event is not known");
    server.stop().await;
}

#[actix_rt::test]
async fn bad_input_is_told_what_is_allowed() {
    let server =
        server(&[run("08:00:00", "e1", "m1", "r1", "running"), run("08:00:00", "e2", "m1", "r2", "running")])
            .await;
    let cursor = ask(&server, "/history/runs?limit=1").await["next"].as_str().unwrap().to_owned();
    for (path, code) in [
        ("/history/runs?limit=0".to_owned(), "invalid_limit"),
        ("/history/runs?limit=201".to_owned(), "invalid_limit"),
        ("/history/runs?limit=-1".to_owned(), "invalid_limit"),
        ("/history/runs?limit=1e3".to_owned(), "invalid_limit"),
        ("/history/runs?state=exploded".to_owned(), "invalid_state"),
        ("/history/runs?from=yesterday".to_owned(), "invalid_time"),
        ("/history/runs?from=2026-02-22T00:00:00Z&to=2026-02-21T00:00:00Z".to_owned(), "invalid_time"),
        ("/history/runs?colour=red".to_owned(), "invalid_query"),
        ("/history/runs?machineId=a&machineId=b".to_owned(), "invalid_query"),
        ("/history/runs?machineId=".to_owned(), "invalid_filter"),
        (format!("/history/runs?machineId={}", "x".repeat(257)), "invalid_filter"),
        ("/history/runs?cursor=abc".to_owned(), "invalid_cursor"),
        (format!("/history/runs?machineId=m1&cursor={cursor}"), "invalid_cursor"),
        (format!("/history/sessions?cursor={cursor}"), "invalid_cursor"),
        (format!("/history/logs?cursor={cursor}"), "invalid_cursor"),
        ("/history/machines?status=running".to_owned(), "invalid_state"),
        ("/history/logs?level=loud".to_owned(), "invalid_level"),
        ("/history/logs?level=".to_owned(), "invalid_level"),
        ("/history/logs?q=".to_owned(), "invalid_search"),
        ("/history/logs?q=%22open".to_owned(), "invalid_search"),
        ("/history/logs?q=a*".to_owned(), "invalid_search"),
        ("/history/logs?q=NEAR(a+b)".to_owned(), "invalid_search"),
        ("/history/logs?q=a+OR+b".to_owned(), "invalid_search"),
        ("/history/logs?from=2020-01-01T00:00:00Z&to=2026-01-01T00:00:00Z".to_owned(), "invalid_time"),
        ("/history/machines/m1/series?points=1".to_owned(), "invalid_points"),
        ("/history/machines/m1/series?points=2001".to_owned(), "invalid_points"),
        ("/history/machines/m1/series?from=2027-01-01T00:00:00Z".to_owned(), "invalid_time"),
        ("/history/usage?by=colour".to_owned(), "invalid_by"),
        ("/history/usage?bucket=minute".to_owned(), "invalid_bucket"),
        ("/history/usage?tz=Mars/Olympus".to_owned(), "invalid_tz"),
        ("/history/usage?bucket=hour&from=1990-01-01T00:00:00Z".to_owned(), "invalid_time"),
        ("/history/density?buckets=1001".to_owned(), "invalid_buckets"),
        ("/history/density?buckets=0".to_owned(), "invalid_buckets"),
    ] {
        let (status, answer) = json_of(server.get(&path).await).await;
        assert_eq!((status, &answer["error"]), (StatusCode::BAD_REQUEST, &json!(code)), "{path}: {answer}");
        assert!(answer["message"].as_str().unwrap().len() > 20, "{path}: {answer}");
    }
    let (status, _) = json_of(server.get("/history/machines/nobody/series").await).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    server.stop().await;
}

/// Deleted, damaged, or of another log: the rest serves, and history comes back by itself.
#[actix_rt::test]
async fn a_history_that_is_gone_or_damaged_is_made_anew() {
    let events: Vec<_> =
        (0..50).map(|n| run("08:00:00", &format!("e{n}"), "m1", &format!("r{n:02}"), "running")).collect();
    let mut server = server(&events).await;
    let whole = ask(&server, "/history/runs?limit=200").await["items"].clone();
    for damage in ["deleted", "rubbish", "cut", "another log"] {
        let folder = server.stop().await;
        let file = folder.path().join("history.db");
        match damage {
            "deleted" => std::fs::remove_file(&file).unwrap(),
            "rubbish" => std::fs::write(&file, vec![7; 20_000]).unwrap(),
            "cut" => std::fs::OpenOptions::new().write(true).open(&file).unwrap().set_len(9_000).unwrap(),
            _ => {
                let db = rusqlite::Connection::open(&file).unwrap();
                db.execute("UPDATE meta SET value = 'other' WHERE key = 'logId'", []).unwrap();
            }
        }
        server = Server::start_in(folder, patze_supervise::clock::Clock::system(), "").await;
        let (status, ready) = json_of(server.get("/readyz").await).await;
        assert_eq!(status, StatusCode::OK, "{damage}: {ready}");
        assert!(ready["history"]["state"].is_string(), "{ready}");
        caught_up(&server).await;
        let again = ask(&server, "/history/runs?limit=200").await;
        assert_eq!((&again["items"], &again["rebuilding"]), (&whole, &json!(false)), "{damage}");
        let metrics = server.get("/metrics").await.text().await.unwrap();
        assert!(metrics.contains("patze_history_behind 0\n"), "{metrics}");
    }
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::metadata(server.folder().join("history.db")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    server.stop().await;
}
