//! The fold and its stored form.

use patze_core::attention::attention;
use patze_core::event::Origin;
use patze_core::event::envelope::{validate, validate_exported};
use patze_core::fleet::snapshot::SnapshotWriter;
use patze_core::fleet::{Change, Fleet};
use patze_core::time::{HOUR, Timestamp};

use crate::text;

/// The first event of a log comes then.
const START: Timestamp = Timestamp::from_millis(1_795_000_000_000);

/// One envelope a line. What begins with `+` comes an hour later; then, with `!`, it is the control plane's own, a line of an
/// export.
pub fn fold(bytes: &[u8]) {
    let Some(text) = text(bytes) else { return };
    let (mut fleet, mut changes) = (Fleet::default(), Vec::new());
    for line in text.lines() {
        apply(&mut fleet, line, &mut changes);
    }
    let stored =
        serde_json::to_vec(&fleet).unwrap_or_else(|error| panic!("a fleet cannot be stored: {error}"));
    let read: Fleet = serde_json::from_slice(&stored)
        .unwrap_or_else(|error| panic!("a fleet cannot be read again: {error}"));
    assert_eq!(read.hash(), fleet.hash(), "the stored form is exact");
    look(&fleet);
}

/// The JSON of a fleet, and after the first line feed events that are told to it.
pub fn checkpoint(bytes: &[u8]) {
    let Some(text) = text(bytes) else { return };
    let (stored, events) = text.split_once('\n').unwrap_or((text, ""));
    let Ok(mut fleet) = serde_json::from_str::<Fleet>(stored) else { return };
    look(&fleet);
    let mut changes = Vec::new();
    for line in events.lines() {
        apply(&mut fleet, line, &mut changes);
    }
    look(&fleet);
}

fn apply(fleet: &mut Fleet, line: &str, changes: &mut Vec<Change>) {
    let (later, line) = match line.strip_prefix('+') {
        Some(rest) => (HOUR, rest),
        None => (1, line),
    };
    let (origin, event) = match line.strip_prefix('!') {
        Some(rest) => (Origin::CONTROL, validate_exported(rest).map(|exported| exported.event)),
        None => (Origin::INGEST, validate(line)),
    };
    let Ok(event) = event else { return };
    let recorded_at = fleet.log_time().max(START).plus(later);
    let Some(position) = fleet.position().checked_add(1) else { return };
    fleet.apply(&event.recorded(position, recorded_at, origin), changes);
    changes.clear();
}

/// All that is shown of a fleet can be shown.
fn look(fleet: &Fleet) {
    let _ = attention(fleet);
    assert!(SnapshotWriter::default().write(fleet).is_ok(), "a fleet that cannot be shown");
}
