//! How files are cut into parts, and which of them have arrived.

use granary_model::{Error, Result};
use granary_storage::Storage;
use granary_storage::rows::{UploadFile, UploadOrigin, UploadRow};
use granary_storage::staging::{StagedPart, staging_path};

/// Size from which a file is sent in parts.
pub const MULTIPART_FROM: u64 = 64 * 1024 * 1024;

/// Size of each part but the last.
pub const PART_SIZE: u64 = 16 * 1024 * 1024;

/// A part of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartPlan {
    /// Its number, from 1.
    pub number: i32,
    /// Its size in bytes.
    pub size: u64,
}

/// The parts of a file of this size.
pub fn parts_of(size: u64) -> impl Iterator<Item = PartPlan> {
    let count = i32::try_from(size.div_ceil(PART_SIZE)).unwrap_or(i32::MAX);
    (1..=count).map(move |number| {
        let before = u64::from(number.unsigned_abs() - 1) * PART_SIZE;
        PartPlan { number, size: PART_SIZE.min(size - before) }
    })
}

/// What of a file has arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Arrival {
    /// Nothing has to: it is published or stored.
    Known,
    /// All of it.
    Whole,
    /// Nothing of a file that is sent in one request.
    Nothing,
    /// Some parts: those of the size that they should have.
    Parts(Vec<StagedPart>),
}

impl Arrival {
    /// Whether nothing is missing.
    pub fn is_whole(&self) -> bool {
        matches!(self, Self::Known | Self::Whole)
    }
}

/// What of a session's files has arrived, in their order.
pub async fn arrivals(storage: &Storage, row: &UploadRow) -> Result<Vec<(Arrival, Vec<StagedPart>)>> {
    let asked = row.files.iter().enumerate().map(|(index, file)| arrival(storage, &row.id, index, file));
    futures::future::try_join_all(asked).await
}

/// What of a file has arrived, with all parts of a whole one that are not joined yet.
async fn arrival(
    storage: &Storage,
    session: &str,
    index: usize,
    file: &UploadFile,
) -> Result<(Arrival, Vec<StagedPart>)> {
    let path = staging_path(session, index);
    match &file.origin {
        UploadOrigin::Published | UploadOrigin::Stored { .. } => Ok((Arrival::Known, Vec::new())),
        UploadOrigin::Single => {
            let there = storage.object_size(&path).await? == Some(file.size);
            Ok((if there { Arrival::Whole } else { Arrival::Nothing }, Vec::new()))
        }
        UploadOrigin::Multipart { upload } => {
            let Some(upload) = upload else { return Ok((Arrival::Parts(Vec::new()), Vec::new())) };
            let Some(parts) = storage.list_parts(&path, upload).await? else {
                let joined = storage.object_size(&path).await? == Some(file.size);
                return Ok((if joined { Arrival::Whole } else { Arrival::Parts(Vec::new()) }, Vec::new()));
            };
            let fitting = fitting(file.size, parts);
            if fitting.len() == parts_of(file.size).count() {
                return Ok((Arrival::Whole, fitting));
            }
            Ok((Arrival::Parts(fitting), Vec::new()))
        }
    }
}

/// The parts that have the size that was signed for them.
fn fitting(size: u64, parts: Vec<StagedPart>) -> Vec<StagedPart> {
    let fits =
        |part: &StagedPart| parts_of(size).any(|plan| plan.number == part.number && plan.size == part.size);
    parts.into_iter().filter(fits).collect()
}

/// Makes sure that the object of a file is there as one. Safe to repeat.
///
/// # Errors
/// `BadRequest` if bytes are missing.
pub(super) async fn join(storage: &Storage, session: &str, index: usize, file: &UploadFile) -> Result<()> {
    let UploadOrigin::Multipart { upload: Some(upload) } = &file.origin else { return Ok(()) };
    let path = staging_path(session, index);
    let (arrival, parts) = arrival(storage, session, index, file).await?;
    if arrival != Arrival::Whole {
        return Err(gone(file));
    }
    if !parts.is_empty() && !storage.complete_multipart(&path, upload, &parts).await? {
        // Somebody else may have joined them just now.
        let there = storage.object_size(&path).await?;
        if there != Some(file.size) {
            return Err(gone(file));
        }
    }
    Ok(())
}

/// The error for bytes that were there when the session was completed.
pub(super) fn gone(file: &UploadFile) -> Error {
    Error::BadRequest(format!("the bytes of '{}' are not there any more; upload them again", file.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_cover_the_file_and_no_more() {
        for size in [1, PART_SIZE - 1, PART_SIZE, PART_SIZE + 1, 5_000_000_000] {
            let parts: Vec<PartPlan> = parts_of(size).collect();
            assert_eq!(parts.iter().map(|part| part.size).sum::<u64>(), size);
            assert!(parts.iter().rev().skip(1).all(|part| part.size == PART_SIZE));
            assert!(parts.iter().zip(1..).all(|(part, number)| part.number == number && part.size > 0));
            // More would not fit into one page of S3's list.
            assert!(parts.len() < 1000);
        }
    }

    #[test]
    fn a_part_of_another_size_does_not_count() {
        let part = |number, size| StagedPart { number, size, etag: "\"e\"".into() };
        let sent = vec![part(1, PART_SIZE), part(2, 5), part(3, 1), part(4, 1)];
        let fitting = fitting(2 * PART_SIZE + 1, sent);
        assert_eq!(fitting.iter().map(|part| part.number).collect::<Vec<_>>(), [1, 3]);
    }
}
