//! The client commands against a stand-in for the registry that keeps to the contract of uploads.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "what a helper cannot unwrap fails the test"
)]

mod client {
    mod failing;
    mod login;
    mod maven;
    mod pushing;
    mod registry;
    mod resuming;
    mod setup;
    mod user;
}
