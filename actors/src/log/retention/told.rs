//! The events that tell of a pruning.

use patze_core::event::Event;
use patze_core::event::control::Control;
use patze_core::ids::ulid;
use sha2::Digest as _;

use super::super::door::Shared;

/// `fact` as an event with an id of its own: it is about this log, at this place, and no other step is.
pub(in crate::log) fn pruned_event(shared: &Shared, fact: &Control) -> Event {
    let now = shared.clock.now();
    let head = shared.head();
    let mut hash = sha2::Sha256::new();
    hash.update(head.digest);
    hash.update(head.position.to_be_bytes());
    hash.update(format!("{fact:?}"));
    let mut low = [0; 16];
    low.copy_from_slice(&hash.finalize()[..16]);
    fact.to_event(ulid(now, u128::from_be_bytes(low)), now, "retention")
}
