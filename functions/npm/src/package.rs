//! `PUT` on a package, which may mean publish, deprecate, star, unpublish or a change of owners.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::response::Response;
use granary_http::RepoAccess;
use granary_http::permit::{Admin, RepoAction, Write};
use granary_model::npm::{NpmName, Revision};
use granary_model::{Error, PackageType, Result, UserId};
use granary_publish::edit_head;
use granary_publish::head_edit::current_head;
use granary_publish::listing::live_versions;
use granary_publish::npm::body::PublishBody;
use granary_publish::npm::edit::{Edit, MAX_VERSIONS, NpmEdit};
use granary_storage::Key;
use granary_storage::rows::{UserRow, VersionRow};
use serde_json::{Map, Value};

use crate::call::{Call, live_head, package_key};
use crate::publish::{done, publish, read_body};
use crate::unpublish;

/// Longest text of a deprecation.
const MAX_DEPRECATION: usize = 4096;

/// `PUT /{name}`.
///
/// Told apart by what is in the body, because the path is the same for all: attachments make it a publish,
/// versions without attachments a deprecation.
pub(crate) async fn put_package(call: &mut Call, name: NpmName) -> Result<Response> {
    let access = call.package::<Write>(&name).await?;
    let began = call.state.now();
    let body = read_body(call).await?;
    let access = if call.took_long(began) { call.package::<Write>(&name).await? } else { access };
    if body.has_attachments {
        access.require_uploads(PackageType::Npm)?;
        return publish(call, &access, name, body).await;
    }
    if body.metadata.contains_key("versions") {
        return deprecate(call, &access, &name, &body).await;
    }
    if body.metadata.contains_key("users") {
        return Err(Error::NotSupported("this registry keeps no stars".into()));
    }
    Err(Error::BadRequest("the body has neither _attachments (publish) nor versions (deprecate)".into()))
}

/// `PUT /{name}/-rev/{rev}`: versions are gone from the body (unpublish), or it has only owners.
pub(crate) async fn put_revision(call: &mut Call, name: NpmName, rev: &Revision) -> Result<Response> {
    let access = call.package::<Admin>(&name).await?;
    let began = call.state.now();
    let body = read_body(call).await?;
    let access = if call.took_long(began) { call.package::<Admin>(&name).await? } else { access };
    let head = live_head(&access, &name)?;
    if let Some(versions) = body.metadata.get("versions").and_then(Value::as_object) {
        return unpublish::remove_missing(call, &access, &name, rev, versions).await;
    }
    let owners = owners(&body.metadata)?;
    if owners == head.maintainers {
        return Ok(done());
    }
    check_revision(rev, head.rev, &name)?;
    for user in owners.difference(&head.maintainers) {
        let known: Option<UserRow> = call.state.storage().get(&Key::User(user.clone())).await?;
        let member = access.repo.members.contains_key(user);
        if known.is_none() || !member {
            return Err(Error::BadRequest(format!(
                "'{user}' is no member of repository '{}'; make the user a member (role 'read' is enough) first",
                access.repo.id
            )));
        }
    }
    let mut edit = Edit::new(call.state.storage(), package_key(&access, &name), NpmEdit::SetOwners(owners));
    edit_head(call.target(&access, &name), call.state.now(), &mut edit).await?;
    Ok(done())
}

/// Refuses a change that was made on the basis of an older revision.
pub(crate) fn check_revision(rev: &Revision, current: u64, name: &NpmName) -> Result<()> {
    match rev.number() {
        Some(number) if number != current => Err(moved_on(name, current, number)),
        _ => Ok(()),
    }
}

/// The live versions of a revision. Refused if the package has moved on, because then they are not those
/// that the client's document shows: a version published meanwhile must not be taken for one that the
/// client left out, nor a deprecation made meanwhile for one that it took back.
pub(crate) async fn live_rows<A: RepoAction>(
    call: &Call,
    access: &RepoAccess<A>,
    name: &NpmName,
    rev: u64,
) -> Result<Vec<VersionRow>> {
    let (storage, package) = (call.state.storage(), package_key(access, name));
    let rows = live_versions(storage, &package).await?;
    let current = current_head(storage, &package, &access.repo).await?.map_or(0, |head| head.rev);
    if current != rev {
        return Err(moved_on(name, current, rev));
    }
    Ok(rows)
}

fn moved_on(name: &NpmName, current: u64, expected: u64) -> Error {
    Error::Conflict(format!(
        "package '{name}' has changed meanwhile (revision {current}, not {expected}); try again"
    ))
}

/// Deprecates and undeprecates. The body is the whole packument; only the deprecations that differ from
/// what is stored count, and nothing else in it does.
async fn deprecate(
    call: &Call,
    access: &RepoAccess<Write>,
    name: &NpmName,
    body: &PublishBody,
) -> Result<Response> {
    let head = live_head(access, name)?;
    let package = package_key(access, name);
    let stored = live_rows(call, access, name, head.rev).await?;
    let wanted = body.metadata.get("versions").and_then(Value::as_object);
    let mut changes: BTreeMap<String, Option<String>> = BTreeMap::new();
    for row in &stored {
        let Some(version) = wanted.and_then(|versions| versions.get(&row.version)) else { continue };
        let text = deprecation(version)?;
        if text != row.deprecated {
            changes.insert(row.version.clone(), text);
        }
    }
    // Only now: a repeated request, whose answer was lost, finds nothing to change and is a success.
    if let Some(rev) = body.metadata.get("_rev").and_then(Value::as_str)
        && !changes.is_empty()
    {
        check_revision(&Revision::new(rev), head.rev, name)?;
    }
    let mut changes = changes.into_iter().peekable();
    let mut head = Some(Arc::unwrap_or_clone(head));
    while changes.peek().is_some() {
        let batch: BTreeMap<_, _> = changes.by_ref().take(MAX_VERSIONS).collect();
        let mut edit = Edit::new(call.state.storage(), package.clone(), NpmEdit::Deprecate(batch));
        let target = granary_publish::Target { head, ..call.target(access, name) };
        head = match edit_head(target, call.state.now(), &mut edit).await? {
            granary_publish::Applied::Changed(new) => Some(new),
            granary_publish::Applied::Unchanged => {
                current_head(call.state.storage(), &package, &access.repo).await?
            }
        };
    }
    Ok(done())
}

/// The deprecation that a manifest asks for. An empty text takes it back.
fn deprecation(version: &Value) -> Result<Option<String>> {
    match version.get("deprecated") {
        None | Some(Value::Null | Value::Bool(false)) => Ok(None),
        Some(Value::String(text)) if text.is_empty() => Ok(None),
        Some(Value::String(text)) if text.len() <= MAX_DEPRECATION => Ok(Some(text.clone())),
        Some(Value::String(_)) => {
            Err(Error::BadRequest(format!("a deprecation has at most {MAX_DEPRECATION} bytes of text")))
        }
        Some(_) => Err(Error::BadRequest("'deprecated' must be a text".into())),
    }
}

/// The owners that a body names.
fn owners(metadata: &Map<String, Value>) -> Result<BTreeSet<UserId>> {
    let list = metadata.get("maintainers").and_then(Value::as_array);
    let list =
        list.ok_or_else(|| Error::BadRequest("the body has neither versions nor maintainers".into()))?;
    if list.len() > 100 {
        return Err(Error::BadRequest("a package has at most 100 owners".into()));
    }
    let owners: BTreeSet<UserId> = list
        .iter()
        .map(|owner| owner.get("name").and_then(Value::as_str).unwrap_or("").parse())
        .collect::<Result<_>>()?;
    if owners.is_empty() {
        return Err(Error::BadRequest("a package must keep at least one owner".into()));
    }
    Ok(owners)
}
