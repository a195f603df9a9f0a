//! placeholder
pub mod backoff;
pub mod clock;
