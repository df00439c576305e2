//! Ranges of versions, each in the grammar of its protocol.

use crate::composer::{ComposerVersion, Constraint};
use crate::error::{Error, Result};
use crate::maven::MavenRange;
use crate::npm::NpmRange;
use crate::package::PackageType;
use crate::raw::RawVersion;
use crate::swift::SwiftRange;

mod comparator;

pub(crate) use comparator::{Comparator, Operator, split_comparisons};

/// Longest range, in bytes.
pub const MAX_RANGE: usize = 1000;

/// A range of versions in the grammar of one protocol: what a seller writes into a licence or a permission.
///
/// | protocol | grammar | `*` |
/// |---|---|---|
/// | npm, Kotlin Multiplatform | ranges of node's `semver`; pre-releases only when named | all but pre-releases |
/// | Composer | [`Constraint`] | everything |
/// | Maven | `[1.0,2.0)`, unions; a bare version is that version | everything |
/// | Swift | `1.0.0..<2.0.0`, comparators, `^1.2.0` | everything |
/// | files | a range of npm for versions that are semantic, else equal text | everything |
///
/// Nothing is a range that is empty or has an empty part (`||`): what would give everything away has to be written as
/// `*`. At most [`MAX_RANGE`] bytes of printable ASCII; reading takes time in proportion to that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Range {
    text: String,
    rule: Rule,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Rule {
    Npm(NpmRange),
    Composer(Constraint),
    Maven(MavenRange),
    Swift(SwiftRange),
    /// Everything that has a version.
    Everything,
    /// The text itself, and what a range of npm finds if the text is one.
    Raw(Option<NpmRange>),
}

impl Range {
    /// Reads a range in the grammar of a protocol.
    ///
    /// # Errors
    /// `BadRequest` that names the grammar, says what is wrong and shows ranges as they are meant.
    pub fn parse(kind: PackageType, text: &str) -> Result<Self> {
        if text.len() > MAX_RANGE {
            let why = format!("it is longer than {MAX_RANGE} bytes");
            return Err(refuse_range(text, grammar(kind), &why, example(kind)));
        }
        let text = text.trim_ascii();
        let refuse = |why: String| refuse_range(text, grammar(kind), &why, example(kind));
        let check = || {
            if text.is_empty() {
                return Err("it is empty; everything is '*'".to_owned());
            }
            if !text.bytes().all(|b| b == b' ' || b.is_ascii_graphic()) {
                return Err("it has characters that are not printable ASCII".to_owned());
            }
            Ok(())
        };
        check().map_err(refuse)?;
        let rule = match kind {
            PackageType::Npm | PackageType::Kmp => Rule::Npm(NpmRange::parse(text).map_err(refuse)?),
            PackageType::Composer => Rule::Composer(text.parse()?),
            _ if text == "*" => Rule::Everything,
            PackageType::Maven => Rule::Maven(MavenRange::parse(text).map_err(refuse)?),
            PackageType::Swift => Rule::Swift(SwiftRange::parse(text).map_err(refuse)?),
            PackageType::Raw => match NpmRange::parse(text) {
                Ok(range) => Rule::Raw(Some(range)),
                Err(_) if text.parse::<RawVersion>().is_ok() => Rule::Raw(None),
                Err(why) => return Err(refuse(why)),
            },
        };
        Ok(Self { text: text.into(), rule })
    }

    /// The text as it was given, without spaces around it. Reading it again gives the same range.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether a version is in it.
    ///
    /// The version is the text that the protocol publishes or the one it is kept under, which is the same but for build
    /// metadata, case (Swift) and Composer. There it is the normal form (`8.7.2.0`) or anything else that Composer
    /// reads; only `2010.01.02`, which is the one thing as a text and another as a normal form, is taken as the latter.
    /// A text that is no version of the protocol is in no range but the one that has everything.
    pub fn contains(&self, version: &str) -> bool {
        match &self.rule {
            Rule::Npm(range) => range.contains(version),
            Rule::Composer(constraint) => {
                let version = ComposerVersion::from_normalized(version).or_else(|_| version.parse());
                constraint.is_everything() || version.is_ok_and(|version| constraint.contains(&version))
            }
            Rule::Maven(range) => range.contains(version),
            Rule::Swift(range) => range.contains(version),
            Rule::Everything => true,
            Rule::Raw(range) => {
                version == self.text || range.as_ref().is_some_and(|range| range.contains(version))
            }
        }
    }
}

/// What a range of the protocol is called.
fn grammar(kind: PackageType) -> &'static str {
    match kind {
        PackageType::Npm | PackageType::Kmp => "range of npm",
        PackageType::Composer => "constraint of Composer",
        PackageType::Maven => "version range of Maven",
        PackageType::Swift => "range of Swift versions",
        PackageType::Raw => "range of npm, nor a version of files",
    }
}

/// Ranges of the protocol, as an error shows them.
fn example(kind: PackageType) -> &'static str {
    match kind {
        PackageType::Npm | PackageType::Kmp => "^1.2.0, >=1.0.0 <2.0.0, 1.x || 2.x or *",
        PackageType::Composer => "5.*, ^5.1 || ^6.0, >=1.0 <2.0 or *",
        PackageType::Maven => "[1.0,2.0), (,1.0],[1.2,), 1.5 or *",
        PackageType::Swift => "1.0.0..<2.0.0, >=1.0.0 <2.0.0, ^1.2.0, 1.2.3 or *",
        PackageType::Raw => "1.x, >=1.0.0 <2.0.0, 2026-02-16 or *",
    }
}

/// The error for a text that is no range.
pub(crate) fn refuse_range(text: &str, grammar: &str, why: &str, example: &str) -> Error {
    let shown: String = text.chars().take(80).collect();
    Error::BadRequest(format!(
        "'{}' is no {grammar}: {why}; write for example {example}",
        shown.escape_debug()
    ))
}

#[cfg(test)]
mod tests;
