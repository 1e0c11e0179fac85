//! The `portrait` command.
fn main() {}
