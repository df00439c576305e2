//! What is kept of what an upstream says of a package, in the same words for each protocol.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use granary_http::AppState;
use granary_model::maven::ComparableVersion;
use granary_model::npm::NpmVersion;
use granary_model::{Error, PackageType, Result, Timestamp};
use granary_publish::Source;
use granary_publish::listing::live_versions;
use granary_publish::maven::foreign::ForeignMetadata;
use granary_publish::npm::foreign::{About, ForeignIndex, about, stored};
use granary_publish::policy::Policy;
use granary_storage::rows::VersionRow;

use crate::routes::package::version::Extras;

/// What an upstream says.
pub(super) enum Said {
    Npm(Arc<ForeignIndex>),
    Maven {
        /// Since when there is each version.
        since: HashMap<String, Timestamp>,
        /// Versions of which files are here: those need not be in the document, and there need not be any.
        here: HashMap<String, VersionRow>,
    },
}

impl Said {
    /// Reads it.
    ///
    /// # Errors
    /// `Unavailable` if it has got lost.
    pub(super) async fn read(state: &AppState, source: &Source) -> Result<Self> {
        if source.package.kind == PackageType::Npm {
            return Ok(Self::Npm(stored::index(state.documents(), state.storage(), source).await?));
        }
        let has_document =
            source.head.upstream.as_ref().is_some_and(|upstream| !upstream.document.is_empty());
        let metadata = async {
            if !has_document {
                return Ok(Arc::<ForeignMetadata>::default());
            }
            granary_upstream::maven::document(&state.upstream_work(), source).await
        };
        let (metadata, rows) = tokio::try_join!(metadata, live_versions(state.storage(), &source.package))?;
        let here = rows.into_iter().filter(|row| source.head.has(row));
        Ok(Self::Maven {
            since: metadata.versions.iter().map(|one| (one.version.clone(), one.since)).collect(),
            here: here.map(|row| (row.version.clone(), row)).collect(),
        })
    }

    /// All versions that it names, in any order.
    pub(super) fn versions(&self) -> BTreeSet<String> {
        match self {
            Self::Npm(index) => index.versions.iter().map(|one| one.version.to_string()).collect(),
            Self::Maven { since, here } => since.keys().chain(here.keys()).cloned().collect(),
        }
    }

    /// When a version was published, as far as it is known. `None` for one that the upstream does not have.
    pub(super) fn published(&self, version: &str) -> Option<Timestamp> {
        match self {
            Self::Npm(index) => index.get(version).map(|one| one.published),
            Self::Maven { since, .. } => since.get(version).copied(),
        }
    }

    /// Whether its publisher says that it should not be used.
    pub(super) fn is_deprecated(&self, version: &str) -> bool {
        match self {
            Self::Npm(index) => index.get(version).is_some_and(|one| one.deprecated),
            Self::Maven { .. } => false,
        }
    }

    /// The row of a version of which something is here, as far as it is read already.
    pub(super) fn row(&self, version: &str) -> Option<&VersionRow> {
        match self {
            Self::Npm(_) => None,
            Self::Maven { here, .. } => here.get(version),
        }
    }

    /// Tags of the versions that can be had.
    pub(super) fn tags(
        &self,
        source: &Source,
        policy: &Policy,
        live: &BTreeSet<String>,
    ) -> BTreeMap<String, String> {
        match self {
            Self::Npm(index) => index.seen(&source.head, policy).tags,
            Self::Maven { .. } => {
                let latest = live.iter().max_by_key(|version| ComparableVersion::new(version));
                latest.map(|latest| ("latest".to_owned(), latest.clone())).into_iter().collect()
            }
        }
    }

    /// Versions in the order in which they are listed: the highest first. Texts decide between those that are equal.
    pub(super) fn ordered(&self, versions: BTreeSet<String>) -> Vec<String> {
        let mut ordered: Vec<String> = versions.into_iter().collect();
        match self {
            Self::Npm(_) => ordered
                .sort_by_cached_key(|version| Reverse((version.parse::<NpmVersion>().ok(), version.clone()))),
            Self::Maven { .. } => ordered
                .sort_by_cached_key(|version| Reverse((ComparableVersion::new(version), version.clone()))),
        }
        ordered
    }

    /// What a version says of itself, and what else there is of it.
    pub(super) async fn about(
        &self,
        state: &AppState,
        source: &Source,
        version: &str,
    ) -> Result<(About, Extras)> {
        let storage = state.storage();
        match self {
            Self::Npm(_) => {
                let about = about(state.documents(), storage, source, version).await?;
                Ok((Option::clone(&about).unwrap_or_default(), Extras::default()))
            }
            Self::Maven { here, .. } if here.contains_key(version) => {
                Ok((About::default(), Extras::read(storage, &source.package, Some(version)).await?))
            }
            Self::Maven { .. } => Ok((About::default(), Extras::default())),
        }
    }
}

/// The error for a package that is not what its head says.
pub(super) fn inconsistent(what: &str) -> Error {
    Error::internal("showing a package of an upstream", what)
}
