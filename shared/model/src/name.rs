//! Names of repositories, organisations and users.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// Makes a string newtype whose only way in is `FromStr`.
macro_rules! text_newtype {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The text itself.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = Error;
            fn try_from(text: String) -> Result<Self, Error> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }
    };
}
pub(crate) use text_newtype;

/// The error for a name that its grammar does not have.
pub(crate) fn refuse(what: &str, text: &str, grammar: &str) -> Error {
    let shown: String = text.chars().take(80).collect();
    Error::BadRequest(format!("the {what} '{}' cannot be used: {grammar}", shown.escape_debug()))
}

/// What a version with a `text` needs besides its `FromStr` and `Ord`: it is printed, stored and read as that text,
/// and two are equal if neither comes before the other.
macro_rules! version_text {
    ($name:ident) => {
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.text)
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.cmp(other) == std::cmp::Ordering::Equal
            }
        }

        impl Eq for $name {}

        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
                Some(self.cmp(other))
            }
        }

        impl TryFrom<String> for $name {
            type Error = Error;
            fn try_from(text: String) -> Result<Self, Error> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(version: $name) -> Self {
                version.text
            }
        }
    };
}
pub(crate) use version_text;

text_newtype! {
    /// Name of a repository, which is also its id and unique in the instance.
    ///
    /// 2 to 64 characters out of `a-z`, `0-9` and `-`, beginning and ending with a letter or digit.
    RepoId
}

text_newtype! {
    /// Short name of an organisation; the same grammar as [`RepoId`].
    OrgSlug
}

text_newtype! {
    /// Id of a user: the `sub` claim of the identity provider.
    ///
    /// 1 to 128 characters out of letters, digits and `. _ - @ | + :`, which covers what the common
    /// providers issue and leaves out everything that would be ambiguous in a path or a table key.
    UserId
}

/// Whether `text` is a slug of 2 to 64 lower-case letters, digits and inner hyphens.
fn is_slug(text: &str) -> bool {
    let bytes = text.as_bytes();
    (2..=64).contains(&bytes.len())
        && bytes.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

impl FromStr for RepoId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        if !is_slug(text) {
            return Err(Error::BadRequest(
                "a repository name has 2 to 64 characters out of a-z, 0-9 and '-', and begins and ends with a \
                 letter or digit"
                    .into(),
            ));
        }
        // `GET /api/repos/public` is the list of public repositories.
        if text == "public" {
            return Err(Error::BadRequest("the repository name 'public' is reserved".into()));
        }
        Ok(Self(text.into()))
    }
}

impl FromStr for OrgSlug {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        if is_slug(text) {
            return Ok(Self(text.into()));
        }
        Err(Error::BadRequest(
            "an organisation slug has 2 to 64 characters out of a-z, 0-9 and '-', and begins and ends with a \
             letter or digit"
                .into(),
        ))
    }
}

impl FromStr for UserId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let fits = (1..=128).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-@|+:".contains(&b))
            && text != "."
            && text != "..";
        if fits {
            return Ok(Self(text.into()));
        }
        Err(Error::BadRequest(
            "a user id has 1 to 128 characters out of letters, digits and . _ - @ | + :".into(),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repository_names() {
        for good in ["ab", "my-npm-repo", "0a", "a2", &"a".repeat(64)] {
            assert_eq!(good.parse::<RepoId>().unwrap().as_str(), good);
        }
        for bad in [
            "",
            "a",
            "-a",
            "a-",
            "A1",
            "a_b",
            "a.b",
            "a/b",
            "a b",
            "é1",
            "public",
            &"a".repeat(65),
            "..",
            "a%2fb",
        ] {
            assert!(bad.parse::<RepoId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn user_ids_cannot_break_out_of_a_key_or_path() {
        assert!("auth0|5f7c8ec7c33c6c004bbafe82".parse::<UserId>().is_ok());
        for bad in ["", "a#b", "a/b", "a b", "..", "a%b", "a\\b", "ü", &"x".repeat(129)] {
            assert!(bad.parse::<UserId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn deserialising_validates() {
        assert!(serde_json::from_str::<RepoId>("\"x y\"").is_err());
        assert_eq!(serde_json::to_string(&"ab".parse::<RepoId>().unwrap()).unwrap(), "\"ab\"");
    }
}
