//! The Composer family in process, over real engines.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests stop at the first surprise")]

#[path = "composer/conditional.rs"]
mod conditional;
#[path = "composer/costs.rs"]
mod costs;
#[path = "composer/customers.rs"]
mod customers;
#[path = "composer/faults.rs"]
mod faults;
#[path = "composer/lists.rs"]
mod lists;
#[path = "composer/metadata.rs"]
mod metadata;
#[path = "composer/permissions.rs"]
mod permissions;
#[path = "composer/publishing.rs"]
mod publishing;
#[path = "composer/support.rs"]
mod support;
