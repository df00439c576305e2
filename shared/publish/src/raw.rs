//! Plain files with versions.

use bytes::Bytes;
use granary_model::raw::{RawName, RawVersion};
use granary_model::{Error, Result, Timestamp};
use granary_storage::Storage;
use granary_storage::rows::{HeadRow, VersionRow};
use serde::Serialize;

use crate::compress::gzip;
use crate::documents::{Renderer, Source};
use crate::files::VersionRules;
use crate::seen::{Showing, seen_head};

/// Longest description, in characters.
const MAX_DESCRIPTION: usize = 2_000;

/// Refuses a description that is too long for the rows it stands in.
///
/// # Errors
/// `BadRequest`.
pub fn check_description(description: Option<&str>) -> Result<()> {
    if description.is_some_and(|text| text.chars().count() > MAX_DESCRIPTION) {
        return Err(Error::BadRequest(format!("description: at most {MAX_DESCRIPTION} characters")));
    }
    Ok(())
}

/// How plain files become versions: every file counts, and the newest version is the latest one, because
/// nothing can be assumed about the order of version texts.
#[derive(Debug, Clone)]
pub struct RawRules {
    name: RawName,
    version: RawVersion,
    description: Option<String>,
}

impl RawRules {
    /// For files of one version. A description replaces the one that the package has.
    ///
    /// # Errors
    /// `BadRequest` for a description that is too long.
    pub fn new(name: RawName, version: RawVersion, description: Option<String>) -> Result<Self> {
        check_description(description.as_deref())?;
        Ok(Self { name, version, description })
    }

    /// The package.
    pub fn name(&self) -> &RawName {
        &self.name
    }

    /// The version.
    pub fn version(&self) -> &RawVersion {
        &self.version
    }
}

impl VersionRules for RawRules {
    fn describe(&self, version: &mut VersionRow) -> bool {
        version.complete = true;
        // The list of versions says how large each is.
        true
    }

    fn show(&self, head: &mut HeadRow, version: &VersionRow, before: Option<&VersionRow>) {
        head.name = self.name.to_string();
        if before.is_none() {
            head.complete += 1;
            head.tags.insert("latest".into(), version.version.clone());
        }
        if let Some(text) = &self.description {
            head.description = Some(text.clone()).filter(|text| !text.is_empty());
        }
    }
}

/// The latest version among those that are left after a deletion.
pub fn reshow(head: &mut HeadRow, rest: &[VersionRow]) {
    match rest.iter().max_by(|a, b| by_age(a, b)) {
        Some(row) => head.tags.insert("latest".into(), row.version.clone()),
        None => head.tags.remove("latest"),
    };
}

fn by_age(a: &VersionRow, b: &VersionRow) -> std::cmp::Ordering {
    age(a).cmp(&age(b))
}

/// The place of a version among others. Texts decide between those of one moment.
pub(crate) fn age(row: &VersionRow) -> (Timestamp, &str) {
    (row.published_at, &row.version)
}

/// The newest of the versions that a reader gets is the latest one. The description is the package's own.
#[derive(Debug, Clone, Copy, Default)]
pub struct RawShowing;

impl Showing for RawShowing {
    fn show(head: &mut HeadRow, rows: &[VersionRow]) -> Result<()> {
        reshow(head, rows);
        Ok(())
    }
}

/// The media type to serve a file with, by its extension.
pub fn content_type(file: &str) -> String {
    mime_guess::from_path(file).first_or_octet_stream().to_string()
}

/// Renders the list of a package's versions.
#[derive(Debug, Clone, Copy, Default)]
pub struct RawLists;

impl RawLists {
    /// The one variant; its number changes with the form.
    pub const VARIANT: &'static str = "r1";
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct List<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    latest_version: Option<&'a str>,
    versions: Vec<Entry<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry<'a> {
    version: &'a str,
    published_at: String,
    size: u64,
    files: u64,
}

impl Renderer for RawLists {
    fn variants(&self) -> Vec<String> {
        vec![Self::VARIANT.into()]
    }

    async fn render(&self, storage: &Storage, source: &Source) -> Result<Vec<Bytes>> {
        let mut rows = source.versions(storage).await?;
        rows.sort_by(|a, b| by_age(b, a));
        let head = seen_head::<RawShowing>(source, &rows)?;
        let list = List {
            name: &head.name,
            description: head.description.as_deref(),
            latest_version: head.latest(),
            versions: rows
                .iter()
                .map(|row| Entry {
                    version: &row.version,
                    published_at: row.published_at.to_string(),
                    size: row.size,
                    files: row.file_count,
                })
                .collect(),
        };
        let text =
            serde_json::to_vec(&list).map_err(|e| Error::internal("rendering a list of versions", e))?;
        Ok(vec![gzip(&text)?.into()])
    }
}
