//! npm's ranges.

use semver::{Prerelease, Version};

use super::NpmVersion;
use crate::range::{Comparator, Operator, split_comparisons};

/// Largest number in a version: JavaScript's largest safe integer.
const MAX_NUMBER: u64 = (1 << 53) - 1;

/// Operators, longer ones before those that they begin with.
const OPERATORS: [&str; 8] = ["~>", "~", "^", ">=", "<=", ">", "<", "="];

/// A range as node's `semver` reads it, strictly and without `includePrerelease`.
///
/// A pre-release is in it only if a part of it names a pre-release of the same three numbers: `*` and `^1.0.0` have
/// none, `>=1.2.0-rc.1` has `1.2.0-rc.2` and not `1.3.0-rc.1`. Unlike there, an empty part is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NpmRange {
    /// One must hold; each holds if all of its comparators do.
    alternatives: Vec<Vec<Comparator>>,
}

impl NpmRange {
    /// Reads a range, or says what is wrong.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let alternatives = text.split("||").map(|alternative| set(alternative.trim()));
        Ok(Self { alternatives: alternatives.collect::<Result<_, _>>()? })
    }

    /// Whether a version is in it. A text that is no version is in none.
    pub(crate) fn contains(&self, version: &str) -> bool {
        let version = version.parse::<NpmVersion>().ok();
        let Some(version) = version.and_then(|version| Version::parse(version.as_str()).ok()) else {
            return false;
        };
        self.alternatives.iter().any(|comparators| {
            comparators.iter().all(|comparator| comparator.matches(&version))
                && (version.pre.is_empty()
                    || comparators.iter().any(|one| one.is_prerelease() && one.is_of_release(&version)))
        })
    }
}

/// Reads what stands between two `||`.
fn set(text: &str) -> Result<Vec<Comparator>, String> {
    let words: Vec<&str> = text.split_ascii_whitespace().collect();
    match words.as_slice() {
        [] => Err("there is nothing before or behind a '||'; everything is '*'".into()),
        [low, "-", high] => hyphen(low, high),
        _ => {
            let mut comparators = Vec::new();
            for (operator, operand) in split_comparisons(text, &OPERATORS) {
                // `> =1.2.3` is `>=1.2.3`.
                let (operator, operand) = match (operator, operand.strip_prefix('=')) {
                    (">", Some(rest)) => (">=", rest),
                    ("<", Some(rest)) => ("<=", rest),
                    _ => (operator, operand),
                };
                comparators.extend(comparison(operator, operand)?);
            }
            Ok(comparators)
        }
    }
}

/// A version of which parts may be missing or `x`.
struct Partial<'a> {
    /// Up to the first one that is missing or `x`.
    numbers: Vec<u64>,
    prerelease: &'a str,
    /// Whether a number follows behind an `x`: `1.x.3`.
    is_broken: bool,
    /// Whether something other than one `v` stands before it: `==1.2`.
    has_signs: bool,
}

impl<'a> Partial<'a> {
    fn parse(text: &'a str) -> Result<Self, String> {
        let invalid = || invalid(text);
        let bare = text.trim_start_matches(['v', '=']);
        let signs = text.strip_suffix(bare).unwrap_or(text);
        let has_signs = !matches!(signs, "" | "v");
        let (core, build) = bare.split_once('+').unwrap_or((bare, "0"));
        let (core, prerelease) = match core.split_once('-') {
            Some((_, "")) => return Err(invalid()),
            Some(parts) => parts,
            None => (core, ""),
        };
        let mut numbers = Vec::new();
        let (mut count, mut has_wild, mut is_broken) = (0, false, false);
        for part in core.split('.') {
            count += 1;
            if matches!(part, "x" | "X" | "*") {
                has_wild = true;
                continue;
            }
            let number = number(part).ok_or_else(invalid)?;
            if has_wild {
                is_broken = true;
            } else {
                numbers.push(number);
            }
        }
        let is_identifier =
            |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        let fits = count <= 3
            && (prerelease.is_empty() || (count == 3 && Prerelease::new(prerelease).is_ok()))
            && build.split('.').all(is_identifier);
        if fits { Ok(Self { numbers, prerelease, is_broken, has_signs }) } else { Err(invalid()) }
    }

    /// The version itself, if all of its numbers are there.
    fn whole(&self) -> Option<Version> {
        let [major, minor, patch] = *self.numbers.as_slice() else { return None };
        let pre = Prerelease::new(self.prerelease).ok()?;
        Some(Version { pre, ..Version::new(major, minor, patch) })
    }

    /// The lowest release that it can mean.
    fn lowest(&self) -> Version {
        self.whole().unwrap_or_else(|| {
            let number = |at: usize| self.numbers.get(at).copied().unwrap_or(0);
            Version::new(number(0), number(1), number(2))
        })
    }

    /// The first release behind all that have the same first numbers, `count` of them.
    fn behind(&self, count: usize) -> Result<Version, String> {
        let number = |at: usize| match self.numbers.get(at).copied().unwrap_or(0) {
            number if at + 1 == count => number + 1,
            number if at < count => number,
            _ => 0,
        };
        let version = Version::new(number(0), number(1), number(2));
        if version.major.max(version.minor).max(version.patch) > MAX_NUMBER {
            return Err(format!("a number is larger than {}", MAX_NUMBER - 1));
        }
        Ok(version)
    }

    /// Refuses `x.1` and `==1.2.3`, which node has only where `^` or `~` stands before them.
    fn check(&self, text: &str) -> Result<(), String> {
        if self.is_broken || (self.has_signs && self.numbers.len() == 3) {
            return Err(invalid(text));
        }
        Ok(())
    }
}

fn invalid(text: &str) -> String {
    let shown: String = text.chars().take(80).collect();
    format!("'{}' is no version and no part of one", shown.escape_debug())
}

/// A number without leading zeros.
fn number(text: &str) -> Option<u64> {
    let is_number = text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|number| is_number && *number <= MAX_NUMBER)
}

/// `1.2 - 2.3`: both ends included, and an end that is a part of a version stands for all that begins with it.
fn hyphen(low_text: &str, high_text: &str) -> Result<Vec<Comparator>, String> {
    let (low, high) = (Partial::parse(low_text)?, Partial::parse(high_text)?);
    if low.numbers.len() == 3 {
        low.check(low_text)?;
    }
    let mut comparators = Vec::new();
    if !low.numbers.is_empty() {
        comparators.push(Comparator::new(Operator::AtLeast, low.lowest()));
    }
    match high.numbers.len() {
        0 => {}
        3 if high.prerelease.is_empty() => {
            high.check(high_text)?;
            comparators.push(Comparator::new(Operator::AtMost, high.lowest()));
        }
        3 => comparators.push(Comparator::new(Operator::AtMost, high.lowest())),
        count => comparators.push(before(high.behind(count)?)),
    }
    Ok(comparators)
}

/// Less than a release and all of its pre-releases.
fn before(release: Version) -> Comparator {
    let pre = Prerelease::new("0").unwrap_or(Prerelease::EMPTY);
    Comparator::new(Operator::Less, Version { pre, ..release })
}

/// Reads one operator and what stands behind it.
fn comparison(operator: &str, operand: &str) -> Result<Vec<Comparator>, String> {
    let partial = Partial::parse(operand)?;
    let lowest = partial.lowest();
    let from = Comparator::new(Operator::AtLeast, lowest.clone());
    let count = partial.numbers.len();
    if matches!(operator, "^" | "~" | "~>") {
        let Some(major) = partial.numbers.first() else { return Ok(Vec::new()) };
        // How many of the first numbers stay as they are.
        let fixed = match operator {
            "^" if *major > 0 || count == 1 => 1,
            "^" if lowest.minor > 0 || count == 2 => 2,
            "^" => 3,
            _ => count.min(2),
        };
        return Ok(vec![from, before(partial.behind(fixed)?)]);
    }
    partial.check(operand)?;
    if count == 3 {
        let operator = match operator {
            ">" => Operator::Greater,
            ">=" => Operator::AtLeast,
            "<" => Operator::Less,
            "<=" => Operator::AtMost,
            _ => Operator::Equal,
        };
        return Ok(vec![Comparator::new(operator, lowest)]);
    }
    Ok(match operator {
        // Nothing is beyond everything.
        ">" | "<" if count == 0 => vec![before(Version::new(0, 0, 0))],
        ">" => vec![Comparator::new(Operator::AtLeast, partial.behind(count)?)],
        ">=" if count > 0 => vec![from],
        "<" => vec![before(lowest)],
        "<=" if count > 0 => vec![before(partial.behind(count)?)],
        _ if count == 0 => Vec::new(),
        _ => vec![from, before(partial.behind(count)?)],
    })
}

#[cfg(test)]
mod tests;
