//! Names of Composer packages.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::name::{refuse, text_newtype};

/// Longest name. Composer has no limit; it stands in paths and keys.
const MAX_LENGTH: usize = 200;

/// Names that Windows cannot have as a folder. Composer unpacks a package into `vendor/name`.
const RESERVED: [&str; 22] = [
    "nul", "con", "prn", "aux", "com1", "com2", "com3", "com4", "com5", "com6", "com7", "com8", "com9",
    "lpt1", "lpt2", "lpt3", "lpt4", "lpt5", "lpt6", "lpt7", "lpt8", "lpt9",
];

const GRAMMAR: &str = "it has the form vendor/name, both of letters and digits in words that are joined by single '-', '.' \
                       or '_' (in the name also by '--'), and at most 200 characters";

text_newtype! {
    /// Name of a Composer package, `vendor/name`, in lower case.
    ///
    /// At most 200 characters. The grammar is the one Composer validates with: words of letters and digits, joined by
    /// one of `- . _`, in the second part also by `--`. Not ending with `.json`, which would read as the address of a
    /// document, and no part is a device of Windows. Upper case is accepted and lowered, as the client does before it
    /// asks.
    ComposerName
}

impl ComposerName {
    /// The part before the slash.
    pub fn vendor(&self) -> &str {
        self.as_str().split_once('/').map_or("", |(vendor, _)| vendor)
    }

    /// The part behind the slash.
    pub fn base(&self) -> &str {
        self.as_str().split_once('/').map_or("", |(_, base)| base)
    }
}

/// Whether words of letters and digits are joined by separators, of which `joins` says how they may look.
fn is_joined_words(text: &str, joins: impl Fn(&str) -> bool) -> bool {
    let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    text.starts_with(is_word)
        && text.ends_with(is_word)
        && text.split(is_word).filter(|between| !between.is_empty()).all(joins)
}

impl FromStr for ComposerName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if text.len() > MAX_LENGTH {
            return Err(refuse("package name", text, GRAMMAR));
        }
        let lower = text.to_ascii_lowercase();
        let is_join = |between: &str| matches!(between, "-" | "." | "_");
        let fits = lower.split_once('/').is_some_and(|(vendor, base)| {
            is_joined_words(vendor, is_join)
                && is_joined_words(base, |between| is_join(between) || between == "--")
        });
        if !fits {
            return Err(refuse("package name", text, GRAMMAR));
        }
        if lower.split('/').any(|part| RESERVED.contains(&part)) {
            return Err(refuse("package name", text, "Windows cannot have a folder of that name"));
        }
        if lower.strip_suffix(".json").is_some() {
            return Err(refuse("package name", text, "a name cannot end with .json; use '-json' instead"));
        }
        Ok(Self(lower))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_names() {
        for good in [
            "vendor/name",
            "a/b",
            "0/1",
            "symfony/http-kernel",
            "a.b_c-d/e.f_g-h",
            "a/b--c",
            "league/flysystem-aws-s3-v3",
            "json/a",
        ] {
            assert_eq!(good.parse::<ComposerName>().unwrap().as_str(), good);
        }
        let name: ComposerName = "Vendor/My-Name".parse().unwrap();
        assert_eq!((name.as_str(), name.vendor(), name.base()), ("vendor/my-name", "vendor", "my-name"));
        assert_eq!(format!("a/{}", "b".repeat(198)).parse::<ComposerName>().unwrap().as_str().len(), 200);
    }

    #[test]
    fn bad_names() {
        for bad in [
            "",
            "/",
            "a",
            "a/",
            "/b",
            "a/b/c",
            "a--b/c",
            "a/b---c",
            "a/b..c",
            "a/b-_c",
            "a/-b",
            "a/b-",
            "a/.b",
            ".a/b",
            "a_/b",
            "a/b c",
            " a/b",
            "a/b\n",
            "a/é",
            "é/a",
            "a/b%2f",
            "a/b~dev",
            "a/..",
            "../a",
            "a/b:c",
            "con/a",
            "a/NUL",
            "a/lpt9",
            "a/b.json",
            "a/b.JSON",
            "\u{212a}/a",
        ] {
            assert!(matches!(bad.parse::<ComposerName>(), Err(Error::BadRequest(_))), "{bad}");
        }
        assert!(format!("a/{}", "b".repeat(199)).parse::<ComposerName>().is_err());
        assert!("/".repeat(10_000).parse::<ComposerName>().is_err());
    }

    #[test]
    fn stored_as_text() {
        let name: ComposerName = serde_json::from_str("\"Acme/Tool\"").unwrap();
        assert_eq!(serde_json::to_string(&name).unwrap(), "\"acme/tool\"");
        assert!(serde_json::from_str::<ComposerName>("\"acme\"").is_err());
    }
}
