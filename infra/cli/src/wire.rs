//! The upload interface of the registry as JSON.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Protocol a package belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum PackageType {
    /// npm.
    Npm,
    /// Maven.
    Maven,
    /// Plain files.
    Raw,
    /// Swift.
    Swift,
    /// Composer.
    Composer,
}

/// What a version is called; which fields there are depends on the type.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Coordinates {
    /// Protocol.
    pub(crate) package_type: PackageType,
    /// Name; absent for Maven, and where the server finds it in the archive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) package_name: Option<String>,
    /// Version; absent where the server finds it in the archive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) version: Option<String>,
    /// Maven's group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) group_id: Option<String>,
    /// Maven's artifact.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) artifact_id: Option<String>,
    /// Swift's scope.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) scope: Option<String>,
    /// Description of the package.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) description: Option<String>,
    /// npm's dist-tag.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tag: Option<String>,
}

impl Coordinates {
    /// Coordinates of which only the type is known.
    pub(crate) const fn of(package_type: PackageType) -> Self {
        Self {
            package_type,
            package_name: None,
            version: None,
            group_id: None,
            artifact_id: None,
            scope: None,
            description: None,
            tag: None,
        }
    }

    /// The package as people write it, as far as it is known.
    pub(crate) fn package(&self) -> Option<String> {
        match (&self.package_name, &self.group_id, &self.artifact_id, &self.scope) {
            (_, Some(group), Some(artifact), _) => Some(format!("{group}:{artifact}")),
            (Some(name), _, _, Some(scope)) => Some(format!("{scope}.{name}")),
            (name, ..) => name.clone(),
        }
    }
}

/// Body of `POST /api/uploads`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CreateUpload<'a> {
    /// Repository.
    pub(crate) repo_id: &'a str,
    /// What is published.
    #[serde(flatten)]
    pub(crate) coordinates: &'a Coordinates,
    /// Its files.
    pub(crate) files: Vec<FileClaim<'a>>,
}

/// A file that is about to be uploaded.
#[derive(Debug, Serialize)]
pub(crate) struct FileClaim<'a> {
    /// Name in the version.
    pub(crate) name: &'a str,
    /// Bytes.
    pub(crate) size: u64,
    /// Hexadecimal SHA-256.
    pub(crate) sha256: &'a str,
}

/// Answer of every call about one upload.
#[derive(Debug, Deserialize)]
pub(crate) struct UploadAnswer {
    /// The upload.
    pub(crate) upload: Upload,
}

/// An upload as the server sees it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Upload {
    /// Name of the session; none where there is nothing to upload.
    pub(crate) id: Option<String>,
    /// How far it is.
    pub(crate) status: UploadStatus,
    /// Why it failed.
    pub(crate) error: Option<String>,
    /// Package, where the server knows it.
    pub(crate) package_name: Option<String>,
    /// Version, where the server knows it.
    pub(crate) version: Option<String>,
    /// The files.
    #[serde(default)]
    pub(crate) files: Vec<RemoteFile>,
}

/// How far an upload is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum UploadStatus {
    /// Bytes may arrive.
    Open,
    /// The server checks what arrived.
    Processing,
    /// Published.
    Completed,
    /// Refused for good.
    Failed,
}

/// A file of an upload.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RemoteFile {
    /// Name in the version.
    pub(crate) name: String,
    /// How far it is.
    pub(crate) status: FileStatus,
    /// Where to send it, unless it is sent in parts.
    #[serde(flatten)]
    pub(crate) target: Target,
    /// Bytes of each part but the last.
    pub(crate) part_size: Option<u64>,
    /// Its parts, where it is sent in parts.
    pub(crate) parts: Option<Vec<RemotePart>>,
}

/// How far a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum FileStatus {
    /// In the version already, byte for byte.
    Published,
    /// Its bytes are stored already.
    Stored,
    /// Its bytes arrived.
    Uploaded,
    /// Its bytes are missing, all or in part.
    Pending,
}

/// A part of a file.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct RemotePart {
    /// Counts from 1.
    pub(crate) number: u32,
    /// Bytes.
    pub(crate) size: u64,
    /// Where to send it, if it is missing.
    #[serde(flatten)]
    pub(crate) target: Target,
}

/// A request that takes bytes.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Target {
    /// `PUT`, if nothing is said.
    pub(crate) method: Option<String>,
    /// Address that works for an hour; none if there is nothing to send.
    pub(crate) url: Option<String>,
    /// Headers that are signed and have to be sent as they are.
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, String>,
}

/// An error of the management interface.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct ErrorAnswer {
    /// For people.
    pub(crate) error: Option<String>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn answers_of_the_contract_are_read() {
        let answer: UploadAnswer = serde_json::from_value(json!({"upload": {
            "id": "u", "status": "open", "repoId": "r", "packageType": "raw", "packageName": "p",
            "version": "1", "createdAt": "x", "expiresAt": "y", "files": [
                {"name": "a", "size": 1, "sha256": "00", "status": "pending", "method": "PUT",
                 "url": "http://s/a", "headers": {"x-amz-checksum-sha256": "c"}},
                {"name": "b", "size": 2, "sha256": "00", "status": "pending", "partSize": 16,
                 "parts": [{"number": 1, "size": 16, "etag": "\"e\""},
                           {"number": 2, "size": 1, "method": "PUT", "url": "http://s/b", "headers": {}}]},
                {"name": "c", "size": 2, "sha256": "00", "status": "stored"}]}}))
        .unwrap();
        let [single, multipart, stored] = &answer.upload.files[..] else { panic!("three files") };
        assert_eq!(single.target.url.as_deref(), Some("http://s/a"));
        assert_eq!(single.target.headers["x-amz-checksum-sha256"], "c");
        let parts = multipart.parts.as_ref().unwrap();
        assert_eq!(
            (parts[0].target.url.as_deref(), parts[1].target.url.as_deref()),
            (None, Some("http://s/b"))
        );
        assert_eq!((multipart.part_size, stored.status), (Some(16), FileStatus::Stored));
    }

    #[test]
    fn requests_have_the_fields_of_the_contract() {
        let mut coordinates = Coordinates::of(PackageType::Maven);
        coordinates.group_id = Some("g".into());
        coordinates.artifact_id = Some("a".into());
        coordinates.version = Some("1".into());
        let files = vec![FileClaim { name: "a-1.jar", size: 3, sha256: "00" }];
        let request = CreateUpload { repo_id: "libs", coordinates: &coordinates, files };
        assert_eq!(
            serde_json::to_value(&request).unwrap(),
            json!({"repoId": "libs", "packageType": "maven", "version": "1", "groupId": "g",
                   "artifactId": "a", "files": [{"name": "a-1.jar", "size": 3, "sha256": "00"}]})
        );
        assert_eq!(coordinates.package().as_deref(), Some("g:a"));
    }
}
