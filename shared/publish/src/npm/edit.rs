//! Changes of a published package: tags, deprecation, unpublishing, owners.

use std::collections::{BTreeMap, BTreeSet};

use granary_model::npm::{DistTag, NpmVersion};
use granary_model::{Error, Result, Sha256, Timestamp, UserId};
use granary_storage::rows::{Event, HeadRow, VersionRow};
use granary_storage::transaction::Refusal;
use granary_storage::{Key, PackageKey, Storage, Transaction};

use super::showing::highest;
use super::summary::{Summary, check_tags};
use crate::burial::Burial;
use crate::head_edit::{Applied, HeadEdit, Step};
use crate::listing::live_versions;

/// Most versions that one edit may change: a transaction has 4 MB, and what is known of a version up to 300 KB of them.
/// Whoever wants more makes several edits.
pub const MAX_VERSIONS: usize = 10;

/// One change of a package that exists.
#[derive(Debug, Clone)]
pub enum NpmEdit {
    /// Points a tag at a version.
    SetTag(DistTag, NpmVersion),
    /// Removes a tag.
    RemoveTag(DistTag),
    /// Sets (`Some`) or removes (`None`) the deprecation of versions.
    Deprecate(BTreeMap<String, Option<String>>),
    /// Deletes versions for ever.
    Unpublish(BTreeSet<String>),
    /// Sets the owners that are shown.
    SetOwners(BTreeSet<UserId>),
}

/// Carries out an [`NpmEdit`].
pub struct Edit<'a> {
    /// Where everything is stored.
    pub storage: &'a Storage,
    /// The package.
    pub package: PackageKey,
    /// What to change.
    pub edit: NpmEdit,
    released: Vec<Sha256>,
}

impl<'a> Edit<'a> {
    /// An edit of this package.
    pub fn new(storage: &'a Storage, package: PackageKey, edit: NpmEdit) -> Self {
        Self { storage, package, edit, released: Vec::new() }
    }

    fn not_found(&self) -> Error {
        Error::NotFound(format!("package '{}' not found", self.package.name))
    }

    async fn version(&self, version: &str) -> Result<VersionRow> {
        let row: Option<VersionRow> =
            self.storage.get(&Key::Version(self.package.clone(), version.into())).await?;
        row.filter(VersionRow::is_live).ok_or_else(|| {
            Error::NotFound(format!("version {version} of package '{}' not found", self.package.name))
        })
    }

    /// Points `latest` at a version, with what the repository's list shows of it.
    async fn follow_latest(&self, head: &mut HeadRow) -> Result<()> {
        let Some(latest) = head.latest().map(str::to_owned) else { return Ok(()) };
        Summary::of_row(&self.version(&latest).await?)?.show_in(head);
        Ok(())
    }

    async fn set_tag(
        &self,
        head: &mut HeadRow,
        tag: &DistTag,
        version: &NpmVersion,
        transaction: &mut Transaction,
    ) -> Result<Step> {
        if head.tags.get(tag.as_str()).map(String::as_str) == Some(version.as_str()) {
            return Ok(Step::Nothing);
        }
        check_tags(&head.tags, std::slice::from_ref(tag))?;
        // The version may be unpublished by another request before this one commits.
        self.version(version.as_str()).await?;
        transaction.require("version", Key::Version(self.package.clone(), version.to_string()));
        head.tags.insert(tag.to_string(), version.to_string());
        if tag.is_latest() {
            self.follow_latest(head).await?;
        }
        Ok(Step::Write(std::mem::take(head)))
    }

    async fn deprecate(
        &self,
        head: HeadRow,
        texts: &BTreeMap<String, Option<String>>,
        transaction: &mut Transaction,
    ) -> Result<Step> {
        let mut changed = false;
        for (version, text) in texts {
            let mut row = self.version(version).await?;
            if row.deprecated != *text {
                row.deprecated.clone_from(text);
                transaction.put("version", &Key::Version(self.package.clone(), version.clone()), &row)?;
                changed = true;
            }
        }
        Ok(if changed { Step::Write(head) } else { Step::Nothing })
    }

    async fn unpublish(
        &mut self,
        mut head: HeadRow,
        versions: &BTreeSet<String>,
        transaction: &mut Transaction,
    ) -> Result<Step> {
        self.released.clear();
        let mut burial = Burial::default();
        for version in versions {
            // One that is gone already counts as done: clients retry.
            let row = match self.version(version).await {
                Ok(row) => row,
                Err(Error::NotFound(_)) => continue,
                Err(error) => return Err(error),
            };
            let row = VersionRow { deprecated: None, ..row };
            burial.bury(transaction, &self.package, row, Vec::new())?;
            transaction.delete("readme", Key::Readme(self.package.clone(), version.clone()));
        }
        let gone = burial.gone().clone();
        if gone.is_empty() {
            return Ok(Step::Nothing);
        }
        head.tags.retain(|_, version| !gone.contains(version.as_str()));
        self.released = burial.close(transaction, &self.package, &mut head);
        if head.versions > 0 && head.latest().is_none() {
            let highest = self.highest_besides(&gone).await?;
            head.tags.extend(highest.map(|version| ("latest".to_owned(), version)));
            self.follow_latest(&mut head).await?;
        }
        Ok(Step::Write(head))
    }

    /// What `latest` falls back to.
    async fn highest_besides(&self, gone: &BTreeSet<String>) -> Result<Option<String>> {
        let rows = live_versions(self.storage, &self.package).await?;
        Ok(highest(rows.iter().filter(|row| !gone.contains(&row.version))))
    }
}

impl HeadEdit for Edit<'_> {
    fn action(&self) -> &'static str {
        match &self.edit {
            NpmEdit::SetTag(..) => "package.tag",
            NpmEdit::RemoveTag(_) => "package.untag",
            NpmEdit::Deprecate(_) => "package.deprecate",
            NpmEdit::Unpublish(_) => "package.unpublish",
            NpmEdit::SetOwners(_) => "package.owners",
        }
    }

    fn detail(&self) -> String {
        let joined = |items: Vec<&str>| items.join(",");
        match &self.edit {
            NpmEdit::SetTag(tag, version) => format!(" {tag}={version}"),
            NpmEdit::RemoveTag(tag) => format!(" {tag}"),
            NpmEdit::Deprecate(texts) => format!("@{}", joined(texts.keys().map(String::as_str).collect())),
            NpmEdit::Unpublish(versions) => {
                format!("@{}", joined(versions.iter().map(String::as_str).collect()))
            }
            NpmEdit::SetOwners(owners) => format!(" {}", joined(owners.iter().map(UserId::as_str).collect())),
        }
    }

    async fn apply(
        &mut self,
        head: Option<HeadRow>,
        _: Timestamp,
        transaction: &mut Transaction,
    ) -> Result<Step> {
        let Some(mut head) = head.filter(|head| head.versions > 0) else { return Err(self.not_found()) };
        match self.edit.clone() {
            NpmEdit::SetTag(tag, version) => self.set_tag(&mut head, &tag, &version, transaction).await,
            NpmEdit::RemoveTag(tag) => {
                if head.tags.remove(tag.as_str()).is_none() {
                    return Err(Error::NotFound(format!(
                        "package '{}' has no dist-tag '{tag}'",
                        self.package.name
                    )));
                }
                Ok(Step::Write(head))
            }
            NpmEdit::Deprecate(texts) => {
                check_count(texts.len())?;
                self.deprecate(head, &texts, transaction).await
            }
            NpmEdit::Unpublish(versions) => {
                check_count(versions.len())?;
                self.unpublish(head, &versions, transaction).await
            }
            NpmEdit::SetOwners(owners) => {
                if owners == head.maintainers {
                    return Ok(Step::Nothing);
                }
                // Only those who are added by name get a right; the first publisher, who is shown without
                // having been added, keeps exactly what the role in the repository gives.
                let added = owners.difference(&head.maintainers).cloned();
                head.granted = head.granted.intersection(&owners).cloned().chain(added).collect();
                head.maintainers = owners;
                Ok(Step::Write(head))
            }
        }
    }

    fn refused(&mut self, refusal: Refusal) -> Result<Applied> {
        match refusal.label {
            "version" => {
                Err(Error::NotFound(format!("a version of package '{}' was not found", self.package.name)))
            }
            "blob" => Err(Error::internal("unpublishing", "a file is counted too low")),
            label => Err(Error::internal("changing a package", format!("the part '{label}' was refused"))),
        }
    }

    fn may_be_late(&self, label: &str) -> bool {
        // Its bytes may have been released by another deletion of the same version.
        label == "blob"
    }

    fn events(&self) -> Vec<Event> {
        if self.released.is_empty() {
            Vec::new()
        } else {
            vec![Event::BlobsReleased { digests: self.released.clone() }]
        }
    }
}

fn check_count(versions: usize) -> Result<()> {
    if versions > MAX_VERSIONS {
        return Err(Error::BadRequest(format!(
            "at most {MAX_VERSIONS} versions can be changed at once; this request changes {versions}"
        )));
    }
    Ok(())
}
