//! What jobs may do, and what becomes of what they hand over.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "what a helper cannot unwrap fails the test"
)]

mod jobs {
    mod claims;
    mod deaths;
    mod identity;
    mod outcomes;
    mod overlap;
    mod refusals;
    mod scope;
    mod support;
    mod together;
}
