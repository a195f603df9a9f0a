//! The event log against a small reference model, on real files.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod care;
mod checkpoints;
mod durability;
mod full_disk;
mod model;
mod opening;
mod past;
mod property;
mod redacting;
mod retention;
mod support;
mod verifying;
mod writing;
