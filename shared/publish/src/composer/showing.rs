//! What a head shows of the versions of a Composer package.

use granary_model::Result;
use granary_model::composer::{ComposerVersion, Stability};
use granary_storage::rows::{HeadRow, VersionRow};

use serde_json::{Map, Value};

use super::facts::ComposerFacts;
use crate::head_edit::listed_description;
use crate::seen::Showing;

/// Most keywords in lists.
const KEYWORDS: usize = 50;

/// Longest keyword in lists, in characters.
const KEYWORD: usize = 80;

/// `latest` is the highest stable version, else the highest that is no branch, else the highest branch.
#[derive(Debug, Clone, Copy, Default)]
pub struct ComposerShowing;

impl Showing for ComposerShowing {
    fn show(head: &mut HeadRow, rows: &[VersionRow]) -> Result<()> {
        show(head, rows)
    }
}

/// The order in which versions are candidates for `latest`.
pub(super) fn rank(version: &ComposerVersion) -> (bool, bool, &ComposerVersion) {
    (version.stability() == Stability::Stable, !version.is_dev(), version)
}

/// Makes tags and texts of a head those of these versions.
pub(super) fn show(head: &mut HeadRow, rows: &[VersionRow]) -> Result<()> {
    let versions: Vec<(ComposerVersion, &VersionRow)> = rows
        .iter()
        .filter(|row| row.is_live())
        .map(|row| Ok((ComposerVersion::from_normalized(&row.version)?, row)))
        .collect::<Result<_>>()?;
    let latest = versions.iter().max_by(|(a, _), (b, _)| rank(a).cmp(&rank(b)));
    head.tags.clear();
    match latest {
        Some((_, row)) => show_latest(head, &ComposerFacts::from_row(&row.facts)?),
        None => show_texts(head, &Map::new()),
    }
    Ok(())
}

/// Shows in the head what `latest` says of itself.
pub(super) fn show_latest(head: &mut HeadRow, facts: &ComposerFacts) {
    head.tags.insert("latest".into(), facts.version.clone());
    show_texts(head, &facts.manifest);
}

/// Puts what lists show of a `composer.json` into the head, cut so that it fits into rows.
fn show_texts(head: &mut HeadRow, manifest: &Map<String, Value>) {
    head.description = manifest.get("description").and_then(Value::as_str).map(listed_description);
    let words = manifest.get("keywords").and_then(Value::as_array).into_iter().flatten();
    let words = words.filter_map(Value::as_str).take(KEYWORDS);
    head.keywords = words.map(|word| word.chars().take(KEYWORD).collect()).collect();
}
