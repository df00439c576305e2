//! What a version of another registry says of itself, for people.

use std::sync::Arc;

use granary_model::{Error, Result};
use granary_storage::Storage;
use serde_json::{Map, Value};

use super::{ForeignPackument, stored};
use crate::details::{self, Details};
use crate::documents::{DocumentCache, Source};

/// Longest readme that is taken out of a document, in bytes. More of it is shown nowhere.
const MAX_README: usize = 1024 * 1024;

/// What npm has published in place of a readme where there was none.
const NO_README: &str = "ERROR: No README data found!";

/// What a version says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct About {
    /// Licence, addresses, dependencies.
    pub details: Details,
    /// Why it should not be used, if its publisher says so.
    pub deprecated: Option<String>,
    /// Its readme. Registries have that of `latest` for the package as a whole.
    pub readme: Option<String>,
}

impl About {
    fn of(packument: &ForeignPackument<'_>, version: &str) -> Option<Self> {
        let mut manifest: Map<String, Value> =
            serde_json::from_str(packument.manifest(version)?.get()).unwrap_or_default();
        let mut readme = manifest.get("readme").and_then(Value::as_str).and_then(readme_text);
        let is_latest = packument.index.tags.get("latest").is_some_and(|latest| latest == version);
        if is_latest && readme.is_none() {
            readme = packument.text("readme").and_then(|text| readme_text(&text));
            let file = packument.text("readmeFilename");
            manifest.extend(file.map(|file| ("readmeFilename".to_owned(), file.into_owned().into())));
        }
        let deprecated = match manifest.get("deprecated") {
            Some(Value::String(text)) => details::text(text),
            Some(Value::Bool(true)) => Some("deprecated".into()),
            _ => None,
        };
        Some(Self { details: Details::of_manifest(&manifest), deprecated, readme })
    }

    /// About how many bytes it takes in memory.
    fn weight(&self) -> usize {
        let dependencies = self.details.dependencies.iter().map(|one| 100 + one.name.len() + one.range.len());
        1_000 + dependencies.sum::<usize>() + self.readme.as_ref().map_or(0, String::len)
    }
}

fn readme_text(text: &str) -> Option<String> {
    let is_there = !text.trim().is_empty() && text.trim() != NO_README;
    is_there.then(|| text.get(..text.floor_char_boundary(MAX_README)).unwrap_or_default().to_owned())
}

/// What a version says of itself, from the document that is kept of its package; `None` if that does not have it.
///
/// # Errors
/// `Unavailable` if the document is not there.
pub async fn about(
    documents: &DocumentCache,
    storage: &Storage,
    source: &Source,
    version: &str,
) -> Result<Arc<Option<About>>> {
    let load = async {
        let text = stored::text(storage, source).await?;
        let (name, at) = stored::identity(source)?;
        let version = version.to_owned();
        let read = tokio::task::spawn_blocking(move || {
            ForeignPackument::read(&text, &name, at).map(|packument| About::of(&packument, &version))
        });
        let about = read.await.map_err(|e| Error::internal("reading a manifest", e))??;
        let weight = about.as_ref().map_or(0, About::weight);
        Ok((about, weight))
    };
    let name = format!("{}#about/{version}", stored::object(source)?.path());
    documents.loaded(name, load).await
}

#[cfg(test)]
mod tests {
    use granary_model::Timestamp;
    use serde_json::json;

    use super::*;
    use crate::details::ReadmeFormat;

    fn packument(of_package: &Value, manifest: &Value) -> String {
        let dist = json!({ "tarball": "https://registry.example.com/pad.tgz" });
        let mut versions = Map::new();
        for version in ["1.0.0", "2.0.0"] {
            let mut one = json!({ "name": "pad", "version": version, "dist": dist });
            one.as_object_mut().unwrap().extend(manifest.as_object().unwrap().clone());
            versions.insert(version.into(), one);
        }
        let mut document = json!({ "name": "pad", "dist-tags": { "latest": "2.0.0" }, "versions": versions });
        document.as_object_mut().unwrap().extend(of_package.as_object().unwrap().clone());
        document.to_string()
    }

    fn of(text: &str, version: &str) -> Option<About> {
        let name = "pad".parse().unwrap();
        let packument = ForeignPackument::read(text.as_bytes(), &name, Timestamp::from_millis(0)).unwrap();
        About::of(&packument, version)
    }

    #[test]
    fn the_readme_of_the_package_is_that_of_its_latest_version() {
        let text = packument(&json!({ "readme": "# Pad", "readmeFilename": "README.txt" }), &json!({}));
        let latest = of(&text, "2.0.0").unwrap();
        assert_eq!((latest.readme.as_deref(), latest.details.readme), (Some("# Pad"), ReadmeFormat::Text));
        let other = of(&text, "1.0.0").unwrap();
        assert_eq!((other.readme, other.details.readme), (None, ReadmeFormat::Markdown));
        let own = packument(&json!({ "readme": "of the package" }), &json!({ "readme": "own" }));
        assert_eq!(of(&own, "2.0.0").unwrap().readme.as_deref(), Some("own"));
        let none = packument(&json!({ "readme": NO_README }), &json!({ "readme": " " }));
        assert_eq!(of(&none, "2.0.0").unwrap().readme, None);
        assert_eq!(of(&none, "3.0.0"), None);
    }

    #[test]
    fn what_a_manifest_says_is_found_whatever_else_is_in_it() {
        let manifest = json!({
            "license": { "type": "MIT" }, "dependencies": { "leaf": "^1.0.0", "odd": 7 }, "deprecated": "Use another",
            "homepage": ["no text"],
        });
        let about = of(&packument(&json!({}), &manifest), "1.0.0").unwrap();
        assert_eq!((about.details.license.as_deref(), about.details.homepage), (Some("MIT"), None));
        assert_eq!(about.details.dependencies.len(), 2);
        assert_eq!(about.deprecated.as_deref(), Some("Use another"));
        let undone = packument(&json!({}), &json!({ "deprecated": false }));
        assert_eq!(of(&undone, "1.0.0").unwrap().deprecated, None);
    }
}
