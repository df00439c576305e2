//! The raw family in process, over real engines.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests stop at the first surprise")]

#[path = "raw/bad_input.rs"]
mod bad_input;
#[path = "raw/costs.rs"]
mod costs;
#[path = "raw/crashes.rs"]
mod crashes;
#[path = "raw/customers.rs"]
mod customers;
#[path = "raw/deleting.rs"]
mod deleting;
#[path = "raw/downloading.rs"]
mod downloading;
#[path = "raw/faults.rs"]
mod faults;
#[path = "raw/permissions.rs"]
mod permissions;
#[path = "raw/process.rs"]
mod process;
#[path = "raw/races.rs"]
mod races;
#[path = "raw/support.rs"]
mod support;
#[path = "raw/uploading.rs"]
mod uploading;
