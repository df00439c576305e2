//! Rows of lists, with the sort key that says what they are of.

use granary_model::{Error, RepoId, Result};
use serde::Deserialize;

use super::StoredFileRow;
use crate::PackageKey;

/// A row with its sort key. Of one whose content does not matter there is no more.
#[derive(Debug, Clone, Deserialize)]
pub struct Listed<R = ()> {
    /// The sort key.
    pub sk: String,
    /// The row.
    #[serde(flatten)]
    pub row: R,
}

impl<R> Listed<R> {
    /// The package that a row of a repository's list is of, published there or come from an upstream.
    ///
    /// # Errors
    /// `Internal` for a row of another list.
    pub fn package(&self, repo: &RepoId) -> Result<PackageKey> {
        let rest = self.sk.strip_prefix("PKG#").or_else(|| self.sk.strip_prefix("UPKG#"));
        let parts = rest.and_then(|rest| rest.split_once('#'));
        let (kind, name) =
            parts.ok_or_else(|| Error::internal("listing packages", format!("sort key {}", self.sk)))?;
        Ok(PackageKey { repo: repo.clone(), kind: kind.parse()?, name: name.into() })
    }
}

impl Listed<StoredFileRow> {
    /// The version that the file is of, and its name.
    pub fn version_and_name(&self) -> Option<(&str, &str)> {
        self.sk.strip_prefix("FILE#")?.split_once('/')
    }
}
