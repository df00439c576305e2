//! What a package asks for, replaces and so on.

use granary_model::Result;
use granary_model::composer::Constraint;
use serde_json::{Map, Value};

use super::wrong;
use crate::json_guard::shown;

/// Members that map packages to constraints.
const LINKS: [&str; 5] = ["require", "require-dev", "conflict", "provide", "replace"];

/// The constraint that stands for the version itself.
const SELF: &str = "self.version";

/// Checks that every link has a constraint that Composer can read.
pub(super) fn check(manifest: &Map<String, Value>) -> Result<()> {
    for member in LINKS {
        for (package, constraint) in texts_of(manifest, member)? {
            if package.is_empty() || package.chars().any(|c| c.is_control() || c == ' ') {
                return Err(wrong(&format!("{member}: '{}' is no name of a package", shown(package))));
            }
            if constraint != SELF
                && let Err(error) = constraint.parse::<Constraint>()
            {
                return Err(wrong(&format!("{member}: {}: {error}", shown(package))));
            }
        }
    }
    texts_of(manifest, "suggest").map(|_| ())
}

/// The members of an object of texts.
fn texts_of<'a>(manifest: &'a Map<String, Value>, member: &str) -> Result<Vec<(&'a str, &'a str)>> {
    let texts = match manifest.get(member) {
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
