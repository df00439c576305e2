//! What the key of a customer opens, for its seller to look at.
//!
//! It goes by the decisions that the customer's own requests go by, so that a seller is shown what the customer gets and
//! nothing else. Like the customer's lists it begins with what was sold and not with what there is.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures::{StreamExt as _, TryStreamExt as _};
use granary_auth::{
    Action, Decision, Denial, Entitlement, Principal, RepoFacts, decide, decide_lists, decide_package,
};
use granary_model::composer::ComposerName;
use granary_model::maven::split_key;
use granary_model::npm::NpmName;
use granary_model::raw::RawName;
use granary_model::swift::SwiftIdentity;
use granary_model::{Error, PackageType, RepoId, Result};
use granary_publish::Source;
use granary_publish::composer::facts::ComposerFacts;
use granary_publish::swift::facts::SwiftFacts;
use granary_storage::rows::{ConsumerRow, HeadRow, LicenceRow, RepoRow, SoldPackageRow, VersionRow};
use granary_storage::{Key, PackageKey};
use serde::{Deserialize, Serialize};

use super::Seller;
use crate::access::denied;
use crate::state::AppState;

/// Protocols that packages are kept by, in the order of their keys.
const KINDS: [PackageType; 5] =
    [PackageType::Npm, PackageType::Maven, PackageType::Swift, PackageType::Raw, PackageType::Composer];

/// Packages on a page, unless the seller wants another number.
const PAGE: usize = 50;

/// Most packages on a page.
const MAX_PAGE: usize = 200;

/// Most versions of a package that are named.
const MAX_VERSIONS: usize = 20;

/// Names that are looked up at once.
const BATCH: usize = 100;

/// Names that are looked up for one page. A page with fewer packages than were asked for has a next one all the same.
const MAX_LOOKED_UP: usize = 1_000;

/// Packages whose versions are read at the same time. Each may have thousands.
const AT_ONCE: usize = 4;

/// Longest cursor, in bytes.
const MAX_CURSOR: usize = 2_048;

/// Query of the list.
#[derive(Debug, Default, Deserialize)]
pub struct Paging {
    limit: Option<usize>,
    cursor: Option<String>,
}

impl Paging {
    fn limit(&self) -> Result<usize> {
        let limit = self.limit.unwrap_or(PAGE);
        if (1..=MAX_PAGE).contains(&limit) {
            return Ok(limit);
        }
        Err(Error::BadRequest(format!("limit: a whole number from 1 to {MAX_PAGE}")))
    }

    /// The package to go on after. Whether it is one of the seller's does not matter: it is only compared.
    fn after(&self) -> Result<Option<PackageKey>> {
        let Some(cursor) = self.cursor.as_deref().filter(|cursor| !cursor.is_empty()) else {
            return Ok(None);
        };
        let read = || {
            let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
            let text = String::from_utf8(bytes).ok()?;
            let (repo, rest) = text.split_once('#')?;
            let (kind, name) = rest.split_once('#')?;
            Some(PackageKey { repo: repo.parse().ok()?, kind: kind.parse().ok()?, name: name.to_owned() })
        };
        let found = if cursor.len() > MAX_CURSOR { None } else { read() };
        let wrong = || Error::BadRequest("cursor: it is not one that a list has given".into());
        found.map(Some).ok_or_else(wrong)
    }
}

fn cursor(after: &PackageKey) -> String {
    let PackageKey { repo, kind, name } = after;
    URL_SAFE_NO_PAD.encode(format!("{repo}#{kind}#{name}"))
}

/// What a key opens: one page.
#[derive(Debug, Serialize)]
pub struct Visible {
    packages: Vec<VisiblePackage>,
    /// Why the key opens nothing of what is not public, in the words that the customer reads.
    #[serde(skip_serializing_if = "Option::is_none")]
    blocked: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// A package that a key is for.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct VisiblePackage {
    repo_id: RepoId,
    package_type: PackageType,
    name: String,
    /// Those that the customer gets, newest first, at most 20 of them.
    versions: Vec<String>,
    versions_total: usize,
    /// Why the customer gets none, or why all.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

/// What the key of a licence opens.
///
/// # Errors
/// `BadRequest` for a page that there cannot be.
pub async fn of_licence(
    state: &AppState,
    seller: &Seller,
    licence: LicenceRow,
    paging: &Paging,
) -> Result<Visible> {
    let licence = Arc::new(licence);
    let look = Look::begin(state, seller, Principal::Licence(Arc::clone(&licence))).await?;
    let after = paging.after()?;
    let names = look.named(&licence).filter(|key| after.as_ref().is_none_or(|after| key > after));
    look.page(names, paging.limit()?).await
}

/// What the key pair of a consumer opens.
///
/// # Errors
/// `BadRequest` for a page that there cannot be.
pub async fn of_consumer(
    state: &AppState,
    seller: &Seller,
    consumer: ConsumerRow,
    paging: &Paging,
) -> Result<Visible> {
    let consumer = Arc::new(consumer);
    let look = Look::begin(state, seller, Principal::Consumer(Arc::clone(&consumer))).await?;
    let after = paging.after()?;
    let permitted = look.permitted(&consumer).await?;
    let names = permitted.into_iter().filter(|key| after.as_ref().is_none_or(|after| key > after));
    look.page(names, paging.limit()?).await
}

/// A look at the seller's repositories with the eyes of a customer.
struct Look<'a> {
    state: &'a AppState,
    customer: Principal,
    /// The repositories that the key opens something in.
    repos: BTreeMap<RepoId, RepoRow>,
    blocked: Option<String>,
}

impl<'a> Look<'a> {
    async fn begin(state: &'a AppState, seller: &Seller, customer: Principal) -> Result<Self> {
        let mut look = Self { state, customer, repos: BTreeMap::new(), blocked: None };
        // A key that is suspended opens nothing, even if there is no repository to say so about.
        if let Decision::Deny(denial @ Denial::Suspended) = decide(&look.customer, Action::Fetch, None) {
            look.block(denial);
            return Ok(look);
        }
        for repo in seller.repos(state).await? {
            match look.decide(&repo) {
                Decision::Allow => {
                    look.repos.insert(repo.id.clone(), repo);
                }
                Decision::Deny(denial) => look.block(denial),
            }
        }
        Ok(look)
    }

    /// Whether the customer gets anything in a repository.
    fn decide(&self, repo: &RepoRow) -> Decision {
        match decide(&self.customer, Action::Fetch, Some(RepoFacts::of(repo))) {
            Decision::Allow => decide_lists(&self.customer, repo, self.state.now()),
            denied @ Decision::Deny(_) => denied,
        }
    }

    fn block(&mut self, denial: Denial) {
        if denial.code().is_some() {
            self.blocked = Some(denied(denial, "this").to_string());
        }
    }

    /// What the names of a licence may be names of, in order. Whether there is such a package says its head.
    fn named(&self, licence: &LicenceRow) -> impl Iterator<Item = PackageKey> {
        self.repos.values().flat_map(|repo| {
            let here = LicenceRow::limited(&repo.id, "");
            let limited = licence.packages.iter().filter_map(|name| name.strip_prefix(&here));
            // As the set, not as the keys are in order: a name comes after its own beginning either way.
            let names: BTreeSet<&str> = licence.packages.iter().map(String::as_str).chain(limited).collect();
            let of_kind = |kind| {
                let names = names.iter().filter(move |name| could_be(kind, name));
                names.map(move |name| PackageKey { repo: repo.id.clone(), kind, name: (*name).to_owned() })
            };
            KINDS.into_iter().flat_map(of_kind).collect::<Vec<_>>()
        })
    }

    /// The packages that a consumer has permissions for, in order.
    async fn permitted(&self, consumer: &ConsumerRow) -> Result<BTreeSet<PackageKey>> {
        let numbers: BTreeSet<u64> = consumer.permissions.values().map(|given| given.package_id).collect();
        let keys: Vec<Key> =
            numbers.into_iter().map(|id| Key::SoldPackage(consumer.tenant.clone(), id)).collect();
        let rows: Vec<Option<SoldPackageRow>> = self.state.storage().read_all(&keys).await?;
        let rows = rows.into_iter().flatten();
        let here =
            |row: &SoldPackageRow| self.repos.get(&row.repo).is_some_and(|repo| repo.uid == row.repo_uid);
        let key = |row: SoldPackageRow| PackageKey { repo: row.repo, kind: row.kind, name: row.name };
        Ok(rows.filter(here).map(key).collect())
    }

    /// The packages that there are, of those that may be: one page.
    async fn page(&self, names: impl Iterator<Item = PackageKey>, limit: usize) -> Result<Visible> {
        let mut names = names.peekable();
        let (mut found, mut last, mut next, mut looked_up) = (Vec::new(), None, None, 0);
        'page: while names.peek().is_some() {
            if looked_up >= MAX_LOOKED_UP {
                next = last.as_ref().map(cursor);
                break;
            }
            let batch: Vec<PackageKey> = names.by_ref().take(BATCH).collect();
            looked_up += batch.len();
            let keys: Vec<Key> = batch.iter().cloned().map(Key::Head).collect();
            let heads: Vec<Option<HeadRow>> = self.state.storage().read_all(&keys).await?;
            for (package, head) in batch.into_iter().zip(heads) {
                if let Some(head) = self.here(&package, head) {
                    if found.len() == limit {
                        next = last.as_ref().map(cursor);
                        break 'page;
                    }
                    found.push((package.clone(), head));
                }
                last = Some(package);
            }
        }
        let packages = futures::stream::iter(found)
            .map(|(package, head)| self.seen(package, head))
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        Ok(Visible { packages, blocked: self.blocked.clone(), next })
    }

    /// The head of a package that is there: not one that a deleted repository has left behind.
    fn here(&self, package: &PackageKey, head: Option<HeadRow>) -> Option<HeadRow> {
        let repo = self.repos.get(&package.repo)?;
        head.filter(|head| head.repo_uid == repo.uid)
    }

    /// A package as the customer finds it.
    async fn seen(&self, package: PackageKey, head: HeadRow) -> Result<VisiblePackage> {
        let repo = self.repos.get(&package.repo);
        let repo =
            repo.ok_or_else(|| Error::internal("looking at a package", "its repository was not read"))?;
        let (published, hidden) = (head.versions, head.hidden);
        let mut seen = VisiblePackage {
            repo_id: package.repo.clone(),
            package_type: package.kind,
            name: head.name.clone(),
            versions: Vec::new(),
            versions_total: 0,
            why: None,
        };
        let entitlement = decide_package(&self.customer, repo, &package, Some(&head), self.state.now());
        let grants = match entitlement {
            Entitlement::All => None,
            Entitlement::Some(grants) => Some(Arc::new(grants)),
            Entitlement::Nothing(_) => {
                seen.why = Some(if hidden {
                    "the package is switched off for customers".into()
                } else {
                    format!("nothing that the key has is for {} packages of this name", package.kind)
                });
                return Ok(seen);
            }
        };
        let is_public = grants.is_none();
        let source = Source { grants, ..Source::whole(package, repo.uid.clone(), head) };
        let mut rows = source.versions(self.state.storage()).await?;
        rows.sort_by(|a, b| (b.published_at, &b.version).cmp(&(a.published_at, &a.version)));
        seen.versions_total = rows.len();
        let kind = source.package.kind;
        seen.versions = rows.iter().take(MAX_VERSIONS).map(|row| spoken(kind, row)).collect::<Result<_>>()?;
        seen.why = match (rows.is_empty(), published) {
            (true, 0) => Some("nothing of it is published yet".into()),
            (true, _) => Some("the key covers none of its versions, or they are switched off".into()),
            (false, _) => is_public.then(|| "everybody may read this repository".into()),
        };
        Ok(seen)
    }
}

/// Whether a name is one that a protocol can have, in the form that it compares.
fn could_be(kind: PackageType, name: &str) -> bool {
    match kind {
        PackageType::Npm => name.parse::<NpmName>().is_ok_and(|parsed| parsed.key() == name),
        PackageType::Maven => split_key(name).is_ok(),
        PackageType::Swift => name.parse::<SwiftIdentity>().is_ok_and(|parsed| parsed.key() == name),
        PackageType::Composer => name.parse::<ComposerName>().is_ok_and(|parsed| parsed.as_str() == name),
        PackageType::Raw => name.parse::<RawName>().is_ok(),
        // Its packages are kept as those of npm and Swift.
        PackageType::Kmp => false,
    }
}

/// A version as it was published.
fn spoken(kind: PackageType, row: &VersionRow) -> Result<String> {
    Ok(match kind {
        PackageType::Composer => ComposerFacts::from_row(&row.facts)?.version,
        PackageType::Swift => SwiftFacts::from_row(&row.facts)?.version.to_string(),
        _ => row.version.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paging(cursor: &str) -> Paging {
        Paging { limit: None, cursor: Some(cursor.into()) }
    }

    #[test]
    fn cursors_go_on_where_the_page_ended() {
        let key = PackageKey { repo: "libs".parse().unwrap(), kind: PackageType::Npm, name: "@s/n#x".into() };
        assert_eq!(paging(&cursor(&key)).after().unwrap(), Some(key));
        assert_eq!(paging("").after().unwrap(), None);
        let long = "x".repeat(MAX_CURSOR + 1);
        for bad in ["!", "_w", "bGlicw", "bGlicyNudWdldCN4", &long] {
            assert!(matches!(paging(bad).after(), Err(Error::BadRequest(_))), "{bad}");
        }
    }

    #[test]
    fn pages_have_a_size() {
        let limit = |limit| Paging { limit, cursor: None }.limit().ok();
        assert_eq!([limit(None), limit(Some(1)), limit(Some(200))], [Some(50), Some(1), Some(200)]);
        assert_eq!([limit(Some(0)), limit(Some(201))], [None, None]);
    }

    #[test]
    fn protocols_are_in_the_order_of_their_keys() {
        assert!(KINDS.is_sorted());
    }

    #[test]
    fn a_name_is_looked_for_where_it_can_be() {
        use PackageType as P;
        let kinds = |name: &str| KINDS.into_iter().filter(|kind| could_be(*kind, name)).collect::<Vec<_>>();
        assert_eq!(kinds("@acme/tool"), [P::Npm]);
        assert_eq!(kinds("com.acme:tool"), [P::Maven]);
        assert_eq!(kinds("acme/tool"), [P::Composer]);
        assert_eq!(kinds("acme.tool"), [P::Npm, P::Swift, P::Raw]);
        assert_eq!(kinds("libs//tool"), []);
    }
}
