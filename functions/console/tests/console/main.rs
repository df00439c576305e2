//! The pages of the console, in process, on the embedded engines.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests stop at the first surprise")]

mod account;
mod api;
mod artifacts;
mod dashboard;
mod discovery;
mod kmp;
mod orgs;
mod package;
mod repos;
mod selling;
mod sessions;
