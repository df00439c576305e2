//! The handlers, one file per resource.

pub(crate) mod consumers;
pub(crate) mod packages;
pub(crate) mod permissions;
pub(crate) mod publishing;
pub(crate) mod versions;
