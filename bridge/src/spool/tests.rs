use std::collections::{BTreeMap, VecDeque};

use patze_core::event::{Parts, Severity};
use patze_core::ids::EventId;
use proptest::prelude::*;

use super::*;

const ROOMY: Limits = Limits { cap: 1 << 30 };
const ALL: Most = Most { events: usize::MAX, bytes: usize::MAX };

fn machine() -> MachineId {
    MachineId::new("m1")
}

fn open(dir: &Path) -> Spool {
    Spool::open(dir, ROOMY, &machine(), 1).unwrap()
}

fn event(id: &str, fill: usize) -> Event {
    Event::new(Parts {
        id: EventId::new(id),
        machine: machine(),
        type_name: "gateway.log",
        severity: Severity::Info,
        occurred_at: Timestamp::EPOCH,
        trace: r#"{"traceId":"t"}"#,
        payload: &format!("{{\"fill\":\"{}\"}}", "x".repeat(fill)),
    })
}

/// The ids in a batch's body, which must be what the control plane accepts.
fn ids(batch: &Batch) -> Vec<String> {
    let body: serde_json::Value = serde_json::from_slice(&batch.body).unwrap();
    let ids: Vec<String> = body["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["id"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(ids.len(), batch.seqs.len());
    ids
}

fn all_ids(spool: &Spool) -> Vec<String> {
    spool.next_batch(Shape::Batch, ALL).unwrap().map_or_else(Vec::new, |batch| ids(&batch))
}

/// What is on disk at this moment, in a folder of its own: as it would be found after a `kill -9` now.
fn killed(dir: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for name in ["spool.db", "spool.db-wal", "rejected.jsonl", "rejected.jsonl.1"] {
        if dir.join(name).exists() {
            std::fs::copy(dir.join(name), copy.path().join(name)).unwrap();
        }
    }
    copy
}

mod basics;
mod model;
