//! `TestApp`, actors and builders for in-process tests.
//!
//! A [`TestApp`] is the whole registry over the embedded engines in a folder of its own: the real router,
//! the real AWS SDK, real tables. Time stands still until a test moves it. Every storage call goes through
//! a probe that counts it and can make it fail.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "tests stop at the first surprise"
)]

mod actor;
mod app;
mod browser;
pub mod composer;
mod consistency;
mod customers;
pub mod entities;
mod event;
pub mod faults;
pub mod github;
mod identity;
pub mod kmp;
mod log;
pub mod meter;
mod mishap;
pub mod npm;
pub mod products;
mod serving;
pub mod source;
pub mod sqs;
pub mod swift;
pub mod upstream;

pub use actor::{Actor, TestResponse};
pub use app::{PUBLIC_URL, START, TestApp};
pub use browser::{Browser, FilledForm, Page};
pub use consistency::Stored;
pub use customers::{Consuming, Licensed, answers, tenant_of};
pub use event::{EventResponse, EventShape};
pub use granary_local::engines::probe;
pub use identity::TestIssuer;
pub use log::Log;
pub use mishap::Mishap;
