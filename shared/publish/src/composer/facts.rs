//! What a version row keeps of a Composer version.

use granary_model::{Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::compress::{gunzip, gzip};

/// Most that the facts of one version may take up in its row, gzip'd. A row holds 400 KB.
const MAX_STORED: usize = 300_000;

/// What is known of a version besides its files.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ComposerFacts {
    /// The version as it was published, such as `v1.2` or `dev-main`; the row's key is the normalised form.
    pub version: String,
    /// The `composer.json`, without what the repository says itself.
    pub manifest: Map<String, Value>,
}

impl ComposerFacts {
    /// The form for the row.
    ///
    /// # Errors
    /// `TooLarge` for a `composer.json` that does not fit.
    pub fn to_row(&self) -> Result<Vec<u8>> {
        let json = serde_json::to_vec(self).map_err(|e| Error::internal("writing a composer.json", e))?;
        let stored = gzip(&json)?;
        if stored.len() > MAX_STORED {
            return Err(Error::TooLarge(format!(
                "composer.json takes {} bytes compressed, more than the {MAX_STORED} that fit; shorten it",
                stored.len()
            )));
        }
        Ok(stored)
    }

    /// From the form in the row.
    ///
    /// # Errors
    /// `Internal` for a row that cannot be read.
    pub fn from_row(stored: &[u8]) -> Result<Self> {
        serde_json::from_slice(&gunzip(stored)?).map_err(|e| Error::internal("reading a composer.json", e))
    }
}
