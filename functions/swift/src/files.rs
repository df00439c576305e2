//! Archives and manifests.

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use granary_http::permit::Fetch;
use granary_http::{Delivery, RepoAccess};
use granary_model::swift::{ManifestName, SwiftIdentity, SwiftVersion, ToolsVersion};
use granary_model::{Error, PackageType};
use granary_publish::swift::facts::SwiftFacts;
use granary_publish::swift::publish::{ARCHIVE_TYPE, MANIFEST_TYPE};

use crate::call::{Answer, Call, Refused};
use crate::dispatch::parameter;
use crate::links::Links;

/// Longest signature that is given as a header: API Gateway takes 10,240 bytes of headers, and proxies often less.
/// Clients take signatures from the metadata, where they always are.
const MAX_SIGNATURE_HEADER: usize = 8_000;

/// The archive of a release.
pub(crate) async fn show_archive(
    call: &Call,
    access: &RepoAccess<Fetch>,
    identity: &SwiftIdentity,
    version: &SwiftVersion,
    facts: &SwiftFacts,
) -> Answer {
    let row = access.live_version().ok_or_else(|| call.not_found())?;
    let file = row.files.first().ok_or_else(|| Error::internal("serving", "a release without an archive"))?;
    // By the names as they were asked for.
    let name = format!("{}-{version}.zip", identity.name);
    let delivery = Delivery::new(file)
        .modified(row.published_at)
        .content_type(ARCHIVE_TYPE)
        .named(&name)
        .see_other()
        .for_curl();
    let delivery = if keeps_credentials(&call.headers) { delivery.without_redirect() } else { delivery };
    let answered = delivery.answer(&call.state, &call.headers, call.is_head).await;
    let mut response = answered.map_err(|error| match error {
        Error::NotSupported(_) => Refused::with(StatusCode::NOT_IMPLEMENTED, error),
        other => other.into(),
    })?;
    if matches!(response.status(), StatusCode::OK | StatusCode::SEE_OTHER) && !call.is_head {
        let package = access.package_key(PackageType::Swift, &identity.key());
        call.state.count_download(package, &row.version);
    }
    let headers = response.headers_mut();
    let digest = format!("sha-256={}", file.sha256.base64());
    put(headers, "digest", &digest);
    if let Some(signature) = facts.signature.as_ref().filter(|it| it.base64.len() <= MAX_SIGNATURE_HEADER) {
        put(headers, "x-swift-package-signature-format", &signature.format);
        put(headers, "x-swift-package-signature", &signature.base64);
    }
    Ok(response)
}

fn put(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(HeaderName::from_static(name), value);
    }
}

/// Whether a client would send its `Authorization` along to another host, where it makes a signed address
/// invalid.
///
/// SwiftPM before 6.2.3 does, and so do 6.3.2 and 6.3.3 if the credentials are in the environment. What is built
/// on Foundation behaves like the former and says so in its `User-Agent`: `CFNetwork` on Apple's systems, its own
/// name before `curl/` on others.
fn keeps_credentials(headers: &HeaderMap) -> bool {
    if !headers.contains_key(header::AUTHORIZATION) {
        return false;
    }
    let agent = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if let Some(version) = agent.strip_prefix("SwiftPackageManager/") {
        let number = version.split(|c: char| !c.is_ascii_digit() && c != '.').next().unwrap_or_default();
        let Ok(version) = number.parse::<ToolsVersion>() else { return true };
        let at_least = |text: &str| text.parse::<ToolsVersion>().is_ok_and(|other| version >= other);
        return !at_least("6.2.3") || (at_least("6.3.2") && !at_least("6.4"));
    }
    agent.contains("CFNetwork") || (agent.contains("curl/") && !agent.starts_with("curl/"))
}

/// `GET {scope}/{name}/{version}/Package.swift`, for a version of Swift if the query has one.
///
/// Never a redirect to the storage: SwiftPM looks for `Content-Version` on what it gets in the end.
pub(crate) async fn show_manifest(call: &Call, identity: &SwiftIdentity, version: &SwiftVersion) -> Answer {
    let access = call.release::<Fetch>(identity, &version.key()).await?;
    call.accepts(MANIFEST_TYPE)?;
    let facts = call.facts(&access)?;
    if !facts.version.is(version.as_str()) {
        return Err(call.not_found().into());
    }
    let (_, first_published) = call.source(&access, identity)?;
    let url = format!(
        "{}/{}",
        call.state.releases().release_url(&access.repo.id, &first_published, &facts.version),
        ManifestName::MAIN
    );
    let wanted = match parameter(call, "swift-version")? {
        Some(text) => {
            let swift: ToolsVersion = text.parse()?;
            match facts.manifest_for(swift) {
                Some(file) => Some(file),
                None => return Ok(see_other(&url)?),
            }
        }
        None => None,
    };
    let file_name = wanted.as_deref().unwrap_or(ManifestName::MAIN);
    let row = access.live_version().ok_or_else(|| call.not_found())?;
    let file = row.files.iter().find(|file| file.name == file_name);
    let file = file.ok_or_else(|| Error::internal("serving", "a release without its manifest"))?;
    let mut response = Delivery::new(file)
        .modified(row.published_at)
        .content_type(MANIFEST_TYPE)
        .attachment()
        .inline()
        .answer(&call.state, &call.headers, call.is_head)
        .await?;
    if wanted.is_none() {
        let mut links = Links::default();
        for (name, tools) in facts.alternates() {
            let tools = tools.short();
            links.alternate(&format!("{url}?swift-version={tools}"), &name.announced(), &tools);
        }
        response.headers_mut().extend(links.header().map(|links| (header::LINK, links)));
    }
    Ok(response)
}

/// To the manifest for all versions of Swift.
fn see_other(url: &str) -> granary_model::Result<Response> {
    let location = HeaderValue::from_str(url).map_err(|e| Error::internal("redirecting", e))?;
    let headers =
        [(header::LOCATION, location), (header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    Ok((StatusCode::SEE_OTHER, headers).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keeps(agent: &str) -> bool {
        keeps_credentials(&HeaderMap::from_iter([
            (header::USER_AGENT, agent.parse().unwrap()),
            (header::AUTHORIZATION, "Bearer x".parse().unwrap()),
        ]))
    }

    #[test]
    fn clients_that_send_their_credentials_along_are_known() {
        for version in
            ["5.9", "5.10.1", "6.0.3", "6.1.0", "6.2.2", "6.2.2-dev", "6.3.2", "6.3.3", "6.3.9", "next"]
        {
            assert!(keeps(&format!("SwiftPackageManager/{version}")), "{version}");
        }
        for version in ["6.2.3", "6.2.4", "6.3.0", "6.3.1-dev", "6.4.0", "7.0"] {
            assert!(!keeps(&format!("SwiftPackageManager/{version}")), "{version}");
        }
        assert!(keeps("xcodebuild (unknown version) CFNetwork/1498 Darwin/23.6.0"));
        assert!(keeps("tool (unknown version) curl/7.88.1"));
        for other in ["curl/8.5.0", "Mozilla/5.0", "python-requests/2.31"] {
            assert!(!keeps(other), "{other}");
        }
        let anonymous =
            HeaderMap::from_iter([(header::USER_AGENT, "SwiftPackageManager/5.9".parse().unwrap())]);
        assert!(!keeps_credentials(&anonymous));
    }
}
