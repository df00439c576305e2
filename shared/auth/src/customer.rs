//! What customers get of packages: the part of the decision that licences and consumers' permissions make.
//!
//! The rules are those of a seller: a suspended key opens nothing; what no grant names does not exist; of several grants
//! for one package any one is enough, within one grant every limit must hold.

use std::collections::BTreeSet;

use granary_model::range::Range;
use granary_model::{PackageType, Sha256, Timestamp, Visibility};
use granary_storage::PackageKey;
use granary_storage::rows::{
    ConsumerRow, HeadRow, LicenceConstraint, LicenceRow, OnExpiry, RepoRow, VersionRow,
};
use sha2::Digest as _;

use crate::decide::{Decision, Denial};
use crate::principal::Principal;

/// One way to a package: both limits must hold for a version.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Grant {
    /// The last moment at which a version may have been published, this moment included.
    published_until: Option<Timestamp>,
    /// The versions.
    range: Option<Range>,
}

impl Grant {
    const ALL: Self = Self { published_until: None, range: None };

    fn decide(&self, version: &str, published_at: Timestamp) -> Result<(), Denial> {
        if self.published_until.is_some_and(|until| published_at > until) {
            return Err(Denial::OutsideWindow);
        }
        if self.range.as_ref().is_some_and(|range| !range.contains(version)) {
            return Err(Denial::NotLicensed);
        }
        Ok(())
    }

    /// The grant as text, by which two that say the same are known.
    fn text(&self) -> String {
        let until = self.published_until.map_or_else(String::new, |until| until.millis().to_string());
        format!("{until}|{}", self.range.as_ref().map_or("", Range::as_str))
    }
}

/// What a customer gets of one package: the grants that are in force, at least one.
///
/// Whether a version is among it depends on these grants and the version alone, not on the time: so a document that was
/// filtered by them stays right, and [`Grants::fingerprint`] names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grants {
    any_of: Vec<Grant>,
    fingerprint: String,
    changed_at: Timestamp,
}

impl Grants {
    fn new(mut grants: Vec<Grant>, changed_at: Timestamp) -> Self {
        grants.sort_by_key(Grant::text);
        grants.dedup();
        let mut hasher = sha2::Sha256::new();
        for grant in &grants {
            hasher.update(grant.text().as_bytes());
            hasher.update(b"\n");
        }
        let digest = Sha256::from_bytes(hasher.finalize().into()).to_string();
        let fingerprint = digest.chars().take(16).collect();
        Self { any_of: grants, fingerprint, changed_at }
    }

    /// Whether the customer gets a version.
    ///
    /// # Errors
    /// Why the last grant does not cover it. A version that its seller has switched off is answered like one that does not
    /// exist: [`Denial::Hidden`] only where that one would be looked for.
    pub fn decide(&self, row: &VersionRow, now: Timestamp) -> Result<(), Denial> {
        if row.hidden {
            return Err(self.decide_absent(&row.version, now).err().unwrap_or(Denial::Hidden));
        }
        self.decide_text(&row.version, row.published_at)
    }

    /// Whether the customer gets a file that came to a version at another time than the version itself.
    pub fn allow_file(&self, version: &str, added_at: Timestamp) -> bool {
        self.decide_text(version, added_at).is_ok()
    }

    /// What is answered about a version that does not exist: the same as about one published now. So a customer cannot
    /// tell a version that is not licensed from one that is not there.
    ///
    /// # Errors
    /// Why no grant would cover it.
    pub fn decide_absent(&self, version: &str, now: Timestamp) -> Result<(), Denial> {
        self.decide_text(version, now)
    }

    fn decide_text(&self, version: &str, published_at: Timestamp) -> Result<(), Denial> {
        let mut denial = Denial::Hidden;
        for grant in &self.any_of {
            match grant.decide(version, published_at) {
                Ok(()) => return Ok(()),
                Err(reason) => denial = reason,
            }
        }
        Err(denial)
    }

    /// Whether the customer gets a version.
    pub fn allow(&self, row: &VersionRow) -> bool {
        !row.hidden && self.decide_text(&row.version, row.published_at).is_ok()
    }

    /// Names what these grants cover: 16 hexadecimal digits, the same for all customers with the same grants. A part of
    /// the names and `ETag`s of filtered documents.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// When what the customer may have last changed.
    pub fn changed_at(&self) -> Timestamp {
        self.changed_at
    }
}

/// What a caller gets of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entitlement {
    /// All of it.
    All,
    /// What these grants cover.
    Some(Grants),
    /// Nothing, and why.
    Nothing(Denial),
}

/// Decides what a caller who may fetch from a repository gets of one of its packages. `None` for the head: there is no
/// such package.
pub fn decide_package(
    principal: &Principal,
    repo: &RepoRow,
    package: &PackageKey,
    head: Option<&HeadRow>,
    now: Timestamp,
) -> Entitlement {
    if !is_gated(principal, repo) {
        return Entitlement::All;
    }
    let entitlement = match principal {
        Principal::Licence(licence) => by_licence(licence, package, now),
        Principal::Consumer(consumer) => by_consumer(consumer, package.kind, head),
        _ => Entitlement::Nothing(Denial::Hidden),
    };
    match entitlement {
        // A key that has ended does not learn what was switched off since.
        Entitlement::Some(_) if head.is_some_and(|head| head.hidden) => Entitlement::Nothing(Denial::Hidden),
        // What comes from elsewhere is not the seller's, whatever a licence names.
        Entitlement::Some(_) if head.is_some_and(|head| head.upstream.is_some()) => {
            Entitlement::Nothing(Denial::Hidden)
        }
        other => other,
    }
}

/// Whether a caller gets a repository filtered: a customer, in a repository that not everybody may read.
pub fn is_gated(principal: &Principal, repo: &RepoRow) -> bool {
    principal.is_customer() && repo.visibility != Visibility::Public
}

fn by_licence(licence: &LicenceRow, package: &PackageKey, now: Timestamp) -> Entitlement {
    if !licence.names(package) {
        return Entitlement::Nothing(Denial::Hidden);
    }
    let (grant, boundary) = match (&licence.constraint, licence.on_expiry) {
        _ if has_ended(licence, now) => return Entitlement::Nothing(Denial::Expired),
        (LicenceConstraint::Date(until), OnExpiry::Restrict | OnExpiry::Maintain) => {
            (Grant { published_until: Some(*until), range: None }, Some(*until).filter(|until| now > *until))
        }
        (LicenceConstraint::None | LicenceConstraint::Date(_), _) => (Grant::ALL, None),
        (LicenceConstraint::Version(text), _) => match Range::parse(package.kind, text) {
            Ok(range) => (Grant { published_until: None, range: Some(range) }, None),
            // Not in the grammar of this protocol: it covers nothing here.
            Err(_) => return Entitlement::Nothing(Denial::Hidden),
        },
    };
    let changed_at = boundary.map_or(licence.updated_at, |boundary| boundary.max(licence.updated_at));
    Entitlement::Some(Grants::new(vec![grant], changed_at))
}

fn by_consumer(consumer: &ConsumerRow, kind: PackageType, head: Option<&HeadRow>) -> Entitlement {
    let sold_as = head.and_then(|head| head.sold_as.as_ref()).filter(|sold| sold.tenant == consumer.tenant);
    let Some(sold_as) = sold_as else { return Entitlement::Nothing(Denial::Hidden) };
    let permissions = consumer.permissions.values().filter(|permission| permission.package_id == sold_as.id);
    let texts: BTreeSet<&str> = permissions.map(|permission| permission.version.as_str()).collect();
    let grants: Vec<Grant> = texts
        .into_iter()
        .filter_map(|text| Range::parse(kind, text).ok())
        .map(|range| Grant { published_until: None, range: Some(range) })
        .collect();
    if grants.is_empty() {
        return Entitlement::Nothing(Denial::Hidden);
    }
    Entitlement::Some(Grants::new(grants, consumer.changed_at))
}

/// Decides whether a caller who may fetch from a repository gets anything that is not of one package: lists and search.
/// A licence that has ended lists nothing, and says why.
pub fn decide_lists(principal: &Principal, repo: &RepoRow, now: Timestamp) -> Decision {
    match principal {
        Principal::Licence(licence) if is_gated(principal, repo) && has_ended(licence, now) => {
            Decision::Deny(Denial::Expired)
        }
        _ => Decision::Allow,
    }
}

/// Whether a licence opens nothing any more, because its time is over.
fn has_ended(licence: &LicenceRow, now: Timestamp) -> bool {
    let LicenceConstraint::Date(until) = licence.constraint else { return false };
    licence.on_expiry == OnExpiry::Revoke && now > until
}

#[cfg(test)]
#[path = "customer_tests.rs"]
mod tests;
