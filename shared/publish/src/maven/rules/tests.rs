//! What heads and rows become as files arrive and versions go.

use std::io::Cursor;

use granary_model::Timestamp;
use granary_storage::rows::VersionStatus;

use super::*;

fn coordinates(version: &str) -> Coordinates {
    Coordinates {
        group: "g".parse().unwrap(),
        artifact: "a".parse().unwrap(),
        version: version.parse().unwrap(),
    }
}

fn rules(version: &str) -> MavenRules {
    MavenRules {
        coordinates: coordinates(version),
        repo: "libs".parse().unwrap(),
        repo_uid: "u".into(),
        facts: None,
        plugin: None,
        is_build: false,
    }
}

fn row(version: &str) -> VersionRow {
    VersionRow {
        version: version.into(),
        status: VersionStatus::Live,
        published_at: Timestamp::from_millis(0),
        publisher: "ann".into(),
        deprecated: None,
        files: Vec::new(),
        size: 1,
        file_count: 1,
        complete: false,
        hidden: false,
        fetched: None,
        facts: Vec::new(),
    }
}

/// The rules after the POM of a version was looked into.
fn with_pom(version: &str, description: &str) -> MavenRules {
    let mut rules = rules(version);
    let name = match version.strip_suffix("SNAPSHOT") {
        Some(base) => format!("a-{base}20261122.025620-1.pom"),
        None => format!("a-{version}.pom"),
    };
    let file = MavenFile::new(coordinates(version), &name).unwrap();
    let pom =
        format!("<project><artifactId>a</artifactId><description>{description}</description></project>");
    rules.inspect(&file, Cursor::new(pom)).unwrap();
    rules
}

/// Adds a version with or without its POM and gives its row.
fn publish(head: &mut HeadRow, version: &str, description: Option<&str>) -> VersionRow {
    let rules = description.map_or_else(|| rules(version), |text| with_pom(version, text));
    let mut new = row(version);
    assert_eq!(rules.describe(&mut new), description.is_some());
    rules.show(head, &new, None);
    new
}

fn tags(head: &HeadRow) -> (Option<&str>, Option<&str>) {
    (head.tags.get(LATEST).map(String::as_str), head.tags.get(RELEASE).map(String::as_str))
}

#[test]
fn the_highest_version_is_the_latest() {
    let mut head = HeadRow::default();
    for version in ["1.10", "1.9", "1.2"] {
        publish(&mut head, version, Some(version));
    }
    assert_eq!((tags(&head), head.description.as_deref()), ((Some("1.10"), Some("1.10")), Some("1.10")));
    publish(&mut head, "2.0-SNAPSHOT", Some("next"));
    assert_eq!(
        (tags(&head), head.description.as_deref()),
        ((Some("2.0-SNAPSHOT"), Some("1.10")), Some("next"))
    );
    publish(&mut head, "1.11", Some("patch"));
    assert_eq!(
        (tags(&head), head.description.as_deref()),
        ((Some("2.0-SNAPSHOT"), Some("1.11")), Some("next"))
    );
    assert_eq!((head.complete, head.name.as_str()), (5, "g:a"));
}

#[test]
fn versions_without_a_pom_show_only_while_there_are_no_others() {
    let mut head = HeadRow::default();
    let jar_only = publish(&mut head, "9.0", None);
    assert_eq!((tags(&head), head.complete), ((Some("9.0"), Some("9.0")), 0));
    let whole = publish(&mut head, "1.0", Some("whole"));
    assert_eq!((tags(&head), head.complete), ((Some("1.0"), Some("1.0")), 1));
    publish(&mut head, "8.0", None);
    assert_eq!(tags(&head).0, Some("1.0"));

    let rows = [jar_only, row("8.0"), whole];
    assert_eq!(shown(&rows).map(|row| row.version.as_str()).collect::<Vec<_>>(), ["1.0"]);
    reshow(&mut head, &rows[..2]);
    assert_eq!((tags(&head), head.description.as_deref()), ((Some("9.0"), Some("9.0")), None));
    reshow(&mut head, &[]);
    assert_eq!(tags(&head), (None, None));
}

#[test]
fn a_pom_that_comes_later_completes_its_version_once() {
    let mut head = HeadRow::default();
    let before = publish(&mut head, "1.0", None);
    let rules = with_pom("1.0", "whole");
    let mut after = before.clone();
    assert!(rules.describe(&mut after));
    rules.show(&mut head, &after, Some(&before));
    assert_eq!((head.complete, after.complete), (1, true));
    // The next build of a snapshot has the same POM: nothing to show.
    assert!(!rules.describe(&mut after.clone()));
    rules.show(&mut head, &after, Some(&after.clone()));
    assert_eq!(head.complete, 1);
}

#[test]
fn only_literal_snapshots_are_replaced() {
    let snapshot = rules("1-SNAPSHOT");
    assert!(snapshot.may_replace("a-1-SNAPSHOT.jar") && snapshot.may_replace("ivy-1-SNAPSHOT.xml"));
    assert!(!snapshot.may_replace("a-1-20261122.025620-1.jar") && !snapshot.may_replace("b-1-SNAPSHOT.jar"));
    assert!(!rules("1").may_replace("a-1.jar"));
}

#[test]
fn a_build_is_announced_by_its_pom() {
    assert!(matches!(
        with_pom("1-SNAPSHOT", "x").events().as_slice(),
        [Event::SnapshotDeployed { package, version }] if package.name == "g:a" && version == "1-SNAPSHOT"
    ));
    assert!(with_pom("1", "x").events().is_empty() && rules("1-SNAPSHOT").events().is_empty());
}

#[test]
fn a_pom_of_something_else_is_refused() {
    let file = MavenFile::new(coordinates("1.0"), "a-1.0.pom").unwrap();
    let pom = "<project><artifactId>b</artifactId></project>";
    assert!(rules("1.0").inspect(&file, Cursor::new(pom)).is_err());
    let classified = MavenFile::new(coordinates("1.0"), "a-1.0-build.pom").unwrap();
    assert!(rules("1.0").inspect(&classified, Cursor::new(pom)).is_ok());
}
