//! Sessions as clients see them.

use std::collections::BTreeMap;

use granary_http::AppState;
use granary_model::{PackageType, RepoId, Result, Sha256, Timestamp};
use granary_publish::upload::parts::{Arrival, MULTIPART_FROM, PART_SIZE, parts_of};
use granary_storage::rows::{UploadFile, UploadOrigin, UploadRow, UploadStatus};
use granary_storage::staging::{SignedPut, StagedPart, staging_path};
use serde::Serialize;

/// `{"upload": ..}`.
#[derive(Debug, Serialize)]
pub(crate) struct UploadAnswer {
    upload: UploadView,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct UploadView {
    id: Option<String>,
    status: UploadStatus,
    repo_id: RepoId,
    package_type: PackageType,
    #[serde(skip_serializing_if = "Option::is_none")]
    package_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    created_at: String,
    expires_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    files: Vec<FileView>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct FileView {
    name: String,
    size: u64,
    sha256: Sha256,
    status: &'static str,
    #[serde(flatten)]
    address: Option<Address>,
    #[serde(skip_serializing_if = "Option::is_none")]
    part_size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parts: Option<Vec<PartView>>,
}

#[derive(Debug, Serialize)]
struct PartView {
    number: i32,
    size: u64,
    #[serde(flatten)]
    address: Option<Address>,
    #[serde(skip_serializing_if = "Option::is_none")]
    etag: Option<String>,
}

/// Where to send bytes, and the headers to send with them.
#[derive(Debug, Serialize)]
struct Address {
    method: &'static str,
    url: String,
    headers: BTreeMap<String, String>,
}

impl From<SignedPut> for Address {
    fn from(signed: SignedPut) -> Self {
        Self { method: "PUT", url: signed.url, headers: signed.headers.into_iter().collect() }
    }
}

/// A session with addresses for whatever is missing of an open one. `arrived` has what is there, in the order
/// of the files; empty if nothing is.
pub(crate) async fn upload_view(
    state: &AppState,
    row: &UploadRow,
    arrived: &[(Arrival, Vec<StagedPart>)],
) -> Result<UploadAnswer> {
    let mut files = Vec::new();
    for (index, file) in row.files.iter().enumerate() {
        let arrival = arrived.get(index).map(|(arrival, _)| arrival);
        files.push(file_view(state, row, index, file, arrival).await?);
    }
    let expires = Timestamp::from_millis(row.expires_at.saturating_mul(1000));
    Ok(UploadAnswer {
        upload: UploadView {
            id: Some(row.id.clone()).filter(|id| !id.is_empty()),
            status: row.status,
            repo_id: row.repo.clone(),
            package_type: row.subject.kind(),
            package_name: row.subject.shown_name(),
            version: row.subject.version().map(str::to_owned),
            created_at: row.created_at.to_string(),
            expires_at: expires.to_string(),
            error: row.error.clone(),
            files,
        },
    })
}

async fn file_view(
    state: &AppState,
    row: &UploadRow,
    index: usize,
    file: &UploadFile,
    arrival: Option<&Arrival>,
) -> Result<FileView> {
    let mut view = FileView {
        name: file.name.clone(),
        size: file.size,
        sha256: file.sha256,
        status: "pending",
        address: None,
        part_size: None,
        parts: None,
    };
    let is_open = row.status == UploadStatus::Open;
    let path = staging_path(&row.id, index);
    match (&file.origin, arrival) {
        (UploadOrigin::Published, _) => view.status = "published",
        (_, _) if row.status == UploadStatus::Completed => view.status = "published",
        (UploadOrigin::Stored { .. }, _) => view.status = "stored",
        (_, Some(Arrival::Whole | Arrival::Known)) => view.status = "uploaded",
        (_, _) if row.status == UploadStatus::Processing => view.status = "uploaded",
        (UploadOrigin::Single, _) if is_open => {
            let signed = state.storage().presign_upload(&path, file.size, file.sha256).await?;
            view.address = Some(signed.into());
        }
        (UploadOrigin::Multipart { upload: Some(upload) }, arrival) if is_open => {
            let there = match arrival {
                Some(Arrival::Parts(parts)) => parts.as_slice(),
                _ => &[],
            };
            view.part_size = Some(PART_SIZE);
            view.parts = Some(part_views(state, &path, upload, file.size, there).await?);
        }
        _ => {}
    }
    Ok(view)
}

async fn part_views(
    state: &AppState,
    path: &str,
    upload: &str,
    size: u64,
    there: &[StagedPart],
) -> Result<Vec<PartView>> {
    let mut views = Vec::new();
    for plan in parts_of(size) {
        let (number, size) = (plan.number, plan.size);
        let etag = there.iter().find(|part| part.number == number).map(|part| part.etag.clone());
        let address = match &etag {
            Some(_) => None,
            None => Some(state.storage().presign_part(path, upload, number, size).await?.into()),
        };
        views.push(PartView { number, size, address, etag });
    }
    Ok(views)
}

/// Where the bytes of a file that nobody has yet come from.
pub(crate) fn fresh_origin(size: u64) -> UploadOrigin {
    if size >= MULTIPART_FROM { UploadOrigin::Multipart { upload: None } } else { UploadOrigin::Single }
}
