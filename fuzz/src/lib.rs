//! What fuzzing does with bytes from outside, and what must then be so. One function a target.
//!
//! `scripts/fuzz` lets libFuzzer choose the bytes; the tests here let proptest do it, and feed what recorded OpenClaw homes hold.
//!
//! | target | what comes from outside | what must hold, whatever it is |
//! |---|---|---|
//! | [`envelope`] | an event, sent or in an export | it is taken or refused with a reason; what is taken is its own normal form |
//! | [`batch`] | a body of `/ingest/batch` | what is split off is what stands there |
//! | [`openclaw`] | rows of a transcript and of the audit ledger | any pages give the same events, each of them one that is taken |
//! | [`fold`] | a stream of events | nothing stops the fold; its stored form is exact |
//! | [`checkpoint`] | a checkpoint's JSON, or a base's | it is a fleet that can go on, or it is refused |

#![allow(clippy::panic, reason = "a panic is how a fuzzer learns of a fault")]

mod events;
mod fleets;
pub mod seeds;
mod source;

pub use events::{batch, envelope};
pub use fleets::{checkpoint, fold};
pub use source::openclaw;

/// Bytes as the text that our readers get: anything else they refuse before.
fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests;
