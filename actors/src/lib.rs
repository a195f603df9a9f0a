//! The event log and the actors of the Patze Control server. Being filled in.

pub mod connections;
pub mod credentials;
pub mod stream;
