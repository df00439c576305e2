//! Builds on their way, against a fake GitHub.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "what a helper cannot unwrap fails the test"
)]

mod builder {
    mod app;
    mod deaths;
    mod dispatch;
    mod late;
    mod local;
    mod lost;
    mod refusals;
    mod support;
    mod sweeping;
    mod transitions;
    mod turns;
    mod webhooks;
    mod workflow;
}
