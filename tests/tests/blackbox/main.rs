//! The server as its users meet it: a process of its own, the clients people use, and plain HTTP.
//!
//! Needs a release build of the server (or `GRANARY_BIN`) and the clients of `scripts/clients`.

#![expect(
    clippy::indexing_slicing,
    reason = "only JSON documents are indexed, which answer null for what is absent"
)]

mod clients;
mod concurrency;
mod crash;
mod large;
mod maven;
mod push;
mod raw;
mod scenarios;
mod swift;
