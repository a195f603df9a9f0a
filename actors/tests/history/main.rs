//! History through its door: a real log, a real projector, on real files.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod naive;
mod property;
mod pruning;
mod support;
