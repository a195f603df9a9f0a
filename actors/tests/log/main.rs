//! The event log against a small reference model, on real files.

mod checkpoints;
mod durability;
mod full_disk;
mod model;
mod opening;
mod property;
mod support;
mod verifying;
mod writing;
