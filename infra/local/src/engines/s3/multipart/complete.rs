//! Joining the parts of an upload.

use std::sync::Arc;

use granary_model::{Clock as _, SystemClock};
use md5::{Digest as _, Md5};
use s3s::dto::{CompleteMultipartUploadInput, CompleteMultipartUploadOutput, CompletedPart, ETag};
use s3s::{S3Error, S3Response, S3Result, s3_error};

use crate::engines::s3::checksums::{Algorithm, Checksums, announced, checksums_of, put_checksums};
use crate::engines::s3::copy::{copy, no_checksums};
use crate::engines::s3::lasting::Lasting;
use crate::engines::s3::multipart::condition;
use crate::engines::s3::multipart::upload::UploadFolder;
use crate::engines::s3::object_file::{Facts, OpenObject};
use crate::engines::s3::sink::Sink;
use crate::engines::s3::store::{Store, blocking};

/// Smallest size of a part that is not the last, in bytes.
const MIN_PART: u64 = 5 * 1024 * 1024;

pub(crate) async fn complete(
    store: &Arc<Store>,
    mut input: CompleteMultipartUploadInput,
) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
    let condition = condition(&mut input)?;
    let expected = checksums_of!(input);
    let parts = input.multipart_upload.take().and_then(|list| list.parts).unwrap_or_default();
    let mut output = CompleteMultipartUploadOutput {
        bucket: Some(input.bucket.clone()),
        key: Some(input.key.clone()),
        ..CompleteMultipartUploadOutput::default()
    };
    let store = Arc::clone(store);
    let facts = blocking(move || {
        let folder = UploadFolder::open(&store, &input.upload_id, &input.bucket, &input.key)?;
        let opened = open_parts(&folder, parts)?;
        let known: Vec<Facts> = opened.iter().map(|part| part.facts.clone()).collect();
        let (file, facts) = join(&store, &folder, opened, &known, &expected)?;
        if input.mpu_object_size.is_some_and(|size| u64::try_from(size) != Ok(facts.size)) {
            return Err(s3_error!(InvalidRequest, "the object does not have the size that was announced"));
        }
        store.publish(file, &store.object(&input.bucket, &input.key), &condition, Lasting::Stays)?;
        folder.remove().map_err(S3Error::internal_error)?;
        Ok(facts)
    })
    .await?;
    output.e_tag = Some(ETag::Strong(facts.etag));
    put_checksums!(output, facts.checksums);
    Ok(S3Response::new(output))
}

/// Opens the parts that the request names, in its order, which must be that of their numbers.
fn open_parts(folder: &UploadFolder, parts: Vec<CompletedPart>) -> S3Result<Vec<OpenObject>> {
    if parts.is_empty() {
        return Err(s3_error!(MalformedXML));
    }
    let mut opened: Vec<OpenObject> = Vec::with_capacity(parts.len());
    let mut last_number = 0;
    for mut part in parts {
        let number = part.part_number.ok_or_else(|| s3_error!(MalformedXML))?;
        if number <= last_number {
            return Err(s3_error!(InvalidPartOrder, "The list of parts was not in ascending order."));
        }
        if opened.last().is_some_and(|before| before.facts.size < MIN_PART) {
            return Err(s3_error!(
                EntityTooSmall,
                "Your proposed upload is smaller than the minimum allowed size"
            ));
        }
        let object = folder.open_part(number)?;
        if part.e_tag.as_ref().is_none_or(|etag| etag.value() != object.facts.etag) {
            return Err(s3_error!(InvalidPart, "the ETag of part {} is another", number));
        }
        object.facts.checksums.check(&checksums_of!(part))?;
        last_number = number;
        opened.push(object);
    }
    Ok(opened)
}

/// Writes the parts into one file and flushes it.
fn join(
    store: &Store,
    folder: &UploadFolder,
    opened: Vec<OpenObject>,
    known: &[Facts],
    expected: &Checksums,
) -> S3Result<(tempfile::NamedTempFile, Facts)> {
    let upload = &folder.upload;
    let hasher = match &upload.algorithm {
        Some(name) if upload.whole_object => announced(&Checksums::default(), Some(name), None)?,
        _ => no_checksums(),
    };
    let mut sink = Sink::new(store.temporary().map_err(S3Error::internal_error)?, hasher);
    for mut part in opened {
        sink = copy(&mut part, sink).map_err(S3Error::internal_error)?;
    }
    let filled = sink.end().map_err(S3Error::internal_error)?;
    let checksums = match &upload.algorithm {
        Some(name) if !upload.whole_object => {
            let parts: Vec<Checksums> = known.iter().map(|facts| facts.checksums.clone()).collect();
            Checksums::composite(Algorithm::parse(name)?, &parts)?
        }
        _ => filled.checksums.clone(),
    };
    checksums.check(expected)?;
    let facts = Facts {
        size: filled.size,
        etag: joined_etag(known)?,
        modified: SystemClock.now().millis(),
        headers: upload.headers.clone(),
        checksums,
    };
    let file = filled.seal(&facts, Lasting::Stays).map_err(S3Error::internal_error)?;
    Ok((file, facts))
}

/// The MD5 of the parts' MD5s and the number of parts, as S3 makes it.
fn joined_etag(parts: &[Facts]) -> S3Result<String> {
    let mut digest = Md5::new();
    for part in parts {
        digest.update(hex::decode(&part.etag).map_err(S3Error::internal_error)?);
    }
    Ok(format!("{}-{}", hex::encode(digest.finalize()), parts.len()))
}
