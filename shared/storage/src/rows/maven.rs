//! What only Maven repositories keep.

use granary_model::{Md5, Sha1, Sha256, Sha512};
use serde::{Deserialize, Serialize};

/// A Maven plugin of a group, for `maven-metadata.xml` of the group: what makes `mvn prefix:goal` work.
///
/// It comes from the plugin's own descriptor. Whether the artifact still has versions is looked up in its
/// head.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MavenPluginRow {
    /// The artifact.
    pub artifact: String,
    /// `goalPrefix` of the descriptor.
    pub prefix: String,
    /// `name` of the descriptor.
    pub name: Option<String>,
    /// `uid` of the repository.
    pub repo_uid: String,
}

/// Checksums that a client sent before the file they belong to. The file is compared with them when it comes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExpectationRow {
    /// When they no longer count, in seconds since 1970.
    pub expires_at: i64,
    /// `.md5`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub md5: Option<Md5>,
    /// `.sha1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha1: Option<Sha1>,
    /// `.sha256`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Sha256>,
    /// `.sha512`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha512: Option<Sha512>,
}
