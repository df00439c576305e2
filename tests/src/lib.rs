//! Harness of the black-box suites: it starts the one-process server as a program of its own, or uses a registry that
//! runs already, and drives it with the package managers and build tools people use.
//!
//! It knows the server only by its public contract: flags, the ready line, HTTP. No crate of the server is a
//! dependency here, so nothing can be tested by looking inside.

#![expect(
    clippy::indexing_slicing,
    reason = "only JSON documents are indexed, which answer null for what is absent"
)]

pub mod api;
pub mod aws;
pub mod beside;
pub mod browser;
pub mod certificates;
pub mod composer;
pub mod curl;
pub mod front;
pub mod gradle;
pub mod instance;
pub mod ivy;
pub mod maven;
pub mod outcome;
pub mod package;
pub mod registry;
pub mod sandbox;
pub mod secured;
pub mod seller;
pub mod server;
pub mod session;
pub mod settings;
pub mod standstill;
pub mod swift;
pub mod told;
pub mod tool;
pub mod upstream;
pub mod wire;
pub mod workplace;
