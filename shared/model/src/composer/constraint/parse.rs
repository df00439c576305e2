//! How a constraint is read.
//!
//! The rules are tried in the order in which Composer tries its patterns, because some texts fit two of them. Every
//! rule reads its text once.

use super::super::normal::Normal;
use super::super::order::Place;
use super::super::scan::{
    is_plain, is_wild, modifier, numbers, strip_alias, strip_last_word, strip_stability, strip_v, strip_word,
};
use super::super::version::Stability;
use super::{Comparator, Operator};

/// What is wrong, or the value.
type Parsed<T> = Result<T, String>;

/// One part of a constraint, between two separators.
enum Piece {
    /// `*`: everything, branches too.
    Everything,
    /// All of these must hold.
    Comparators(Vec<Comparator>),
}

/// Reads a whole constraint. `None` if everything is in it.
pub(super) fn alternatives(text: &str) -> Parsed<Option<Vec<Vec<Comparator>>>> {
    if text.is_empty() {
        return Err("it is empty; everything is '*'".into());
    }
    if !is_plain(text) {
        return Err("it has characters that are not printable ASCII".into());
    }
    let mut alternatives = Vec::new();
    let mut has_everything = false;
    for alternative in split_alternatives(text) {
        if alternative.is_empty() {
            return Err("there is nothing before or behind a '|'".into());
        }
        let mut comparators = Vec::new();
        for part in split_parts(alternative) {
            if let Piece::Comparators(more) = piece(part)? {
                comparators.extend(more);
            }
        }
        // `*` adds nothing to other parts, and alone lets everything in.
        has_everything |= comparators.is_empty();
        alternatives.push(comparators);
    }
    Ok((!has_everything).then_some(alternatives))
}

/// Splits at `||` and `|`.
fn split_alternatives(text: &str) -> Vec<&str> {
    let mut alternatives = Vec::new();
    let mut rest = text;
    while let Some((alternative, behind)) = rest.split_once('|') {
        alternatives.push(alternative.trim_matches(' '));
        rest = behind.strip_prefix('|').unwrap_or(behind);
    }
    alternatives.push(rest.trim_matches(' '));
    alternatives
}

/// Splits at commas and spaces, except where they belong to an operator, to ` - ` or to ` as `.
///
/// This is Composer's pattern `(?<!^|as|[=>< ,]) *(?<!-)[, ](?!-) *(?!,|as|$)` with its steps back worked out: of a run
/// of spaces all but the last may be given back, and a space is never `,` or `as`.
fn split_parts(text: &str) -> Vec<&str> {
    let bytes = text.as_bytes();
    let at = |index: usize| bytes.get(index).copied();
    let spaces_from = |index: usize| {
        let behind = bytes.get(index..).unwrap_or_default();
        behind.iter().take_while(|byte| **byte == b' ').count()
    };
    let (mut parts, mut begin, mut index) = (Vec::new(), 0, 0);
    while index < bytes.len() {
        let before = index.checked_sub(1).and_then(at);
        let is_after_as = index.checked_sub(2).and_then(|from| bytes.get(from..index)) == Some(b"as");
        if before.is_none_or(|byte| b"=>< ,".contains(&byte)) || is_after_as {
            index += 1;
            continue;
        }
        let spaces = spaces_from(index);
        if spaces == 0 && at(index) != Some(b',') {
            index += 1;
            continue;
        }
        // The separator is the comma behind the spaces, or else the last space that fits.
        let separators = (0..=spaces).rev().map(|offset| index + offset);
        let end = separators.take(3).find_map(|separator| {
            let is_separator = separator < index + spaces || at(separator) == Some(b',');
            let before = separator.checked_sub(1).and_then(at);
            if !is_separator || before == Some(b'-') || at(separator + 1) == Some(b'-') {
                return None;
            }
            let behind = separator + 1;
            let more = spaces_from(behind);
            let fits = |from: usize| {
                from < bytes.len()
                    && at(from) != Some(b',')
                    && !bytes.get(from..).unwrap_or_default().starts_with(b"as")
            };
            if fits(behind + more) {
                return Some(behind + more);
            }
            (more > 0).then(|| behind + more - 1)
        });
        match end {
            Some(end) => {
                parts.extend(text.get(begin..index));
                (begin, index) = (end, end);
            }
            None => index += spaces.max(1),
        }
    }
    parts.extend(text.get(begin..));
    parts
}

/// Reads what stands between two separators.
fn piece(text: &str) -> Parsed<Piece> {
    let text = strip_alias(text);
    let is_word = |text: &str| !text.contains([',', ' ']);
    let (text, stability) = match strip_stability(text).filter(|(rest, _)| is_word(rest)) {
        Some((rest, stability)) => (if rest.is_empty() { "*" } else { rest }, Some(stability)),
        None => (text, None),
    };
    let text = strip_reference(text);
    if let Some(wild) = everything(text) {
        return Ok(wild);
    }
    let comparators = if let Some(version) = text.strip_prefix('~') {
        tilde(version)
    } else if let Some(version) = text.strip_prefix('^') {
        caret(version)
    } else {
        wild_card(text).or_else(|| hyphen(text))
    };
    comparators.unwrap_or_else(|| comparison(text, stability).map(|one| vec![one])).map(Piece::Comparators)
}

/// Drops the commit behind a branch: `dev-main#abc`, `1.x-dev#abc`.
fn strip_reference(text: &str) -> &str {
    let is_word = |branch: &str| !branch.contains([',', ' ', '@']);
    let Some((branch, hash)) = text.split_once('#') else { return text };
    let is_branch = strip_word(branch, "dev-").is_some_and(|name| !name.is_empty())
        || strip_last_word(branch, ".x-dev").is_some_and(|number| !number.is_empty());
    if is_branch && is_word(branch) && !hash.is_empty() { branch } else { text }
}

/// `*` and `x`; also `v*`, `*.*` and so on, which branches are not in.
fn everything(text: &str) -> Option<Piece> {
    let stars = strip_v(text);
    if !stars.split('.').all(is_wild) {
        return None;
    }
    if stars.len() == 1 && stars.len() == text.len() {
        return Some(Piece::Everything);
    }
    Some(Piece::Comparators(vec![comparator(Operator::AtLeast, "0.0.0.0-dev")]))
}

/// A version behind `~` or `^`, or at one end of a hyphen.
struct Partial<'a> {
    /// One to four.
    numbers: Vec<&'a str>,
    /// Whether a word, `dev` or `.x-dev` follows.
    has_suffix: bool,
    /// Whether `.x-dev` follows.
    is_open: bool,
}

impl<'a> Partial<'a> {
    fn new(text: &'a str) -> Option<Self> {
        let (numbers, rest) = numbers(strip_v(text));
        let rest = match rest.split_once('+') {
            Some((_, build)) if build.is_empty() || build.contains(' ') => return None,
            Some((rest, _)) => rest,
            None => rest,
        };
        if numbers.is_empty() {
            return None;
        }
        if let Some(modifier) = modifier(rest) {
            let has_suffix = !modifier.word.is_empty() || modifier.is_dev;
            return Some(Self { numbers, has_suffix, is_open: false });
        }
        let branch = rest.strip_prefix('.')?.strip_prefix(['x', 'X', '*'])?;
        let is_open = branch.strip_prefix(['.', '-']).unwrap_or(branch).eq_ignore_ascii_case("dev");
        is_open.then_some(Self { numbers, has_suffix: true, is_open })
    }
}

/// `~1.2`: from there, all of what its last number but one counts.
fn tilde(version: &str) -> Option<Parsed<Vec<Comparator>>> {
    if let Some(rest) = version.strip_prefix('>') {
        return Partial::new(rest).map(|_| Err("'~>' is no operator of Composer; it is '~'".into()));
    }
    let partial = Partial::new(version)?;
    let position = partial.numbers.len() + usize::from(partial.is_open);
    Some(from_up_to(version, &partial, (position - 1).max(1)))
}

/// `^1.2`: from there, all that does not change its first number that is not 0.
fn caret(version: &str) -> Option<Parsed<Vec<Comparator>>> {
    let partial = Partial::new(version)?;
    let number = |at: usize| partial.numbers.get(at).copied();
    let position = if number(0) != Some("0") || number(1).is_none() {
        1
    } else if number(1) != Some("0") || number(2).is_none() {
        2
    } else {
        3
    };
    Some(from_up_to(version, &partial, position))
}

fn from_up_to(version: &str, partial: &Partial<'_>, position: usize) -> Parsed<Vec<Comparator>> {
    // Composer appends to the text, so a version with `+build` does not begin with its unfinished ones.
    let low = if partial.has_suffix { version.to_owned() } else { format!("{version}-dev") };
    let low = normalize(&low)?;
    let high = padded(&partial.numbers, position, 1)?;
    Ok(vec![comparator(Operator::AtLeast, &low.text), comparator(Operator::Less, &high)])
}

/// `5.*`, `5.2.x`, `5.*.*`.
fn wild_card(text: &str) -> Option<Parsed<Vec<Comparator>>> {
    let text = text.strip_prefix('v').unwrap_or(text);
    let (mut numbers, rest) = numbers(text);
    // `1.2.3.4.*` is none.
    if !(1..=3).contains(&numbers.len()) {
        return None;
    }
    let rest = rest.strip_prefix('.')?;
    if !rest.split('.').all(is_wild) {
        return None;
    }
    let position = numbers.len();
    numbers.resize(4, "0");
    Some(padded(&numbers, position, 0).and_then(|low| {
        let high = comparator(Operator::Less, &padded(&numbers, position, 1)?);
        if low == "0.0.0.0-dev" {
            return Ok(vec![high]);
        }
        Ok(vec![comparator(Operator::AtLeast, &low), high])
    }))
}

/// `1.0 - 2.0`, both ends included. An end of one or two numbers stands for all that begins with them.
fn hyphen(text: &str) -> Option<Parsed<Vec<Comparator>>> {
    let (low_text, rest) = text.split_once(' ')?;
    let high_text = rest.trim_start_matches(' ').strip_prefix("- ")?.trim_start_matches(' ');
    let (low, high) = (Partial::new(low_text)?, Partial::new(high_text)?);
    let ends = || {
        let begin = normalize(low_text)?.text;
        let begin = if low.has_suffix { begin } else { format!("{begin}-dev") };
        let end = normalize(high_text)?.text;
        let last = if high.has_suffix || high.numbers.len() > 2 {
            comparator(Operator::AtMost, &end)
        } else {
            comparator(Operator::Less, &padded(&high.numbers, high.numbers.len(), 1)?)
        };
        Ok(vec![comparator(Operator::AtLeast, &begin), last])
    };
    Some(ends())
}

/// `>=1.0`, `!=1.2.3`, `1.2.3`, `dev-main`.
fn comparison(text: &str, stability: Option<&str>) -> Parsed<Comparator> {
    const OPERATORS: [(&str, Operator); 8] = [
        ("<>", Operator::NotEqual),
        ("!=", Operator::NotEqual),
        (">=", Operator::AtLeast),
        (">", Operator::Greater),
        ("<=", Operator::AtMost),
        ("<", Operator::Less),
        ("==", Operator::Equal),
        ("=", Operator::Equal),
    ];
    let operator = OPERATORS.iter().find_map(|(sign, operator)| Some((text.strip_prefix(sign)?, *operator)));
    let (version, operator) = operator.unwrap_or((text, Operator::Equal));
    let version = version.trim_start_matches(' ');
    let Normal { mut text, stability: own } = normalize(version).or_else(|why| {
        // `foobar-dev` is what some call the branch `foobar`.
        let name = version.strip_suffix("-dev").ok_or_else(|| why.clone())?;
        let is_branch = name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-./".contains(&b));
        if is_branch { normalize(&format!("dev-{name}")) } else { Err(why) }
    })?;
    match stability.filter(|stability| !stability.eq_ignore_ascii_case("stable")) {
        Some(stability) if operator != Operator::Equal && own == Stability::Stable => {
            let known =
                if stability.eq_ignore_ascii_case("rc") { "RC" } else { &stability.to_ascii_lowercase() };
            text = format!("{text}-{known}");
        }
        _ if matches!(operator, Operator::Less | Operator::AtLeast)
            && !has_suffix(version)
            && !version.starts_with("dev-") =>
        {
            text.push_str("-dev");
        }
        _ => {}
    }
    Ok(comparator(operator, &text))
}

/// Whether a version ends with a hyphen and a modifier. Composer looks for `RC` in a text that it has lowered, so it
/// never finds one: `>=1.0-RC1` begins with `1.0.0.0-RC1-dev`.
fn has_suffix(version: &str) -> bool {
    version.match_indices('-').any(|(at, _)| {
        version
            .get(at + 1..)
            .and_then(modifier)
            .is_some_and(|modifier| !modifier.word.eq_ignore_ascii_case("rc"))
    })
}

fn normalize(version: &str) -> Parsed<Normal> {
    Normal::new(version).ok_or_else(|| {
        let shown: String = version.chars().take(80).collect();
        format!("'{}' is no version and none of the forms of a constraint", shown.escape_debug())
    })
}

/// The first numbers of a version, the last of them raised, with zeros behind them: the lowest version of its kind.
fn padded(numbers: &[&str], position: usize, raise: u64) -> Parsed<String> {
    let mut parts: Vec<String> = numbers.iter().take(position).map(|number| (*number).to_owned()).collect();
    if raise > 0
        && let Some(last) = parts.last_mut()
    {
        let number = last.parse::<u64>().ok().and_then(|number| number.checked_add(raise));
        *last = number.ok_or_else(|| format!("the number {last} is too large"))?.to_string();
    }
    parts.resize(4, "0".into());
    Ok(format!("{}-dev", parts.join(".")))
}

fn comparator(operator: Operator, normalized: &str) -> Comparator {
    Comparator { operator, place: Place::of(normalized) }
}
