//! What a head shows of the versions that a reader gets.

use std::collections::BTreeSet;

use granary_model::Result;
use granary_model::npm::NpmVersion;
use granary_storage::rows::{HeadRow, VersionRow};

use super::summary::Summary;
use crate::seen::Showing;

/// Tags stay with the versions that the reader gets. `latest` stays where it is if it can, and falls back as it does when
/// its version is unpublished.
#[derive(Debug, Clone, Copy, Default)]
pub struct NpmShowing;

impl Showing for NpmShowing {
    fn show(head: &mut HeadRow, rows: &[VersionRow]) -> Result<()> {
        let versions: BTreeSet<&str> = rows.iter().map(|row| row.version.as_str()).collect();
        head.tags.retain(|_, version| versions.contains(version.as_str()));
        if head.latest().is_none() {
            head.tags.extend(highest(rows.iter()).map(|version| ("latest".to_owned(), version)));
        }
        let latest = head.latest().and_then(|latest| rows.iter().find(|row| row.version == latest));
        latest.map(Summary::of_row).transpose()?.unwrap_or_default().show_in(head);
        Ok(())
    }
}

/// The highest version, a stable one if there is any: what `latest` falls back to.
pub(super) fn highest<'a>(rows: impl Iterator<Item = &'a VersionRow>) -> Option<String> {
    let versions = rows.filter_map(|row| row.version.parse::<NpmVersion>().ok());
    versions
        .max_by_key(|version| (!version.is_prerelease(), version.clone()))
        .map(|version| version.to_string())
}
