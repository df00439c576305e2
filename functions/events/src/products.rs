//! Removing the versions of a deleted product.

use std::collections::BTreeMap;

use granary_http::AppState;
use granary_model::{Error, Result, Sha256};
use granary_publish::Change;
use granary_storage::rows::{FileRow, VersionStatus};
use granary_storage::{Commit, Key, Transaction};
use serde::Deserialize;

use crate::Progress;

/// Versions that are removed in one transaction: each takes up to two of its 100 parts.
const VERSIONS: i32 = 45;

/// What has to be known of a version.
#[derive(Deserialize)]
struct Held {
    version: String,
    status: VersionStatus,
    file: FileRow,
}

/// Removes all versions, tombstones as well, and lets go of their bytes. The product itself is gone, so nobody adds any; its
/// `uid` is no other one's. Safe to repeat, and to be done by several at once.
pub(crate) async fn purge(state: &AppState, uid: &str) -> Result<Progress> {
    let first = Key::ProductVersion(uid.to_owned(), String::new());
    loop {
        let page = state.storage().list::<Held>(&first, "VER#", None, VERSIONS).await?;
        if page.rows.is_empty() {
            return Ok(Progress::Finished);
        }
        let mut change = Change::by_system(state.ids(), state.now());
        let mut transaction = Transaction::new();
        let mut blobs: BTreeMap<Sha256, u64> = BTreeMap::new();
        for row in page.rows {
            // Must be there still, or its bytes would be counted down twice.
            transaction.delete_existing("taken", Key::ProductVersion(uid.to_owned(), row.version));
            if row.status == VersionStatus::Live {
                *blobs.entry(row.file.sha256).or_default() += 1;
            }
        }
        change.release_blobs(&mut transaction, blobs)?;
        match state.storage().commit(transaction).await? {
            Commit::Done => change.notify(state.storage()).await,
            // Another clean-up was faster; what is left is looked up anew.
            Commit::Refused(refusal) if refusal.label == "taken" => {}
            Commit::Refused(refusal) => {
                let part = format!("the part '{}' was refused", refusal.label);
                return Err(Error::internal("clearing a product", part));
            }
        }
    }
}
