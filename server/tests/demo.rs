//! The demo as a process of its own: it has a past that can be travelled, goes on after a kill, and is removed by one command.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test may fail; real processes need real deadlines"
)]

mod process;

use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use process::Server;
use serde_json::Value;

/// How long anything real may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// So many days behind it that one of its outages is among them.
const DAYS: &str = "7";

async fn start(home: &Path) -> Server {
    let server = Server::start_with(home, "0", &["demo", "--folder", "demo", "--days", DAYS]);
    until("it is ready", async || {
        reqwest::get(format!("{}/readyz", server.address)).await.unwrap().status() == 200
    })
    .await;
    server
}

fn patze(home: &Path, words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_patze")).args(words).current_dir(home).env_clear().output().unwrap()
}

async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so().await {
        assert!(Instant::now() < deadline, "{what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn created(home: &Path) -> String {
    let mark: Value = serde_json::from_slice(&std::fs::read(home.join("demo/demo.json")).unwrap()).unwrap();
    assert_eq!(mark["complete"], true);
    mark["createdAt"].as_str().unwrap().to_owned()
}

fn machine<'a>(snapshot: &'a Value, id: &str) -> &'a Value {
    snapshot["machines"].as_array().unwrap().iter().find(|machine| machine["id"] == id).unwrap()
}

#[tokio::test]
async fn a_demo_has_a_past_goes_on_after_a_kill_and_is_removed() {
    let home = tempfile::tempdir().unwrap();
    // What a demo that was killed while its past was made has left.
    std::fs::create_dir(home.path().join("demo")).unwrap();
    let half = r#"{"createdAt": "2026-01-01T00:00:00.000Z", "complete": false}"#;
    std::fs::write(home.path().join("demo/demo.json"), half).unwrap();
    std::fs::write(home.path().join("demo/patze.db"), "half a database").unwrap();

    let mut server = start(home.path()).await;
    assert_eq!(server.get("/health").await["demo"], true);
    let now = server.get("/snapshot").await;
    let machines = now["machines"].as_array().unwrap();
    assert_eq!(machines.len(), 5);
    assert!(machines.iter().all(|machine| machine["name"].as_str().unwrap().ends_with("(demo)")));
    let rules: Vec<_> =
        now["attention"].as_array().unwrap().iter().map(|one| one["rule"].as_str().unwrap()).collect();
    for rule in ["run_failed", "run_silent", "disk_full"] {
        assert!(rules.contains(&rule), "{rules:?}");
    }

    // Six days and six hours ago a machine was cut off; its actor saw it, and what happened there came later.
    let made = created(home.path());
    let at = patze_core::time::Timestamp::parse(&made).unwrap().plus(-(6 * 24 + 6) * 3_600_000);
    let then = server.get(&format!("/snapshot?at={at}")).await;
    assert_eq!(machine(&then, "demo-singapore")["status"], "offline");
    assert_eq!(machine(&now, "demo-singapore")["status"], "online");

    server.caught_up().await;
    let usage = server.get("/history/usage?by=model").await;
    let series = usage["series"].as_array().unwrap();
    let of = |model: &str| series.iter().find(|series| series["model"] == model).unwrap()["total"].clone();
    assert!(of("claude-opus-4-5")["costUsd"].as_f64().unwrap() > 0.0);
    assert!(of("kimi-k2")["estimatedCostUsd"].as_f64().unwrap() > 0.0);
    assert_eq!(of("kimi-k2")["costUsd"], 0.0);

    let position = async |server: &Server| server.get("/readyz").await["position"].as_u64().unwrap();
    let before = position(&server).await;
    until("heartbeats come", async || position(&server).await > before).await;
    let runs = async |server: &Server| {
        let until = format!("/history/runs?limit=200&to={made}");
        let items = server.get(&until).await["items"].as_array().unwrap().clone();
        items.into_iter().map(|run| run["runId"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let known = runs(&server).await;
    assert_eq!(known.len(), 200);
    let refused = patze(home.path(), &["demo", "--folder", "demo", "--remove"]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("the demo runs; stop it first"), "{refused:?}");
    server.kill();

    let mut server = start(home.path()).await;
    assert_eq!(created(home.path()), made, "the same demo");
    let before = position(&server).await;
    until("heartbeats come again", async || position(&server).await > before).await;
    server.caught_up().await;
    assert_eq!(runs(&server).await, known, "nothing is told twice");
    server.kill();

    let removed = patze(home.path(), &["demo", "--folder", "demo", "--remove"]);
    assert!(removed.status.success(), "{removed:?}");
    assert!(!home.path().join("demo").exists());
}

#[test]
fn a_folder_that_is_no_demos_is_left_alone() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("mine");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("patze.db"), "mine").unwrap();
    for words in [&["demo", "--folder", "mine"][..], &["demo", "--folder", "mine", "--remove"]] {
        let output = patze(home.path(), words);
        assert!(!output.status.success());
        assert!(String::from_utf8_lossy(&output.stderr).contains("is no demo's folder"), "{output:?}");
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1);
    }
}
