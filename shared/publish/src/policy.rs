//! Which versions of a package nobody gets, and why: what is in its cooldown, blocked, quarantined, or gone upstream.

use granary_model::range::Range;
use granary_model::upstream::{RemovedPolicy, UpstreamName};
use granary_model::{Error, PackageType, Sha256, Timestamp};
use granary_storage::rows::{BlockRow, HeadRow, RepoRow, UpstreamHead, UpstreamRow, VersionRow};
use sha2::Digest as _;

/// Why nobody gets a version for now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kept {
    /// It is too young.
    Cooldown {
        /// How old versions have to be, in days.
        days: u16,
        /// When it is old enough.
        until: Timestamp,
    },
    /// A rule of the repository names it.
    Blocked(String),
    /// An administrator has put it aside.
    Quarantined(String),
    /// The upstream has removed it.
    Removed(UpstreamName),
}

impl Kept {
    /// Stable name of the reason.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Cooldown { .. } => "COOLDOWN",
            Self::Blocked(_) => "BLOCKED",
            Self::Quarantined(_) => "QUARANTINED",
            Self::Removed(_) => "REMOVED_UPSTREAM",
        }
    }

    /// The reason in words, for whoever wanted the version. `what` names it.
    pub fn words(&self, what: &str) -> String {
        match self {
            Self::Cooldown { days, until } => format!(
                "{what} is younger than the {days} days that this repository waits before it lets versions in; it can be had \
                 from {} on, and until then an older version; an administrator can exempt the package (cooldownExcept)",
                until.rfc3339_seconds()
            ),
            Self::Blocked(reason) => format!("{what} is blocked in this repository: {reason}"),
            Self::Quarantined(reason) => format!("{what} is in quarantine: {reason}"),
            Self::Removed(upstream) => format!(
                "{what} was removed from the upstream '{upstream}', mostly a sign that something was wrong with it; choose \
                 another version"
            ),
        }
    }

    /// The answer for whoever wanted the version. `what` names it.
    pub fn error(&self, what: &str) -> Error {
        Error::Refused { code: self.code(), message: self.words(what) }
    }
}

/// The rules of a repository for one package that comes from an upstream.
#[derive(Debug, Clone)]
pub struct Policy {
    upstream: UpstreamName,
    cooldown_days: u16,
    removed: RemovedPolicy,
    /// Versions that are blocked, with the reason.
    blocks: Vec<(Blocked, String)>,
}

#[derive(Debug, Clone)]
enum Blocked {
    /// All, pre-releases among them, which `*` of npm is not.
    All,
    Some(Range),
}

impl Policy {
    /// The rules for a package of this name.
    pub fn of(repo: &RepoRow, upstream: &UpstreamRow, kind: PackageType, name: &str) -> Self {
        Self::of_upstream(upstream, kind, name, &repo.blocks)
    }

    /// The same, by these rules about versions.
    pub(crate) fn of_upstream(
        upstream: &UpstreamRow,
        kind: PackageType,
        name: &str,
        blocks: &[BlockRow],
    ) -> Self {
        let concerns = blocks.iter().filter(|rule| rule.kind == kind && rule.name.matches(kind, name));
        let blocks = concerns.map(|rule| {
            let range = if rule.versions == "*" { None } else { Range::parse(kind, &rule.versions).ok() };
            // A rule that cannot be read any more blocks too much rather than nothing.
            (range.map_or(Blocked::All, Blocked::Some), rule.reason.clone())
        });
        Self {
            upstream: upstream.name.clone(),
            cooldown_days: upstream.cooldown_of(name),
            removed: upstream.removed,
            blocks: blocks.collect(),
        }
    }

    /// Name of what the rules let through, as documents are named by it: the same rules have the same.
    pub fn fingerprint(&self) -> String {
        if self.is_open() {
            return "0".into();
        }
        let mut hasher = sha2::Sha256::new();
        hasher.update(b"granary-policy\0");
        hasher.update(self.cooldown_days.to_be_bytes());
        for (blocked, reason) in &self.blocks {
            let range = match blocked {
                Blocked::All => "*",
                Blocked::Some(range) => range.as_str(),
            };
            // Reasons stand in documents as well.
            for text in [range, reason] {
                hasher.update((text.len() as u64).to_be_bytes());
                hasher.update(text.as_bytes());
            }
        }
        let digest = Sha256::from_bytes(hasher.finalize().into()).to_string();
        digest.get(..12).unwrap_or_default().to_owned()
    }

    /// Whether every version is let in.
    pub fn is_open(&self) -> bool {
        self.cooldown_days == 0 && self.blocks.is_empty()
    }

    /// Days that versions have to be old.
    pub fn cooldown_days(&self) -> u16 {
        self.cooldown_days
    }

    /// When a version comes out of its cooldown.
    pub fn allowed_at(&self, published: Timestamp) -> Timestamp {
        published.plus_days(i64::from(self.cooldown_days))
    }

    /// Why a version of the upstream is not let in at a moment, if it is not: by the rules alone.
    pub fn keeps(&self, version: &str, published: Timestamp, now: Timestamp) -> Option<Kept> {
        let blocks = |blocked: &Blocked| match blocked {
            Blocked::All => true,
            Blocked::Some(range) => range.contains(version),
        };
        if let Some((_, reason)) = self.blocks.iter().find(|(blocked, _)| blocks(blocked)) {
            return Some(Kept::Blocked(reason.clone()));
        }
        let until = self.allowed_at(published);
        (until > now).then_some(Kept::Cooldown { days: self.cooldown_days, until })
    }

    /// The same for a version whose bytes are here, with what the head knows of the upstream.
    pub fn keeps_row(&self, head: &UpstreamHead, row: &VersionRow, now: Timestamp) -> Option<Kept> {
        let is_removed = head.gone || head.removed.contains(&row.version);
        if is_removed && self.removed == RemovedPolicy::Refuse {
            return Some(Kept::Removed(self.upstream.clone()));
        }
        self.keeps(&row.version, row.published_at, now)
    }
}

/// Why nobody gets a version although it is there, if that is so.
pub fn kept(head: &HeadRow, policy: Option<&Policy>, row: &VersionRow, now: Timestamp) -> Option<Kept> {
    if let Some(quarantine) = head.quarantined(&row.version) {
        return Some(Kept::Quarantined(quarantine.reason.clone()));
    }
    policy.zip(head.upstream.as_deref()).and_then(|(policy, upstream)| policy.keeps_row(upstream, row, now))
}

#[cfg(test)]
mod tests;
