use std::collections::BTreeSet;

use granary_model::upstream::NamePattern;
use granary_storage::rows::{QuarantineRow, UpstreamPlace, VersionStatus};

use super::*;

const DAY: i64 = 86_400_000;

fn at(days: i64) -> Timestamp {
    Timestamp::from_millis(days * DAY)
}

fn upstream(cooldown_days: u16, except: &[&str]) -> UpstreamRow {
    let place = UpstreamPlace::Remote { url: "https://registry.example.com/".into() };
    let mut row = UpstreamRow::new("public".parse().unwrap(), "u1".into(), PackageType::Npm, place, at(0));
    row.cooldown_days = cooldown_days;
    row.cooldown_except = except.iter().map(|text| text.parse().unwrap()).collect();
    row
}

fn repo(blocks: &[(&str, &str)]) -> RepoRow {
    let block = |(name, versions): &(&str, &str)| BlockRow {
        id: "b1".into(),
        kind: PackageType::Npm,
        name: name.parse::<NamePattern>().unwrap(),
        versions: (*versions).into(),
        reason: "steals tokens".into(),
        by: "user:ann".into(),
        at: at(0),
    };
    RepoRow {
        package_types: BTreeSet::from([PackageType::Npm]),
        blocks: blocks.iter().map(block).collect(),
        ..RepoRow::new("libs".parse().unwrap(), "r1".into(), "ann".parse().unwrap(), at(0))
    }
}

fn policy(blocks: &[(&str, &str)], cooldown_days: u16) -> Policy {
    Policy::of(&repo(blocks), &upstream(cooldown_days, &["@types/*"]), PackageType::Npm, "left-pad")
}

fn head() -> HeadRow {
    let upstream = UpstreamHead {
        name: "public".parse().unwrap(),
        uid: "u1".into(),
        checked_at: 0,
        fetched_at: 0,
        document: "d".into(),
        etag: None,
        last_modified: None,
        failing: None,
        gone: false,
        removed: BTreeSet::new(),
        as_of: 0,
        next_at: None,
        policy: String::new(),
    };
    HeadRow { upstream: Some(Box::new(upstream)), ..HeadRow::default() }
}

fn row(version: &str) -> VersionRow {
    VersionRow {
        version: version.into(),
        status: VersionStatus::Live,
        published_at: at(100),
        publisher: String::new(),
        deprecated: None,
        files: Vec::new(),
        size: 0,
        file_count: 0,
        complete: true,
        hidden: false,
        fetched: None,
        facts: Vec::new(),
    }
}

#[test]
fn a_cooldown_ends_to_the_millisecond() {
    let policy = policy(&[], 7);
    let just = at(107).plus_millis(-1);
    assert_eq!(policy.keeps("1.0.0", at(100), just), Some(Kept::Cooldown { days: 7, until: at(107) }));
    assert_eq!(policy.keeps("1.0.0", at(100), at(107)), None);
    let exempt = Policy::of(&repo(&[]), &upstream(7, &["@types/*"]), PackageType::Npm, "@types/node");
    assert_eq!(exempt.keeps("1.0.0", at(100), at(100)), None);
}

#[test]
fn rules_block_what_they_name() {
    let policy = policy(&[("left-pad", ">=1.1.0 <2.0.0"), ("other", "*")], 0);
    let keeps = |version: &str| policy.keeps(version, at(0), at(1000)).is_some();
    assert!(keeps("1.1.0") && keeps("1.9.9"));
    assert!(!keeps("1.0.0") && !keeps("2.0.0"));
}

#[test]
fn a_star_blocks_pre_releases_as_well() {
    let policy = policy(&[("left-*", "*")], 0);
    assert!(policy.keeps("1.0.0-rc.1", at(0), at(1000)).is_some());
}

#[test]
fn the_same_rules_have_the_same_fingerprint() {
    let print = |blocks: &[(&str, &str)], days: u16| policy(blocks, days).fingerprint();
    let all = [
        print(&[], 0),
        print(&[], 7),
        print(&[], 8),
        print(&[("left-pad", "1.0.0")], 0),
        print(&[("left-pad", "*")], 0),
        print(&[("left-pad", "1.0.0")], 7),
    ];
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
    assert_eq!(print(&[], 0), print(&[("other", "*")], 0), "a rule about something else is none");
}

#[test]
fn what_was_removed_is_refused_or_kept() {
    let (mut head, rules) = (head(), policy(&[], 0));
    let now = at(1000);
    assert_eq!(kept(&head, Some(&rules), &row("1.0.0"), now), None);
    head.upstream.as_mut().unwrap().removed.insert("1.0.0".into());
    assert!(matches!(kept(&head, Some(&rules), &row("1.0.0"), now), Some(Kept::Removed(_))));
    assert_eq!(kept(&head, Some(&rules), &row("1.0.1"), now), None);
    head.upstream.as_mut().unwrap().gone = true;
    assert!(matches!(kept(&head, Some(&rules), &row("1.0.1"), now), Some(Kept::Removed(_))));
    let lenient = UpstreamRow { removed: RemovedPolicy::Keep, ..upstream(0, &[]) };
    let lenient = Policy::of(&repo(&[]), &lenient, PackageType::Npm, "left-pad");
    assert_eq!(kept(&head, Some(&lenient), &row("1.0.0"), now), None);
}

#[test]
fn a_quarantine_is_for_versions_from_anywhere() {
    let quarantine = QuarantineRow { reason: "looks odd".into(), by: "user:ann".into(), at: at(0) };
    let mut own = HeadRow::default();
    own.quarantine.insert("1.0.0".into(), quarantine.clone());
    assert!(matches!(kept(&own, None, &row("1.0.0"), at(1000)), Some(Kept::Quarantined(_))));
    assert_eq!(kept(&own, None, &row("1.0.1"), at(1000)), None);
    let mut foreign = head();
    foreign.quarantine.insert("*".into(), quarantine);
    assert!(kept(&foreign, Some(&policy(&[], 0)), &row("1.0.1"), at(1000)).is_some());
}
