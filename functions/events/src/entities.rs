//! Removing everything that a deleted entity held.
//!
//! Its id is never given again, so no part of the work can hit another entity. Several clean-ups may be at it at once.

use std::collections::BTreeMap;

use granary_http::AppState;
use granary_model::{Error, Result, Sha256};
use granary_publish::Change;
use granary_storage::rows::{EntityRow, FileRow, Listed, VersionStatus};
use granary_storage::{Commit, Key, Subject, Transaction};
use serde::Deserialize;

use crate::Progress;

/// Versions that are removed in one transaction: each takes up to five of its 100 parts, and the event is one.
const VERSIONS: i32 = 19;

/// Rows of other kinds that are removed in one transaction.
const ROWS: usize = 90;

/// How often the row itself is tried because it changed meanwhile.
const ATTEMPTS: u32 = 32;

/// What has to be known of a version.
#[derive(Deserialize)]
struct Held {
    id: String,
    version: String,
    status: VersionStatus,
    package: FileRow,
    lockfile: Option<FileRow>,
    #[serde(default)]
    has_package_json: bool,
}

/// Removes versions, bytes, entries in lists, and the entity's row last: until then the event can begin again.
pub(crate) async fn purge(state: &AppState, id: &str) -> Result<Progress> {
    let Some(row) = deleted(state, id).await? else { return Ok(Progress::Finished) };
    let purge = Purge { state, id };
    purge.versions().await?;
    purge.others("ID#", Key::EntityVersionId).await?;
    purge.others("SOURCE#", Key::EntitySource).await?;
    purge.lists(&row).await?;
    purge.entity(row).await?;
    Ok(Progress::Finished)
}

/// The row of an entity that has been deleted.
async fn deleted(state: &AppState, id: &str) -> Result<Option<EntityRow>> {
    let row: Option<EntityRow> = state.storage().get(&Key::Entity(id.to_owned())).await?;
    Ok(row.filter(|row| row.deleting))
}

struct Purge<'a> {
    state: &'a AppState,
    id: &'a str,
}

impl Purge<'_> {
    /// Nobody adds any: that is conditional on the entity's row as it was before it was deleted.
    async fn versions(&self) -> Result<()> {
        let first = Key::EntityVersion(self.id.to_owned(), String::new());
        loop {
            let page = self.state.storage().list::<Held>(&first, "VER#", None, VERSIONS).await?;
            if page.rows.is_empty() {
                return Ok(());
            }
            let mut change = Change::by_system(self.state.ids(), self.state.now());
            let mut transaction = Transaction::new();
            let mut blobs: BTreeMap<Sha256, u64> = BTreeMap::new();
            for row in page.rows {
                // Must be there still, or its bytes would be counted down twice.
                transaction
                    .delete_existing("taken", Key::EntityVersion(self.id.to_owned(), row.version.clone()));
                if row.has_package_json {
                    transaction
                        .delete("package.json", Key::EntityPackageJson(self.id.to_owned(), row.version));
                }
                transaction.delete("id", Key::EntityVersionId(self.id.to_owned(), row.id));
                let files = [Some(row.package), row.lockfile].into_iter().flatten();
                for file in files.filter(|_| row.status == VersionStatus::Live) {
                    *blobs.entry(file.sha256).or_default() += 1;
                }
            }
            change.release_blobs(&mut transaction, blobs)?;
            match self.state.storage().commit(transaction).await? {
                Commit::Done => change.notify(self.state.storage()).await,
                // Another clean-up was faster; what is left is looked up anew.
                Commit::Refused(refusal) if refusal.label == "taken" => {}
                Commit::Refused(refusal) => return Err(unexpected(refusal.label)),
            }
        }
    }

    /// Rows of the entity's partition that hold no bytes.
    async fn others(&self, prefix: &str, key: fn(String, String) -> Key) -> Result<()> {
        let first = Key::Entity(self.id.to_owned());
        loop {
            let limit = i32::try_from(ROWS).unwrap_or(90);
            let page = self.state.storage().list::<Listed>(&first, prefix, None, limit).await?;
            let mut keys = Vec::new();
            for row in &page.rows {
                let rest = row.sk.strip_prefix(prefix);
                let rest = rest.ok_or_else(|| Error::internal("clearing an entity", &row.sk))?;
                keys.push(key(self.id.to_owned(), rest.to_owned()));
            }
            if keys.is_empty() {
                return Ok(());
            }
            self.remove(&keys).await?;
        }
    }

    /// The lists of publishers, of the organisation, of users it was shared with and who shared it, and of stores.
    async fn lists(&self, row: &EntityRow) -> Result<()> {
        let id = || self.id.to_owned();
        let mut keys: Vec<Key> =
            row.publishers.iter().map(|user| Key::EntityOfUser(user.clone(), id())).collect();
        if let Subject::Org(slug) = &row.owner.subject {
            keys.push(Key::EntityOfOrg(slug.clone(), id()));
        }
        keys.extend(row.stores.keys().map(|slug| Key::StoreEntry(slug.clone(), id())));
        let mut with: Vec<_> = row.shares.values().map(|share| &share.user).collect();
        let mut by: Vec<_> = row.shares.values().map(|share| &share.created_by).collect();
        for users in [&mut with, &mut by] {
            // A transaction has each row once.
            users.sort();
            users.dedup();
        }
        keys.extend(with.into_iter().map(|user| Key::SharedWith(user.clone(), id())));
        keys.extend(by.into_iter().map(|user| Key::SharedBy(user.clone(), id())));
        self.remove(&keys).await
    }

    async fn remove(&self, keys: &[Key]) -> Result<()> {
        for batch in keys.chunks(ROWS) {
            let mut transaction = Transaction::new();
            for key in batch {
                transaction.delete("row", key.clone());
            }
            if let Commit::Refused(refusal) = self.state.storage().commit(transaction).await? {
                return Err(unexpected(refusal.label));
            }
        }
        Ok(())
    }

    /// The row itself, and its icon.
    async fn entity(&self, row: EntityRow) -> Result<()> {
        let mut row = row;
        for _ in 0..ATTEMPTS {
            let mut change = Change::by_system(self.state.ids(), self.state.now());
            let mut transaction = Transaction::new();
            transaction.delete_rev("entity", Key::Entity(self.id.to_owned()), row.rev);
            let icon = row.icon.iter().map(|icon| (icon.sha256, 1)).collect();
            change.release_blobs(&mut transaction, icon)?;
            let target = format!("entity/{}", row.slug);
            change.audit(&mut transaction, &row.owner.subject.to_string(), "entity.purge", &target)?;
            match self.state.storage().commit(transaction).await? {
                Commit::Done => {
                    change.notify(self.state.storage()).await;
                    return Ok(());
                }
                Commit::Refused(refusal) if refusal.label == "entity" => {}
                Commit::Refused(refusal) => return Err(unexpected(refusal.label)),
            }
            // It is gone, or was taken out of a store.
            match deleted(self.state, self.id).await? {
                Some(later) => row = later,
                None => return Ok(()),
            }
        }
        Err(Error::Unavailable("the entity is still being changed; try again".into()))
    }
}

fn unexpected(label: &str) -> Error {
    Error::internal("clearing an entity", format!("the part '{label}' was refused"))
}
