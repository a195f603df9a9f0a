//! `patze-bridge`.
fn main() {}
