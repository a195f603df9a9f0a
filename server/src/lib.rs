//! The HTTP edge and the command line of Patze Control.

pub mod cli;
pub mod config;
pub mod demo;
pub mod edge;
pub mod environment;
pub mod error;
pub mod guard;
pub mod prices;
pub mod serve;
