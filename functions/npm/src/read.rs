//! Packuments, manifests, tarballs, attestations.

use std::convert::Infallible;
use std::io::Read as _;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use bytes::{Buf as _, Bytes};
use flate2::read::GzDecoder;
use granary_http::permit::Read;
use granary_http::{Delivery, RepoAccess};
use granary_model::npm::{NpmName, NpmVersion};
use granary_model::{Error, Result, Timestamp};
use granary_publish::Source;
use granary_publish::npm::packument::Form;
use granary_storage::rows::{VersionRow, VersionStatus};
use granary_storage::{Key, ObjectKey};
use http_body::Frame;
use http_body_util::StreamBody;
use serde_json::{Value, json};

use crate::call::{Call, no_package, package_key, source};

/// What pnpm, Yarn 1 and Bun ask for, and exactly what pnpm checks the answer for.
const ABBREVIATED: &str = "application/vnd.npm.install-v1+json";

/// Every client asks again each time: an answer may be kept but must be revalidated. Without this header
/// npm makes up a lifetime from `Last-Modified` and does not see new versions.
const REVALIDATE: &str = "private, max-age=0, must-revalidate";

/// `GET /{name}`: the packument, full or abbreviated.
pub(crate) async fn show_packument(call: &mut Call, name: &NpmName) -> Result<Response> {
    let access = call.package::<Read>(name).await?;
    let source = source(&access, name)?;
    if call.param("write").as_deref() == Some("true") {
        return show_for_write(call, &source).await;
    }
    let form = requested_form(&call.headers);
    let renderer = call.state.packuments();
    let variant = renderer.variant(form);
    let etag = source.etag(&variant);
    let content_type = match form {
        Form::Full => "application/json",
        Form::Abbreviated => ABBREVIATED,
    };
    if is_unchanged(&call.headers, &etag) {
        let mut response = StatusCode::NOT_MODIFIED.into_response();
        document_headers(&mut response, &etag, source.head.modified(), content_type)?;
        return Ok(response);
    }
    let document = call.state.documents().get(call.state.storage(), &source, &variant, renderer).await?;
    let mut response = if accepts_gzip(&call.headers) {
        let mut response = Response::new(Body::from(document.gzip.clone()));
        response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        response
    } else {
        let mut response = Response::new(inflated(document.gzip.clone()));
        response
            .headers_mut()
            .extend(plain_length(&document.gzip).map(|length| (header::CONTENT_LENGTH, length)));
        response
    };
    document_headers(&mut response, &document.etag, document.modified, content_type)?;
    Ok(response)
}

/// `GET /{name}?write=true`: what clients read before they change a package and send back whole. Only
/// what such a change can be about, so that even a package of thousands of versions stays below the
/// limit for requests on the way back.
async fn show_for_write(call: &Call, source: &Source) -> Result<Response> {
    let first = Key::Version(source.package.clone(), String::new());
    let rows: Vec<VersionRow> = call.state.storage().list_all(&first, "VER#").await?;
    let packuments = call.state.packuments();
    let head = &source.head;
    let mut versions = serde_json::Map::new();
    for row in rows.iter().filter(|row| row.status == VersionStatus::Live) {
        let tarball = packuments.tarball_url(&source.package.repo, &head.name, &row.version);
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
    let access = call.version::<Read>(name, version.as_ref().map(NpmVersion::as_str)).await?;
    let source = source(&access, name)?;
    let row = match (access.version, source.head.tags.get(selector)) {
        (Some(row), _) => Some(row),
        (None, Some(tagged)) => {
            call.state.storage().get(&Key::Version(source.package.clone(), tagged.clone())).await?
        }
        (None, None) => None,
    };
    let row: VersionRow =
        row.filter(|row: &VersionRow| row.status == VersionStatus::Live).ok_or_else(|| {
            Error::NotFound(format!("package '{name}' has no version or tag '{}'", selector.escape_debug()))
        })?;
    let packuments = call.state.packuments();
    let text = packuments.manifest(&source.package.repo, &source.head.name, &row, Form::Full)?;
    let mut response = Response::new(Body::from(text));
    document_headers(
        &mut response,
        &source.etag(&format!("m-{}", row.version)),
        source.head.modified(),
        "application/json",
    )?;
    Ok(response)
}

/// A tarball: small ones at once, large ones by redirect.
pub(crate) async fn download_tarball(
    call: &mut Call,
    name: &NpmName,
    version: &NpmVersion,
) -> Result<Response> {
    let access = call.version::<Read>(name, Some(version.as_str())).await?;
    let row = live_version(&access, name, version)?;
    let file = row.files.first().ok_or_else(|| Error::internal("downloading", "a version without a file"))?;
    let response = Delivery::new(file).answer(&call.state, &call.headers, call.is_head()).await?;
    if !call.is_head() {
        let (state, now) = (call.state.clone(), call.state.now());
        state.downloads().count(package_key(&access, name), version.as_str(), now);
        if state.downloads().is_due(now) {
            // Counting must neither delay nor fail a download.
            tokio::spawn(async move {
                if let Err(error) = state.downloads().flush(state.storage(), now).await {
                    tracing::warn!(%error, "download counts could not be written");
                }
            });
        }
    }
    Ok(response)
}

/// `GET /-/npm/v1/attestations/{name}@{version}`: the provenance that came with a version.
pub(crate) async fn show_attestations(
    call: &mut Call,
    name: &NpmName,
    version: &NpmVersion,
) -> Result<Response> {
    let access = call.version::<Read>(name, Some(version.as_str())).await?;
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

/// The row of a version that can be had.
pub(crate) fn live_version<'a>(
    access: &'a RepoAccess<Read>,
    name: &NpmName,
    version: &NpmVersion,
) -> Result<&'a VersionRow> {
    if access.head.as_ref().is_none_or(|head| head.name != name.as_str()) {
        return Err(no_package(name));
    }
    access
        .version
        .as_ref()
        .filter(|row| row.status == VersionStatus::Live)
        .ok_or_else(|| Error::NotFound(format!("version {version} of package '{name}' not found")))
}

fn document_headers(
    response: &mut Response,
    etag: &str,
    modified: Timestamp,
    content_type: &'static str,
) -> Result<()> {
    let headers = response.headers_mut();
    let value = |text: &str| HeaderValue::from_str(text).map_err(|e| Error::internal("writing a header", e));
    headers.insert(header::ETAG, value(etag)?);
    headers.insert(header::LAST_MODIFIED, value(&modified.http_date())?);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(REVALIDATE));
    headers.insert(header::VARY, HeaderValue::from_static("Accept, Accept-Encoding, Authorization"));
    Ok(())
}

/// Whether the client's copy is the current one. Only `If-None-Match` counts: two changes within a second
/// have one `Last-Modified`, and every client that sends a date sends the tag as well.
fn is_unchanged(headers: &HeaderMap, etag: &str) -> bool {
    let tags = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok()).unwrap_or("");
    tags.split(',').map(|tag| tag.trim().trim_start_matches("W/")).any(|tag| tag == etag || tag == "*")
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

/// A document for the rare client that does not take gzip, inflated while it is sent: a packument is many
/// times as large as what is stored of it.
fn inflated(gzip: Bytes) -> Body {
    let mut reader = GzDecoder::new(gzip.reader());
    let chunks = std::iter::from_fn(move || {
        let mut chunk = vec![0; 64 * 1024];
        // The bytes are our own. Should they be broken all the same, the client sees a document that ends early.
        let length = reader.read(&mut chunk).ok().filter(|length| *length > 0)?;
        chunk.truncate(length);
        Some(Ok::<_, Infallible>(Frame::data(Bytes::from(chunk))))
    });
    Body::new(StreamBody::new(futures::stream::iter(chunks)))
}

/// Length of a document once it is inflated: the last four bytes of its gzip form (RFC 1952, ISIZE).
fn plain_length(gzip: &[u8]) -> Option<HeaderValue> {
    let tail: [u8; 4] = gzip.last_chunk().copied()?;
    Some(HeaderValue::from(u32::from_le_bytes(tail)))
}

fn accepts_gzip(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or("");
    accept.split(',').any(|part| {
        let mut pieces = part.split(';').map(str::trim);
        let coding = pieces.next().unwrap_or("");
        let refused = pieces.any(|piece| piece.replace(' ', "").starts_with("q=0") && !piece.contains("0."));
        (coding == "gzip" || coding == "*") && !refused
    })
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

    #[test]
    fn gzip_only_where_it_is_accepted() {
        let gzip = |accept: &str| accepts_gzip(&headers(header::ACCEPT_ENCODING, accept));
        assert!(
            gzip("gzip,deflate") && gzip("zstd, gzip, deflate") && gzip("br;q=1, gzip;q=0.5") && gzip("*")
        );
        assert!(!gzip("identity") && !gzip("gzip;q=0") && !gzip("br") && !accepts_gzip(&HeaderMap::new()));
    }

    #[test]
    fn etags_are_compared_whole() {
        let same = |value: &str| is_unchanged(&headers(header::IF_NONE_MATCH, value), "\"1-a-f\"");
        assert!(same("\"1-a-f\"") && same("W/\"1-a-f\"") && same("\"x\", \"1-a-f\"") && same("*"));
        assert!(!same("\"1-a-g\"") && !same("1-a-f") && !is_unchanged(&HeaderMap::new(), "\"1-a-f\""));
    }
}
