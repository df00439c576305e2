//! Cases of Maven's own test of its order, and what makes any order fit for sorting.

use std::cmp::Ordering;

use proptest::prelude::{Strategy, prop_assert, prop_assert_eq, proptest};

use super::ComparableVersion;

fn compare(a: &str, b: &str) -> Ordering {
    ComparableVersion::new(a).cmp(&ComparableVersion::new(b))
}

fn assert_ascending(versions: &[&str]) {
    for (index, low) in versions.iter().enumerate() {
        assert_eq!(compare(low, low), Ordering::Equal, "{low}");
        for high in versions.iter().skip(index + 1) {
            assert_eq!(compare(low, high), Ordering::Less, "{low} < {high}");
            assert_eq!(compare(high, low), Ordering::Greater, "{high} > {low}");
        }
    }
}

fn assert_same(versions: &[&str]) {
    for a in versions {
        for b in versions {
            assert_eq!(compare(a, b), Ordering::Equal, "{a} = {b}");
        }
    }
}

#[test]
fn qualifiers_rank() {
    assert_ascending(&[
        "1-alpha2snapshot",
        "1-alpha2",
        "1-alpha-123",
        "1-beta-2",
        "1-beta123",
        "1-m2",
        "1-m11",
        "1-rc",
        "1-cr2",
        "1-rc123",
        "1-SNAPSHOT",
        "1",
        "1-sp",
        "1-sp2",
        "1-sp123",
        "1-abc",
        "1-def",
        "1-pom-1",
        "1-1-snapshot",
        "1-1",
        "1-2",
        "1-123",
    ]);
}

#[test]
fn numbers_rank() {
    assert_ascending(&[
        "2.0", "2.0.a", "2-1", "2.0.2", "2.0.123", "2.1.0", "2.1-a", "2.1b", "2.1-c", "2.1-1", "2.1.0.1",
        "2.2", "2.123", "11.a2", "11.a11", "11.b2", "11.b11", "11.m2", "11.m11", "11", "11.a", "11b", "11c",
        "11m",
    ]);
}

#[test]
fn different_texts_have_one_place() {
    assert_same(&[
        "1",
        "1.0",
        "1.0.0",
        "1-0",
        "1.0-0",
        "1ga",
        "1-GA",
        "1release",
        "1.0.RELeaSE",
        "1Final",
        "1.final0",
    ]);
    assert_same(&["1a", "1-a", "1.0-a", "1.0.0-a", "1.0a", "1.0.0a", "1A"]);
    assert_same(&["1x", "1-x", "1.0-x", "1.0.0-x", "1.0x", "1.0.0x", "1X"]);
    assert_same(&["1cr", "1rc", "1Cr", "1rC"]);
    assert_same(&["1a1", "1-alpha-1", "1.0.0-ALPHA1"]);
    assert_same(&["1b2", "1-beta-2"]);
    assert_same(&["1m3", "1-milestone-3", "1Milestone3", "1MILESTONE3"]);
    assert_same(&["01", "001", "0000000000000000001", "1"]);
    assert_same(&["0", "00", "0000000000000000000", "0.0", ""]);
    assert_same(&["1-abcdefghijklmnopqrstuvwxyz", "1-ABCDEFGHIJKLMNOPQRSTUVWXYZ"]);
}

#[test]
fn pairs_rank() {
    let pairs = [
        ("1", "2"),
        ("1.5", "2"),
        ("1", "2.5"),
        ("1.0", "1.1"),
        ("1.1", "1.2"),
        ("1.0.0", "1.1"),
        ("1.0.1", "1.1"),
        ("1.1", "1.2.0"),
        ("1.0-alpha-1", "1.0"),
        ("1.0-alpha-1", "1.0-alpha-2"),
        ("1.0-alpha-1", "1.0-beta-1"),
        ("1.0-beta-1", "1.0-SNAPSHOT"),
        ("1.0-SNAPSHOT", "1.0"),
        ("1.0-alpha-1-SNAPSHOT", "1.0-alpha-1"),
        ("1.0", "1.0-1"),
        ("1.0-1", "1.0-2"),
        ("1.0.0", "1.0-1"),
        ("2.0-1", "2.0.1"),
        ("2.0.1-klm", "2.0.1-lmn"),
        ("2.0.1", "2.0.1-xyz"),
        ("2.0.1", "2.0.1-123"),
        ("2.0.1-xyz", "2.0.1-123"),
        ("0.7", "2"),
        ("0.2", "1.0.7"),
        ("J", "7"),
        ("c", "7"),
        ("aardvark", "zebra"),
        ("1-0.beta", "1"),
        ("1-0.alpha", "1-0.beta"),
        ("1.0.final-redhat", "1.0-sp1-redhat"),
        ("1.0.final-redhat", "1.0-sp-1-redhat"),
        ("1.0.final-redhat", "1.0-sp.1-redhat"),
        ("1", "1-ga1"),
        ("1-ga1", "1-ga2"),
        ("1-ga2", "1-sp"),
    ];
    for (low, high) in pairs {
        assert_ascending(&[low, high]);
    }
}

#[test]
fn odd_texts_keep_the_order_total() {
    assert_ascending(&["6.1.0rc3", "6.1.0", "6.1H.5-beta"]);
    assert_ascending(&[
        "20190126.230843",
        "1234567890.12345",
        "123456789012345.1H.5-beta",
        "12345678901234567890.1H.5-beta",
    ]);
    for word in ["abc", "alpha", "a", "beta", "b", "def", "milestone", "m", "RC"] {
        assert_ascending(&[&format!("1.0.0.{word}1"), &format!("1.0.0-{word}2")]);
        assert_same(&[&format!("2-{word}"), &format!("2.0.{word}"), &format!("2.0.0.{word}")]);
    }
}

#[test]
fn zeros_between_numbers_count() {
    assert_ascending(&["1.0.0.1", "1.0.1", "1.1"]);
    assert_ascending(&["1--1", "1-1", "1..1", "1.1"]);
    assert_same(&["1.0.x.0.0", "1-x"]);
}

/// Texts that look like versions more than any other text would.
fn versions() -> impl Strategy<Value = String> {
    "(0|1|2|10|a|b|m|rc|cr|ga|final|sp|snapshot|x|alpha|[.-]|[.-]|\\.0|-0){0,9}"
}

proptest! {
    #[test]
    fn it_is_antisymmetric(a in versions(), b in versions()) {
        prop_assert_eq!(compare(&a, &b), compare(&b, &a).reverse());
    }

    #[test]
    fn it_is_transitive(a in versions(), b in versions(), c in versions()) {
        let (ab, bc, ac) = (compare(&a, &b), compare(&b, &c), compare(&a, &c));
        if ab == bc {
            prop_assert_eq!(ac, ab);
        }
        if ab.is_eq() {
            prop_assert_eq!(ac, bc);
        }
    }

    #[test]
    fn numbers_of_any_length_compare_as_numbers(a in 0_u128.., b in 0_u128..) {
        prop_assert_eq!(compare(&a.to_string(), &b.to_string()), a.cmp(&b));
        prop_assert_eq!(compare(&format!("1.{a}"), &format!("1.{b}")), a.cmp(&b));
    }

    #[test]
    fn any_text_is_a_version(text in "\\PC{0,60}") {
        prop_assert!(compare(&text, &text).is_eq());
    }
}
