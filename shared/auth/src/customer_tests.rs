//! What customers get, to the millisecond.

use std::collections::BTreeSet;

use granary_model::RepoId;
use granary_storage::rows::{Permission, SoldAs, VersionStatus};
use granary_storage::{Subject, Tenant};
use proptest::prelude::*;

use super::*;

const T: i64 = 1_000_000;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn tenant() -> Tenant {
    Tenant { subject: Subject::User("ann".parse().unwrap()), uid: None }
}

fn repo() -> RepoRow {
    RepoRow {
        package_types: BTreeSet::from([PackageType::Npm]),
        ..RepoRow::new("libs".parse().unwrap(), "u1".into(), "ann".parse().unwrap(), at(0))
    }
}

fn licence(constraint: LicenceConstraint, on_expiry: OnExpiry, packages: &[&str]) -> Principal {
    Principal::Licence(std::sync::Arc::new(LicenceRow {
        id: "l".into(),
        tenant: tenant(),
        name: "licence".into(),
        key: "12345-12345-ABCDE".parse().unwrap(),
        constraint,
        on_expiry,
        suspended: false,
        meta: None,
        packages: packages.iter().map(|name| (*name).to_owned()).collect(),
        created_at: at(0),
        updated_at: at(5),
        rev: 1,
    }))
}

fn consumer(permissions: &[(u64, &str)]) -> Principal {
    let permission = |(package_id, version): &(u64, &str)| Permission {
        package_id: *package_id,
        version: (*version).into(),
        created_at: at(0),
        updated_at: at(0),
    };
    Principal::Consumer(std::sync::Arc::new(ConsumerRow {
        id: 1,
        tenant: tenant(),
        email: "c@example.com".into(),
        public_key: "public-key-1".parse().unwrap(),
        private_key: "private-key-1".parse().unwrap(),
        permissions: permissions.iter().map(permission).zip(1..).map(|(row, id)| (id, row)).collect(),
        created_at: at(0),
        updated_at: at(0),
        changed_at: at(7),
        rev: 1,
    }))
}

fn version(text: &str, published_at: i64) -> VersionRow {
    VersionRow {
        version: text.into(),
        status: VersionStatus::Live,
        published_at: at(published_at),
        publisher: "ann".into(),
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

fn package(name: &str) -> PackageKey {
    PackageKey { repo: "libs".parse::<RepoId>().unwrap(), kind: PackageType::Npm, name: name.into() }
}

fn entitlement(principal: &Principal, name: &str, now: i64) -> Entitlement {
    decide_package(principal, &repo(), &package(name), None, at(now))
}

fn grants(principal: &Principal, name: &str, now: i64) -> Grants {
    match entitlement(principal, name, now) {
        Entitlement::Some(grants) => grants,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_package_is_named_with_or_without_its_repository() {
    let principal = licence(
        LicenceConstraint::None,
        OnExpiry::Revoke,
        &["pad", "libs//left", "other//right", "libs/centre"],
    );
    for (name, named) in
        [("pad", true), ("left", true), ("right", false), ("centre", false), ("pa", false), ("Pad", false)]
    {
        let given = matches!(entitlement(&principal, name, T), Entitlement::Some(_));
        assert_eq!(given, named, "{name}");
    }
}

#[test]
fn a_date_ends_the_key_after_that_millisecond() {
    let principal = licence(LicenceConstraint::Date(at(T)), OnExpiry::Revoke, &["pad"]);
    for (now, works) in [(T - 1, true), (T, true), (T + 1, false)] {
        let expected = if works { None } else { Some(Denial::Expired) };
        let found = match entitlement(&principal, "pad", now) {
            Entitlement::Nothing(denial) => Some(denial),
            Entitlement::Some(grants) => grants.decide(&version("1.0.0", now), at(now)).err(),
            Entitlement::All => panic!("all of it"),
        };
        assert_eq!(found, expected, "{now}");
        let lists = decide_lists(&principal, &repo(), at(now));
        assert_eq!(lists == Decision::Allow, works, "{now}");
        // That it was switched off is told by nothing.
        let hidden = HeadRow { hidden: true, ..HeadRow::default() };
        let off = decide_package(&principal, &repo(), &package("pad"), Some(&hidden), at(now));
        assert_eq!(off, Entitlement::Nothing(if works { Denial::Hidden } else { Denial::Expired }));
        // What is not named is not there, before the end and after it.
        assert_eq!(entitlement(&principal, "other", now), Entitlement::Nothing(Denial::Hidden));
    }
}

#[test]
fn restrict_and_maintain_keep_what_was_published_until_the_date() {
    for on_expiry in [OnExpiry::Restrict, OnExpiry::Maintain] {
        let principal = licence(LicenceConstraint::Date(at(T)), on_expiry, &["pad"]);
        for now in [T - 10, T, T + 10] {
            let grants = grants(&principal, "pad", now);
            for (published, expected) in [(T - 1, Ok(())), (T, Ok(())), (T + 1, Err(Denial::OutsideWindow))] {
                assert_eq!(
                    grants.decide(&version("1.0.0", published), at(now)),
                    expected,
                    "{now} {published}"
                );
            }
            assert_eq!(decide_lists(&principal, &repo(), at(now)), Decision::Allow);
        }
        // Files come to a version later than the version itself.
        let grants_now = grants(&principal, "pad", T);
        assert!(grants_now.allow_file("1.0.0", at(T)) && !grants_now.allow_file("1.0.0", at(T + 1)));
        // A version that does not exist reads like one that is published now.
        assert_eq!(grants(&principal, "pad", T).decide_absent("9.9.9", at(T)), Ok(()));
        let after = grants(&principal, "pad", T + 1).decide_absent("9.9.9", at(T + 1));
        assert_eq!(after, Err(Denial::OutsideWindow));
        // The boundary is a change of what the customer has, although nothing is written.
        assert_eq!(grants(&principal, "pad", T).changed_at(), at(5));
        assert_eq!(grants(&principal, "pad", T + 1).changed_at(), at(T));
    }
    let principal = licence(LicenceConstraint::Date(at(T)), OnExpiry::Allow, &["pad"]);
    assert_eq!(grants(&principal, "pad", T + 10).decide(&version("1.0.0", T + 5), at(T + 10)), Ok(()));
}

#[test]
fn a_range_covers_versions_and_says_the_same_of_absent_ones() {
    let principal = licence(LicenceConstraint::Version("<2.0.0".into()), OnExpiry::Revoke, &["pad"]);
    let grants = grants(&principal, "pad", T);
    assert_eq!(grants.decide(&version("1.9.9", T), at(T)), Ok(()));
    assert_eq!(grants.decide(&version("2.0.0", T), at(T)), Err(Denial::NotLicensed));
    assert_eq!(grants.decide_absent("2.0.0", at(T)), Err(Denial::NotLicensed));
    let hidden = VersionRow { hidden: true, ..version("1.9.9", T) };
    assert_eq!(grants.decide(&hidden, at(T)), Err(Denial::Hidden));
    // Beyond the range, what is switched off and what is not there are the same.
    let beyond = VersionRow { hidden: true, ..version("2.0.0", T) };
    assert_eq!(grants.decide(&beyond, at(T)), grants.decide_absent("2.0.0", at(T)));
    assert!(!grants.allow(&hidden) && !grants.allow(&beyond));
    // What is no range in the protocol of the package opens nothing of it.
    let principal = licence(LicenceConstraint::Version("no range".into()), OnExpiry::Revoke, &["pad"]);
    assert_eq!(entitlement(&principal, "pad", T), Entitlement::Nothing(Denial::Hidden));
}

#[test]
fn permissions_of_a_consumer_add_up() {
    let head = |id| HeadRow { sold_as: Some(SoldAs { tenant: tenant(), id }), ..HeadRow::default() };
    let principal = consumer(&[(2, "1.x"), (2, "3.x"), (3, "*")]);
    let decide = |head: Option<&HeadRow>| decide_package(&principal, &repo(), &package("pad"), head, at(T));
    let Entitlement::Some(grants) = decide(Some(&head(2))) else { panic!("nothing") };
    for (text, expected) in [("1.4.0", Ok(())), ("2.0.0", Err(Denial::NotLicensed)), ("3.0.1", Ok(()))] {
        assert_eq!(grants.decide(&version(text, T), at(T)), expected, "{text}");
    }
    assert_eq!(grants.changed_at(), at(7));
    let nothing = Entitlement::Nothing(Denial::Hidden);
    assert_eq!(decide(Some(&head(4))), nothing);
    assert_eq!(decide(Some(&HeadRow::default())), nothing);
    assert_eq!(decide(None), nothing);
    let foreign =
        SoldAs { tenant: Tenant { subject: Subject::User("bob".parse().unwrap()), uid: None }, id: 2 };
    assert_eq!(decide(Some(&HeadRow { sold_as: Some(foreign), ..HeadRow::default() })), nothing);
    assert_eq!(decide(Some(&HeadRow { hidden: true, ..head(2) })), nothing);
}

#[test]
fn the_same_grants_have_the_same_fingerprint() {
    let head = HeadRow { sold_as: Some(SoldAs { tenant: tenant(), id: 1 }), ..HeadRow::default() };
    let fingerprint = |permissions: &[(u64, &str)]| match decide_package(
        &consumer(permissions),
        &repo(),
        &package("pad"),
        Some(&head),
        at(T),
    ) {
        Entitlement::Some(grants) => grants.fingerprint().to_owned(),
        other => panic!("{other:?}"),
    };
    let both = fingerprint(&[(1, "1.x"), (1, "3.x")]);
    assert_eq!(both, fingerprint(&[(1, "3.x"), (1, "1.x"), (1, "1.x"), (2, "*")]));
    assert_ne!(both, fingerprint(&[(1, "1.x")]));
    assert_eq!(both.len(), 16);
}

#[test]
fn a_public_repository_is_open_to_customers_too() {
    let public = RepoRow { visibility: Visibility::Public, ..repo() };
    for principal in [licence(LicenceConstraint::None, OnExpiry::Revoke, &[]), consumer(&[])] {
        assert!(!is_gated(&principal, &public) && is_gated(&principal, &repo()));
        assert_eq!(decide_package(&principal, &public, &package("x"), None, at(T)), Entitlement::All);
    }
    assert_eq!(entitlement(&Principal::Anonymous, "x", T), Entitlement::All);
}

proptest! {
    /// Of several grants any one is enough, and no other way leads to a version.
    #[test]
    fn the_union_is_what_each_grant_gives(
        majors in proptest::collection::vec(0_u8..5, 1..5),
        asked in 0_u8..5,
        minor in 0_u8..9,
    ) {
        let ranges: Vec<String> = majors.iter().map(|major| format!("{major}.x")).collect();
        let permissions: Vec<(u64, &str)> = ranges.iter().map(|range| (1, range.as_str())).collect();
        let head = HeadRow { sold_as: Some(SoldAs { tenant: tenant(), id: 1 }), ..HeadRow::default() };
        let found = decide_package(&consumer(&permissions), &repo(), &package("pad"), Some(&head), at(T));
        let Entitlement::Some(grants) = found else { panic!("nothing") };
        let row = version(&format!("{asked}.{minor}.0"), T);
        prop_assert_eq!(grants.allow(&row), majors.contains(&asked));
    }
}
