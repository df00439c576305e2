//! npm's names, versions, tags and request paths.

mod name;
mod route;
mod tag;
mod version;

pub use name::NpmName;
pub use route::{NpmRoute, Revision};
pub use tag::DistTag;
pub use version::NpmVersion;
