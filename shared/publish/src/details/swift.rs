//! Of the metadata of a release. What it depends on stands in its manifest, which is a program.

use granary_model::Result;
use granary_storage::rows::VersionRow;
use serde_json::Value;

use super::{Details, text};
use crate::swift::facts::SwiftFacts;

pub(super) fn details(row: &VersionRow) -> Result<Details> {
    let facts = SwiftFacts::from_row(&row.facts)?;
    Ok(of_facts(&facts))
}

pub(super) fn of_facts(facts: &SwiftFacts) -> Details {
    let member = |name: &str| facts.metadata.get(name).and_then(Value::as_str);
    let sources = facts.source_urls();
    // The first that a browser can go to; others are for `git`.
    let source = sources.iter().find(|url| url.starts_with("http")).or(sources.first());
    Details {
        // Other registries have the name of the licence here, or its address.
        license: member("license").filter(|license| !license.starts_with("http")).and_then(text),
        license_url: member("licenseURL").and_then(text),
        repository: source.map(String::as_str).and_then(text),
        ..Details::default()
    }
}
