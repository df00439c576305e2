//! Scopes and names, which compare without case.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::name::{refuse, text_newtype};

text_newtype! {
    /// Scope of a Swift package: who publishes it.
    ///
    /// 1 to 39 letters, digits and inner single hyphens. Kept as it is spelled; [`SwiftIdentity::key`] compares.
    SwiftScope
}

text_newtype! {
    /// Name of a Swift package within its scope.
    ///
    /// 1 to 100 letters, digits and inner single hyphens or underscores. No dots: `GRDB.swift` is published as
    /// `GRDB_swift`.
    SwiftName
}

/// Whether `text` consists of runs of letters and digits with single connectors between them.
fn is_connected(text: &str, longest: usize, connectors: &[u8]) -> bool {
    let bytes = text.as_bytes();
    let is_connector = |byte: Option<&u8>| byte.is_some_and(|byte| connectors.contains(byte));
    (1..=longest).contains(&bytes.len())
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || connectors.contains(byte))
        && !is_connector(bytes.first())
        && !is_connector(bytes.last())
        && !bytes.windows(2).any(|pair| pair.iter().all(|byte| connectors.contains(byte)))
}

impl FromStr for SwiftScope {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        if is_connected(text, 39, b"-") {
            return Ok(Self(text.into()));
        }
        Err(refuse("scope", text, "it needs 1 to 39 letters and digits, with single hyphens between them"))
    }
}

impl FromStr for SwiftName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        if is_connected(text, 100, b"-_") {
            return Ok(Self(text.into()));
        }
        let grammar = "it needs 1 to 100 letters and digits, with single hyphens or underscores between them";
        Err(refuse("package name", text, grammar))
    }
}

/// Identifier of a Swift package, `scope.name`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SwiftIdentity {
    /// The scope.
    pub scope: SwiftScope,
    /// The name.
    pub name: SwiftName,
}

impl SwiftIdentity {
    /// The form to compare and to keep rows under: in lower case.
    pub fn key(&self) -> String {
        self.to_string().to_ascii_lowercase()
    }
}

impl fmt::Display for SwiftIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.scope, self.name)
    }
}

impl FromStr for SwiftIdentity {
    type Err = Error;

    /// A scope has no dot, so the first one is the border.
    fn from_str(text: &str) -> Result<Self, Error> {
        let (scope, name) = text
            .split_once('.')
            .ok_or_else(|| refuse("package identifier", text, "it has to be of the form scope.name"))?;
        Ok(Self { scope: scope.parse()?, name: name.parse()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_and_names_by_the_grammar() {
        for good in ["a", "mona", "a-b-c", "0x", &"a".repeat(39)] {
            assert_eq!(good.parse::<SwiftScope>().unwrap().as_str(), good);
        }
        for bad in ["", "-a", "a-", "a--b", "a_b", "a.b", "é", "a b", "a/b", &"a".repeat(40)] {
            assert!(bad.parse::<SwiftScope>().is_err(), "{bad}");
        }
        for good in ["LinkedList", "a_b-c", "GRDB_swift", "7zip", &"n".repeat(100)] {
            assert_eq!(good.parse::<SwiftName>().unwrap().as_str(), good);
        }
        for bad in ["", "_a", "a_", "a__b", "a_-b", "a-_b", "a.b", "pack~age", "..", &"n".repeat(101)] {
            assert!(bad.parse::<SwiftName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn an_identifier_is_cut_at_its_first_dot_and_compared_without_case() {
        let identity: SwiftIdentity = "Mona.LinkedList".parse().unwrap();
        assert_eq!(
            (identity.to_string().as_str(), identity.key().as_str()),
            ("Mona.LinkedList", "mona.linkedlist")
        );
        for bad in ["mona", "mona.", ".list", "mona.linked.list"] {
            assert!(bad.parse::<SwiftIdentity>().is_err(), "{bad}");
        }
    }
}
