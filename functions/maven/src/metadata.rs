//! `maven-metadata.xml`: made here, whatever clients send.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use granary_http::documents::{REVALIDATE, is_unchanged};
use granary_http::permit::{Fetch, Write};
use granary_http::{RepoAccess, drain};
use granary_model::maven::{ArtifactId, Coordinates, Directory, GroupId, SumKind};
use granary_model::{Error, PackageType, Result, Timestamp};
use granary_publish::Source;
use granary_publish::maven::MavenShowing;
use granary_publish::maven::metadata::{
    ArtifactMetadata, Metadata, group_metadata, live_plugins, plugin_rows, snapshot_metadata,
};
use granary_publish::seen::seen;
use granary_storage::rows::MavenPluginRow;

use crate::call::{Call, shows_file, with_right};
use crate::failure::plain;
use crate::read::answer_sum;

/// `GET` and `HEAD` of the metadata of a directory, or of a checksum of it.
pub(crate) async fn show(call: &Call, directory: &Directory, sum: Option<SumKind>) -> Result<Response> {
    match directory.version().filter(|coordinates| coordinates.version.is_snapshot()) {
        Some(coordinates) => show_snapshot(call, coordinates, sum).await,
        None => show_artifact_or_group(call, directory, sum).await,
    }
}

/// `PUT` of metadata or a checksum of it: what concurrent clients write would lose versions, and would not fit
/// the checksums, so it is taken and ignored.
pub(crate) async fn ignore(call: &Call, directory: &Directory, body: &mut Option<Body>) -> Result<Response> {
    match directory.artifact() {
        Some((group, artifact)) => call.artifact::<Write>(group, artifact).await?,
        None => call.repo::<Write>().await?,
    };
    if let Some(body) = body.take() {
        drain(body).await;
    }
    Ok(plain(StatusCode::OK, "the registry makes its own metadata"))
}

async fn show_snapshot(call: &Call, coordinates: &Coordinates, sum: Option<SumKind>) -> Result<Response> {
    let authorizing = Box::pin(call.version::<Fetch>(coordinates));
    let (access, rows) = with_right(authorizing, call.files_of(coordinates)).await?;
    if access.live_version().is_none() {
        return Err(call.not_found());
    }
    let mut rows = rows?;
    rows.retain(|row| shows_file(&access, coordinates, row));
    let (metadata, updated) = snapshot_metadata(coordinates, &rows).ok_or_else(|| call.not_found())?;
    answer(call, &metadata, &own_etag(&metadata), Some(updated), sum)
}

/// A directory can be an artifact, a group with plugins, or both.
async fn show_artifact_or_group(
    call: &Call,
    directory: &Directory,
    sum: Option<SumKind>,
) -> Result<Response> {
    let authorizing = Box::pin(authorize(call, directory.artifact()));
    let (access, plugins) = with_right(authorizing, plugins_of(call, directory.group())).await?;
    let plugins = match (directory.group(), plugins?) {
        (Some(group), rows) if !rows.is_empty() => {
            seen_plugins(call, &access, group, Arc::unwrap_or_clone(rows)).await?
        }
        _ => Vec::new(),
    };
    let Some(source) = source(call, &access, directory.artifact()).await? else {
        let metadata = group_metadata(&plugins).ok_or_else(|| call.not_found())?;
        return answer(call, &metadata, &own_etag(&metadata), None, sum);
    };
    let etag = source.etag(ArtifactMetadata::VARIANT);
    let is_plain = plugins.is_empty() && sum.is_none();
    if is_plain && is_unchanged(&call.headers, &etag) {
        return not_modified(&etag, Some(source.modified()));
    }
    let documents = call.state.documents();
    let (storage, variant) = (call.state.storage(), ArtifactMetadata::VARIANT);
    let decoded = documents.decoded(storage, &source, variant, &ArtifactMetadata, |document| {
        Ok((Metadata::from_stored(&document.gzip)?, document))
    });
    let decoded = decoded.await?;
    let (metadata, document) = &*decoded;
    if plugins.is_empty() {
        return answer(call, metadata, &document.etag, Some(source.modified_since(document.modified)), sum);
    }
    let metadata = metadata.with_plugins(&plugins);
    answer(call, &metadata, &own_etag(&metadata), Some(source.modified_since(document.modified)), sum)
}

async fn authorize(call: &Call, artifact: Option<&(GroupId, ArtifactId)>) -> Result<RepoAccess<Fetch>> {
    match artifact {
        Some((group, artifact)) => call.artifact(group, artifact).await,
        None => call.repo().await,
    }
}

/// The plugins of a group as they are stored, read without waiting for the right to see them.
async fn plugins_of(call: &Call, group: Option<&GroupId>) -> Result<Arc<Vec<MavenPluginRow>>> {
    match (call.repo_id(), group) {
        (Some(repo), Some(group)) => plugin_rows(call.state.storage(), &repo, group).await,
        _ => Ok(Arc::default()),
    }
}

/// The plugins of a group of which the caller sees a version.
async fn seen_plugins(
    call: &Call,
    access: &RepoAccess<Fetch>,
    group: &GroupId,
    rows: Vec<MavenPluginRow>,
) -> Result<Vec<MavenPluginRow>> {
    let mut plugins = Vec::with_capacity(rows.len());
    for (plugin, package, head) in live_plugins(call.state.storage(), &access.repo, group, rows).await? {
        let Some(source) = access.sold_source(package, head, &call.state) else { continue };
        plugins.extend(as_seen(call, source).await?.map(|_| plugin));
    }
    Ok(plugins)
}

/// Where the document of an artifact comes from, if the caller sees versions of it.
async fn source(
    call: &Call,
    access: &RepoAccess<Fetch>,
    artifact: Option<&(GroupId, ArtifactId)>,
) -> Result<Option<Source>> {
    let head = access.head.clone().filter(|head| head.versions > 0);
    let Some(((group, artifact), head)) = artifact.zip(head) else { return Ok(None) };
    as_seen(call, access.source(PackageType::Maven, &format!("{group}:{artifact}"), head)).await
}

async fn as_seen(call: &Call, source: Source) -> Result<Option<Source>> {
    seen::<MavenShowing>(call.state.documents(), call.state.storage(), source).await
}

/// The `ETag` of a document that has no revision of its own.
fn own_etag(metadata: &Metadata) -> String {
    format!("\"{}\"", metadata.sum(SumKind::Md5))
}

/// Answers with a document or one of its checksums. Nothing is compressed: clients compare lengths and digests.
fn answer(
    call: &Call,
    metadata: &Metadata,
    etag: &str,
    modified: Option<Timestamp>,
    sum: Option<SumKind>,
) -> Result<Response> {
    if let Some(kind) = sum {
        return answer_sum(metadata.sum(kind), REVALIDATE);
    }
    if is_unchanged(&call.headers, etag) {
        return not_modified(etag, modified);
    }
    let mut response = Response::new(Body::from(metadata.xml().to_owned()));
    put_headers(&mut response, etag, modified)?;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    for (name, kind) in [
        ("x-checksum-md5", SumKind::Md5),
        ("x-checksum-sha1", SumKind::Sha1),
        ("x-checksum-sha256", SumKind::Sha256),
        ("x-checksum-sha512", SumKind::Sha512),
    ] {
        headers.insert(HeaderName::from_static(name), value(metadata.sum(kind))?);
    }
    Ok(response)
}

fn not_modified(etag: &str, modified: Option<Timestamp>) -> Result<Response> {
    let mut response = StatusCode::NOT_MODIFIED.into_response();
    put_headers(&mut response, etag, modified)?;
    Ok(response)
}

fn put_headers(response: &mut Response, etag: &str, modified: Option<Timestamp>) -> Result<()> {
    let headers = response.headers_mut();
    headers.insert(header::ETAG, value(etag)?);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(REVALIDATE));
    headers.insert(header::VARY, HeaderValue::from_static("Authorization"));
    if let Some(at) = modified {
        headers.insert(header::LAST_MODIFIED, value(&at.http_date())?);
    }
    Ok(())
}

fn value(text: &str) -> Result<HeaderValue> {
    HeaderValue::from_str(text).map_err(|e| Error::internal("writing a header", e))
}
