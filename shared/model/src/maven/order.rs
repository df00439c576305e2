//! The order of Maven versions.

use std::cmp::Ordering;

/// A version as Maven compares it (its `ComparableVersion`, as of Maven 4).
///
/// Equal means equal in order: `1`, `1.0` and `1-ga` have one place. A text becomes a row of symbols, and two
/// rows are compared symbol by symbol, the shorter one going on with "nothing more". All symbols stand in one
/// line (`Symbol`), so this is a total order whatever the texts are, and sorting relies on that.
///
/// One corner differs from Maven: `1.x.2` and `1-x.2` are the same here. Maven finds the second one later
/// than every `1.x.n`, although it holds `1.x` and `1-x` to be the same.
#[derive(Debug, Clone)]
pub struct ComparableVersion(Vec<Symbol>);

/// A part of a version. Declared in the order in which they rank.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Symbol {
    /// A word, with the number behind it if there is one: `rc1`, `alpha-2`, `final`.
    Word(Qualifier, Option<Number>),
    /// A number after a hyphen: later than the release, earlier than the next fix.
    Patch(Number),
    /// A number after a dot, or the first one.
    Number(Number),
}

/// What "nothing more" equals. Words before it make a version earlier, words after it later.
const NOTHING: Symbol = Symbol::Word(Qualifier::Release, None);

/// What a word means. Declared in the order in which they rank.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Qualifier {
    Alpha,
    Beta,
    Milestone,
    Candidate,
    Snapshot,
    Release,
    ServicePack,
    Other(String),
}

/// A number of any length: its digits without leading zeros, so zero has none.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Number(String);

impl ComparableVersion {
    /// Reads any text; there is none that is not a version.
    pub fn new(text: &str) -> Self {
        let text = text.to_ascii_lowercase();
        let (mut rest, mut after_hyphen, mut symbols) = (text.as_str(), false, Vec::new());
        while !rest.is_empty() {
            let symbol;
            (symbol, rest) = next_symbol(rest, after_hyphen);
            symbols.push(symbol);
            after_hyphen = rest.starts_with('-');
            rest = rest.strip_prefix(['-', '.']).unwrap_or(rest);
        }
        trim(&mut symbols);
        Self(symbols)
    }
}

/// Takes a symbol off the front. Where digits and letters touch, one symbol ends and the next begins; where
/// two separators touch, there is a zero between them.
fn next_symbol(text: &str, after_hyphen: bool) -> (Symbol, &str) {
    let (digits, rest) = split_while(text, |c| c.is_ascii_digit());
    if !digits.is_empty() || rest.starts_with(['-', '.']) {
        let number = Number::new(digits);
        return (if after_hyphen { Symbol::Patch(number) } else { Symbol::Number(number) }, rest);
    }
    let (word, rest) = split_while(text, |c| !c.is_ascii_digit() && c != '-' && c != '.');
    // `rc1` and `rc-1` are the same.
    let (digits, behind) = split_while(rest.strip_prefix('-').unwrap_or(rest), |c| c.is_ascii_digit());
    if digits.is_empty() {
        (Symbol::Word(Qualifier::of(word, false), None), rest)
    } else {
        (numbered_word(word, Number::new(digits)), behind)
    }
}

fn numbered_word(word: &str, number: Number) -> Symbol {
    let qualifier = Qualifier::of(word, true);
    // `ga0` adds nothing to a release, like `ga` itself.
    let counts = qualifier != Qualifier::Release || !number.is_zero();
    Symbol::Word(qualifier, counts.then_some(number))
}

fn split_while(text: &str, wanted: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|c| !wanted(c)).unwrap_or(text.len()))
}

/// Removes zeros that mean nothing: those with no other number behind them before the next word or the end.
fn trim(symbols: &mut Vec<Symbol>) {
    let mut means_nothing = true;
    let mut kept = Vec::with_capacity(symbols.len());
    while let Some(symbol) = symbols.pop() {
        let is_zero = match &symbol {
            Symbol::Word(..) => {
                means_nothing = true;
                false
            }
            Symbol::Patch(number) | Symbol::Number(number) => number.is_zero(),
        };
        if is_zero && means_nothing {
            continue;
        }
        means_nothing = matches!(symbol, Symbol::Word(..));
        kept.push(symbol);
    }
    kept.reverse();
    *symbols = kept;
}

impl Qualifier {
    fn of(word: &str, has_number: bool) -> Self {
        match word {
            "alpha" => Self::Alpha,
            "beta" => Self::Beta,
            "milestone" => Self::Milestone,
            "a" if has_number => Self::Alpha,
            "b" if has_number => Self::Beta,
            "m" if has_number => Self::Milestone,
            "rc" | "cr" => Self::Candidate,
            "snapshot" => Self::Snapshot,
            "ga" | "final" | "release" => Self::Release,
            "sp" => Self::ServicePack,
            other => Self::Other(other.into()),
        }
    }
}

impl Number {
    fn new(digits: &str) -> Self {
        Self(digits.trim_start_matches('0').into())
    }

    fn is_zero(&self) -> bool {
        self.0.is_empty()
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.len().cmp(&other.0.len()).then_with(|| self.0.cmp(&other.0))
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ComparableVersion {
    fn cmp(&self, other: &Self) -> Ordering {
        let length = self.0.len().max(other.0.len());
        let symbols = |row: &'_ Self, at: usize| row.0.get(at).cloned().unwrap_or(NOTHING);
        (0..length)
            .map(|at| symbols(self, at).cmp(&symbols(other, at)))
            .find(|order| order.is_ne())
            .unwrap_or(Ordering::Equal)
    }
}

impl PartialOrd for ComparableVersion {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for ComparableVersion {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for ComparableVersion {}

#[cfg(test)]
mod tests;
