//! Versions of Composer packages.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use super::normal::Normal;
use super::order::Place;
use crate::error::{Error, Result};
use crate::name::{refuse, version_text};
use crate::role::ladder_text;

/// Longest version. Far more than anybody uses; it stands in paths and keys.
const MAX_LENGTH: usize = 200;

/// How finished a version is, the least finished first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stability {
    /// A branch, or a version that ends with `-dev`.
    Dev,
    /// `-alpha`.
    Alpha,
    /// `-beta`.
    Beta,
    /// `-RC`.
    Rc,
    /// Everything else, `-patch` included.
    Stable,
}

ladder_text!(
    Stability, "stability",
    Dev => "dev", Alpha => "alpha", Beta => "beta", Rc => "RC", Stable => "stable"
);

/// A version as Composer reads it.
///
/// Composer is forgiving: `v1.2-beta.2`, `1.2.0b2` and `1.2.0.0-beta2` are one version, and [`Self::normalized`] is
/// what they have in common. At most 200 characters of ASCII without spaces. Ordered, and equal, as PHP's
/// `version_compare` orders the normal forms: `1.0.0.0-alpha1` and `1.0.0.0-alpha01` are equal. Branches (`dev-main`)
/// come before everything else.
#[derive(Debug, Clone)]
pub struct ComposerVersion {
    text: String,
    normal: Normal,
    place: Place,
}

impl ComposerVersion {
    /// Takes a version that is in normal form already, as it is kept in keys.
    ///
    /// Parsing it would not do for dates: `2010.01.02` is the normal form of `2010-01-02`, but as a text of its own it
    /// would become `2010.01.02.0`.
    ///
    /// # Errors
    /// `BadRequest` if it is not the normal form of anything.
    pub fn from_normalized(text: &str) -> Result<Self> {
        let normal = Some(text).filter(|text| is_one_word(text)).and_then(Normal::from_normal);
        normal.map(|normal| Self::new(text, normal)).ok_or_else(|| {
            refuse("version", text, "it is not a normalised version of Composer such as 1.2.3.0 or dev-main")
        })
    }

    fn new(text: &str, normal: Normal) -> Self {
        let place = Place::of(&normal.text);
        Self { text: text.into(), normal, place }
    }

    /// The text as it was given.
    pub fn pretty(&self) -> &str {
        &self.text
    }

    /// The form that identifies the version: `8.7.2.0`, `1.2.0.0-beta2`, `dev-main`.
    pub fn normalized(&self) -> &str {
        &self.normal.text
    }

    /// How finished it is.
    pub fn stability(&self) -> Stability {
        self.normal.stability
    }

    /// Whether it belongs into the document of branches (`name~dev.json`).
    pub fn is_dev(&self) -> bool {
        self.stability() == Stability::Dev
    }

    pub(super) fn place(&self) -> &Place {
        &self.place
    }
}

/// Whether a text is short and has neither spaces nor anything but ASCII. Composer reads `1.0 as 2.0` as a version too;
/// but that is how a project calls one, not what one can be published as.
fn is_one_word(text: &str) -> bool {
    text.len() <= MAX_LENGTH && text.bytes().all(|b| b.is_ascii_graphic())
}

impl FromStr for ComposerVersion {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let normal = Some(text).filter(|text| is_one_word(text)).and_then(Normal::new);
        normal.map(|normal| Self::new(text, normal)).ok_or_else(|| {
            refuse(
                "version",
                text,
                "it is not a version of Composer such as 1.2.3, v1.2-beta2, 1.x-dev or dev-main",
            )
        })
    }
}

version_text!(ComposerVersion);

impl Ord for ComposerVersion {
    fn cmp(&self, other: &Self) -> Ordering {
        self.place.cmp(&other.place)
    }
}

#[cfg(test)]
mod tests;
