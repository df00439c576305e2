//! The consumer of the outbox over the whole registry.
#![expect(clippy::unwrap_used, reason = "what a helper cannot unwrap fails the test")]

mod events {
    mod blobs;
    mod documents;
    mod repos;
    mod support;
}
