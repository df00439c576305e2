//! Objects that clients send to the bucket themselves, by presigned addresses, until they are published.
//!
//! An address for a whole object is bound to its length and SHA-256, which S3 compares; one for a part is
//! bound to the part's length. A staged object is never served: it is read and verified, and copied to the
//! blobs under the condition that it is still what was read.

use std::time::Duration;

use aws_sdk_s3::config::Builder;
use aws_sdk_s3::error::ProvideErrorMetadata as _;
use aws_sdk_s3::presigning::{PresignedRequest, PresigningConfig};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart, MetadataDirective};
use bytes::{Bytes, BytesMut};
use granary_model::{Error, Md5, Result, Sha1, Sha256};

use crate::objects::ObjectKey;
use crate::retry::store_error;
use crate::{Storage, policy};

/// What the paths of all staged objects begin with.
pub const STAGING: &str = "staging/";

/// How long an address works that a client sends bytes to.
pub const UPLOAD_LIFETIME: Duration = Duration::from_hours(1);

/// Path of the staged object of a session's file.
pub fn staging_path(upload: &str, file: usize) -> String {
    format!("{STAGING}{upload}/{file}")
}

/// The session that a staged object belongs to.
pub fn staging_session(path: &str) -> Option<&str> {
    path.strip_prefix(STAGING)?.split('/').next().filter(|id| !id.is_empty())
}

/// A request that a client sends to the bucket: always a `PUT`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedPut {
    /// The address.
    pub url: String,
    /// Headers that have to be sent exactly so, because they are signed.
    pub headers: Vec<(String, String)>,
}

/// A part of a multipart upload that has arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StagedPart {
    /// Its number, from 1.
    pub number: i32,
    /// Size in bytes.
    pub size: u64,
    /// `ETag`, with its quotes.
    pub etag: String,
}

/// A multipart upload that is under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenMultipart {
    /// Path of the object it will be.
    pub path: String,
    /// Its id.
    pub id: String,
}

/// Where to go on in a list of multipart uploads.
pub type MultipartMarker = (String, String);

/// An object that is being read.
#[derive(Debug)]
pub struct ObjectStream {
    /// Size in bytes.
    pub size: u64,
    /// `ETag` of the bytes that are read, with its quotes.
    pub etag: String,
    body: ByteStream,
}

impl ObjectStream {
    /// All bytes that are left.
    pub(crate) async fn collect(mut self) -> Result<Bytes> {
        let Some(first) = self.next().await? else { return Ok(Bytes::new()) };
        let Some(second) = self.next().await? else { return Ok(first) };
        let mut bytes = BytesMut::with_capacity(usize::try_from(self.size).unwrap_or(0));
        bytes.extend_from_slice(&first);
        bytes.extend_from_slice(&second);
        while let Some(chunk) = self.next().await? {
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes.freeze())
    }

    /// The next bytes; `None` at the end.
    ///
    /// # Errors
    /// `Unavailable` if the object breaks off.
    pub async fn next(&mut self) -> Result<Option<Bytes>> {
        self.body.try_next().await.map_err(|e| {
            tracing::warn!(store.error = %e, "an object broke off while it was read");
            Error::Unavailable("the registry's storage broke off while reading an object; try again".into())
        })
    }
}

fn signed(request: &PresignedRequest) -> SignedPut {
    let headers = request.headers().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    SignedPut { url: request.uri().to_owned(), headers }
}

fn lifetime() -> Result<PresigningConfig> {
    PresigningConfig::expires_in(UPLOAD_LIFETIME).map_err(|e| Error::internal("presigning", e))
}

fn length(size: u64) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}

fn patient() -> Builder {
    Builder::new().timeout_config(policy::long_call())
}

impl Storage {
    /// An address to which exactly these bytes can be sent: S3 refuses another length or digest.
    pub async fn presign_upload(&self, path: &str, size: u64, digest: Sha256) -> Result<SignedPut> {
        let request = self
            .inner
            .s3_public
            .put_object()
            .bucket(&self.inner.names.bucket)
            .key(path)
            .content_length(length(size))
            .checksum_sha256(digest.base64())
            .presigned(lifetime()?)
            .await
            .map_err(|e| store_error("presigning", &e))?;
        Ok(signed(&request))
    }

    /// An address to which bytes can be sent of which nothing, or only the length, is known beforehand. What arrives has to be
    /// verified when it is read.
    pub async fn presign_unknown(&self, path: &str, size: Option<u64>) -> Result<SignedPut> {
        let request = self
            .inner
            .s3_public
            .put_object()
            .bucket(&self.inner.names.bucket)
            .key(path)
            .set_content_length(size.map(length))
            .presigned(lifetime()?)
            .await
            .map_err(|e| store_error("presigning", &e))?;
        Ok(signed(&request))
    }

    /// An address to which one part of this length can be sent.
    pub async fn presign_part(&self, path: &str, upload: &str, number: i32, size: u64) -> Result<SignedPut> {
        let request = self
            .inner
            .s3_public
            .upload_part()
            .bucket(&self.inner.names.bucket)
            .key(path)
            .upload_id(upload)
            .part_number(number)
            .content_length(length(size))
            .presigned(lifetime()?)
            .await
            .map_err(|e| store_error("presigning", &e))?;
        Ok(signed(&request))
    }

    /// Begins a multipart upload and gives its id.
    pub async fn create_multipart(&self, path: &str) -> Result<String> {
        let output = self
            .inner
            .s3
            .create_multipart_upload()
            .bucket(&self.inner.names.bucket)
            .key(path)
            .content_type("application/octet-stream")
            .send()
            .await
            .map_err(|e| store_error("beginning an upload", &e))?;
        output.upload_id.ok_or_else(|| Error::internal("beginning an upload", "the bucket gave no id"))
    }

    /// The parts of a multipart upload that have arrived, in order; `None` if there is no such upload.
    pub async fn list_parts(&self, path: &str, upload: &str) -> Result<Option<Vec<StagedPart>>> {
        let mut parts = Vec::new();
        let mut marker = None;
        loop {
            let result = self
                .inner
                .s3
                .list_parts()
                .bucket(&self.inner.names.bucket)
                .key(path)
                .upload_id(upload)
                .set_part_number_marker(marker)
                .send()
                .await;
            let page = match result {
                Ok(page) => page,
                Err(e) if e.as_service_error().and_then(|e| e.code()) == Some("NoSuchUpload") => {
                    return Ok(None);
                }
                Err(e) => return Err(store_error("listing the parts of an upload", &e)),
            };
            parts.extend(page.parts.unwrap_or_default().into_iter().filter_map(|part| {
                Some(StagedPart {
                    number: part.part_number?,
                    size: u64::try_from(part.size?).ok()?,
                    etag: part.e_tag?,
                })
            }));
            marker = page.next_part_number_marker.filter(|_| page.is_truncated == Some(true));
            if marker.is_none() {
                return Ok(Some(parts));
            }
        }
    }

    /// Joins the parts of a multipart upload. `false` if there is no such upload, or a part has been replaced
    /// since it was listed.
    pub async fn complete_multipart(&self, path: &str, upload: &str, parts: &[StagedPart]) -> Result<bool> {
        let parts = parts
            .iter()
            .map(|part| CompletedPart::builder().part_number(part.number).e_tag(&part.etag).build());
        let parts = CompletedMultipartUpload::builder().set_parts(Some(parts.collect())).build();
        let result = self
            .inner
            .s3
            .complete_multipart_upload()
            .bucket(&self.inner.names.bucket)
            .key(path)
            .upload_id(upload)
            .multipart_upload(parts)
            .customize()
            .config_override(patient())
            .send()
            .await;
        match result {
            Ok(_) => Ok(true),
            Err(e)
                if matches!(
                    e.as_service_error().and_then(|e| e.code()),
                    Some("NoSuchUpload" | "InvalidPart")
                ) =>
            {
                Ok(false)
            }
            Err(e) => Err(store_error("joining an upload", &e)),
        }
    }

    /// Throws a multipart upload away; it is no matter if there is none.
    pub async fn abort_multipart(&self, path: &str, upload: &str) -> Result<()> {
        let result = self
            .inner
            .s3
            .abort_multipart_upload()
            .bucket(&self.inner.names.bucket)
            .key(path)
            .upload_id(upload)
            .send()
            .await;
        match result {
            Err(e) if e.as_service_error().and_then(|e| e.code()) != Some("NoSuchUpload") => {
                Err(store_error("throwing an upload away", &e))
            }
            _ => Ok(()),
        }
    }

    /// A page of the multipart uploads that are under way below [`STAGING`], and where to go on.
    pub async fn list_multiparts(
        &self,
        after: Option<MultipartMarker>,
    ) -> Result<(Vec<OpenMultipart>, Option<MultipartMarker>)> {
        let (key, id) = after.unzip();
        let page = self
            .inner
            .s3
            .list_multipart_uploads()
            .bucket(&self.inner.names.bucket)
            .prefix(STAGING)
            .set_key_marker(key)
            .set_upload_id_marker(id)
            .send()
            .await
            .map_err(|e| store_error("listing uploads", &e))?;
        let next = page.next_key_marker.zip(page.next_upload_id_marker);
        let found = page.uploads.unwrap_or_default().into_iter();
        let found =
            found.filter_map(|upload| Some(OpenMultipart { path: upload.key?, id: upload.upload_id? }));
        Ok((found.collect(), next.filter(|_| page.is_truncated == Some(true))))
    }

    /// Size of an object; `None` if there is none.
    pub async fn object_size(&self, path: &str) -> Result<Option<u64>> {
        let result = self.inner.s3.head_object().bucket(&self.inner.names.bucket).key(path).send().await;
        match result {
            Ok(output) => Ok(output.content_length.and_then(|length| u64::try_from(length).ok())),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(aws_sdk_s3::operation::head_object::HeadObjectError::is_not_found) =>
            {
                Ok(None)
            }
            Err(error) => Err(store_error("looking for an object", &error)),
        }
    }

    /// Opens an object for reading piece by piece; `None` if there is none.
    pub async fn open_object(&self, path: &str) -> Result<Option<ObjectStream>> {
        self.open(path, None).await
    }

    async fn open(&self, path: &str, range: Option<String>) -> Result<Option<ObjectStream>> {
        let request = self.inner.s3.get_object().bucket(&self.inner.names.bucket).key(path);
        let result = request.set_range(range).send().await;
        match result {
            Ok(output) => Ok(Some(ObjectStream {
                size: output.content_length.and_then(|length| u64::try_from(length).ok()).unwrap_or(0),
                etag: output.e_tag.unwrap_or_default(),
                body: output.body,
            })),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(aws_sdk_s3::operation::get_object::GetObjectError::is_no_such_key) =>
            {
                Ok(None)
            }
            Err(error) => Err(store_error("reading an object", &error)),
        }
    }

    /// Opens a part of an object, from its `first` byte to its `last`; `None` if there is no such object.
    pub async fn open_part(&self, path: &str, first: u64, last: u64) -> Result<Option<ObjectStream>> {
        self.open(path, Some(format!("bytes={first}-{last}"))).await
    }

    /// Some of an object's bytes; fewer than asked for if it ends before.
    pub async fn read_range(&self, path: &str, start: u64, length: u64) -> Result<Bytes> {
        let last = start.saturating_add(length).saturating_sub(1);
        match self.open_part(path, start, last).await? {
            Some(part) => part.collect().await,
            None => Err(Error::Unavailable("an object was removed while it was read; try again".into())),
        }
    }

    /// Makes a staged object a blob, unless the blob is there. The caller has read the object with this
    /// `etag` and found it to have these digests. `false` if it is no longer what was read.
    ///
    /// # Errors
    /// `Internal` if what was copied has another digest; it is removed then.
    pub async fn adopt_blob(
        &self,
        path: &str,
        etag: &str,
        digest: Sha256,
        others: (Sha1, Md5),
    ) -> Result<bool> {
        let bucket = &self.inner.names.bucket;
        let blob = ObjectKey::Blob(digest).path();
        let result = self
            .inner
            .s3
            .copy_object()
            .bucket(bucket)
            .key(&blob)
            .copy_source(format!("{bucket}/{path}"))
            .copy_source_if_match(etag)
            .metadata_directive(MetadataDirective::Replace)
            .content_type("application/octet-stream")
            .metadata("checksum-sha1", others.0.to_string())
            .metadata("checksum-md5", others.1.to_string())
            .checksum_algorithm(ChecksumAlgorithm::Sha256)
            .customize()
            .config_override(patient())
            .send()
            .await;
        let copied = match result {
            Ok(output) => output.copy_object_result.and_then(|copied| copied.checksum_sha256),
            Err(e)
                if matches!(
                    e.as_service_error().and_then(|e| e.code()),
                    Some("PreconditionFailed" | "NoSuchKey")
                ) =>
            {
                return Ok(false);
            }
            Err(e) => return Err(store_error("storing a file", &e)),
        };
        if copied.is_some_and(|copied| copied != digest.base64()) {
            self.delete_object(&blob).await?;
            return Err(Error::internal(
                "storing a file",
                format!("what was staged is not {digest} any more"),
            ));
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_name_their_session() {
        assert_eq!(staging_path("id", 3), "staging/id/3");
        assert_eq!(staging_session("staging/id/3"), Some("id"));
        assert_eq!(staging_session("staging/"), None);
        assert_eq!(staging_session("blobs/id/3"), None);
    }
}
