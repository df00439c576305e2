//! Comparisons with a semantic version.

use semver::Version;

/// An operator and the version behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Comparator {
    pub(crate) operator: Operator,
    pub(crate) version: Version,
}

/// How a version has to stand to another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    Equal,
    Less,
    AtMost,
    Greater,
    AtLeast,
}

impl Comparator {
    pub(crate) fn new(operator: Operator, version: Version) -> Self {
        Self { operator, version }
    }

    /// Whether a version stands so, by precedence: build metadata has no part in it.
    pub(crate) fn matches(&self, version: &Version) -> bool {
        let order = version.cmp_precedence(&self.version);
        match self.operator {
            Operator::Equal => order.is_eq(),
            Operator::Less => order.is_lt(),
            Operator::AtMost => order.is_le(),
            Operator::Greater => order.is_gt(),
            Operator::AtLeast => order.is_ge(),
        }
    }

    /// Whether a version has the same three numbers.
    pub(crate) fn is_of_release(&self, version: &Version) -> bool {
        let numbers = |version: &Version| (version.major, version.minor, version.patch);
        numbers(&self.version) == numbers(version)
    }

    pub(crate) fn is_prerelease(&self) -> bool {
        !self.version.pre.is_empty()
    }
}

/// Splits a set of comparisons at its spaces, so that each operator stands with its version: `> 1.0` is one part.
pub(crate) fn split_comparisons<'a>(text: &'a str, operators: &[&str]) -> Vec<(&'a str, &'a str)> {
    let mut words = text.split_ascii_whitespace();
    let mut parts = Vec::new();
    while let Some(word) = words.next() {
        let length =
            operators.iter().find(|operator| word.starts_with(**operator)).map_or(0, |sign| sign.len());
        let (operator, operand) = word.split_at(length);
        let operand = if operand.is_empty() { words.next().unwrap_or("") } else { operand };
        parts.push((operator, operand));
    }
    parts
}
