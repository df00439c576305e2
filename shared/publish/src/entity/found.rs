//! What is there already, looked up for a version.

use granary_model::entity::{EntityVersion, SourceHash};
use granary_model::{Error, Result};
use granary_storage::rows::{BaseVersion, EntitySourceRow, EntityVersionRef, EntityVersionRow};
use granary_storage::{Key, Storage};

/// What is there already where a version is to go.
#[derive(Debug, Clone)]
pub struct Found {
    /// The row of the version itself, be it a tombstone.
    pub version: Option<EntityVersionRow>,
    /// The live versions that were built of the same sources, the oldest first.
    pub sources: Vec<EntityVersion>,
}

impl Found {
    /// Looks it up.
    pub async fn read(
        storage: &Storage,
        entity: &str,
        version: &EntityVersion,
        source_hash: SourceHash,
    ) -> Result<Self> {
        let version = version_key(entity, version);
        let sources = Key::EntitySource(entity.to_owned(), source_hash.to_string());
        let (version, sources) =
            tokio::try_join!(storage.get(&version), storage.get::<EntitySourceRow>(&sources))?;
        Ok(Self { version, sources: sources.map(|row| row.versions).unwrap_or_default() })
    }

    /// The version that was built of the same sources: the very version that was looked for, or else the oldest one.
    pub async fn twin(&self, storage: &Storage, entity: &str) -> Result<Option<EntityVersionRow>> {
        if let Some(own) = &self.version
            && own.is_live()
            && self.sources.contains(&own.version)
        {
            return Ok(Some(own.clone()));
        }
        for version in &self.sources {
            let row: Option<EntityVersionRow> = storage.get(&version_key(entity, version)).await?;
            // One that was deleted after the digest was looked up is passed over.
            if let Some(row) = row.filter(EntityVersionRow::is_live) {
                return Ok(Some(row));
            }
        }
        Ok(None)
    }
}

/// The error for a version that is in use, or was: it can never be used again.
pub fn used(row: &EntityVersionRow) -> Error {
    let version = &row.version;
    Error::Conflict(if row.is_live() {
        format!("version {version} exists already and never changes; choose another version")
    } else {
        format!("version {version} was deleted and can never be used again; choose another version")
    })
}

/// The live version that a text names: by its id, or by the version itself.
pub async fn live_version(storage: &Storage, entity: &str, text: &str) -> Result<Option<EntityVersionRow>> {
    let version: EntityVersion = match text.parse() {
        Ok(version) => version,
        Err(_) if EntityVersion::looks_like(text) => return Ok(None),
        Err(_) => {
            let id = Key::EntityVersionId(entity.to_owned(), text.to_owned());
            match storage.get::<EntityVersionRef>(&id).await? {
                Some(named) => named.version,
                None => return Ok(None),
            }
        }
    };
    let row: Option<EntityVersionRow> = storage.get(&version_key(entity, &version)).await?;
    Ok(row.filter(EntityVersionRow::is_live))
}

/// Whether a version that another one is made from is live: its id names it only as long as it is.
pub async fn is_live_version(storage: &Storage, entity: &str, base: &BaseVersion) -> Result<bool> {
    let id = Key::EntityVersionId(entity.to_owned(), base.id.clone());
    let named: Option<EntityVersionRef> = storage.get(&id).await?;
    Ok(named.is_some_and(|named| named.version == base.version))
}

pub(super) fn version_key(entity: &str, version: &EntityVersion) -> Key {
    Key::EntityVersion(entity.to_owned(), version.to_string())
}
