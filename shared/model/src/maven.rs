//! Maven's coordinates, versions, their order, and the layout of a repository.

mod coordinates;
mod file;
mod order;
mod path;
mod range;
mod snapshot;

pub use coordinates::{ArtifactId, Coordinates, GroupId, MavenVersion, split_key};
pub use file::{ArtifactFile, Build, FileKind, MavenFile, SumKind, media_type};
pub use order::ComparableVersion;
pub use path::{Directory, MavenPath};
pub(crate) use range::MavenRange;
pub use snapshot::SnapshotBuild;
