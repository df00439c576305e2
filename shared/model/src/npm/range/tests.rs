use proptest::prelude::*;

use super::*;

const VECTORS: &str = include_str!("vectors.txt");

fn range(text: &str) -> NpmRange {
    NpmRange::parse(text).unwrap_or_else(|why| panic!("{text}: {why}"))
}

#[test]
fn versions_are_found_as_node_finds_them() {
    let (mut versions, mut count) = (Vec::new(), 0);
    for line in VECTORS.lines().filter(|line| !line.starts_with('#')) {
        let (text, expected) = line.rsplit_once('\t').unwrap();
        if text == "version" {
            versions.push(expected);
            continue;
        }
        let found: String = match NpmRange::parse(text) {
            Ok(range) => {
                versions.iter().map(|version| if range.contains(version) { '#' } else { '.' }).collect()
            }
            Err(_) => "!".into(),
        };
        assert_eq!(found, expected, "{text:?}");
        count += 1;
    }
    assert!(versions.len() == 40 && count > 400, "{count}");
}

#[test]
fn where_it_differs_from_node() {
    // These mean everything there.
    for bad in ["", " ", "||", "1.x ||", "|| 1.x", "1.x || || 2.x", "+1", "1.x || +build"] {
        assert!(NpmRange::parse(bad).is_err(), "{bad:?}");
    }
    // Build metadata is dropped there wherever it stands.
    for bad in ["1.2.3+a+b", "~1.2+b.1 +c", "1.x+"] {
        assert!(NpmRange::parse(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn pre_releases_only_when_named() {
    for (text, inside, outside) in [
        ("*", "1.0.0", "1.0.0-rc.1"),
        ("^1.0.0", "1.9.9", "1.9.9-rc.1"),
        ("<2.0.0", "1.9.9", "2.0.0-rc.1"),
        (">=1.2.0-rc.1", "1.2.0-rc.2", "1.3.0-rc.1"),
        (">=1.2.0-rc.1 <2.0.0", "1.9.0", "2.0.0-rc.1"),
    ] {
        assert!(range(text).contains(inside) && !range(text).contains(outside), "{text}");
    }
    for none in ["", "1", "v1.0.0", "latest", "1.0.0.0", "é"] {
        assert!(!range("*").contains(none), "{none}");
    }
    assert!(range("1.0.0").contains("1.0.0+build"));
}

#[test]
fn what_is_wrong_is_said() {
    assert_eq!(NpmRange::parse("1.x || abc").unwrap_err(), "'abc' is no version and no part of one");
    assert!(NpmRange::parse("1.x ||").unwrap_err().contains("everything is '*'"));
    assert!(NpmRange::parse("^9007199254740991.0.0").unwrap_err().contains("larger than"));
}

fn any_version() -> impl Strategy<Value = NpmVersion> {
    "[0-2]\\.[0-2]\\.[0-2](-(alpha|beta|rc)\\.[0-2])?".prop_map(|text| text.parse().unwrap())
}

proptest! {
    #[test]
    fn any_text_is_a_range_or_refused(
        text in "\\PC*|([v0-9x*.+_, |^~<>=-]|-beta| - | \\|\\| ){0,40}",
        version in any_version(),
    ) {
        if let (Ok(one), Ok(two)) = (NpmRange::parse(&text), NpmRange::parse(text.trim())) {
            prop_assert!(one == two && one.contains(version.as_str()) == two.contains(version.as_str()));
        }
    }

    #[test]
    fn comparisons_agree_with_the_order(bound in any_version(), version in any_version()) {
        // Two pre-releases of one release, or a release: otherwise only those that are named count.
        let is_named = !version.is_prerelease() || {
            let release = |version: &NpmVersion| version.as_str().split('-').next().map(str::to_owned);
            bound.is_prerelease() && release(&bound) == release(&version)
        };
        let contains = |operator: &str| range(&format!("{operator}{bound}")).contains(version.as_str());
        prop_assert_eq!(contains("<"), is_named && version < bound);
        prop_assert_eq!(contains("<="), is_named && version <= bound);
        prop_assert_eq!(contains(">"), is_named && version > bound);
        prop_assert_eq!(contains(">="), is_named && version >= bound);
        prop_assert_eq!(contains("="), version == bound);
        prop_assert_eq!(contains(""), version == bound);
    }
}
