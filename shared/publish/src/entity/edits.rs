//! Making a version the active one, and deleting one.

use granary_model::entity::EntityVersion;
use granary_model::{Error, Result};
use granary_storage::rows::{EntityRow, EntitySourceRow, EntityVersionRow, VersionStatus};
use granary_storage::{Key, Storage, Transaction};

use super::commit::held;
use super::found::version_key;
use crate::change::Change;
use crate::shelf::{Edited, Hand, Next, ShelfEdit, edit_shelf};

/// Name of the audit record when another version becomes the active one.
pub(super) const ACTIVATE: &str = "entity.version.activate";

/// Makes a live version the one that is installed by default, and gives the entity and the version. Doing it twice is
/// harmless.
///
/// # Errors
/// `NotFound` if the version is not there or was deleted; those of [`edit_shelf`].
pub async fn activate_version(
    hand: &Hand<'_, EntityRow>,
    entity: EntityRow,
    version: &EntityVersion,
) -> Result<(EntityRow, EntityVersionRow)> {
    let mut edit = Activate { storage: hand.storage, version, found: None };
    let edited = edit_shelf(hand, entity, &mut edit).await?;
    let (before, row) =
        edit.found.ok_or_else(|| Error::internal("activating a version", "it was not looked at"))?;
    match edited {
        Edited::Changed(entity) => Ok((entity, row)),
        Edited::Unchanged | Edited::Removed => Ok((before, row)),
    }
}

/// Deletes a live version for ever: a tombstone keeps its name, which can never be used again, and the versions made from it
/// still name it. Its bytes go when nothing else holds them.
///
/// # Errors
/// `Conflict` if it is the active one, `NotFound` if it is not there; those of [`edit_shelf`].
pub async fn delete_version(
    hand: &Hand<'_, EntityRow>,
    entity: EntityRow,
    version: &EntityVersion,
) -> Result<()> {
    edit_shelf(hand, entity, &mut Delete { storage: hand.storage, version }).await.map(|_| ())
}

async fn live(storage: &Storage, entity: &EntityRow, version: &EntityVersion) -> Result<EntityVersionRow> {
    let row: Option<EntityVersionRow> = storage.get(&version_key(&entity.id, version)).await?;
    row.filter(EntityVersionRow::is_live)
        .ok_or_else(|| Error::NotFound(format!("version '{version}' not found")))
}

struct Activate<'a> {
    storage: &'a Storage,
    version: &'a EntityVersion,
    /// The entity as it was, and the version.
    found: Option<(EntityRow, EntityVersionRow)>,
}

impl ShelfEdit<EntityRow> for Activate<'_> {
    fn action(&self) -> &'static str {
        ACTIVATE
    }

    fn detail(&self) -> String {
        format!("@{}", self.version)
    }

    async fn apply(
        &mut self,
        mut row: EntityRow,
        _transaction: &mut Transaction,
        _change: &mut Change<'_>,
    ) -> Result<Next<EntityRow>> {
        let version = live(self.storage, &row, self.version).await?;
        self.found = Some((row.clone(), version));
        if row.active.as_ref() == Some(self.version) {
            return Ok(Next::Nothing);
        }
        row.active = Some(self.version.clone());
        Ok(Next::Write(row))
    }
}

struct Delete<'a> {
    storage: &'a Storage,
    version: &'a EntityVersion,
}

impl ShelfEdit<EntityRow> for Delete<'_> {
    fn action(&self) -> &'static str {
        "entity.version.delete"
    }

    fn detail(&self) -> String {
        format!("@{}", self.version)
    }

    async fn apply(
        &mut self,
        mut row: EntityRow,
        transaction: &mut Transaction,
        change: &mut Change<'_>,
    ) -> Result<Next<EntityRow>> {
        let version = live(self.storage, &row, self.version).await?;
        if row.active.as_ref() == Some(self.version) {
            return Err(Error::Conflict(format!(
                "version {} is the active one; make another version the active one first",
                self.version
            )));
        }
        let sources = Key::EntitySource(row.id.clone(), version.source_hash.to_string());
        let twins: Option<EntitySourceRow> = self.storage.get(&sources).await?;
        let mut versions = twins.map(|row| row.versions).unwrap_or_default();
        versions.retain(|twin| twin != self.version);
        if versions.is_empty() {
            transaction.delete("sources", sources);
        } else {
            transaction.put("sources", &sources, &EntitySourceRow { versions })?;
        }
        transaction.delete("id", Key::EntityVersionId(row.id.clone(), version.id.clone()));
        if version.has_package_json {
            transaction
                .delete("package.json", Key::EntityPackageJson(row.id.clone(), version.version.to_string()));
        }
        change.release_blobs(transaction, held(&version))?;
        row.versions = row.versions.saturating_sub(1);
        row.bytes = row.bytes.saturating_sub(version.size());
        let tombstone = EntityVersionRow {
            status: VersionStatus::Tombstone,
            service_dependencies: Vec::new(),
            has_package_json: false,
            ..version
        };
        transaction.put("version", &version_key(&row.id, self.version), &tombstone)?;
        Ok(Next::Write(row))
    }
}
