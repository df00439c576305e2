//! Looking for new versions of watched libraries.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "what a helper cannot unwrap fails the test"
)]

mod poller {
    mod announced;
    mod changes;
    mod here;
    mod sources;
    mod support;
    mod thousand;
    mod ticking;
    mod versions;
}
