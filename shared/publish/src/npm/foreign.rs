//! Packuments of other registries: what is kept of them, and which of their versions are let in.
//!
//! An upstream is asked for its full document, once for both forms that are served here, because only that one says when
//! versions were published. Manifests are copied as they are, byte for byte; of what is in them only that is read which
//! decides something here.

mod about;
mod head;
mod integrity;
mod members;
mod merge;
mod render;
pub mod stored;

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};

use granary_model::npm::{NpmName, NpmVersion};
use granary_model::{Error, Result, Timestamp};
use granary_storage::rows::HeadRow;
use serde_json::value::RawValue;

pub use about::{About, about};
pub use head::show;
pub use integrity::{Expected, Mismatch};
pub(crate) use members::Members;
pub use merge::{Changed, Merged, merge};

use crate::policy::{Kept, Policy};

/// Most tags that are taken over.
const TAGS: usize = 10_000;

/// Longest address of a tarball, in bytes.
const MAX_URL: usize = 4_096;

/// What a registry says of one version, as far as it decides something here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignVersion {
    /// The version.
    pub version: NpmVersion,
    /// When it was published, as the registry says; where it does not, when it was first seen here.
    pub published: Timestamp,
    /// Where its tarball is.
    pub tarball: String,
    /// What its tarball must hash to.
    pub expected: Expected,
    /// Whether it has attestations.
    pub attested: bool,
    /// Whether it is deprecated.
    pub deprecated: bool,
}

/// What a registry says of a package, as far as it decides something here.
#[derive(Debug, Clone)]
pub struct ForeignIndex {
    /// Its versions in the order of the document. Those that npm itself would not take are left out.
    pub versions: Vec<ForeignVersion>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// When it was first published.
    pub created: Option<Timestamp>,
    /// When it last changed.
    pub modified: Option<Timestamp>,
    by_text: HashMap<String, usize>,
}

impl ForeignIndex {
    /// One version.
    pub fn get(&self, version: &str) -> Option<&ForeignVersion> {
        self.by_text.get(version).and_then(|at| self.versions.get(*at))
    }

    /// About how many bytes it takes in memory.
    pub fn weight(&self) -> usize {
        let versions =
            self.versions.iter().map(|one| 300 + one.tarball.len() + one.version.as_str().len() * 3);
        256 + versions.sum::<usize>() + self.tags.len() * 100
    }

    /// Which versions are let in by the rules, as old as they are at the moment that the head names.
    pub fn seen<'a>(&'a self, head: &HeadRow, policy: &Policy) -> Seen<'a> {
        let as_of = head.upstream.as_ref().map_or(0, |upstream| upstream.as_of);
        let as_of = Timestamp::from_millis(as_of);
        let (mut versions, mut kept) = (Vec::with_capacity(self.versions.len()), Vec::new());
        for one in &self.versions {
            let version = one.version.as_str();
            let quarantined = head.quarantined(version).map(|row| Kept::Quarantined(row.reason.clone()));
            match quarantined.or_else(|| policy.keeps(version, one.published, as_of)) {
                None => versions.push(one),
                Some(why) => kept.push((one, why)),
            }
        }
        let tags = self.seen_tags(&versions);
        Seen { versions, kept, tags }
    }

    /// Tags of versions that are let in. `latest` falls back to the highest one below the version that it names, a stable
    /// one that is not deprecated if there is any.
    fn seen_tags(&self, versions: &[&ForeignVersion]) -> BTreeMap<String, String> {
        let seen: HashSet<&str> = versions.iter().map(|one| one.version.as_str()).collect();
        let tags = self.tags.iter().filter(|(_, version)| seen.contains(version.as_str()));
        let mut tags: BTreeMap<String, String> = tags.map(|(tag, to)| (tag.clone(), to.clone())).collect();
        if !tags.contains_key("latest") {
            let named = self.tags.get("latest").and_then(|text| text.parse::<NpmVersion>().ok());
            let below = |one: &&&ForeignVersion| named.as_ref().is_none_or(|named| one.version < *named);
            let rank = |one: &&&ForeignVersion| {
                (
                    !one.version.is_prerelease() && !one.deprecated,
                    !one.version.is_prerelease(),
                    one.version.clone(),
                )
            };
            let best =
                versions.iter().filter(below).max_by_key(rank).or_else(|| versions.iter().max_by_key(rank));
            tags.extend(best.map(|one| ("latest".to_owned(), one.version.to_string())));
        }
        tags
    }

    /// When the first of the versions that are too young now is old enough.
    pub fn next_at(&self, policy: &Policy, now: Timestamp) -> Option<Timestamp> {
        if policy.cooldown_days() == 0 {
            return None;
        }
        self.versions.iter().map(|one| policy.allowed_at(one.published)).filter(|at| *at > now).min()
    }
}

/// The versions of a foreign package that are let in, and why the others are not.
#[derive(Debug)]
pub struct Seen<'a> {
    /// Those that are let in, in the order of the document.
    pub versions: Vec<&'a ForeignVersion>,
    /// Those that are not, with the reason.
    pub kept: Vec<(&'a ForeignVersion, Kept)>,
    /// Tags of those that are let in.
    pub tags: BTreeMap<String, String>,
}

/// A packument of another registry, read.
pub struct ForeignPackument<'a> {
    /// What decides something here.
    pub index: ForeignIndex,
    /// Its members but for `versions`, `dist-tags` and `time`, as they are.
    others: Members<'a>,
    /// Manifests of the versions of the index, in its order.
    manifests: Vec<&'a RawValue>,
    time: Members<'a>,
    /// Versions of the index of which the registry does not say when they were published, or says a time in the future.
    undated: HashSet<String>,
}

impl std::fmt::Debug for ForeignPackument<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ForeignPackument").field("index", &self.index).finish_non_exhaustive()
    }
}

impl<'a> ForeignPackument<'a> {
    /// Reads the document of a package.
    ///
    /// A version that is not of the package, has no address, or is none in npm's grammar is left out; what else is in its
    /// manifest is not looked at. `now` stands for times that the registry does not say.
    ///
    /// # Errors
    /// `Unprocessable` with what is wrong with the document as a whole: it is no JSON, or of another package.
    pub fn read(text: &'a [u8], name: &NpmName, now: Timestamp) -> Result<Self> {
        let wrong =
            |why: &str| Error::Unprocessable(format!("what it sent for '{name}' is no packument: {why}"));
        let text = std::str::from_utf8(text).map_err(|_| wrong("it is not UTF-8"))?;
        let outer: Members<'a> = serde_json::from_str(text).map_err(|_| wrong("it is no JSON object"))?;
        let inner = |field: &str| match outer.get(field) {
            Some(raw) => Members::of(raw).ok_or_else(|| wrong(&format!("'{field}' is no object"))),
            None => Ok(Members::default()),
        };
        if outer.text("name").as_deref() != Some(name.as_str()) {
            return Err(wrong("it is of another package"));
        }
        let (versions, tags, time) = (inner("versions")?, inner("dist-tags")?, inner("time")?);
        let times: HashMap<&str, Timestamp> = time
            .iter()
            .filter_map(|(version, raw)| Some((version, Timestamp::parse_rfc3339(&members::text_of(raw)?)?)))
            .collect();
        let mut index = ForeignIndex {
            versions: Vec::with_capacity(versions.len()),
            tags: BTreeMap::new(),
            created: times.get("created").copied(),
            modified: times.get("modified").copied(),
            by_text: HashMap::with_capacity(versions.len()),
        };
        let mut manifests: Vec<&'a RawValue> = Vec::with_capacity(versions.len());
        let mut undated = HashSet::new();
        for (text, raw) in versions.iter() {
            let said = times.get(text).copied();
            // A registry whose clock runs ahead publishes nothing in the future.
            let published = said.map_or(now, |at| at.min(now));
            let Some(version) = read_version(name, text, raw, published) else { continue };
            if said != Some(published) {
                undated.insert(text.to_owned());
            }
            // Of two with one text neither is more right; what JSON libraries take is the last.
            if let Some(&at) = index.by_text.get(text) {
                tracing::debug!(%name, version = text, at, "a version stands in a document twice");
                if let (Some(one), Some(manifest)) = (index.versions.get_mut(at), manifests.get_mut(at)) {
                    (*one, *manifest) = (version, raw);
                }
                continue;
            }
            index.by_text.insert(text.to_owned(), index.versions.len());
            index.versions.push(version);
            manifests.push(raw);
        }
        let known = |version: &str| index.by_text.contains_key(version);
        let tags = tags.iter().take(TAGS).filter_map(|(tag, raw)| {
            Some((tag.to_owned(), members::text_of(raw).filter(|version| known(version))?.into_owned()))
        });
        index.tags = tags.collect();
        let others = outer.without(&["versions", "dist-tags", "time"]);
        Ok(Self { index, others, manifests, time, undated })
    }

    /// The manifest of a version as the registry has it.
    pub(crate) fn manifest(&self, version: &str) -> Option<&'a RawValue> {
        self.index.by_text.get(version).and_then(|at| self.manifests.get(*at)).copied()
    }

    /// A text of the package, such as its description.
    pub fn text(&self, field: &str) -> Option<Cow<'a, str>> {
        self.others.text(field)
    }
}

/// A version, if it is one that can be had.
fn read_version(name: &NpmName, text: &str, raw: &RawValue, published: Timestamp) -> Option<ForeignVersion> {
    let version: NpmVersion = text.parse().ok().filter(|version: &NpmVersion| version.as_str() == text)?;
    let manifest = Members::of(raw)?;
    let is_same = manifest.text("name").as_deref() == Some(name.as_str())
        && manifest.text("version").as_deref() == Some(text);
    let dist = Members::of(manifest.get("dist")?).filter(|_| is_same)?;
    let tarball = dist.text("tarball").filter(|url| url.len() <= MAX_URL)?.into_owned();
    let expected = Expected::read(dist.text("integrity").as_deref(), dist.text("shasum").as_deref());
    let deprecated =
        manifest.get("deprecated").is_some_and(|raw| !matches!(raw.get(), "false" | "null" | "\"\""));
    Some(ForeignVersion {
        version,
        published,
        tarball,
        expected,
        attested: dist.get("attestations").is_some(),
        deprecated,
    })
}

#[cfg(test)]
mod tests;
