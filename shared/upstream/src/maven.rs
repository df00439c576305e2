//! Artifacts of other Maven repositories.

mod address;
mod file;
mod metadata;
mod snapshot;

pub use file::{Fetch, file};
pub use metadata::{Found, document, metadata, refresh};
pub use snapshot::snapshot;

use granary_model::PackageType;
use granary_storage::rows::{HeadRow, RepoRow, UpstreamRow};

use crate::origin;

/// The upstreams that may be asked for an artifact, by its name: the one that it comes from, or all if there is none yet.
fn candidates<'a>(repo: &'a RepoRow, name: &str, head: Option<&HeadRow>) -> Vec<&'a UpstreamRow> {
    match head {
        Some(head) => origin(repo, PackageType::Maven, name, head).into_iter().collect(),
        None => repo.upstreams.iter().filter(|row| row.url().is_some() && may_have(row, name)).collect(),
    }
}

/// Whether an upstream may be asked for an artifact, and for what else is in its directory: the plugins of the group that has the
/// same one.
fn may_have(row: &UpstreamRow, name: &str) -> bool {
    let group = format!("{}:", name.replace(':', "."));
    row.may_have(PackageType::Maven, name)
        && !row.owned.iter().any(|pattern| pattern.matches(PackageType::Maven, &group))
}
