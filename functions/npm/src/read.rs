//! Packuments, manifests, tarballs, attestations.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse as _, Response};
use granary_http::documents::{DocumentHeaders, REVALIDATE, serve_document};
use granary_http::permit::Fetch;
use granary_http::{Delivery, RepoAccess};
use granary_model::npm::{NpmName, NpmVersion};
use granary_model::{Error, PackageType, Result};
use granary_publish::Source;
use granary_publish::npm::packument::Form;
use granary_storage::rows::VersionRow;
use granary_storage::{Key, ObjectKey};
use serde_json::{Value, json};

use crate::call::{Call, as_seen, live_head, no_package, package_key};
use crate::upstream::{self, reading};

/// What pnpm, Yarn 1 and Bun ask for, and exactly what pnpm checks the answer for.
const ABBREVIATED: &str = "application/vnd.npm.install-v1+json";

/// `GET /{name}`: the packument, full or abbreviated.
pub(crate) async fn show_packument(call: &mut Call, name: &NpmName) -> Result<Response> {
    let access = call.package::<Fetch>(name).await?;
    let reading = reading(call, &access, name).await?;
    let source = reading.source.clone();
    // Customers change nothing, and nobody what comes from elsewhere.
    if call.param("write").as_deref() == Some("true") && !access.is_gated() && !reading.is_foreign() {
        return show_for_write(call, &source).await;
    }
    let form = requested_form(&call.headers);
    let renderer = call.state.packuments();
    let variant = renderer.variant(form);
    let content_type = match form {
        Form::Full => "application/json",
        Form::Abbreviated => ABBREVIATED,
    };
    let headers = (content_type, "Accept, Accept-Encoding, Authorization");
    let served = serve_document(&call.state, &call.headers, &source, &variant, renderer, headers).await;
    let mut response = match served {
        Err(Error::Unavailable(_)) if reading.is_foreign() => {
            let source = upstream::fetched_again(call, &access, &reading).await?;
            serve_document(&call.state, &call.headers, &source, &variant, renderer, headers).await?
        }
        served => served?,
    };
    reading.mark(&mut response);
    Ok(response)
}

/// `GET /{name}?write=true`: what clients read before they change a package and send back whole. Only
/// what such a change can be about, so that even a package of thousands of versions stays below the
/// limit for requests on the way back.
async fn show_for_write(call: &Call, source: &Source) -> Result<Response> {
    let rows = source.versions(call.state.storage()).await?;
    let packuments = call.state.packuments();
    let head = &source.head;
    let mut versions = serde_json::Map::new();
    for row in &rows {
        let tarball = packuments.tarball_url(source.repo(), &head.name, &row.version);
        let mut version =
            json!({ "name": head.name, "version": row.version, "dist": { "tarball": tarball } });
        if let (Some(text), Some(object)) = (&row.deprecated, version.as_object_mut()) {
            object.insert("deprecated".into(), text.as_str().into());
        }
        versions.insert(row.version.clone(), version);
    }
    let maintainers: Vec<Value> =
        head.maintainers.iter().map(|user| json!({ "name": user, "email": "" })).collect();
    let body = json!({
        "_id": head.name,
        "_rev": source.revision(),
        "name": head.name,
        "dist-tags": head.tags,
        "versions": versions,
        "maintainers": maintainers,
    });
    Ok(([(header::CACHE_CONTROL, "no-store")], axum::Json(body)).into_response())
}

/// `GET /{name}/{version-or-tag}`: one manifest.
pub(crate) async fn show_manifest(call: &mut Call, name: &NpmName, selector: &str) -> Result<Response> {
    let version: Option<NpmVersion> = selector.parse().ok();
    let access = call.version::<Fetch>(name, version.as_ref().map(NpmVersion::as_str)).await?;
    let unknown =
        || Error::NotFound(format!("package '{name}' has no version or tag '{}'", selector.escape_debug()));
    access.refuse_kept(&format!("{name}@{selector}"))?;
    if is_elsewhere(&access) {
        let reading = reading(call, &access, name).await?;
        if reading.is_foreign() {
            return upstream::manifest(call, &access, &reading, (name, selector)).await;
        }
    }
    // Whether it is the package or the version that is not there for a customer, is not said.
    let head = live_head(&access, name).map_err(|error| if access.is_gated() { unknown() } else { error })?;
    let source = access.source(PackageType::Npm, &name.key(), head);
    let row = match access.version.clone() {
        Some(row) => Some(row),
        None => tagged(call, &source, selector).await?.map(Arc::new),
    };
    let row = row.filter(|row| access.shows(row)).ok_or_else(unknown)?;
    let packuments = call.state.packuments();
    let text = packuments.manifest(source.repo(), &source.head.name, &row, Form::Full)?;
    let mut response = Response::new(Body::from(text));
    DocumentHeaders {
        etag: &source.etag(&format!("m-{}", row.version)),
        modified: source.modified(),
        content_type: "application/json",
        vary: "Accept, Accept-Encoding, Authorization",
    }
    .put(response.headers_mut())?;
    Ok(response)
}

/// The version that the caller sees under a tag.
async fn tagged(call: &Call, source: &Source, tag: &str) -> Result<Option<VersionRow>> {
    let seen = as_seen(call, source.clone()).await?;
    match seen.as_ref().and_then(|seen| seen.head.tags.get(tag)) {
        Some(version) => {
            call.state.storage().get(&Key::Version(source.package.clone(), version.clone())).await
        }
        None => Ok(None),
    }
}

/// A tarball: small ones at once, large ones by redirect.
pub(crate) async fn download_tarball(
    call: &mut Call,
    name: &NpmName,
    version: &NpmVersion,
) -> Result<Response> {
    let access = call.version::<Fetch>(name, Some(version.as_str())).await?;
    access.refuse_kept(&format!("{name}@{version}"))?;
    if access.live_version().is_none() && is_elsewhere(&access) {
        return upstream::tarball(call, &access, (name, version)).await;
    }
    let row = live_version(&access, name, version)?;
    let file = row.files.first().ok_or_else(|| Error::internal("downloading", "a version without a file"))?;
    let response = Delivery::new(file).answer(&call.state, &call.headers, call.is_head()).await?;
    if !call.is_head() {
        call.state.count_download(package_key(&access, name), version.as_str());
    }
    Ok(response)
}

/// Whether it is for an upstream to say what there is of a package.
fn is_elsewhere(access: &RepoAccess<Fetch>) -> bool {
    match &access.head {
        Some(head) => head.upstream.is_some(),
        None => access.may_be_elsewhere(),
    }
}

/// `GET /-/npm/v1/attestations/{name}@{version}`: the provenance that came with a version.
pub(crate) async fn show_attestations(
    call: &mut Call,
    name: &NpmName,
    version: &NpmVersion,
) -> Result<Response> {
    let access = call.version::<Fetch>(name, Some(version.as_str())).await?;
    access.refuse_kept(&format!("{name}@{version}"))?;
    if is_elsewhere(&access) {
        let reading = reading(call, &access, name).await?;
        if reading.is_foreign() {
            return upstream::attestations(call, &access, &reading, (name, version)).await;
        }
    }
    let row = live_version(&access, name, version)?;
    let facts = granary_publish::npm::facts::NpmFacts::from_row(&row.facts)?;
    let (Some(predicate), Some(file)) = (facts.provenance, row.files.get(1)) else {
        return Err(Error::NotFound(format!("version {version} of package '{name}' has no attestations")));
    };
    let bytes = call.state.storage().get_object(&ObjectKey::Blob(file.sha256)).await?;
    let bytes = bytes.ok_or_else(|| Error::internal("reading an attestation", "the blob is missing"))?;
    let bundle: Value =
        serde_json::from_slice(&bytes).map_err(|e| Error::internal("reading an attestation", e))?;
    let body = json!({ "attestations": [{ "predicateType": predicate, "bundle": bundle }] });
    Ok(([(header::CACHE_CONTROL, REVALIDATE)], axum::Json(body)).into_response())
}

/// The row of a version that can be had. A customer is not told whether it is the package or the version that is not
/// there.
fn live_version<'a>(
    access: &'a RepoAccess<Fetch>,
    name: &NpmName,
    version: &NpmVersion,
) -> Result<&'a VersionRow> {
    let known = access.head.as_ref().is_some_and(|head| head.name == name.as_str());
    if !known && !access.is_gated() {
        return Err(no_package(name));
    }
    access
        .live_version()
        .filter(|_| known)
        .ok_or_else(|| Error::NotFound(format!("version {version} of package '{name}' not found")))
}

/// The form that the `Accept` header prefers. npm asks for both and weights them.
fn requested_form(headers: &HeaderMap) -> Form {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or("");
    let (mut abbreviated, mut full) = (0.0_f32, 0.0_f32);
    for part in accept.split(',') {
        let mut pieces = part.split(';').map(str::trim);
        let media = pieces.next().unwrap_or("");
        let quality = pieces
            .find_map(|piece| piece.strip_prefix("q="))
            .and_then(|q| q.trim().parse().ok())
            .unwrap_or(1.0);
        match media {
            ABBREVIATED => abbreviated = quality,
            "application/json" => full = quality,
            _ => {}
        }
    }
    if abbreviated > 0.0 && abbreviated >= full { Form::Abbreviated } else { Form::Full }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: header::HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, value.parse().unwrap())])
    }

    #[test]
    fn the_accept_header_decides_the_form() {
        let form = |accept: &str| requested_form(&headers(header::ACCEPT, accept));
        assert_eq!(form("application/json"), Form::Full);
        assert_eq!(form("*/*"), Form::Full);
        assert_eq!(requested_form(&HeaderMap::new()), Form::Full);
        assert_eq!(form("application/vnd.npm.install-v1+json"), Form::Abbreviated);
        assert_eq!(
            form("application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8, */*"),
            Form::Abbreviated
        );
        assert_eq!(form("application/json; q=1.0, application/vnd.npm.install-v1+json; q=0.5"), Form::Full);
        assert_eq!(form("application/vnd.npm.install-v1+json;q=0"), Form::Full);
    }
}
