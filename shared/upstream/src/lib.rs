//! Upstreams: what is not published in a repository is fetched from other registries, verified, and kept.
//!
//! A package that comes from an upstream has a head as every package has one, so reading it costs what reading any other
//! costs; that head says where it comes from and when that was last asked. Whoever finds it old is answered all the same,
//! and the `events` consumer asks again ([`npm::refresh`]). Only what is not here at all is fetched while somebody waits, once
//! for all who do (`Flights`).
//!
//! Whose a name is comes first: what is published here, or owned by a pattern, is never asked of anybody.

pub mod clear;
pub mod guard;
pub mod maven;
pub mod net;
pub mod npm;
pub mod seal;

mod address;
mod flights;
mod heads;
mod memory;
mod settings;
mod show;
mod standing;
mod turns;
mod versions;
mod wanted;

use std::sync::OnceLock;

use granary_model::upstream::UpstreamName;
use granary_model::{Error, Ids, PackageType, Result, Timestamp, Visibility};
use granary_publish::npm::packument::Packuments;
use granary_publish::policy::Policy;
use granary_publish::{DocumentCache, Source, tell};
use granary_storage::rows::{Event, HeadRow, OutboxRow, RepoRow, UpstreamRow};
use granary_storage::{PackageKey, Storage};
use reqwest::header::HeaderValue;

use crate::flights::Flights;
use crate::memory::Memory;
use crate::net::{Failure, Net};
use crate::turns::Turns;

pub use settings::Settings;
pub use show::Freshness;

/// What asking upstreams shares in one process: settings, the HTTP client, who is asking for what.
#[derive(Debug)]
pub struct Upstreams {
    /// Settings.
    pub settings: Settings,
    net: OnceLock<Net>,
    flights: Flights,
    memory: Memory,
    turns: Turns,
}

impl Upstreams {
    /// By these settings. The client is made when it is needed first: most functions never do.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            net: OnceLock::new(),
            flights: Flights::default(),
            memory: Memory::default(),
            turns: Turns::default(),
        }
    }

    fn net(&self) -> Result<&Net> {
        if let Some(net) = self.net.get() {
            return Ok(net);
        }
        let net = Net::new(self.settings.allow_private)?;
        Ok(self.net.get_or_init(|| net))
    }
}

/// One piece of work with upstreams, now.
#[derive(Clone, Copy)]
pub struct Work<'a> {
    /// Where everything is.
    pub storage: &'a Storage,
    /// Source of ids.
    pub ids: &'a dyn Ids,
    /// The present moment.
    pub now: Timestamp,
    /// What asking upstreams shares.
    pub upstreams: &'a Upstreams,
    /// Documents in memory.
    pub documents: &'a DocumentCache,
    /// Renders npm's documents.
    pub packuments: &'a Packuments,
}

impl std::fmt::Debug for Work<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Work").field("now", &self.now).finish_non_exhaustive()
    }
}

/// Whoever wants something, as far as upstreams have to know.
#[derive(Debug, Clone)]
pub struct Asker {
    /// Who is asking, for the audit log.
    pub actor: String,
    /// Whether nobody knows who it is, or it is somebody to whom something was sold: whoever may read, and no more.
    pub anonymous: bool,
}

impl Work<'_> {
    /// The value of `Authorization` for an upstream.
    fn authorization(&self, repo: &RepoRow, row: &UpstreamRow) -> Result<Option<HeaderValue>> {
        let Some(sealed) = &row.credential else { return Ok(None) };
        let credential = self.upstreams.settings.keys.open(sealed, &seal_place(&repo.uid, row))?;
        credential.header().map(Some)
    }

    /// Refuses to ask an upstream that has just failed.
    ///
    /// # Errors
    /// What it failed with.
    fn require_open(&self, row: &UpstreamRow) -> Result<()> {
        match self.upstreams.memory.closed(&row.uid, self.now) {
            Some(failure) => Err(failure.error(row.name.as_str())),
            None => Ok(()),
        }
    }

    /// Tells the `events` consumer that somebody has read something old. Only a hint: whoever reads it next tells again.
    pub async fn announce(&self, package: &PackageKey) {
        if !self.upstreams.memory.announces(&package.to_string(), self.now) {
            return;
        }
        let event = Event::UpstreamStale { package: package.clone() };
        // In no outbox: nothing is lost with it.
        let row = OutboxRow { shard: 0, id: self.ids.next(self.now), at: self.now, event };
        if let Err(error) = tell(self.storage, &row).await {
            tracing::warn!(%error, %package, "nobody was told that a package is to be looked at again");
        }
    }

    /// Notes that an upstream has failed, and gives the error for whoever waits.
    fn failed(&self, row: &UpstreamRow, failure: &Failure) -> Error {
        tracing::warn!(upstream = %row.name, why = failure.words(), "an upstream failed");
        self.upstreams.memory.failed(&row.uid, failure, self.now);
        failure.error(row.name.as_str())
    }
}

/// What a credential is sealed to: an upstream of a repository.
pub fn seal_place(repo_uid: &str, row: &UpstreamRow) -> String {
    format!("granary-upstream\0{repo_uid}\0{}", row.uid)
}

/// Whether a repository may be an upstream of another one, whose readers get what it holds: one that everybody may read, or one
/// of the same owner if not everybody may read the other one.
pub fn may_be_member(repo: &RepoRow, member: &RepoRow) -> bool {
    let is_public = |repo: &RepoRow| repo.visibility == Visibility::Public;
    !member.deleting && (is_public(member) || (member.owner() == repo.owner() && !is_public(repo)))
}

/// The upstream that a head comes from, if it is one of the repository and may still have the package.
pub fn origin<'a>(
    repo: &'a RepoRow,
    kind: PackageType,
    name: &str,
    head: &HeadRow,
) -> Option<&'a UpstreamRow> {
    let upstream = head.upstream.as_deref()?;
    repo.upstreams.iter().find(|row| row.uid == upstream.uid && row.may_have(kind, name))
}

/// Where the documents of a package from an upstream come from, by the rules that apply to it.
fn source_of(repo: &RepoRow, row: &UpstreamRow, package: &PackageKey, head: HeadRow) -> Source {
    let policy = Policy::of(repo, row, package.kind, &package.name);
    let source = Source::whole(package.clone(), repo.uid.clone(), head);
    Source { policy: Some(policy.into()), ..source }
}

/// The error for a package that is left to whoever has a name.
fn sign_in(name: &str, upstream: &UpstreamName) -> Error {
    Error::Unauthorized(format!(
        "'{name}' is not kept here yet, and only those who sign in may have it fetched from the upstream '{upstream}'; give \
         your client a token (Yarn sends none for unscoped packages unless always-auth is set)"
    ))
}
