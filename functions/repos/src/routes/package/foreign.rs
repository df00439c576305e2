//! A package that comes from an upstream, as far as it is kept here. The upstream itself is never asked.

mod said;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use granary_model::{Result, Timestamp};
use granary_publish::Source;
use granary_publish::npm::foreign::About;
use granary_publish::policy::{Kept, Policy, kept};
use granary_storage::rows::{HeadRow, UpstreamHead, VersionRow};

use super::standing::Standing;
use super::version::Extras;
use super::versions::Slice;
use super::view::{PackageDetails, Seen, VersionDetails, VersionLine};
use super::{Paging, no_version};
use crate::counts::package_downloads;
use crate::named::version_key;
use said::{Said, inconsistent};

/// What is said of a version that is deprecated, in lists: the reason stands with the version.
const DEPRECATED: &str = "deprecated by its publisher";

/// What there is of the package, as things stand now.
struct Foreign<'a> {
    seen: Seen<'a>,
    source: Source,
    policy: Arc<Policy>,
    said: Said,
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
    let foreign = Box::pin(Foreign::read(seen)).await?;
    let slice = Slice::of(&foreign.order, paging)?;
    let asked = asked.map(|text| {
        let version = version_key(seen.kind(), text);
        let version = version.filter(|version| foreign.order.iter().any(|listed| listed == version));
        version.ok_or_else(|| no_version(seen.named, text))
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
        let policy = named.access.policy.clone().ok_or_else(|| inconsistent("there are no rules"))?;
        // Documents are as old as the last look at the upstream; what is shown here is what can be had now.
        let mut head = HeadRow::clone(&named.head);
        let upstream = head.upstream.as_deref_mut().ok_or_else(|| inconsistent("it is from none"))?;
        upstream.as_of = seen.state.now().millis();
        let removed = std::mem::take(&mut upstream.removed);
        let source = named.access.source(seen.kind(), &named.package.name, head);
        let said = Box::pin(Said::read(seen.state, &source)).await?;
        let mut foreign =
            Self { seen, source, policy, said, order: Vec::new(), live: 0, tags: BTreeMap::new() };
        let mut versions = foreign.said.versions();
        // Some of the rows are not read yet, but of what can be had the document says as much.
        let can_be_had = |version: &&String| foreign.kept(version, foreign.said.row(version)).is_none();
        let live: BTreeSet<String> = versions.iter().filter(can_be_had).cloned().collect();
        if !live.is_empty() {
            foreign.tags = foreign.said.tags(&foreign.source, &foreign.policy, &live);
        }
        foreign.live = live.len();
        versions.extend(removed.into_iter().filter(|version| version_key(seen.kind(), version).is_some()));
        foreign.order = foreign.said.ordered(if seen.insider { versions } else { live });
        Ok(foreign)
    }

    fn head(&self) -> Option<&UpstreamHead> {
        self.seen.named.head.upstream.as_deref()
    }

    async fn about(&self, version: Option<&str>) -> Result<(About, Extras)> {
        match version {
            Some(version) => self.said.about(self.seen.state, &self.source, version).await,
            None => Ok((About::default(), Extras::default())),
        }
    }

    /// Why nobody gets a version.
    fn kept(&self, version: &str, row: Option<&VersionRow>) -> Option<Kept> {
        let (head, now) = (&*self.seen.named.head, self.seen.state.now());
        if let Some(row) = row {
            return kept(head, Some(&self.policy), row, now);
        }
        if let Some(quarantine) = head.quarantined(version) {
            return Some(Kept::Quarantined(quarantine.reason.clone()));
        }
        let upstream = self.head()?;
        match self.said.published(version).filter(|_| !upstream.gone) {
            Some(published) => self.policy.keeps(version, published, now),
            None => Some(Kept::Removed(upstream.name.clone())),
        }
    }

    /// When a version was published and how things stand with it. `None` for one of which nothing is here and that the
    /// upstream has no more.
    fn standing(&self, version: &str, row: Option<&VersionRow>) -> Option<(Timestamp, Standing)> {
        let published = row.map(|row| row.published_at).or_else(|| self.said.published(version))?;
        let kept = self.kept(version, row);
        let what = self.seen.named_version(version);
        Some((published, Standing::foreign(self.head()?, row, kept.as_ref(), &what)))
    }

    fn line(&self, version: &str, rows: &HashMap<String, VersionRow>) -> Option<VersionLine> {
        let row = rows.get(version);
        let (published, standing) = self.standing(version, row)?;
        let deprecated = self.said.is_deprecated(version).then(|| DEPRECATED.to_owned());
        Some(VersionLine::foreign((version, published, row), deprecated, standing))
    }

    fn version(
        &self,
        version: &str,
        about: (About, Extras),
        rows: &HashMap<String, VersionRow>,
    ) -> Option<Result<VersionDetails>> {
        let row = rows.get(version);
        let (published, standing) = self.standing(version, row)?;
        Some(VersionDetails::foreign(self.seen, (version, published, row), about, standing))
    }
}
