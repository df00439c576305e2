//! Publishing an npm version.

use std::collections::BTreeMap;

use granary_model::kmp::is_pre_release;
use granary_model::npm::{DistTag, NpmName, NpmVersion};
use granary_model::{Error, Result, Sha256, Timestamp};
use granary_storage::rows::{HeadRow, ReadmeRow, VersionRow, VersionStatus};
use granary_storage::transaction::Refusal;
use granary_storage::{Key, PackageKey, Storage, Transaction, Upload};
use serde_json::{Map, Value};

use super::body::{Content, PublishBody};
use super::facts::NpmFacts;
use super::manifest::{check_manifest, packed_identity, stored_manifest};
use super::provenance::Provenance;
use super::summary::{Summary, check_tags};
use super::tarball::{TarballFacts, inspect_spool};
use crate::compress::gzip;
use crate::digests::Digests;
use crate::files::{hint_holder, store_bytes};
use crate::head_edit::{
    Applied, HeadEdit, Step, Target, being_removed, count_version, current_head, edit_head, refused_publish,
};
use crate::spool::Spool;

/// A version that has been checked and can be committed.
#[derive(Debug)]
pub struct NpmPublish {
    name: NpmName,
    version: NpmVersion,
    tags: Vec<DistTag>,
    /// Whether tags never leave a higher version.
    forward_only: bool,
    tarball: Tarball,
    provenance: Option<Provenance>,
    /// The facts as the row holds them.
    facts: Vec<u8>,
    summary: Summary,
    readme: Option<String>,
}

/// The tarball of a version.
#[derive(Debug)]
struct Tarball {
    digests: Digests,
    /// Its bytes; `None` if they are stored and claimed already.
    bytes: Option<Spool>,
}

/// What became of a publish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Published {
    /// The version is new.
    New,
    /// The very same bytes had been published as this version already: a retry.
    Again,
}

impl NpmPublish {
    /// Checks a publish body against the name in its path, and its tarball against both.
    ///
    /// # Errors
    /// `BadRequest` that names what does not fit. Nothing has been stored then.
    pub async fn check(name: NpmName, body: PublishBody) -> Result<Self> {
        if body.metadata.get("name").and_then(Value::as_str) != Some(name.as_str()) {
            return Err(Error::BadRequest(format!(
                "the body is not about the package '{name}' that the path names"
            )));
        }
        let (version, submitted) = only_version(&body.metadata, &name)?;
        let tags = tags(&body.metadata, &version)?;
        let (tarball, bundle, declared) = attachments(body.attachments)?;
        if declared.is_some_and(|length| length != tarball.1.size) {
            return Err(Error::BadRequest(format!(
                "the attachment says it has {} bytes but has {}",
                declared.unwrap_or(0),
                tarball.1.size
            )));
        }
        check_dist(submitted.get("dist"), &tarball.1)?;
        let provenance =
            bundle.map(|text| Provenance::check(text, &name, &version, &tarball.1)).transpose()?;
        let (spool, digests) = tarball;
        let (facts, spool) = inspect_spool(spool).await?;
        check_manifest(&facts, &name, &version)?;
        let manifest = stored_manifest(&facts, &submitted);
        let readme = facts.readme.clone().or_else(|| submitted_readme(&submitted, &body.metadata));
        Ok(Self {
            summary: Summary::of(&manifest),
            facts: NpmFacts::new(&manifest, &facts, provenance.as_ref().map(|p| p.predicate.clone()))?
                .to_row()?,
            readme,
            name,
            version,
            tags,
            forward_only: false,
            tarball: Tarball { digests, bytes: Some(spool) },
            provenance,
        })
    }

    /// A version from its tarball alone, whose bytes have to be stored and claimed before [`Self::commit`].
    /// Name and version are those of its `package.json`; where the caller knows them, they must be the same. Without tags it
    /// moves none.
    ///
    /// # Errors
    /// `BadRequest` that names what does not fit, `TooLarge` for a manifest that is too large.
    pub fn of_tarball(
        facts: &TarballFacts,
        digests: Digests,
        name: Option<NpmName>,
        version: Option<NpmVersion>,
        tags: Vec<DistTag>,
    ) -> Result<Self> {
        let (packed_name, packed_version) = packed_identity(facts)?;
        let (name, version) = (name.unwrap_or(packed_name), version.unwrap_or(packed_version));
        check_manifest(facts, &name, &version)?;
        let manifest = stored_manifest(facts, &Map::new());
        Ok(Self {
            summary: Summary::of(&manifest),
            facts: NpmFacts::new(&manifest, facts, None)?.to_row()?,
            readme: facts.readme.clone(),
            name,
            version,
            tags,
            forward_only: false,
            tarball: Tarball { digests, bytes: None },
            provenance: None,
        })
    }

    /// Has its tags never leave a higher version for this one, whenever that was published: nobody has asked for it, and
    /// builds end in any order. `latest` leaves a pre-release all the same, which had it for want of a stable version.
    #[must_use]
    pub fn forward_only(self) -> Self {
        Self { forward_only: true, ..self }
    }

    /// The package.
    pub fn name(&self) -> &NpmName {
        &self.name
    }

    /// The version.
    pub fn version(&self) -> &NpmVersion {
        &self.version
    }

    /// Stores the bytes, then commits the version. Bytes come first: a version is visible only once they
    /// are durable.
    ///
    /// # Errors
    /// `Conflict` if the version exists with other bytes or has been deleted, `BadRequest` for more tags
    /// than a package can have.
    pub async fn commit(self, target: Target<'_>, now: Timestamp, quota: Option<u64>) -> Result<Published> {
        let storage = target.storage;
        if let Some(head) = &target.head {
            check_tags(&head.tags, &self.tags)?;
        }
        self.store(storage, now).await?;
        let mut edit = self.edit(&target, quota);
        let (package, repo) = (target.package.clone(), target.repo);
        match edit_head(target, now, &mut edit).await? {
            Applied::Changed(_) => Ok(Published::New),
            Applied::Unchanged if edit.again => {
                if edit.publish.tags.iter().any(|tag| !tag.is_latest()) {
                    let head = current_head(storage, &package, repo).await?.unwrap_or_default();
                    edit.publish.check_tags_moved(&head)?;
                }
                Ok(Published::Again)
            }
            Applied::Unchanged => Err(Error::internal("publishing", "nothing was changed")),
        }
    }
}

impl NpmPublish {
    /// Stores whatever bytes are not stored yet.
    pub(crate) async fn store(&self, storage: &Storage, now: Timestamp) -> Result<()> {
        if let Some(bytes) = &self.tarball.bytes {
            store_bytes(storage, bytes, self.tarball.digests.sha256, now).await?;
        }
        if let Some(provenance) = &self.provenance {
            storage.claim_blob(provenance.digests.sha256, now).await?;
            let bytes = Upload::Memory(provenance.bundle.clone().into());
            storage.put_blob(provenance.digests.sha256, &bytes).await?;
        }
        Ok(())
    }

    /// SHA-256 of the tarball.
    pub(crate) fn checksum(&self) -> Sha256 {
        self.tarball.digests.sha256
    }

    /// The change of the package.
    pub(crate) fn edit(self, target: &Target<'_>, quota: Option<u64>) -> PublishEdit {
        PublishEdit {
            publisher: target.principal.display_name(),
            user: target.principal.user().cloned(),
            package: target.package.clone(),
            owner: target.repo.owner(),
            tags_before: target.head.as_ref().map(|head| head.tags.clone()).unwrap_or_default(),
            quota,
            again: false,
            publish: self,
        }
    }

    /// Whether the tags of a repeated publish are where it wanted them. A retry finds them so; somebody who
    /// means to tag an old version with a publish must learn that it was not done. `latest` may have moved on
    /// with a later version since.
    fn check_tags_moved(&self, head: &HeadRow) -> Result<()> {
        let elsewhere = |tag: &&DistTag| {
            !tag.is_latest() && head.tags.get(tag.as_str()).map(String::as_str) != Some(self.version.as_str())
        };
        match self.tags.iter().find(elsewhere) {
            None => Ok(()),
            Some(tag) => Err(Error::Conflict(format!(
                "You cannot publish over the previously published versions: {0}. To tag it, use \
                 `npm dist-tag add {1}@{0} {tag}`.",
                self.version, self.name
            ))),
        }
    }
}

/// The change of a package that a publish is.
pub(crate) struct PublishEdit {
    publish: NpmPublish,
    package: PackageKey,
    owner: String,
    publisher: String,
    user: Option<granary_model::UserId>,
    tags_before: BTreeMap<String, String>,
    quota: Option<u64>,
    /// Whether the very same version turned out to be there.
    pub(crate) again: bool,
}

impl PublishEdit {
    fn version_row(&self, now: Timestamp) -> VersionRow {
        let publish = &self.publish;
        let tarball = publish.name.tarball_file(&publish.version);
        let mut files = vec![publish.tarball.digests.file(tarball, "application/octet-stream")];
        if let Some(provenance) = &publish.provenance {
            let name = format!("{}-{}.sigstore", publish.name.base(), publish.version);
            files.push(provenance.digests.file(name, "application/json"));
        }
        VersionRow {
            version: publish.version.to_string(),
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
            facts: publish.facts.clone(),
        }
    }

    /// Whether a tag leaves a version for a lower one: the first pre-release has got `latest` for want of another.
    fn yields(&self, tag: &DistTag, other: &NpmVersion) -> bool {
        self.publish.forward_only && tag.is_latest() && is_pre_release(other.as_str())
    }

    /// Moves the tags. Two publishes that race for one tag leave it on the higher version, in whichever
    /// order they commit; without a race a tag goes where the publisher says, even back, unless the publish is
    /// [`NpmPublish::forward_only`].
    fn move_tags(&self, head: &mut HeadRow) {
        let version = &self.publish.version;
        for tag in &self.publish.tags {
            let now = head.tags.get(tag.as_str());
            let raced = now != self.tags_before.get(tag.as_str());
            let other = now.and_then(|text| text.parse::<NpmVersion>().ok());
            let higher = other.is_some_and(|other| other > *version && !self.yields(tag, &other));
            if !((raced || self.publish.forward_only) && higher) {
                head.tags.insert(tag.to_string(), version.to_string());
            }
        }
        // `npm install name` needs a latest, so the first version gets it whatever its tag.
        head.tags.entry("latest".into()).or_insert_with(|| version.to_string());
        if head.latest() == Some(version.as_str()) {
            self.publish.summary.show_in(head);
        }
    }
}

impl HeadEdit for PublishEdit {
    fn action(&self) -> &'static str {
        "package.publish"
    }

    fn detail(&self) -> String {
        format!("@{}", self.publish.version)
    }

    async fn apply(
        &mut self,
        head: Option<HeadRow>,
        now: Timestamp,
        transaction: &mut Transaction,
    ) -> Result<Step> {
        let row = self.version_row(now);
        // First, so that of several reasons to refuse this one is reported: the version exists.
        transaction.put_new("version", &Key::Version(self.package.clone(), row.version.clone()), &row)?;
        if let Some(readme) = &self.publish.readme {
            let text = gzip(readme.as_bytes())?;
            transaction.put(
                "readme",
                &Key::Readme(self.package.clone(), row.version.clone()),
                &ReadmeRow { text },
            )?;
        }
        let bytes: u64 = row.files.iter().map(|file| file.size).sum();
        for file in &row.files {
            transaction.hold_blob("blob", file.sha256, 1, now);
            hint_holder(transaction, &self.owner, &self.package, &row.version, file, now)?;
        }
        let is_first = head.as_ref().is_none_or(|head| head.versions == 0);
        let mut head = count_version(transaction, &self.package, bytes, self.quota, head, now);
        if head.rev > 0 && head.name != self.publish.name.as_str() {
            return Err(Error::Conflict(format!(
                "the package '{}' exists already, and '{}' differs from it only in case",
                head.name, self.publish.name
            )));
        }
        head.name = self.publish.name.to_string();
        if is_first {
            head.maintainers.extend(self.user.clone());
        }
        check_tags(&head.tags, &self.publish.tags)?;
        head.publisher.clone_from(&self.publisher);
        self.move_tags(&mut head);
        Ok(Step::Write(head))
    }

    fn refused(&mut self, refusal: Refusal) -> Result<Applied> {
        let (name, version) = (&self.publish.name, &self.publish.version);
        match refusal.label {
            "version" => {
                let existing: Option<VersionRow> = refusal.existing()?;
                let Some(existing) = existing else {
                    return Err(Error::Unavailable("the version was being changed; try again".into()));
                };
                if existing.fetched.is_some() {
                    return Err(being_removed(version.as_str()));
                }
                if existing.status == VersionStatus::Tombstone {
                    return Err(Error::Conflict(format!(
                        "You cannot publish over the previously published versions: {version}. It was unpublished, and \
                         an unpublished version of {name} can never be published again; choose a new version."
                    )));
                }
                if existing
                    .files
                    .first()
                    .is_some_and(|file| file.sha512 == self.publish.tarball.digests.sha512)
                {
                    self.again = true;
                    return Ok(Applied::Unchanged);
                }
                Err(Error::Conflict(format!(
                    "You cannot publish over the previously published versions: {version}."
                )))
            }
            label => Err(refused_publish(label, &self.package, self.quota)),
        }
    }
}

/// The one version of a publish body.
fn only_version(metadata: &Map<String, Value>, name: &NpmName) -> Result<(NpmVersion, Map<String, Value>)> {
    let versions = metadata.get("versions").and_then(Value::as_object);
    let mut entries = versions.into_iter().flatten();
    let (Some((key, manifest)), None) = (entries.next(), entries.next()) else {
        return Err(Error::BadRequest("a publish must carry exactly one version".into()));
    };
    let version: NpmVersion = key.parse()?;
    let Some(manifest) = manifest.as_object() else {
        return Err(Error::BadRequest(format!("the manifest of version {version} is not an object")));
    };
    if manifest.get("name").and_then(Value::as_str) != Some(name.as_str()) {
        return Err(Error::BadRequest(format!(
            "the manifest of version {version} is not of package '{name}'"
        )));
    }
    let same = manifest.get("version").and_then(Value::as_str).and_then(|text| text.parse().ok())
        == Some(version.clone());
    if !same {
        return Err(Error::BadRequest(format!("the manifest of version {version} has another version")));
    }
    Ok((version, manifest.clone()))
}

/// The tags a publish moves; `latest` if it names none.
fn tags(metadata: &Map<String, Value>, version: &NpmVersion) -> Result<Vec<DistTag>> {
    let mut tags = Vec::new();
    for (tag, value) in metadata.get("dist-tags").and_then(Value::as_object).into_iter().flatten() {
        let tag: DistTag = tag.parse()?;
        if value.as_str().and_then(|text| text.parse().ok()) != Some(version.clone()) {
            return Err(Error::BadRequest(format!(
                "the dist-tag '{tag}' does not name the published version {version}"
            )));
        }
        tags.push(tag);
    }
    if tags.is_empty() {
        tags.push(DistTag::latest());
    }
    check_tags(&BTreeMap::new(), &tags)?;
    Ok(tags)
}

type Taken = ((Spool, Digests), Option<String>, Option<u64>);

/// The tarball, and the provenance bundle if there is one.
fn attachments(attachments: Vec<super::body::Attachment>) -> Result<Taken> {
    let (mut tarball, mut bundle, mut declared) = (None, None, None);
    for attachment in attachments {
        let twice = match attachment.content {
            Content::Tarball(spool, digests) => {
                declared = attachment.declared_length;
                tarball.replace((spool, digests)).is_some()
            }
            Content::Bundle(text) => bundle.replace(text).is_some(),
        };
        if twice {
            return Err(Error::BadRequest(
                "a publish carries one tarball and at most one .sigstore bundle".into(),
            ));
        }
    }
    let tarball =
        tarball.ok_or_else(|| Error::BadRequest("the publish carries no tarball in _attachments".into()))?;
    Ok((tarball, bundle, declared))
}

/// Compares what the client says of its tarball with what arrived.
fn check_dist(dist: Option<&Value>, digests: &Digests) -> Result<()> {
    let said = |field: &str| dist.and_then(|dist| dist.get(field)).and_then(Value::as_str);
    if said("shasum").is_some_and(|text| !text.eq_ignore_ascii_case(&digests.sha1.to_string())) {
        return Err(Error::BadRequest("dist.shasum does not match the tarball that arrived".into()));
    }
    // Seed 004 writes `sha256-`, npm today `sha512-`; several may stand side by side.
    for hash in said("integrity").unwrap_or("").split_whitespace() {
        let (algorithm, value) = hash.split_once('-').unwrap_or((hash, ""));
        let value = value.split_once('?').map_or(value, |(value, _)| value);
        let ours = match algorithm {
            "sha512" => digests.sha512.base64(),
            "sha256" => digests.sha256.base64(),
            "sha1" => digests.sha1.base64(),
            _ => continue,
        };
        if ours != value {
            return Err(Error::BadRequest("dist.integrity does not match the tarball that arrived".into()));
        }
    }
    Ok(())
}

/// A readme that the client sends although the tarball has none: Yarn 4 sends it beside the version.
fn submitted_readme(submitted: &Map<String, Value>, metadata: &Map<String, Value>) -> Option<String> {
    let text = submitted.get("readme").or_else(|| metadata.get("readme"))?.as_str()?;
    // npm's own words for "there is none".
    if text.is_empty() || text.starts_with("ERROR: No README") {
        return None;
    }
    Some(text.chars().take(65_536).collect())
}
