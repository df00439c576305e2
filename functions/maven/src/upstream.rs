//! Artifacts that come from another repository.

use axum::http::{HeaderValue, header};
use axum::response::Response;
use granary_http::RepoAccess;
use granary_http::documents::REVALIDATE;
use granary_http::permit::Fetch;
use granary_http::upstream::mark;
use granary_model::maven::{ArtifactId, Coordinates, GroupId, MavenFile, SumKind};
use granary_model::{Error, Result};
use granary_storage::rows::MavenPluginRow;
use granary_upstream::maven as upstream;

use crate::call::Call;
use crate::ready::Ready;

/// Whether it is for an upstream to say what there is of an artifact.
pub(crate) fn is_elsewhere(access: &RepoAccess<Fetch>) -> bool {
    match &access.head {
        Some(head) => head.upstream.is_some(),
        None => access.may_be_elsewhere(),
    }
}

/// A file that is not here.
pub(crate) async fn fetch(
    call: &Call,
    access: &RepoAccess<Fetch>,
    file: &MavenFile,
) -> Result<upstream::Fetch> {
    let (work, asker) = (call.state.upstream_work(), access.asker());
    // Not part of what is put together for each file that is here.
    Box::pin(upstream::file(&work, &access.repo, access.head.as_deref(), file, &asker)).await
}

/// The metadata of a directory, or a checksum of it. `None`: no upstream has any.
pub(crate) async fn show(
    call: &Call,
    access: &RepoAccess<Fetch>,
    (group, artifact): &(GroupId, ArtifactId),
    own: &[MavenPluginRow],
    sum: Option<SumKind>,
) -> Result<Option<Response>> {
    let work = call.state.upstream_work();
    let head = access.head.as_deref();
    let asker = access.asker();
    let found = Box::pin(upstream::metadata(&work, &access.repo, head, (group, artifact), &asker)).await?;
    let Some(upstream::Found { source, metadata, freshness }) = found else { return Ok(None) };
    if freshness.is_due {
        work.announce(&source.package).await;
    }
    let is_gone = source.head.upstream.as_ref().is_some_and(|upstream| upstream.gone);
    let policy = source.policy.clone().ok_or_else(|| Error::internal("showing metadata", "no rules"))?;
    // Made once for each revision and set of rules, as documents are.
    let name = format!("foreign/{}/{}", source.package, policy.fingerprint());
    let bytes = Ready::bytes(metadata.versions.len() * 60 + metadata.plugins.len() * 200);
    let of = (source.repo_uid.clone(), source.head.rev, own.to_vec());
    let made = call.state.documents().made(name, of, bytes, |(_, _, own)| {
        let seen = if is_gone { Vec::new() } else { metadata.seen(&source.head, &policy) };
        let shown = metadata.render((group, artifact), &seen, source.head.modified(), own);
        Ready::of_rows(shown.ok_or_else(|| call.not_found())?, Some(source.head.modified()))
    });
    let ready = match made {
        Ok(ready) => ready,
        Err(Error::NotFound(_)) => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut response = ready.answer(&call.headers, ready.modified(), sum)?;
    mark(&mut response, &freshness);
    Ok(Some(response))
}

/// The metadata of a snapshot, or a checksum of it.
pub(crate) async fn show_snapshot(
    call: &Call,
    access: &RepoAccess<Fetch>,
    coordinates: &Coordinates,
    sum: Option<SumKind>,
) -> Result<Response> {
    let work = call.state.upstream_work();
    let head = access.head.as_deref();
    let asker = access.asker();
    let found = Box::pin(upstream::snapshot(&work, &access.repo, head, coordinates, &asker)).await?;
    let metadata = found.ok_or_else(|| call.not_found())?;
    let ready = Ready::of_rows(metadata, None)?;
    let mut response = ready.answer(&call.headers, None, sum)?;
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(REVALIDATE));
    Ok(response)
}
