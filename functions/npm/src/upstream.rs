//! Packages that come from another registry.

use std::collections::BTreeMap;

use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use granary_http::documents::REVALIDATE;
use granary_http::permit::Fetch;
use granary_http::upstream::{elsewhere, mark};
use granary_http::{Delivery, RepoAccess};
use granary_model::npm::{NpmName, NpmVersion};
use granary_model::{Error, PackageType, Result};
use granary_publish::Source;
use granary_publish::npm::foreign::stored;
use granary_storage::rows::HeadRow;
use granary_upstream::npm::{self as upstream, Tarball};
use granary_upstream::{Freshness, origin};

use crate::call::{Call, as_seen, live_head, no_package};

/// A package as a request reads it.
pub(crate) struct Reading {
    /// Where its documents come from.
    pub(crate) source: Source,
    /// How fresh it is, if it comes from an upstream.
    pub(crate) freshness: Option<Freshness>,
}

impl Reading {
    /// Whether it comes from an upstream.
    pub(crate) fn is_foreign(&self) -> bool {
        self.freshness.is_some()
    }

    /// Says in an answer where it came from, and whether it may be out of date.
    pub(crate) fn mark(&self, response: &mut Response) {
        if let Some(freshness) = &self.freshness {
            mark(response, freshness);
        }
    }
}

/// The package that a request reads: what is published here, what is kept of an upstream, or what is fetched from one now.
pub(crate) async fn reading(call: &Call, access: &RepoAccess<Fetch>, name: &NpmName) -> Result<Reading> {
    if let Some(reading) = kept_here(call, access, name).await? {
        return Ok(reading);
    }
    if !access.may_be_elsewhere() || is_to_be_published(&call.headers) {
        let source = access.source(PackageType::Npm, &name.key(), live_head(access, name)?);
        let source = as_seen(call, source).await?.ok_or_else(|| no_package(name))?;
        return Ok(Reading { source, freshness: None });
    }
    let work = call.state.upstream_work();
    let found = upstream::packument(&work, &access.repo, name, &access.asker()).await?;
    let found = found.filter(|found| !has_nothing(&found.source)).ok_or_else(|| no_package(name))?;
    Ok(Reading { source: found.source, freshness: Some(found.freshness) })
}

/// Whether npm asks for what it is about to publish, as it does from version 11 on: a name that is about to be ours is told to
/// nobody, and does not become an upstream's by the question.
fn is_to_be_published(headers: &HeaderMap) -> bool {
    headers.get("npm-command").is_some_and(|command| command == "publish")
}

/// What is kept of an upstream, if the package comes from one. Whoever finds it old has it looked at again.
async fn kept_here(call: &Call, access: &RepoAccess<Fetch>, name: &NpmName) -> Result<Option<Reading>> {
    let Some(source) = foreign_source(access, name) else { return Ok(None) };
    let Some(freshness) = freshness(call, access, name, &source) else { return Ok(None) };
    if freshness.is_due {
        call.state.upstream_work().announce(&source.package).await;
    }
    if is_gone(&source.head) {
        return Err(Error::NotFound(format!("package '{name}' was removed from its upstream")));
    }
    if has_nothing(&source) {
        return Err(no_package(name));
    }
    Ok(Some(Reading { source, freshness: Some(freshness) }))
}

/// Whether the upstream has the package no more.
fn is_gone(head: &HeadRow) -> bool {
    head.upstream.as_ref().is_some_and(|upstream| upstream.gone)
}

/// Whether there is nothing to say of a package. Where rules let no version in there is: the document tells why.
fn has_nothing(source: &Source) -> bool {
    let has_rules = source.policy.as_ref().is_some_and(|policy| !policy.is_open())
        || !source.head.quarantine.is_empty()
        || source.head.upstream.as_ref().zip(source.policy.as_ref()).is_some_and(|(upstream, policy)| {
            // What the head says was worked out by other rules.
            upstream.policy != policy.fingerprint()
        });
    is_gone(&source.head) || (source.head.versions == 0 && !has_rules)
}

fn foreign_source(access: &RepoAccess<Fetch>, name: &NpmName) -> Option<Source> {
    let head = access.head.clone().filter(|head| head.upstream.is_some() && head.name == name.as_str())?;
    Some(access.source(PackageType::Npm, name.as_str(), head))
}

fn freshness(call: &Call, access: &RepoAccess<Fetch>, name: &NpmName, source: &Source) -> Option<Freshness> {
    let row = origin(&access.repo, PackageType::Npm, name.as_str(), &source.head)?;
    let parts = source.head.upstream.as_deref().zip(source.policy.as_deref());
    parts.map(|(upstream, policy)| Freshness::of(row, upstream, policy, call.state.now()))
}

/// The same package, asked for anew: what was kept of it has got lost.
pub(crate) async fn fetched_again(
    call: &Call,
    access: &RepoAccess<Fetch>,
    reading: &Reading,
) -> Result<Source> {
    upstream::refresh_now(&call.state.upstream_work(), &access.repo, &reading.source).await
}

/// A tarball that is not here: fetched from the upstream that lists it.
pub(crate) async fn tarball(
    call: &Call,
    access: &RepoAccess<Fetch>,
    (name, version): (&NpmName, &NpmVersion),
) -> Result<Response> {
    let missing = || Error::NotFound(format!("version {version} of package '{name}' not found"));
    let Some(source) = foreign_source(access, name) else {
        // Nothing is known of the package: its document comes first.
        let reading = reading(call, access, name).await?;
        if !reading.is_foreign() {
            return Err(missing());
        }
        return Box::pin(tarball_of(call, access, reading.source, (name, version))).await;
    };
    Box::pin(tarball_of(call, access, source, (name, version))).await
}

async fn tarball_of(
    call: &Call,
    access: &RepoAccess<Fetch>,
    source: Source,
    (name, version): (&NpmName, &NpmVersion),
) -> Result<Response> {
    let work = call.state.upstream_work();
    let asker = access.asker();
    let mut found = upstream::tarball(&work, &access.repo, &source, (name, version), &asker).await?;
    if matches!(found, Tarball::Missing) {
        // It may have been published a moment ago, and somebody has a lock file with it.
        let newer = upstream::look_for_version(&work, &access.repo, &source, (name, version), &asker).await?;
        if let Some(newer) = newer {
            found = upstream::tarball(&work, &access.repo, &newer, (name, version), &asker).await?;
        }
    }
    match found {
        Tarball::Kept(row) => {
            let file = row
                .files
                .first()
                .ok_or_else(|| Error::internal("downloading", "a version without a file"))?;
            let response = Delivery::new(file).answer(&call.state, &call.headers, call.is_head()).await?;
            if !call.is_head() {
                call.state.count_download(source.package, version.as_str());
            }
            Ok(response)
        }
        Tarball::Elsewhere(url) => elsewhere(&url),
        Tarball::Refused(kept) => Err(kept.error(&format!("{name}@{version}"))),
        Tarball::Missing => Err(Error::NotFound(format!("version {version} of package '{name}' not found"))),
    }
}

/// One manifest, by version or tag.
pub(crate) async fn manifest(
    call: &Call,
    access: &RepoAccess<Fetch>,
    reading: &Reading,
    (name, selector): (&NpmName, &str),
) -> Result<Response> {
    match manifest_of(call, &reading.source, (name, selector)).await {
        Err(Error::Unavailable(_)) => {
            let source = fetched_again(call, access, reading).await?;
            manifest_of(call, &source, (name, selector)).await
        }
        answer => answer,
    }
}

async fn manifest_of(call: &Call, source: &Source, (name, selector): (&NpmName, &str)) -> Result<Response> {
    let unknown =
        || Error::NotFound(format!("package '{name}' has no version or tag '{}'", selector.escape_debug()));
    let storage = call.state.storage();
    let index = stored::index(call.state.documents(), storage, source).await?;
    let policy = source.policy.clone().ok_or_else(|| Error::internal("reading", "no rules"))?;
    let seen = index.seen(&source.head, &policy);
    let version = seen.tags.get(selector).map_or(selector, String::as_str);
    if let Some((_, kept)) = seen.kept.iter().find(|(one, _)| one.version.as_str() == version) {
        return Err(kept.error(&format!("{name}@{version}")));
    }
    let one = seen.versions.iter().find(|one| one.version.as_str() == version).ok_or_else(unknown)?;
    let text = stored::manifest(call.state.packuments(), storage, source, one).await?;
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (header::CACHE_CONTROL, HeaderValue::from_static(REVALIDATE)),
        (header::VARY, HeaderValue::from_static("Accept, Accept-Encoding, Authorization")),
    ];
    Ok((headers, text).into_response())
}

/// What came with a version at its upstream. Of a version that nobody gets it is refused as the version is.
pub(crate) async fn attestations(
    call: &Call,
    access: &RepoAccess<Fetch>,
    reading: &Reading,
    (name, version): (&NpmName, &NpmVersion),
) -> Result<Response> {
    let work = call.state.upstream_work();
    let asker = access.asker();
    let finding = upstream::attestations(&work, &access.repo, &reading.source, (name, version), &asker);
    let found = Box::pin(finding).await?.ok_or_else(|| {
        Error::NotFound(format!("version {version} of package '{name}' has no attestations"))
    })?;
    Ok(([(header::CACHE_CONTROL, REVALIDATE)], axum::Json(found)).into_response())
}

/// Tags of the versions that are let in.
pub(crate) async fn tags(
    call: &Call,
    access: &RepoAccess<Fetch>,
    reading: &Reading,
) -> Result<BTreeMap<String, String>> {
    match tags_of(call, &reading.source).await {
        Err(Error::Unavailable(_)) => tags_of(call, &fetched_again(call, access, reading).await?).await,
        tags => tags,
    }
}

async fn tags_of(call: &Call, source: &Source) -> Result<BTreeMap<String, String>> {
    let index = stored::index(call.state.documents(), call.state.storage(), source).await?;
    let policy = source.policy.clone().ok_or_else(|| Error::internal("reading", "no rules"))?;
    Ok(index.seen(&source.head, &policy).tags)
}
