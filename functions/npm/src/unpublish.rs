//! Deleting versions and packages, for ever.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use granary_http::RepoAccess;
use granary_http::permit::Admin;
use granary_model::npm::{NpmName, NpmVersion, Revision};
use granary_model::{Error, Result};
use granary_publish::head_edit::current_head;
use granary_publish::npm::edit::{Edit, MAX_VERSIONS, NpmEdit};
use granary_publish::{Applied, Target, edit_head};
use serde_json::{Map, Value, json};

use crate::call::{Call, live_head, package_key};
use crate::package::{check_revision, live_rows};

/// First step of unpublishing versions: the client sends the packument without them.
pub(crate) async fn remove_missing(
    call: &Call,
    access: &RepoAccess<Admin>,
    name: &NpmName,
    rev: &Revision,
    kept: &Map<String, Value>,
) -> Result<Response> {
    let head = live_head(access, name)?;
    let live = live_versions(call, access, name, head.rev).await?;
    let gone: BTreeSet<String> =
        live.iter().filter(|version| !kept.contains_key(*version)).cloned().collect();
    if gone.is_empty() {
        // A repeated request, whose answer was lost.
        return Ok(ok());
    }
    check_revision(rev, head.rev, name)?;
    if gone.len() == live.len() {
        return Err(Error::BadRequest("the body keeps no version; delete the package instead".into()));
    }
    remove(call, access, name, gone).await?;
    Ok(ok())
}

/// Last step of unpublishing a version: the client deletes its tarball. The first step has done it all
/// already; without a first step, this one does.
pub(crate) async fn delete_version(call: &Call, name: &NpmName, version: &NpmVersion) -> Result<Response> {
    let access = call.package::<Admin>(name).await?;
    remove(call, &access, name, BTreeSet::from([version.to_string()])).await?;
    Ok(ok())
}

/// `DELETE /{name}/-rev/{rev}`: all versions.
pub(crate) async fn delete_package(call: &Call, name: &NpmName, rev: &Revision) -> Result<Response> {
    let access = call.package::<Admin>(name).await?;
    let head = live_head(&access, name)?;
    check_revision(rev, head.rev, name)?;
    let live = live_versions(call, &access, name, head.rev).await?;
    remove(call, &access, name, live).await?;
    Ok(ok())
}

async fn live_versions(
    call: &Call,
    access: &RepoAccess<Admin>,
    name: &NpmName,
    rev: u64,
) -> Result<BTreeSet<String>> {
    Ok(live_rows(call, access, name, rev).await?.into_iter().map(|row| row.version).collect())
}

/// Deletes versions, as many at once as fit into a transaction. If it breaks off in between, what is
/// gone is gone completely and the rest is whole; doing it again finishes it.
async fn remove(
    call: &Call,
    access: &RepoAccess<Admin>,
    name: &NpmName,
    versions: BTreeSet<String>,
) -> Result<()> {
    let package = package_key(access, name);
    let mut versions = versions.into_iter().peekable();
    let mut head =
        access.head.as_deref().cloned().filter(|head| head.versions > 0 && head.name == name.as_str());
    while versions.peek().is_some() && head.is_some() {
        let batch: BTreeSet<String> = versions.by_ref().take(MAX_VERSIONS).collect();
        let mut edit = Edit::new(call.state.storage(), package.clone(), NpmEdit::Unpublish(batch));
        let target = Target { head: head.clone(), ..call.target(access, name) };
        head = match edit_head(target, call.state.now(), &mut edit).await? {
            Applied::Changed(new) => Some(new),
            Applied::Unchanged => current_head(call.state.storage(), &package, &access.repo).await?,
        };
        head = head.filter(|head| head.versions > 0);
    }
    Ok(())
}

fn ok() -> Response {
    (StatusCode::OK, axum::Json(json!({ "ok": true }))).into_response()
}
