//! npm's names, versions, tags and request paths.

mod name;
mod range;
mod route;
mod tag;
mod version;

pub use name::NpmName;
pub(crate) use range::NpmRange;
pub use route::{NpmRoute, Revision};
pub use tag::DistTag;
pub use version::NpmVersion;
