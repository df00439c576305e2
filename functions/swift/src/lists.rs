//! The releases of a package, and the packages of an address.

use axum::http::{StatusCode, header};
use granary_http::documents::serve_document;
use granary_http::permit::Fetch;
use granary_http::reply;
use granary_model::swift::{SourceUrl, SwiftIdentity, SwiftVersion};
use granary_model::{Error, PackageType};
use granary_publish::swift::sources::{Sourced, names_source, packages_of};
use serde_json::json;

use crate::call::{Answer, Call};
use crate::dispatch::parameter;
use crate::links::Links;

/// `GET {scope}/{name}`: all releases on one page, because clients before 6.1 read no other.
pub(crate) async fn show_releases(call: &Call, identity: &SwiftIdentity) -> Answer {
    let access = call.package::<Fetch>(identity).await?;
    call.accepts("application/json")?;
    let (source, first_published) = call.source(&access, identity)?;
    let source = call.as_seen(source).await?;
    let releases = call.state.releases();
    let form = ("application/json", "Accept-Encoding, Authorization");
    let mut response =
        serve_document(&call.state, &call.headers, &source, releases.list(), releases, form).await?;
    let mut links = Links::default();
    if let Some(latest) = source.head.latest().and_then(|text| text.parse::<SwiftVersion>().ok()) {
        links.add(&releases.release_url(&access.repo.id, &first_published, &latest), "latest-version");
    }
    for (index, url) in source.head.source_urls.iter().enumerate() {
        links.add(url, if index == 0 { "canonical" } else { "alternate" });
    }
    response.headers_mut().extend(links.header().map(|links| (header::LINK, links)));
    Ok(response)
}

/// `GET identifiers?url=`: the packages whose source is there.
pub(crate) async fn show_identifiers(call: &Call) -> Answer {
    let access = call.repo::<Fetch>().await?;
    call.accepts("application/json")?;
    let url = parameter(call, "url")?.filter(|url| !url.is_empty());
    let url = url.ok_or_else(|| {
        Error::BadRequest("say which repository: identifiers?url=https://example.com/owner/name".into())
    })?;
    let unknown =
        || Error::NotFound(format!("no package in repository '{}' comes from that address", call.repo));
    let source = SourceUrl::parse(&url).ok_or_else(unknown)?;
    let mut identifiers = Vec::new();
    for member in access.member_repos(&call.state, PackageType::Swift).await? {
        let found = packages_of(call.state.storage(), &member, &source).await?;
        let seen =
            found.into_iter().filter(|one| access.reads_from(&member, PackageType::Swift, &one.package.name));
        identifiers.extend(seen.map(|one| one.identity));
    }
    for Sourced { identity, package, head } in
        packages_of(call.state.storage(), &access.repo, &source).await?
    {
        let shown = match access.sold_source(package, head, &call.state) {
            Some(package) if access.is_gated() => {
                names_source(call.state.documents(), call.state.storage(), &package, &source).await?
            }
            other => other.is_some(),
        };
        if shown && !identifiers.contains(&identity) {
            identifiers.push(identity);
        }
    }
    if identifiers.is_empty() {
        return Err(unknown().into());
    }
    Ok(reply(StatusCode::OK, &json!({ "identifiers": identifiers })))
}
