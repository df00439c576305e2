//! Files of a version, each with the address that a client gets it from.

use granary_http::AppState;
use granary_model::maven::{Coordinates, split_key};
use granary_model::path::encode_segment;
use granary_model::swift::{ManifestName, SwiftIdentity};
use granary_model::{Md5, PackageType, Result, Sha1, Sha256, Sha512};
use granary_storage::PackageKey;
use granary_storage::rows::{FileRow, VersionRow};
use serde::Serialize;

/// A file.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FileView {
    name: String,
    size: u64,
    content_type: String,
    sha256: Sha256,
    sha1: Sha1,
    sha512: Sha512,
    md5: Option<Md5>,
    url: String,
}

impl FileView {
    pub(super) fn new(file: FileRow, url: String) -> Self {
        Self {
            name: file.name,
            size: file.size,
            content_type: file.content_type,
            sha256: file.sha256,
            sha1: file.sha1,
            sha512: file.sha512,
            md5: file.md5,
            url,
        }
    }
}

/// Where the files of a version are had from.
pub(super) struct Addresses<'a> {
    /// What renders the same addresses for clients.
    pub(super) state: &'a AppState,
    /// The package.
    pub(super) package: &'a PackageKey,
    /// Its name as it was published.
    pub(super) name: &'a str,
    /// The version.
    pub(super) row: &'a VersionRow,
    /// The version as it was published.
    pub(super) version: &'a str,
}

impl Addresses<'_> {
    /// The address of a file. It is never a signed one: whoever goes there needs the right to.
    pub(super) fn of(&self, file: &FileRow) -> Result<String> {
        let Self { state, package, name, row, version } = self;
        let (public, repo) = (&state.config().public_url, &package.repo);
        Ok(match package.kind {
            PackageType::Npm if self.is_first(file) => {
                state.packuments().tarball_url(repo, name, &row.version)
            }
            PackageType::Npm => {
                let name = name.replacen('/', "%2f", 1);
                format!("{public}/api/npm/{repo}/-/npm/v1/attestations/{name}@{}", row.version)
            }
            PackageType::Maven => {
                let (group, artifact) = split_key(&package.name)?;
                let directory = Coordinates { group, artifact, version: row.version.parse()? }.directory();
                format!("{public}/api/maven/{repo}/{directory}/{}", file.name)
            }
            PackageType::Swift => {
                let identity: SwiftIdentity = name.parse()?;
                let release = state.releases().release_url(repo, &identity, &version.parse()?);
                self.of_release(file, &release)
            }
            PackageType::Composer => {
                state.composer().dist_url(repo, &package.name, row, &file.sha1.to_string())
            }
            PackageType::Raw | PackageType::Kmp => format!(
                "{public}/api/raw/{repo}/{}/{}/{}",
                encode_segment(&package.name),
                encode_segment(&row.version),
                encode_segment(&file.name)
            ),
        })
    }

    fn is_first(&self, file: &FileRow) -> bool {
        self.row.files.first() == Some(file)
    }

    /// The archive of a release, or one of its manifests.
    fn of_release(&self, file: &FileRow, release: &str) -> String {
        if self.is_first(file) {
            return format!("{release}.zip");
        }
        let main = format!("{release}/{}", ManifestName::MAIN);
        match ManifestName::parse(&file.name).and_then(|name| name.swift) {
            Some(swift) => format!("{main}?swift-version={swift}"),
            None => main,
        }
    }
}
