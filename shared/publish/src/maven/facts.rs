//! What a version row keeps of a POM.

use granary_model::{Error, Result};
use serde::{Deserialize, Serialize};

use crate::compress::{gunzip, gzip};

/// What the POM of a version says of it. Everything is cut to a length at which it can be shown.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MavenFacts {
    /// `name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `description`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// `packaging`; Maven takes `jar` where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packaging: Option<String>,
    /// `url`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// `licenses`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub licenses: Vec<License>,
}

/// A licence of a POM.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct License {
    /// `name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `url`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

impl MavenFacts {
    /// The form for the row.
    pub fn to_row(&self) -> Result<Vec<u8>> {
        let json = serde_json::to_vec(self).map_err(|e| Error::internal("writing facts of a POM", e))?;
        gzip(&json)
    }

    /// From the form in the row, which is empty until the POM has come.
    pub fn from_row(stored: &[u8]) -> Result<Self> {
        if stored.is_empty() {
            return Ok(Self::default());
        }
        serde_json::from_slice(&gunzip(stored)?).map_err(|e| Error::internal("reading facts of a POM", e))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_round_trip() {
        let facts = MavenFacts {
            name: Some("Größe".into()),
            description: Some("d".repeat(2_000)),
            packaging: Some("jar".into()),
            url: None,
            licenses: vec![License { name: Some("MIT".into()), url: None }],
        };
        assert_eq!(MavenFacts::from_row(&facts.to_row().unwrap()).unwrap(), facts);
        assert_eq!(MavenFacts::from_row(&[]).unwrap(), MavenFacts::default());
        assert!(MavenFacts::from_row(b"x").is_err());
    }
}
