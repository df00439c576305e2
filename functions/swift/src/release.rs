//! The metadata of a release, and withdrawing it.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use granary_http::documents::{DocumentHeaders, is_unchanged};
use granary_http::permit::{Admin, Fetch};
use granary_http::{RepoAccess, done};
use granary_model::swift::{SwiftIdentity, SwiftVersion};
use granary_model::{Error, PackageType, Sha256};
use granary_publish::swift::facts::{Signature, SwiftFacts};
use granary_publish::swift::withdraw::{MAX_REASON, withdraw};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::call::{Answer, Call};
use crate::dispatch::parameter;
use crate::files::show_archive;
use crate::links::Links;
use crate::route::Named;

/// A release, as the specification has it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ReleaseView<'a> {
    id: String,
    version: &'a str,
    resources: Vec<Resource<'a>>,
    metadata: Map<String, Value>,
    published_at: String,
}

#[derive(Serialize)]
struct Resource<'a> {
    name: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    checksum: Sha256,
    #[serde(skip_serializing_if = "Option::is_none")]
    signing: Option<Signing<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Signing<'a> {
    signature_base64_encoded: &'a str,
    signature_format: &'a str,
}

impl<'a> From<&'a Signature> for Signing<'a> {
    fn from(signature: &'a Signature) -> Self {
        Self { signature_base64_encoded: &signature.base64, signature_format: &signature.format }
    }
}

/// `GET {scope}/{name}/{version}`, with or without `.json`, or with `.zip`: by what there is.
pub(crate) async fn show(call: &Call, identity: &SwiftIdentity, named: Named) -> Answer {
    let access = call.release::<Fetch>(identity, &named.key()).await?;
    let facts = call.facts(&access)?;
    let is = |version: &Option<SwiftVersion>| {
        version.as_ref().is_some_and(|version| facts.version.is(version.as_str()))
    };
    if is(&named.exact) || is(&named.json) {
        call.accepts("application/json")?;
        return show_metadata(call, &access, identity, &facts).await;
    }
    match &named.archive {
        Some(version) if is(&named.archive) => {
            call.accepts("application/zip")?;
            show_archive(call, &access, identity, version, &facts).await
        }
        _ => Err(call.not_found().into()),
    }
}

async fn show_metadata(
    call: &Call,
    access: &RepoAccess<Fetch>,
    identity: &SwiftIdentity,
    facts: &SwiftFacts,
) -> Answer {
    let (source, first_published) = call.source(access, identity)?;
    let row = access.live_version().ok_or_else(|| call.not_found())?;
    let archive =
        row.files.first().ok_or_else(|| Error::internal("showing a release", "it has no archive"))?;
    // The links change with the package.
    let etag = source.etag(&format!("m{}", row.version));
    let headers = DocumentHeaders {
        etag: &etag,
        modified: source.modified(),
        content_type: "application/json",
        vary: "Authorization",
    };
    if is_unchanged(&call.headers, &etag) {
        let mut response = StatusCode::NOT_MODIFIED.into_response();
        headers.put(response.headers_mut())?;
        return Ok(response);
    }
    let mut metadata = facts.metadata.clone();
    if let (false, Some(text)) = (metadata.contains_key("description"), facts.description()) {
        metadata.insert("description".into(), text.into());
    }
    let view = ReleaseView {
        id: first_published.to_string(),
        version: facts.version.as_str(),
        resources: vec![Resource {
            name: "source-archive",
            kind: "application/zip",
            checksum: archive.sha256,
            signing: facts.signature.as_ref().map(Signing::from),
        }],
        metadata,
        published_at: row.published_at.rfc3339_seconds(),
    };
    let body = serde_json::to_vec(&view).map_err(|e| Error::internal("showing a release", e))?;
    let mut response = Response::new(body.into());
    headers.put(response.headers_mut())?;
    let releases = call.state.releases();
    let (documents, storage) = (call.state.documents(), call.state.storage());
    let around = releases.neighbours(documents, storage, &source, &facts.version).await?;
    let mut links = Links::default();
    for (version, relation) in [
        (around.latest, "latest-version"),
        (around.successor, "successor-version"),
        (around.predecessor, "predecessor-version"),
    ] {
        if let Some(version) = version {
            links.add(&releases.release_url(&access.repo.id, &first_published, &version), relation);
        }
    }
    response.headers_mut().extend(links.header().map(|links| (header::LINK, links)));
    Ok(response)
}

/// `DELETE {scope}/{name}/{version}?reason=`: withdraws a release, for admins and for ever. No client of the
/// protocol does this. The release stays listed, with the reason as its problem.
pub(crate) async fn withdraw_release(call: &Call, identity: &SwiftIdentity, named: Named) -> Answer {
    let access = call.release::<Admin>(identity, &named.key()).await?;
    let reason = parameter(call, "reason")?.filter(|reason| !reason.trim().is_empty());
    let fits =
        |reason: &String| reason.chars().count() <= MAX_REASON && !reason.chars().any(char::is_control);
    if !reason.as_ref().is_none_or(fits) {
        return Err(Error::BadRequest(format!(
            "the reason has to be one line of at most {MAX_REASON} characters"
        ))
        .into());
    }
    let facts = call.facts(&access)?;
    let version = named.exact.filter(|version| facts.version.is(version.as_str()));
    let version = version.ok_or_else(|| call.not_found())?;
    let target = access.target(&call.state, PackageType::Swift, &identity.key());
    withdraw(target, call.state.now(), &version, reason).await?;
    Ok(done())
}
