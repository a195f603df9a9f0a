//! What the log loses, history loses: `control.pruned` and `control.redacted`.

use patze_actors::history::query::{LogQuery, Paging, SeriesQuery};
use patze_core::event::Event;
use patze_core::ids::MachineId;
use patze_core::time::DAY;
use patze_supervise::clock::Clock;
use rusqlite::Connection;
use serde_json::json;

use crate::support::{Running, START, block_on, event};

fn line(n: u64) -> Event {
    let payload = json!({"logEntryId": "l", "runId": "r", "sessionId": "s", "level": "info", "message": format!("secret {n}"), "ts": "x"});
    event(&format!("l{n}"), "m", "run.log.emitted", START, &payload)
}

fn beat(n: u64) -> Event {
    let resource = json!({"cpuPct": n, "memoryBytes": 1, "memoryPct": 1});
    let payload = json!({"machineId": "m", "status": "online", "resource": resource});
    event(&format!("h{n}"), "m", "machine.heartbeat", START, &payload)
}

fn lines(running: &Running, text: &str) -> Vec<u64> {
    let query = LogQuery { text: Some(text.to_owned()), ..LogQuery::default() };
    let page = block_on(running.history.logs(query, Paging::default())).unwrap().answer;
    page.items.iter().map(|item| item.position).rev().collect()
}

fn beats(running: &Running) -> u64 {
    let (from, to) = (START.plus(-DAY), START.plus(DAY));
    let query = SeriesQuery { machine: MachineId::new("m"), from, to, points: 2 };
    block_on(running.history.series(query)).unwrap().answer.points.iter().map(|point| point.n).sum()
}

#[test]
fn what_is_thinned_goes_and_what_stays_stays() {
    let dir = tempfile::tempdir().unwrap();
    let (clock, _time) = Clock::virtual_at(START);
    let running = Running::open(dir.path(), &clock);
    // Positions 1, 2, 3 are lines, 4, 5, 6 heartbeats, 7 a line, 8 a heartbeat.
    running.append(vec![line(1), line(2), line(3), beat(4), beat(5), beat(6), line(7), beat(8)]);
    running.catch_up();
    assert_eq!((lines(&running, "secret"), beats(&running)), (vec![1, 2, 3, 7], 4));
    let log = Connection::open(running.log.file()).unwrap();
    log.execute("DELETE FROM events WHERE position IN (1, 3, 5)", []).unwrap();
    let payload = json!({"kind": "thinned", "first": 1, "last": 6, "kept": 3, "digest": ""});
    running.append(vec![event("p", "", "control.pruned", START, &payload)]);
    running.catch_up();
    assert_eq!(lines(&running, "secret"), [2, 7]);
    assert_eq!(beats(&running), 1, "those up to the sixth are the log's to tell");
    // Made anew from what the log has, it is the same.
    running.close();
    std::fs::remove_file(dir.path().join("history.db")).unwrap();
    let running = Running::open(dir.path(), &clock);
    running.catch_up();
    assert_eq!((lines(&running, "secret"), beats(&running)), (vec![2, 7], 1));
    running.close();
}

#[test]
fn what_is_cut_off_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let (clock, _time) = Clock::virtual_at(START);
    let running = Running::open(dir.path(), &clock);
    running.append(vec![line(1), beat(2), line(3), beat(4)]);
    running.catch_up();
    let log = Connection::open(running.log.file()).unwrap();
    log.execute("DELETE FROM events WHERE position <= 2", []).unwrap();
    let payload = json!({"kind": "cut", "first": 1, "last": 2, "kept": 0, "digest": ""});
    running.append(vec![event("p", "", "control.pruned", START, &payload)]);
    running.catch_up();
    assert_eq!((lines(&running, "secret"), beats(&running)), (vec![3], 1));
    running.close();
}

#[test]
fn what_is_redacted_is_found_nowhere() {
    let dir = tempfile::tempdir().unwrap();
    let (clock, _time) = Clock::virtual_at(START);
    let running = Running::open(dir.path(), &clock);
    running.append(vec![line(1), line(2)]);
    running.catch_up();
    let log = Connection::open(running.log.file()).unwrap();
    log.execute("UPDATE events SET payload = '{}' WHERE position = 1", []).unwrap();
    running.append(vec![event("x", "", "control.redacted", START, &json!({"first": 1, "last": 1}))]);
    running.catch_up();
    assert_eq!(lines(&running, "secret"), [2]);
    // The event that told it is passed over when the file is read again from the start.
    running.close();
    std::fs::remove_file(dir.path().join("history.db")).unwrap();
    let running = Running::open(dir.path(), &clock);
    running.catch_up();
    assert_eq!(lines(&running, "secret"), [2]);
    running.close();
}
