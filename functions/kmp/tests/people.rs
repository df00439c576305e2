//! What people may do with watched libraries and builds.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "what a helper cannot unwrap fails the test"
)]

mod people {
    mod beginning;
    mod builds;
    mod costs;
    mod deleting;
    mod polling;
    mod repos;
    mod roles;
    mod support;
    mod validation;
    mod watched;
}
