//! `GetObject` and `HeadObject`.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::Stream;
use s3s::dto::{
    ChecksumMode, ETag, GetObjectInput, GetObjectOutput, HeadObjectInput, HeadObjectOutput, StreamingBlob,
    Timestamp,
};
use s3s::stream::{ByteStream, RemainingLength};
use s3s::{Body, S3Response, S3Result, StdError, s3_error};

use crate::engines::s3::checksums::put_checksums;
use crate::engines::s3::conditions::{ReadConditions, Unmet, precondition_failed};
use crate::engines::s3::object_file::{Facts, OpenObject};
use crate::engines::s3::store::{Store, blocking, system_time};

/// How many bytes of a large object are read at a time.
const CHUNK: u64 = 256 * 1024;

/// Fills the fields that both answers have. Checksums are given only where they were asked for, as S3 does,
/// and never for a part of an object.
macro_rules! describe {
    ($output:expr, $facts:expr, $with_checksums:expr) => {{
        let facts: $crate::engines::s3::object_file::Facts = $facts;
        $output.accept_ranges = Some("bytes".to_owned());
        $output.e_tag = Some(ETag::Strong(facts.etag));
        $output.last_modified = Some(Timestamp::from(system_time(facts.modified)));
        $output.content_type = facts.headers.content_type.or_else(|| Some("binary/octet-stream".to_owned()));
        $output.content_encoding = facts.headers.content_encoding;
        $output.content_language = facts.headers.content_language;
        $output.content_disposition = facts.headers.content_disposition;
        $output.cache_control = facts.headers.cache_control;
        $output.metadata = Some(facts.headers.metadata).filter(|metadata| !metadata.is_empty());
        if $with_checksums {
            put_checksums!($output, facts.checksums);
        }
    }};
}

pub(crate) async fn get_object(
    store: &Arc<Store>,
    mut input: GetObjectInput,
) -> S3Result<S3Response<GetObjectOutput>> {
    let conditions = ReadConditions {
        matches: input.if_match.take(),
        none_matches: input.if_none_match.take(),
        modified_since: input.if_modified_since.take(),
        unmodified_since: input.if_unmodified_since.take(),
    };
    let object = open(store, input.bucket, input.key).await?;
    check(&conditions, &object.facts)?;
    let size = object.facts.size;
    let range = match input.range {
        None => 0..size,
        Some(range) => range.check(size)?,
    };
    let mut output = GetObjectOutput {
        content_length: i64::try_from(range.end - range.start).ok(),
        content_range: input
            .range
            .map(|_| format!("bytes {}-{}/{size}", range.start, range.end.saturating_sub(1))),
        ..GetObjectOutput::default()
    };
    describe!(output, object.facts, wants_checksums(input.checksum_mode.as_ref()) && input.range.is_none());
    output.body = Some(body(object.file, object.bytes, range));
    Ok(S3Response::new(output))
}

pub(crate) async fn head_object(
    store: &Arc<Store>,
    mut input: HeadObjectInput,
) -> S3Result<S3Response<HeadObjectOutput>> {
    let conditions = ReadConditions {
        matches: input.if_match.take(),
        none_matches: input.if_none_match.take(),
        modified_since: input.if_modified_since.take(),
        unmodified_since: input.if_unmodified_since.take(),
    };
    let facts = open(store, input.bucket, input.key).await?.facts;
    check(&conditions, &facts)?;
    let size = facts.size;
    let range = input.range.map(|range| range.check(size)).transpose()?;
    let mut output = HeadObjectOutput::default();
    describe!(output, facts, wants_checksums(input.checksum_mode.as_ref()) && range.is_none());
    let range_length = range.as_ref().map(|range| range.end - range.start);
    output.content_length = i64::try_from(range_length.unwrap_or(size)).ok();
    output.content_range =
        range.as_ref().map(|range| format!("bytes {}-{}/{size}", range.start, range.end.saturating_sub(1)));
    let mut response = S3Response::new(output);
    if range.is_some() {
        response.status = Some(http::StatusCode::PARTIAL_CONTENT);
    }
    Ok(response)
}

async fn open(store: &Arc<Store>, bucket: String, key: String) -> S3Result<OpenObject> {
    let store = Arc::clone(store);
    blocking(move || store.open_object(&bucket, &key)).await
}

fn wants_checksums(mode: Option<&ChecksumMode>) -> bool {
    mode.is_some_and(|mode| mode.as_str() == ChecksumMode::ENABLED)
}

fn check(conditions: &ReadConditions, facts: &Facts) -> S3Result<()> {
    match conditions.check(facts) {
        Ok(()) => Ok(()),
        Err(Unmet::Failed) => Err(precondition_failed()),
        Err(Unmet::NotModified) => {
            let mut answer = s3_error!(NotModified, "Not Modified");
            if let Ok(etag) = http::HeaderValue::from_str(&format!("\"{}\"", facts.etag)) {
                answer.set_headers(http::HeaderMap::from_iter([(http::header::ETAG, etag)]));
            }
            Err(answer)
        }
    }
}

/// The bytes of a range, out of memory if they are there already.
fn body(file: File, bytes: Option<Bytes>, range: Range<u64>) -> StreamingBlob {
    let bounds = usize::try_from(range.start).ok().zip(usize::try_from(range.end).ok());
    if let (Some(bytes), Some((start, end))) = (bytes, bounds)
        && end <= bytes.len()
    {
        return StreamingBlob::from(Body::from(bytes.slice(start..end)));
    }
    let remaining = range.end - range.start;
    let chunks = futures::stream::try_unfold((file, range), |(file, range)| async move {
        if range.is_empty() {
            return Ok(None);
        }
        let end = range.end.min(range.start + CHUNK);
        let (file, chunk) = tokio::task::spawn_blocking(move || read_at(file, range.start..end)).await??;
        Ok::<_, StdError>(Some((chunk, (file, end..range.end))))
    });
    StreamingBlob::new(Chunks { inner: Box::pin(chunks), remaining })
}

fn read_at(mut file: File, range: Range<u64>) -> io::Result<(File, Bytes)> {
    file.seek(SeekFrom::Start(range.start))?;
    let mut chunk = vec![0; usize::try_from(range.end - range.start).map_err(io::Error::other)?];
    file.read_exact(&mut chunk)?;
    Ok((file, Bytes::from(chunk)))
}

/// Chunks whose total is known, so that the answer can carry a length.
struct Chunks<S> {
    inner: Pin<Box<S>>,
    remaining: u64,
}

impl<S: Stream<Item = Result<Bytes, StdError>>> Stream for Chunks<S> {
    type Item = Result<Bytes, StdError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let polled = self.inner.as_mut().poll_next(context);
        if let Poll::Ready(Some(Ok(chunk))) = &polled {
            self.remaining = self.remaining.saturating_sub(chunk.len() as u64);
        }
        polled
    }
}

impl<S: Stream<Item = Result<Bytes, StdError>>> ByteStream for Chunks<S> {
    fn remaining_length(&self) -> RemainingLength {
        usize::try_from(self.remaining)
            .map_or_else(|_| RemainingLength::unknown(), RemainingLength::new_exact)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::TryStreamExt as _;

    #[tokio::test]
    async fn ranges_of_small_and_large_objects() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let content: Vec<u8> = (0..1_000_000_u32).map(|n| n.to_le_bytes()[1]).collect();
        std::fs::write(&path, &content).unwrap();
        for range in [0..1_000_000_u64, 5..6, 262_143..524_290, 7..7] {
            let [start, end] = [range.start, range.end].map(|position| usize::try_from(position).unwrap());
            let wanted = &content[start..end];
            for bytes in [None, Some(Bytes::from(content.clone()))] {
                let blob = body(File::open(&path).unwrap(), bytes, range.clone());
                assert_eq!(blob.remaining_length().exact(), Some(wanted.len()));
                let read: Vec<Bytes> = blob.try_collect().await.unwrap();
                assert!(read.concat() == wanted);
            }
        }
    }

    #[tokio::test]
    async fn a_file_that_ends_early_breaks_the_body() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, b"short").unwrap();
        let blob = body(File::open(&path).unwrap(), None, 0..10);
        assert!(blob.try_collect::<Vec<Bytes>>().await.is_err());
    }
}
