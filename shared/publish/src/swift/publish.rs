//! Publishing a Swift release.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use granary_model::swift::{Declared, ManifestName, SourceUrl, SwiftIdentity, SwiftVersion, ToolsVersion};
use granary_model::{Error, Result, Sha256, Timestamp};
use granary_storage::rows::{FileRow, HeadRow, SwiftSourceRow, VersionRow, VersionStatus};
use granary_storage::transaction::Refusal;
use granary_storage::{Key, Storage, Transaction, Upload};
use serde_json::{Map, Value};

use super::facts::{ManifestFacts, Signature, SwiftFacts};
use crate::digests::Digests;
use crate::files::{hint_holder, store_bytes};
use crate::head_edit::{
    Applied, HeadEdit, Step, Target, count_version, edit_head, listed_description, refused_publish,
};
use crate::raw::check_description;
use crate::spool::Spool;

/// Media type of an archive.
pub const ARCHIVE_TYPE: &str = "application/zip";

/// Media type of a manifest.
pub const MANIFEST_TYPE: &str = "text/x-swift";

/// The one format of signatures that there is.
pub const SIGNATURE_FORMAT: &str = "cms-1.0.0";

/// Largest signature, in bytes. Chains of certificates take a few thousand.
pub const MAX_SIGNATURE: usize = 64 * 1024;

/// The archive of a release, as it will be served.
#[derive(Debug)]
pub struct Archive {
    /// Its digests. The SHA-256 is the release's checksum.
    pub digests: Digests,
    /// Its bytes; `None` if they are stored and claimed already.
    pub bytes: Option<Spool>,
    /// Its manifests with their text, `Package.swift` first.
    pub manifests: Vec<(ManifestName, String)>,
    /// SHA-256 of what was sent, if that was put into a folder.
    pub sent: Option<Sha256>,
}

/// What a publisher may send besides the archive.
#[derive(Debug, Clone, Default)]
pub struct Accompanying {
    /// The metadata, as [`super::metadata::read_metadata`] gives them.
    pub metadata: Map<String, Value>,
    /// Signature of the archive. It is kept and given out as it came: what it is worth is decided by the client,
    /// which alone knows whom it trusts.
    pub signature: Option<Vec<u8>>,
    /// Signature of the metadata.
    pub metadata_signature: Option<Vec<u8>>,
}

/// What comes with an archive that is uploaded with nothing but a description.
///
/// # Errors
/// `BadRequest` for one that is too long.
pub fn described(description: Option<String>) -> Result<Accompanying> {
    check_description(description.as_deref())?;
    let text = description.filter(|text| !text.is_empty());
    let metadata = text.map(|text| ("description".to_owned(), Value::from(text))).into_iter().collect();
    Ok(Accompanying { metadata, ..Accompanying::default() })
}

/// The version of Swift that a manifest is for.
fn tools_version(name: &ManifestName, text: &str) -> Result<ToolsVersion> {
    let unusable = |why: String| Err(Error::Unprocessable(format!("{} {why}", name.as_str())));
    match (ToolsVersion::declared(text), name.swift) {
        (Declared::Version(version), _) | (Declared::Nothing, Some(version)) => Ok(version),
        (Declared::Misplaced(version), _) => unusable(format!(
            "declares swift-tools-version {} below its first line, which Swift accepts only from 6.0 on; move it to the \
             first line",
            version.short()
        )),
        (Declared::Nothing, None) => unusable(
            "does not say for which version of Swift it is: begin it with a line such as \
             '// swift-tools-version:5.9'"
                .into(),
        ),
    }
}

/// A release that has been checked and can be committed.
#[derive(Debug)]
pub struct SwiftPublish {
    identity: SwiftIdentity,
    archive: Archive,
    manifests: Vec<(Digests, String)>,
    facts: SwiftFacts,
    stored_facts: Vec<u8>,
    sources: BTreeSet<SourceUrl>,
}

/// What became of a publish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SwiftPublished {
    /// The package, as its name was first published.
    pub identity: SwiftIdentity,
    /// Whether the release is new; if not, it was there with the very same archive.
    pub is_new: bool,
}

/// Refuses to publish what exists, as far as is known from the row that a request read.
///
/// # Errors
/// `Conflict`.
pub fn check_free(row: Option<&VersionRow>, identity: &SwiftIdentity, version: &SwiftVersion) -> Result<()> {
    row.map_or(Ok(()), |row| Err(exists(row, identity, version)))
}

/// Whether a row is that of this very release: live, and of the archive with this SHA-256, as it is served or as it
/// was sent before it was put into a folder.
///
/// # Errors
/// `Internal` for a row that cannot be read.
pub fn is_published(row: &VersionRow, version: &SwiftVersion, digest: Sha256) -> Result<bool> {
    let facts = SwiftFacts::from_row(&row.facts)?;
    let same_bytes =
        row.files.first().is_some_and(|file| file.sha256 == digest) || facts.sent == Some(digest);
    Ok(row.is_live() && same_bytes && facts.version.is(version.as_str()))
}

fn exists(row: &VersionRow, identity: &SwiftIdentity, version: &SwiftVersion) -> Error {
    let text = match row.status {
        VersionStatus::Tombstone => format!(
            "release {version} of {identity} was withdrawn, and a withdrawn release can never be published again; \
             choose a new version"
        ),
        VersionStatus::Live => match SwiftFacts::from_row(&row.facts) {
            Ok(facts) if !facts.version.is(version.as_str()) => format!(
                "release {} of {identity} exists, and {version} differs from it only in what clients do not compare; \
                 choose a new version",
                facts.version
            ),
            _ => format!(
                "release {version} of {identity} exists, and a release never changes; choose a new version"
            ),
        },
    };
    Error::Conflict(text)
}

impl SwiftPublish {
    /// Puts a release together.
    ///
    /// # Errors
    /// `Unprocessable` for an archive whose main manifest no client could use, `TooLarge` for metadata that do
    /// not fit.
    pub fn new(
        identity: SwiftIdentity,
        version: SwiftVersion,
        mut archive: Archive,
        accompanying: Accompanying,
    ) -> Result<Self> {
        let mut manifests = Vec::new();
        let mut known = Vec::new();
        for (name, text) in std::mem::take(&mut archive.manifests) {
            let tools = tools_version(&name, &text)?;
            known.push(ManifestFacts { file: name.as_str().to_owned(), tools });
            manifests.push((Digests::of(text.as_bytes()), text));
        }
        let encode = |signature: Vec<u8>| STANDARD.encode(signature);
        let facts = SwiftFacts {
            version,
            sent: archive.sent,
            described: None,
            manifests: known,
            metadata: accompanying.metadata,
            signature: accompanying
                .signature
                .map(|signature| Signature { format: SIGNATURE_FORMAT.into(), base64: encode(signature) }),
            metadata_signature: accompanying.metadata_signature.map(encode),
        };
        let sources = facts.sources();
        let stored_facts = facts.to_row()?;
        Ok(Self { identity, archive, manifests, facts, stored_facts, sources })
    }

    /// The package.
    pub fn identity(&self) -> &SwiftIdentity {
        &self.identity
    }

    /// SHA-256 of the archive as it is served.
    pub fn checksum(&self) -> Sha256 {
        self.archive.digests.sha256
    }

    /// Stores the bytes, then commits the release: archive, manifests and the lists they stand in together.
    ///
    /// # Errors
    /// `Conflict` if the release exists with another archive or has been withdrawn; `Forbidden` over the quota.
    pub async fn commit(
        self,
        target: Target<'_>,
        now: Timestamp,
        quota: Option<u64>,
    ) -> Result<SwiftPublished> {
        self.store(target.storage, now).await?;
        let mut edit = self.edit(&target, quota);
        let applied = edit_head(target, now, &mut edit).await?;
        let identity = edit.first_identity.unwrap_or(edit.publish.identity);
        match applied {
            Applied::Changed(_) => Ok(SwiftPublished { identity, is_new: true }),
            Applied::Unchanged if edit.again => Ok(SwiftPublished { identity, is_new: false }),
            Applied::Unchanged => Err(Error::internal("publishing", "nothing was changed")),
        }
    }
}

impl SwiftPublish {
    /// Stores whatever bytes are not stored yet.
    pub(crate) async fn store(&self, storage: &Storage, now: Timestamp) -> Result<()> {
        let archive = async {
            match &self.archive.bytes {
                Some(bytes) => store_bytes(storage, bytes, self.archive.digests.sha256, now).await,
                None => Ok(()),
            }
        };
        let manifests = self.manifests.iter().map(|(digests, text)| store_text(storage, digests, text, now));
        tokio::try_join!(archive, futures::future::try_join_all(manifests))?;
        Ok(())
    }

    /// The change of the package.
    pub(crate) fn edit(self, target: &Target<'_>, quota: Option<u64>) -> PublishEdit {
        PublishEdit {
            owner: target.repo.owner(),
            publisher: target.principal.display_name(),
            repo_uid: target.repo.uid.clone(),
            package: target.package.clone(),
            quota,
            first_identity: None,
            again: false,
            publish: self,
        }
    }
}

/// Stores the text of a manifest.
async fn store_text(storage: &Storage, digests: &Digests, text: &str, now: Timestamp) -> Result<()> {
    storage.claim_blob(digests.sha256, now).await?;
    let bytes = Upload::Memory(text.as_bytes().to_vec().into());
    storage.put_blob(digests.sha256, &bytes).await?;
    Ok(())
}

/// The change of a package that a publish is.
pub(crate) struct PublishEdit {
    publish: SwiftPublish,
    package: granary_storage::PackageKey,
    repo_uid: String,
    owner: String,
    publisher: String,
    quota: Option<u64>,
    first_identity: Option<SwiftIdentity>,
    /// Whether the very same release turned out to be there.
    pub(crate) again: bool,
}

impl PublishEdit {
    fn version_row(&self, now: Timestamp) -> VersionRow {
        let SwiftPublish { identity, archive, manifests, facts, stored_facts, .. } = &self.publish;
        let name = format!("{}-{}.zip", identity.name, facts.version);
        let mut files: Vec<FileRow> = vec![archive.digests.file(name, ARCHIVE_TYPE)];
        for (manifest, (digests, _)) in facts.manifests.iter().zip(manifests) {
            files.push(digests.file(manifest.file.clone(), MANIFEST_TYPE));
        }
        VersionRow {
            version: facts.version.key(),
            status: VersionStatus::Live,
            published_at: now,
            publisher: self.publisher.clone(),
            deprecated: None,
            files,
            size: 0,
            file_count: 0,
            complete: true,
            hidden: false,
            fetched: None,
            facts: stored_facts.clone(),
        }
    }

    /// Holds the bytes. Manifests of one release may be the same.
    fn hold_files(&self, row: &VersionRow, now: Timestamp, transaction: &mut Transaction) -> Result<u64> {
        let mut blobs = std::collections::BTreeMap::new();
        for file in &row.files {
            *blobs.entry(file.sha256).or_insert(0) += 1;
        }
        for (digest, files) in blobs {
            transaction.hold_blob("blob", digest, files, now);
        }
        if let Some(archive) = row.files.first() {
            hint_holder(transaction, &self.owner, &self.package, &row.version, archive, now)?;
        }
        Ok(row.files.iter().map(|file| file.size).sum())
    }
}

impl HeadEdit for PublishEdit {
    fn action(&self) -> &'static str {
        "package.publish"
    }

    fn detail(&self) -> String {
        format!("@{}", self.publish.facts.version)
    }

    async fn apply(
        &mut self,
        head: Option<HeadRow>,
        now: Timestamp,
        transaction: &mut Transaction,
    ) -> Result<Step> {
        let row = self.version_row(now);
        // First, so that of several reasons to refuse this one is reported: the release exists.
        transaction.put_new("version", &Key::Version(self.package.clone(), row.version.clone()), &row)?;
        let bytes = self.hold_files(&row, now, transaction)?;
        let mut head = count_version(transaction, &self.package, bytes, self.quota, head, now);
        if head.name.is_empty() {
            head.name = self.publish.identity.to_string();
        }
        self.first_identity = Some(head.name.parse()?);
        for source in &self.publish.sources {
            let key =
                Key::SwiftSource(self.package.repo.clone(), source.to_string(), self.package.name.clone());
            let row = SwiftSourceRow { identity: head.name.clone(), repo_uid: self.repo_uid.clone() };
            transaction.put("source", &key, &row)?;
        }
        head.publisher.clone_from(&self.publisher);
        let latest = head.latest().and_then(|text| text.parse::<SwiftVersion>().ok());
        if latest.is_none_or(|latest| latest < self.publish.facts.version) {
            show_latest(&mut head, Some(&self.publish.facts));
        }
        Ok(Step::Write(head))
    }

    fn refused(&mut self, refusal: Refusal) -> Result<Applied> {
        let SwiftPublish { identity, archive, facts, .. } = &self.publish;
        match refusal.label {
            "version" => {
                let existing: Option<VersionRow> = refusal.existing()?;
                let Some(existing) = existing else {
                    return Err(Error::Unavailable("the release was being changed; try again".into()));
                };
                if is_published(&existing, &facts.version, archive.digests.sha256)? {
                    self.again = true;
                    return Ok(Applied::Unchanged);
                }
                Err(exists(&existing, identity, &facts.version))
            }
            label => Err(refused_publish(label, &self.package, self.quota)),
        }
    }
}

/// Shows in the head what the release of the highest precedence says of itself; `None`: there is none.
pub(super) fn show_latest(head: &mut HeadRow, latest: Option<&SwiftFacts>) {
    let Some(facts) = latest else {
        head.tags.remove("latest");
        head.source_urls.clear();
        head.description = None;
        return;
    };
    head.tags.insert("latest".into(), facts.version.to_string());
    head.source_urls = facts.source_urls();
    head.description = facts.description().map(listed_description);
}
