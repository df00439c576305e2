//! Documents, letter by letter.

use granary_model::maven::{MavenFile, SumKind};
use granary_storage::rows::FileStatus;
use granary_storage::rows::VersionStatus;

use super::*;
use crate::maven::newest_file;
use crate::maven::prune::superfluous;

/// 2026-02-16T14:30:00Z.
const THEN: Timestamp = Timestamp::from_millis(1_771_252_200_000);

fn version(text: &str, complete: bool) -> VersionRow {
    VersionRow {
        version: text.into(),
        status: VersionStatus::Live,
        published_at: THEN,
        publisher: "ann".into(),
        deprecated: None,
        files: Vec::new(),
        size: 0,
        file_count: 0,
        complete,
        hidden: false,
        fetched: None,
        facts: Vec::new(),
    }
}

fn artifact(rows: &[VersionRow]) -> String {
    artifact_metadata(&"com.example".parse().unwrap(), &"hello-lib".parse().unwrap(), rows, THEN)
        .xml()
        .to_owned()
}

#[test]
fn an_artifact_with_one_version() {
    assert_eq!(
        artifact(&[version("1.0.0", true)]),
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<metadata>\n  <groupId>com.example</groupId>\n  \
         <artifactId>hello-lib</artifactId>\n  <versioning>\n    <latest>1.0.0</latest>\n    \
         <release>1.0.0</release>\n    <versions>\n      <version>1.0.0</version>\n    </versions>\n    \
         <lastUpdated>20260216143000</lastUpdated>\n  </versioning>\n</metadata>\n"
    );
}

/// The texts of all elements of one name.
fn texts<'a>(xml: &'a str, element: &str) -> Vec<&'a str> {
    let (open, close) = (format!("<{element}>"), format!("</{element}>"));
    xml.split(&open).skip(1).map(|rest| rest.split_once(&close).unwrap().0).collect()
}

#[test]
fn versions_are_in_maven_order() {
    let rows: Vec<VersionRow> = ["2.0-SNAPSHOT", "1.0", "1.10", "1.0-rc1", "1.9", "1.0.1", "2.0-alpha-1"]
        .map(|text| version(text, true))
        .into();
    let xml = artifact(&rows);
    let expected = ["1.0-rc1", "1.0", "1.0.1", "1.9", "1.10", "2.0-alpha-1", "2.0-SNAPSHOT"];
    assert_eq!(texts(&xml, "version"), expected);
    assert_eq!((texts(&xml, "latest"), texts(&xml, "release")), (vec!["2.0-SNAPSHOT"], vec!["2.0-alpha-1"]));
    let mut reversed = rows.clone();
    reversed.reverse();
    assert_eq!(artifact(&reversed), xml);
}

#[test]
fn only_snapshots_have_no_release() {
    let xml = artifact(&[version("1-SNAPSHOT", true)]);
    assert_eq!((texts(&xml, "latest"), texts(&xml, "release")), (vec!["1-SNAPSHOT"], vec![]));
}

#[test]
fn versions_without_a_pom_show_only_while_there_are_no_others() {
    assert_eq!(texts(&artifact(&[version("1", false), version("2", false)]), "version"), ["1", "2"]);
    assert_eq!(texts(&artifact(&[version("1", true), version("2", false)]), "version"), ["1"]);
}

#[test]
fn equal_versions_are_listed_in_one_order() {
    let rows = ["1.0.0", "1", "1.0", "1-ga"].map(|text| version(text, true));
    assert_eq!(texts(&artifact(&rows), "version"), ["1", "1-ga", "1.0", "1.0.0"]);
}

#[test]
fn checksums_go_with_the_document() {
    let metadata = Metadata::new("abc".into());
    assert_eq!(metadata.sum(SumKind::Sha1), "a9993e364706816aba3e25717850c26c9cd0d89d");
    assert_eq!(metadata.sum(SumKind::Md5), "900150983cd24fb0d6963f7d28e17f72");
    for kind in SumKind::ALL {
        assert_eq!(metadata.sum(kind).len(), kind.digits());
    }
    assert_eq!(Metadata::from_stored(&metadata.to_stored().unwrap()).unwrap(), metadata);
    assert!(Metadata::from_stored(&gzip(b"one line").unwrap()).is_err());
    assert!(Metadata::from_stored(&gzip(b"a b c\nx").unwrap()).is_err());
}

fn coordinates() -> Coordinates {
    Coordinates {
        group: "g".parse().unwrap(),
        artifact: "a".parse().unwrap(),
        version: "1.0-SNAPSHOT".parse().unwrap(),
    }
}

/// Files of builds, added one after the other, a minute apart.
fn files(names: &[&str]) -> Vec<StoredFileRow> {
    let mut at = THEN;
    names
        .iter()
        .map(|name| {
            at = at.plus_millis(60_000);
            StoredFileRow {
                file: Digests::of(name.as_bytes()).file(*name, "x"),
                status: FileStatus::Live,
                added_at: at,
                publisher: "ann".into(),
            }
        })
        .collect()
}

fn snapshot(names: &[&str]) -> String {
    snapshot_metadata(&coordinates(), &files(names)).unwrap().0.xml().to_owned()
}

#[test]
fn a_snapshot_with_one_build() {
    let names = [
        "a-1.0-20260216.142900-1.jar",
        "a-1.0-20260216.142900-1.pom",
        "a-1.0-20260216.142900-1-sources.jar",
        "a-1.0-SNAPSHOT.zip",
        "ivy-1.0-SNAPSHOT.xml",
    ];
    let (metadata, updated) = snapshot_metadata(&coordinates(), &files(&names)).unwrap();
    assert_eq!(updated, THEN.plus_millis(180_000));
    assert_eq!(
        metadata.xml(),
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<metadata modelVersion=\"1.1.0\">\n  <groupId>g</groupId>\n  \
         <artifactId>a</artifactId>\n  <version>1.0-SNAPSHOT</version>\n  <versioning>\n    <snapshot>\n      \
         <timestamp>20260216.142900</timestamp>\n      <buildNumber>1</buildNumber>\n    </snapshot>\n    \
         <lastUpdated>20260216143300</lastUpdated>\n    <snapshotVersions>\n      <snapshotVersion>\n        \
         <extension>jar</extension>\n        <value>1.0-20260216.142900-1</value>\n        \
         <updated>20260216143100</updated>\n      </snapshotVersion>\n      <snapshotVersion>\n        \
         <extension>pom</extension>\n        <value>1.0-20260216.142900-1</value>\n        \
         <updated>20260216143200</updated>\n      </snapshotVersion>\n      <snapshotVersion>\n        \
         <classifier>sources</classifier>\n        <extension>jar</extension>\n        \
         <value>1.0-20260216.142900-1</value>\n        <updated>20260216143300</updated>\n      \
         </snapshotVersion>\n    </snapshotVersions>\n  </versioning>\n</metadata>\n"
    );
}

#[test]
fn the_newest_whole_build_stands_for_a_snapshot() {
    let first =
        ["a-1.0-20260216.142900-1.jar", "a-1.0-20260216.142900-1.pom", "a-1.0-20260216.142900-1-sources.jar"];
    let summary = |names: &[&str]| texts(&snapshot(names), "buildNumber").concat();
    let with = |more: &[&'static str]| [&first, more].concat();
    // The second build is being deployed: its jar, then its POM as well.
    let jar = with(&["a-1.0-20260216.150000-2.jar"]);
    assert_eq!(summary(&jar), "1");
    assert!(!snapshot(&jar).contains("150000"));
    let both = with(&["a-1.0-20260216.150000-2.jar", "a-1.0-20260216.150000-2.pom"]);
    assert_eq!(summary(&both), "2");
    assert_eq!(
        texts(&snapshot(&both), "value"),
        ["1.0-20260216.150000-2", "1.0-20260216.150000-2", "1.0-20260216.142900-1"]
    );
    // Its POM came before its jar.
    assert_eq!(summary(&with(&["a-1.0-20260216.150000-2.pom"])), "1");
    // A project of packaging `pom` has no jar at all.
    assert_eq!(summary(&["a-1.0-20260216.142900-1.pom", "a-1.0-20260216.150000-2.pom"]), "2");
    // The number does not decide, and neither does the order in which files come.
    assert_eq!(summary(&["a-1.0-20260216.150000-2.pom", "a-1.0-20260216.142900-7.pom"]), "2");
    // Without any POM, what is there is shown.
    assert_eq!(summary(&["a-1.0-20260216.142900-1.jar", "a-1.0-20260216.150000-2-sources.jar"]), "2");
}

#[test]
fn a_snapshot_without_builds_has_no_document() {
    assert!(snapshot_metadata(&coordinates(), &[]).is_none());
    assert!(snapshot_metadata(&coordinates(), &files(&["a-1.0-SNAPSHOT.jar"])).is_none());
    let mut gone = files(&["a-1.0-20260216.142900-1.pom"]);
    gone[0].status = FileStatus::Tombstone;
    assert!(snapshot_metadata(&coordinates(), &gone).is_none());
}

#[test]
fn names_of_the_snapshot_stand_for_the_newest_file() {
    let rows = files(&[
        "a-1.0-20260216.142900-1.jar",
        "a-1.0-20260216.142900-1.pom",
        "a-1.0-20260216.142900-1-sources.jar",
        "a-1.0-20260216.150000-2.jar",
        "a-1.0-20260216.150000-2.pom",
        "a-1.0-20260216.160000-3.jar",
    ]);
    let found = |name: &str| {
        let file = MavenFile::new(coordinates(), name).unwrap();
        newest_file(&coordinates(), file.artifact().unwrap(), &rows).map(|row| row.file.name.as_str())
    };
    assert_eq!(found("a-1.0-SNAPSHOT.jar"), Some("a-1.0-20260216.150000-2.jar"));
    assert_eq!(found("a-1.0-SNAPSHOT-sources.jar"), Some("a-1.0-20260216.142900-1-sources.jar"));
    assert_eq!(found("a-1.0-SNAPSHOT-javadoc.jar"), None);
}

#[test]
fn old_builds_are_superfluous() {
    let rows = files(&[
        "a-1.0-20260216.140000-1.jar",
        "a-1.0-20260216.140000-1.pom",
        "a-1.0-20260216.141000-2.jar",
        "a-1.0-20260216.142000-3.jar",
        "a-1.0-20260216.142000-3.pom",
        "a-1.0-20260216.143000-4.pom",
        "a-1.0-20260216.144000-5.jar",
        "a-1.0-SNAPSHOT.jar",
    ]);
    let gone = |keep: u32| -> Vec<String> {
        superfluous(&coordinates(), &rows, keep).into_iter().map(|row| row.file.name).collect()
    };
    assert_eq!(
        gone(2),
        ["a-1.0-20260216.140000-1.jar", "a-1.0-20260216.140000-1.pom", "a-1.0-20260216.141000-2.jar"]
    );
    assert_eq!(gone(0), gone(2), "never fewer than two");
    assert!(gone(3).is_empty() && gone(u32::MAX).is_empty());
    assert!(superfluous(&coordinates(), &files(&["a-1.0-20260216.140000-1.jar"]), 2).is_empty());
}

fn plugin(artifact: &str, prefix: &str, name: Option<&str>) -> MavenPluginRow {
    MavenPluginRow {
        artifact: artifact.into(),
        prefix: prefix.into(),
        name: name.map(str::to_owned),
        repo_uid: "u".into(),
    }
}

#[test]
fn a_group_lists_its_plugins() {
    let plugins = [plugin("b-maven-plugin", "b", None), plugin("a-maven-plugin", "a", Some("A & <B>"))];
    assert_eq!(
        group_metadata(&plugins).unwrap().xml(),
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<metadata>\n  <plugins>\n    <plugin>\n      \
         <name>A &amp; &lt;B&gt;</name>\n      <prefix>a</prefix>\n      <artifactId>a-maven-plugin</artifactId>\n    \
         </plugin>\n    <plugin>\n      <prefix>b</prefix>\n      <artifactId>b-maven-plugin</artifactId>\n    \
         </plugin>\n  </plugins>\n</metadata>\n"
    );
    assert!(group_metadata(&[]).is_none());
}

#[test]
fn a_directory_can_be_artifact_and_group() {
    let xml = artifact(&[version("1.0.0", true)]);
    let combined = Metadata::new(xml.clone()).with_plugins(&[plugin("p", "p", None)]);
    assert!(combined.xml().starts_with(xml.strip_suffix("</metadata>\n").unwrap()));
    assert!(combined.xml().ends_with("  </plugins>\n</metadata>\n"));
    assert_eq!(combined.xml().matches("</metadata>").count(), 1);
    assert_eq!(combined.sum(SumKind::Sha1), Metadata::new(combined.xml().to_owned()).sum(SumKind::Sha1));
}
