//! The client commands of the `granary` program: `login`, `push`, `setup`.
