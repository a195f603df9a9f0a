//! Readers: persistent maps, of which they take a clone, against a read lock with prepared fragments (design §7).
//! `docs/decisions/reader-design.md` has the conclusion.

use std::sync::Arc;

use patze_core::event::{Event, Origin};
use patze_core::fleet::Fleet;
use patze_core::fleet::snapshot::SnapshotWriter;

use crate::Bench;
use crate::events::{Ids, Supply};
use crate::meter::{Took, median, millis, timed_here};
use crate::report::Report;
use crate::snapshot;

/// See the module.
pub fn measure(bench: &Bench, report: &mut Report) {
    let events = snapshot::events(&bench.clock, 40);
    let full = snapshot::fleet(&bench.clock, &events);
    // Over the whole of a large state, in an order that has nothing to do with that of the maps: the worst for clones,
    // which share what was not touched.
    let scattered: Vec<Event> = (0..events.len()).map(|n| events[n * 7_919 % events.len()].clone()).collect();
    drop(events);
    let supply = Supply::new(&bench.clock, Ids::TimeOrdered);
    let usual: Vec<Event> = (0..200).flat_map(|batch| supply.batch(batch).to_vec()).collect();
    for (news, which) in [(&usual, "as bridges send them"), (&scattered, "scattered")] {
        let mut first = None;
        for (name, every) in
            [("never", usize::MAX), ("after 500 events", 500), ("after 50", 50), ("after each", 1)]
        {
            let cost = fold(bench, &full, news, every).cpu_micros(news.len());
            let times = cost / *first.get_or_insert(cost);
            report.note(
                format!("fold of an event, {which}, a clone published {name}"),
                format!("{cost:.2} µs ({times:.2} ×)"),
            );
        }
    }
    let rounds = bench.size(21, 7);
    let held: Vec<_> = (0..rounds)
        .map(|_| timed_here(&bench.clock, || SnapshotWriter::default().write(&full).unwrap()).1.wall)
        .collect();
    report.note("a read lock, held while the body is written", format!("{:.1} ms", millis(median(held))));
    let fragments = fragments(&full);
    let pieces = fragments.len();
    let held: Vec<_> = (0..rounds).map(|_| timed_here(&bench.clock, || joined(&fragments)).1.wall).collect();
    report.note(
        format!("a read lock, held while {pieces} fragments are joined"),
        format!("{:.1} ms", millis(median(held))),
    );
    let (_, took) = timed_here(&bench.clock, || self::fragments(&full));
    report.note(
        "writing one fragment, for each event that changes a row",
        format!("{:.2} µs", took.cpu_micros(pieces)),
    );
}

/// Folds on, holding the newest clone as readers do; the one before is dropped.
fn fold(bench: &Bench, full: &Fleet, news: &[Event], every: usize) -> Took {
    // A fleet that shares nothing with another one.
    let mut fleet: Fleet = serde_json::from_slice(&serde_json::to_vec(full).unwrap()).unwrap();
    let mut published = None;
    let (mut changes, now) = (Vec::new(), bench.clock.now());
    let (_, took) = timed_here(&bench.clock, || {
        for (n, event) in news.iter().enumerate() {
            let position = full.position() + 1 + n as u64;
            fleet.apply(&event.recorded(position, now, Origin::INGEST), &mut changes);
            changes.clear();
            if n % every == every - 1 {
                published = Some(Arc::new(fleet.clone()));
            }
        }
    });
    assert_eq!(published.is_some(), every <= news.len());
    took
}

/// A session's or run's row as JSON: what a read lock would keep prepared.
fn fragments(fleet: &Fleet) -> Vec<Vec<u8>> {
    let sessions = fleet.facts().sessions.iter().map(|row| serde_json::to_vec(row).unwrap());
    let runs = fleet.facts().runs.iter().map(|row| serde_json::to_vec(row).unwrap());
    sessions.chain(runs).collect()
}

fn joined(fragments: &[Vec<u8>]) -> Vec<u8> {
    let mut body = Vec::with_capacity(fragments.iter().map(Vec::len).sum());
    fragments.iter().for_each(|fragment| body.extend_from_slice(fragment));
    body
}
