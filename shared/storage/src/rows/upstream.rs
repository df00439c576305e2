//! Upstreams of repositories, and what of a package is known to come from one.

use std::collections::BTreeSet;

use granary_model::upstream::{DEFAULT_FRESH, FilePolicy, NamePattern, RemovedPolicy, UpstreamName};
use granary_model::{PackageType, RepoId, Timestamp};
use serde::{Deserialize, Serialize};

/// Where packages of one protocol come from that are not published in a repository. Stands in
/// [`RepoRow`](super::RepoRow), in the order in which upstreams are asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpstreamRow {
    /// Name within the repository.
    pub name: UpstreamName,
    /// Differs between two upstreams that had the name one after the other, and changes when another registry is named:
    /// what came from one is nothing of the other.
    pub uid: String,
    /// The protocol.
    pub kind: PackageType,
    /// Where it is.
    pub place: UpstreamPlace,
    /// Credential for it, sealed with the key of the deployment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<String>,
    /// Packages that it is asked for; all if there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<NamePattern>,
    /// Packages that it is never asked for, whatever else is said: those that are owned here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub owned: Vec<NamePattern>,
    /// How long a document is taken for true without asking again, in seconds.
    pub fresh_seconds: u32,
    /// How old a version has to be before anybody gets it, in days.
    #[serde(default)]
    pub cooldown_days: u16,
    /// Packages that have no cooldown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cooldown_except: Vec<NamePattern>,
    /// What becomes of files.
    #[serde(default)]
    pub files: FilePolicy,
    /// What becomes of versions that have been removed there.
    #[serde(default)]
    pub removed: RemovedPolicy,
    /// Hosts besides its own from which its files may be fetched. Never with the credential.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub file_hosts: Vec<String>,
    /// Whether readers without credentials may cause something to be fetched. What is here they get in any case, if the
    /// repository is public.
    #[serde(default)]
    pub anonymous: bool,
    /// Whether it is asked when somebody searches. Then the words that are searched for are sent there.
    #[serde(default)]
    pub search: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

impl UpstreamRow {
    /// An upstream without any setting of its own.
    pub fn new(
        name: UpstreamName,
        uid: String,
        kind: PackageType,
        place: UpstreamPlace,
        now: Timestamp,
    ) -> Self {
        Self {
            name,
            uid,
            kind,
            place,
            credential: None,
            names: Vec::new(),
            owned: Vec::new(),
            fresh_seconds: DEFAULT_FRESH,
            cooldown_days: 0,
            cooldown_except: Vec::new(),
            files: FilePolicy::default(),
            removed: RemovedPolicy::default(),
            file_hosts: Vec::new(),
            anonymous: false,
            search: false,
            created_at: now,
            updated_at: now,
        }
    }

    /// Whether it may be asked for a package, by the package's name.
    pub fn may_have(&self, kind: PackageType, name: &str) -> bool {
        let fits = |pattern: &NamePattern| pattern.matches(kind, name);
        self.kind == kind
            && !self.owned.iter().any(fits)
            && (self.names.is_empty() || self.names.iter().any(fits))
    }

    /// How old versions of a package have to be, in days.
    pub fn cooldown_of(&self, name: &str) -> u16 {
        let exempt = self.cooldown_except.iter().any(|pattern| pattern.matches(self.kind, name));
        if exempt { 0 } else { self.cooldown_days }
    }

    /// Its address, if it is a registry elsewhere.
    pub fn url(&self) -> Option<&str> {
        match &self.place {
            UpstreamPlace::Remote { url } => Some(url),
            UpstreamPlace::Repo { .. } => None,
        }
    }
}

/// Where an upstream is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "place", rename_all = "lowercase")]
pub enum UpstreamPlace {
    /// A registry elsewhere.
    Remote {
        /// Its address, with a trailing slash.
        url: String,
    },
    /// Another repository here.
    Repo {
        /// Its name.
        repo: RepoId,
        /// Its `uid` when it was named: the next one of that name is another one, and perhaps somebody else's.
        repo_uid: String,
    },
}

/// Versions from upstreams that nobody gets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockRow {
    /// Id of the rule.
    pub id: String,
    /// The protocol.
    pub kind: PackageType,
    /// The packages.
    pub name: NamePattern,
    /// The versions, in the grammar of the protocol. Read when the rule was made.
    pub versions: String,
    /// Why, for whoever meets the rule.
    pub reason: String,
    /// Who made it.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// What a head knows of the upstream that its package comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpstreamHead {
    /// Name of the upstream.
    pub name: UpstreamName,
    /// Its `uid`: without such an upstream there is nothing of the package.
    pub uid: String,
    /// When the upstream last said that this is what there is, in milliseconds since 1970.
    pub checked_at: i64,
    /// When the document was fetched, in milliseconds since 1970.
    pub fetched_at: i64,
    /// In the address of the upstream's document ([`ObjectKey::Fetched`](crate::ObjectKey::Fetched)).
    pub document: String,
    /// `ETag` of that document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// `Last-Modified` of that document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_modified: Option<String>,
    /// Since when the upstream does not answer as it should.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failing: Option<UpstreamFailure>,
    /// Whether the upstream says that there is no such package any more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub gone: bool,
    /// Versions that were there and are not any more, as far as they are remembered.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub removed: BTreeSet<String>,
    /// Versions are as old as they were at this moment, in milliseconds since 1970: what is in its cooldown then is not in
    /// documents of this revision.
    pub as_of: i64,
    /// When the first version comes out of its cooldown, in milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_at: Option<i64>,
    /// By which rules tags, texts and counts of the head were worked out.
    #[serde(default)]
    pub policy: String,
}

/// That an upstream does not answer as it should.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpstreamFailure {
    /// Since when, in milliseconds since 1970.
    pub since: i64,
    /// When it was tried last, in milliseconds since 1970.
    pub at: i64,
    /// Before when it must not be asked again, in milliseconds since 1970.
    pub until: i64,
    /// What is wrong, in words.
    pub why: String,
}

/// Where a version came from that was not published here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FetchedFrom {
    /// Name of the upstream.
    pub name: UpstreamName,
    /// Its `uid`.
    pub uid: String,
    /// When its bytes were fetched.
    pub at: Timestamp,
}

/// That an administrator keeps a version from everybody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuarantineRow {
    /// Why.
    pub reason: String,
    /// Who did it.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upstream(names: &[&str], owned: &[&str]) -> UpstreamRow {
        let patterns = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
        let place = UpstreamPlace::Remote { url: "https://registry.example.com/".into() };
        let name = "public".parse().unwrap();
        let row = UpstreamRow::new(name, "u1".into(), PackageType::Npm, place, Timestamp::from_millis(0));
        UpstreamRow { names: patterns(names), owned: patterns(owned), ..row }
    }

    #[test]
    fn what_is_owned_is_never_asked_for() {
        let open = upstream(&[], &["@acme/*"]);
        assert!(open.may_have(PackageType::Npm, "left-pad"));
        assert!(
            !open.may_have(PackageType::Npm, "@acme/tool") && !open.may_have(PackageType::Npm, "@ACME/Tool")
        );
        assert!(!open.may_have(PackageType::Maven, "left-pad"));
        let narrow = upstream(&["@types/*"], &["@types/secret"]);
        assert!(narrow.may_have(PackageType::Npm, "@types/node"));
        assert!(!narrow.may_have(PackageType::Npm, "@types/secret"));
        assert!(!narrow.may_have(PackageType::Npm, "left-pad"));
    }

    #[test]
    fn some_packages_have_no_cooldown() {
        let mut row = upstream(&[], &[]);
        row.cooldown_days = 7;
        row.cooldown_except = vec!["@types/*".parse().unwrap()];
        assert_eq!((row.cooldown_of("left-pad"), row.cooldown_of("@types/node")), (7, 0));
    }
}
