//! Multipart uploads.
//!
//! An upload is a folder with a description and one file per part, each in the form that objects have.
//! Completing joins the parts into a new file and puts that in its place like any other write. An upload
//! lives until it is completed or aborted, over restarts too.

mod complete;
mod list;
mod upload;

use std::sync::Arc;

use s3s::dto::{
    AbortMultipartUploadInput, AbortMultipartUploadOutput, ChecksumType, CreateMultipartUploadInput,
    CreateMultipartUploadOutput, ETag, UploadPartInput, UploadPartOutput,
};
use s3s::{S3Error, S3Request, S3Response, S3Result, s3_error};

use crate::engines::s3::checksums::{Algorithm, announced, checksums_of, put_checksums};
use crate::engines::s3::conditions::WriteCondition;
use crate::engines::s3::lasting::Lasting;
use crate::engines::s3::multipart::upload::{Upload, UploadFolder};
use crate::engines::s3::object_file::Headers;
use crate::engines::s3::sink::Sink;
use crate::engines::s3::store::{Store, blocking};
use crate::engines::s3::write::{body_or_empty, check_md5, headers_of};

pub(crate) use complete::complete;
pub(crate) use list::{list_parts, list_uploads};

/// Most parts of one upload.
const MAX_PARTS: i32 = 10_000;

pub(crate) async fn create(
    store: &Arc<Store>,
    mut input: CreateMultipartUploadInput,
) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
    let algorithm = input.checksum_algorithm.as_ref().map(|algorithm| algorithm.as_str().to_owned());
    if let Some(name) = &algorithm {
        Algorithm::parse(name)?;
    }
    let kind = input.checksum_type.as_ref().map(|kind| kind.as_str().to_owned());
    let headers: Headers = headers_of!(input);
    let upload = Upload {
        bucket: input.bucket.clone(),
        key: input.key.clone(),
        // CRC-64 exists for whole objects only.
        whole_object: kind.as_deref() == Some(ChecksumType::FULL_OBJECT)
            || (kind.is_none() && algorithm.as_deref() == Some("CRC64NVME")),
        algorithm,
        headers,
    };
    let store = Arc::clone(store);
    let id = blocking(move || {
        store.bucket(&upload.bucket)?;
        UploadFolder::create(&store, &upload).map_err(S3Error::internal_error)
    })
    .await?;
    Ok(S3Response::new(CreateMultipartUploadOutput {
        bucket: Some(input.bucket),
        key: Some(input.key),
        upload_id: Some(id),
        checksum_algorithm: input.checksum_algorithm,
        checksum_type: input.checksum_type,
        ..CreateMultipartUploadOutput::default()
    }))
}

pub(crate) async fn upload_part(
    store: &Arc<Store>,
    request: S3Request<UploadPartInput>,
) -> S3Result<S3Response<UploadPartOutput>> {
    let mut input = request.input;
    if !(1..=MAX_PARTS).contains(&input.part_number) {
        return Err(s3_error!(
            InvalidArgument,
            "Part number must be an integer between 1 and 10000, inclusive"
        ));
    }
    let folder = UploadFolder::open(store, &input.upload_id, &input.bucket, &input.key)?;
    let mut expected = checksums_of!(input);
    let named = input.checksum_algorithm.as_ref().map(|algorithm| algorithm.as_str().to_owned());
    let algorithm = named.or_else(|| folder.upload.algorithm.clone());
    let trailer = request.headers.get("x-amz-trailer").and_then(|value| value.to_str().ok());
    let hasher = announced(&expected, algorithm.as_deref(), trailer)?;
    let file = store.temporary().map_err(S3Error::internal_error)?;
    let sink = Sink::new(file, hasher).fill(body_or_empty(input.body.take())).await?;
    expected.add_trailing(request.trailing_headers.as_ref());
    let facts = blocking(move || {
        let filled = sink.end().map_err(S3Error::internal_error)?;
        filled.checksums.check(&expected)?;
        check_md5(&filled, input.content_md5.as_deref())?;
        let facts = filled.facts(Headers::default());
        let file = filled.seal(&facts, Lasting::Stays).map_err(S3Error::internal_error)?;
        folder.put_part(file, input.part_number)?;
        Ok(facts)
    })
    .await?;
    let mut output =
        UploadPartOutput { e_tag: Some(ETag::Strong(facts.etag)), ..UploadPartOutput::default() };
    put_checksums!(output, facts.checksums);
    Ok(S3Response::new(output))
}

pub(crate) async fn abort(
    store: &Arc<Store>,
    input: AbortMultipartUploadInput,
) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
    let store = Arc::clone(store);
    blocking(move || {
        let folder = UploadFolder::open(&store, &input.upload_id, &input.bucket, &input.key)?;
        folder.remove().map_err(S3Error::internal_error)
    })
    .await?;
    Ok(S3Response::new(AbortMultipartUploadOutput::default()))
}

/// The condition of a completing request.
fn condition(input: &mut s3s::dto::CompleteMultipartUploadInput) -> S3Result<WriteCondition> {
    WriteCondition::new(input.if_match.take(), input.if_none_match.take())
}
