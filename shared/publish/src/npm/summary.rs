//! What a package's head and the repository's list show of it, cut so that it fits into their rows.

use std::collections::BTreeMap;

use granary_model::npm::DistTag;
use granary_model::{Error, Result};
use granary_storage::rows::{HeadRow, VersionRow};
use serde_json::{Map, Value};

use super::facts::NpmFacts;
use crate::head_edit::listed_description;

/// Most keywords in lists.
const KEYWORDS: usize = 50;

/// Longest keyword in lists, in characters.
const KEYWORD: usize = 80;

/// Most dist-tags of a package: they stand in its head.
const TAGS: usize = 500;

/// Description and keywords of the version that `latest` names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Summary {
    description: Option<String>,
    keywords: Vec<String>,
}

impl Summary {
    /// Of a version's manifest.
    pub(crate) fn of(manifest: &Map<String, Value>) -> Self {
        let beginning = |text: &str, most: usize| -> String { text.chars().take(most).collect() };
        let description = manifest.get("description").and_then(Value::as_str);
        let words = manifest.get("keywords").and_then(Value::as_array).into_iter().flatten();
        Self {
            description: description.map(listed_description),
            keywords: words.filter_map(Value::as_str).take(KEYWORDS).map(|w| beginning(w, KEYWORD)).collect(),
        }
    }

    /// Of a stored version.
    pub(crate) fn of_row(row: &VersionRow) -> Result<Self> {
        let facts = NpmFacts::from_row(&row.facts)?;
        let manifest =
            serde_json::from_str(facts.full.get()).map_err(|e| Error::internal("reading a manifest", e))?;
        Ok(Self::of(&manifest))
    }

    /// Puts it into the head.
    pub(crate) fn show_in(&self, head: &mut HeadRow) {
        head.description.clone_from(&self.description);
        head.keywords.clone_from(&self.keywords);
    }
}

/// Refuses tags that would be too many for a package. Those that only move are no more than before.
pub(crate) fn check_tags(present: &BTreeMap<String, String>, added: &[DistTag]) -> Result<()> {
    // Every package has `latest`, named or not.
    let unknown = |tag: &&DistTag| !tag.is_latest() && !present.contains_key(tag.as_str());
    let new = added.iter().filter(unknown).count();
    let now = present.keys().filter(|tag| *tag != "latest").count() + 1;
    if new > 0 && now + new > TAGS {
        return Err(Error::BadRequest(format!("a package has at most {TAGS} dist-tags; remove some first")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn summary(manifest: &Value) -> Summary {
        Summary::of(manifest.as_object().unwrap())
    }

    #[test]
    fn lists_show_the_beginning() {
        let long = summary(&json!({
            "description": "\u{e4}".repeat(2_000),
            "keywords": (0..60).map(|n| format!("{n}{}", "x".repeat(100))).collect::<Vec<_>>(),
        }));
        assert_eq!(long.description.unwrap().chars().count(), 1_000);
        assert_eq!(long.keywords.len(), KEYWORDS);
        assert!(long.keywords.iter().all(|word| word.chars().count() == KEYWORD));
        let odd = summary(&json!({ "description": 7, "keywords": ["a", 7, null, "b"] }));
        assert_eq!(odd, Summary { description: None, keywords: vec!["a".into(), "b".into()] });
        assert_eq!(summary(&json!({ "keywords": "a b" })), Summary::default());
    }

    #[test]
    fn tags_are_counted_with_latest() {
        let tags = |count: usize| -> Vec<DistTag> {
            (0..count).map(|n| format!("t-{n}").parse().unwrap()).collect()
        };
        let present = |count: usize| -> BTreeMap<String, String> {
            tags(count).iter().map(|tag| (tag.to_string(), "1.0.0".to_owned())).collect()
        };
        assert!(check_tags(&BTreeMap::new(), &tags(TAGS - 1)).is_ok());
        assert!(check_tags(&BTreeMap::new(), &tags(TAGS)).is_err());
        assert!(check_tags(&present(TAGS - 1), &tags(TAGS - 1)).is_ok(), "they only move");
        assert!(check_tags(&present(TAGS - 1), &tags(TAGS)).is_err());
        assert!(check_tags(&present(TAGS - 1), &[DistTag::latest()]).is_ok());
    }
}
