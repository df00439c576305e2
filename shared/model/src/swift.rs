//! Names and versions of Swift's package registry.

mod manifest;
mod name;
mod range;
mod repository;
mod version;

pub use manifest::{Declared, ManifestName, ToolsVersion};
pub use name::{SwiftIdentity, SwiftName, SwiftScope};
pub(crate) use range::SwiftRange;
pub use repository::SourceUrl;
pub use version::SwiftVersion;
