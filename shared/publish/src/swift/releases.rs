//! The list of a package's releases.

use bytes::Bytes;
use granary_model::swift::{SwiftIdentity, SwiftVersion};
use granary_model::{Error, RepoId, Result};
use granary_storage::rows::{HeadRow, VersionRow};
use granary_storage::{Key, Storage};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::facts::SwiftFacts;
use super::publish::show_latest;
use crate::compress::{gunzip, gzip};
use crate::documents::{DocumentCache, Renderer, Source, address_suffix};
use crate::seen::Showing;

/// Raised whenever the renderer would make other bytes of the same rows.
const FORMAT: u32 = 1;

/// Renders lists of releases for one public address.
#[derive(Debug, Clone)]
pub struct Releases {
    public_url: String,
    list: String,
}

impl Releases {
    /// Name of the variant that has the live versions, highest first, one a line: what is needed to tell the
    /// neighbours of a release.
    const ORDER: &'static str = "o1";

    /// For a registry that clients reach at `public_url`.
    pub fn new(public_url: &str) -> Self {
        Self { public_url: public_url.into(), list: format!("l{FORMAT}{}", address_suffix(public_url)) }
    }

    /// Name of the variant that has the list.
    pub fn list(&self) -> &str {
        &self.list
    }

    /// The address of a package.
    pub fn package_url(&self, repo: &RepoId, identity: &SwiftIdentity) -> String {
        format!("{}/api/swift/{repo}/{}/{}", self.public_url, identity.scope, identity.name)
    }

    /// The address of a release. It has no character that would have to be encoded or that SwiftPM cuts `Link`
    /// headers at.
    pub fn release_url(&self, repo: &RepoId, identity: &SwiftIdentity, version: &SwiftVersion) -> String {
        format!("{}/{version}", self.package_url(repo, identity))
    }

    /// The live versions that stand around one of a package, found without looking at the others.
    pub async fn neighbours(
        &self,
        documents: &DocumentCache,
        storage: &Storage,
        source: &Source,
        version: &SwiftVersion,
    ) -> Result<Neighbours> {
        let document = documents.get(storage, source, Self::ORDER, self).await?;
        let text = String::from_utf8(gunzip(&document.gzip)?)
            .map_err(|e| Error::internal("reading the order of releases", e))?;
        Neighbours::find(&text, version)
    }
}

/// The versions around one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Neighbours {
    /// The highest of all.
    pub latest: Option<SwiftVersion>,
    /// The next higher one.
    pub successor: Option<SwiftVersion>,
    /// The next lower one.
    pub predecessor: Option<SwiftVersion>,
}

impl Neighbours {
    /// Finds them in lines of versions, highest first.
    fn find(order: &str, version: &SwiftVersion) -> Result<Self> {
        let parsed = |line: Option<&str>| line.filter(|line| !line.is_empty()).map(str::parse).transpose();
        let latest = parsed(order.lines().next())?;
        let line = format!("{version}\n");
        let at = if order.starts_with(&line) {
            Some(0)
        } else {
            order.find(&format!("\n{line}")).map(|at| at + 1)
        };
        let around = at.and_then(|at| Some((order.get(..at)?, order.get(at + line.len()..)?)));
        let Some((before, after)) = around else { return Ok(Self { latest, ..Self::default() }) };
        Ok(Self {
            latest,
            successor: parsed(before.lines().next_back())?,
            predecessor: parsed(after.lines().next())?,
        })
    }
}

/// Whoever gets some releases sees the highest of them that can be had, and where its source is.
#[derive(Debug, Clone, Copy, Default)]
pub struct SwiftShowing;

impl Showing for SwiftShowing {
    /// The releases that the reader gets and those withdrawn that it would have got: they stay listed.
    async fn listed(storage: &Storage, source: &Source) -> Result<Vec<VersionRow>> {
        let first = Key::Version(source.package.clone(), String::new());
        source.among(storage.list_all(&first, "VER#").await?).await
    }

    fn show(head: &mut HeadRow, rows: &[VersionRow]) -> Result<()> {
        let live = rows.iter().filter(|row| row.is_live());
        let facts = live.map(|row| SwiftFacts::from_row(&row.facts)).collect::<Result<Vec<_>>>()?;
        show_latest(head, facts.iter().max_by_key(|facts| &facts.version));
        Ok(())
    }
}

#[derive(Serialize)]
struct List {
    releases: Map<String, Value>,
}

impl Renderer for Releases {
    fn variants(&self) -> Vec<String> {
        vec![self.list.clone(), Self::ORDER.into()]
    }

    async fn render(&self, storage: &Storage, source: &Source) -> Result<Vec<Bytes>> {
        let identity: SwiftIdentity = source.head.name.parse()?;
        let rows = SwiftShowing::listed(storage, source).await?;
        let mut releases: Vec<(SwiftVersion, VersionRow)> = Vec::with_capacity(rows.len());
        for row in rows {
            releases.push((SwiftFacts::from_row(&row.facts)?.version, row));
        }
        releases.sort_by(|(a, _), (b, _)| b.cmp(a));
        let mut list = List { releases: Map::with_capacity(releases.len()) };
        let mut order = String::new();
        for (version, row) in &releases {
            let entry = if row.is_live() {
                order.push_str(version.as_str());
                order.push('\n');
                json!({ "url": self.release_url(source.repo(), &identity, version) })
            } else {
                // Without `detail`, SwiftPM cannot read the whole list.
                let reason = row.deprecated.as_deref().unwrap_or("this release was withdrawn");
                json!({ "problem": { "status": 410, "title": "Gone", "detail": reason } })
            };
            list.releases.insert(version.to_string(), entry);
        }
        let text = serde_json::to_vec(&list).map_err(|e| Error::internal("rendering releases", e))?;
        Ok(vec![gzip(&text)?.into(), gzip(order.as_bytes())?.into()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_whole_lines() {
        let order = "2.0.0\n2.0.0-rc.1\n1.10.0\n1.1.0+x\n1.1.0-a\n";
        let find = |version: &str| {
            let found = Neighbours::find(order, &version.parse().unwrap()).unwrap();
            let text = |version: Option<SwiftVersion>| {
                version.map_or_else(String::new, |version| version.to_string())
            };
            [text(found.latest), text(found.successor), text(found.predecessor)]
        };
        assert_eq!(find("2.0.0"), ["2.0.0", "", "2.0.0-rc.1"]);
        assert_eq!(find("1.10.0"), ["2.0.0", "2.0.0-rc.1", "1.1.0+x"]);
        assert_eq!(find("1.1.0+x"), ["2.0.0", "1.10.0", "1.1.0-a"]);
        assert_eq!(find("1.1.0-a"), ["2.0.0", "1.1.0+x", ""]);
        assert_eq!(find("0.0.0"), ["2.0.0", "", ""]);
        assert_eq!(Neighbours::find("", &"1.0.0".parse().unwrap()).unwrap(), Neighbours::default());
    }
}
