//! What a package asks for, replaces and so on.

use granary_model::Result;
use granary_model::composer::{ComposerName, ComposerVersion, Constraint};
use serde_json::{Map, Value};

use super::types::{is_number, present};
use super::wrong;
use crate::json_guard::shown;

/// Members that map packages to constraints.
const LINKS: [&str; 5] = ["require", "require-dev", "conflict", "provide", "replace"];

/// The constraint that stands for the version itself.
const SELF: &str = "self.version";

/// Checks that every link has a target and a constraint that Composer can read.
pub(super) fn check(
    manifest: &Map<String, Value>,
    name: &ComposerName,
    version: &ComposerVersion,
) -> Result<()> {
    for member in LINKS {
        for (package, constraint) in texts_of(manifest, member)? {
            let is_bad = |c: char| c.is_control() || c == ' ';
            if package.is_empty() || package.chars().any(is_bad) || is_number(package) {
                return Err(wrong(&format!("{member}: '{}' is no name of a package", shown(package))));
            }
            if package.eq_ignore_ascii_case(name.as_str()) {
                return Err(wrong(&format!("{member}: {name}: a package cannot name itself there")));
            }
            // What is published as 1.0+a,b is a version, and no constraint.
            let constraint = if constraint == SELF { version.pretty() } else { constraint };
            if let Err(error) = constraint.parse::<Constraint>() {
                return Err(wrong(&format!("{member}: {}: {error}", shown(package))));
            }
        }
    }
    let replaced = manifest.get("replace").and_then(Value::as_object);
    let is_replaced = |package: &str| replaced.is_some_and(|replaced| replaced.contains_key(package));
    if let Some((package, _)) = texts_of(manifest, "conflict")?.iter().find(|(name, _)| is_replaced(name)) {
        return Err(wrong(&format!(
            "conflict: {}: it is replaced as well, which is a conflict already",
            shown(package)
        )));
    }
    texts_of(manifest, "suggest").map(|_| ())
}

/// The members of an object of texts.
fn texts_of<'a>(manifest: &'a Map<String, Value>, member: &str) -> Result<Vec<(&'a str, &'a str)>> {
    let texts = match present(manifest, member) {
        None => return Ok(Vec::new()),
        // What PHP makes of an object without members.
        Some(Value::Array(list)) if list.is_empty() => return Ok(Vec::new()),
        Some(Value::Object(texts)) => texts,
        Some(_) => return Err(wrong(&format!("{member}: it has to be an object"))),
    };
    let texts = texts.iter().map(|(name, text)| {
        let text =
            text.as_str().ok_or_else(|| wrong(&format!("{member}: {}: it has to be a text", shown(name))))?;
        Ok((name.as_str(), text))
    });
    texts.collect()
}
