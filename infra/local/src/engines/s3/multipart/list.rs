//! `ListParts` and `ListMultipartUploads`: what of uploads is there and not joined yet.

use std::sync::Arc;

use s3s::dto::{
    ETag, ListMultipartUploadsInput, ListMultipartUploadsOutput, ListPartsInput, ListPartsOutput,
    MultipartUpload, Part, Timestamp,
};
use s3s::{S3Error, S3Response, S3Result, s3_error};

use crate::engines::s3::checksums::put_checksums;
use crate::engines::s3::multipart::upload::{Listed, UploadFolder};
use crate::engines::s3::store::{Store, blocking, system_time};

/// Most entries of one page.
const MAX_ENTRIES: usize = 1000;

pub(crate) async fn list_parts(
    store: &Arc<Store>,
    input: ListPartsInput,
) -> S3Result<S3Response<ListPartsOutput>> {
    let store = Arc::clone(store);
    let output = blocking(move || {
        let folder = UploadFolder::open(&store, &input.upload_id, &input.bucket, &input.key)?;
        let after = input.part_number_marker.unwrap_or(0);
        let mut numbers = folder.part_numbers().map_err(S3Error::internal_error)?;
        numbers.retain(|number| *number > after);
        let (numbers, truncated) = page(numbers, input.max_parts);
        let mut parts = Vec::with_capacity(numbers.len());
        for number in &numbers {
            // One that is being replaced is there before and after.
            let facts = folder.open_part(*number)?.facts;
            let mut part = Part {
                part_number: Some(*number),
                size: i64::try_from(facts.size).ok(),
                e_tag: Some(ETag::Strong(facts.etag)),
                last_modified: Some(Timestamp::from(system_time(facts.modified))),
                ..Part::default()
            };
            put_checksums!(part, facts.checksums);
            parts.push(part);
        }
        Ok(ListPartsOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            upload_id: Some(input.upload_id),
            max_parts: i32::try_from(parts.len()).ok(),
            part_number_marker: Some(after),
            next_part_number_marker: numbers.last().copied().filter(|_| truncated),
            is_truncated: Some(truncated),
            parts: Some(parts),
            ..ListPartsOutput::default()
        })
    })
    .await?;
    Ok(S3Response::new(output))
}

/// The uploads of a bucket by key and id. Ids say nothing about age; the protocol's order among uploads of
/// one key does not matter to anybody who reads all pages.
pub(crate) async fn list_uploads(
    store: &Arc<Store>,
    input: ListMultipartUploadsInput,
) -> S3Result<S3Response<ListMultipartUploadsOutput>> {
    if input.delimiter.as_deref().is_some_and(|delimiter| !delimiter.is_empty()) {
        return Err(s3_error!(NotImplemented, "the embedded S3 lists without delimiter"));
    }
    let store = Arc::clone(store);
    let output = blocking(move || {
        store.bucket(&input.bucket)?;
        let prefix = input.prefix.as_deref().unwrap_or_default();
        let mut listed = UploadFolder::list(&store, &input.bucket).map_err(S3Error::internal_error)?;
        listed.retain(|upload| upload.key.starts_with(prefix) && is_after(upload, &input));
        listed.sort_unstable_by(|a, b| (&a.key, &a.id).cmp(&(&b.key, &b.id)));
        let (listed, truncated) = page(listed, input.max_uploads);
        let next = listed.last().filter(|_| truncated).map(|upload| (upload.key.clone(), upload.id.clone()));
        let (next_key_marker, next_upload_id_marker) = next.unzip();
        Ok(ListMultipartUploadsOutput {
            next_key_marker,
            next_upload_id_marker,
            is_truncated: Some(truncated),
            uploads: Some(listed.into_iter().map(describe).collect()),
            bucket: Some(input.bucket),
            prefix: input.prefix,
            key_marker: input.key_marker,
            upload_id_marker: input.upload_id_marker,
            ..ListMultipartUploadsOutput::default()
        })
    })
    .await?;
    Ok(S3Response::new(output))
}

/// Whether an upload is behind the markers. The one for ids counts only within the key.
fn is_after(upload: &Listed, input: &ListMultipartUploadsInput) -> bool {
    let Some(key) = &input.key_marker else { return true };
    match &input.upload_id_marker {
        Some(id) if upload.key == *key => upload.id > *id,
        _ => upload.key > *key,
    }
}

fn describe(upload: Listed) -> MultipartUpload {
    MultipartUpload {
        key: Some(upload.key),
        upload_id: Some(upload.id),
        initiated: Some(Timestamp::from(upload.initiated)),
        ..MultipartUpload::default()
    }
}

/// The first of the entries, and whether there are more.
fn page<T>(mut entries: Vec<T>, limit: Option<i32>) -> (Vec<T>, bool) {
    let limit = limit.and_then(|n| usize::try_from(n).ok()).map_or(MAX_ENTRIES, |n| n.min(MAX_ENTRIES));
    let truncated = entries.len() > limit;
    entries.truncate(limit);
    (entries, truncated)
}
