//! Versions of entities over HTTP, in process; bytes go to the bucket's own listener.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests stop at the first surprise")]

#[path = "versions/access.rs"]
mod access;
#[path = "versions/costs.rs"]
mod costs;
#[path = "versions/crashes.rs"]
mod crashes;
#[path = "versions/deleting.rs"]
mod deleting;
#[path = "versions/faults.rs"]
mod faults;
#[path = "versions/large.rs"]
mod large;
#[path = "versions/lineage.rs"]
mod lineage;
#[path = "versions/races.rs"]
mod races;
#[path = "versions/refusals.rs"]
mod refusals;
#[path = "versions/steps.rs"]
mod steps;
#[path = "versions/support.rs"]
mod support;
