//! The event log and the actors. Being filled in.

pub mod stream;
