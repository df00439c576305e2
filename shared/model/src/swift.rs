//! Names and versions of Swift's package registry.

mod manifest;
mod name;
mod repository;
mod version;

pub use manifest::{Declared, ManifestName, ToolsVersion};
pub use name::{SwiftIdentity, SwiftName, SwiftScope};
pub use repository::SourceUrl;
pub use version::SwiftVersion;
