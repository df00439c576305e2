//! `CopyObject`.

use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::sync::Arc;

use s3s::checksum::ChecksumHasher;
use s3s::dto::{
    CopyObjectInput, CopyObjectOutput, CopyObjectResult, CopySource, ETag, MetadataDirective, Timestamp,
};
use s3s::{S3Error, S3Response, S3Result, s3_error};

use crate::engines::s3::checksums::{Checksums, announced, put_checksums};
use crate::engines::s3::conditions::{ReadConditions, WriteCondition, precondition_failed};
use crate::engines::s3::lasting::Lasting;
use crate::engines::s3::object_file::{Headers, OpenObject};
use crate::engines::s3::sink::Sink;
use crate::engines::s3::store::{Store, blocking, system_time};
use crate::engines::s3::write::headers_of;

/// How many bytes are copied at a time.
const CHUNK: usize = 1024 * 1024;

/// Copies by reading and writing, so that the digests are those of the bytes that are there now.
pub(crate) async fn copy_object(
    store: &Arc<Store>,
    mut input: CopyObjectInput,
) -> S3Result<S3Response<CopyObjectOutput>> {
    let CopySource::Bucket { bucket, key, .. } = input.copy_source else {
        return Err(s3_error!(NotImplemented, "the embedded S3 copies from buckets only"));
    };
    let conditions = ReadConditions {
        matches: input.copy_source_if_match.take(),
        none_matches: input.copy_source_if_none_match.take(),
        modified_since: input.copy_source_if_modified_since.take(),
        unmodified_since: input.copy_source_if_unmodified_since.take(),
    };
    let replaces =
        input.metadata_directive.as_ref().is_some_and(|d| d.as_str() == MetadataDirective::REPLACE);
    let algorithm = input.checksum_algorithm.as_ref().map(|algorithm| algorithm.as_str().to_owned());
    let replacement: Headers = headers_of!(input);
    let store = Arc::clone(store);
    let facts = blocking(move || {
        store.bucket(&input.bucket)?;
        let mut source = store.open_object(&bucket, &key)?;
        conditions.check(&source.facts).map_err(|_| precondition_failed())?;
        let hasher = match algorithm {
            None => announced(&source.facts.checksums, None, None)?,
            Some(name) => announced(&Checksums::default(), Some(&name), None)?,
        };
        let file = store.temporary().map_err(S3Error::internal_error)?;
        let filled = copy(&mut source, Sink::new(file, hasher)).and_then(Sink::end);
        let filled = filled.map_err(S3Error::internal_error)?;
        let facts = filled.facts(if replaces { replacement } else { source.facts.headers });
        let file = filled.seal(&facts, Lasting::Stays).map_err(S3Error::internal_error)?;
        store.publish(
            file,
            &store.object(&input.bucket, &input.key),
            &WriteCondition::Always,
            Lasting::Stays,
        )?;
        Ok(facts)
    })
    .await?;
    let mut result = CopyObjectResult {
        e_tag: Some(ETag::Strong(facts.etag)),
        last_modified: Some(Timestamp::from(system_time(facts.modified))),
        ..CopyObjectResult::default()
    };
    put_checksums!(result, facts.checksums);
    Ok(S3Response::new(CopyObjectOutput { copy_object_result: Some(result), ..CopyObjectOutput::default() }))
}

/// Appends the bytes of an object to a sink. Blocks.
pub(crate) fn copy(source: &mut OpenObject, mut sink: Sink) -> io::Result<Sink> {
    if let Some(bytes) = &source.bytes {
        sink.write(bytes)?;
        return Ok(sink);
    }
    source.file.seek(SeekFrom::Start(0))?;
    let mut left = source.facts.size;
    let mut buffer = vec![0; CHUNK];
    while left > 0 {
        let wanted = usize::try_from(left).map_or(CHUNK, |left| left.min(CHUNK));
        let part = buffer.get_mut(..wanted).unwrap_or_default();
        source.file.read_exact(part)?;
        sink.write(part)?;
        left -= wanted as u64;
    }
    Ok(sink)
}

/// A hasher that computes nothing.
pub(crate) fn no_checksums() -> ChecksumHasher {
    ChecksumHasher::default()
}
