//! What the workflow is told of a build.

use std::collections::BTreeMap;

use granary_model::kmp::{AppleTarget, Coordinate, NewNpmName};
use granary_model::maven::{ArtifactId, GroupId, MavenVersion};
use granary_model::npm::NpmVersion;
use granary_model::swift::SwiftIdentity;
use granary_model::{Error, Result};
use granary_storage::rows::{BuildRow, KmpConfig, KmpSource, Outputs};
use url::Url;

use crate::Work;
use crate::github::run_input;

/// Where sources outside usually have what they do not have themselves.
const CENTRAL: &str = "https://repo.maven.apache.org/maven2";

/// What is wanted of a build and not published yet.
pub fn outstanding(build: &BuildRow) -> Outputs {
    Outputs {
        enable_npm: build.outputs.enable_npm && !build.npm_published,
        enable_swift: build.outputs.enable_swift && !build.swift_published,
        ..build.outputs.clone()
    }
}

/// Addresses of the Maven repositories that a library and what it needs are read from, in turn.
///
/// # Errors
/// `BadRequest` if the repository's settings name none.
pub fn repositories(work: &Work<'_>, config: &KmpConfig) -> Result<Vec<String>> {
    let none = || Error::BadRequest("the kmpConfig of this repository names no source".into());
    match config.source_type {
        KmpSource::External => {
            let own = config.source_url.as_deref().ok_or_else(none)?.trim_end_matches('/').to_owned();
            let has_central = own == CENTRAL || own == "https://repo1.maven.org/maven2";
            let central = (!has_central).then(|| CENTRAL.to_owned());
            Ok(std::iter::once(own).chain(central).collect())
        }
        KmpSource::Artifacts => {
            let id = config.source_repo_id.as_ref().ok_or_else(none)?;
            let own = format!("{}/api/maven/{id}", work.kmp.settings.public_url.trim_end_matches('/'));
            Ok(vec![own, CENTRAL.to_owned()])
        }
    }
}

/// The inputs of a dispatch, for these targets of Apple's, each checked once more: they go to a machine that runs them
/// through scripts.
///
/// # Errors
/// `BadRequest` with what is wrong.
pub(super) fn inputs(
    work: &Work<'_>,
    build: &BuildRow,
    config: &KmpConfig,
    targets: &[AppleTarget],
) -> Result<BTreeMap<&'static str, String>> {
    let wanted = outstanding(build);
    let text = |name: Option<String>| name.unwrap_or_default();
    let npm = text(wanted.npm_wanted().map(ToString::to_string));
    let swift = text(wanted.swift_wanted().map(ToString::to_string));
    build.group.as_str().parse::<Coordinate<GroupId>>()?;
    build.artifact.as_str().parse::<Coordinate<ArtifactId>>()?;
    build.version.as_str().parse::<MavenVersion>()?;
    let version = build.package_version.as_ref().ok_or_else(|| unversioned(&build.version))?;
    version.as_str().parse::<NpmVersion>()?;
    if !npm.is_empty() {
        npm.parse::<NewNpmName>()?;
    }
    if !swift.is_empty() {
        swift.parse::<SwiftIdentity>()?;
    }
    let repositories = repositories(work, config)?;
    for repository in &repositories {
        address(repository)?;
    }
    let targets: Vec<&str> = targets.iter().map(|target| target.as_str()).collect();
    Ok(BTreeMap::from([
        ("build_id", run_input(build)),
        ("repo_id", build.repo.to_string()),
        ("group", build.group.to_string()),
        ("artifact", build.artifact.to_string()),
        ("version", build.version.to_string()),
        ("repositories", repositories.join(" ")),
        ("package_version", version.to_string()),
        ("npm_name", npm),
        ("swift_package", swift),
        ("apple_targets", targets.join(",")),
    ]))
}

fn unversioned(version: &MavenVersion) -> Error {
    match granary_model::kmp::semantic_version(version) {
        Err(error) => error,
        Ok(_) => Error::BadRequest(format!("the version '{version}' has no version of packages")),
    }
}

/// Addresses go between spaces, and their guests are looked at by whoever reads them.
fn address(text: &str) -> Result<()> {
    let refused =
        || Error::BadRequest("the source of this repository is no address that can be built from".into());
    let url = Url::parse(text).map_err(|_| refused())?;
    let is_plain = text.bytes().all(|b| b.is_ascii_graphic() && !b"'\"`\\$<>|;&".contains(&b));
    // Whether it is private is asked when it is read; a registry of one's own may well be.
    granary_upstream::guard::check(&url, true).map_err(|_| refused())?;
    if is_plain { Ok(()) } else { Err(refused()) }
}
