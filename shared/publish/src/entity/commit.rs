//! Committing a version whose files were handed over.

use std::collections::BTreeMap;

use granary_model::{Error, Result, Sha256};
use granary_storage::rows::{
    BaseVersion, EntityConfirmation, EntityPackageJson, EntityRow, EntitySourceRow, EntityVersionRef,
    EntityVersionRow, FileRow, HandoverPurpose, HandoverRow, UploadStatus, VersionStatus,
};
use granary_storage::transaction::Refusal;
use granary_storage::{Key, Storage, Transaction};

use super::edits::ACTIVATE;
use super::found::{Found, is_live_version, used, version_key};
use super::{LOCKFILE_TYPE, MAX_LOCKFILE, PACKAGE_TYPE, check_quota, package_name};
use crate::change::Change;
use crate::handover::{arrived, remove_staged, verify};
use crate::shelf::{Edited, Hand, Next, ShelfEdit, edit_shelf};
use crate::upload::state::replace;

/// Most live versions that are built of the same sources: their names stand in one row.
const MAX_TWINS: usize = 1_000;

/// What became of a version that was handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is new.
    Created,
    /// It was there already, byte for byte: a repeated request.
    Again,
    /// Nothing was made, because another live version was built of the same sources.
    Duplicate,
}

/// A version that was handed over, or the one that makes it unnecessary.
#[derive(Debug, Clone)]
pub struct Committed {
    /// What became of it.
    pub outcome: Outcome,
    /// The entity as it is now.
    pub entity: EntityRow,
    /// The version.
    pub version: EntityVersionRow,
}

/// Verifies the files of a confirmed handover, puts them in their place and commits their version: all of it or nothing.
///
/// Safe to repeat, also several times at once. Where a version is there already, it becomes the active one if the handover
/// says so. What is staged stays there, and the handover's row as it is.
/// `quota` is the most that the entity may hold, in bytes.
///
/// # Errors
/// `BadRequest` for a file that has not arrived or is not as it was said, and for a base version that is gone; `Conflict` for a
/// version that is in use with other bytes or was deleted; `Forbidden` over the quota; those of [`edit_shelf`].
pub async fn commit_handover(
    hand: &Hand<'_, EntityRow>,
    entity: EntityRow,
    row: &HandoverRow,
    quota: Option<u64>,
) -> Result<Committed> {
    let not_ours =
        || Error::internal("committing a version", "the handover is not a confirmed one of this entity");
    let HandoverPurpose::Entity {
        entity: id,
        version,
        source_hash,
        base,
        confirmation: Some(confirmation),
        ..
    } = &row.purpose
    else {
        return Err(not_ours());
    };
    if *id != entity.id {
        return Err(not_ours());
    }
    if let Err(error) = check_quota(&entity, confirmation.file_size_bytes, quota) {
        // A version that is committed already is counted already.
        let there: Option<EntityVersionRow> = hand.storage.get(&version_key(&entity.id, version)).await?;
        if there.is_none() {
            return Err(error);
        }
    }
    let package = verify(hand.storage, hand.now, row, 0, confirmation.file_size_bytes).await?;
    let lockfile = lockfile(hand, row, confirmation).await?;
    let new = EntityVersionRow {
        id: hand.ids.next(hand.now),
        version: version.clone(),
        status: VersionStatus::Live,
        source_hash: *source_hash,
        base: base.clone(),
        package: package.file(package_name(&entity.slug, version), PACKAGE_TYPE),
        lockfile,
        service_dependencies: confirmation.service_dependencies.clone(),
        has_package_json: confirmation.package_json.is_some(),
        published_at: hand.now,
        publisher: hand.principal.actor(),
    };
    let mut edit = Commit {
        storage: hand.storage,
        quota,
        force: confirmation.force,
        set_as_active: confirmation.set_as_active,
        package_json: confirmation.package_json.as_deref(),
        new,
        there: None,
    };
    let edited = edit_shelf(hand, entity, &mut edit).await?;
    match (edited, edit.there) {
        (Edited::Changed(entity), Some(there)) => Ok(Committed { entity, ..there }),
        (Edited::Changed(entity), None) => {
            Ok(Committed { outcome: Outcome::Created, entity, version: edit.new })
        }
        (_, Some(there)) => Ok(there),
        _ => Err(Error::internal("committing a version", "it is neither made nor there")),
    }
}

/// Marks a handover that nobody has taken and whose version is made, and removes what was staged.
///
/// It is no matter if that fails: confirming it again finds the version, and the sweep removes what is staged when the
/// handover has expired.
pub async fn finish_handover(storage: &Storage, row: &mut HandoverRow) {
    row.status = UploadStatus::Completed;
    match replace(storage, row).await {
        Ok(true) => remove_staged(storage, row).await,
        // Somebody else has.
        Ok(false) => {}
        Err(error) => tracing::warn!(%error, "a handover whose version is made still looks open"),
    }
}

/// The lock file, if one was confirmed. How large it is nobody has said.
async fn lockfile(
    hand: &Hand<'_, EntityRow>,
    row: &HandoverRow,
    confirmation: &EntityConfirmation,
) -> Result<Option<FileRow>> {
    let Some(file) = row.files.get(1).filter(|_| confirmation.lockfile) else { return Ok(None) };
    let size = lockfile_size(hand.storage, row).await?;
    let digests = verify(hand.storage, hand.now, row, 1, size).await?;
    Ok(Some(digests.file(file.name.clone(), LOCKFILE_TYPE)))
}

/// Size of a lock file that has arrived, in bytes.
///
/// # Errors
/// `BadRequest` if it has not arrived, is empty or too large.
pub async fn lockfile_size(storage: &Storage, row: &HandoverRow) -> Result<u64> {
    match arrived(storage, row, 1).await? {
        Some(size) if (1..=MAX_LOCKFILE).contains(&size) => Ok(size),
        Some(size) => Err(Error::BadRequest(format!(
            "package_lock_path: the lock file has {size} bytes; it may have 1 to {MAX_LOCKFILE}"
        ))),
        None => Err(Error::BadRequest(
            "package_lock_path: the lock file has not arrived; PUT it to its upload address first, or leave the field out"
                .into(),
        )),
    }
}

struct Commit<'a> {
    storage: &'a Storage,
    quota: Option<u64>,
    force: bool,
    set_as_active: bool,
    package_json: Option<&'a str>,
    new: EntityVersionRow,
    /// The version that is there instead.
    there: Option<Committed>,
}

impl Commit<'_> {
    /// Nothing is made. The version that is there becomes the active one, if that was said of the new one: clients that
    /// upload what has not changed expect it to be installed from now on.
    fn is_there(
        &mut self,
        outcome: Outcome,
        mut entity: EntityRow,
        version: EntityVersionRow,
    ) -> Next<EntityRow> {
        let becomes_active = self.set_as_active && entity.active.as_ref() != Some(&version.version);
        self.there = Some(Committed { outcome, entity: entity.clone(), version: version.clone() });
        if !becomes_active {
            return Next::Nothing;
        }
        entity.active = Some(version.version);
        Next::Write(entity)
    }

    /// Whether a version has exactly what is to be committed.
    fn is_same(&self, there: &EntityVersionRow) -> bool {
        let digest = |file: &FileRow| file.sha256;
        there.is_live()
            && there.source_hash == self.new.source_hash
            && digest(&there.package) == digest(&self.new.package)
            && there.lockfile.as_ref().map(digest) == self.new.lockfile.as_ref().map(digest)
    }

    async fn check_base(&self, entity: &EntityRow) -> Result<()> {
        match &self.new.base {
            Some(base) if !is_live_version(self.storage, &entity.id, base).await? => Err(gone(base)),
            _ => Ok(()),
        }
    }
}

/// The error for a base version that was deleted after the upload began.
fn gone(base: &BaseVersion) -> Error {
    Error::BadRequest(format!(
        "base_version_id: version {} was deleted meanwhile; begin again with another base version or without one",
        base.version
    ))
}

impl ShelfEdit<EntityRow> for Commit<'_> {
    fn action(&self) -> &'static str {
        if self.there.is_some() { ACTIVATE } else { "entity.version.publish" }
    }

    fn detail(&self) -> String {
        format!("@{}", self.there.as_ref().map_or(&self.new, |there| &there.version).version)
    }

    async fn apply(
        &mut self,
        mut row: EntityRow,
        transaction: &mut Transaction,
        _change: &mut Change<'_>,
    ) -> Result<Next<EntityRow>> {
        self.there = None;
        let found = Found::read(self.storage, &row.id, &self.new.version, self.new.source_hash).await?;
        match found.version {
            Some(there) if self.is_same(&there) => return Ok(self.is_there(Outcome::Again, row, there)),
            Some(there) => return Err(used(&there)),
            None => {}
        }
        if !self.force
            && let Some(twin) = found.twin(self.storage, &row.id).await?
        {
            return Ok(self.is_there(Outcome::Duplicate, row, twin));
        }
        self.check_base(&row).await?;
        check_quota(&row, self.new.size(), self.quota)?;
        let mut versions = found.sources;
        if versions.len() >= MAX_TWINS {
            return Err(Error::Conflict(format!(
                "{MAX_TWINS} versions were built of these sources already; delete some of them first"
            )));
        }
        versions.push(self.new.version.clone());
        versions.sort();
        let version = self.new.version.clone();
        transaction.put_new("version", &version_key(&row.id, &version), &self.new)?;
        let id = Key::EntityVersionId(row.id.clone(), self.new.id.clone());
        transaction.put_new("id", &id, &EntityVersionRef { version: version.clone() })?;
        if let Some(text) = self.package_json {
            let key = Key::EntityPackageJson(row.id.clone(), version.to_string());
            transaction.put("package.json", &key, &EntityPackageJson { text: text.to_owned() })?;
        }
        let sources = Key::EntitySource(row.id.clone(), self.new.source_hash.to_string());
        transaction.put("sources", &sources, &EntitySourceRow { versions })?;
        for (digest, files) in held(&self.new) {
            transaction.hold_blob("blob", digest, files, self.new.published_at);
        }
        row.versions += 1;
        row.bytes = row.bytes.saturating_add(self.new.size());
        if self.set_as_active {
            row.active = Some(version);
        }
        Ok(Next::Write(row))
    }

    fn refused(&mut self, refusal: Refusal) -> Result<()> {
        match refusal.label {
            // Somebody else was faster: what they made is looked at.
            "version" => Ok(()),
            "blob" => Err(Error::Unavailable("storing the file took too long; try again".into())),
            label => Err(Error::internal("committing a version", format!("the part '{label}' was refused"))),
        }
    }
}

/// The bytes that a version holds, each digest with the number of its files.
pub(super) fn held(row: &EntityVersionRow) -> BTreeMap<Sha256, u64> {
    let mut blobs = BTreeMap::new();
    for file in [Some(&row.package), row.lockfile.as_ref()].into_iter().flatten() {
        *blobs.entry(file.sha256).or_default() += 1;
    }
    blobs
}
