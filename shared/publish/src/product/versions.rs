//! Versions of products: uploaded, handed over, removed.

use granary_model::product::ProductVersion;
use granary_model::{Error, Result, Sha256};
use granary_storage::rows::{
    FileRow, HandoverPurpose, HandoverRow, ProductRow, ProductVersionRow, VersionStatus,
};
use granary_storage::transaction::Refusal;
use granary_storage::{Key, Storage, Transaction};

use crate::change::Change;
use crate::digests::Digests;
use crate::handover::verify;
use crate::product::ArtifactName;
use crate::shelf::{Edited, Hand, Next, ShelfEdit, ShelfRow as _, edit_shelf};

/// Media type of every artifact.
const CONTENT_TYPE: &str = "application/octet-stream";

/// Most live versions of a product: they are shown in one answer.
pub const MAX_VERSIONS: u64 = 10_000;

/// What became of an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Uploaded {
    /// The version is new.
    New,
    /// It was there already, byte for byte: a retry.
    Again,
}

/// What is to become a version.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    /// The version.
    pub version: &'a ProductVersion,
    /// Digest of its file.
    pub sha256: Sha256,
    /// Size of its file, in bytes.
    pub size: u64,
}

/// The row of a file that is uploaded as a version.
pub fn artifact(name: &ArtifactName, digests: &Digests) -> FileRow {
    digests.file(name.as_str(), CONTENT_TYPE)
}

/// A version of a product, deleted ones included.
pub async fn version_row(
    storage: &Storage,
    product: &ProductRow,
    version: &ProductVersion,
) -> Result<Option<ProductVersionRow>> {
    storage.get(&Key::ProductVersion(product.uid.clone(), version.to_string())).await
}

/// Whether bytes could be uploaded as a version, given its row.
///
/// # Errors
/// `BadRequest` if the version has other bytes, or is deleted.
pub fn check_version(existing: Option<&ProductVersionRow>, sha256: Sha256) -> Result<Uploaded> {
    match existing {
        None => Ok(Uploaded::New),
        Some(row) if !row.is_live() => Err(Error::BadRequest(
            "this version was deleted, and a deleted version can never be uploaded again; choose a new one"
                .into(),
        )),
        Some(row) if row.file.sha256 == sha256 => Ok(Uploaded::Again),
        Some(_) => Err(Error::BadRequest(
            "this version is already uploaded, and a version never changes; choose a new one".into(),
        )),
    }
}

/// Refuses a version that a product has no room for: its number of versions is limited, and so are their bytes, by a quota that
/// each product has for itself.
///
/// # Errors
/// `BadRequest` over the number, `Forbidden` that names the quota.
fn check_room(product: &ProductRow, size: u64, quota: Option<u64>) -> Result<()> {
    if product.versions >= MAX_VERSIONS {
        return Err(Error::BadRequest(format!(
            "product '{}' has {MAX_VERSIONS} versions, and no more fit; delete versions or make another product",
            product.name
        )));
    }
    match quota {
        Some(quota) if product.bytes.saturating_add(size) > quota => Err(Error::Forbidden(format!(
            "the quota of product '{}' ({quota} bytes) would be exceeded; delete versions or raise the quota",
            product.name
        ))),
        _ => Ok(()),
    }
}

/// Whether a version can be committed as things are now: so that nobody stores bytes, or sends them, for nothing.
///
/// `product` may have been read a while ago. Where it says that there is no room, it is looked at again, because room may have
/// been made meanwhile, and the version may be there.
///
/// # Errors
/// As [`check_version`]; `BadRequest` and `Forbidden` for a product without room, `NotFound` for one that is gone.
pub async fn check_upload(
    storage: &Storage,
    product: &ProductRow,
    new: Candidate<'_>,
    quota: Option<u64>,
) -> Result<Uploaded> {
    let look = async || {
        let existing = version_row(storage, product, new.version).await?;
        check_version(existing.as_ref(), new.sha256)
    };
    if look().await? == Uploaded::Again {
        return Ok(Uploaded::Again);
    }
    if check_room(product, new.size, quota).is_ok() {
        return Ok(Uploaded::New);
    }
    let present: Option<ProductRow> = storage.get(&product.key()).await?;
    let present = present.filter(|present| product.is_still(present)).ok_or_else(|| product.not_found())?;
    match check_room(&present, new.size, quota) {
        Ok(()) => Ok(Uploaded::New),
        // Read after the row that counts it.
        Err(error) if look().await? == Uploaded::New => Err(error),
        Err(_) => Ok(Uploaded::Again),
    }
}

/// Commits a version, whose bytes must be stored and claimed. The same bytes again are a success.
///
/// # Errors
/// As [`check_upload`].
pub async fn upload_version(
    hand: &Hand<'_, ProductRow>,
    product: ProductRow,
    quota: Option<u64>,
    version: ProductVersion,
    file: FileRow,
) -> Result<Uploaded> {
    let row = ProductVersionRow {
        version,
        status: VersionStatus::Live,
        file,
        published_at: hand.now,
        publisher: hand.principal.actor(),
    };
    let mut edit = Upload { storage: hand.storage, row, quota, again: false };
    Ok(match edit_shelf(hand, product, &mut edit).await? {
        Edited::Changed(_) | Edited::Removed => Uploaded::New,
        Edited::Unchanged => Uploaded::Again,
    })
}

/// Verifies and commits what was handed over for a version. Safe to repeat, also after it has been done and what was staged is
/// gone.
///
/// # Errors
/// As [`upload_version`]; `BadRequest` for bytes that have not arrived or are not those that were announced, `NotFound` if it
/// was for another product.
pub async fn commit_handover(
    hand: &Hand<'_, ProductRow>,
    product: ProductRow,
    quota: Option<u64>,
    handover: &HandoverRow,
) -> Result<Uploaded> {
    let HandoverPurpose::Product { tenant, uid, version, .. } = &handover.purpose else {
        return Err(Error::internal("committing a handover", "it is for no product"));
    };
    if product.uid != *uid || product.tenant != *tenant {
        return Err(product.not_found());
    }
    let announced = handover.files.first().and_then(|file| Some((file, file.size?, file.sha256?)));
    let Some((file, size, sha256)) = announced else {
        return Err(Error::internal("committing a handover", "nothing was announced"));
    };
    let new = Candidate { version, sha256, size };
    if check_upload(hand.storage, &product, new, quota).await? == Uploaded::Again {
        return Ok(Uploaded::Again);
    }
    let digests = match verify(hand.storage, hand.now, handover, 0, size).await {
        Ok(digests) => digests,
        // Perhaps it is gone because another confirmation has committed it meanwhile.
        Err(error @ Error::BadRequest(_)) => {
            let existing = version_row(hand.storage, &product, version).await?;
            let is_there = check_version(existing.as_ref(), sha256)? == Uploaded::Again;
            return if is_there { Ok(Uploaded::Again) } else { Err(error) };
        }
        Err(error) => return Err(error),
    };
    let file = digests.file(file.name.as_str(), CONTENT_TYPE);
    upload_version(hand, product, quota, version.clone(), file).await
}

/// Turns a live version into a tombstone and releases its bytes. `false`: there is no such version.
pub async fn remove_version(
    hand: &Hand<'_, ProductRow>,
    product: ProductRow,
    version: ProductVersion,
) -> Result<bool> {
    let mut edit = Removal { storage: hand.storage, version };
    Ok(matches!(edit_shelf(hand, product, &mut edit).await?, Edited::Changed(_)))
}

struct Upload<'a> {
    storage: &'a Storage,
    row: ProductVersionRow,
    quota: Option<u64>,
    /// Whether the version turned out to be there.
    again: bool,
}

impl ShelfEdit<ProductRow> for Upload<'_> {
    fn action(&self) -> &'static str {
        "product.upload"
    }

    fn detail(&self) -> String {
        format!("@{}", self.row.version)
    }

    async fn apply(
        &mut self,
        mut row: ProductRow,
        transaction: &mut Transaction,
        change: &mut Change<'_>,
    ) -> Result<Next<ProductRow>> {
        if self.again {
            return Ok(Next::Nothing);
        }
        let file = &self.row.file;
        if check_room(&row, file.size, self.quota).is_err() {
            let new = Candidate { version: &self.row.version, sha256: file.sha256, size: file.size };
            match check_upload(self.storage, &row, new, self.quota).await? {
                Uploaded::Again => return Ok(Next::Nothing),
                // The row has moved, so the commit is refused, and it is read anew.
                Uploaded::New => {}
            }
        }
        let key = Key::ProductVersion(row.uid.clone(), self.row.version.to_string());
        transaction.put_new("version", &key, &self.row)?;
        transaction.hold_blob("blob", file.sha256, 1, change.now);
        row.versions += 1;
        row.bytes = row.bytes.saturating_add(file.size);
        Ok(Next::Write(row))
    }

    fn refused(&mut self, refusal: Refusal) -> Result<()> {
        match refusal.label {
            "version" => {
                let existing: Option<ProductVersionRow> = refusal.existing()?;
                self.again = check_version(existing.as_ref(), self.row.file.sha256)? == Uploaded::Again;
                Ok(())
            }
            "blob" => Err(Error::Unavailable("storing the file took too long; try again".into())),
            label => Err(Error::internal("uploading", format!("the part '{label}' was refused"))),
        }
    }
}

struct Removal<'a> {
    storage: &'a Storage,
    version: ProductVersion,
}

impl ShelfEdit<ProductRow> for Removal<'_> {
    fn action(&self) -> &'static str {
        "product.delete-version"
    }

    fn detail(&self) -> String {
        format!("@{}", self.version)
    }

    /// The version is read after the product, so that nobody has changed it if the product's row has not moved.
    async fn apply(
        &mut self,
        mut row: ProductRow,
        transaction: &mut Transaction,
        change: &mut Change<'_>,
    ) -> Result<Next<ProductRow>> {
        let version = version_row(self.storage, &row, &self.version).await?;
        let Some(mut version) = version.filter(ProductVersionRow::is_live) else {
            return Ok(Next::Nothing);
        };
        version.status = VersionStatus::Tombstone;
        let key = Key::ProductVersion(row.uid.clone(), version.version.to_string());
        transaction.put("version", &key, &version)?;
        change.release_blobs(transaction, [(version.file.sha256, 1)].into())?;
        row.versions = row.versions.saturating_sub(1);
        row.bytes = row.bytes.saturating_sub(version.file.size);
        Ok(Next::Write(row))
    }

    /// Bytes that are counted too low: only while the version is changed by somebody else, and then the row has moved.
    fn refused(&mut self, refusal: Refusal) -> Result<()> {
        match refusal.label {
            "blob" => Ok(()),
            label => Err(Error::internal("deleting a version", format!("the part '{label}' was refused"))),
        }
    }
}
