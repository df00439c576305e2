//! Entities (applications, services, extensions) and what identifies their versions.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::digest::{Sha1, Sha256};
use crate::error::Error;
use crate::name::{refuse, text_newtype};
use crate::role::ladder_text;

/// What an entity is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntityType {
    /// A full application.
    App,
    /// An integration that others depend on.
    Service,
    /// An extension of the chat.
    ChatExtension,
}

ladder_text!(EntityType, "type", App => "app", Service => "service", ChatExtension => "chat_extension");

text_newtype! {
    /// Short name of an entity, unique in the instance.
    ///
    /// 1 to 64 characters out of `a-z`, `0-9` and `-`, beginning and ending with a letter or digit.
    EntitySlug
}

impl FromStr for EntitySlug {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let edge = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let fits = (1..=64).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && text.starts_with(edge)
            && text.ends_with(edge);
        if fits {
            return Ok(Self(text.into()));
        }
        Err(refuse(
            "slug",
            text,
            "it has 1 to 64 characters out of a-z, 0-9 and -, and begins and ends with a letter or digit",
        ))
    }
}

text_newtype! {
    /// A version of an entity: a moment in UTC as `YYYY.MM.DD-HHMMSS`, so that the order of the texts is that of time.
    ///
    /// The moment must exist: a month 13 or a second 60 is refused.
    EntityVersion
}

impl EntityVersion {
    /// The version of a moment, rounded down to its second.
    pub fn of(moment: Timestamp) -> Self {
        let text = moment.rfc3339_seconds();
        let digits = |from: usize, to: usize| text.get(from..to).unwrap_or_default().to_owned();
        Self(format!(
            "{}.{}.{}-{}{}{}",
            digits(0, 4),
            digits(5, 7),
            digits(8, 10),
            digits(11, 13),
            digits(14, 16),
            digits(17, 19)
        ))
    }

    /// Whether a text has the form of a version, whatever its numbers.
    pub fn looks_like(text: &str) -> bool {
        text.len() == 17
            && text.bytes().enumerate().all(|(at, byte)| match at {
                4 | 7 => byte == b'.',
                10 => byte == b'-',
                _ => byte.is_ascii_digit(),
            })
    }
}

impl FromStr for EntityVersion {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let grammar = "it is a moment in UTC as YYYY.MM.DD-HHMMSS, such as 2024.06.10-153042";
        if !Self::looks_like(text) {
            return Err(refuse("version", text, grammar));
        }
        let part = |from: usize, to: usize| text.get(from..to).unwrap_or_default();
        let moment = format!(
            "{}-{}-{}T{}:{}:{}Z",
            part(0, 4),
            part(5, 7),
            part(8, 10),
            part(11, 13),
            part(13, 15),
            part(15, 17)
        );
        match Timestamp::parse_rfc3339(&moment) {
            // A leap second would be read as the second before it.
            Some(moment) if Self::of(moment).as_str() == text => Ok(Self(text.into())),
            _ => Err(refuse("version", text, grammar)),
        }
    }
}

/// Digest of the sources that a version was built of: SHA-256, or SHA-1 as git has it. Kept in lower case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum SourceHash {
    /// 64 hexadecimal digits.
    Sha256(Sha256),
    /// 40 hexadecimal digits.
    Sha1(Sha1),
}

impl FromStr for SourceHash {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let hash = match text.len() {
            64 => text.parse().map(Self::Sha256).ok(),
            40 => text.parse().map(Self::Sha1).ok(),
            _ => None,
        };
        hash.ok_or_else(|| {
            refuse("source hash", text, "it is a SHA-256 or SHA-1 in hexadecimal: 64 or 40 digits")
        })
    }
}

impl fmt::Display for SourceHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sha256(digest) => digest.fmt(f),
            Self::Sha1(digest) => digest.fmt(f),
        }
    }
}

impl TryFrom<String> for SourceHash {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl From<SourceHash> for String {
    fn from(hash: SourceHash) -> Self {
        hash.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_moments() {
        for good in ["2024.06.10-153042", "2024.02.29-000000", "2026.12.31-235959"] {
            assert_eq!(good.parse::<EntityVersion>().unwrap().as_str(), good);
        }
        for bad in [
            "",
            "2024.06.10",
            "2024.06.10-15304",
            "2024.06.10-1530422",
            "2024-06-10-153042",
            "2024.06.10 153042",
            "2023.02.29-000000",
            "2024.13.01-000000",
            "2024.00.01-000000",
            "2024.06.31-000000",
            "2024.06.10-240000",
            "2024.06.10-156042",
            "2024.06.10-153060",
            "2024.06.10-15304x",
            "1.0.0",
            "../../../etc-passw",
        ] {
            assert!(matches!(bad.parse::<EntityVersion>(), Err(Error::BadRequest(_))), "{bad}");
        }
        assert_eq!(
            EntityVersion::of(Timestamp::from_millis(1_771_237_800_007)).as_str(),
            "2026.02.16-103000"
        );
    }

    #[test]
    fn hashes_have_one_form() {
        let (long, short) = ("AB".repeat(32), "Cd".repeat(20));
        assert_eq!(long.parse::<SourceHash>().unwrap().to_string(), "ab".repeat(32));
        assert_eq!(short.parse::<SourceHash>().unwrap().to_string(), "cd".repeat(20));
        let signed = format!("sha256:{long}");
        for bad in ["", "abc", &"a".repeat(32), &"g".repeat(64), &"a".repeat(63), signed.as_str()] {
            assert!(matches!(bad.parse::<SourceHash>(), Err(Error::BadRequest(_))), "{bad}");
        }
    }

    #[test]
    fn slugs_are_safe_in_addresses() {
        for good in ["a", "my-app", "9"] {
            good.parse::<EntitySlug>().unwrap();
        }
        for bad in ["", "-a", "a-", "A", "a_b", "a/b", "a.b", &"a".repeat(65)] {
            bad.parse::<EntitySlug>().unwrap_err();
        }
        assert_eq!("chat_extension".parse::<EntityType>().unwrap(), EntityType::ChatExtension);
        "other".parse::<EntityType>().unwrap_err();
    }
}
