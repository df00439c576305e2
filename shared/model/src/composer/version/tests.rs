use proptest::prelude::*;

use super::*;

const VECTORS: &str = include_str!("../vectors/versions.txt");

/// In the order that PHP's `version_compare` gives their normal forms.
const ORDERED: &str = "0.0.0-dev 0.0.0 0.0.1 0.0.3-beta1 0.1.0 0.2.4 0.3.0-dev 0.9.9.9 1.0.0-dev 1.0.0-alpha 1.0.0-alpha1 \
    1.0.0-beta1-dev 1.0.0-beta.1.2 1.0.0-beta2 1.0.0-beta10 1.0.0-RC1-dev 1.0.0-RC1 1.0.0-RC2 1.0.0 1.0.0-patch1 1.0.0-p2 \
    1.0.1 1.2.0-alpha 1.2.0 1.2.2 1.2.3-beta.2 1.2.3 1.2.3.4 1.2.x-dev 1.3.0-dev 1.3.0 1.9 1.9.99 1.10 1.x-dev 2.0.0-dev \
    2.0.0-alpha1 2.0.0-beta.1 2.0.0 2.0.5 2.1.0-beta1 2.1.0 2.1.1 3.0.0-alpha 3.0.0 3.1.2-RC2 4.0.9 5.0.0-beta1 5.3.1 8.7.2 \
    10.0.0 2010-01 2010-01-02 2010-01-02.5 99999.0 20100102 20100102-203040 20230101123000-p1";

fn version(text: &str) -> ComposerVersion {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// The vectors that are left: what the client calls a version is more than what can be published.
fn vectors() -> impl Iterator<Item = (&'static str, Option<(&'static str, &'static str)>)> {
    VECTORS.lines().filter(|line| !line.starts_with('#')).map(|line| {
        let fields: Vec<&str> = line.split('\t').collect();
        match fields.as_slice() {
            [text, "!"] => (*text, None),
            [text, normal, stability] => (*text, Some((*normal, *stability))),
            _ => panic!("{line}"),
        }
    })
}

#[test]
fn normal_forms_are_those_of_composer() {
    let mut count = 0;
    for (text, expected) in vectors() {
        count += 1;
        let normal = Normal::new(text);
        let found = normal.as_ref().map(|normal| (normal.text.as_str(), normal.stability.as_str()));
        assert_eq!(found, expected, "{text:?}");
        let parsed = text.parse::<ComposerVersion>();
        if text.contains(' ') {
            assert!(parsed.is_err(), "{text:?}");
        } else {
            assert_eq!(parsed.ok().map(|version| version.normalized().to_owned()), normal.map(|n| n.text));
        }
    }
    assert!(count > 300, "{count}");
}

#[test]
fn a_normal_form_is_taken_as_it_is() {
    for (_, expected) in vectors() {
        let Some((normal, stability)) = expected else { continue };
        let version = ComposerVersion::from_normalized(normal).unwrap();
        assert_eq!((version.normalized(), version.stability().as_str()), (normal, stability));
    }
    let date = ComposerVersion::from_normalized("2010.01.02").unwrap();
    assert!(date == version("2010-01-02") && date != version("2010.01.02"));
    for bad in ["", "1.0", "1.0.0", "v1.0.0.0", "1.0.0.0-b2", "main", "DEV-main", "1.x-dev", "1.0.0.0 "] {
        assert!(ComposerVersion::from_normalized(bad).is_err(), "{bad}");
    }
}

#[test]
fn ordered_as_php_does() {
    let versions: Vec<ComposerVersion> = ORDERED.split_whitespace().map(version).collect();
    for (at, one) in versions.iter().enumerate() {
        for (other_at, other) in versions.iter().enumerate() {
            assert_eq!(one.cmp(other), at.cmp(&other_at), "{one} {other}");
        }
        assert!(version("dev-main") < *one, "{one}");
    }
    assert_eq!(version("1.0.0-alpha1"), version("v1.0a01"));
    assert_ne!(version("dev-main"), version("dev-other"));
    // PHP's numbers end here, and so does the order.
    assert_eq!(version("1.99999999999999999999"), version("1.99999999999999999998"));
}

#[test]
fn parts_of_a_version() {
    let beta = version("v1.2-beta2");
    assert_eq!(
        (beta.pretty(), beta.normalized(), beta.to_string().as_str()),
        ("v1.2-beta2", "1.2.0.0-beta2", "v1.2-beta2")
    );
    assert!(beta.stability() == Stability::Beta && !beta.is_dev());
    assert!(version("dev-main").is_dev() && version("1.x-dev").is_dev() && version("1.0-beta1-dev").is_dev());
    assert!(Stability::Dev < Stability::Alpha && Stability::Rc < Stability::Stable);
    assert_eq!("RC".parse::<Stability>().unwrap(), Stability::Rc);
    // Composer makes `1.0.0.0-stable` of it, which comes before everything else.
    assert_eq!(version("1.0-STABLE").normalized(), "1.0.0.0");
}

#[test]
fn what_nothing_can_be_published_as() {
    for bad in [
        "",
        " 1.0",
        "1.0 ",
        "1.0 as 2.0",
        "1.0\n",
        "1.0\0",
        "1.0-é",
        "\u{ff11}.0",
        "dev-",
        "dev-/a",
        "dev-a/",
        "dev-a//b",
        "dev-../a",
        "dev-a..b",
        "dev-a/.b",
        "dev-a b",
        "dev-a#b",
        "dev-a~b",
        "dev-a:b",
        "dev-a?b",
        "dev-a*",
        "dev-a[b",
        "dev-a\\b",
        "dev-a,b",
        "dev-a|b",
        "dev-a@dev@dev",
        "dev-é",
    ] {
        assert!(matches!(bad.parse::<ComposerVersion>(), Err(Error::BadRequest(_))), "{bad:?}");
    }
    assert!(format!("dev-{}", "a".repeat(197)).parse::<ComposerVersion>().is_err());
    assert!(format!("dev-{}", "a".repeat(196)).parse::<ComposerVersion>().is_ok());
}

/// Versions of all the shapes that there are.
fn any_version() -> impl Strategy<Value = String> {
    prop_oneof![
        "v?(0|1|2|10)(\\.(0|1|2|10)){0,3}([-._]?(alpha|beta|b|RC|p|patch|a)([.-]?[0-3]){0,2})?([.-]?dev)?",
        "20(09|10)[-.:]?(01|12)([-.:]?(01|30)){0,3}(-(beta|p)[12])?",
        "(0|1|2)(\\.(x|1))?-dev",
        "dev-[ab](/[ab])?",
    ]
    .prop_filter("a version", |text| text.parse::<ComposerVersion>().is_ok())
}

proptest! {
    #[test]
    fn any_text_is_a_version_or_refused(text in "\\PC*|[v0-9x*.@+_# -]{0,40}(dev|beta|RC|stable)?[0-9.-]{0,8}") {
        if let Ok(version) = text.parse::<ComposerVersion>() {
            prop_assert_eq!(version.pretty(), text.as_str());
            let again = ComposerVersion::from_normalized(version.normalized()).unwrap();
            prop_assert_eq!(again.normalized(), version.normalized());
            prop_assert_eq!(again.stability(), version.stability());
            prop_assert!(again == version);
        }
    }

    #[test]
    fn the_order_is_total(a in any_version(), b in any_version(), c in any_version()) {
        let (a, b, c) = (version(&a), version(&b), version(&c));
        prop_assert_eq!(a.cmp(&b), b.cmp(&a).reverse());
        prop_assert!(!(a <= b && b <= c) || a <= c);
        prop_assert!(a.normalized() != b.normalized() || a == b);
    }
}
