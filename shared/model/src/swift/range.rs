//! Ranges of Swift versions.

use semver::Version;

use super::SwiftVersion;
use crate::range::{Comparator, Operator, split_comparisons};

/// Operators, longer ones before those that they begin with.
const OPERATORS: [&str; 7] = ["^", "~", ">=", "<=", ">", "<", "="];

/// A range in the words of a `Package.swift`, or in comparisons.
///
/// | text | means |
/// |---|---|
/// | `1.2.3` | that version (`exact:`) |
/// | `1.0.0..<2.0.0`, `1.0.0...1.9.0` | from the first to the last, without it or with it |
/// | `^1.2.0` | `1.2.0..<2.0.0`, SwiftPM's `from:` and `.upToNextMajor`: `^0.2.0` ends before 1.0.0 as well |
/// | `~1.2.0` | `1.2.0..<1.3.0`, `.upToNextMinor` |
/// | `>=1.0.0 <2.0.0` | both; a comma may stand between them |
/// | `1.0.0 \|\| ^2.0.0` | one of them |
///
/// Versions have all three numbers, as in a `Package.swift`. Pre-releases are found as SwiftPM finds them: by
/// precedence, but only if a bound is a pre-release itself, and never those of the release that ends a range. So
/// `1.0.0..<2.0.0` has neither 1.5.0-beta nor 2.0.0-beta, `1.0.0-beta..<2.0.0` has the first and not the second. Case
/// does not count, because it does not in the paths and keys of releases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SwiftRange {
    /// One must hold; each holds if all of its comparators do.
    alternatives: Vec<Vec<Comparator>>,
}

impl SwiftRange {
    /// Reads a range, or says what is wrong.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let text = text.to_ascii_lowercase();
        let alternatives = text.split("||").map(|alternative| set(alternative.trim()));
        Ok(Self { alternatives: alternatives.collect::<Result<_, _>>()? })
    }

    /// Whether a version is in it. A text that is no version is in none.
    pub(crate) fn contains(&self, version: &str) -> bool {
        let Ok(version) = version.to_ascii_lowercase().parse::<SwiftVersion>() else { return false };
        let Ok(version) = Version::parse(version.as_str()) else { return false };
        self.alternatives.iter().any(|comparators| {
            comparators.iter().all(|one| one.matches(&version)) && admits_prerelease(comparators, &version)
        })
    }
}

/// Whether comparisons that a version passes let it through if it is a pre-release.
fn admits_prerelease(comparators: &[Comparator], version: &Version) -> bool {
    let ends_with_its_release = |one: &Comparator| {
        one.operator == Operator::Less && !one.is_prerelease() && one.is_of_release(version)
    };
    version.pre.is_empty()
        || comparators.is_empty()
        || (comparators.iter().any(Comparator::is_prerelease)
            && !comparators.iter().any(ends_with_its_release))
}

/// Reads what stands between two `||`.
fn set(text: &str) -> Result<Vec<Comparator>, String> {
    if text.is_empty() {
        return Err("there is nothing before or behind a '||'; everything is '*'".into());
    }
    if text == "*" {
        return Ok(Vec::new());
    }
    if let Some((low, high)) = text.split_once("..<") {
        return between(low, high, Operator::Less);
    }
    if let Some((low, high)) = text.split_once("...") {
        return between(low, high, Operator::AtMost);
    }
    let mut comparators = Vec::new();
    for part in text.split(',') {
        let comparisons = split_comparisons(part, &OPERATORS);
        if comparisons.is_empty() {
            return Err("there is nothing before or behind a ','".into());
        }
        for (operator, operand) in comparisons {
            comparators.extend(comparison(operator, version(operand)?)?);
        }
    }
    Ok(comparators)
}

fn between(low: &str, high: &str, last: Operator) -> Result<Vec<Comparator>, String> {
    let (low, high) = (version(low.trim())?, version(high.trim())?);
    let order = low.cmp_precedence(&high);
    if order.is_gt() || (order.is_eq() && last == Operator::Less) {
        return Err(format!("nothing is between {low} and {high}"));
    }
    Ok(vec![Comparator::new(Operator::AtLeast, low), Comparator::new(last, high)])
}

fn comparison(operator: &str, version: Version) -> Result<Vec<Comparator>, String> {
    let next = |number: u64| number.checked_add(1).ok_or_else(|| format!("the number {number} is too large"));
    let end = match operator {
        "^" => Version::new(next(version.major)?, 0, 0),
        "~" => Version::new(version.major, next(version.minor)?, 0),
        ">=" => return Ok(vec![Comparator::new(Operator::AtLeast, version)]),
        "<=" => return Ok(vec![Comparator::new(Operator::AtMost, version)]),
        ">" => return Ok(vec![Comparator::new(Operator::Greater, version)]),
        "<" => return Ok(vec![Comparator::new(Operator::Less, version)]),
        _ => return Ok(vec![Comparator::new(Operator::Equal, version)]),
    };
    Ok(vec![Comparator::new(Operator::AtLeast, version), Comparator::new(Operator::Less, end)])
}

fn version(text: &str) -> Result<Version, String> {
    Version::parse(text).map_err(|_| {
        let shown: String = text.chars().take(80).collect();
        format!("'{}' is no version of three numbers such as 1.2.3", shown.escape_debug())
    })
}

#[cfg(test)]
mod tests;
