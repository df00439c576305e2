//! The order in which the versions of a package are listed, by the rule of its protocol.

use std::collections::BTreeMap;

use bytes::Bytes;
use granary_model::composer::ComposerVersion;
use granary_model::npm::NpmVersion;
use granary_model::{Error, PackageType, Result};
use granary_storage::Storage;
use granary_storage::rows::{HeadRow, VersionRow};

use crate::compress::{gunzip, gzip};
use crate::documents::{DocumentCache, Renderer, Source};
use crate::maven::rules::{rank, shown};
use crate::raw::age;
use crate::seen::Showing as _;
use crate::swift::facts::SwiftFacts;
use crate::swift::releases::SwiftShowing;

/// The document that has only the order: as long as a package does not change, a page of its versions is found without
/// reading the others.
#[derive(Debug, Clone, Copy, Default)]
pub struct VersionOrder {
    /// Whether versions that are in quarantine are among the others.
    with_quarantined: bool,
}

impl VersionOrder {
    /// Name of the variant; its number changes with the form.
    const fn variant(self) -> &'static str {
        if self.with_quarantined { "v1q" } else { "v1" }
    }

    /// The versions that the protocol lists, as they are kept in keys: the highest first, of plain files the newest.
    ///
    /// Those of Swift are with the releases that were withdrawn, those of Maven without the ones whose POM has not come
    /// yet, unless there are no others.
    pub async fn read(documents: &DocumentCache, storage: &Storage, source: &Source) -> Result<Vec<String>> {
        Self::default().read_as(documents, storage, source).await
    }

    /// The same with those that are in quarantine: for whoever administers the package.
    pub async fn read_whole(
        documents: &DocumentCache,
        storage: &Storage,
        source: &Source,
    ) -> Result<Vec<String>> {
        Self { with_quarantined: true }.read_as(documents, storage, source).await
    }

    async fn read_as(
        self,
        documents: &DocumentCache,
        storage: &Storage,
        source: &Source,
    ) -> Result<Vec<String>> {
        let document = documents.get(storage, source, self.variant(), &self).await?;
        serde_json::from_slice(&gunzip(&document.gzip)?)
            .map_err(|e| Error::internal("reading the order of versions", e))
    }
}

impl Renderer for VersionOrder {
    fn variants(&self) -> Vec<String> {
        vec![self.variant().into()]
    }

    async fn render(&self, storage: &Storage, source: &Source) -> Result<Vec<Bytes>> {
        let mut source = source.clone();
        if self.with_quarantined {
            source.head = HeadRow { quarantine: BTreeMap::new(), ..HeadRow::clone(&source.head) }.into();
        }
        let source = &source;
        let kind = source.package.kind;
        let rows = match kind {
            PackageType::Swift => SwiftShowing::listed(storage, source).await?,
            _ => source.versions(storage).await?,
        };
        // Thousands of versions take a while to sort: not on a thread that serves other requests.
        let stored = tokio::task::spawn_blocking(move || {
            let text = serde_json::to_vec(&ordered(kind, &rows)?)
                .map_err(|e| Error::internal("writing the order of versions", e))?;
            gzip(&text)
        });
        Ok(vec![stored.await.map_err(|e| Error::internal("ordering versions", e))??.into()])
    }
}

fn ordered(kind: PackageType, rows: &[VersionRow]) -> Result<Vec<&str>> {
    match kind {
        PackageType::Npm => sorted(rows.iter(), |row| row.version.parse::<NpmVersion>()),
        PackageType::Maven => sorted(shown(rows), |row| Ok(rank(&row.version))),
        PackageType::Swift => sorted(rows.iter(), |row| Ok(SwiftFacts::from_row(&row.facts)?.version)),
        PackageType::Composer => sorted(rows.iter(), |row| ComposerVersion::from_normalized(&row.version)),
        PackageType::Raw => sorted(rows.iter(), |row| Ok(age(row))),
        // Its packages are those of the protocols that it builds for.
        PackageType::Kmp => Ok(Vec::new()),
    }
}

/// The versions by their place, the highest first. Texts decide between those that are equal, so that the order is always
/// the same.
fn sorted<'a, P: Ord>(
    rows: impl Iterator<Item = &'a VersionRow>,
    place: impl Fn(&'a VersionRow) -> Result<P>,
) -> Result<Vec<&'a str>> {
    let mut placed: Vec<(P, &str)> =
        rows.map(|row| Ok((place(row)?, row.version.as_str()))).collect::<Result<_>>()?;
    placed.sort_by(|a, b| b.cmp(a));
    Ok(placed.into_iter().map(|(_, version)| version).collect())
}

#[cfg(test)]
mod tests {
    use granary_model::Timestamp;
    use granary_storage::rows::VersionStatus;

    use super::*;

    fn row(version: &str, at: i64, complete: bool) -> VersionRow {
        VersionRow {
            version: version.into(),
            status: VersionStatus::Live,
            published_at: Timestamp::from_millis(at),
            publisher: "ann".into(),
            deprecated: None,
            files: Vec::new(),
            size: 0,
            file_count: 0,
            complete,
            hidden: false,
            fetched: None,
            facts: match version.parse() {
                Ok(version) => SwiftFacts::withdrawn(version).to_row().unwrap(),
                Err(_) => Vec::new(),
            },
        }
    }

    fn order(kind: PackageType, versions: &[&str]) -> Vec<String> {
        let rows: Vec<VersionRow> = (0..).zip(versions).map(|(at, version)| row(version, at, true)).collect();
        ordered(kind, &rows).unwrap().into_iter().map(str::to_owned).collect()
    }

    #[test]
    fn every_protocol_has_its_own_order() {
        let semantic = ["1.10.0", "1.2.0", "1.10.0-rc.1", "2.0.0-a"];
        let highest_first = ["2.0.0-a", "1.10.0", "1.10.0-rc.1", "1.2.0"];
        assert_eq!(order(PackageType::Npm, &semantic), highest_first);
        assert_eq!(order(PackageType::Swift, &semantic), highest_first);
        assert_eq!(
            order(PackageType::Maven, &["1.0-SNAPSHOT", "1.0", "1.0-beta-2", "1.0-sp"]),
            ["1.0-sp", "1.0", "1.0-SNAPSHOT", "1.0-beta-2"]
        );
        assert_eq!(
            order(PackageType::Composer, &["dev-main", "1.2.0.0", "1.10.0.0", "1.10.0.0-beta1"]),
            ["1.10.0.0", "1.10.0.0-beta1", "1.2.0.0", "dev-main"]
        );
        // Nothing is assumed about texts: the last one that was published comes first.
        assert_eq!(order(PackageType::Raw, &["9", "1", "5"]), ["5", "1", "9"]);
        assert!(order(PackageType::Kmp, &["1"]).is_empty());
    }

    #[test]
    fn versions_without_a_pom_are_listed_only_for_want_of_others() {
        let mut rows = vec![row("1.0", 0, false), row("2.0", 1, false)];
        assert_eq!(ordered(PackageType::Maven, &rows).unwrap(), ["2.0", "1.0"]);
        rows[0].complete = true;
        assert_eq!(ordered(PackageType::Maven, &rows).unwrap(), ["1.0"]);
    }
}
