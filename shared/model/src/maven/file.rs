//! Files of a version's directory.

use std::fmt;
use std::str::FromStr;

use super::coordinates::{Coordinates, shown};
use super::snapshot::SnapshotBuild;
use crate::error::{Error, Result};

/// Longest name of a file, in bytes.
const MAX_FILE: usize = 512;

/// What the names of detached signatures end with.
const SIGNATURES: [&str; 3] = [".asc", ".sigstore", ".sigstore.json"];

/// A checksum that clients put beside a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SumKind {
    /// `.md5`.
    Md5,
    /// `.sha1`.
    Sha1,
    /// `.sha256`.
    Sha256,
    /// `.sha512`.
    Sha512,
}

impl SumKind {
    /// All kinds.
    pub const ALL: [Self; 4] = [Self::Md5, Self::Sha1, Self::Sha256, Self::Sha512];

    /// What the name of the checksum file ends with, without the dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Md5 => "md5",
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }

    /// Number of hexadecimal digits.
    pub fn digits(self) -> usize {
        match self {
            Self::Md5 => 32,
            Self::Sha1 => 40,
            Self::Sha256 => 64,
            Self::Sha512 => 128,
        }
    }

    /// The digits in a checksum file, in small letters: alone, before a file name, or behind `NAME(file)=`.
    pub fn find_in(self, text: &str) -> Option<String> {
        let is_sum = |word: &&str| word.len() == self.digits() && word.bytes().all(|b| b.is_ascii_hexdigit());
        let mut words = text.split_whitespace();
        let sum = words.next().filter(is_sum).or_else(|| words.last().filter(is_sum));
        sum.map(str::to_ascii_lowercase)
    }

    /// Takes the end of a checksum file off a name.
    pub(super) fn split(name: &str) -> (&str, Option<Self>) {
        for kind in Self::ALL {
            let stem = name.strip_suffix(kind.extension()).and_then(|name| name.strip_suffix('.'));
            if let Some(stem) = stem {
                return (stem, Some(kind));
            }
        }
        (name, None)
    }
}

/// Which build a file belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Build {
    /// The file of a release: its bytes never change.
    Release,
    /// A file that bears `-SNAPSHOT` itself, as Ivy and sbt publish it: it may be replaced.
    Literal,
    /// A file of one build of a snapshot: its bytes never change either.
    Timestamped(SnapshotBuild),
}

/// What the name of an artifact's file says.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ArtifactFile {
    /// The build.
    pub build: Build,
    /// `sources` and the like.
    pub classifier: Option<String>,
    /// What follows the first dot behind version and classifier, the end of a signature included:
    /// `jar`, `tar.gz`, `jar.asc`.
    pub extension: String,
}

/// What kind of file it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum FileKind {
    /// A file that Maven knows: artifact, POM, signature.
    Artifact(ArtifactFile),
    /// `ivy-<version>.xml`, or its signature, which Ivy puts beside the artifact.
    Ivy,
}

/// A file of a version's directory, checksums excluded.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MavenFile {
    coordinates: Coordinates,
    name: String,
    kind: FileKind,
}

impl MavenFile {
    /// Reads the name of a file in the directory of a version.
    ///
    /// # Errors
    /// `BadRequest` if the file does not belong there.
    pub fn new(coordinates: Coordinates, name: &str) -> Result<Self> {
        if name.len() > MAX_FILE {
            return Err(Error::BadRequest(format!("the name of the file is longer than {MAX_FILE} bytes")));
        }
        if let (stem, Some(kind)) = SumKind::split(unsigned(name)) {
            return Err(Error::BadRequest(format!(
                "'{}' is the .{} of '{}', and checksums have no checksums or signatures",
                shown(name),
                kind.extension(),
                shown(stem)
            )));
        }
        let kind = if unsigned(name) == format!("ivy-{}.xml", coordinates.version) {
            FileKind::Ivy
        } else {
            FileKind::Artifact(artifact_file(&coordinates, name)?)
        };
        Ok(Self { coordinates, name: name.into(), kind })
    }

    /// The version it belongs to.
    pub fn coordinates(&self) -> &Coordinates {
        &self.coordinates
    }

    /// Its name within the directory.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What kind of file it is.
    pub fn kind(&self) -> &FileKind {
        &self.kind
    }

    /// What its name says, unless Ivy named it.
    pub fn artifact(&self) -> Option<&ArtifactFile> {
        match &self.kind {
            FileKind::Artifact(file) => Some(file),
            FileKind::Ivy => None,
        }
    }

    /// The build it belongs to. Ivy's descriptor of a snapshot is replaced like its artifacts.
    pub fn build(&self) -> Build {
        match &self.kind {
            FileKind::Artifact(file) => file.build,
            FileKind::Ivy if self.coordinates.version.is_snapshot() => Build::Literal,
            FileKind::Ivy => Build::Release,
        }
    }

    /// Whether other bytes may take its place.
    pub fn is_replaceable(&self) -> bool {
        self.build() == Build::Literal
    }

    /// Whether it is the version's POM.
    pub fn is_pom(&self) -> bool {
        self.artifact().is_some_and(ArtifactFile::is_pom)
    }

    /// The path relative to the repository.
    pub fn path(&self) -> String {
        format!("{}/{}", self.coordinates.directory(), self.name)
    }

    /// Media type to serve it with.
    pub fn media_type(&self) -> &'static str {
        media_type(&self.name)
    }

    /// The name that the same file has in another build of its snapshot. `None` for what is not an artifact of
    /// a snapshot.
    pub fn name_in(&self, build: SnapshotBuild) -> Option<String> {
        let (artifact, base) = (self.artifact()?, self.coordinates.version.snapshot_base()?);
        let classifier = artifact.classifier.as_ref().map(|text| format!("-{text}")).unwrap_or_default();
        Some(format!("{}-{base}{build}{classifier}.{}", self.coordinates.artifact, artifact.extension))
    }
}

impl ArtifactFile {
    /// Whether it is the POM.
    pub fn is_pom(&self) -> bool {
        self.classifier.is_none() && self.extension == "pom"
    }

    /// Whether it is a signature.
    pub fn is_signature(&self) -> bool {
        unsigned(&self.extension).len() < self.extension.len()
    }

    /// Whether it is what a build was made for: neither a description of it nor a signature nor an extra.
    pub fn is_main(&self) -> bool {
        self.classifier.is_none()
            && !self.is_signature()
            && !matches!(self.extension.as_str(), "pom" | "module" | "xml" | "json")
    }
}

/// The name of the file that a signature is of; the name itself if it is no signature.
fn unsigned(name: &str) -> &str {
    SIGNATURES.iter().rev().find_map(|end| name.strip_suffix(end)).unwrap_or(name)
}

fn artifact_file(coordinates: &Coordinates, name: &str) -> Result<ArtifactFile> {
    let Coordinates { artifact, version, .. } = coordinates;
    let refuse = |why: &str| {
        Err(Error::BadRequest(format!(
            "'{}' does not belong to version {version} of artifact '{artifact}': {why}",
            shown(name)
        )))
    };
    let Some(rest) = name.strip_prefix(artifact.as_str()).and_then(|rest| rest.strip_prefix('-')) else {
        return refuse(&format!("its name must begin with '{artifact}-{version}'"));
    };
    let Some((build, rest)) = split_build(coordinates, rest) else {
        return match version.snapshot_base() {
            Some(base) => refuse(&format!(
                "its name must begin with '{artifact}-{version}' or '{artifact}-{base}yyyyMMdd.HHmmss-number'"
            )),
            None => refuse(&format!("its name must begin with '{artifact}-{version}'")),
        };
    };
    let (classifier, extension) = match rest.strip_prefix('-') {
        Some(rest) => match split_extension(rest) {
            Some((classifier, extension)) => (Some(classifier), extension),
            None => return refuse("its name has no extension"),
        },
        None => match rest.strip_prefix('.') {
            Some(extension) => (None, extension),
            None => {
                return refuse(
                    "the version must be followed by '-' and a classifier or by '.' and an extension",
                );
            }
        },
    };
    if !is_extension(extension) {
        return refuse(
            "an extension has letters, digits, '_', '-', '+' and inner dots, and must not look like a version",
        );
    }
    if let Some(classifier) = classifier {
        if !is_plain(classifier) {
            return refuse("a classifier has letters, digits and '_', '-', '+', '~' and inner dots");
        }
        // `a-1.0-SNAPSHOT.jar` and `a-1.0-20260101.010101-1.jar` are files of 1.0-SNAPSHOT, not of 1.0.
        if classifier.starts_with("SNAPSHOT") || SnapshotBuild::split(classifier).is_some() {
            return refuse("it is a file of the snapshot");
        }
    }
    Ok(ArtifactFile { build, classifier: classifier.map(str::to_owned), extension: extension.into() })
}

/// Takes the version off the front, in the form that files of it bear.
fn split_build<'a>(coordinates: &Coordinates, text: &'a str) -> Option<(Build, &'a str)> {
    let version = &coordinates.version;
    let literal = text.strip_prefix(version.as_str());
    match version.snapshot_base() {
        None => literal.map(|rest| (Build::Release, rest)),
        Some(base) => literal.map(|rest| (Build::Literal, rest)).or_else(|| {
            let (build, rest) = SnapshotBuild::split(text.strip_prefix(base)?)?;
            Some((Build::Timestamped(build), rest))
        }),
    }
}

/// Classifier and extension. A classifier may have dots (`jdk1.5`), so the last one counts, but for the few
/// extensions that have one themselves.
fn split_extension(text: &str) -> Option<(&str, &str)> {
    let file = unsigned(text);
    let (stem, last) = file.rsplit_once('.')?;
    let inner =
        stem.rsplit_once('.').filter(|(_, inner)| matches!(*inner, "tar" | "cpio" | "spdx" | "cyclonedx"));
    let stem = inner.map_or(stem, |(stem, _)| stem);
    if stem.is_empty() || last.is_empty() {
        return None;
    }
    Some((stem, text.get(stem.len() + 1..)?))
}

fn is_plain(text: &str) -> bool {
    !text.is_empty()
        && text.split('.').all(|part| !part.is_empty())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-+~.".contains(&b))
}

/// Whether a text can be an extension. `1.jar` cannot: `a-1.0.1.jar` is a file of version 1.0.1, not of 1.0.
fn is_extension(text: &str) -> bool {
    let first = unsigned(text).split_once('.').map(|(first, _)| first);
    is_plain(text)
        && !first.is_some_and(|first| first.starts_with(|c: char| c.is_ascii_digit()))
        && !text.bytes().all(|b| b.is_ascii_digit())
}

/// Media type of a file, by the end of its name.
pub fn media_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "pom" | "xml" => "application/xml",
        "module" | "json" | "sigstore" => "application/json",
        "jar" | "war" | "ear" => "application/java-archive",
        "asc" | "md5" | "sha1" | "sha256" | "sha512" | "txt" => "text/plain",
        _ => "application/octet-stream",
    }
}

impl fmt::Display for SumKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.extension())
    }
}

impl FromStr for SumKind {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let kind = Self::ALL.into_iter().find(|kind| kind.extension() == text);
        kind.ok_or_else(|| Error::BadRequest("a checksum is md5, sha1, sha256 or sha512".into()))
    }
}

#[cfg(test)]
mod tests;
