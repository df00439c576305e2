//! Versions of Swift packages.

use std::cmp::Ordering;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::name::version_text;

/// Longest version. Far more than anybody uses; it stands in paths and keys.
const MAX_LENGTH: usize = 200;

/// A semantic version, build metadata included.
///
/// Ordered by precedence, which build metadata has no part in: a release can exist only once for each
/// [`SwiftVersion::key`].
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SwiftVersion {
    text: String,
    parsed: semver::Version,
}

impl SwiftVersion {
    /// The text as it was published.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What identifies the release: without build metadata, because versions that differ in nothing else have
    /// the same precedence and the client could not choose; in lower case, because paths compare without case.
    pub fn key(&self) -> String {
        self.text.split_once('+').map_or(self.text.as_str(), |(core, _)| core).to_ascii_lowercase()
    }

    /// Whether a text from a path names exactly this version.
    pub fn is(&self, text: &str) -> bool {
        self.text.eq_ignore_ascii_case(text)
    }
}

impl FromStr for SwiftVersion {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let invalid = |why: &str| {
            let shown: String = text.chars().take(60).collect();
            Error::BadRequest(format!("'{}' {why}", shown.escape_debug()))
        };
        let grammar = "is not a semantic version such as 1.2.3 or 1.2.3-rc.1";
        if text.len() > MAX_LENGTH {
            return Err(invalid(grammar));
        }
        let parsed = semver::Version::parse(text).map_err(|_| invalid(grammar))?;
        // `1.0.0-a.zip` is the archive of `1.0.0-a`. Build metadata may end like this: it is no part of the key.
        let core = text.split_once('+').map_or(text, |(core, _)| core);
        let last = core.rsplit_once('.').map_or("", |(_, last)| last);
        if last.eq_ignore_ascii_case("zip") || last.eq_ignore_ascii_case("json") {
            return Err(invalid(
                "cannot be used: a pre-release that ends with .zip or .json reads like the address of a file",
            ));
        }
        Ok(Self { text: text.into(), parsed })
    }
}

version_text!(SwiftVersion);

impl Ord for SwiftVersion {
    fn cmp(&self, other: &Self) -> Ordering {
        self.parsed.cmp_precedence(&other.parsed).then_with(|| self.text.cmp(&other.text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strict_versions_with_build_metadata() {
        for good in
            ["0.0.0", "1.2.3", "1.0.0-beta.1+build.5", "1.0.0+linux.json", "1.0.0+linux.zip", "1.0.0--x"]
        {
            assert_eq!(good.parse::<SwiftVersion>().unwrap().as_str(), good);
        }
        for bad in
            ["", "1", "1.0", "v1.0.0", "1_0.0", "01.0.0", "1.0.0-", "1.0.0+", "1.0.0-01", "1.0.0 ", "1.0.0/x"]
        {
            assert!(bad.parse::<SwiftVersion>().is_err(), "{bad}");
        }
        for bad in ["1.0.0-a.zip", "1.0.0-JSON.Json", "1.0.0-a.zip+b"] {
            assert!(
                bad.parse::<SwiftVersion>().unwrap_err().to_string().contains("address of a file"),
                "{bad}"
            );
        }
        assert!(format!("1.0.0-{}", "a".repeat(200)).parse::<SwiftVersion>().is_err());
    }

    #[test]
    fn one_key_for_what_no_client_can_tell_apart() {
        let key = |text: &str| text.parse::<SwiftVersion>().unwrap().key();
        assert_eq!(key("1.0.0+a"), "1.0.0");
        assert_eq!(key("1.0.0-RC.1+B"), "1.0.0-rc.1");
        let version: SwiftVersion = "1.0.0-RC.1+B".parse().unwrap();
        assert!(version.is("1.0.0-rc.1+b") && !version.is("1.0.0-rc.1") && !version.is("1.0.0-rc.1+c"));
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
            "1.0.0",
            "1.0.10",
        ];
        let mut versions: Vec<SwiftVersion> =
            ordered.iter().rev().map(|text| text.parse().unwrap()).collect();
        versions.sort();
        assert_eq!(versions.iter().map(SwiftVersion::as_str).collect::<Vec<_>>(), ordered);
    }
}
