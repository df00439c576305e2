//! Names of plain files: package, version, file.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::name::{refuse, text_newtype};

text_newtype! {
    /// Name of a package of plain files.
    ///
    /// 1 to 128 characters out of letters, digits and `. _ ~ + @ -`, beginning with a letter or digit and not
    /// ending with a dot. Case counts.
    RawName
}

text_newtype! {
    /// A version of a package of plain files: the same grammar as [`RawName`]. Nothing is assumed about its
    /// order: dates, hashes and numbers are all in use.
    RawVersion
}

text_newtype! {
    /// Name of a file in a version.
    ///
    /// 1 to 255 characters out of letters, digits, `. _ ~ + @ - ( ) = , ! $` and inner spaces; neither beginning
    /// nor ending with a space, not ending with a dot. Nothing that a path, a header or a shell script would
    /// read in another way.
    RawFile
}

/// Whether `text` is a name that is one plain path segment.
fn is_name(text: &str) -> bool {
    (1..=128).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._~+@-".contains(&b))
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && !text.ends_with('.')
}

impl FromStr for RawName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        if is_name(text) {
            return Ok(Self(text.into()));
        }
        Err(refuse("package name", text, NAME_GRAMMAR))
    }
}

impl FromStr for RawVersion {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        if is_name(text) {
            return Ok(Self(text.into()));
        }
        Err(refuse("version", text, NAME_GRAMMAR))
    }
}

impl FromStr for RawFile {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let fits = (1..=255).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._~+@-()=,!$ ".contains(&b))
            && !text.starts_with(' ')
            && !text.ends_with([' ', '.']);
        if fits {
            return Ok(Self(text.into()));
        }
        Err(refuse(
            "file name",
            text,
            "it has 1 to 255 characters out of letters, digits, . _ ~ + @ - ( ) = , ! $ and inner spaces, and does not \
             end with a dot",
        ))
    }
}

const NAME_GRAMMAR: &str = "it has 1 to 128 characters out of letters, digits and . _ ~ + @ -, begins with a letter or \
                            digit and does not end with a dot";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_one_plain_segment() {
        for good in ["my-tool", "1.0.0", "2026.02.16-143000", "a", "v1+build.5", "A_b~c@d"] {
            assert_eq!(good.parse::<RawName>().unwrap().as_str(), good);
            assert_eq!(good.parse::<RawVersion>().unwrap().as_str(), good);
        }
        for bad in [
            "",
            ".",
            "..",
            ".a",
            "-a",
            "a.",
            "a b",
            "a/b",
            "a\\b",
            "a%2e",
            "é",
            "a\n",
            "a;b",
            "a#b",
            "a?b",
            &"a".repeat(129),
        ] {
            assert!(bad.parse::<RawName>().is_err(), "{bad}");
            assert!(bad.parse::<RawVersion>().is_err(), "{bad}");
        }
    }

    #[test]
    fn file_names_are_freer() {
        for good in ["my-tool-linux-amd64", "My App (2).dmg", ".env", "a=b,c!d$e", "x.tar.gz"] {
            assert_eq!(good.parse::<RawFile>().unwrap().as_str(), good);
        }
        for bad in [
            "",
            ".",
            "..",
            " a",
            "a ",
            "a.",
            "a/b",
            "a\\b",
            "a\"b",
            "a%b",
            "\u{ff0e}\u{ff0e}",
            "a\r\nb",
            "a;b",
            "a\0",
            &"a".repeat(256),
        ] {
            assert!(bad.parse::<RawFile>().is_err(), "{bad}");
        }
    }
}
