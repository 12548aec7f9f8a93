//! The rdd command.
fn main() {}
