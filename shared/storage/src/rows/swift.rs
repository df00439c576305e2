//! What only Swift repositories keep.

use serde::{Deserialize, Serialize};

/// A package in the list of those whose source is kept at one address, for `identifiers?url=`.
///
/// It comes from the metadata of its releases. Whether the package still has any is looked up in its head.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SwiftSourceRow {
    /// Identifier of the package, `scope.name`, as it was first published.
    pub identity: String,
    /// `uid` of the repository.
    pub repo_uid: String,
}
