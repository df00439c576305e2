//! What every handler can reach.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request;
use granary_auth::{OidcVerifier, Principal};
use granary_kmp::{Kmp, Work};
use granary_model::{Clock, Ids, Result, Timestamp, UserId};
use granary_publish::composer::documents::ComposerDocuments;
use granary_publish::npm::packument::Packuments;
use granary_publish::pacing::Pacing;
use granary_publish::swift::releases::Releases;
use granary_publish::{Change, DocumentCache};
use granary_storage::{PackageKey, Storage};
use granary_upstream::Upstreams;

use crate::config::Config;
use crate::delivery::BlobCache;
use crate::downloads::DownloadCounter;
use crate::last_used::LastUses;
use crate::users::KnownUsers;

/// What an [`AppState`] is made of.
pub struct Parts {
    /// Settings.
    pub config: Config,
    /// Tables, bucket, queues.
    pub storage: Storage,
    /// Verifier of ID tokens.
    pub oidc: OidcVerifier,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Ids and secrets.
    pub ids: Arc<dyn Ids>,
}

/// What every handler can reach. Cheap to clone; extract it directly.
#[derive(Clone)]
pub struct AppState {
    inner: Arc<Inner>,
}

struct Inner {
    parts: Parts,
    documents: DocumentCache,
    pacing: Pacing,
    packuments: Packuments,
    releases: Releases,
    composer: ComposerDocuments,
    blobs: BlobCache,
    downloads: DownloadCounter,
    last_uses: LastUses,
    kmp: Kmp,
    upstreams: Upstreams,
    known_users: KnownUsers,
}

impl std::fmt::Debug for AppState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AppState").field("config", &self.inner.parts.config).finish_non_exhaustive()
    }
}

impl AppState {
    /// Puts the parts together.
    pub fn new(parts: Parts) -> Self {
        let documents = DocumentCache::new(parts.config.cache_bytes);
        let packuments = Packuments::new(&parts.config.public_url);
        let releases = Releases::new(&parts.config.public_url);
        let composer = ComposerDocuments::new(&parts.config.public_url);
        let blobs = BlobCache::new(parts.config.cache_bytes / 2);
        let mut kmp = parts.config.kmp.clone();
        kmp.repo_quota = parts.config.repo_quota;
        let kmp = Kmp::new(kmp);
        let upstreams = Upstreams::new(parts.config.upstream_settings());
        let inner = Inner {
            parts,
            kmp,
            upstreams,
            documents,
            pacing: Pacing::default(),
            packuments,
            releases,
            composer,
            blobs,
            downloads: DownloadCounter::default(),
            last_uses: LastUses::default(),
            known_users: KnownUsers::default(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Settings.
    pub fn config(&self) -> &Config {
        &self.inner.parts.config
    }

    /// Tables, bucket, queues.
    pub fn storage(&self) -> &Storage {
        &self.inner.parts.storage
    }

    /// Verifier of ID tokens.
    pub fn oidc(&self) -> &OidcVerifier {
        &self.inner.parts.oidc
    }

    /// Index documents in memory.
    pub fn documents(&self) -> &DocumentCache {
        &self.inner.documents
    }

    /// What this process has rendered lately.
    pub fn pacing(&self) -> &Pacing {
        &self.inner.pacing
    }

    /// Renders npm's documents for the public address.
    pub fn packuments(&self) -> &Packuments {
        &self.inner.packuments
    }

    /// Renders Swift's lists for the public address.
    pub fn releases(&self) -> &Releases {
        &self.inner.releases
    }

    /// Renders Composer's documents for the public address.
    pub fn composer(&self) -> &ComposerDocuments {
        &self.inner.composer
    }

    pub(crate) fn blobs(&self) -> &BlobCache {
        &self.inner.blobs
    }

    /// Downloads counted but not written yet.
    pub fn downloads(&self) -> &DownloadCounter {
        &self.inner.downloads
    }

    /// Counts a download. Neither delays nor fails it: whoever runs the process writes the counts now and then, a
    /// server with a task of its own, a function before an answer leaves.
    pub fn count_download(&self, package: PackageKey, version: &str) {
        self.downloads().count(package, version, self.now());
    }

    /// Uses of tokens noted but not written yet.
    pub fn last_uses(&self) -> &LastUses {
        &self.inner.last_uses
    }

    /// Whether [`Self::write_counts`] has something to do that has waited long enough.
    pub fn counts_are_due(&self) -> bool {
        let now = self.now();
        self.downloads().is_due(now) || self.last_uses().is_due(now)
    }

    /// Writes what is counted and noted beside the requests: downloads, and when tokens were used. What cannot be
    /// written waits for the next time.
    pub async fn write_counts(&self) -> Result<()> {
        let now = self.now();
        let (downloads, uses) = futures::future::join(
            self.downloads().flush(self.storage(), now),
            self.last_uses().flush(self.storage(), now),
        )
        .await;
        downloads.and(uses)
    }

    /// What the pipeline for Kotlin Multiplatform shares.
    pub fn kmp(&self) -> &Kmp {
        &self.inner.kmp
    }

    /// What asking upstreams shares.
    pub fn upstreams(&self) -> &Upstreams {
        &self.inner.upstreams
    }

    /// One piece of work with upstreams, now.
    pub fn upstream_work(&self) -> granary_upstream::Work<'_> {
        granary_upstream::Work {
            storage: self.storage(),
            ids: self.ids(),
            now: self.now(),
            upstreams: self.upstreams(),
            documents: self.documents(),
            packuments: self.packuments(),
        }
    }

    /// One piece of that pipeline's work, now.
    pub fn kmp_work(&self) -> Work<'_> {
        Work { storage: self.storage(), ids: self.ids(), now: self.now(), kmp: self.kmp() }
    }

    /// The present moment.
    pub fn now(&self) -> Timestamp {
        self.inner.parts.clock.now()
    }

    /// Source of ids and secrets.
    pub fn ids(&self) -> &dyn Ids {
        self.inner.parts.ids.as_ref()
    }

    /// Begins a change that this caller makes now.
    pub fn change(&self, principal: &Principal) -> Change<'_> {
        Change::begin(self.ids(), self.now(), principal)
    }

    /// A new id that sorts by time.
    pub fn next_id(&self) -> String {
        self.ids().next(self.now())
    }

    /// Whether the operator named this user an administrator of the instance.
    pub fn is_instance_admin(&self, user: &UserId) -> bool {
        self.config().instance_admins.contains(user)
    }

    /// What the provider has said of users, as far as this process has written it down.
    pub(crate) fn known_users(&self) -> &KnownUsers {
        &self.inner.known_users
    }
}

impl FromRequestParts<AppState> for AppState {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(_: &mut request::Parts, state: &AppState) -> Result<Self, Self::Rejection> {
        Ok(state.clone())
    }
}
