//! Patterns of package names.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::PackageType;
use crate::error::Error;
use crate::name::{refuse, text_newtype};

/// Longest pattern, in bytes.
const MAX_LENGTH: usize = 300;

text_newtype! {
    /// A pattern of package names: the name itself, with `*` for any characters.
    ///
    /// `@acme/*` is a scope of npm, `acme-*` whatever begins so. For Maven names are `group:artifact`; a pattern without `:`
    /// is about groups and takes those below along: `com.acme` is all of `com.acme` and `com.acme.tools`, and not
    /// `com.acmeother`. Case is of no account, because what differs by case alone is no other owner's.
    NamePattern
}

impl FromStr for NamePattern {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let is_fit = |byte: u8| byte.is_ascii_alphanumeric() || b"@/-._~:*+".contains(&byte);
        if text.is_empty() || text.len() > MAX_LENGTH || !text.bytes().all(is_fit) {
            return Err(refuse(
                "pattern",
                text,
                "write a name such as 'left-pad' or 'com.acme:tool', with '*' for any characters: '@acme/*', 'com.acme.*'",
            ));
        }
        Ok(Self(text.to_ascii_lowercase()))
    }
}

impl NamePattern {
    /// Whether a package's name fits. Takes time in proportion to both.
    pub fn matches(&self, kind: PackageType, name: &str) -> bool {
        let name = name.to_ascii_lowercase();
        let pattern = self.as_str();
        if kind != PackageType::Maven || pattern.contains(':') {
            return fits(pattern.as_bytes(), name.as_bytes());
        }
        // Every group above, so that a pattern of a group is one of those below it.
        let group = name.split_once(':').map_or(name.as_str(), |(group, _)| group);
        let above = group.match_indices('.').filter_map(|(at, _)| group.get(..at));
        above.chain([group]).any(|group| fits(pattern.as_bytes(), group.as_bytes()))
    }
}

/// Whether a text fits a pattern in which `*` is any bytes. Only the last star is ever tried anew, so there is nothing to
/// explode.
fn fits(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at, mut seen) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while seen < text.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, seen));
                at += 1;
            }
            Some(byte) if text.get(seen) == Some(byte) => {
                at += 1;
                seen += 1;
            }
            _ => {
                let Some((place, taken)) = star else { return false };
                star = Some((place, taken + 1));
                at = place + 1;
                seen = taken + 1;
            }
        }
    }
    pattern.get(at..).unwrap_or_default().iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, kind: PackageType, name: &str) -> bool {
        pattern.parse::<NamePattern>().unwrap().matches(kind, name)
    }

    #[test]
    fn stars_are_any_characters() {
        let npm = |pattern: &str, name: &str| matches(pattern, PackageType::Npm, name);
        for (pattern, name) in [
            ("@acme/*", "@acme/tool"),
            ("@ACME/*", "@acme/tool"),
            ("@acme/*", "@Acme/Tool"),
            ("acme-*", "acme-"),
            ("*", "anything"),
            ("*-internal", "a-b-internal"),
            ("a*b*c", "axxbyybzzc"),
            ("left-pad", "left-pad"),
            ("**", ""),
        ] {
            assert!(npm(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [
            ("@acme/*", "@acme-evil/tool"),
            ("@acme/*", "acme/tool"),
            ("acme-*", "acme"),
            ("left-pad", "left-pad2"),
            ("left-pad", "xleft-pad"),
            ("a*b", "a"),
        ] {
            assert!(!npm(pattern, name), "{pattern} {name}");
        }
    }

    #[test]
    fn groups_take_those_below_along() {
        let maven = |pattern: &str, name: &str| matches(pattern, PackageType::Maven, name);
        for (pattern, name) in [
            ("com.acme", "com.acme:tool"),
            ("com.acme", "com.acme.deep.er:tool"),
            ("com.acme.*", "com.acme.deep:tool"),
            ("com.*", "com.acme:tool"),
            ("com.acme:tool", "com.acme:tool"),
            ("com.acme:*", "com.acme:tool"),
            ("*:tool", "org.x:tool"),
        ] {
            assert!(maven(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [
            ("com.acme", "com.acmeother:tool"),
            ("com.acme", "com:acme"),
            ("com.acme:*", "com.acme.deep:tool"),
            ("com.acme.*", "com.acme:tool"),
        ] {
            assert!(!maven(pattern, name), "{pattern} {name}");
        }
    }

    #[test]
    fn what_is_no_name_is_no_pattern() {
        for bad in ["", "a b", "ä", "a?", "a\n", "[a]", &"a".repeat(301)] {
            assert!(bad.parse::<NamePattern>().is_err(), "{bad}");
        }
    }

    proptest::proptest! {
        #[test]
        fn a_star_is_what_a_slow_search_says(pattern in "[ab*]{0,8}", text in "[ab]{0,10}") {
            fn slow(pattern: &[u8], text: &[u8]) -> bool {
                match pattern.split_first() {
                    None => text.is_empty(),
                    Some((b'*', rest)) => (0..=text.len()).any(|skip| slow(rest, &text[skip..])),
                    Some((byte, rest)) => text.split_first().is_some_and(|(first, left)| first == byte && slow(rest, left)),
                }
            }
            proptest::prop_assert_eq!(fits(pattern.as_bytes(), text.as_bytes()), slow(pattern.as_bytes(), text.as_bytes()));
        }
    }
}
