//! What a `composer.json` must be like, so that no client stumbles over it.
//!
//! Metadata hold the `composer.json` of all versions, and Composer gives up on a package as a whole if it cannot read one
//! of them. So what it could not read is refused here.

mod links;
#[cfg(test)]
mod tests;
mod types;

use granary_model::composer::{ComposerName, ComposerVersion};
use granary_model::{Error, Result};
use serde_json::{Map, Value};

use super::minify::UNSET;
use crate::json_guard::{JsonLimits, parse_json, shown};

/// What a `composer.json` may cost.
const LIMITS: JsonLimits = JsonLimits { bytes: 1024 * 1024, depth: 64, keys: 20_000 };

/// Members that the repository says itself, that would send clients elsewhere, or that count only in the project where
/// somebody works on the package: they are taken out.
const LEFT_OUT: [&str; 14] = [
    "version",
    "version_normalized",
    "dist",
    "source",
    "time",
    "uid",
    "notification-url",
    "installation-source",
    "transport-options",
    "default-branch",
    "repositories",
    "config",
    "minimum-stability",
    "prefer-stable",
];

/// Longest version in addresses, in bytes.
const MAX_VERSION: usize = 150;

/// Checks the `composer.json` of an archive, and gives it as it shall stand in the metadata.
///
/// # Errors
/// `BadRequest` that names the member, `TooLarge`.
pub(super) fn check_manifest(
    text: &[u8],
    name: &ComposerName,
    version: &ComposerVersion,
) -> Result<Map<String, Value>> {
    check_addressable(version)?;
    let manifest = parse_json(text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text), LIMITS)
        .map_err(|error| in_manifest(&error))?;
    let Value::Object(mut manifest) = manifest else { return Err(wrong("it is no object")) };
    check_identity(&manifest, name, version)?;
    if let Some((member, _)) = manifest.iter().find(|(_, value)| *value == UNSET) {
        return Err(wrong(&format!(
            "{}: the text '{UNSET}' means something else in metadata",
            shown(member)
        )));
    }
    manifest.retain(|member, _| !LEFT_OUT.contains(&member.as_str()));
    manifest.insert("name".into(), name.as_str().into());
    links::check(&manifest, name, version)?;
    check_programs(&manifest)?;
    types::check(&manifest)?;
    Ok(manifest)
}

/// What an archive is of: what was said, and where nothing was said, what its `composer.json` says.
///
/// # Errors
/// `BadRequest` if neither says it.
pub(super) fn identity(
    text: &[u8],
    name: Option<ComposerName>,
    version: Option<ComposerVersion>,
) -> Result<(ComposerName, ComposerVersion)> {
    let (Some(name), Some(version)) = (&name, &version) else {
        let manifest = parse_json(text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text), LIMITS)
            .map_err(|error| in_manifest(&error))?;
        let said = |member: &str| manifest.get(member).and_then(Value::as_str);
        let missing =
            |member: &str| wrong(&format!("{member}: it is missing; write it there, or give it besides"));
        let name = match name {
            Some(name) => name,
            None => {
                said("name").ok_or_else(|| missing("name"))?.parse().map_err(|error| in_manifest(&error))?
            }
        };
        let version = match version {
            Some(version) => version,
            None => said("version")
                .ok_or_else(|| missing("version"))?
                .parse()
                .map_err(|error| in_manifest(&error))?,
        };
        return Ok((name, version));
    };
    Ok((name.clone(), version.clone()))
}

/// An error that comes from looking at a `composer.json`, with its name in front.
fn in_manifest(error: &Error) -> Error {
    match error {
        Error::TooLarge(text) => Error::TooLarge(format!("composer.json: {text}")),
        error => wrong(&error.to_string()),
    }
}

/// The error of a `composer.json` that does not fit.
fn wrong(why: &str) -> Error {
    Error::BadRequest(format!("composer.json: {why}"))
}

/// Checks that a version can be published: it stands in the address of its archive.
///
/// At most 150 characters in normal form. What gateways decode or cut at cannot be in it, nor can a branch that reads as
/// a way up.
///
/// # Errors
/// `BadRequest`.
pub fn check_addressable(version: &ComposerVersion) -> Result<()> {
    let text = version.normalized();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-+/".contains(c);
    let is_way = |part: &str| part.is_empty() || part.ends_with('.');
    if text.len() > MAX_VERSION || !text.chars().all(is_plain) || text.split('/').any(is_way) {
        return Err(Error::BadRequest(format!(
            "version '{}' cannot be published: at most {MAX_VERSION} letters, digits and any of . _ - + /",
            shown(text)
        )));
    }
    Ok(())
}

fn check_identity(
    manifest: &Map<String, Value>,
    name: &ComposerName,
    version: &ComposerVersion,
) -> Result<()> {
    let said =
        manifest.get("name").ok_or_else(|| wrong(&format!("name: it is missing; write \"{name}\"")))?;
    let said = said.as_str().ok_or_else(|| wrong("name: it is no text"))?;
    if said.parse::<ComposerName>().ok().as_ref() != Some(name) {
        return Err(wrong(&format!("name: the archive is of '{}', but '{name}' is published", shown(said))));
    }
    let Some(said) = manifest.get("version") else { return Ok(()) };
    let text = said.as_str().ok_or_else(|| wrong("version: it is no text"))?;
    let same = text.parse::<ComposerVersion>().is_ok_and(|said| said.normalized() == version.normalized());
    if !same {
        let published = version.pretty();
        return Err(wrong(&format!(
            "version: the archive is of '{}', but '{published}' is published",
            shown(text)
        )));
    }
    Ok(())
}

/// Programs become links in `vendor/bin`, so they have to be files of the package.
fn check_programs(manifest: &Map<String, Value>) -> Result<()> {
    let programs: Vec<&Value> = match types::present(manifest, "bin") {
        None => return Ok(()),
        Some(Value::Array(programs)) => programs.iter().collect(),
        Some(one) => vec![one],
    };
    for program in programs {
        let path = program.as_str().ok_or_else(|| wrong("bin: it has to be a path, or a list of paths"))?;
        if !stays_inside(path) {
            return Err(wrong(&format!("bin: '{}' is not a path inside of the package", shown(path))));
        }
    }
    Ok(())
}

/// Whether a path is relative and leads to something below the package, on all systems.
fn stays_inside(path: &str) -> bool {
    let has_drive = matches!(path.as_bytes(), [letter, b':', ..] if letter.is_ascii_alphabetic());
    !path.is_empty()
        && !has_drive
        && !path.starts_with(['/', '\\'])
        && !path.chars().any(char::is_control)
        && path
            .split(['/', '\\'])
            .all(|part| !part.trim_end_matches([' ', '.']).is_empty() || part == "." || part.is_empty())
}
