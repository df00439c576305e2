//! The consumer of the outbox over the whole registry.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "what a helper cannot unwrap fails the test"
)]

mod events {
    mod blobs;
    mod documents;
    mod entities;
    mod handovers;
    mod products;
    mod rendering;
    mod repos;
    mod shelf;
    mod support;
    mod tenants;
    mod uploads;
}
