//! The `patze` binary. Being filled in.

fn main() {}
