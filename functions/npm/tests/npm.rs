//! The npm protocol over the whole registry: real router, real AWS SDK, embedded engines.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "what a helper cannot unwrap fails the test"
)]

mod npm {
    mod archives;
    mod auditing;
    mod costs;
    mod crashes;
    mod credentials;
    mod customers;
    mod deprecating;
    mod duplicates;
    mod entitlements;
    mod faults;
    mod filtering;
    mod hidden;
    mod limits;
    mod login;
    mod manifests;
    mod names;
    mod owning;
    mod packuments;
    mod permissions;
    mod races;
    mod refusals;
    mod searching;
    mod secrets;
    mod shapes;
    mod slow;
    mod support;
    mod tagging;
    mod tarballs;
    mod tokens;
    mod unpublishing;
    mod upstreams;
}
