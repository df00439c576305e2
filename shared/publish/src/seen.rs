//! A package's head as one reader sees it: of versions that a reader does not get, neither tag nor description nor
//! number gives anything away.

use std::marker::PhantomData;
use std::sync::Arc;

use bytes::Bytes;
use granary_model::{Error, Result};
use granary_storage::Storage;
use granary_storage::rows::{HeadRow, VersionRow};
use serde::{Deserialize, Serialize};

use crate::compress::{gunzip, gzip};
use crate::documents::{DocumentCache, Renderer, Source};

/// How the head of a package follows from its versions: the rule of one protocol.
pub trait Showing: Send + Sync + 'static {
    /// The versions of which the reader sees something, deleted ones included where the protocol lists them.
    fn listed(storage: &Storage, source: &Source) -> impl Future<Output = Result<Vec<VersionRow>>> + Send {
        source.versions(storage)
    }

    /// Makes tags and texts of a head those of these versions, whatever others it was of. Versions are counted
    /// elsewhere. Doing it twice changes nothing.
    fn show(head: &mut HeadRow, rows: &[VersionRow]) -> Result<()>;
}

/// The head as the reader of the source sees it, who gets these versions. Whoever gets all of the package sees the head
/// itself; a customer learns nothing about the people behind it.
pub fn seen_head<S: Showing>(source: &Source, rows: &[VersionRow]) -> Result<HeadRow> {
    let mut head = HeadRow::clone(&source.head);
    if shows_all(source) {
        return Ok(head);
    }
    let count = |fits: fn(&VersionRow) -> bool| rows.iter().filter(|row| fits(row)).count() as u64;
    head.versions = count(VersionRow::is_live);
    head.complete = count(|row| row.is_live() && row.complete);
    if source.grants.is_some() {
        head.publisher.clear();
        head.maintainers.clear();
        head.granted.clear();
    }
    S::show(&mut head, rows)?;
    Ok(head)
}

/// Whether a head is as its reader sees it. That of a package from an upstream is: it is made by whoever fetches it.
fn shows_all(source: &Source) -> bool {
    source.grants.is_none() && (source.head.quarantine.is_empty() || source.head.upstream.is_some())
}

/// The source with its head as the reader sees it.
///
/// `None` if the reader sees no version of the package, which then has to be answered like one that is not there. For
/// whoever gets all of it nothing is read, and nothing changes.
///
/// It is kept in memory by revision and grants, as documents are: only the first reader waits for the versions.
pub async fn seen<S: Showing>(
    documents: &DocumentCache,
    storage: &Storage,
    source: Source,
) -> Result<Option<Source>> {
    if shows_all(&source) {
        return Ok(Some(source));
    }
    let heads = Heads::<S>(PhantomData);
    let head = documents.decoded(storage, &source, VARIANT, &heads, |document| {
        let seen: Seen = serde_json::from_slice(&gunzip(&document.gzip)?)
            .map_err(|e| Error::internal("reading what a reader sees", e))?;
        Ok((seen.listed > 0).then(|| Arc::new(seen.head)))
    });
    let head = Option::clone(&*head.await?);
    Ok(head.map(|head| Source { head, ..source }))
}

/// Name of the variant.
const VARIANT: &str = "h";

/// What is kept.
#[derive(Serialize, Deserialize)]
struct Seen {
    head: HeadRow,
    /// Versions of which the reader sees something.
    listed: usize,
}

/// Makes it.
struct Heads<S>(PhantomData<S>);

impl<S: Showing> Renderer for Heads<S> {
    fn variants(&self) -> Vec<String> {
        vec![VARIANT.into()]
    }

    async fn render(&self, storage: &Storage, source: &Source) -> Result<Vec<Bytes>> {
        let (storage, source) = (storage.clone(), source.clone());
        let rows = S::listed(&storage, &source).await?;
        // What is known of thousands of versions may have to be unpacked: not on a thread that serves other requests.
        let seen = tokio::task::spawn_blocking(move || {
            let seen = Seen { head: seen_head::<S>(&source, &rows)?, listed: rows.len() };
            let text =
                serde_json::to_vec(&seen).map_err(|e| Error::internal("keeping what a reader sees", e))?;
            gzip(&text)
        });
        let seen = seen.await.map_err(|e| Error::internal("keeping what a reader sees", e))??;
        Ok(vec![seen.into()])
    }
}
