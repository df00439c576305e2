//! The registry in one process: embedded engines, merged router, job runner, identity provider.

pub mod app;
pub mod engines;
