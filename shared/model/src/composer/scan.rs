//! The pieces that Composer's versions and constraints are made of.
//!
//! Each function looks at a text once, from left to right. Case counts nowhere.

/// What may stand behind the numbers of a version: a word, its numbers, `dev`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Modifier<'a> {
    /// The word as written, or nothing.
    pub(super) word: &'a str,
    /// What follows the word: `1`, `-2`, `.1.2`, or nothing.
    pub(super) numbers: &'a str,
    /// Whether it ends with `dev`.
    pub(super) is_dev: bool,
}

/// The words, longer ones before those that they begin with.
const WORDS: [&str; 9] = ["stable", "patch", "alpha", "beta", "rc", "pl", "a", "b", "p"];

/// Reads a whole text as a modifier. A lone separator is one that says nothing, as in Composer.
pub(super) fn modifier(text: &str) -> Option<Modifier<'_>> {
    let text = text.strip_prefix(['.', '_', '-']).unwrap_or(text);
    let length = WORDS.iter().find(|word| strip_word(text, word).is_some()).map_or(0, |word| word.len());
    let (word, rest) = text.split_at(length);
    let (numbers, rest) = if word.is_empty() { ("", rest) } else { rest.split_at(numbers_length(rest)) };
    if rest.is_empty() {
        return Some(Modifier { word, numbers, is_dev: false });
    }
    let is_dev = rest.strip_prefix(['.', '-']).unwrap_or(rest).eq_ignore_ascii_case("dev");
    is_dev.then_some(Modifier { word, numbers, is_dev })
}

/// How much of a text is numbers, each with or without one `.` or `-` before it.
fn numbers_length(text: &str) -> usize {
    let mut length = 0;
    loop {
        let rest = text.get(length..).unwrap_or("");
        let digits = rest.strip_prefix(['.', '-']).unwrap_or(rest);
        let (number, behind) = split_digits(digits);
        if number.is_empty() {
            return length;
        }
        length = text.len() - behind.len();
    }
}

/// Takes up to four numbers, joined by dots, off the front. Without any, the text is left alone.
pub(super) fn numbers(text: &str) -> (Vec<&str>, &str) {
    let (first, mut rest) = split_digits(text);
    if first.is_empty() {
        return (Vec::new(), text);
    }
    let mut numbers = vec![first];
    while numbers.len() < 4 {
        let Some((number, behind)) = rest.strip_prefix('.').map(split_digits) else { break };
        if number.is_empty() {
            break;
        }
        numbers.push(number);
        rest = behind;
    }
    (numbers, rest)
}

/// Splits behind the digits at the front.
pub(super) fn split_digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()))
}

/// A text without the `v` before it.
pub(super) fn strip_v(text: &str) -> &str {
    text.strip_prefix(['v', 'V']).unwrap_or(text)
}

/// A text without a word at its front.
pub(super) fn strip_word<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let (front, rest) = text.split_at_checked(word.len())?;
    front.eq_ignore_ascii_case(word).then_some(rest)
}

/// A text without a word at its end.
pub(super) fn strip_last_word<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let (rest, last) = text.split_at_checked(text.len().checked_sub(word.len())?)?;
    last.eq_ignore_ascii_case(word).then_some(rest)
}

/// Takes a stability such as `@beta` off the end.
pub(super) fn strip_stability(text: &str) -> Option<(&str, &str)> {
    let (rest, stability) = text.rsplit_once('@')?;
    let is_known =
        ["stable", "rc", "beta", "alpha", "dev"].iter().any(|known| stability.eq_ignore_ascii_case(known));
    is_known.then_some((rest, stability))
}

/// Takes an alias off the end: `1.0` of `1.0 as 2.0`.
pub(super) fn strip_alias(text: &str) -> &str {
    let is_plain = |part: &str| !part.is_empty() && !part.contains([',', ' ']);
    let Some((version, rest)) = text.split_once(' ') else { return text };
    let alias = rest.trim_start_matches(' ').strip_prefix("as ").map(|alias| alias.trim_start_matches(' '));
    if is_plain(version) && alias.is_some_and(is_plain) { version } else { text }
}

/// Whether a text is one of the wild cards `x`, `X` and `*`.
pub(super) fn is_wild(text: &str) -> bool {
    matches!(text, "x" | "X" | "*")
}

/// Whether a text is printable ASCII. Nothing else is looked at any further.
pub(super) fn is_plain(text: &str) -> bool {
    text.bytes().all(|b| b == b' ' || b.is_ascii_graphic())
}
