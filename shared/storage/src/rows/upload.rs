//! Upload sessions.

use granary_model::composer::ComposerName;
use granary_model::maven::Coordinates;
use granary_model::npm::{DistTag, NpmName, NpmVersion};
use granary_model::raw::{RawName, RawVersion};
use granary_model::swift::{SwiftIdentity, SwiftVersion};
use granary_model::{Md5, PackageType, RepoId, Sha1, Sha256, Sha512, Timestamp};
use serde::{Deserialize, Serialize};

use crate::rows::CallerRef;

/// An upload session: files that are announced, sent to the bucket by their addresses, and then published
/// together.
///
/// It belongs to the repository, not to who made it: whoever may write there may go on with it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct UploadRow {
    /// When it no longer counts, in seconds since 1970.
    pub expires_at: i64,
    /// Its id, which cannot be guessed.
    pub id: String,
    /// Counts changes; every change is conditional on it.
    pub rev: u64,
    /// The repository.
    pub repo: RepoId,
    /// The repository's `uid`.
    pub repo_uid: String,
    /// What is going to be published.
    pub subject: UploadSubject,
    /// The files.
    pub files: Vec<UploadFile>,
    /// How far it has come.
    pub status: UploadStatus,
    /// When it was made.
    pub created_at: Timestamp,
    /// Who completed it, and by whose right the files are published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caller: Option<CallerRef>,
    /// Until when somebody is at work on it, in milliseconds since 1970. Another one takes over after that:
    /// the first has died.
    #[serde(default)]
    pub worked_until: i64,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The build that it is of, and its attempt: only that build hands it over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build: Option<(String, u32)>,
}

impl UploadRow {
    /// Whether it no longer counts.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        now.seconds() >= self.expires_at
    }
}

/// How far an upload session has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UploadStatus {
    /// Files are awaited.
    Open,
    /// All files are there and are being verified and published.
    Processing,
    /// Published.
    Completed,
    /// Something about the files was wrong. Nothing is published.
    Failed,
}

/// What an upload session is going to publish.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum UploadSubject {
    /// A version of an npm package: one tarball.
    Npm {
        /// Its name, if it was given; the tarball decides otherwise.
        name: Option<NpmName>,
        /// Its version, likewise.
        version: Option<NpmVersion>,
        /// The tag that is to name it.
        tag: DistTag,
    },
    /// Files of a version of a Maven artifact.
    Maven {
        /// The version.
        coordinates: Coordinates,
    },
    /// Plain files of a version.
    Raw {
        /// The package.
        name: RawName,
        /// The version.
        version: RawVersion,
        /// The package's description from now on, if it is given.
        description: Option<String>,
    },
    /// A release of a Swift package: one source archive.
    Swift {
        /// The package.
        identity: SwiftIdentity,
        /// The version.
        version: SwiftVersion,
        /// The release's description, if it is given.
        description: Option<String>,
    },
    /// A version of a Composer package: one archive.
    Composer {
        /// Its name, if it was given; the `composer.json` in the archive decides otherwise.
        name: Option<ComposerName>,
        /// Its version as it was given, likewise.
        version: Option<String>,
    },
}

impl UploadSubject {
    /// The protocol.
    pub fn kind(&self) -> PackageType {
        match self {
            Self::Npm { .. } => PackageType::Npm,
            Self::Maven { .. } => PackageType::Maven,
            Self::Raw { .. } => PackageType::Raw,
            Self::Swift { .. } => PackageType::Swift,
            Self::Composer { .. } => PackageType::Composer,
        }
    }

    /// The normalised name of the package, as far as it is known.
    pub fn package(&self) -> Option<String> {
        match self {
            Self::Npm { name, .. } => name.as_ref().map(NpmName::key),
            Self::Maven { coordinates } => Some(coordinates.key()),
            Self::Raw { name, .. } => Some(name.to_string()),
            Self::Swift { identity, .. } => Some(identity.key()),
            Self::Composer { name, .. } => name.as_ref().map(ToString::to_string),
        }
    }

    /// The name to show, as far as it is known.
    pub fn shown_name(&self) -> Option<String> {
        match self {
            Self::Npm { name, .. } => name.as_ref().map(ToString::to_string),
            Self::Maven { .. } | Self::Raw { .. } | Self::Composer { .. } => self.package(),
            Self::Swift { identity, .. } => Some(identity.to_string()),
        }
    }

    /// The version, as far as it is known.
    pub fn version(&self) -> Option<&str> {
        match self {
            Self::Npm { version, .. } => version.as_ref().map(NpmVersion::as_str),
            Self::Maven { coordinates } => Some(coordinates.version.as_str()),
            Self::Raw { version, .. } => Some(version.as_str()),
            Self::Swift { version, .. } => Some(version.as_str()),
            Self::Composer { version, .. } => version.as_deref(),
        }
    }
}

/// One file of an upload session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadFile {
    /// Name within the version.
    pub name: String,
    /// Size in bytes, as announced.
    pub size: u64,
    /// SHA-256, as announced.
    pub sha256: Sha256,
    /// Where its bytes come from.
    pub origin: UploadOrigin,
}

/// Where the bytes of a file come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "from", rename_all = "lowercase")]
pub enum UploadOrigin {
    /// The version has the file already.
    Published,
    /// The owner of the repository has these bytes already, with these digests.
    Stored {
        /// SHA-1.
        sha1: Sha1,
        /// SHA-512.
        sha512: Sha512,
        /// MD5.
        md5: Md5,
    },
    /// They are sent in one request.
    Single,
    /// They are sent in parts.
    Multipart {
        /// Id of the multipart upload, once it has begun.
        upload: Option<String>,
    },
}
