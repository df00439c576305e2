//! What can be seen of a registry only where it is deployed: roles, queues, the schedule, the gateway.
//!
//! Run by `scripts/aws-local test`, with the variables it sets. `cargo test` leaves this target out (`test = false` in
//! Cargo.toml); who names it without a deployment is told so by each test.

#![expect(
    clippy::indexing_slicing,
    reason = "only JSON documents are indexed, which answer null for what is absent"
)]

mod beside;
mod gateway;
mod kmp;
mod operations;
mod queues;
mod roles;
mod schedule;
