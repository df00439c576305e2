//! What can be seen of a process only: that it survives `kill -9`, and how much memory it takes.
//!
//! These suites start a server even where others use a deployed registry. `scripts/aws-local test` leaves this module
//! out by its name; whatever of it were run there would fail.

mod crash;
mod handed_over;
mod kmp;
mod large;
mod push;
