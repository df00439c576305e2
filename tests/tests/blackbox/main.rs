//! The registry as its users meet it: a process of its own, the clients people use, and plain HTTP.
//!
//! Needs a release build of the server (or `GRANARY_BIN`) and the clients of `scripts/clients`. With `GRANARY_URL` and
//! `GRANARY_ADMIN_TOKEN` all but `process` use the registry that runs there; see `scripts/aws-local`.

#![expect(
    clippy::indexing_slicing,
    reason = "only JSON documents are indexed, which answer null for what is absent"
)]

mod clients;
mod composer;
mod concurrency;
mod console;
mod entities;
mod kmp;
mod licences;
mod maven;
mod process;
mod products;
mod push;
mod raw;
mod readme;
mod scenarios;
mod swift;
mod upstreams;
