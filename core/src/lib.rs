//! The pure heart of Patze Control: what events are, what is accepted, and what they add up to.
//!
//! Shared by the control plane, the bridge and the page. **Never here:** I/O, clocks, spawning, actix, tokio, rusqlite.
//! It compiles for wasm32 (`scripts/test` proves it).
//!
//! | to find out | open |
//! |---|---|
//! | what an event is and when it is refused | [`event`] |
//! | what is shown and counted, and why | [`fleet`] |
//! | what `/history/…` answers | [`history`] |
//! | what deserves attention | [`attention`] |
//! | how ids are made | [`ids`] |
//! | what is kept, and how that is written | [`retention`] |
//! | which times are accepted | [`time`] |
//! | what unpriced model calls would cost | [`prices`] |
//! | how OpenClaw's records become events | `openclaw` (feature `openclaw`) |

// The tests write long `json!` objects.
#![cfg_attr(test, recursion_limit = "256")]

pub mod attention;
pub mod causes;
pub mod event;
pub mod fleet;
pub mod glob;
pub mod history;
pub mod ids;
mod json;
pub mod money;
#[cfg(feature = "openclaw")]
pub mod openclaw;
pub mod prices;
pub mod retention;
pub mod time;
