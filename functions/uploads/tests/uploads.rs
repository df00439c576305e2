//! Uploads in process, over real engines; bytes go to the bucket's own listener by HTTP.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests stop at the first surprise")]

#[path = "uploads/composer.rs"]
mod composer;
#[path = "uploads/costs.rs"]
mod costs;
#[path = "uploads/crashes.rs"]
mod crashes;
#[path = "uploads/expiry.rs"]
mod expiry;
#[path = "uploads/faults.rs"]
mod faults;
#[path = "uploads/forms.rs"]
mod forms;
#[path = "uploads/large.rs"]
mod large;
#[path = "uploads/lives.rs"]
mod lives;
#[path = "uploads/refusals.rs"]
mod refusals;
#[path = "uploads/rights.rs"]
mod rights;
#[path = "uploads/stored.rs"]
mod stored;
#[path = "uploads/support.rs"]
mod support;
#[path = "uploads/swift.rs"]
mod swift;
