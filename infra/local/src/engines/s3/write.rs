//! `PutObject`.

use std::sync::Arc;

use s3s::dto::{ChecksumAlgorithm, ETag, PutObjectInput, PutObjectOutput, StreamingBlob};
use s3s::{Body, S3Error, S3Request, S3Response, S3Result, s3_error};

use crate::engines::s3::checksums::{announced, checksums_of, decode_base64, put_checksums};
use crate::engines::s3::conditions::WriteCondition;
use crate::engines::s3::lasting::Lasting;
use crate::engines::s3::object_file::Headers;
use crate::engines::s3::sink::{Filled, Sink};
use crate::engines::s3::store::{Store, blocking};

/// Takes the headers that are kept with an object out of a request's structure.
macro_rules! headers_of {
    ($source:expr) => {
        $crate::engines::s3::object_file::Headers {
            content_type: $source.content_type.take(),
            content_encoding: $source.content_encoding.take(),
            content_language: $source.content_language.take(),
            content_disposition: $source.content_disposition.take(),
            cache_control: $source.cache_control.take(),
            metadata: $source.metadata.take().unwrap_or_default(),
        }
        .without_transfer_encoding()
    };
}

pub(crate) use headers_of;

/// Refuses bytes whose MD5 is not the one that the request announced.
pub(crate) fn check_md5(filled: &Filled, content_md5: Option<&str>) -> S3Result<()> {
    let Some(expected) = content_md5 else { return Ok(()) };
    if decode_base64(expected)? == filled.md5 {
        return Ok(());
    }
    Err(s3_error!(BadDigest, "The Content-MD5 you specified did not match what we received."))
}

/// The body of a request that may have none.
pub(crate) fn body_or_empty(body: Option<StreamingBlob>) -> StreamingBlob {
    body.unwrap_or_else(|| StreamingBlob::from(Body::empty()))
}

pub(crate) async fn put_object(
    store: &Arc<Store>,
    request: S3Request<PutObjectInput>,
) -> S3Result<S3Response<PutObjectOutput>> {
    let mut input = request.input;
    store.bucket(&input.bucket)?;
    let condition = WriteCondition::new(input.if_match.take(), input.if_none_match.take())?;
    let mut expected = checksums_of!(input);
    let algorithm = input.checksum_algorithm.as_ref().map(ChecksumAlgorithm::as_str);
    let trailer = request.headers.get("x-amz-trailer").and_then(|value| value.to_str().ok());
    let hasher = announced(&expected, algorithm, trailer)?;
    let headers: Headers = headers_of!(input);
    let file = store.temporary().map_err(S3Error::internal_error)?;
    let sink = Sink::new(file, hasher).fill(body_or_empty(input.body.take())).await?;
    expected.add_trailing(request.trailing_headers.as_ref());

    let (target, lasting) = (store.object(&input.bucket, &input.key), Lasting::of(&input.key));
    let store = Arc::clone(store);
    let facts = blocking(move || {
        let filled = sink.end().map_err(S3Error::internal_error)?;
        filled.checksums.check(&expected)?;
        check_md5(&filled, input.content_md5.as_deref())?;
        let facts = filled.facts(headers);
        let file = filled.seal(&facts, lasting).map_err(S3Error::internal_error)?;
        store.publish(file, &target, &condition, lasting)?;
        Ok(facts)
    })
    .await?;
    let mut output = PutObjectOutput { e_tag: Some(ETag::Strong(facts.etag)), ..PutObjectOutput::default() };
    put_checksums!(output, facts.checksums);
    Ok(S3Response::new(output))
}
