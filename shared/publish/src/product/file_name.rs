//! Names of artifacts.

use std::fmt;
use std::str::FromStr;

use granary_model::{Error, Result};

/// Longest name, in bytes: what file systems take.
const MAX_LENGTH: usize = 255;

/// The original name of an artifact, under which it is saved again.
///
/// 1 to 255 bytes of UTF-8 with neither control characters nor those that steer the direction of text, no `"`, neither
/// beginning nor ending with a space. Clients send a path at times: what is before the last `/` or `\` is left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArtifactName(String);

impl ArtifactName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ArtifactName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for ArtifactName {
    type Err = Error;

    fn from_str(sent: &str) -> Result<Self> {
        let name = sent.rsplit(['/', '\\']).next().unwrap_or_default();
        let fits = (1..=MAX_LENGTH).contains(&name.len())
            && !matches!(name, "." | "..")
            && name.trim() == name
            && !name.chars().any(is_unfit);
        if fits {
            return Ok(Self(name.into()));
        }
        let shown: String = name.chars().take(80).collect();
        Err(Error::BadRequest(format!(
            "invalid file name \"{}\": it has 1 to {MAX_LENGTH} bytes, no control characters and no quotation marks, neither \
             begins nor ends with a space, and is neither '.' nor '..'",
            shown.escape_debug()
        )))
    }
}

/// Whether a header, a terminal or a reader could take the character for something else.
fn is_unfit(c: char) -> bool {
    c.is_control()
        || matches!(c, '"' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_base_name_counts() {
        for (sent, name) in [
            ("lib.tar.gz", "lib.tar.gz"),
            ("dist/lib.zip", "lib.zip"),
            ("C:\\build\\lib.zip", "lib.zip"),
            ("../../etc/passwd", "passwd"),
            ("My App (2).dmg", "My App (2).dmg"),
            ("bericht-ä 100%;v=1'.pdf", "bericht-ä 100%;v=1'.pdf"),
            (".env", ".env"),
            ("日本語.zip", "日本語.zip"),
        ] {
            assert_eq!(sent.parse::<ArtifactName>().unwrap().as_str(), name);
        }
    }

    #[test]
    fn what_could_be_read_in_another_way_is_refused() {
        let long = "a".repeat(MAX_LENGTH + 1);
        for bad in [
            "",
            ".",
            "..",
            "a/",
            "a/..",
            "..\\..",
            "a\r\nSet-Cookie: x",
            "a\0",
            "a\"b",
            " a",
            "a ",
            "a\u{202e}gpj.exe",
            "a\u{7f}",
            "a\u{85}",
            long.as_str(),
        ] {
            let error = bad.parse::<ArtifactName>().unwrap_err();
            assert!(matches!(&error, Error::BadRequest(text) if !text.contains(char::is_control)), "{bad:?}");
        }
        assert!("a".repeat(MAX_LENGTH).parse::<ArtifactName>().is_ok());
    }
}
