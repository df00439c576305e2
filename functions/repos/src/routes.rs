//! The handlers, one file per resource.

pub(crate) mod creation;
pub(crate) mod members;
pub(crate) mod packages;
pub(crate) mod public;
pub(crate) mod repos;
pub(crate) mod tokens;
