//! Kinds of packages and who may see a repository.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::role::ladder_text;

/// A packaging protocol that a repository can offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PackageType {
    /// npm, pnpm, Yarn, Bun.
    Npm,
    /// Maven, Gradle, Ivy, sbt.
    Maven,
    /// Swift Package Manager and Xcode.
    Swift,
    /// Arbitrary files.
    Raw,
    /// Kotlin Multiplatform: npm and Swift packages built from a watched Maven source.
    Kmp,
    /// PHP's Composer.
    Composer,
}

/// Who may read a repository without being a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Visibility {
    /// Members and tokens only.
    #[default]
    Private,
    /// Anyone.
    Public,
}

ladder_text!(
    PackageType, "package type",
    Npm => "npm", Maven => "maven", Swift => "swift", Raw => "raw", Kmp => "kmp", Composer => "composer"
);
ladder_text!(Visibility, "visibility", Private => "private", Public => "public");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_types_are_named() {
        let error = "nuget".parse::<PackageType>().unwrap_err().to_string();
        assert!(error.contains("'nuget'") && error.contains("npm, maven"), "{error}");
    }
}
