//! A package that comes from an upstream, as far as it is kept here. The upstream itself is never asked.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use granary_model::npm::NpmVersion;
use granary_model::{Error, Result, Timestamp};
use granary_publish::Source;
use granary_publish::npm::foreign::{About, ForeignIndex, ForeignVersion, about, stored};
use granary_publish::policy::{Kept, Policy, kept};
use granary_storage::rows::{HeadRow, UpstreamHead, VersionRow};

use super::standing::Standing;
use super::versions::Slice;
use super::view::{PackageDetails, Seen, VersionDetails, VersionLine};
use super::{Paging, no_version};
use crate::counts::package_downloads;

/// What is said of a version that is deprecated, in lists: the reason stands with the version.
const DEPRECATED: &str = "deprecated by its publisher";

/// What there is of the package, as things stand now.
struct Foreign<'a> {
    seen: Seen<'a>,
    source: Source,
    policy: Arc<Policy>,
    index: Arc<ForeignIndex>,
    /// Versions that the viewer is shown, the highest first.
    order: Vec<String>,
    /// How many of them can be had.
    live: usize,
    tags: BTreeMap<String, String>,
}

/// The package, one of its versions, and a page of the others.
///
/// # Errors
/// `Unavailable` if the upstream's document has got lost: the next client that asks for the package has it fetched again.
pub(super) async fn details(seen: Seen<'_>, asked: Option<&str>, paging: &Paging) -> Result<PackageDetails> {
    let foreign = Foreign::read(seen).await?;
    let slice = Slice::of(&foreign.order, paging)?;
    let is_listed = |version: &str| foreign.order.iter().any(|listed| listed == version);
    let asked = asked.map(|text| {
        let version = text.parse::<NpmVersion>().ok().map(|version| version.to_string());
        version.filter(|version| is_listed(version)).ok_or_else(|| no_version(seen.named, text))
    });
    let asked = asked.transpose()?;
    let latest = foreign.tags.get("latest").cloned();
    let chosen = asked.or(latest).or_else(|| foreign.order.first().cloned());
    let (storage, package) = (seen.state.storage(), &seen.named.package);
    let (rows, downloads, about) = tokio::try_join!(
        slice.rows(storage, package, chosen.as_deref()),
        package_downloads(seen.state, std::slice::from_ref(package)),
        foreign.about(chosen.as_deref()),
    )?;
    let rows: HashMap<String, VersionRow> =
        rows.into_iter().filter(|(_, row)| row.is_live() && seen.named.head.has(row)).collect();
    let facts = seen.package(downloads.first().copied().unwrap_or_default());
    let version = chosen.and_then(|version| foreign.version(&version, about, &rows)).transpose()?;
    let lines = slice.versions.iter().filter_map(|version| foreign.line(version, &rows));
    Ok(PackageDetails {
        package: facts.with_document(foreign.live, foreign.tags.clone()),
        version,
        versions: lines.collect(),
        next: slice.next,
    })
}

impl<'a> Foreign<'a> {
    async fn read(seen: Seen<'a>) -> Result<Self> {
        let named = seen.named;
        let missing = |what: &str| Error::internal("showing a package of an upstream", what);
        let policy = named.access.policy.clone().ok_or_else(|| missing("there are no rules"))?;
        // Documents are as old as the last look at the upstream; what is shown here is what can be had now.
        let mut head = HeadRow::clone(&named.head);
        let upstream = head.upstream.as_deref_mut().ok_or_else(|| missing("it is from none"))?;
        upstream.as_of = seen.state.now().millis();
        let gone = upstream.gone;
        let removed = std::mem::take(&mut upstream.removed);
        let source = named.access.source(named.package.kind, &named.package.name, head);
        let index = stored::index(seen.state.documents(), seen.state.storage(), &source).await?;
        let let_in = index.seen(&source.head, &policy);
        let (live, tags) = if gone { (0, BTreeMap::new()) } else { (let_in.versions.len(), let_in.tags) };
        let mut versions: Vec<NpmVersion> = if seen.insider {
            let removed = removed.iter().filter_map(|version| version.parse().ok());
            index.versions.iter().map(|one| one.version.clone()).chain(removed).collect()
        } else if gone {
            Vec::new()
        } else {
            let_in.versions.iter().map(|one| one.version.clone()).collect()
        };
        // As the order of what is published here: texts decide between those that are equal.
        versions.sort_by_cached_key(|version| Reverse((version.clone(), version.to_string())));
        let order = versions.iter().map(NpmVersion::to_string).collect();
        Ok(Self { seen, source, policy, index, order, live, tags })
    }

    fn head(&self) -> Option<&UpstreamHead> {
        self.seen.named.head.upstream.as_deref()
    }

    async fn about(&self, version: Option<&str>) -> Result<About> {
        let Some(version) = version else { return Ok(About::default()) };
        let (documents, storage) = (self.seen.state.documents(), self.seen.state.storage());
        let about = about(documents, storage, &self.source, version).await?;
        Ok(Option::clone(&about).unwrap_or_default())
    }

    /// Why nobody gets a version.
    fn kept(&self, version: &str, one: Option<&ForeignVersion>, row: Option<&VersionRow>) -> Option<Kept> {
        let (head, now) = (&*self.seen.named.head, self.seen.state.now());
        if let Some(row) = row {
            return kept(head, Some(&self.policy), row, now);
        }
        if let Some(quarantine) = head.quarantined(version) {
            return Some(Kept::Quarantined(quarantine.reason.clone()));
        }
        let upstream = self.head()?;
        match one.filter(|_| !upstream.gone) {
            Some(one) => self.policy.keeps(version, one.published, now),
            None => Some(Kept::Removed(upstream.name.clone())),
        }
    }

    /// When a version was published and how things stand with it. `None` for one of which nothing is here and that the
    /// upstream has no more.
    fn standing(&self, version: &str, row: Option<&VersionRow>) -> Option<(Timestamp, Standing)> {
        let one = self.index.get(version);
        let published = row.map(|row| row.published_at).or_else(|| one.map(|one| one.published))?;
        let kept = self.kept(version, one, row);
        let what = self.seen.named_version(version);
        Some((published, Standing::foreign(self.head()?, row, kept.as_ref(), &what)))
    }

    fn line(&self, version: &str, rows: &HashMap<String, VersionRow>) -> Option<VersionLine> {
        let row = rows.get(version);
        let (published, standing) = self.standing(version, row)?;
        let is_deprecated = self.index.get(version).is_some_and(|one| one.deprecated);
        let deprecated = is_deprecated.then(|| DEPRECATED.to_owned());
        Some(VersionLine::foreign((version, published, row), deprecated, standing))
    }

    fn version(
        &self,
        version: &str,
        about: About,
        rows: &HashMap<String, VersionRow>,
    ) -> Option<Result<VersionDetails>> {
        let row = rows.get(version);
        let (published, standing) = self.standing(version, row)?;
        Some(VersionDetails::foreign(self.seen, (version, published, row), about, standing))
    }
}
