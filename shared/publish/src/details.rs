//! What a version says of itself, in the same words for every protocol.
//!
//! Whatever is read here was written by whoever published it: texts are cut to a length at which they can be shown, and
//! addresses may be of any kind.

pub mod maven;

mod composer;
mod npm;
mod swift;

use granary_model::{PackageType, Result};
use granary_storage::rows::VersionRow;
use serde_json::{Map, Value};

use crate::composer::facts::ComposerFacts;
use crate::swift::facts::SwiftFacts;

/// Longest text, in characters.
const MAX_TEXT: usize = 2_000;

/// Longest name, range and kind of a dependency, in characters.
const MAX_NAME: usize = 300;

/// What a version says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Details {
    /// Its licence, as it is written: an SPDX expression, or any other text.
    pub license: Option<String>,
    /// Where the licence can be read.
    pub license_url: Option<String>,
    /// Its page.
    pub homepage: Option<String>,
    /// Where its source is.
    pub repository: Option<String>,
    /// What it needs. Of Maven's artifacts it stands in the POM: see [`maven::dependencies`].
    pub dependencies: Vec<Dependency>,
    /// What kind of text its readme is, if it has one.
    pub readme: ReadmeFormat,
}

/// Something that a version needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependency {
    /// Name, as the protocol writes it.
    pub name: String,
    /// The versions that will do. Empty where the version does not say.
    pub range: String,
    /// In which way it is needed, in the word of the protocol.
    pub kind: String,
}

/// What kind of text a readme is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ReadmeFormat {
    /// Markdown: what npm takes every readme for that does not say otherwise.
    #[default]
    Markdown,
    /// Anything else.
    Text,
}

impl Details {
    /// Of a live version.
    ///
    /// # Errors
    /// `Internal` for a row that cannot be read.
    pub fn of(kind: PackageType, row: &VersionRow) -> Result<Self> {
        match kind {
            PackageType::Npm => npm::details(row),
            PackageType::Maven => maven::details(row),
            PackageType::Swift => swift::details(row),
            PackageType::Composer => composer::details(row),
            PackageType::Raw | PackageType::Kmp => Ok(Self::default()),
        }
    }

    /// Of a `package.json`.
    pub(crate) fn of_manifest(manifest: &Map<String, Value>) -> Self {
        npm::of_manifest(manifest)
    }
}

/// A version as it was published: keys have it in another form where the protocol has one.
///
/// # Errors
/// `Internal` for a row that cannot be read.
pub fn version_text(kind: PackageType, row: &VersionRow) -> Result<String> {
    Ok(match kind {
        PackageType::Swift => SwiftFacts::from_row(&row.facts)?.version.to_string(),
        PackageType::Composer => ComposerFacts::from_row(&row.facts)?.version,
        _ => row.version.clone(),
    })
}

/// A text of a manifest; `None` if there is nothing in it.
pub(crate) fn text(value: &str) -> Option<String> {
    cut(value, MAX_TEXT)
}

fn cut(value: &str, most: usize) -> Option<String> {
    let text: String = value.trim().chars().take(most).collect();
    Some(text).filter(|text| !text.is_empty())
}

fn dependency(name: &str, range: &str, kind: &str) -> Option<Dependency> {
    let short = |text: &str| cut(text, MAX_NAME);
    Some(Dependency { name: short(name)?, range: short(range).unwrap_or_default(), kind: short(kind)? })
}

#[cfg(test)]
mod tests;
