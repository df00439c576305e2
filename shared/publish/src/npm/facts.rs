//! What a version row keeps of an npm version.

use granary_model::npm::{NpmName, NpmVersion};
use granary_model::{Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::manifest::abbreviated;
use super::tarball::TarballFacts;
use crate::compress::{gunzip, gzip};

/// Most that the facts of one version may take up in its row, gzip'd. A row holds 400 KB.
const MAX_STORED: usize = 300_000;

/// Most that they may take up unpacked, in bytes. A manifest of one repeated letter compresses a thousand
/// times, and rendering unpacks the manifests of all versions.
const MAX_PLAIN: usize = 512 * 1024;

/// The manifest of a version in both forms of the packument, ready to be copied into documents, and what
/// was measured on its tarball.
#[derive(Debug, Serialize, Deserialize)]
pub struct NpmFacts {
    /// The manifest for the full packument, without `dist`.
    pub full: Box<RawValue>,
    /// The manifest for the abbreviated packument, without `dist`.
    pub abbreviated: Box<RawValue>,
    /// Number of files in the tarball.
    pub file_count: u64,
    /// Sum of their sizes, in bytes.
    pub unpacked_size: u64,
    /// `predicateType` of the provenance attestation, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provenance: Option<String>,
}

impl NpmFacts {
    /// From the manifest as it shall stand in the packument.
    pub fn new(
        manifest: &Map<String, Value>,
        tarball: &TarballFacts,
        provenance: Option<String>,
    ) -> Result<Self> {
        let mut manifest = manifest.clone();
        // The renderer writes these itself.
        for name in ["_id", "_rev", "dist", "deprecated"] {
            manifest.shift_remove(name);
        }
        let raw = |map: &Map<String, Value>| {
            serde_json::value::to_raw_value(map).map_err(|e| Error::internal("writing a manifest", e))
        };
        Ok(Self {
            full: raw(&manifest)?,
            abbreviated: raw(&abbreviated(&manifest))?,
            file_count: tarball.file_count,
            unpacked_size: tarball.unpacked_size,
            provenance,
        })
    }

    /// Of a version whose manifest stands elsewhere: in the document of the registry that it comes from.
    pub fn bare(name: &NpmName, version: &NpmVersion) -> Result<Self> {
        let manifest = serde_json::json!({ "name": name, "version": version.as_str() });
        let raw = || {
            serde_json::value::to_raw_value(&manifest).map_err(|e| Error::internal("writing a manifest", e))
        };
        Ok(Self { full: raw()?, abbreviated: raw()?, file_count: 0, unpacked_size: 0, provenance: None })
    }

    /// The form for the row.
    ///
    /// # Errors
    /// `TooLarge` for a manifest that does not fit.
    pub fn to_row(&self) -> Result<Vec<u8>> {
        let json = serde_json::to_vec(self).map_err(|e| Error::internal("writing a manifest", e))?;
        if json.len() > MAX_PLAIN {
            return Err(Error::TooLarge(format!(
                "the manifest takes {} bytes in both forms of the packument, more than the {MAX_PLAIN} that are \
                 accepted; shorten package.json",
                json.len()
            )));
        }
        let stored = gzip(&json)?;
        if stored.len() > MAX_STORED {
            return Err(Error::TooLarge(format!(
                "the manifest takes {} bytes compressed, more than the {MAX_STORED} that fit; shorten package.json",
                stored.len()
            )));
        }
        Ok(stored)
    }

    /// From the form in the row.
    pub fn from_row(stored: &[u8]) -> Result<Self> {
        let json = gunzip(stored)?;
        serde_json::from_slice(&json).map_err(|e| Error::internal("reading a manifest", e))
    }
}
