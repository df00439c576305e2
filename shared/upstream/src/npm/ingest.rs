//! A document of an upstream on its way into the repository: read, compared with what is known, rendered, kept.

use std::collections::BTreeSet;

use bytes::Bytes;
use granary_model::npm::NpmName;
use granary_model::{Error, Result, Timestamp};
use granary_publish::npm::foreign::{Changed, ForeignIndex, ForeignPackument, merge, show, stored};
use granary_publish::npm::packument::Packuments;
use granary_publish::policy::Policy;
use granary_publish::{Renderer as _, Source};
use granary_storage::rows::{HeadRow, RepoRow, UpstreamHead, UpstreamRow, VersionRow};
use granary_storage::{Key, PackageKey};

use crate::net::{Failure, Fetched};
use crate::standing::{note, note_removed};
use crate::{Work, source_of};

/// A document that is read and can be kept.
pub(super) struct Draft {
    /// The package as it will be.
    pub(super) source: Source,
    /// The upstream's document, gzip'd.
    text: Bytes,
    index: ForeignIndex,
    /// Both forms for clients.
    documents: Vec<Bytes>,
    /// Versions of which other bytes are promised than before.
    pub(super) changed: Vec<Changed>,
}

/// What a draft is made of.
pub(super) struct Material<'a> {
    pub(super) repo: &'a RepoRow,
    pub(super) row: &'a UpstreamRow,
    pub(super) package: &'a PackageKey,
    pub(super) name: &'a NpmName,
    /// The head as it is.
    pub(super) before: Option<&'a HeadRow>,
    /// The document that it speaks of, if it comes from the same upstream.
    pub(super) known: Option<Bytes>,
    /// Versions that are not let in, although the document has them.
    pub(super) without: BTreeSet<String>,
}

impl Work<'_> {
    /// Reads a document.
    ///
    /// # Errors
    /// `Wrong` in the inner result for a document that cannot be used.
    pub(super) async fn draft(
        &self,
        material: Material<'_>,
        fetched: Fetched,
    ) -> Result<Result<Draft, Failure>> {
        let Material { repo, row, package, name, before, known, without } = material;
        let head = new_head(self, row, name, before, &fetched);
        let source = source_of(repo, row, package, HeadRow { repo_uid: repo.uid.clone(), ..head });
        let (renderer, name, now) = (self.packuments.clone(), name.clone(), self.now);
        let read = move || read(&renderer, source, &name, (fetched, known, without), now);
        match self.upstreams.turns.run(read).await? {
            Ok(draft) => Ok(Ok(draft)),
            Err(Error::Unprocessable(why)) => Ok(Err(Failure::Wrong(why))),
            Err(error) => Err(error),
        }
    }

    /// Versions that were removed and are back, with other bytes than those that are kept of them.
    pub(super) async fn back_as_others(&self, before: &HeadRow, draft: &Draft) -> Result<BTreeSet<String>> {
        let mut others = BTreeSet::new();
        let removed = before.upstream.iter().flat_map(|upstream| &upstream.removed);
        for one in removed.filter_map(|version| draft.index.get(version)) {
            let version = one.version.to_string();
            let key = Key::Version(draft.source.package.clone(), version.clone());
            let row: Option<VersionRow> = self.storage.get(&key).await?;
            let file =
                row.as_ref().filter(|row| draft.source.head.has(row)).and_then(|row| row.files.first());
            if file.is_some_and(|file| !one.expected.is_met_by(file)) {
                others.insert(version);
            }
        }
        Ok(others)
    }

    /// Stores the upstream's document; the head comes after it.
    pub(super) async fn store_text(&self, draft: &Draft) -> Result<()> {
        self.storage.put_document(&stored::object(&draft.source)?, draft.text.clone()).await
    }

    /// Keeps what has been rendered, once the head is committed.
    pub(super) async fn keep(&self, draft: Draft) -> Result<Source> {
        let Draft { source, index, documents, .. } = draft;
        stored::keep_index(self.documents, &source, index)?;
        let variants = self.packuments.variants();
        for (variant, gzip) in variants.iter().zip(&documents) {
            self.documents.keep_document(&source, variant, gzip.clone());
        }
        let puts = variants.iter().zip(documents).map(|(variant, gzip)| {
            let object = source.object(variant);
            async move { self.storage.put_document(&object, gzip).await }
        });
        for put in futures::future::join_all(puts).await {
            // Whoever misses one makes it again.
            if let Err(error) = put {
                tracing::warn!(%error, "a document could not be stored");
            }
        }
        Ok(source)
    }
}

/// The head that a document makes, but for what is read in it.
fn new_head(
    work: &Work<'_>,
    row: &UpstreamRow,
    name: &NpmName,
    before: Option<&HeadRow>,
    fetched: &Fetched,
) -> HeadRow {
    let now = work.now.millis();
    let mut head = before.cloned().unwrap_or_default();
    let known = head.upstream.take().filter(|upstream| upstream.uid == row.uid);
    head.rev += 1;
    head.name = name.to_string();
    head.free = false;
    head.created_at = if before.is_some() { head.created_at } else { now };
    head.modified_at = now.max(head.modified_at + i64::from(before.is_some()));
    head.publisher = row.name.to_string();
    head.upstream = Some(Box::new(UpstreamHead {
        name: row.name.clone(),
        uid: row.uid.clone(),
        checked_at: now,
        fetched_at: now,
        document: work.ids.next(work.now),
        etag: fetched.validators.etag.clone(),
        last_modified: fetched.validators.last_modified.clone(),
        failing: None,
        gone: false,
        removed: known.map(|known| known.removed).unwrap_or_default(),
        as_of: now,
        next_at: None,
        policy: String::new(),
    }));
    head
}

fn read(
    renderer: &Packuments,
    mut source: Source,
    name: &NpmName,
    (fetched, known, without): (Fetched, Option<Bytes>, BTreeSet<String>),
    now: Timestamp,
) -> Result<Draft> {
    let plain = fetched.plain(stored::MAX_PLAIN)?;
    let mut packument = ForeignPackument::read(&plain, name, now)?;
    let known = known.as_ref().and_then(|text| ForeignPackument::read(text, name, now).ok());
    let merged = merge(&packument, known.as_ref(), &without);
    let text = if let Some(text) = &merged.text {
        packument = ForeignPackument::read(text.as_bytes(), name, now)?;
        Bytes::from(stored::pack(text.as_bytes())?)
    } else if fetched.gzip {
        fetched.bytes
    } else {
        Bytes::from(stored::pack(&plain)?)
    };
    let policy = source.policy.clone().ok_or_else(|| Error::internal("reading a document", "no rules"))?;
    let mut head = HeadRow::clone(&source.head);
    note(&mut head, |upstream| {
        note_removed(upstream, merged.removed, |version| packument.index.get(version).is_some());
    });
    if let Some(created) = packument.index.created {
        head.created_at = created.millis();
    }
    show(&mut head, &packument, &policy, now);
    source.head = head.into();
    let documents = renderer.foreign_documents(&source, &packument)?;
    let index = packument.index;
    Ok(Draft { source, text, index, documents, changed: merged.changed })
}

/// The head and documents once more, of the same document of the upstream: because versions are older now, or rules are others.
pub(super) fn shown_again(
    renderer: &Packuments,
    mut source: Source,
    (text, name): (&[u8], &NpmName),
    policy: &Policy,
    now: Timestamp,
) -> Result<Draft> {
    let at = source.head.upstream.as_ref().map_or(0, |upstream| upstream.fetched_at);
    let packument = ForeignPackument::read(text, name, Timestamp::from_millis(at))?;
    let mut head = HeadRow::clone(&source.head);
    show(&mut head, &packument, policy, now);
    source.head = head.into();
    let documents = renderer.foreign_documents(&source, &packument)?;
    Ok(Draft { source, text: Bytes::new(), index: packument.index, documents, changed: Vec::new() })
}
