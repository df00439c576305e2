//! The Swift family in process, over real engines.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests stop at the first surprise")]

#[path = "swift/archives.rs"]
mod archives;
#[path = "swift/costs.rs"]
mod costs;
#[path = "swift/crashes.rs"]
mod crashes;
#[path = "swift/customers.rs"]
mod customers;
#[path = "swift/faults.rs"]
mod faults;
#[path = "swift/gitea.rs"]
mod gitea;
#[path = "swift/official.rs"]
mod official;
#[path = "swift/permissions.rs"]
mod permissions;
#[path = "swift/publishing.rs"]
mod publishing;
#[path = "swift/races.rs"]
mod races;
#[path = "swift/reading.rs"]
mod reading;
#[path = "swift/shapes.rs"]
mod shapes;
#[path = "swift/support.rs"]
mod support;
#[path = "swift/withdrawing.rs"]
mod withdrawing;
