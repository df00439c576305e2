//! Files that are handed over in two steps: their bytes go to the bucket by an address of its own, and a second request
//! confirms them.

use granary_model::{Error, Result, Timestamp};
use granary_storage::rows::{HandoverFile, HandoverRow};
use granary_storage::staging::{SignedPut, staging_path};
use granary_storage::{Key, Storage};

use crate::digests::Digests;
use crate::upload::verify::{Announced, adopt, read_announced};

/// How large a file may be at most: what one `PUT` to S3 can be, 5 GiB.
pub const MAX_FILE: u64 = 5 * 1024 * 1024 * 1024;

/// Keeps a new handover. Until it expires, what is staged for it is left alone.
///
/// Nobody has its id, which is a new secret. With a condition, a call that is made again because its answer was lost would
/// refuse what it has written itself.
pub async fn begin(storage: &Storage, row: &HandoverRow) -> Result<()> {
    storage.put(&Key::Handover(row.id.clone()), row).await
}

/// A handover that counts.
pub async fn load(storage: &Storage, id: &str, now: Timestamp) -> Result<Option<HandoverRow>> {
    let row: Option<HandoverRow> = storage.get(&Key::Handover(id.to_owned())).await?;
    Ok(row.filter(|row| !row.is_expired(now)))
}

/// Path of the object that a file is staged as: what clients are told as its storage path.
pub fn path(row: &HandoverRow, file: usize) -> String {
    staging_path(&row.id, file)
}

/// A fresh address for a file, good for an hour. The bucket takes exactly what was announced of it.
pub async fn address(storage: &Storage, row: &HandoverRow, index: usize) -> Result<SignedPut> {
    let path = path(row, index);
    match row.files.get(index) {
        Some(HandoverFile { size: Some(size), sha256: Some(sha256), .. }) => {
            storage.presign_upload(&path, *size, *sha256).await
        }
        Some(HandoverFile { size, .. }) => storage.presign_unknown(&path, *size).await,
        None => Err(Error::internal("presigning", "there is no such file")),
    }
}

/// Size of a file as it has arrived, in bytes; `None` if it has not.
pub async fn arrived(storage: &Storage, row: &HandoverRow, index: usize) -> Result<Option<u64>> {
    storage.object_size(&path(row, index)).await
}

/// Reads a file that has arrived, once, compares it with what was announced and with `size`, and puts its bytes in their
/// place, claimed for the commit that follows. Gives its digests. Safe to repeat.
///
/// # Errors
/// `BadRequest` if it has not arrived or differs; the reason names the file.
pub async fn verify(
    storage: &Storage,
    now: Timestamp,
    row: &HandoverRow,
    index: usize,
    size: u64,
) -> Result<Digests> {
    let file = row.files.get(index).ok_or_else(|| Error::internal("verifying", "there is no such file"))?;
    let path = path(row, index);
    let missing =
        || Error::BadRequest(format!("'{}' has not arrived; PUT it to its upload address first", file.name));
    let object = storage.open_object(&path).await?.ok_or_else(missing)?;
    if object.size != size {
        return Err(Error::BadRequest(format!(
            "'{}' has arrived with {} bytes, and {size} were said",
            file.name, object.size
        )));
    }
    let announced = Announced { name: &file.name, size, sha256: file.sha256 };
    let (etag, digests, ()) = read_announced(object, announced, |_| ()).await?;
    // Only now: whoever has not got the bytes must neither keep them alive nor learn that they are being removed.
    storage.claim_blob(digests.sha256, now).await?;
    adopt(storage, (&path, &etag), &file.name, &digests).await?;
    Ok(digests)
}

/// Removes what was staged, as far as that works: the sweep removes what is left.
pub async fn remove_staged(storage: &Storage, row: &HandoverRow) {
    for index in 0..row.files.len() {
        if let Err(error) = storage.delete_object(&path(row, index)).await {
            tracing::warn!(%error, "what was handed over waits for the sweep");
        }
    }
}
