//! Group, artifact and version.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::order::ComparableVersion;
use crate::error::{Error, Result};
use crate::name::text_newtype;

/// Longest group and artifact, in bytes.
const MAX_NAME: usize = 256;

/// Longest version, in bytes.
const MAX_VERSION: usize = 128;

/// How the version of a snapshot ends.
const SNAPSHOT: &str = "SNAPSHOT";

text_newtype! {
    /// A `groupId`: parts of letters, digits, `_` and `-`, joined by dots.
    ///
    /// At most 256 characters. Case-sensitive, because file systems of build machines are.
    GroupId
}

text_newtype! {
    /// An `artifactId`: letters, digits, `_`, `-` and inner dots.
    ///
    /// At most 256 characters, and it neither begins nor ends with a dot. It does not end like the version of
    /// a snapshot, so that `a/b-SNAPSHOT/maven-metadata.xml` means one thing only.
    ArtifactId
}

text_newtype! {
    /// A version: letters, digits and `_ - + ~`, with dots that neither begin nor end it.
    ///
    /// At most 128 characters. Maven accepts nearly anything; what is left out here could not be told from
    /// something else in a path on one of the front doors.
    MavenVersion
}

impl GroupId {
    /// The directory of the group: dots become slashes.
    pub fn directory(&self) -> String {
        self.as_str().replace('.', "/")
    }
}

impl MavenVersion {
    /// Whether it stands for a row of builds instead of one.
    pub fn is_snapshot(&self) -> bool {
        is_snapshot(self.as_str())
    }

    /// What the builds of a snapshot begin with: `1.0-` of `1.0-SNAPSHOT`. `None` for a release.
    pub fn snapshot_base(&self) -> Option<&str> {
        self.is_snapshot().then(|| self.as_str().strip_suffix(SNAPSHOT)).flatten()
    }

    /// Its place among other versions.
    pub fn comparable(&self) -> ComparableVersion {
        ComparableVersion::new(self.as_str())
    }
}

/// Whether a version stands for a row of builds: `SNAPSHOT`, or something that ends with `-SNAPSHOT`.
fn is_snapshot(text: &str) -> bool {
    text.strip_suffix(SNAPSHOT).is_some_and(|base| base.is_empty() || base.ends_with('-'))
}

/// What names one version of one artifact.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Coordinates {
    /// `groupId`.
    pub group: GroupId,
    /// `artifactId`.
    pub artifact: ArtifactId,
    /// `version`; for a snapshot the one that ends with `-SNAPSHOT`.
    pub version: MavenVersion,
}

impl Coordinates {
    /// The name that rows of the package are kept under: `groupId:artifactId`.
    pub fn key(&self) -> String {
        format!("{}:{}", self.group, self.artifact)
    }

    /// The directory of the version, relative to the repository.
    pub fn directory(&self) -> String {
        format!("{}/{}/{}", self.group.directory(), self.artifact, self.version)
    }
}

impl fmt::Display for Coordinates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.group, self.artifact, self.version)
    }
}

/// Group and artifact of a package name, which is `groupId:artifactId`.
///
/// # Errors
/// `BadRequest` if it is not of that form.
pub fn split_key(name: &str) -> Result<(GroupId, ArtifactId)> {
    let (group, artifact) = name.split_once(':').ok_or_else(|| {
        Error::BadRequest(format!("'{}' is not of the form groupId:artifactId", shown(name)))
    })?;
    Ok((group.parse()?, artifact.parse()?))
}

/// A text as an error may show it.
pub(super) fn shown(text: &str) -> String {
    let beginning: String = text.chars().take(80).collect();
    beginning.escape_debug().to_string()
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

/// Whether dots stand alone between other characters.
fn has_plain_dots(text: &str) -> bool {
    !text.is_empty() && !text.starts_with('.') && !text.ends_with('.') && !text.contains("..")
}

impl FromStr for GroupId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let fits = text.len() <= MAX_NAME && has_plain_dots(text);
        if fits && text.bytes().all(|b| is_word(b) || b == b'.') {
            return Ok(Self(text.into()));
        }
        Err(Error::BadRequest(format!(
            "'{}' is not a group id: it has 1 to {MAX_NAME} letters, digits, '_' and '-' in parts joined by dots",
            shown(text)
        )))
    }
}

impl FromStr for ArtifactId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let fits = text.len() <= MAX_NAME && has_plain_dots(text) && !is_snapshot(text);
        if fits && text.bytes().all(|b| is_word(b) || b == b'.') {
            return Ok(Self(text.into()));
        }
        Err(Error::BadRequest(format!(
            "'{}' is not an artifact id: it has 1 to {MAX_NAME} letters, digits, '_', '-' and inner dots, and does not \
             end with SNAPSHOT",
            shown(text)
        )))
    }
}

impl FromStr for MavenVersion {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let fits = text.len() <= MAX_VERSION && has_plain_dots(text);
        if fits && text.bytes().all(|b| is_word(b) || b".+~".contains(&b)) {
            return Ok(Self(text.into()));
        }
        Err(Error::BadRequest(format!(
            "'{}' is not a version: it has 1 to {MAX_VERSION} letters, digits, '_', '-', '+', '~' and inner dots",
            shown(text)
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_names() {
        for good in ["com", "com.example", "io.github.some-one", "a_b.C1", &"g".repeat(256)] {
            assert_eq!(good.parse::<GroupId>().unwrap().as_str(), good);
        }
        for good in ["lib", "org.eclipse.core", "spark_2.13", "lib-js", "-x", "SNAPSHOTS", "xSNAPSHOT"] {
            assert_eq!(good.parse::<ArtifactId>().unwrap().as_str(), good);
        }
        for good in ["1", "1.0-SNAPSHOT", "1.0+build.5", "2.0~rc1", "r09", "1.0-20260101.010101-1", "_x"] {
            assert_eq!(good.parse::<MavenVersion>().unwrap().as_str(), good);
        }
    }

    #[test]
    fn bad_names() {
        let bad = [
            "",
            ".",
            "..",
            ".a",
            "a.",
            "a..b",
            "a/b",
            "a b",
            "a:b",
            "a%b",
            "a\\b",
            "a\0",
            "\u{430}",
            "é",
            "a;b",
            "a?b",
            "a#b",
            "${revision}",
            "a,b",
            "[1,2)",
            "a\nb",
            "a@b",
            "a!b",
            "a*b",
        ];
        for bad in bad {
            assert!(bad.parse::<GroupId>().is_err(), "{bad}");
            assert!(bad.parse::<ArtifactId>().is_err(), "{bad}");
            assert!(bad.parse::<MavenVersion>().is_err(), "{bad}");
        }
        assert!("g".repeat(257).parse::<GroupId>().is_err());
        assert!("a".repeat(257).parse::<ArtifactId>().is_err());
        assert!("1".repeat(129).parse::<MavenVersion>().is_err());
        assert!("1.0-SNAPSHOT".parse::<ArtifactId>().is_err());
        assert!("a+b".parse::<ArtifactId>().is_err() && "a+b".parse::<GroupId>().is_err());
    }

    #[test]
    fn snapshots_are_told_by_their_end() {
        let base = |text: &str| text.parse::<MavenVersion>().unwrap().snapshot_base().map(str::to_owned);
        assert_eq!(base("1.0-SNAPSHOT").as_deref(), Some("1.0-"));
        assert_eq!(base("SNAPSHOT").as_deref(), Some(""));
        for release in ["1.0", "1.0SNAPSHOT", "1.0-snapshot", "1.0-SNAPSHOT-1", "1.0-20260101.010101-1"] {
            assert_eq!(base(release), None, "{release}");
        }
    }

    #[test]
    fn a_package_is_named_by_group_and_artifact() {
        let coordinates = Coordinates {
            group: "com.example".parse().unwrap(),
            artifact: "hello-lib".parse().unwrap(),
            version: "1.0.0".parse().unwrap(),
        };
        assert_eq!(coordinates.key(), "com.example:hello-lib");
        assert_eq!(coordinates.directory(), "com/example/hello-lib/1.0.0");
        let (group, artifact) = split_key(&coordinates.key()).unwrap();
        assert_eq!((group, artifact), (coordinates.group, coordinates.artifact));
        for bad in ["com.example", "a:b:c", ":b", "a:", "a/b:c"] {
            assert!(split_key(bad).is_err(), "{bad}");
        }
    }
}
