//! The events that tell of a pruning.

use patze_core::event::Event;
use patze_core::event::control::Control;
use patze_core::ids::ulid;
use patze_core::time::Timestamp;
use sha2::Digest as _;

use super::super::digest::Digest;
use super::super::door::Shared;

/// `fact` as an event of a step of retention.
pub(in crate::log) fn pruned_event(shared: &Shared, fact: &Control) -> Event {
    let head = shared.head();
    event_at(fact, shared.clock.now(), (head.position, &head.digest), "retention")
}

/// `fact` as an event with an id of its own: it is about this log, at this head, and no other step is.
pub(in crate::log) fn event_at(
    fact: &Control,
    now: Timestamp,
    (position, digest): (u64, &Digest),
    trace_id: &str,
) -> Event {
    let mut hash = sha2::Sha256::new();
    hash.update(digest);
    hash.update(position.to_be_bytes());
    hash.update(format!("{fact:?}"));
    let mut low = [0; 16];
    low.copy_from_slice(&hash.finalize()[..16]);
    fact.to_event(ulid(now, u128::from_be_bytes(low)), now, trace_id)
}
