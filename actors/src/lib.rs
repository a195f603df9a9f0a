//! The event log and the actors of the Patze Control server.

pub mod log;
