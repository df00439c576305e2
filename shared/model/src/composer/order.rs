//! The order of Composer's versions, which is that of PHP's `version_compare`.

use std::cmp::Ordering;

/// The place of a normalised version among others.
#[derive(Debug, Clone)]
pub(super) enum Place {
    /// A branch such as `dev-main`. No number says where it stands; for the order, before all others and by its name.
    Branch(String),
    /// Numbers and words.
    Parts(Vec<Part>),
}

/// A run of digits or of letters. Everything between is a separator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    /// A word that PHP does not know, such as the `stable` of `1.0.0.0-stable`.
    Unknown,
    Dev,
    Alpha,
    Beta,
    Candidate,
    /// Nothing more: where the shorter of two versions ends.
    End,
    /// A number. PHP reads it as a signed 64-bit integer and stops at the largest.
    Number(i64),
    Patch,
}

impl Place {
    /// The place of a text that is normalised already.
    pub(super) fn of(normalized: &str) -> Self {
        if normalized.starts_with("dev-") {
            return Self::Branch(normalized.into());
        }
        let mut parts = Vec::new();
        let mut rest = normalized;
        while let Some(first) = rest.chars().next() {
            let is_same_kind = |c: char| {
                if first.is_ascii_digit() { c.is_ascii_digit() } else { c.is_ascii_alphabetic() }
            };
            let length = rest.find(|c| !is_same_kind(c)).unwrap_or(rest.len());
            let (run, behind) = rest.split_at(length.max(first.len_utf8()));
            if first.is_ascii_alphanumeric() {
                parts.push(Part::of(run));
            }
            rest = behind;
        }
        Self::Parts(parts)
    }

    pub(super) fn is_branch(&self) -> bool {
        matches!(self, Self::Branch(_))
    }
}

impl Part {
    fn of(run: &str) -> Self {
        if run.starts_with(|c: char| c.is_ascii_digit()) {
            return Self::Number(run.parse().unwrap_or(i64::MAX));
        }
        // A word counts as the first known one that it begins with.
        let begins = |known: &str| run.starts_with(known);
        match () {
            () if begins("dev") => Self::Dev,
            () if begins("a") => Self::Alpha,
            () if begins("b") => Self::Beta,
            () if begins("RC") || begins("rc") => Self::Candidate,
            () if begins("p") => Self::Patch,
            () => Self::Unknown,
        }
    }
}

impl Ord for Place {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Branch(one), Self::Branch(two)) => one.cmp(two),
            (Self::Branch(_), Self::Parts(_)) => Ordering::Less,
            (Self::Parts(_), Self::Branch(_)) => Ordering::Greater,
            (Self::Parts(one), Self::Parts(two)) => {
                let part = |parts: &[Part], at: usize| parts.get(at).copied().unwrap_or(Part::End);
                (0..one.len().max(two.len()))
                    .map(|at| part(one, at).cmp(&part(two, at)))
                    .find(|order| order.is_ne())
                    .unwrap_or(Ordering::Equal)
            }
        }
    }
}

impl PartialOrd for Place {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Place {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Place {}
