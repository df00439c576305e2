//! Rows of lists, with the sort key that says what they are of.

use serde::Deserialize;

use super::StoredFileRow;

/// A row with its sort key. Of one whose content does not matter there is no more.
#[derive(Debug, Clone, Deserialize)]
pub struct Listed<R = ()> {
    /// The sort key.
    pub sk: String,
    /// The row.
    #[serde(flatten)]
    pub row: R,
}

impl Listed<StoredFileRow> {
    /// The version that the file is of, and its name.
    pub fn version_and_name(&self) -> Option<(&str, &str)> {
        self.sk.strip_prefix("FILE#")?.split_once('/')
    }
}
