//! Builds of a registry that is killed: `kill -9` of the real program between every two of their states.
//!
//! Here and not with the black-box suites, which know no crate of the server: GitHub and its jobs are those of the in-process
//! tests.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "what a helper cannot unwrap fails the test"
)]

mod kmp_deaths {
    mod place;
    mod results;
    mod server;
    mod states;
}
