//! placeholder
pub mod ids;
pub mod money;
pub mod time;
