//! The Maven protocol over the whole registry: real router, real AWS SDK, embedded engines.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "what a helper cannot unwrap fails the test"
)]

mod maven {
    mod bodies;
    mod checksums;
    mod costs;
    mod crashes;
    mod customers;
    mod deletions;
    mod faults;
    mod filtering;
    mod memory;
    mod metadata;
    mod ownership;
    mod paths;
    mod permissions;
    mod personas;
    mod plugins;
    mod poms;
    mod races;
    mod releases;
    mod shapes;
    mod snapshots;
    mod support;
    mod upstreams;
}
