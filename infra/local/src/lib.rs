//! The registry in one process: embedded engines, merged router, job runner, identity provider.

pub mod app;
pub mod config;
pub mod engines;
pub mod identity;
pub mod server;

mod first_start;
mod tasks;
