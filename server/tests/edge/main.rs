//! The edge over real HTTP: a real server in this process, on a free port, with a log in a temporary folder.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod access;
mod bodies;
mod fleet;
mod history;
mod ingest;
mod openapi;
mod retention;
mod shapes;
mod stream;
mod support;
