//! The bridge: an agent process on a machine that reads its OpenClaw homes and pushes events to the control plane.
//!
//! **Never here:** `patze-actors`, the server.

pub mod config;
mod failure;
pub mod heartbeat;
pub mod openclaw;
pub mod private;
pub mod push;
pub mod spool;
