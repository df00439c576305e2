//! The manifest of a version, built from what is in its tarball.
//!
//! Whatever decides an install comes from the tarball's own `package.json`, never from the manifest the
//! client sent beside it: the two may differ, and people and scanners read the one while npm runs the
//! other. Clients bring some fields into one form before they send them; the same is done here.

mod bin;
mod normalize;
mod people;
#[cfg(test)]
mod tests;

use granary_model::npm::{NpmName, NpmVersion};
use granary_model::{Error, Result};
use serde_json::{Map, Value};

use crate::json_guard::shown;
use crate::npm::tarball::TarballFacts;

pub(crate) use bin::bin_directory_of;

/// Fields of the abbreviated packument but `dist`. `deprecated` is never in a stored manifest; it is here for
/// callers that have put it in.
pub(super) const ABBREVIATED: [&str; 18] = [
    "name",
    "version",
    "dependencies",
    "optionalDependencies",
    "peerDependencies",
    "peerDependenciesMeta",
    "devDependencies",
    "bundleDependencies",
    "bin",
    "directories",
    "engines",
    "os",
    "cpu",
    "libc",
    "hasInstallScript",
    "_hasShrinkwrap",
    "deprecated",
    "funding",
];

/// Refuses a tarball of another package or version than the one published, or with programs outside of
/// itself.
///
/// Build metadata does not count, nor a `v` or `=` before the version: npm cleans those off before it
/// publishes but leaves them in the file. A `bin` target or `directories.bin` that is absolute or has `..`
/// in it is refused, because clients make links and set modes there.
pub fn check_manifest(facts: &TarballFacts, name: &NpmName, version: &NpmVersion) -> Result<()> {
    let text = |field: &str| facts.manifest.get(field).and_then(Value::as_str).unwrap_or_default();
    let packed_name = text("name").trim();
    if packed_name != name.as_str() {
        return Err(Error::BadRequest(format!(
            "the tarball's package.json is of '{}', but '{name}' is published",
            shown(packed_name)
        )));
    }
    let packed_version = text("version");
    if version_of(packed_version).as_ref() != Some(version) {
        return Err(Error::BadRequest(format!(
            "the tarball's package.json has the version '{}', but '{version}' is published",
            shown(packed_version)
        )));
    }
    bin::check(&facts.manifest)
}

/// Name and version that a tarball's `package.json` gives itself.
///
/// # Errors
/// `BadRequest` if they are not such that a package can have them.
pub fn packed_identity(facts: &TarballFacts) -> Result<(NpmName, NpmVersion)> {
    let text = |field: &str| facts.manifest.get(field).and_then(Value::as_str).unwrap_or_default();
    let named = |field: &str, error: &Error| {
        Error::BadRequest(format!("the tarball's package.json has an unusable {field}: {error}"))
    };
    let name = text("name").trim().parse().map_err(|error| named("name", &error))?;
    let version = version_of(text("version"));
    let version = version.ok_or_else(|| {
        Error::BadRequest(format!(
            "the tarball's package.json has an unusable version: '{}' is not a semantic version such as 1.2.3",
            shown(text("version"))
        ))
    })?;
    Ok((name, version))
}

/// The manifest that goes into the packument, without `dist`.
///
/// `submitted` is the version's object in the PUT body; only what the tarball cannot know is taken from
/// it: `_nodeVersion`, `_npmVersion`, `gitHead`, `readmeFilename`. Call [`check_manifest`] first: unsafe
/// `bin` entries are left out here, not reported.
pub fn stored_manifest(facts: &TarballFacts, submitted: &Map<String, Value>) -> Map<String, Value> {
    let mut manifest = facts.manifest.clone();
    manifest.retain(|field, _| !field.starts_with('_') && !REGISTRY_FIELDS.contains(&field.as_str()));
    drop_prototypes(&mut manifest);
    if let Some(version) = manifest.get("version").and_then(Value::as_str).and_then(version_of) {
        manifest.insert("version".into(), version.as_str().into());
    }
    normalize::fields(&mut manifest);
    bin::normalize(&mut manifest, &facts.bin_files);
    normalize::install_scripts(&mut manifest, facts.has_binding_gyp);
    if facts.has_shrinkwrap {
        manifest.insert("_hasShrinkwrap".into(), true.into());
    }
    for (field, longest) in SUBMITTED_FIELDS {
        if let Some(text) = submitted.get(field).and_then(Value::as_str)
            && text.len() <= longest
            && !text.contains(['/', '\\'])
        {
            manifest.insert(field.into(), text.into());
        }
    }
    if let Some(file) = &facts.readme_filename {
        manifest.entry("readmeFilename").or_insert_with(|| file.as_str().into());
    }
    let text = |field: &str| manifest.get(field).and_then(Value::as_str).unwrap_or_default();
    let id = format!("{}@{}", text("name"), text("version"));
    manifest.insert("_id".into(), id.into());
    manifest
}

/// The fields of a stored manifest that belong into the abbreviated packument, without `dist`.
pub fn abbreviated(manifest: &Map<String, Value>) -> Map<String, Value> {
    ABBREVIATED
        .iter()
        .filter_map(|field| Some(((*field).to_owned(), manifest.get(*field)?.clone())))
        .collect()
}

/// Fields that only the registry gives, or that say nothing in a packument: whoever puts them into a
/// `package.json` does not decide about them.
const REGISTRY_FIELDS: [&str; 9] = [
    "dist",
    "readme",
    "readmeFilename",
    "deprecated",
    "maintainers",
    "hasInstallScript",
    "integrity",
    "shasum",
    "resolved",
];

/// Fields taken from what the client sent, and how long they may be.
const SUBMITTED_FIELDS: [(&str, usize); 4] =
    [("_nodeVersion", 64), ("_npmVersion", 64), ("gitHead", 64), ("readmeFilename", 255)];

/// The version as npm cleans it before publishing.
fn version_of(text: &str) -> Option<NpmVersion> {
    text.trim().trim_start_matches(['=', 'v', ' ']).parse().ok()
}

/// Drops keys that would change JavaScript's own objects in a careless reader.
fn drop_prototypes(map: &mut Map<String, Value>) {
    map.retain(|key, _| key != "__proto__");
    map.values_mut().for_each(drop_prototypes_in);
}

fn drop_prototypes_in(value: &mut Value) {
    match value {
        Value::Object(map) => drop_prototypes(map),
        Value::Array(items) => items.iter_mut().for_each(drop_prototypes_in),
        _ => {}
    }
}
