//! The `granary` program.
fn main() {}
