//! Every object of the bucket, in one place.

use std::time::Duration;

use aws_sdk_s3::config::Builder;
use aws_sdk_s3::error::ProvideErrorMetadata as _;
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;
use granary_model::{Error, Result, Sha256};

use crate::keys::PackageKey;
use crate::retry::{is_transient, store_error};
use crate::{Storage, policy};

/// The address of an object, with the headers it is stored with.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ObjectKey {
    /// Bytes of a file, by their SHA-256.
    Blob(Sha256),
    /// An index document of a package. `variant` names the form and everything besides the rows that
    /// decides its bytes (format version, public address).
    Document {
        /// The package.
        package: PackageKey,
        /// `uid` of the repository.
        repo_uid: String,
        /// Revision of the head it was rendered from.
        rev: u64,
        /// Form of the document.
        variant: String,
    },
    /// What an upstream says of a package, as it was fetched. Whoever misses it fetches it again.
    Fetched {
        /// The package.
        package: PackageKey,
        /// `uid` of the repository.
        repo_uid: String,
        /// Which of the documents that were fetched.
        id: String,
    },
}

impl ObjectKey {
    /// What the paths of all documents begin with, and of nothing else.
    pub const DOCUMENTS: &str = "documents/";

    /// Path in the bucket.
    pub fn path(&self) -> String {
        match self {
            Self::Blob(digest) => {
                let text = digest.to_string();
                format!("blobs/sha256/{}/{text}", text.get(..2).unwrap_or("00"))
            }
            Self::Document { package, repo_uid, rev, variant } => {
                format!("{}{rev}.{variant}", Self::documents_of(package, repo_uid))
            }
            // No number before the dot, so that it is no document of a revision.
            Self::Fetched { package, repo_uid, id } => {
                format!("{}u.{id}", Self::documents_of(package, repo_uid))
            }
        }
    }

    /// Prefix of all documents of a package.
    pub fn documents_of(package: &PackageKey, repo_uid: &str) -> String {
        format!("{}{repo_uid}/{}/{}/", Self::DOCUMENTS, package.kind, package.name)
    }
}

/// How often a blob is sent again while another request works on the same key.
const PUT_ATTEMPTS: u32 = 5;

/// Whether a write-once object is new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PutOutcome {
    /// It was not there before.
    Created,
    /// The same bytes were there already.
    Existed,
}

/// Bytes on their way into the bucket. They can be sent again, should the bucket ask for it.
pub enum Upload<'a> {
    /// In memory.
    Memory(Bytes),
    /// A body of known length, made anew for each attempt.
    Stream(Box<dyn Fn() -> ByteStream + Send + Sync + 'a>, u64),
}

impl std::fmt::Debug for Upload<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Upload({} bytes)", self.length())
    }
}

impl<'a> Upload<'a> {
    /// From bodies of known length.
    pub fn stream<B>(make: impl Fn() -> B + Send + Sync + 'a, length: u64) -> Self
    where
        B: http_body::Body<Data = Bytes> + Send + Sync + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>> + 'static,
    {
        Self::Stream(Box::new(move || ByteStream::from_body_1_x(make())), length)
    }

    fn length(&self) -> u64 {
        match self {
            Self::Memory(bytes) => bytes.len() as u64,
            Self::Stream(_, length) => *length,
        }
    }

    fn body(&self) -> ByteStream {
        match self {
            Self::Memory(bytes) => ByteStream::from(bytes.clone()),
            Self::Stream(make, _) => make(),
        }
    }
}

impl Storage {
    /// Stores the bytes of a blob unless they are there. S3 verifies the digest as it stores them.
    pub async fn put_blob(&self, digest: Sha256, upload: &Upload<'_>) -> Result<PutOutcome> {
        for attempt in 0..PUT_ATTEMPTS {
            let result = self
                .inner
                .s3
                .put_object()
                .bucket(&self.inner.names.bucket)
                .key(ObjectKey::Blob(digest).path())
                .if_none_match("*")
                .content_type("application/octet-stream")
                .content_length(i64::try_from(upload.length()).unwrap_or(i64::MAX))
                .checksum_sha256(digest.base64())
                .body(upload.body())
                .customize()
                .config_override(Builder::new().timeout_config(self.limits(policy::sending(upload.length()))))
                .send()
                .await;
            let Err(error) = result else { return Ok(PutOutcome::Created) };
            match error.as_service_error().and_then(|e| e.code()) {
                Some("PreconditionFailed") => return self.existing_blob(digest, upload.length()).await,
                // Another upload or removal of the same key is under way. It may yet fail, so the bytes are
                // not there until somebody says so.
                Some("ConditionalRequestConflict") => {
                    tokio::time::sleep(Duration::from_millis(50 << attempt)).await;
                }
                // The SDK sends again only what it can copy.
                _ if self.inner.limited
                    && attempt + 1 < policy::ATTEMPTS
                    && matches!(upload, Upload::Stream(..))
                    && is_transient(&error) =>
                {
                    tokio::time::sleep(policy::pause(attempt + 1)).await;
                }
                _ => return Err(store_error("storing a file", &error)),
            }
        }
        Err(Error::Unavailable("the same file is being stored by somebody else; try again".into()))
    }

    /// Looks twice at bytes that are said to be there: what a version counts on must be whole.
    async fn existing_blob(&self, digest: Sha256, length: u64) -> Result<PutOutcome> {
        match self.blob_size(digest).await? {
            Some(size) if size == length => Ok(PutOutcome::Existed),
            Some(size) => Err(Error::internal(
                "storing a file",
                format!("blob {digest} has {size} bytes, not {length}"),
            )),
            None => Err(Error::Unavailable("the same file was being removed; try again".into())),
        }
    }

    /// Stores a document, whatever was there: the bytes for one key are always the same.
    pub async fn put_document(&self, key: &ObjectKey, gzip: Bytes) -> Result<()> {
        self.inner
            .s3
            .put_object()
            .bucket(&self.inner.names.bucket)
            .key(key.path())
            .content_type("application/octet-stream")
            .body(ByteStream::from(gzip))
            .send()
            .await
            .map_err(|e| store_error("storing a document", &e))?;
        Ok(())
    }

    /// Reads a whole object into memory; `None` if there is none.
    pub async fn get_object(&self, key: &ObjectKey) -> Result<Option<Bytes>> {
        match self.open_object(&key.path()).await? {
            Some(object) => object.collect().await.map(Some),
            None => Ok(None),
        }
    }

    /// Whether a blob's bytes are there, and how many they are.
    pub async fn blob_size(&self, digest: Sha256) -> Result<Option<u64>> {
        self.object_size(&ObjectKey::Blob(digest).path()).await
    }

    /// Removes an object; it is no matter if there is none.
    pub async fn delete_object(&self, path: &str) -> Result<()> {
        self.inner
            .s3
            .delete_object()
            .bucket(&self.inner.names.bucket)
            .key(path)
            .send()
            .await
            .map_err(|e| store_error("removing an object", &e))?;
        Ok(())
    }

    /// Paths of the objects below a prefix, at most 1000 of them.
    pub async fn list_objects(&self, prefix: &str, after: Option<&str>) -> Result<Vec<String>> {
        let output = self
            .inner
            .s3
            .list_objects_v2()
            .bucket(&self.inner.names.bucket)
            .prefix(prefix)
            .set_start_after(after.map(str::to_owned))
            .send()
            .await
            .map_err(|e| store_error("listing objects", &e))?;
        Ok(output.contents.unwrap_or_default().into_iter().filter_map(|object| object.key).collect())
    }

    /// An address from which anyone can fetch a blob for `lifetime` (at most 5 minutes: it is also how long
    /// a revoked right lives on). Signs the host name only, because clients send headers of their own. The
    /// answer has this media type and, if given, this `Content-Disposition`.
    pub async fn presign_blob(
        &self,
        digest: Sha256,
        content_type: &str,
        disposition: Option<&str>,
        lifetime: Duration,
    ) -> Result<String> {
        let config = PresigningConfig::expires_in(lifetime.min(Duration::from_mins(5)))
            .map_err(|e| Error::internal("presigning", e))?;
        let request = self
            .inner
            .s3_public
            .get_object()
            .bucket(&self.inner.names.bucket)
            .key(ObjectKey::Blob(digest).path())
            .response_content_type(content_type)
            .set_response_content_disposition(disposition.map(str::to_owned))
            .presigned(config)
            .await
            .map_err(|e| store_error("presigning", &e))?;
        Ok(request.uri().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        let digest = Sha256::from_bytes([0xab; 32]);
        assert_eq!(ObjectKey::Blob(digest).path(), format!("blobs/sha256/ab/{}", "ab".repeat(32)));
        let package = PackageKey {
            repo: "rr".parse().unwrap(),
            kind: granary_model::PackageType::Npm,
            name: "@s/n".into(),
        };
        let key =
            ObjectKey::Document { package, repo_uid: "u1".into(), rev: 7, variant: "full.v1-00".into() };
        assert_eq!(key.path(), "documents/u1/npm/@s/n/7.full.v1-00");
    }
}
