//! Publishing a version of a Composer package.
//!
//! ```text
//! ComposerPublish::of_spool(name, version, spool, digests)   the bytes are here: checked, then stored by commit
//! ComposerPublish::of_stored(name, version, reader, digests) the bytes are stored and claimed by the caller already
//!     .commit(target, now, quota, hidden, extra)             one transaction; extra: the caller's own rows
//! declare::declare_package(target, now, declaration, extra)  a head without versions, or other settings of one
//! declare::hide_version(target, now, version, hidden, extra)
//! withdraw::bury_version(target, now, version, extra)        a tombstone for ever
//! withdraw::bury_package(target, now, extra)                 all versions, and the number of the package
//! ```

use std::io::{Read, Seek};

use granary_model::composer::{ComposerName, ComposerVersion};
use granary_model::{Error, Result, Timestamp};
use granary_storage::rows::{HeadRow, VersionRow, VersionStatus};
use granary_storage::transaction::Refusal;
use granary_storage::{Key, PackageKey, Storage, Transaction};

use super::archive::{PackageArchive, PackageLimits};
use super::extra::{Extra, PREFIX, add_rows, check_head, lent, refused_row};
use super::facts::ComposerFacts;
use super::manifest::{check_manifest, identity};
use super::showing::{rank, show_latest};
use crate::digests::Digests;
use crate::files::{hint_holder, store_bytes};
use crate::head_edit::{Applied, HeadEdit, Step, Target, count_version, edit_head, refused_publish};
use crate::spool::Spool;

/// Media type of an archive.
pub const ARCHIVE_TYPE: &str = "application/zip";

/// A version that has been checked and can be committed.
#[derive(Debug)]
pub struct ComposerPublish {
    name: ComposerName,
    version: ComposerVersion,
    digests: Digests,
    /// The bytes; `None` if they are stored and claimed already.
    bytes: Option<Spool>,
    facts: ComposerFacts,
    stored_facts: Vec<u8>,
}

/// What became of a publish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Published {
    /// The version is new.
    New,
    /// The very same bytes had been published as this version already: a retry. The caller's own rows are written.
    Again,
}

impl ComposerPublish {
    /// Checks an archive that is at hand. Its `composer.json` must be of this package, and of this version if it names
    /// one.
    ///
    /// # Errors
    /// `Unprocessable` for an archive that cannot be taken, `BadRequest` for a `composer.json` that does not fit,
    /// `TooLarge` for one that is too large. Nothing has been stored then.
    pub async fn of_spool(
        name: ComposerName,
        version: ComposerVersion,
        spool: Spool,
        digests: Digests,
    ) -> Result<Self> {
        Self::of_spool_as(Some(name), Some(version), spool, digests).await
    }

    /// The same where the `composer.json` may say what is published.
    ///
    /// # Errors
    /// As [`Self::of_spool`], and `BadRequest` if nobody says the name or the version.
    pub async fn of_spool_as(
        name: Option<ComposerName>,
        version: Option<ComposerVersion>,
        spool: Spool,
        digests: Digests,
    ) -> Result<Self> {
        let reading = tokio::task::spawn_blocking(move || {
            let checked = Self::of_stored_as(name, version, &mut spool.reader(), digests)?;
            Ok(Self { bytes: Some(spool), ..checked })
        });
        reading.await.map_err(|e| Error::internal("reading the archive", e))?
    }

    /// The same for an archive whose bytes have to be stored and claimed before [`Self::commit`]. Only for a thread that
    /// may wait.
    ///
    /// # Errors
    /// As [`Self::of_spool`].
    pub fn of_stored<R: Read + Seek>(
        name: ComposerName,
        version: ComposerVersion,
        reader: &mut R,
        digests: Digests,
    ) -> Result<Self> {
        Self::of_stored_as(Some(name), Some(version), reader, digests)
    }

    /// The same where the `composer.json` may say what is published. Only for a thread that may wait.
    ///
    /// # Errors
    /// As [`Self::of_spool_as`].
    pub fn of_stored_as<R: Read + Seek>(
        name: Option<ComposerName>,
        version: Option<ComposerVersion>,
        reader: &mut R,
        digests: Digests,
    ) -> Result<Self> {
        let archive = PackageArchive::read(reader, &PackageLimits::default())?;
        let (name, version) = identity(&archive.manifest, name, version)?;
        let manifest = check_manifest(&archive.manifest, &name, &version)?;
        let facts = ComposerFacts { version: version.pretty().to_owned(), manifest };
        let stored_facts = facts.to_row()?;
        Ok(Self { name, version, digests, bytes: None, facts, stored_facts })
    }

    /// The package.
    pub fn name(&self) -> &ComposerName {
        &self.name
    }

    /// The version.
    pub fn version(&self) -> &ComposerVersion {
        &self.version
    }

    /// The digests of the archive.
    pub fn digests(&self) -> &Digests {
        &self.digests
    }

    /// Stores the bytes, then commits the version: with it the head, and the caller's own rows. The target's package is
    /// that of the name.
    ///
    /// # Errors
    /// `Conflict` if the version exists with other bytes or has been deleted, `Forbidden` over the quota, and what
    /// `extra` makes of its own rows.
    pub async fn commit(
        self,
        target: Target<'_>,
        now: Timestamp,
        quota: Option<u64>,
        hidden: bool,
        mut extra: Option<&mut dyn Extra>,
    ) -> Result<Published> {
        if let Some(bytes) = &self.bytes {
            store_bytes(target.storage, bytes, self.digests.sha256, now).await?;
        }
        let mut edit = PublishEdit {
            storage: target.storage,
            publisher: target.principal.display_name(),
            package: target.package.clone(),
            owner: target.repo.owner(),
            quota,
            hidden,
            again: false,
            extra: lent(&mut extra),
            publish: self,
        };
        match edit_head(target.clone(), now, &mut edit).await? {
            Applied::Changed(_) => return Ok(Published::New),
            Applied::Unchanged if !edit.again => {
                return Err(Error::internal("publishing", "nothing was changed"));
            }
            Applied::Unchanged => {}
        }
        if edit.extra.is_some() {
            edit_head(target, now, &mut edit).await?;
        }
        Ok(Published::Again)
    }
}

struct PublishEdit<'a> {
    storage: &'a Storage,
    publish: ComposerPublish,
    package: PackageKey,
    owner: String,
    publisher: String,
    quota: Option<u64>,
    hidden: bool,
    /// Whether the version turned out to be published already with the same bytes.
    again: bool,
    extra: Option<&'a mut dyn Extra>,
}

impl PublishEdit<'_> {
    fn version_row(&self, now: Timestamp) -> VersionRow {
        let ComposerPublish { name, version, digests, stored_facts, .. } = &self.publish;
        let file =
            format!("{}-{}.zip", name.as_str().replace('/', "-"), version.normalized().replace('/', "-"));
        VersionRow {
            version: version.normalized().to_owned(),
            status: VersionStatus::Live,
            published_at: now,
            publisher: self.publisher.clone(),
            deprecated: None,
            files: vec![digests.file(file, ARCHIVE_TYPE)],
            size: 0,
            file_count: 0,
            complete: true,
            hidden: self.hidden,
            fetched: None,
            facts: stored_facts.clone(),
        }
    }

    /// Writes the caller's rows for a version that is there with the same bytes.
    async fn adopt(&mut self, head: Option<HeadRow>, transaction: &mut Transaction) -> Result<Step> {
        let key = Key::Version(self.package.clone(), self.publish.version.normalized().to_owned());
        // Read again: it may have been deleted since. If it is deleted from now on, the head moves.
        let row: Option<VersionRow> = self.storage.get(&key).await?;
        let (Some(head), Some(row)) = (head, row) else {
            return Err(Error::Unavailable("the package is being changed; try again".into()));
        };
        if !self.is_same(&row) {
            return Err(self.exists(&row));
        }
        transaction.put("version", &key, &VersionRow { hidden: self.hidden, ..row })?;
        add_rows(&mut self.extra, transaction)?;
        Ok(Step::Write(head))
    }

    fn is_same(&self, row: &VersionRow) -> bool {
        let file = row.files.first();
        row.is_live() && file.is_some_and(|file| file.sha512 == self.publish.digests.sha512)
    }

    fn exists(&self, row: &VersionRow) -> Error {
        let ComposerPublish { name, version, .. } = &self.publish;
        let pretty = version.pretty();
        Error::Conflict(match row.status {
            VersionStatus::Tombstone => format!(
                "version {pretty} of {name} was deleted, and a deleted version can never be published again; choose a \
                 new version"
            ),
            VersionStatus::Live => format!(
                "version {pretty} of {name} exists with other bytes, and a version never changes; choose a new version"
            ),
        })
    }
}

impl HeadEdit for PublishEdit<'_> {
    fn action(&self) -> &'static str {
        "package.publish"
    }

    fn detail(&self) -> String {
        format!("@{}", self.publish.version.pretty())
    }

    async fn apply(
        &mut self,
        head: Option<HeadRow>,
        now: Timestamp,
        transaction: &mut Transaction,
    ) -> Result<Step> {
        check_head(&mut self.extra, head.as_ref())?;
        if self.again {
            return self.adopt(head, transaction).await;
        }
        let row = self.version_row(now);
        // First, so that of several reasons to refuse this one is reported: the version exists.
        transaction.put_new("version", &Key::Version(self.package.clone(), row.version.clone()), &row)?;
        for file in &row.files {
            transaction.hold_blob("blob", file.sha256, 1, now);
            hint_holder(transaction, &self.owner, &self.package, &row.version, file, now)?;
        }
        let size = self.publish.digests.size;
        let mut head = count_version(transaction, &self.package, size, self.quota, head, now);
        head.name = self.publish.name.to_string();
        head.publisher.clone_from(&self.publisher);
        let version = &self.publish.version;
        let latest = head.latest().and_then(|text| text.parse::<ComposerVersion>().ok());
        if latest.is_none_or(|latest| rank(&latest) < rank(version)) {
            show_latest(&mut head, &self.publish.facts);
        }
        add_rows(&mut self.extra, transaction)?;
        Ok(Step::Write(head))
    }

    fn refused(&mut self, refusal: Refusal) -> Result<Applied> {
        match refusal.label {
            "version" => {
                let existing: Option<VersionRow> = refusal.existing()?;
                let Some(existing) = existing else {
                    return Err(Error::Unavailable("the version was being changed; try again".into()));
                };
                if !self.is_same(&existing) {
                    return Err(self.exists(&existing));
                }
                self.again = true;
                Ok(Applied::Unchanged)
            }
            label if label.starts_with(PREFIX) => Err(refused_row(&mut self.extra, label)),
            label => Err(refused_publish(label, &self.package, self.quota)),
        }
    }
}
