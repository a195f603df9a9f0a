//! The bridge: an agent process on a machine that reads its OpenClaw homes and pushes events to the control plane.
//!
//! ```text
//!  OpenClaw home --openclaw--> Source --append--> Spool --batch--> Push --HTTP--> control plane
//!                              (one a home)         ^
//!                                       Heartbeat --+
//! ```
//!
//! | to find out | open |
//! |---|---|
//! | what can be set | [`config`] |
//! | how OpenClaw is read | [`openclaw`] |
//! | when a home is read, and what becomes of one that cannot be | [`source`] |
//! | why nothing is lost | [`spool`] |
//! | how it is delivered, and what an answer means | [`push`] |
//! | what is told of the machine | [`heartbeat`] |
//! | what a dead network mount costs | [`blocking`] |
//! | how it all starts and stops | [`run`] |
//! | what `patze-bridge doctor` looks at | [`doctor`] |
//!
//! **Never here:** `patze-actors`, the server; a clock other than the injected one; a queue without a bound.

pub mod blocking;
pub mod config;
pub mod doctor;
pub mod failure;
pub mod heartbeat;
pub mod openclaw;
pub mod private;
pub mod push;
pub mod run;
pub mod source;
pub mod spool;
