//! Paths of a repository.

use super::coordinates::{ArtifactId, Coordinates, GroupId, MavenVersion, shown};
use super::file::{MavenFile, SumKind};
use crate::error::{Error, Result};

/// The file that lists what is in a directory.
const METADATA: &str = "maven-metadata.xml";

/// Longest path, in bytes.
const MAX_PATH: usize = 1024;

/// What a path below the repository is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MavenPath {
    /// `maven-metadata.xml` of a directory, or a checksum of it.
    Metadata(Directory, Option<SumKind>),
    /// A file of a version, or a checksum of it.
    File(MavenFile, Option<SumKind>),
    /// Anything else. Nothing can be stored here, but it may be the directory of a version.
    Directory {
        /// The directory, if it can be one.
        directory: Option<Directory>,
        /// Why it is no file of a repository.
        reason: String,
    },
}

/// A directory. What it is the directory of depends on what was published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directory {
    group: Option<GroupId>,
    artifact: Option<(GroupId, ArtifactId)>,
    version: Option<Coordinates>,
}

impl Directory {
    /// The group, if it may be one.
    pub fn group(&self) -> Option<&GroupId> {
        self.group.as_ref()
    }

    /// The artifact, if it may be one.
    pub fn artifact(&self) -> Option<&(GroupId, ArtifactId)> {
        self.artifact.as_ref()
    }

    /// The version, if it may be one.
    pub fn version(&self) -> Option<&Coordinates> {
        self.version.as_ref()
    }

    fn parse(segments: &[&str]) -> Option<Self> {
        let artifact = || {
            let (artifact, group) = segments.split_last()?;
            Some((group_of(group)?, artifact.parse().ok()?))
        };
        let directory =
            Self { group: group_of(segments), artifact: artifact(), version: coordinates(segments) };
        (directory.group.is_some() || directory.artifact.is_some() || directory.version.is_some())
            .then_some(directory)
    }
}

impl MavenPath {
    /// Reads a path below `/api/maven/{repo}/`, percent-decoded.
    ///
    /// # Errors
    /// `BadRequest` for a path that could be read in more than one way or has a character that no path of a
    /// Maven repository has.
    pub fn parse(path: &str) -> Result<Self> {
        let refuse =
            |why: &str| Err(Error::BadRequest(format!("the path '{}' cannot be used: {why}", shown(path))));
        if path.is_empty() || path.len() > MAX_PATH {
            return refuse(&format!("it has 1 to {MAX_PATH} bytes"));
        }
        if !path.bytes().all(|b| b.is_ascii_alphanumeric() || b"/._-+~".contains(&b)) {
            return refuse("it has letters, digits, '/' and '.', '_', '-', '+', '~'");
        }
        let segments: Vec<&str> = path.split('/').collect();
        if segments.iter().any(|segment| segment.is_empty() || segment.ends_with('.')) {
            return refuse("a segment is empty or ends with '.'");
        }
        Ok(Self::of(&segments))
    }

    fn of(segments: &[&str]) -> Self {
        let Some((last, parents)) = segments.split_last() else {
            return Self::Directory { directory: None, reason: "the path is empty".into() };
        };
        let (file, sum) = SumKind::split(last);
        let directory = |reason: String| Self::Directory { directory: Directory::parse(segments), reason };
        if file == METADATA {
            return match Directory::parse(parents) {
                Some(parent) => Self::Metadata(parent, sum),
                None => directory(format!(
                    "{METADATA} belongs into the directory of a group, artifact or version"
                )),
            };
        }
        match coordinates(parents) {
            None => directory(format!(
                "'{}' is not a file of a Maven repository: those have paths such as \
                 com/example/lib/1.0/lib-1.0.jar, and a directory of the group has no dots in its name",
                shown(&segments.join("/"))
            )),
            Some(coordinates) => match MavenFile::new(coordinates, file) {
                Ok(file) => Self::File(file, sum),
                Err(error) => directory(error.to_string()),
            },
        }
    }
}

/// The group of a directory. A dot in a directory's name would make `a.b/c` and `a/b/c` one group.
fn group_of(segments: &[&str]) -> Option<GroupId> {
    if segments.iter().any(|segment| segment.contains('.')) {
        return None;
    }
    segments.join(".").parse().ok()
}

/// The version whose directory this is.
fn coordinates(segments: &[&str]) -> Option<Coordinates> {
    let [group @ .., artifact, version] = segments else { return None };
    let (artifact, version): (ArtifactId, MavenVersion) = (artifact.parse().ok()?, version.parse().ok()?);
    Some(Coordinates { group: group_of(group)?, artifact, version })
}

#[cfg(test)]
mod tests;
