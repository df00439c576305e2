//! Rendering index documents after a change, so that readers find them ready.

use std::sync::Arc;
use std::time::Duration;

use granary_http::AppState;
use granary_model::{Error, PackageType, Result};
use granary_publish::maven::metadata::ArtifactMetadata;
use granary_publish::pacing::Turn;
use granary_publish::raw::RawLists;
use granary_publish::{Renderer, Source, render_and_store, tell_later};
use granary_storage::rows::{HeadRow, OutboxRow};
use granary_storage::{Key, ObjectKey, PackageKey};

use crate::Progress;

/// Versions of a package whose documents a process that is alone leaves to their first reader: they are made in a few
/// milliseconds, and most revisions that CI publishes are never read before the next one comes. On AWS, where a
/// reader would wait for several calls, all are rendered ahead.
const SMALL: u64 = 32;

/// Renders the documents of the package's present revision unless they are there, and removes those of
/// revisions that nobody can still be reading. Twenty changes in a row are one rendering; those that come while the
/// package has its rest from the last one are one, after it.
pub(crate) async fn refresh(state: &AppState, row: &OutboxRow, package: &PackageKey) -> Result<Progress> {
    match state.pacing().turn(package, &row.id, state.now()) {
        Turn::Now => {}
        Turn::Shared => return Ok(Progress::Finished),
        Turn::After(millis) => {
            // The queue's delays are whole seconds.
            let delay = Duration::from_millis(millis.unsigned_abs()).as_secs() + 1;
            tell_later(state.storage(), row, Duration::from_secs(delay)).await?;
            return Ok(Progress::NotYet);
        }
    }
    match package.kind {
        PackageType::Npm => refresh_by(state, package, state.packuments()).await?,
        PackageType::Raw => refresh_by(state, package, &RawLists).await?,
        PackageType::Maven => refresh_by(state, package, &ArtifactMetadata).await?,
        PackageType::Swift => refresh_by(state, package, state.releases()).await?,
        PackageType::Composer => refresh_by(state, package, state.composer()).await?,
        PackageType::Kmp => {}
    }
    Ok(Progress::Finished)
}

async fn refresh_by<R: Renderer>(state: &AppState, package: &PackageKey, renderer: &R) -> Result<()> {
    let head: Option<Arc<HeadRow>> = state.storage().shared_row(Key::Head(package.clone())).await?;
    // Those of packages from upstreams are made by whoever fetches them, and by their first reader.
    let Some(head) = head.filter(|head| head.upstream.is_none()) else { return Ok(()) };
    let left_to_reader = state.storage().is_alone() && head.versions <= SMALL;
    if left_to_reader && head.rev == 1 {
        return Ok(());
    }
    let source = Source::whole(package.clone(), head.repo_uid.clone(), head);
    let prefix = ObjectKey::documents_of(package, &source.repo_uid);
    let stored = state.storage().list_objects(&prefix, None).await?;
    let ready = renderer.variants().iter().all(|variant| stored.contains(&source.object(variant).path()));
    let current = if ready || left_to_reader || source.head.versions == 0 {
        source.head.rev
    } else {
        let began = state.now();
        let rendered = render_and_store(state.storage(), source, renderer).await;
        state.pacing().rendered(package, began, state.now());
        match rendered {
            Ok(rendered) => rendered.head.rev,
            // Deleted meanwhile: nothing is left to render.
            Err(Error::NotFound(_)) => return Ok(()),
            Err(error) => return Err(error),
        }
    };
    for path in stored {
        // One revision back is kept for readers that read the head just before this change.
        if revision_of(&path, &prefix).is_some_and(|rev| rev + 1 < current) {
            state.storage().delete_object(&path).await?;
        }
    }
    Ok(())
}

/// The revision in a document's path; `None` for documents of a package whose name begins like this one.
fn revision_of(path: &str, prefix: &str) -> Option<u64> {
    let file = path.strip_prefix(prefix)?;
    if file.contains('/') {
        return None;
    }
    file.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_documents_of_the_package_itself_have_a_revision() {
        assert_eq!(revision_of("documents/u/npm/a/17.f1", "documents/u/npm/a/"), Some(17));
        assert_eq!(revision_of("documents/u/npm/a/b/17.f1", "documents/u/npm/a/"), None);
        assert_eq!(revision_of("documents/u/npm/b/17.f1", "documents/u/npm/a/"), None);
    }
}
