//! Constraints: which versions of a Composer package are meant.

use std::fmt;
use std::str::FromStr;

use super::order::Place;
use super::version::ComposerVersion;
use crate::error::{Error, Result};
use crate::range::{MAX_RANGE, refuse_range};

mod parse;

/// A constraint of Composer, such as `5.*`, `^5.1 || ^6.0` or `>=1.0 <2.0`.
///
/// At most [`MAX_RANGE`] bytes. It means what it means to the client; what surprises most: wild cards, `^` and `~` begin
/// with the unfinished versions of their lowest (`5.*` is `>=5.0.0.0-dev <6.0.0.0-dev`, so 5.0.0-beta1 is in it and
/// 6.0.0-beta1 is not), a partial end of `1.0 - 2.0` includes all of 2.0, and branches such as `dev-main` are in no
/// constraint but their own, `*` and `!=` another. `@stability` is read and filters nothing, and `#hash` is dropped:
/// both are the business of the client.
#[derive(Debug, Clone)]
pub struct Constraint {
    text: String,
    /// Each holds if all of its comparators do; one of them must hold. `None`: everything is in it.
    alternatives: Option<Vec<Vec<Comparator>>>,
}

/// An operator and the version behind it.
#[derive(Debug, Clone)]
struct Comparator {
    operator: Operator,
    place: Place,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Less,
    AtMost,
    Greater,
    AtLeast,
}

impl Comparator {
    fn matches(&self, place: &Place) -> bool {
        if self.place.is_branch() || place.is_branch() {
            // Branches have no order: the same one or not is all that can be said.
            return match self.operator {
                Operator::Equal => place == &self.place,
                Operator::NotEqual => place != &self.place,
                _ => false,
            };
        }
        let order = place.cmp(&self.place);
        match self.operator {
            Operator::Equal => order.is_eq(),
            Operator::NotEqual => order.is_ne(),
            Operator::Less => order.is_lt(),
            Operator::AtMost => order.is_le(),
            Operator::Greater => order.is_gt(),
            Operator::AtLeast => order.is_ge(),
        }
    }
}

impl Constraint {
    /// The text as it was given, without spaces around it.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether a version is in it.
    pub fn contains(&self, version: &ComposerVersion) -> bool {
        let Some(alternatives) = &self.alternatives else { return true };
        alternatives
            .iter()
            .any(|comparators| comparators.iter().all(|comparator| comparator.matches(version.place())))
    }

    /// Whether it was written as `*`, which even branches are in.
    pub(crate) fn is_everything(&self) -> bool {
        self.alternatives.is_none()
    }
}

impl FromStr for Constraint {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let refuse = |why: &str| {
            refuse_range(text, "constraint of Composer", why, "5.*, ^5.1 || ^6.0, >=1.0 <2.0 or 1.0 - 2.0")
        };
        if text.len() > MAX_RANGE {
            return Err(refuse(&format!("it is longer than {MAX_RANGE} bytes")));
        }
        let trimmed = text.trim_ascii();
        let alternatives = parse::alternatives(trimmed).map_err(|why| refuse(&why))?;
        Ok(Self { text: trimmed.into(), alternatives })
    }
}

impl fmt::Display for Constraint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl PartialEq for Constraint {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Constraint {}

#[cfg(test)]
mod tests;
