//! The handlers, one file per resource.

pub(crate) mod audit;
pub(crate) mod blocks;
pub(crate) mod creation;
pub(crate) mod downloads;
pub(crate) mod files;
pub(crate) mod members;
pub(crate) mod origins;
pub(crate) mod package;
pub(crate) mod packages;
pub(crate) mod public;
pub(crate) mod quarantine;
pub(crate) mod repos;
pub(crate) mod search;
pub(crate) mod tokens;
pub(crate) mod upstreams;
