//! A file of a version, the same way for every protocol.

use axum::extract::Path;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::Response;
use granary_http::{ApiResult, AppState, Delivery, Params, shown};
use granary_model::{Error, PackageType, Result};
use granary_storage::Key;
use granary_storage::rows::{FileRow, StoredFileRow, VersionRow};
use serde::Deserialize;

use crate::named::Named;

/// Which file.
#[derive(Debug, Deserialize)]
pub(crate) struct Which {
    version: String,
    file: String,
}

/// `GET /api/repos/{repo}/files/{kind}/{name}?version=&file=`: the bytes of a file, in place or by redirect, to be saved and
/// never shown. It is for people with a browser: clients go where their protocol sends them.
pub(crate) async fn download_file(
    state: AppState,
    method: Method,
    Path((repo, kind, name)): Path<(String, String, String)>,
    headers: HeaderMap,
    Params(which): Params<Which>,
) -> ApiResult<Response> {
    let named = Named::authorize(&state, &headers, (&repo, &kind, &name), Some(&which.version)).await?;
    named.access.refuse_kept(&format!(
        "version '{}' of package '{}'",
        shown(&which.version),
        named.head.name
    ))?;
    let file = match named.access.live_version() {
        Some(row) => file_of(&state, &named, row, &which.file).await?,
        None => None,
    };
    let file = file.ok_or_else(|| {
        let (file, version) = (shown(&which.file), shown(&which.version));
        Error::NotFound(format!(
            "file '{file}' of version '{version}' of package '{}' not found",
            named.head.name
        ))
    })?;
    let head_only = method == Method::HEAD;
    let response = Delivery::new(&file).attachment().answer(&state, &headers, head_only).await?;
    let answered = response.status();
    if !head_only && (answered == StatusCode::OK || answered == StatusCode::FOUND) {
        state.count_download(named.package.clone(), &which.version);
    }
    Ok(response)
}

async fn file_of(state: &AppState, named: &Named, row: &VersionRow, file: &str) -> Result<Option<FileRow>> {
    if !matches!(named.package.kind, PackageType::Maven | PackageType::Raw) {
        return Ok(row.files.iter().find(|own| own.name == file).cloned());
    }
    let key = Key::File(named.package.clone(), row.version.clone(), file.to_owned());
    let stored: Option<StoredFileRow> = state.storage().get(&key).await?;
    Ok(stored.filter(StoredFileRow::is_live).map(|stored| stored.file))
}
