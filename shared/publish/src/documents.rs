//! Index documents: rendered once for each revision, stored gzip'd, kept in memory while there is room.

use std::any::Any;
use std::sync::Arc;

use bytes::Bytes;
use granary_auth::Grants;
use granary_model::{Error, RepoId, Result, Sha256, Timestamp};
use granary_storage::rows::{HeadRow, VersionRow};
use granary_storage::{ObjectKey, PackageKey, Storage};
use quick_cache::sync::Cache;
use sha2::Digest as _;

use crate::listing::live_versions;
use crate::policy::{Policy, kept};

/// How often a rendering is begun again because the package changed while its rows were read.
const RENDER_ATTEMPTS: u32 = 20;

/// After so many attempts versions that were only added meanwhile are no reason to begin again.
const EXACT_ATTEMPTS: u32 = 3;

/// A document as it is served.
#[derive(Debug, Clone)]
pub struct Document {
    /// The bytes, gzip'd.
    pub gzip: Bytes,
    /// Strong `ETag`, with quotes.
    pub etag: String,
    /// `Last-Modified`.
    pub modified: Timestamp,
}

/// Where a document comes from: package, repository and head, read by the request.
#[derive(Debug, Clone)]
pub struct Source {
    /// The package.
    pub package: PackageKey,
    /// `uid` of the repository.
    pub repo_uid: String,
    /// The head as the request read it. Of a filtered source, its tags and counts are of the whole package.
    pub head: Arc<HeadRow>,
    /// What the reader gets of the package, if it does not get all of it.
    pub grants: Option<Arc<Grants>>,
    /// By which rules versions are let in, if the package comes from an upstream.
    pub policy: Option<Arc<Policy>>,
    /// The repository through which it is read, if that is not the one that holds it: its name stands in addresses.
    pub shown_in: Option<RepoId>,
}

impl Source {
    /// A package as a whole.
    pub fn whole(package: PackageKey, repo_uid: String, head: impl Into<Arc<HeadRow>>) -> Self {
        Self { package, repo_uid, head: head.into(), grants: None, policy: None, shown_in: None }
    }

    /// The repository whose name stands in addresses.
    pub fn repo(&self) -> &RepoId {
        self.shown_in.as_ref().unwrap_or(&self.package.repo)
    }

    /// Address of the document of one variant.
    pub fn object(&self, variant: &str) -> ObjectKey {
        ObjectKey::Document {
            package: self.package.clone(),
            repo_uid: self.repo_uid.clone(),
            rev: self.head.rev,
            variant: self.filtered(variant),
        }
    }

    /// Name of a variant as this reader gets it.
    fn filtered(&self, variant: &str) -> String {
        let shown_in = self.shown_in.as_ref().map(|repo| format!(".in-{repo}")).unwrap_or_default();
        match (&self.grants, &self.policy) {
            (Some(grants), _) => format!("{variant}.{}{shown_in}", grants.fingerprint()),
            (None, Some(policy)) => format!("{variant}.u{}{shown_in}", policy.fingerprint()),
            (None, None) => format!("{variant}{shown_in}"),
        }
    }

    /// The live versions that the reader gets, in the order of their texts. Whatever shows versions takes them from
    /// here, so that lists, search, metadata and files go by one rule.
    pub async fn versions(&self, storage: &Storage) -> Result<Vec<VersionRow>> {
        self.among(live_versions(storage, &self.package).await?).await
    }

    /// Those of some versions that the reader gets.
    pub async fn among(&self, mut rows: Vec<VersionRow>) -> Result<Vec<VersionRow>> {
        let as_of = self.head.upstream.as_ref().map_or(0, |upstream| upstream.as_of);
        let as_of = Timestamp::from_millis(as_of);
        rows.retain(|row| {
            self.head.has(row) && kept(&self.head, self.policy.as_deref(), row, as_of).is_none()
        });
        let Some(grants) = self.grants.clone() else { return Ok(rows) };
        // Thousands of versions against many ranges take a while: not on a thread that serves other requests.
        let filtered = tokio::task::spawn_blocking(move || {
            rows.retain(|row| grants.allow(row));
            rows
        });
        filtered.await.map_err(|e| Error::internal("filtering versions", e))
    }

    /// When what the reader gets last changed: the package, or the reader's grants.
    pub fn modified(&self) -> Timestamp {
        self.modified_since(self.head.modified())
    }

    /// The same for a document of the package from `package`: readers with the same grants share documents, but each has
    /// got its grants at a time of its own.
    pub fn modified_since(&self, package: Timestamp) -> Timestamp {
        self.grants.as_ref().map_or(package, |grants| grants.changed_at().max(package))
    }

    /// The revision, and which of the repositories that had this name it is a revision of.
    pub fn revision(&self) -> String {
        let uid: String = self.repo_uid.chars().filter(char::is_ascii_alphanumeric).rev().take(8).collect();
        format!("{}-{uid}", self.head.rev)
    }

    /// The `ETag` of one variant: the revision, which repository it is, and the variant.
    pub fn etag(&self, variant: &str) -> String {
        format!("\"{}-{}\"", self.revision(), self.filtered(variant))
    }
}

/// Part of a variant's name that differs with the public address: the address stands in the documents, so
/// documents of another address are other documents.
pub fn address_suffix(public_url: &str) -> String {
    let digest = Sha256::from_bytes(sha2::Sha256::digest(public_url.as_bytes()).into()).to_string();
    digest.get(..6).unwrap_or_default().to_owned()
}

/// Renders the documents of one protocol.
pub trait Renderer: Sync {
    /// The variants that are rendered together.
    fn variants(&self) -> Vec<String>;

    /// Renders all variants from the rows as they are now, each gzip'd, in the order of
    /// [`Renderer::variants`]. Must be a pure function of the rows.
    fn render(&self, storage: &Storage, source: &Source) -> impl Future<Output = Result<Vec<Bytes>>> + Send;
}

#[derive(Clone)]
struct BySize;

impl quick_cache::Weighter<String, Arc<Document>> for BySize {
    fn weight(&self, key: &String, document: &Arc<Document>) -> u64 {
        (key.len() + document.gzip.len() + 256) as u64
    }
}

impl quick_cache::Weighter<String, Decoded> for BySize {
    fn weight(&self, key: &String, decoded: &Decoded) -> u64 {
        key.len() as u64 + decoded.bytes as u64 + 256
    }
}

/// Documents in memory. What is kept of a revision has all that the revision has, so nothing here ever goes stale: the
/// head is read for every request and names the revision.
pub struct DocumentCache {
    cache: Cache<String, Arc<Document>, BySize>,
    /// Documents that handlers read, unpacked and taken apart, and what they have made of rows.
    decoded: Cache<String, Decoded, BySize>,
}

/// A document as a handler reads it.
#[derive(Clone)]
struct Decoded {
    value: Arc<dyn Any + Send + Sync>,
    /// About how many bytes it takes.
    bytes: usize,
}

/// What was made of something, with what it was made of.
struct Made<I, T> {
    of: I,
    value: Arc<T>,
}

/// About how much larger a document is that has been taken apart.
const UNPACKED: usize = 12;

impl Decoded {
    /// What is kept under a name, which is always of the same type.
    fn of_type<T: Send + Sync + 'static>(self, name: &str) -> Result<Arc<T>> {
        let other =
            |_| Error::internal("reading what is kept of a document", format!("'{name}' is of another type"));
        self.value.downcast().map_err(other)
    }
}

impl std::fmt::Debug for DocumentCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DocumentCache({} bytes)", self.cache.weight())
    }
}

impl DocumentCache {
    /// A cache of at most this many bytes.
    pub fn new(bytes: u64) -> Self {
        Self {
            cache: Cache::with_weighter(1024, bytes.max(1), BySize),
            decoded: Cache::with_weighter(1024, (bytes / 8).max(1), BySize),
        }
    }

    /// The document of one variant: from memory, from the bucket, or rendered. Callers that ask for the
    /// same one at the same time wait for one of them to get it.
    pub async fn get<R: Renderer>(
        &self,
        storage: &Storage,
        source: &Source,
        variant: &str,
        renderer: &R,
    ) -> Result<Arc<Document>> {
        let path = source.object(variant).path();
        let document = match self.cache.get_value_or_guard_async(&path).await {
            Ok(found) => return Ok(found),
            Err(guard) => {
                let document = Arc::new(self.load(storage, source, variant, renderer).await?);
                let _evicted = guard.insert(Arc::clone(&document));
                document
            }
        };
        Ok(document)
    }

    /// What a handler reads out of the document of one variant, by `decode`, which must be a pure function of it: of one
    /// revision it is done once, while there is room. Callers that ask for the same at the same time wait for one of them.
    pub async fn decoded<R: Renderer, T: Send + Sync + 'static>(
        &self,
        storage: &Storage,
        source: &Source,
        variant: &str,
        renderer: &R,
        decode: impl FnOnce(Arc<Document>) -> Result<T>,
    ) -> Result<Arc<T>> {
        let path = source.object(variant).path();
        let guard = match self.decoded.get_value_or_guard_async(&path).await {
            Ok(known) => return known.of_type(&path),
            Err(guard) => guard,
        };
        let document = self.get(storage, source, variant, renderer).await?;
        let bytes = document.gzip.len() * UNPACKED;
        let value = Arc::new(decode(document)?);
        let _evicted = guard.insert(Decoded { value: Arc::<T>::clone(&value), bytes });
        Ok(value)
    }

    /// What a handler makes of rows that have no revision, and of what else is in `of`. One is kept for each `name`, and
    /// made again as soon as it would be of something else; so nothing here goes stale either, as long as `make` goes by
    /// nothing but `of` and what the name tells apart. `bytes` is about how many it takes, `of` included.
    ///
    /// Rows that are in memory anyway are best given as the `Arc` that they are in: the same one needs no comparison.
    pub fn made<I, T>(
        &self,
        name: String,
        of: I,
        bytes: usize,
        make: impl FnOnce(&I) -> Result<T>,
    ) -> Result<Arc<T>>
    where
        I: Eq + Send + Sync + 'static,
        T: Send + Sync + 'static,
    {
        if let Some(known) = self.decoded.get(&name) {
            let known: Arc<Made<I, T>> = known.of_type(&name)?;
            if known.of == of {
                return Ok(Arc::clone(&known.value));
            }
        }
        let value = Arc::new(make(&of)?);
        let made = Made { of, value: Arc::clone(&value) };
        self.decoded.insert(name, Decoded { value: Arc::new(made), bytes });
        Ok(value)
    }

    /// What `load` gives, with about how many bytes it takes, unless it is known under this name, which must name all that
    /// it depends on. Callers that ask for the same at the same time wait for one of them.
    pub async fn loaded<T: Send + Sync + 'static>(
        &self,
        name: String,
        load: impl Future<Output = Result<(T, usize)>> + Send,
    ) -> Result<Arc<T>> {
        let guard = match self.decoded.get_value_or_guard_async(&name).await {
            Ok(known) => return known.of_type(&name),
            Err(guard) => guard,
        };
        let (value, bytes) = load.await?;
        let value = Arc::new(value);
        let _evicted = guard.insert(Decoded { value: Arc::<T>::clone(&value), bytes });
        Ok(value)
    }

    /// Keeps what [`Self::loaded`] would load under this name.
    pub fn keep<T: Send + Sync + 'static>(&self, name: String, value: Arc<T>, bytes: usize) {
        self.decoded.insert(name, Decoded { value, bytes });
    }

    /// Keeps a document that is rendered already, of an exact revision.
    pub fn keep_document(&self, source: &Source, variant: &str, gzip: Bytes) {
        let path = source.object(variant).path();
        self.cache.insert(path, Arc::new(document(source, variant, gzip)));
    }

    async fn load<R: Renderer>(
        &self,
        storage: &Storage,
        source: &Source,
        variant: &str,
        renderer: &R,
    ) -> Result<Document> {
        // What is filtered is kept in memory only: there may be as many of it as customers.
        if source.grants.is_some() {
            return render(storage, source.clone(), renderer).await?.chosen(variant);
        }
        if let Some(gzip) = storage.get_object(&source.object(variant)).await? {
            return Ok(document(source, variant, gzip));
        }
        let rendered = render(storage, source.clone(), renderer).await?;
        // For later readers. This one has its document, whether or not it can be kept.
        if let Err(error) = rendered.store(storage).await {
            tracing::warn!(%error, "a document could not be stored");
        }
        rendered.chosen(variant)
    }
}

fn document(source: &Source, variant: &str, gzip: Bytes) -> Document {
    Document { gzip, etag: source.etag(variant), modified: source.head.modified() }
}

/// Renders a package's documents and stores them; gives the head they are of.
pub async fn render_and_store<R: Renderer>(
    storage: &Storage,
    source: Source,
    renderer: &R,
) -> Result<Source> {
    let rendered = render(storage, source, renderer).await?;
    rendered.store(storage).await?;
    Ok(rendered.source)
}

/// A package's documents.
struct Rendered {
    source: Source,
    documents: Vec<(String, Bytes)>,
    /// Whether they are those of the source's revision, and not of that with versions that have been added since.
    is_exact: bool,
}

impl Rendered {
    /// Stores them for later readers. What is not exact is not what another process would find under this revision, and a
    /// package that changes so fast has another one already.
    async fn store(&self, storage: &Storage) -> Result<()> {
        if !self.is_exact {
            return Ok(());
        }
        for (variant, gzip) in &self.documents {
            storage.put_document(&self.source.object(variant), gzip.clone()).await?;
        }
        Ok(())
    }

    /// The variant that was asked for of those that are rendered together.
    fn chosen(self, variant: &str) -> Result<Document> {
        let Self { source, documents, is_exact } = self;
        let (_, gzip) = documents
            .into_iter()
            .find(|(name, _)| name == variant)
            .ok_or_else(|| Error::internal("rendering", format!("no variant '{variant}'")))?;
        let mut document = document(&source, variant, gzip);
        if !is_exact {
            // Other bytes, so another tag.
            let digest = Sha256::from_bytes(sha2::Sha256::digest(&document.gzip).into()).to_string();
            let tag = document.etag.trim_end_matches('"');
            document.etag = format!("{tag}-{}\"", digest.get(..12).unwrap_or_default());
        }
        Ok(document)
    }
}

/// Renders a package's documents.
///
/// The rows are read over several calls, so another change can come in between. Every change raises
/// `rev`: if the head is the same after the rows were read as before, the rows are those of that revision.
/// If not, rendering begins again with the new head, and the caller gets the newer document. Where versions are published
/// faster than rows can be read that would never end; but they only come on top of what the head knows, so after some
/// attempts it is fine to show them.
async fn render<R: Renderer>(storage: &Storage, mut source: Source, renderer: &R) -> Result<Rendered> {
    for attempt in 0..RENDER_ATTEMPTS {
        let documents = renderer.render(storage, &source).await?;
        let head: Option<HeadRow> = storage.get(&granary_storage::Key::Head(source.package.clone())).await?;
        let Some(head) = head.filter(|head| head.repo_uid == source.repo_uid) else {
            return Err(Error::NotFound(format!("package '{}' not found", source.package.name)));
        };
        let is_exact = head.rev == source.head.rev;
        if is_exact || (attempt >= EXACT_ATTEMPTS && has_only_grown(&source.head, &head)) {
            let documents = renderer.variants().into_iter().zip(documents).collect();
            return Ok(Rendered { source, documents, is_exact });
        }
        source.head = head.into();
    }
    Err(Error::Unavailable("the package is changing too fast; try again".into()))
}

/// Whether each change between two heads was a new version: a change adds one at most.
fn has_only_grown(before: &HeadRow, after: &HeadRow) -> bool {
    let (revisions, versions) =
        (after.rev.checked_sub(before.rev), after.versions.checked_sub(before.versions));
    revisions.is_some() && revisions == versions
}

#[cfg(test)]
mod tests;
