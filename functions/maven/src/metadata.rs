//! `maven-metadata.xml`: made here, whatever clients send.

use std::sync::Arc;

use axum::body::Body;
use axum::http::StatusCode;
use axum::response::Response;
use granary_http::documents::is_unchanged;
use granary_http::permit::{Fetch, Write};
use granary_http::{RepoAccess, drain};
use granary_model::maven::{ArtifactId, Coordinates, Directory, GroupId, SumKind};
use granary_model::{PackageType, Result};
use granary_publish::Source;
use granary_publish::maven::MavenShowing;
use granary_publish::maven::metadata::{
    ArtifactMetadata, Metadata, group_metadata, live_plugins, plugin_rows, snapshot_metadata,
};
use granary_publish::seen::seen;
use granary_storage::rows::MavenPluginRow;

use crate::call::{Call, shows_file, with_right};
use crate::failure::plain;
use crate::ready::{Ready, not_modified};
use crate::upstream;

/// About how many bytes a row takes, with what is written of it into a document.
const ROW_BYTES: usize = 1024;

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
    // Of what comes from an upstream only what was asked for is here.
    if upstream::is_elsewhere(&access) {
        return upstream::show_snapshot(call, &access, coordinates, sum).await;
    }
    if access.live_version().is_none() {
        return Err(call.not_found());
    }
    let rows = call.files_at_home(&access, coordinates, rows).await?;
    // Not every file that comes moves the head, so it is kept by the rows themselves. Readers with the same grants are
    // shown the same rows.
    let grants = access.grants.as_ref().map_or("", |grants| grants.fingerprint());
    let home = access.home.as_ref().unwrap_or(&access.repo);
    let name = format!("snapshot/{}/{coordinates}/{grants}", home.id);
    let bytes = Ready::bytes(rows.len() * ROW_BYTES);
    let ready = call.state.documents().made(name, rows, bytes, |rows| {
        let shown = rows.iter().filter(|row| shows_file(&access, coordinates, row));
        let (metadata, updated) = snapshot_metadata(coordinates, shown).ok_or_else(|| call.not_found())?;
        Ready::of_rows(metadata, Some(updated))
    })?;
    ready.answer(&call.headers, ready.modified(), sum)
}

/// A directory can be an artifact, a group with plugins, or both.
async fn show_artifact_or_group(
    call: &Call,
    directory: &Directory,
    sum: Option<SumKind>,
) -> Result<Response> {
    let authorizing = Box::pin(authorize(call, directory.artifact()));
    let (access, plugins) = with_right(authorizing, plugins_of(call, directory.group())).await?;
    let mut plugins = match (directory.group(), plugins?) {
        (Some(group), rows) if !rows.is_empty() => seen_plugins(call, &access, group, &rows).await?,
        _ => Vec::new(),
    };
    if let Some(group) = directory.group() {
        add_plugins_of_members(call, &access, group, &mut plugins).await?;
    }
    if let Some(artifact) = directory.artifact().filter(|_| upstream::is_elsewhere(&access)) {
        if let Some(response) = upstream::show(call, &access, artifact, &plugins, sum).await? {
            return Ok(response);
        }
        return with_plugins(call, &access, directory, None, plugins)?.answer(&call.headers, None, sum);
    }
    let Some(source) = source(call, &access, directory.artifact()).await? else {
        return with_plugins(call, &access, directory, None, plugins)?.answer(&call.headers, None, sum);
    };
    let etag = source.etag(ArtifactMetadata::VARIANT);
    let is_plain = plugins.is_empty() && sum.is_none();
    if is_plain && is_unchanged(&call.headers, &etag) {
        return not_modified(&etag, source.modified());
    }
    let documents = call.state.documents();
    let (storage, variant) = (call.state.storage(), ArtifactMetadata::VARIANT);
    let decoded = documents.decoded(storage, &source, variant, &ArtifactMetadata, |document| {
        let metadata = Metadata::from_stored(&document.gzip)?;
        Ready::new(metadata, document.etag.clone(), Some(document.modified))
    });
    let ready = decoded.await?;
    let modified = ready.modified().map(|package| source.modified_since(package));
    if plugins.is_empty() {
        return ready.answer(&call.headers, modified, sum);
    }
    let both = with_plugins(call, &access, directory, Some(ready.metadata()), plugins)?;
    both.answer(&call.headers, modified, sum)
}

/// The document of a group with these plugins, behind that of the artifact with the same directory if there is one.
fn with_plugins(
    call: &Call,
    access: &RepoAccess<Fetch>,
    directory: &Directory,
    artifact: Option<&Metadata>,
    plugins: Vec<MavenPluginRow>,
) -> Result<Arc<Ready>> {
    let group = directory.group().map_or("", GroupId::as_str);
    let name = format!("plugins/{}/{group}", access.repo.id);
    let versions = artifact.map_or(0, |artifact| artifact.body().len());
    let bytes = Ready::bytes(versions + plugins.len() * ROW_BYTES);
    let of = (artifact.map(|artifact| artifact.sum(SumKind::Sha256).to_owned()), plugins);
    call.state.documents().made(name, of, bytes, |(_, plugins)| {
        let metadata = match artifact {
            Some(artifact) => artifact.with_plugins(plugins),
            None => group_metadata(plugins).ok_or_else(|| call.not_found())?,
        };
        Ready::of_rows(metadata, None)
    })
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
    rows: &[MavenPluginRow],
) -> Result<Vec<MavenPluginRow>> {
    let mut plugins = Vec::with_capacity(rows.len());
    for (plugin, package, head) in live_plugins(call.state.storage(), &access.repo, group, rows).await? {
        let Some(source) = access.sold_source(package, head, &call.state) else { continue };
        plugins.extend(as_seen(call, source).await?.map(|_| plugin.clone()));
    }
    Ok(plugins)
}

/// Plugins that are published in the repositories that this one reads through to.
async fn add_plugins_of_members(
    call: &Call,
    access: &RepoAccess<Fetch>,
    group: &GroupId,
    plugins: &mut Vec<MavenPluginRow>,
) -> Result<()> {
    if access.repo.upstreams.is_empty() {
        return Ok(());
    }
    let storage = call.state.storage();
    for member in access.member_repos(&call.state, PackageType::Maven).await? {
        let rows = plugin_rows(storage, &member.id, group).await?;
        for (plugin, package, _) in live_plugins(storage, &member, group, &rows).await? {
            let is_new = plugins.iter().all(|known| known.artifact != plugin.artifact);
            if is_new && access.reads_from(&member, PackageType::Maven, &package.name) {
                plugins.push(plugin.clone());
            }
        }
    }
    Ok(())
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
