//! Consumer of the outbox: index documents, large uploads and handovers, clean-up of bytes and of what was deleted.
//!
//! The table is the truth and a message only a hint, so every step here can be done twice, in any order,
//! or late: a lost message costs time, because the [`sweep`] finds its event in the outbox.

mod blobs;
mod documents;
mod entities;
mod files;
mod handovers;
mod kmp;
mod message;
mod outbox;
mod products;
mod repos;
mod uploads;
mod upstreams;

use granary_http::AppState;
use granary_model::Result;
use granary_storage::rows::{Event, OutboxRow};

pub use blobs::sweep_blobs;
pub use message::{ATTEMPTS, follow_up};
pub use outbox::{SweepReport, consume_once, sweep};
pub use uploads::sweep_uploads;

/// What became of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// It has been followed up; it leaves the outbox.
    Finished,
    /// Its time has not come; it stays in the outbox for a later sweep.
    NotYet,
}

/// Follows up one event and takes it out of the outbox.
pub async fn handle(state: &AppState, row: &OutboxRow) -> Result<Progress> {
    let progress = match &row.event {
        Event::PackageChanged { package } => {
            kmp::announce(state, package).await?;
            documents::refresh(state, row, package).await?
        }
        Event::UpstreamStale { package } => upstreams::look_again(state, package).await?,
        Event::FetchedReleased { package } => upstreams::clear(state, package).await?,
        Event::UpstreamRemoved { repo, repo_uid, upstream } => {
            upstreams::purge(state, repo, repo_uid, upstream).await?
        }
        Event::BlobsReleased { digests } => blobs::collect(state, digests).await?,
        Event::VersionDeleted { package, version } => files::remove_version(state, package, version).await?,
        Event::SnapshotDeployed { package, version } => files::prune(state, package, version).await?,
        Event::UploadCompleted { id } => Box::pin(uploads::finish(state, id)).await?,
        Event::RepoDeleted { repo, uid } => repos::purge(state, repo, uid).await?,
        Event::WatchedDeleted { repo, watched } => kmp::clear(state, repo, watched).await?,
        Event::HandoverConfirmed { id } => Box::pin(handovers::finish(state, id)).await?,
        Event::ProductDeleted { uid } => products::purge(state, uid).await?,
        Event::EntityDeleted { id } => entities::purge(state, id).await?,
        Event::SellerDeleted { tenant } => {
            granary_http::seller::purge(state, tenant).await?;
            Progress::Finished
        }
    };
    // What somebody has only read stands in no outbox.
    if progress == Progress::Finished && !matches!(row.event, Event::UpstreamStale { .. }) {
        outbox::remove(state, row).await?;
    }
    Ok(progress)
}
