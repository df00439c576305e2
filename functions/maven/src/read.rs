//! Files and their checksums.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use granary_http::permit::Fetch;
use granary_http::upstream::elsewhere;
use granary_http::{Delivery, RepoAccess};
use granary_model::maven::{ArtifactFile, Build, Coordinates, MavenFile, SumKind};
use granary_model::{Error, PackageType, Result, Visibility};
use granary_publish::maven::newest_file;
use granary_storage::rows::{FileRow, StoredFileRow};

use granary_upstream::maven::Fetch as Fetched;

use crate::call::{Call, shows_file, with_right};
use crate::upstream;

/// Cache lifetime of a file of a release.
const RELEASE: &str = "private, max-age=31536000, immutable";

/// The same in a repository that everybody may read.
const PUBLIC_RELEASE: &str = "public, max-age=31536000, immutable";

/// What is kept of a snapshot must be revalidated: its files may be replaced or cleaned up.
const SNAPSHOT: &str = "private, no-cache";

/// `GET` and `HEAD` of a file.
pub(crate) async fn show_file(call: &Call, file: &MavenFile) -> Result<Response> {
    let (access, row) = match find(call, file).await? {
        Located::Here(access, row) => (access, row),
        Located::There(url) => return elsewhere(&url),
    };
    let delivery = Delivery::new(&row.file)
        .modified(row.added_at)
        .content_type(file.media_type())
        .cache(lifetime(&access, file))
        .attachment()
        .checksums();
    // Maven asks for the checksum of whatever is redirected, so what it reads first always comes in place.
    let in_place = file.artifact().is_none_or(|file| {
        file.is_signature() || matches!(file.extension.as_str(), "pom" | "module" | "xml")
    });
    let delivery = if in_place { delivery.inline() } else { delivery };
    let response = delivery.answer(&call.state, &call.headers, call.is_head).await?;
    let is_download = matches!(response.status(), StatusCode::OK | StatusCode::FOUND) && !call.is_head;
    if is_download && file.artifact().is_some_and(ArtifactFile::is_main) {
        let coordinates = file.coordinates();
        let package = access.package_key(PackageType::Maven, &coordinates.key());
        call.state.count_download(package, coordinates.version.as_str());
    }
    Ok(response)
}

/// `GET` and `HEAD` of a checksum. Answered from the row: what a client sent beside a file is never stored.
pub(crate) async fn show_sum(call: &Call, file: &MavenFile, kind: SumKind) -> Result<Response> {
    let (access, row) = match find(call, file).await? {
        Located::Here(access, row) => (access, row),
        Located::There(url) => return elsewhere(&format!("{url}.{}", kind.extension())),
    };
    // Ivy looks before each PUT whether the file is there, checksums included, and gives the whole publish up
    // if it is: what is made here must not be there for it. So sbt 1 does, which publishes by Ivy.
    if call.is_head && is_ivy(&call.headers) {
        return Err(call.not_found());
    }
    let sum = sum_of(&row.file, kind).ok_or_else(|| call.not_found())?;
    answer_sum(sum, lifetime(&access, file))
}

fn is_ivy(headers: &HeaderMap) -> bool {
    headers.get(header::USER_AGENT).is_some_and(|agent| agent.as_bytes().starts_with(b"Apache Ivy/"))
}

/// A checksum as an answer: bare digits, which every client reads.
pub(crate) fn answer_sum(sum: String, cache: &'static str) -> Result<Response> {
    let etag = HeaderValue::from_str(&format!("\"{sum}\""));
    let mut response = Response::new(Body::from(sum));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    headers.insert(header::VARY, HeaderValue::from_static("Authorization"));
    headers.insert(header::ETAG, etag.map_err(|e| Error::internal("writing a header", e))?);
    Ok(response)
}

/// One digest of a file, as lower-case hexadecimal.
pub(crate) fn sum_of(file: &FileRow, kind: SumKind) -> Option<String> {
    match kind {
        SumKind::Md5 => file.md5.map(|sum| sum.to_string()),
        SumKind::Sha1 => Some(file.sha1.to_string()),
        SumKind::Sha256 => Some(file.sha256.to_string()),
        SumKind::Sha512 => Some(file.sha512.to_string()),
    }
}

/// Where a file is.
enum Located {
    /// Here.
    Here(Box<RepoAccess<Fetch>>, Arc<StoredFileRow>),
    /// At this address, where the client may fetch it.
    There(String),
}

/// The file of a path. A name with `-SNAPSHOT` stands for the newest build's file if there is none of that name
/// itself; its builds are read while the right to see them is being worked out.
async fn find(call: &Call, file: &MavenFile) -> Result<Located> {
    let coordinates = file.coordinates();
    let Some(artifact) = file.artifact().filter(|artifact| artifact.build == Build::Literal) else {
        let access = call.file::<Fetch>(file, false).await?;
        access.refuse_kept(&coordinates.to_string())?;
        if let Some(row) = shown_file(&access, coordinates) {
            return Ok(Located::Here(Box::new(access), row));
        }
        if !upstream::is_elsewhere(&access) {
            return Err(call.not_found());
        }
        return match upstream::fetch(call, &access, file).await? {
            Fetched::Kept(row) => Ok(Located::Here(Box::new(access), row)),
            Fetched::Elsewhere(url) => Ok(Located::There(url)),
            Fetched::Refused(kept) => Err(kept.error(&coordinates.to_string())),
            Fetched::Missing => Err(call.not_found()),
        };
    };
    let authorizing = Box::pin(call.file::<Fetch>(file, false));
    let (access, rows) = with_right(authorizing, call.files_of(coordinates)).await?;
    access.refuse_kept(&coordinates.to_string())?;
    if access.live_version().is_none() {
        return Err(call.not_found());
    }
    let row = if access.live_file().is_some() {
        shown_file(&access, coordinates)
    } else {
        let rows = call.files_at_home(&access, coordinates, rows).await?;
        let shown = rows.iter().filter(|row| shows_file(&access, coordinates, row));
        newest_file(coordinates, artifact, shown).cloned().map(Arc::new)
    };
    let row = row.ok_or_else(|| call.not_found())?;
    Ok(Located::Here(Box::new(access), row))
}

/// The file that was asked for, if the caller gets it.
fn shown_file(access: &RepoAccess<Fetch>, coordinates: &Coordinates) -> Option<Arc<StoredFileRow>> {
    access.live_file().filter(|row| shows_file(access, coordinates, row))?;
    access.file.clone()
}

fn lifetime(access: &RepoAccess<Fetch>, file: &MavenFile) -> &'static str {
    match (file.build(), access.repo.visibility) {
        (Build::Release, Visibility::Public) => PUBLIC_RELEASE,
        (Build::Release, Visibility::Private) => RELEASE,
        _ => SNAPSHOT,
    }
}
