//! Maven's version ranges.

use super::{ComparableVersion, MavenVersion};

/// A range as Maven's version range specification writes it.
///
/// | text | means |
/// |---|---|
/// | `[1.0,2.0)` | 1.0 <= x < 2.0 |
/// | `(,1.0]` | x <= 1.0 |
/// | `[1.5]` | 1.5 |
/// | `(,1.0],[1.2,)` | one of them; in ascending order and without overlap |
/// | `1.5` | 1.5; for Maven this is a wish that another dependency may overrule, but who sells versions means it |
///
/// Compared by Maven's order: 1.5 is 1.5.0, and `[1.0,2.0)` has 2.0-SNAPSHOT and 2.0-beta-1, which come before 2.0.
/// `[1.0,2.0-alpha)` ends before those.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MavenRange {
    /// A version has to be in one of them.
    intervals: Vec<Interval>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Interval {
    low: Option<Bound>,
    high: Option<Bound>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Bound {
    version: ComparableVersion,
    is_included: bool,
}

impl Interval {
    fn of_one(version: ComparableVersion) -> Self {
        let bound = Bound { version, is_included: true };
        Self { low: Some(bound.clone()), high: Some(bound) }
    }

    fn contains(&self, version: &ComparableVersion) -> bool {
        let above = |low: &Bound| *version > low.version || (low.is_included && *version == low.version);
        let below = |high: &Bound| *version < high.version || (high.is_included && *version == high.version);
        self.low.as_ref().is_none_or(above) && self.high.as_ref().is_none_or(below)
    }
}

impl MavenRange {
    /// Reads a range, or says what is wrong.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if !text.contains(['[', '(', ')', ']']) {
            return Ok(Self { intervals: vec![Interval::of_one(version(text)?)] });
        }
        let (mut intervals, mut rest) = (Vec::<Interval>::new(), text);
        loop {
            let (next, behind) = interval(rest)?;
            let overlaps = intervals.last().is_some_and(|before| match (&before.high, &next.low) {
                (Some(high), Some(low)) => low.version < high.version,
                _ => true,
            });
            if overlaps {
                return Err("its parts overlap or are not in ascending order".into());
            }
            intervals.push(next);
            if behind.is_empty() {
                return Ok(Self { intervals });
            }
            rest = behind.strip_prefix(',').ok_or("its parts have to be joined by ','")?.trim_start();
        }
    }

    /// Whether a version is in it. A text that is no version is in none.
    pub(crate) fn contains(&self, version: &str) -> bool {
        let Ok(version) = version.parse::<MavenVersion>() else { return false };
        let version = version.comparable();
        self.intervals.iter().any(|interval| interval.contains(&version))
    }
}

/// Takes an interval and the spaces behind it off the front.
fn interval(text: &str) -> Result<(Interval, &str), String> {
    let is_low_included = text.starts_with('[');
    let inside = text.strip_prefix(['[', '(']).ok_or("every part begins with '[' or '('")?;
    let end = inside.find([']', ')']).ok_or("a bracket is not closed")?;
    let (inside, rest) = inside.split_at(end);
    let is_high_included = rest.starts_with(']');
    let rest = rest.strip_prefix([']', ')']).unwrap_or(rest).trim_start();
    let Some((low, high)) = inside.split_once(',') else {
        if !(is_low_included && is_high_included) {
            return Err("a single version stands between '[' and ']'".into());
        }
        return Ok((Interval::of_one(version(inside)?), rest));
    };
    let (low, high) = (bound(low, is_low_included)?, bound(high, is_high_included)?);
    if let (Some(low), Some(high)) = (&low, &high) {
        let is_empty = low.version > high.version
            || (low.version == high.version && !(low.is_included && high.is_included));
        if is_empty {
            return Err(format!("nothing is in '{}'", inside.trim().escape_debug()));
        }
    }
    Ok((Interval { low, high }, rest))
}

fn bound(text: &str, is_included: bool) -> Result<Option<Bound>, String> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    Ok(Some(Bound { version: version(text)?, is_included }))
}

fn version(text: &str) -> Result<ComparableVersion, String> {
    let text = text.trim();
    text.parse::<MavenVersion>().map(|version| version.comparable()).map_err(|_| {
        let shown: String = text.chars().take(80).collect();
        format!("'{}' is no version", shown.escape_debug())
    })
}

#[cfg(test)]
mod tests;
