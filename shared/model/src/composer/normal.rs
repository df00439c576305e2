//! The normal form of Composer's versions.

use super::scan::{
    Modifier, is_plain, is_wild, modifier, numbers, split_digits, strip_alias, strip_last_word,
    strip_stability, strip_v, strip_word,
};
use super::version::Stability;

/// What stands for `x` in the normal form of a branch: later than every real number.
const OPEN: &str = "9999999";

/// A version in the form in which versions are compared and kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Normal {
    /// `1.2.0.0-beta2`, `dev-main`, `1.9999999.9999999.9999999-dev`.
    pub(super) text: String,
    pub(super) stability: Stability,
}

impl Normal {
    /// Normalises a version as Composer does. `None` if it is none.
    pub(super) fn new(text: &str) -> Option<Self> {
        let text = text.trim_matches(' ');
        if !is_plain(text) {
            return None;
        }
        let text = strip_alias(text);
        let text = strip_stability(text).map_or(text, |(rest, _)| rest);
        // These were branches without `dev-` in Composer 1.
        if matches!(text, "master" | "trunk" | "default") {
            return Self::branch(text);
        }
        if let Some(name) = strip_word(text, "dev-") {
            return Self::branch(name);
        }
        let text = without_build(text);
        numbered(text).or_else(|| Self::date(text)).or_else(|| numbered_branch(text))
    }

    /// Takes a text that is in normal form already, as [`Normal::new`] made it. `None` if it is not.
    ///
    /// Not the same as normalising again: `2010.01.02` is the normal form of the date `2010-01-02`, while the text
    /// `2010.01.02` has the normal form `2010.01.02.0`.
    pub(super) fn from_normal(text: &str) -> Option<Self> {
        let is_same = |normal: &Self| normal.text == text;
        Self::date(text).filter(is_same).or_else(|| Self::new(text).filter(is_same))
    }

    fn branch(name: &str) -> Option<Self> {
        is_branch_name(name).then(|| Self { text: format!("dev-{name}"), stability: Stability::Dev })
    }

    /// A version that is a date, with or without a time: `2010-01-02`, `20100102203040`.
    fn date(text: &str) -> Option<Self> {
        let text = strip_v(text);
        let behind = text.find(|c: char| !c.is_ascii_digit() && !is_date_separator(c)).unwrap_or(text.len());
        let length = text.get(..behind)?.rfind(|c: char| c.is_ascii_digit())? + 1;
        let (date, rest) = text.split_at_checked(length)?;
        if !is_date(date) {
            return None;
        }
        let date = date.replace(is_date_separator, ".");
        Some(Self::with_modifier(date, modifier(rest)?))
    }

    fn with_modifier(mut text: String, modifier: Modifier<'_>) -> Self {
        let Modifier { word, numbers, is_dev } = modifier;
        let (name, stability) = match word.to_ascii_lowercase().as_str() {
            // And what follows it: `1.0-stable-dev` is `1.0.0.0`. Composer knows only this spelling; of `1.0-STABLE` it
            // makes `1.0.0.0-stable`, which comes before everything else and is not its own normal form.
            "stable" => return Self { text, stability: Stability::Stable },
            "a" | "alpha" => ("alpha", Stability::Alpha),
            "b" | "beta" => ("beta", Stability::Beta),
            "rc" => ("RC", Stability::Rc),
            "p" | "pl" | "patch" => ("patch", Stability::Stable),
            _ => ("", Stability::Stable),
        };
        if !name.is_empty() {
            text.push('-');
            text.push_str(name);
            text.push_str(numbers.trim_start_matches(['.', '-']));
        }
        if is_dev {
            text.push_str("-dev");
        }
        Self { text, stability: if is_dev { Stability::Dev } else { stability } }
    }
}

/// One to four numbers, the first of at most five digits.
fn numbered(text: &str) -> Option<Normal> {
    let (mut numbers, rest) = numbers(strip_v(text));
    if numbers.first()?.len() > 5 {
        return None;
    }
    numbers.resize(4, "0");
    Some(Normal::with_modifier(numbers.join("."), modifier(rest)?))
}

/// A branch that has numbers for a name: `1.x-dev`, `1.2.*-dev`.
fn numbered_branch(text: &str) -> Option<Normal> {
    let name = strip_last_word(text, "dev")?;
    let name = strip_v(name.strip_suffix(['.', '-']).unwrap_or(name).trim_matches(' '));
    let mut parts: Vec<&str> = name.split('.').collect();
    let is_number = |part: &str| !part.is_empty() && split_digits(part).1.is_empty();
    let fits = parts.len() <= 4
        && parts.first().is_some_and(|first| is_number(first))
        && parts.iter().all(|part| is_number(part) || is_wild(part));
    if !fits {
        return None;
    }
    parts.resize(4, "x");
    let parts: Vec<&str> = parts.into_iter().map(|part| if is_wild(part) { OPEN } else { part }).collect();
    Some(Normal { text: format!("{}-dev", parts.join(".")), stability: Stability::Dev })
}

/// A text without the `+build` at its end.
fn without_build(text: &str) -> &str {
    match text.split_once('+') {
        Some((version, build))
            if !version.is_empty() && !build.is_empty() && !text.contains(' ') && !version.contains(',') =>
        {
            version
        }
        _ => text,
    }
}

fn is_date_separator(c: char) -> bool {
    matches!(c, '.' | ':' | '-')
}

/// Four digits, one to six pairs of digits, up to three digits more; a separator before each is optional.
fn is_date(text: &str) -> bool {
    let Some((year, mut rest)) = text.split_at_checked(4) else { return false };
    if !split_digits(year).1.is_empty() {
        return false;
    }
    let mut pairs = 0;
    while pairs < 6 {
        let behind = rest.strip_prefix(is_date_separator).unwrap_or(rest);
        let Some((pair, behind)) = behind.split_at_checked(2) else { break };
        if !split_digits(pair).1.is_empty() {
            break;
        }
        (pairs, rest) = (pairs + 1, behind);
    }
    let (last, rest) = split_digits(rest.strip_prefix(is_date_separator).unwrap_or(rest));
    pairs > 0 && last.len() <= 3 && rest.is_empty()
}

/// Whether git could have a branch of that name. Left out besides is what no constraint could name: it would end at a
/// `#`, `,` or `|`, and take `@dev` for a stability.
fn is_branch_name(name: &str) -> bool {
    !name.is_empty()
        && name.bytes().all(|b| b.is_ascii_graphic() && !b"#~^:?*[\\,|".contains(&b))
        && name.split('/').all(|part| !part.is_empty() && !part.starts_with('.'))
        && !name.contains("..")
        && !name.ends_with('.')
        && strip_stability(name).is_none()
}
