//! Watched libraries as requests bring them, checked.

use std::collections::BTreeSet;
use std::str::FromStr;

use granary_http::Fields;
use granary_model::kmp::{AppleTarget, Coordinate, NewNpmName};
use granary_model::maven::{ArtifactId, GroupId};
use granary_model::swift::SwiftIdentity;
use granary_model::{Error, Result};
use granary_storage::rows::Outputs;
use serde_json::Value;

/// What can be changed.
const OUTPUTS: [&str; 6] =
    ["enableNpm", "enableSwift", "appleTargets", "npmPackageName", "swiftScope", "swiftName"];

/// What says which library it is, and stays.
const COORDINATES: [&str; 2] = ["groupId", "artifactId"];

/// A library to watch.
#[derive(Debug)]
pub(super) struct WatchRequest {
    pub(super) group: GroupId,
    pub(super) artifact: ArtifactId,
    pub(super) outputs: Outputs,
}

impl WatchRequest {
    /// Reads a new one.
    pub(super) fn read(fields: &Fields) -> Result<Self> {
        let known: Vec<&str> = COORDINATES.into_iter().chain(OUTPUTS).collect();
        fields.only(&known)?;
        let nothing = Outputs {
            npm: None,
            swift: None,
            enable_npm: true,
            enable_swift: true,
            apple_targets: Vec::new(),
        };
        Ok(Self {
            group: coordinate(fields, "groupId")?,
            artifact: coordinate(fields, "artifactId")?,
            outputs: outputs(fields, &nothing)?,
        })
    }
}

fn coordinate<T: FromStr<Err = Error>>(fields: &Fields, name: &str) -> Result<T> {
    let Coordinate(found) = Fields::required(name, fields.parsed(name)?)?;
    Ok(found)
}

/// What is made of a library from now on, where `old` was made before.
pub(super) fn changed_outputs(fields: &Fields, old: &Outputs) -> Result<Outputs> {
    if let Some(name) = COORDINATES.into_iter().find(|name| fields.has(name)) {
        return Err(Error::BadRequest(format!(
            "{name} cannot be changed; watch the other library as well, and delete this one if it is not needed"
        )));
    }
    fields.only(&OUTPUTS)?;
    outputs(fields, old)
}

/// What is made; `old` counts for what the request does not name.
fn outputs(fields: &Fields, old: &Outputs) -> Result<Outputs> {
    let npm = if fields.has("npmPackageName") {
        fields.parsed("npmPackageName")?.map(|NewNpmName(name)| name)
    } else {
        old.npm.clone()
    };
    let outputs = Outputs {
        npm,
        swift: swift(fields, old.swift.as_ref())?,
        enable_npm: flag(fields, "enableNpm")?.unwrap_or(old.enable_npm),
        enable_swift: flag(fields, "enableSwift")?.unwrap_or(old.enable_swift),
        apple_targets: targets(fields)?.unwrap_or_else(|| old.apple_targets.clone()),
    };
    if !outputs.enable_npm && !outputs.enable_swift {
        return Err(Error::BadRequest(
            "enableNpm and enableSwift: one of them has to be true, or there is nothing to build".into(),
        ));
    }
    if outputs.enable_npm && outputs.npm.is_none() {
        return Err(Error::BadRequest(
            "the field 'npmPackageName' is required; without an npm package, set enableNpm to false".into(),
        ));
    }
    if outputs.enable_swift && outputs.swift.is_none() {
        return Err(Error::BadRequest(
            "the fields 'swiftScope' and 'swiftName' are required; without a Swift package, set enableSwift to false"
                .into(),
        ));
    }
    Ok(outputs)
}

/// The Swift package, of two fields that belong together.
fn swift(fields: &Fields, old: Option<&SwiftIdentity>) -> Result<Option<SwiftIdentity>> {
    let scope = if fields.has("swiftScope") {
        fields.parsed("swiftScope")?
    } else {
        old.map(|old| old.scope.clone())
    };
    let name =
        if fields.has("swiftName") { fields.parsed("swiftName")? } else { old.map(|old| old.name.clone()) };
    match (scope, name) {
        (Some(scope), Some(name)) => Ok(Some(SwiftIdentity { scope, name })),
        (None, None) => Ok(None),
        _ => Err(Error::BadRequest("swiftScope and swiftName belong together: give both".into())),
    }
}

fn targets(fields: &Fields) -> Result<Option<Vec<AppleTarget>>> {
    let Some(targets) = fields.list::<AppleTarget>("appleTargets")? else { return Ok(None) };
    let mut known = BTreeSet::new();
    match targets.iter().find(|target| !known.insert(**target)) {
        Some(twice) => Err(Error::BadRequest(format!("appleTargets: '{twice}' stands there twice"))),
        None => Ok(Some(targets)),
    }
}

fn flag(fields: &Fields, name: &str) -> Result<Option<bool>> {
    let wrong = || Error::BadRequest(format!("the field '{name}' must be true or false"));
    let value: Option<Value> = fields.json(name)?;
    value.map(|value| value.as_bool().ok_or_else(wrong)).transpose()
}
