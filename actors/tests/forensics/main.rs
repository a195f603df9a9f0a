//! Every query in `sql/queries` is run by the real `sqlite3` program against a log that our own writer wrote: while the
//! log is open, after it was closed, and when it is empty.
//!
//! `night.jsonl` is the log: one event a line, with the time when it is recorded. `answers/NAME.json` says what
//! `sql/queries/NAME.sql` must answer: for each case its parameters, and every table that is printed, value by value.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod night;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use night::Night;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
struct Case {
    /// As they are written after `.parameter set`.
    #[serde(default)]
    parameters: Vec<String>,
    /// The rows of each table that is printed; one without rows is not.
    tables: Vec<Value>,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn read(path: impl AsRef<Path>) -> String {
    std::fs::read_to_string(path.as_ref()).unwrap_or_else(|e| panic!("{}: {e}", path.as_ref().display()))
}

/// The names in a folder, without their extension.
fn names(folder: &Path) -> BTreeSet<String> {
    std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
        .collect()
}

fn queries() -> BTreeSet<String> {
    names(&root().join("sql/queries"))
}

fn query(name: &str) -> String {
    read(root().join(format!("sql/queries/{name}.sql")))
}

/// What `sqlite3 -readonly OPTIONS patze.db < TEXT` prints; it must not complain.
fn sqlite3(database: &Path, options: &[&str], parameters: &[String], text: &str) -> String {
    let mut command = Command::new("sqlite3");
    // No settings of the user's.
    command.args(["-init", "/dev/null", "-batch", "-readonly"]).args(options);
    for parameter in parameters {
        command.args(["-cmd", &format!(".parameter set {parameter}")]);
    }
    let mut child = command
        .arg(database)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program sqlite3 is needed; scripts/test installs it");
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && complaint.is_empty(), "{complaint}\n{text}");
    String::from_utf8(output.stdout).unwrap()
}

/// The tables that a query prints, as JSON. The query's own `.mode` is for people.
fn tables(database: &Path, parameters: &[String], text: &str) -> Vec<Value> {
    let plain: String = text
        .lines()
        .filter(|line| !line.starts_with(".mode"))
        .fold(String::new(), |all, line| all + line + "\n");
    let printed = sqlite3(database, &["-json"], parameters, &plain);
    serde_json::Deserializer::from_str(&printed).into_iter().map(Result::unwrap).collect()
}

/// Compares all answers; what only the log itself knows stands in them as `$logId`, `$digest` and `$fileMb`.
fn assert_answers(night: &Night) {
    for name in queries() {
        let megabytes = night.bytes() as f64 / 1e6;
        let answers = read(root().join(format!("actors/tests/forensics/answers/{name}.json")))
            .replace("$logId", &night.log_id)
            .replace("$digest", &night.digest)
            .replace("\"$fileMb\"", &format!("{megabytes:.1}"));
        let cases: Vec<Case> = serde_json::from_str(&answers).unwrap();
        assert!(!cases.is_empty(), "{name}");
        for case in cases {
            let found = tables(&night.database, &case.parameters, &query(&name));
            assert_eq!(json!(found), json!(case.tables), "{name} with {:?}", case.parameters);
        }
    }
}

#[test]
fn each_query_has_an_answer_and_is_documented() {
    assert!(queries().len() >= 12);
    assert_eq!(queries(), names(&root().join("actors/tests/forensics/answers")));
    let docs = read(root().join("docs/forensics.md"));
    for name in queries() {
        let command = format!("< sql/queries/{name}.sql");
        assert!(docs.contains(&command), "docs/forensics.md does not show {name}");
        let text = query(&name);
        let head: String = text.lines().take_while(|line| line.starts_with("--")).collect();
        for part in ["?", "sqlite3 -readonly ", &command, "Columns: "] {
            assert!(head.contains(part), "the head of {name}.sql lacks {part:?}");
        }
    }
}

/// SQL has no functions: each query carries the search for its window's first position, and must carry the same.
#[test]
fn windows_are_found_in_one_way() {
    let searches: BTreeSet<String> = queries()
        .iter()
        .map(|name| query(name))
        .filter_map(|text| Some(text.split_once("\nhalving(")?.1.split_once("\n)\n")?.0.to_owned()))
        .collect();
    assert_eq!(searches.len(), 1, "{searches:#?}");
}

#[test]
fn answers_are_exact_while_the_log_is_open_and_afterwards() {
    let mut night = Night::written();
    assert_answers(&night);
    // The writer is at work still.
    night.append_tick();
    let head = tables(&night.database, &[], &query("head"));
    assert_eq!(head[0][0]["digest"], json!(night.digest), "a query sees what was acknowledged");

    let mut night = Night::written();
    night.close();
    assert_answers(&night);
}

/// The live state counts on its own: money and failures must be the same.
#[test]
fn sums_are_those_of_the_live_state() {
    let night = Night::written();
    let fleet = night.log.fleet();
    let (spent, failed) =
        (fleet.facts().spent.lifetime, fleet.facts().runs.iter().filter(|run| run.life.has_failed()).count());
    assert!(spent.cost.0 > 0 && failed > 0);
    for name in ["cost_by_agent", "cost_by_model"] {
        let rows = tables(&night.database, &[], &query(name)).pop().unwrap();
        let sum = |column: &str| {
            rows.as_array().unwrap().iter().map(|row| row[column].as_f64().unwrap()).sum::<f64>()
        };
        assert_eq!((sum("usd") * 1e9).round() as i64, spent.cost.0, "{name}");
        for (column, expected) in [
            ("calls", spent.calls),
            ("input_tokens", spent.input_tokens),
            ("output_tokens", spent.output_tokens),
            ("total_tokens", spent.total_tokens),
        ] {
            assert_eq!(sum(column), expected as f64, "{name}: {column}");
        }
    }
    let rows = tables(&night.database, &[], &query("what_failed")).pop().unwrap();
    let failures = rows.as_array().unwrap().iter().filter(|row| row["what"] == "run failed").count();
    assert_eq!(failures, failed);
}

#[test]
fn a_negative_cost_counts_as_nothing_as_in_the_live_state() {
    let night = Night::of(
        r#"{"recorded":"2026-11-24T10:00:08.000Z","origin":"ingest","id":"e1","machine":"m","type":"run.model.usage","severity":"info","at":"2026-11-24T10:00:08.000Z","trace":"t","payload":{"runId":"r","machineId":"m","provider":"p","model":"x","inputTokens":1,"estimatedCostUsd":-5}}"#,
    );
    let rows = tables(&night.database, &[], "SELECT input_tokens, nano_usd FROM v_usage;").pop().unwrap();
    assert_eq!(rows, json!([{"input_tokens": 1, "nano_usd": 0}]));
    assert_eq!(night.log.fleet().facts().spent.lifetime.cost.0, 0);
}

#[test]
fn views_have_one_row_for_each_run_and_machine() {
    let night = Night::written();
    let runs =
        "SELECT machine, run, agent, state, reason, seconds, openclaw_run FROM v_runs ORDER BY position;";
    let run = |machine: &str,
               run: &str,
               agent: &str,
               state: &str,
               reason: Value,
               seconds: Value,
               openclaw_run: Value| {
        json!({"machine": machine, "run": run, "agent": agent, "state": state, "reason": reason, "seconds": seconds, "openclaw_run": openclaw_run})
    };
    let expected = json!([
        run("mac-1", "r1", "main", "completed", Value::Null, json!(43.0), Value::Null),
        run("vps-2", "r1", "ops", "completed", Value::Null, json!(31.0), Value::Null),
        run("mac-1", "r2", "main", "failed", json!("provider_error: overloaded"), json!(60.0), Value::Null),
        run("mac-1", "r3", "night", "running", Value::Null, Value::Null, Value::Null),
    ]);
    assert_eq!(tables(&night.database, &[], runs), [expected]);
    let machines = "SELECT machine, name, events FROM v_machines ORDER BY machine;";
    let expected = json!([
        {"machine": "", "name": null, "events": 7},
        {"machine": "mac-1", "name": "Studio", "events": 34},
        {"machine": "vps-2", "name": "Hetzner", "events": 29},
    ]);
    assert_eq!(tables(&night.database, &[], machines), [expected]);
}

/// What was deleted looks like a silence, and is said to be perhaps none.
#[test]
fn a_silence_in_thinned_history_is_marked() {
    let mut night = Night::written();
    night.close();
    let conn = rusqlite::Connection::open(&night.database).unwrap();
    let at_ten = "type = 'machine.heartbeat' AND strftime('%H', recorded_at / 1000, 'unixepoch') = '22'";
    let deleted = conn.execute(&format!("DELETE FROM events WHERE {at_ten}"), []).unwrap();
    assert_eq!(deleted, 1);
    drop(conn);
    let printed = tables(&night.database, &[":machine 'mac-1'".into()], &query("silences"));
    let of =
        |from: &str| printed[1].as_array().unwrap().iter().find(|row| row["silent_from"] == from).unwrap();
    let thinned = of("2026-11-24T10:00:45Z");
    assert_eq!((&thinned["silent_until"], &thinned["thinned"]), (&json!("2026-11-24T23:30:00Z"), &json!(1)));
    assert_eq!(of("2026-11-25T01:01:00Z")["thinned"], 0);
}

/// As an operator types it: the query's own mode.
#[test]
fn each_query_prints_for_people() {
    let night = Night::written();
    for name in queries() {
        let printed = sqlite3(&night.database, &[], &[], &query(&name));
        assert!(printed.lines().count() > 3, "{name}: {printed}");
    }
}

#[test]
fn an_empty_log_has_no_answers() {
    let night = Night::empty();
    for name in queries() {
        let printed = tables(&night.database, &[], &query(&name));
        let rows: Vec<&Value> =
            printed.iter().filter(|table| table[0].get("window (UTC)").is_none()).collect();
        match name.as_str() {
            "head" => assert_eq!(rows[0][0]["events"], 0),
            _ => assert!(rows.is_empty(), "{name}: {rows:?}"),
        }
    }
}

#[test]
fn a_time_that_is_none_is_told() {
    let night = Night::written();
    for name in queries() {
        let text = query(&name);
        for parameter in
            [":since", ":until", ":at"].into_iter().filter(|p| text.contains(&format!("({p}) = 'text'")))
        {
            // The second is 1990 to sqlite3, which computes it.
            for value in ["'yesterday'", "2026-11-25"] {
                let printed = tables(&night.database, &[format!("{parameter} {value}")], &text);
                assert_eq!(printed.len(), 1, "{name} {parameter} {value}: {printed:?}");
                assert!(
                    printed[0][0]["window (UTC)"].as_str().unwrap().contains("is no time"),
                    "{name}: {printed:?}"
                );
            }
        }
    }
}

/// The log may be large: rows are found by position, and SQLite builds no index of its own over it.
#[test]
fn no_query_builds_an_index_over_the_log() {
    let night = Night::written();
    for name in queries() {
        let plan = sqlite3(&night.database, &["-cmd", ".eqp on"], &[], &query(&name));
        assert!(!plan.contains("events USING AUTOMATIC"), "{name}: {plan}");
        let windowed = query(&name).contains("halving");
        assert!(
            !windowed || plan.contains("SEARCH events USING INTEGER PRIMARY KEY (rowid>?)"),
            "{name}: {plan}"
        );
    }
}
