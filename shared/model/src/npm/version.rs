//! npm versions.

use std::cmp::Ordering;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::name::version_text;

/// npm's own limit for a version.
const MAX_LENGTH: usize = 256;

/// A strict semantic version without build metadata.
///
/// Build metadata is dropped on parsing because it is no part of a version's identity: `1.0.0+a` and
/// `1.0.0+b` are the same version to every client. Ordered by precedence.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct NpmVersion {
    text: String,
    parsed: nodejs_semver::Version,
}

impl NpmVersion {
    /// The canonical text, `major.minor.patch[-prerelease]`.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it has a pre-release part.
    pub fn is_prerelease(&self) -> bool {
        self.parsed.is_prerelease()
    }
}

impl FromStr for NpmVersion {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let invalid = || {
            let shown: String = text.chars().take(60).collect();
            Error::BadRequest(format!(
                "'{}' is not a semantic version such as 1.2.3 or 1.2.3-rc.1",
                shown.escape_debug()
            ))
        };
        let core = text.split_once('+').map_or(text, |(core, _)| core);
        let strict = text.len() <= MAX_LENGTH
            && core.starts_with(|c: char| c.is_ascii_digit())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b".-+".contains(&b));
        if !strict {
            return Err(invalid());
        }
        let parsed = nodejs_semver::Version::parse(text).map_err(|_| invalid())?;
        let parts = parsed.into_parts();
        let parsed =
            nodejs_semver::Version::new(parts.major, parts.minor, parts.patch, parts.pre_release, Vec::new());
        // The parser forgives (leading zeros, missing dashes); printing it back must give the same text.
        if parsed.to_string() != core {
            return Err(invalid());
        }
        Ok(Self { text: core.into(), parsed })
    }
}

version_text!(NpmVersion);

impl std::hash::Hash for NpmVersion {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl Ord for NpmVersion {
    fn cmp(&self, other: &Self) -> Ordering {
        self.parsed.cmp(&other.parsed).then_with(|| self.text.cmp(&other.text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn build_metadata_is_no_identity() {
        let a: NpmVersion = "1.0.0+a".parse().unwrap();
        let b: NpmVersion = "1.0.0+b".parse().unwrap();
        assert_eq!(a, b);
        assert_eq!(a.as_str(), "1.0.0");
    }

    #[test]
    fn only_strict_versions() {
        for bad in [
            "",
            "1",
            "1.0",
            "v1.0.0",
            "=1.0.0",
            " 1.0.0",
            "1.0.0 ",
            "01.0.0",
            "1.0.0-",
            "1.0.0-a..b",
            "1.0.0-01",
            "1.0.0/x",
            "1.0.0-a_b",
            "latest",
            "1.0.0-ä",
            "99999999999999999999.0.0",
            "1.2.3.4",
            "1.2.3beta",
        ] {
            assert!(bad.parse::<NpmVersion>().is_err(), "{bad}");
        }
        assert!(format!("1.0.0-{}", "a".repeat(256)).parse::<NpmVersion>().is_err());
    }

    #[test]
    fn ordered_by_precedence() {
        let ordered = [
            "0.9.9",
            "1.0.0-alpha",
            "1.0.0-alpha.1",
            "1.0.0-alpha.beta",
            "1.0.0-beta.2",
            "1.0.0-beta.11",
            "1.0.0-rc.1",
            "1.0.0",
            "1.0.10",
            "1.2.0",
        ];
        let mut versions: Vec<NpmVersion> = ordered.iter().rev().map(|v| v.parse().unwrap()).collect();
        versions.sort();
        assert_eq!(versions.iter().map(NpmVersion::as_str).collect::<Vec<_>>(), ordered);
    }
}
