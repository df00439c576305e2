//! Manifests that are uploaded beside their archive.

use granary_model::swift::{ManifestName, SwiftVersion};
use granary_model::{Error, Result, Timestamp};
use granary_storage::rows::{HeadRow, VersionRow};
use granary_storage::transaction::Refusal;
use granary_storage::{Key, Transaction};

use super::facts::SwiftFacts;
use crate::digests::Digests;
use crate::head_edit::{Applied, HeadEdit, Step, Target, edit_head};

/// Takes a manifest for a release that exists. Manifests are served from the archive, so it must be the one in
/// there; the description that may come with it becomes the package's.
///
/// # Errors
/// `NotFound` without the release, `Conflict` for another manifest than the archive's.
pub async fn confirm_manifest(
    target: Target<'_>,
    now: Timestamp,
    version: &SwiftVersion,
    name: &ManifestName,
    digests: &Digests,
    description: Option<String>,
) -> Result<()> {
    let key = Key::Version(target.package.clone(), version.key());
    let row: Option<VersionRow> = target.storage.get(&key).await?;
    let missing = || {
        Error::NotFound(format!(
            "release {version} of '{}' not found; publish its archive first, which has the manifest in it",
            target.package.name
        ))
    };
    let row = row.filter(VersionRow::is_live).filter(|_| target.head.is_some()).ok_or_else(missing)?;
    if !SwiftFacts::from_row(&row.facts)?.version.is(version.as_str()) {
        return Err(missing());
    }
    let same = row.files.iter().any(|file| file.name == name.as_str() && file.sha256 == digests.sha256);
    if !same {
        return Err(Error::Conflict(format!(
            "this is not the {} in the archive of release {version}, and a release never changes; publish a new \
             version",
            name.as_str()
        )));
    }
    match description.filter(|text| !text.is_empty()) {
        Some(description) => edit_head(target, now, &mut Describe(description)).await.map(|_| ()),
        None => Ok(()),
    }
}

struct Describe(String);

impl HeadEdit for Describe {
    fn action(&self) -> &'static str {
        "package.describe"
    }

    fn detail(&self) -> String {
        String::new()
    }

    async fn apply(&mut self, head: Option<HeadRow>, _: Timestamp, _: &mut Transaction) -> Result<Step> {
        let head = head.ok_or_else(|| Error::NotFound("the package is gone".into()))?;
        if head.description.as_ref() == Some(&self.0) {
            return Ok(Step::Nothing);
        }
        Ok(Step::Write(HeadRow { description: Some(self.0.clone()), ..head }))
    }

    fn refused(&mut self, refusal: Refusal) -> Result<Applied> {
        Err(Error::internal("describing a package", format!("the part '{}' was refused", refusal.label)))
    }
}
