//! `maven-metadata.xml` of other repositories: what is kept of it, and what of it is shown.

use std::collections::{HashMap, HashSet};

use granary_model::maven::{ArtifactId, GroupId, MavenVersion};
use granary_model::{Error, Result, Timestamp};
use granary_storage::rows::{HeadRow, MavenPluginRow};
use serde::{Deserialize, Serialize};

use super::metadata::{Metadata, group_metadata, versions_metadata};
use super::xml::{Visitor, walk};
use crate::compress::{gunzip, gzip};
use crate::policy::Policy;

/// Most versions that are taken over, and most plugins.
const MOST: usize = 50_000;

/// What another repository says of a directory: versions of an artifact, plugins of a group, or both.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignMetadata {
    /// Versions, in the order of the document.
    pub versions: Vec<ForeignVersion>,
    /// When it changed last, as the repository says.
    pub updated: Option<Timestamp>,
    /// Plugins of the group with the same directory.
    pub plugins: Vec<ForeignPlugin>,
}

/// A version, and since when it is there as far as that is known: the document does not say it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignVersion {
    /// The version.
    pub version: String,
    /// Since when.
    pub since: Timestamp,
}

/// A plugin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignPlugin {
    /// The artifact.
    pub artifact: String,
    /// Its prefix.
    pub prefix: String,
    /// Its name.
    pub name: Option<String>,
}

impl ForeignMetadata {
    /// Reads a document. What cannot be a version here is left out.
    ///
    /// Of the versions that are not known yet the newest is as young as the document; the others, if nothing is known at all, are
    /// old: a list does not say when its members came.
    ///
    /// # Errors
    /// `Unprocessable` for what is no such document.
    pub fn read(bytes: &[u8], known: Option<&Self>, now: Timestamp) -> Result<Self> {
        let mut reading = Reading::default();
        match walk("maven-metadata.xml", bytes, "metadata", &mut reading) {
            Ok(true) => {}
            Ok(false) => {
                return Err(Error::Unprocessable("what it sent is in an encoding that is not known".into()));
            }
            Err(error) => return Err(Error::Unprocessable(error.to_string())),
        }
        let updated = reading.updated.map(|at| at.min(now));
        let before: HashMap<&str, Timestamp> = known
            .iter()
            .flat_map(|known| &known.versions)
            .map(|one| (one.version.as_str(), one.since))
            .collect();
        let newest = reading.newest();
        let since = |version: &str| match before.get(version) {
            Some(since) => *since,
            None if known.is_none() && newest != Some(version) => Timestamp::from_millis(0),
            None => updated.unwrap_or(now),
        };
        let versions = reading
            .versions
            .iter()
            .map(|version| ForeignVersion { version: version.clone(), since: since(version) });
        Ok(Self { versions: versions.collect(), updated, plugins: reading.plugins })
    }

    /// The form that is kept.
    pub fn to_stored(&self) -> Result<Vec<u8>> {
        let json = serde_json::to_vec(self).map_err(|e| Error::internal("keeping foreign metadata", e))?;
        gzip(&json)
    }

    /// From the form that is kept.
    pub fn from_stored(stored: &[u8]) -> Result<Self> {
        serde_json::from_slice(&gunzip(stored)?).map_err(|e| Error::internal("reading foreign metadata", e))
    }

    /// The versions that it lists, to look them up.
    pub fn listed(&self) -> HashSet<&str> {
        self.versions.iter().map(|one| one.version.as_str()).collect()
    }

    /// The versions that are let in by the rules, as old as they are at the moment that the head names.
    pub fn seen(&self, head: &HeadRow, policy: &Policy) -> Vec<&str> {
        let as_of = head.upstream.as_ref().map_or(0, |upstream| upstream.as_of);
        let as_of = Timestamp::from_millis(as_of);
        let is_seen = |one: &&ForeignVersion| {
            head.quarantined(&one.version).is_none() && policy.keeps(&one.version, one.since, as_of).is_none()
        };
        self.versions.iter().filter(is_seen).map(|one| one.version.as_str()).collect()
    }

    /// When the first of the versions that are too young now is old enough.
    pub fn next_at(&self, policy: &Policy, now: Timestamp) -> Option<Timestamp> {
        if policy.cooldown_days() == 0 {
            return None;
        }
        self.versions.iter().map(|one| policy.allowed_at(one.since)).filter(|at| *at > now).min()
    }

    /// The document for clients here, with plugins that are published here as well. `None` if nothing is left to show.
    pub fn render(
        &self,
        (group, artifact): (&GroupId, &ArtifactId),
        seen: &[&str],
        modified: Timestamp,
        own: &[MavenPluginRow],
    ) -> Option<Metadata> {
        let mut plugins = own.to_vec();
        let mut known: HashSet<&str> = own.iter().map(|plugin| plugin.artifact.as_str()).collect();
        for plugin in &self.plugins {
            if known.insert(&plugin.artifact) {
                plugins.push(MavenPluginRow {
                    artifact: plugin.artifact.clone(),
                    prefix: plugin.prefix.clone(),
                    name: plugin.name.clone(),
                    repo_uid: String::new(),
                });
            }
        }
        if seen.is_empty() {
            return group_metadata(&plugins);
        }
        let metadata = versions_metadata(group, artifact, seen, self.updated.unwrap_or(modified));
        Some(if plugins.is_empty() { metadata } else { metadata.with_plugins(&plugins) })
    }
}

#[derive(Default)]
struct Reading {
    versions: Vec<String>,
    /// Somebody else says how many there are: looking through them for each would take for ever.
    known: HashSet<String>,
    latest: Option<String>,
    release: Option<String>,
    updated: Option<Timestamp>,
    plugins: Vec<ForeignPlugin>,
    plugin: (String, String, String),
}

impl Reading {
    /// The version that the document says came last.
    fn newest(&self) -> Option<&str> {
        let named = self.release.as_deref().or(self.latest.as_deref());
        named.filter(|version| self.known.contains(*version)).or(self.versions.last().map(String::as_str))
    }
}

impl Visitor for Reading {
    fn element(&mut self, path: &[String], text: &str) {
        let names: Vec<&str> = path.iter().map(String::as_str).collect();
        match names.as_slice() {
            ["metadata", "versioning", "versions", "version"]
                if text.parse::<MavenVersion>().is_ok()
                    && self.versions.len() < MOST
                    && self.known.insert(text.to_owned()) =>
            {
                self.versions.push(text.to_owned());
            }
            ["metadata", "versioning", "latest"] => self.latest = Some(text.to_owned()),
            ["metadata", "versioning", "release"] => self.release = Some(text.to_owned()),
            ["metadata", "versioning", "lastUpdated"] => self.updated = moment(text),
            ["metadata", "plugins", "plugin", "artifactId"] => text.clone_into(&mut self.plugin.0),
            ["metadata", "plugins", "plugin", "prefix"] => text.clone_into(&mut self.plugin.1),
            ["metadata", "plugins", "plugin", "name"] => text.clone_into(&mut self.plugin.2),
            ["metadata", "plugins", "plugin"] => {
                let (artifact, prefix, name) = std::mem::take(&mut self.plugin);
                if artifact.parse::<ArtifactId>().is_ok() && !prefix.is_empty() && self.plugins.len() < MOST {
                    let name = Some(name).filter(|name| !name.is_empty());
                    self.plugins.push(ForeignPlugin { artifact, prefix, name });
                }
            }
            _ => {}
        }
    }
}

/// `yyyyMMddHHmmss` in UTC.
fn moment(text: &str) -> Option<Timestamp> {
    if text.len() != 14 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let part = |range: std::ops::Range<usize>| text.get(range).unwrap_or_default();
    let (date, time) = (
        format!("{}-{}-{}", part(0..4), part(4..6), part(6..8)),
        format!("{}:{}:{}", part(8..10), part(10..12), part(12..14)),
    );
    Timestamp::parse_rfc3339(&format!("{date}T{time}Z"))
}

#[cfg(test)]
mod tests {
    use granary_model::PackageType;
    use granary_storage::rows::{UpstreamHead, UpstreamPlace, UpstreamRow};

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_790_000_000_000);

    fn document(versions: &[&str], updated: &str) -> String {
        let versions: Vec<String> = versions.iter().map(|one| format!("<version>{one}</version>")).collect();
        format!(
            "<metadata><groupId>g</groupId><artifactId>a</artifactId><versioning><versions>{}</versions>\
             <lastUpdated>{updated}</lastUpdated></versioning></metadata>",
            versions.concat()
        )
    }

    fn since(read: &ForeignMetadata) -> Vec<(&str, i64)> {
        read.versions.iter().map(|one| (one.version.as_str(), one.since.millis())).collect()
    }

    #[test]
    fn a_list_says_when_its_newest_member_came() {
        let at = moment("20260901120000").unwrap();
        let first = ForeignMetadata::read(document(&["1.0", "1.1"], "20260901120000").as_bytes(), None, NOW);
        let first = first.unwrap();
        assert_eq!(since(&first), [("1.0", 0), ("1.1", at.millis())]);
        let later = moment("20260902120000").unwrap();
        let second = document(&["1.0", "1.1", "1.2", "../x"], "20260902120000");
        let second = ForeignMetadata::read(second.as_bytes(), Some(&first), NOW).unwrap();
        assert_eq!(since(&second), [("1.0", 0), ("1.1", at.millis()), ("1.2", later.millis())]);
        let future =
            ForeignMetadata::read(document(&["1.0"], "29990101000000").as_bytes(), None, NOW).unwrap();
        assert_eq!(since(&future), [("1.0", NOW.millis())]);
        assert_eq!(ForeignMetadata::from_stored(&second.to_stored().unwrap()).unwrap(), second);
    }

    #[test]
    fn plugins_are_read_and_shown_beside_those_here() {
        let xml = "<metadata><plugins><plugin><name>N</name><prefix>p</prefix><artifactId>p-maven-plugin</artifactId></plugin>\
                   <plugin><prefix/><artifactId>x</artifactId></plugin></plugins></metadata>";
        let read = ForeignMetadata::read(xml.as_bytes(), None, NOW).unwrap();
        assert_eq!(read.plugins.len(), 1);
        let own = MavenPluginRow {
            artifact: "q-maven-plugin".into(),
            prefix: "q".into(),
            name: None,
            repo_uid: "r".into(),
        };
        let place = ("g".parse().unwrap(), "a".parse().unwrap());
        let shown = read.render((&place.0, &place.1), &[], NOW, &[own]).unwrap();
        assert!(shown.xml().contains("<prefix>p</prefix>") && shown.xml().contains("<prefix>q</prefix>"));
        assert_eq!(ForeignMetadata::default().render((&place.0, &place.1), &[], NOW, &[]), None);
    }

    #[test]
    fn a_plugin_is_shown_once() {
        let plugin = |artifact: &str, prefix: &str| ForeignPlugin {
            artifact: artifact.into(),
            prefix: prefix.into(),
            name: None,
        };
        let plugins = vec![plugin("a", "theirs"), plugin("b", "first"), plugin("b", "second")];
        let read = ForeignMetadata { plugins, ..ForeignMetadata::default() };
        let own =
            MavenPluginRow { artifact: "a".into(), prefix: "ours".into(), name: None, repo_uid: "r".into() };
        let place = ("g".parse().unwrap(), "a".parse().unwrap());
        let shown = read.render((&place.0, &place.1), &[], NOW, &[own]).unwrap();
        for (prefix, is_shown) in [("ours", true), ("first", true), ("theirs", false), ("second", false)] {
            assert_eq!(shown.xml().contains(&format!("<prefix>{prefix}</prefix>")), is_shown, "{prefix}");
        }
    }

    /// Somebody else says how many there are: looking through them for each would take for ever.
    #[test]
    fn many_versions_and_plugins_are_looked_through_once() {
        let names: Vec<String> = (0..MOST).map(|n| format!("1.0.{n}")).collect();
        let versions = names.iter().map(|version| ForeignVersion { version: version.clone(), since: NOW });
        let plugins = names.iter().map(|name| ForeignPlugin {
            artifact: format!("p{name}"),
            prefix: "p".into(),
            name: None,
        });
        let read =
            ForeignMetadata { versions: versions.collect(), updated: None, plugins: plugins.collect() };
        let listed = read.listed();
        assert!(names.iter().all(|name| listed.contains(name.as_str())) && !listed.contains("2.0"));
        let place = ("g".parse().unwrap(), "a".parse().unwrap());
        let shown = read.render((&place.0, &place.1), &[], NOW, &[]).unwrap();
        assert_eq!(shown.xml().matches("<plugin>").count(), MOST);
    }

    #[test]
    fn versions_in_their_cooldown_are_not_shown() {
        let place = UpstreamPlace::Remote { url: "https://repo.example.com/".into() };
        let mut row = UpstreamRow::new("up".parse().unwrap(), "u".into(), PackageType::Maven, place, NOW);
        row.cooldown_days = 7;
        let policy = Policy::of_upstream(&row, PackageType::Maven, "g:a", &[]);
        let upstream = UpstreamHead {
            name: row.name,
            uid: "u".into(),
            checked_at: 0,
            fetched_at: 0,
            document: "d".into(),
            etag: None,
            last_modified: None,
            failing: None,
            gone: false,
            removed: std::collections::BTreeSet::new(),
            as_of: moment("20260903120000").unwrap().millis(),
            next_at: None,
            policy: String::new(),
        };
        let head = HeadRow { upstream: Some(Box::new(upstream)), ..HeadRow::default() };
        let read =
            ForeignMetadata::read(document(&["1.0", "1.1"], "20260901120000").as_bytes(), None, NOW).unwrap();
        assert_eq!(read.seen(&head, &policy), ["1.0"]);
        let place = ("g".parse().unwrap(), "a".parse().unwrap());
        let shown = read.render((&place.0, &place.1), &["1.0"], NOW, &[]).unwrap();
        assert!(shown.xml().contains("<release>1.0</release>") && !shown.xml().contains("1.1"));
        let until = moment("20260908120000").unwrap();
        assert_eq!(read.next_at(&policy, moment("20260903120000").unwrap()), Some(until));
    }

    #[test]
    fn other_documents_are_refused() {
        for bad in ["", "<html></html>", "{}", "<metadata>", "<!DOCTYPE m []><metadata/>"] {
            let error = ForeignMetadata::read(bad.as_bytes(), None, NOW).unwrap_err();
            assert!(matches!(error, Error::Unprocessable(_)), "{bad}: {error}");
        }
    }
}
