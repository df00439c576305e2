//! What clients see.

use std::collections::BTreeMap;

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use granary_model::Sha256;
use granary_model::product::{ProductFlags, ProductName};
use granary_storage::rows::{ProductRow, ProductTokenRow, VersionStatus};
use serde::{Deserialize, Serialize};

/// `ApiToken`: the hash stands for the token, which nobody can have again.
#[derive(Debug, Serialize)]
pub(crate) struct TokenView {
    token: Sha256,
    admin: bool,
}

impl From<ProductTokenRow> for TokenView {
    fn from(row: ProductTokenRow) -> Self {
        Self { token: row.hash, admin: row.admin }
    }
}

/// `Product`.
#[derive(Debug, Serialize)]
pub(crate) struct ProductView {
    name: ProductName,
    tokens: BTreeMap<Sha256, ProductFlags>,
    versions: BTreeMap<String, VersionView>,
}

impl ProductView {
    /// Without versions.
    pub(crate) fn new(row: ProductRow) -> Self {
        Self { name: row.name, tokens: row.tokens, versions: BTreeMap::new() }
    }

    /// Adds those that are live.
    pub(crate) fn add(&mut self, rows: Vec<VersionRow>) {
        for row in rows.into_iter().filter(|row| row.status == VersionStatus::Live) {
            let view = VersionView {
                path: format!("products/{}/{}/{}", self.name, row.version, row.file.name),
                checksum: format!("sha256:{}", row.file.sha256),
            };
            self.versions.insert(row.version, view);
        }
    }
}

/// What is shown of a `ProductVersionRow`.
#[derive(Debug, Deserialize)]
pub(crate) struct VersionRow {
    version: String,
    status: VersionStatus,
    file: File,
}

#[derive(Debug, Deserialize)]
struct File {
    name: String,
    sha256: Sha256,
}

/// `Version`.
#[derive(Debug, Serialize)]
struct VersionView {
    path: String,
    checksum: String,
}

/// An answer of plain text that no cache may keep.
pub(crate) fn text(status: StatusCode, body: &str) -> Response {
    let headers = [(header::CACHE_CONTROL, "no-store"), (header::CONTENT_TYPE, "text/plain; charset=utf-8")];
    (status, headers, body.to_owned()).into_response()
}

/// An answer without a body.
pub(crate) fn empty(status: StatusCode) -> Response {
    (status, [(header::CACHE_CONTROL, "no-store")]).into_response()
}
