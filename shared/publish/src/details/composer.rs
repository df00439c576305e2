//! Of `composer.json`.

use granary_model::Result;
use granary_storage::rows::VersionRow;
use serde_json::{Map, Value};

use super::{Details, dependency, text};
use crate::composer::facts::ComposerFacts;

pub(super) fn details(row: &VersionRow) -> Result<Details> {
    Ok(of_manifest(&ComposerFacts::from_row(&row.facts)?.manifest))
}

pub(super) fn of_manifest(manifest: &Map<String, Value>) -> Details {
    let license = match manifest.get("license") {
        // Whoever uses the package may choose one of a list.
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" or "),
        other => other.and_then(Value::as_str).unwrap_or_default().to_owned(),
    };
    let source = manifest.get("support").and_then(|support| support.get("source")).and_then(Value::as_str);
    let dependencies = ["require", "require-dev"].into_iter().flat_map(|kind| {
        let entries = manifest.get(kind).and_then(Value::as_object).into_iter().flatten();
        entries.filter_map(move |(name, range)| dependency(name, range.as_str().unwrap_or_default(), kind))
    });
    Details {
        license: text(&license),
        homepage: manifest.get("homepage").and_then(Value::as_str).and_then(text),
        repository: source.and_then(text),
        dependencies: dependencies.collect(),
        ..Details::default()
    }
}
