//! The handlers of the management API, one file per resource.

pub(crate) mod account;
pub(crate) mod audit;
pub(crate) mod deletion;
pub(crate) mod members;
pub(crate) mod orgs;
pub(crate) mod sessions;
pub(crate) mod tokens;
