//! Licences as their sellers see them.

use std::collections::BTreeSet;

use granary_model::{Error, Result};
use granary_storage::rows::{LicenceConstraint, LicenceRow, OnExpiry};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::names::spoken;

/// A licence in a list: without its constraint, as the interface documents it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ListedView {
    id: String,
    name: String,
    key: String,
    suspended: bool,
    meta: Box<RawValue>,
    packages: BTreeSet<String>,
    created_at: i64,
    updated_at: i64,
}

impl ListedView {
    pub(crate) fn new(row: LicenceRow) -> Result<Self> {
        Ok(Self {
            id: row.id,
            name: row.name,
            key: row.key.expose().into(),
            suspended: row.suspended,
            meta: meta(row.meta)?,
            packages: spoken_all(&row.packages),
            created_at: row.created_at.millis(),
            updated_at: row.updated_at.millis(),
        })
    }
}

/// A licence by itself.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LicenceView {
    id: String,
    name: String,
    key: String,
    constraint: LicenceConstraint,
    /// Only where it is another one than what the interface documents, so that its clients find what they expect.
    #[serde(skip_serializing_if = "Option::is_none")]
    on_expiry: Option<OnExpiry>,
    suspended: bool,
    meta: Box<RawValue>,
    packages: BTreeSet<String>,
    created_at: i64,
    updated_at: i64,
}

impl LicenceView {
    pub(crate) fn new(row: LicenceRow) -> Result<Self> {
        Ok(Self {
            id: row.id,
            name: row.name,
            key: row.key.expose().into(),
            constraint: row.constraint,
            on_expiry: Some(row.on_expiry).filter(|on_expiry| *on_expiry != OnExpiry::default()),
            suspended: row.suspended,
            meta: meta(row.meta)?,
            packages: spoken_all(&row.packages),
            created_at: row.created_at.millis(),
            updated_at: row.updated_at.millis(),
        })
    }
}

/// The names as sellers write them; with two slashes only where one would be another name of the same licence.
fn spoken_all(kept: &BTreeSet<String>) -> BTreeSet<String> {
    let name = |entry: &String| Some(spoken(entry)).filter(|name| !kept.contains(name));
    kept.iter().map(|entry| name(entry).unwrap_or_else(|| entry.clone())).collect()
}

/// What is kept with the licence; an empty object where nothing is.
fn meta(text: Option<String>) -> Result<Box<RawValue>> {
    RawValue::from_string(text.unwrap_or_else(|| "{}".into()))
        .map_err(|error| Error::internal("reading what is kept with a licence", error))
}
