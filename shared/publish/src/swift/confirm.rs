//! Manifests that are uploaded beside their archive.

use granary_model::swift::{ManifestName, SwiftVersion};
use granary_model::{Error, Result, Timestamp};
use granary_storage::rows::HeadRow;
use granary_storage::transaction::Refusal;
use granary_storage::{Key, PackageKey, Storage, Transaction};

use super::facts::live_release;
use super::publish::show_latest;
use crate::digests::Digests;
use crate::head_edit::{Applied, HeadEdit, Step, Target, edit_head};
use crate::raw::check_description;

/// Takes a manifest for a release that exists. Manifests are served from the archive, so it must be the one in
/// there; the description that may come with it becomes the release's, if it has none.
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
    check_description(description.as_deref())?;
    let release = live_release(target.storage, &target.package, version).await?;
    let (row, _) = release.filter(|_| target.head.is_some()).ok_or_else(|| {
        Error::NotFound(format!(
            "release {version} of '{}' not found; publish its archive first, which has the manifest in it",
            target.package.name
        ))
    })?;
    let same = row.files.iter().any(|file| file.name == name.as_str() && file.sha256 == digests.sha256);
    if !same {
        return Err(Error::Conflict(format!(
            "this is not the {} in the archive of release {version}, and a release never changes; publish a new \
             version",
            name.as_str()
        )));
    }
    match description.filter(|text| !text.is_empty()) {
        Some(text) => {
            let (storage, package) = (target.storage, target.package.clone());
            let mut edit = Describe { storage, package, version, text };
            edit_head(target, now, &mut edit).await.map(|_| ())
        }
        None => Ok(()),
    }
}

/// Gives a release the description that its publisher's metadata do not have.
struct Describe<'a> {
    storage: &'a Storage,
    package: PackageKey,
    version: &'a SwiftVersion,
    text: String,
}

impl HeadEdit for Describe<'_> {
    fn action(&self) -> &'static str {
        "package.describe"
    }

    fn detail(&self) -> String {
        format!("@{}", self.version)
    }

    async fn apply(
        &mut self,
        head: Option<HeadRow>,
        _: Timestamp,
        transaction: &mut Transaction,
    ) -> Result<Step> {
        let gone = || Error::NotFound("the release is gone".into());
        let mut head = head.ok_or_else(gone)?;
        let release = live_release(self.storage, &self.package, self.version).await?;
        let (mut row, mut facts) = release.ok_or_else(gone)?;
        if facts.metadata.contains_key("description") || facts.described.as_ref() == Some(&self.text) {
            return Ok(Step::Nothing);
        }
        facts.described = Some(self.text.clone());
        row.facts = facts.to_row()?;
        // Nobody else changes the row meanwhile: whoever does moves the head, and then this begins again.
        let key = Key::Version(self.package.clone(), row.version.clone());
        transaction.put("version", &key, &row)?;
        if head.latest() == Some(facts.version.as_str()) {
            show_latest(&mut head, Some(&facts));
        }
        Ok(Step::Write(head))
    }

    fn refused(&mut self, refusal: Refusal) -> Result<Applied> {
        Err(Error::internal("describing a release", format!("the part '{}' was refused", refusal.label)))
    }
}
