//! Which packages the names in a licence mean, and whether the licence's range is one for them.
//!
//! A licence keeps names in the form that registries compare: those of npm, Swift and Composer in lower case. Which form
//! that is depends on what the seller's repositories hold.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use granary_http::seller::Seller;
use granary_http::{AppState, shown};
use granary_model::composer::ComposerName;
use granary_model::maven::split_key;
use granary_model::npm::NpmName;
use granary_model::range::Range;
use granary_model::raw::RawName;
use granary_model::swift::SwiftIdentity;
use granary_model::{Error, PackageType, Result};
use granary_storage::rows::{LicenceConstraint, LicenceRow, RepoRow};
use granary_storage::{Key, PackageKey};
use serde::Deserialize;

/// Protocols that packages are kept by.
const KINDS: [PackageType; 5] =
    [PackageType::Npm, PackageType::Maven, PackageType::Swift, PackageType::Composer, PackageType::Raw];

/// Packages that are looked up for one licence.
const MAX_LOOKED_UP: usize = 1000;

/// The form of a name that a protocol compares, if it could be a name of its.
fn compared(kind: PackageType, name: &str) -> Option<String> {
    match kind {
        PackageType::Npm => name.parse::<NpmName>().ok().map(|name| name.key()),
        PackageType::Maven => split_key(name).ok().map(|_| name.to_owned()),
        PackageType::Swift => name.parse::<SwiftIdentity>().ok().map(|name| name.key()),
        PackageType::Composer => name.parse::<ComposerName>().ok().map(|name| name.as_str().to_owned()),
        PackageType::Raw => name.parse::<RawName>().ok().map(|_| name.to_owned()),
        // Its packages are kept as those of npm and Swift.
        PackageType::Kmp => None,
    }
}

/// Whether packages of a protocol can be in a repository.
fn offers(repo: &RepoRow, kind: PackageType) -> bool {
    let built = matches!(kind, PackageType::Npm | PackageType::Swift);
    repo.package_types.contains(&kind) || built && repo.package_types.contains(&PackageType::Kmp)
}

/// A kept name as sellers write it.
pub(crate) fn spoken(entry: &str) -> String {
    entry.replacen("//", "/", 1)
}

/// One way to understand a name.
#[derive(Debug, Clone)]
struct Reading<'a> {
    kind: PackageType,
    /// The repository that the name is limited to.
    repo: Option<&'a RepoRow>,
    /// The name as the protocol compares it.
    name: String,
}

impl Reading<'_> {
    /// What the licence keeps.
    fn entry(&self) -> String {
        match self.repo {
            Some(repo) => LicenceRow::limited(&repo.id, &self.name),
            None => self.name.clone(),
        }
    }
}

/// The packages that exist, of those that were looked up.
type Existing = HashSet<PackageKey>;

/// A name with everything it may mean.
struct Name<'a> {
    given: &'a str,
    readings: Vec<Reading<'a>>,
}

/// A range of versions, and which protocols it is one for.
struct Verdicts<'a> {
    text: &'a str,
    refusals: BTreeMap<PackageType, String>,
}

impl<'a> Verdicts<'a> {
    fn of(text: &'a str) -> Self {
        let refusal = |kind| Range::parse(kind, text).err().map(|error| (kind, error.to_string()));
        Self { text, refusals: KINDS.into_iter().filter_map(refusal).collect() }
    }
}

/// What a seller has: the repositories in which names are looked for.
pub(crate) struct Shelf {
    repos: Vec<RepoRow>,
}

impl Shelf {
    pub(crate) async fn of(state: &AppState, seller: &Seller) -> Result<Self> {
        Ok(Self { repos: seller.repos(state).await? })
    }

    /// The names that a licence keeps for those that were given.
    ///
    /// Packages need not exist. Where a name can be understood in several ways, those that exist decide.
    ///
    /// # Errors
    /// `BadRequest` for what cannot be a name, what can be one in two ways that differ, and a range that is none for a
    /// package.
    pub(crate) async fn keep(
        &self,
        state: &AppState,
        given: &BTreeSet<String>,
        constraint: &LicenceConstraint,
    ) -> Result<BTreeSet<String>> {
        let verdicts = match constraint {
            LicenceConstraint::Version(text) => Some(Verdicts::of(text)),
            LicenceConstraint::None | LicenceConstraint::Date(_) => None,
        };
        let names: Vec<Name<'_>> = given.iter().map(|name| self.name(name)).collect::<Result<_>>()?;
        if let Some(verdicts) = verdicts.as_ref().filter(|_| names.is_empty()) {
            verdicts.require_any(None, KINDS.into_iter().filter(|kind| *kind != PackageType::Raw))?;
        }
        let mut wanted = BTreeSet::new();
        for name in &names {
            let doubtful = name.doubtful(verdicts.as_ref())?;
            wanted.extend(doubtful.into_iter().flat_map(|reading| self.packages(reading)));
        }
        let existing = look_up(state, &self.repos, wanted).await?;
        let mut kept = BTreeSet::new();
        for name in &names {
            let entry = name.entry(|reading| self.packages(reading).any(|key| existing.contains(&key)))?;
            if let Some(verdicts) = &verdicts {
                self.check(name, &entry, verdicts, &existing)?;
            }
            if !kept.insert(entry) {
                return Err(Error::BadRequest(format!(
                    "packages: '{}' is there twice, in another spelling",
                    shown(name.given)
                )));
            }
        }
        Ok(kept)
    }

    /// Everything that a name may mean here.
    fn name<'a>(&'a self, given: &'a str) -> Result<Name<'a>> {
        let whole = KINDS
            .iter()
            .filter_map(|kind| Some(Reading { kind: *kind, repo: None, name: compared(*kind, given)? }));
        // Two slashes say that a repository is meant.
        let split = given.split_once("//").or_else(|| given.split_once('/'));
        let repo = split.and_then(|(id, _)| self.repos.iter().find(|repo| repo.id.as_str() == id));
        let within = repo.zip(split).into_iter().flat_map(|(repo, (_, rest))| {
            KINDS.iter().filter_map(move |kind| {
                Some(Reading { kind: *kind, repo: Some(repo), name: compared(*kind, rest)? })
            })
        });
        let (mut readings, mut rest): (Vec<_>, Vec<_>) =
            whole.chain(within).partition(|reading| self.is_offered(reading));
        if readings.is_empty() {
            // A name with a slash means a repository or a package of Composer, and there is neither.
            let foreign = given.contains('/') && !given.starts_with('@') && repo.is_none();
            rest.retain(|_| !foreign || self.repos.is_empty());
            // As a name of plain files almost anything passes, so it says nothing about a name.
            if rest.iter().any(|reading| reading.kind != PackageType::Raw) {
                rest.retain(|reading| reading.kind != PackageType::Raw);
            }
            readings = rest;
        }
        if readings.is_empty() {
            return Err(Error::BadRequest(format!(
                "packages: '{}' is neither the name of a package as your repositories can hold it, nor one of your \
                 repositories, a slash and such a name",
                shown(given)
            )));
        }
        Ok(Name { given, readings })
    }

    fn is_offered(&self, reading: &Reading<'_>) -> bool {
        match reading.repo {
            Some(repo) => offers(repo, reading.kind),
            None => self.repos.iter().any(|repo| offers(repo, reading.kind)),
        }
    }

    /// The packages that a reading may be.
    fn packages(&self, reading: &Reading<'_>) -> impl Iterator<Item = PackageKey> {
        let Reading { kind, repo, name } = reading.clone();
        let only = repo.map(|repo| &repo.id);
        let within = self.repos.iter().filter(move |repo| only.is_none_or(|only| repo.id == *only));
        let ids: Vec<_> = within.filter(|repo| offers(repo, kind)).map(|repo| repo.id.clone()).collect();
        ids.into_iter().map(move |repo| PackageKey { repo, kind, name: name.clone() })
    }

    /// Whether the range is one for every package there is that a name means, and for one that there may be.
    fn check(
        &self,
        name: &Name<'_>,
        entry: &str,
        verdicts: &Verdicts<'_>,
        existing: &Existing,
    ) -> Result<()> {
        let meant = || name.readings.iter().filter(|reading| reading.entry() == entry);
        for reading in meant() {
            let exists = || self.packages(reading).any(|key| existing.contains(&key));
            if let Some(why) = verdicts.refusals.get(&reading.kind).filter(|_| exists()) {
                return Err(verdicts.refusal(Some(entry), reading.kind, why));
            }
        }
        verdicts.require_any(Some(entry), meant().map(|reading| reading.kind))
    }
}

impl Name<'_> {
    /// The readings of which has to be known whether they exist. None, if all that the name may mean comes to the same.
    fn doubtful(&self, verdicts: Option<&Verdicts<'_>>) -> Result<Vec<&Reading<'_>>> {
        let is_clear = self.entries().len() == 1;
        let Some(verdicts) = verdicts else {
            return Ok(if is_clear { Vec::new() } else { self.readings.iter().collect() });
        };
        // Before anything is read for it.
        verdicts.require_any(Some(self.given), self.readings.iter().map(|reading| reading.kind))?;
        let refused = |reading: &&Reading<'_>| verdicts.refusals.contains_key(&reading.kind);
        Ok(self.readings.iter().filter(|reading| !is_clear || refused(reading)).collect())
    }

    fn entries(&self) -> BTreeSet<String> {
        self.readings.iter().map(Reading::entry).collect()
    }

    /// What the licence keeps for the name.
    fn entry(&self, exists: impl Fn(&Reading<'_>) -> bool) -> Result<String> {
        let mut entries = self.entries();
        if entries.len() > 1 {
            let there: BTreeSet<String> =
                self.readings.iter().filter(|reading| exists(reading)).map(Reading::entry).collect();
            if there.len() != 1 {
                let entries: Vec<String> =
                    entries.iter().map(|entry| format!("'{}'", shown(entry))).collect();
                return Err(Error::BadRequest(format!(
                    "packages: '{}' can mean {}, because not every protocol looks at upper case, and names of \
                     Composer have a slash; write the repository and two slashes before it, as in \
                     'repository//name', or the name in lower case",
                    shown(self.given),
                    entries.join(" or ")
                )));
            }
            entries = there;
        }
        entries.pop_first().ok_or_else(|| Error::internal("reading a licence", "a name without a meaning"))
    }
}

impl Verdicts<'_> {
    /// Refuses a range that is none for any of these protocols.
    fn require_any(&self, name: Option<&str>, kinds: impl Iterator<Item = PackageType>) -> Result<()> {
        let mut first = None;
        for kind in kinds {
            match self.refusals.get(&kind) {
                None => return Ok(()),
                Some(why) => {
                    first.get_or_insert_with(|| self.refusal(name, kind, why));
                }
            }
        }
        first.map_or(Ok(()), Err)
    }

    fn refusal(&self, name: Option<&str>, kind: PackageType, why: &str) -> Error {
        let of = name.map_or_else(String::new, |name| format!(" for '{}' ({kind})", shown(&spoken(name))));
        Error::BadRequest(format!("constraint: value: '{}' is no range{of}: {why}", shown(self.text)))
    }
}

/// What has to be known of a package to know that it is there.
#[derive(Deserialize)]
struct Head {
    repo_uid: String,
}

async fn look_up(state: &AppState, repos: &[RepoRow], wanted: BTreeSet<PackageKey>) -> Result<Existing> {
    if wanted.len() > MAX_LOOKED_UP {
        return Err(Error::BadRequest(format!(
            "packages: more than {MAX_LOOKED_UP} packages may be meant; write the repository before the names, as in \
             'repository/name'"
        )));
    }
    let wanted: Vec<PackageKey> = wanted.into_iter().collect();
    let keys: Vec<Key> = wanted.iter().cloned().map(Key::Head).collect();
    let rows: Vec<Option<Head>> = state.storage().read_all(&keys).await?;
    // What a deleted repository left behind is not there.
    let uids: BTreeMap<_, _> = repos.iter().map(|repo| (&repo.id, &repo.uid)).collect();
    let there = |(package, row): (PackageKey, Option<Head>)| {
        let uid = row?.repo_uid;
        (uids.get(&package.repo) == Some(&&uid)).then_some(package)
    };
    Ok(wanted.into_iter().zip(rows).filter_map(there).collect())
}
