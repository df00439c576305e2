//! Documents of other registries as they are kept in the bucket.

use std::io::{Read as _, Write as _};
use std::sync::Arc;

use bytes::Bytes;
use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use granary_model::npm::NpmName;
use granary_model::{Error, Result, Timestamp};
use granary_storage::rows::UpstreamHead;
use granary_storage::{ObjectKey, Storage};

use super::{ForeignIndex, ForeignPackument, ForeignVersion};
use crate::documents::{DocumentCache, Source};
use crate::npm::packument::Packuments;

/// Most that a packument of another registry may take up unpacked, in bytes. The largest public ones take half of it.
pub const MAX_PLAIN: usize = 192 * 1024 * 1024;

/// Unpacks a document that an upstream has sent gzip'd.
///
/// # Errors
/// `Unprocessable` for what is no gzip, or is more than [`MAX_PLAIN`] unpacked.
pub fn unpack(gzip: &[u8]) -> Result<Vec<u8>> {
    unpack_within(gzip, MAX_PLAIN)
}

/// The same with another limit, in bytes.
///
/// # Errors
/// `Unprocessable` for what is no gzip, or is more unpacked.
pub fn unpack_within(gzip: &[u8], limit: usize) -> Result<Vec<u8>> {
    let mut plain = Vec::with_capacity(gzip.len().saturating_mul(6).min(limit));
    let read = MultiGzDecoder::new(gzip).take(limit as u64 + 1).read_to_end(&mut plain);
    read.map_err(|_| Error::Unprocessable("what it sent is not the gzip that it is said to be".into()))?;
    if plain.len() > limit {
        return Err(Error::Unprocessable(format!("what it sent is more than {limit} bytes unpacked")));
    }
    Ok(plain)
}

/// Packs a document to be kept: fast, because it is read once more at most.
pub fn pack(plain: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(plain.len() / 5), Compression::fast());
    encoder.write_all(plain).and_then(|()| encoder.finish()).map_err(|e| Error::internal("compressing", e))
}

/// What is said of a document that is not kept any more.
const LOST: &str = "what the upstream said of the package is not here any more; try again";

/// What the head knows of the upstream.
pub(super) fn upstream(source: &Source) -> Result<&UpstreamHead> {
    let upstream = source.head.upstream.as_deref();
    upstream
        .ok_or_else(|| Error::internal("reading a foreign packument", "the package is not from an upstream"))
}

/// The address of the document that a head speaks of.
pub fn object(source: &Source) -> Result<ObjectKey> {
    Ok(ObjectKey::Fetched {
        package: source.package.clone(),
        repo_uid: source.repo_uid.clone(),
        id: upstream(source)?.document.clone(),
    })
}

/// The document that a head speaks of, unpacked.
///
/// # Errors
/// `Unavailable` if it is not there: whoever has lost it fetches it again.
pub async fn text(storage: &Storage, source: &Source) -> Result<Vec<u8>> {
    let gzip = storage.get_object(&object(source)?).await?;
    let gzip = gzip.ok_or_else(|| Error::Unavailable(LOST.into()))?;
    let plain = tokio::task::spawn_blocking(move || unpack(&gzip));
    plain.await.map_err(|e| Error::internal("unpacking", e))?
}

/// What of the document decides something; from memory while there is room.
pub async fn index(
    documents: &DocumentCache,
    storage: &Storage,
    source: &Source,
) -> Result<Arc<ForeignIndex>> {
    let load = async {
        let text = text(storage, source).await?;
        let (name, at) = identity(source)?;
        let read = tokio::task::spawn_blocking(move || {
            ForeignPackument::read(&text, &name, at).map(|packument| packument.index)
        });
        let index = read.await.map_err(|e| Error::internal("reading a foreign packument", e))??;
        let weight = index.weight();
        Ok((index, weight))
    };
    documents.loaded(index_name(source)?, load).await
}

/// Keeps in memory what decides something, for those who ask for it next.
pub fn keep_index(documents: &DocumentCache, source: &Source, index: ForeignIndex) -> Result<()> {
    let weight = index.weight();
    documents.keep(index_name(source)?, Arc::new(index), weight);
    Ok(())
}

/// One version's manifest as it stands in the full document.
pub async fn manifest(
    renderer: &Packuments,
    storage: &Storage,
    source: &Source,
    one: &ForeignVersion,
) -> Result<String> {
    let text = text(storage, source).await?;
    let (renderer, source, one) = (renderer.clone(), source.clone(), one.clone());
    let rendered = tokio::task::spawn_blocking(move || {
        let (name, at) = identity(&source)?;
        let packument = ForeignPackument::read(&text, &name, at)?;
        renderer.foreign_manifest(source.repo(), &packument, (name.as_str(), &one))
    });
    rendered.await.map_err(|e| Error::internal("rendering", e))?
}

fn index_name(source: &Source) -> Result<String> {
    Ok(format!("{}#index", object(source)?.path()))
}

/// Name of the package, and the moment that stands for times that the document does not say.
pub(super) fn identity(source: &Source) -> Result<(NpmName, Timestamp)> {
    Ok((source.head.name.parse()?, Timestamp::from_millis(upstream(source)?.fetched_at)))
}

impl Packuments {
    /// Both documents of a package from another registry, from what is kept of it.
    pub(crate) async fn render_foreign(&self, storage: &Storage, source: &Source) -> Result<Vec<Bytes>> {
        let text = text(storage, source).await?;
        let (renderer, source) = (self.clone(), source.clone());
        let rendered = tokio::task::spawn_blocking(move || {
            let (name, at) = identity(&source)?;
            renderer.foreign_documents(&source, &ForeignPackument::read(&text, &name, at)?)
        });
        rendered.await.map_err(|e| Error::internal("rendering", e))?
    }
}
