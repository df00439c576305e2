//! The consumer of the outbox over the whole registry.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "what a helper cannot unwrap fails the test"
)]

mod events {
    mod blobs;
    mod documents;
    mod repos;
    mod support;
    mod uploads;
}
