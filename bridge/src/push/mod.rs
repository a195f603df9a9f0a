//! Delivery (contract §14.6).

pub mod answer;
pub mod plan;
