//! Of `package.json`.

use granary_model::{Error, Result};
use granary_storage::rows::VersionRow;
use serde_json::{Map, Value};

use super::{Details, ReadmeFormat, dependency, text};
use crate::npm::facts::NpmFacts;

/// Members with dependencies, and what their kind is called. npm writes optional ones into `dependencies` as well.
const KINDS: [(&str, &str); 4] = [
    ("dependencies", "runtime"),
    ("optionalDependencies", "optional"),
    ("peerDependencies", "peer"),
    ("devDependencies", "dev"),
];

pub(super) fn details(row: &VersionRow) -> Result<Details> {
    let facts = NpmFacts::from_row(&row.facts)?;
    let manifest: Map<String, Value> =
        serde_json::from_str(facts.full.get()).map_err(|e| Error::internal("reading a manifest", e))?;
    Ok(of_manifest(&manifest))
}

pub(super) fn of_manifest(manifest: &Map<String, Value>) -> Details {
    let (license, license_url) = license(manifest);
    let repository = match manifest.get("repository") {
        Some(Value::Object(repository)) => repository.get("url").and_then(Value::as_str),
        other => other.and_then(Value::as_str),
    };
    let optional = manifest.get("optionalDependencies").and_then(Value::as_object);
    let mut dependencies = Vec::new();
    for (member, kind) in KINDS {
        let entries = manifest.get(member).and_then(Value::as_object).into_iter().flatten();
        let entries = entries.filter(|(name, _)| {
            member != "dependencies" || !optional.is_some_and(|optional| optional.contains_key(*name))
        });
        dependencies.extend(
            entries.filter_map(|(name, range)| dependency(name, range.as_str().unwrap_or_default(), kind)),
        );
    }
    Details {
        license,
        license_url,
        homepage: manifest.get("homepage").and_then(Value::as_str).and_then(text),
        repository: repository.and_then(text),
        dependencies,
        readme: readme(manifest.get("readmeFilename").and_then(Value::as_str)),
    }
}

/// The licence in each of the forms that there have been: a text, an object, a list of objects.
fn license(manifest: &Map<String, Value>) -> (Option<String>, Option<String>) {
    let member = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).and_then(text);
    match (manifest.get("license"), manifest.get("licenses").and_then(Value::as_array)) {
        (Some(Value::String(license)), _) => (text(license), None),
        (Some(license @ Value::Object(_)), _) => (member(license, "type"), member(license, "url")),
        (_, Some(list)) => {
            let types: Vec<String> = list.iter().filter_map(|license| member(license, "type")).collect();
            let url = list.first().filter(|_| list.len() == 1).and_then(|license| member(license, "url"));
            (text(&types.join(" OR ")), url)
        }
        _ => (None, None),
    }
}

/// Markdown, unless the name of the file says that it is something else.
fn readme(file: Option<&str>) -> ReadmeFormat {
    let end = file.and_then(|file| file.rsplit_once('.')).map(|(_, end)| end.to_ascii_lowercase());
    match end.as_deref() {
        None | Some("md" | "markdown" | "mdown" | "mkdn" | "mkd") => ReadmeFormat::Markdown,
        Some(_) => ReadmeFormat::Text,
    }
}
