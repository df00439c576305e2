use proptest::prelude::*;

use super::*;

fn range(text: &str) -> SwiftRange {
    SwiftRange::parse(text).unwrap_or_else(|why| panic!("{text}: {why}"))
}

#[test]
fn versions_are_found_as_swiftpm_finds_them() {
    for (text, inside, outside) in [
        ("1.2.3", "1.2.3 1.2.3+build", "1.2.4 1.2.3-beta 1.2.2"),
        ("=1.2.3", "1.2.3", "1.2.4"),
        ("1.2.3-beta", "1.2.3-beta 1.2.3-BETA", "1.2.3 1.2.3-beta.1"),
        ("1.0.0..<2.0.0", "1.0.0 1.9.9", "0.9.9 2.0.0 1.5.0-beta 2.0.0-beta 1.0.0-beta"),
        ("1.0.0 ..< 2.0.0", "1.0.0", "2.0.0"),
        ("1.0.0-beta..<2.0.0", "1.0.0-beta 1.0.0-rc 1.5.0-beta 1.9.9", "1.0.0-alpha 2.0.0-beta 2.0.0"),
        ("1.0.0..<2.0.0-beta", "1.9.9 1.5.0-beta 2.0.0-alpha", "2.0.0-beta 2.0.0 1.0.0-beta"),
        ("1.0.0...1.9.0", "1.0.0 1.9.0", "1.9.1 1.9.0-beta 1.5.0-beta 0.9.9"),
        ("1.0.0-a...1.9.0", "1.0.0-a 1.9.0-beta 1.9.0", "1.9.1-beta 1.9.1"),
        ("1.0.0...1.0.0", "1.0.0", "1.0.1 1.0.0-a"),
        ("^1.2.0", "1.2.0 1.9.9", "2.0.0 1.1.9 2.0.0-a 1.3.0-a"),
        ("^0.2.0", "0.2.0 0.9.0", "1.0.0 0.1.9"),
        ("^1.2.0-beta", "1.2.0-beta 1.2.0 1.3.0-alpha", "2.0.0-alpha 1.2.0-alpha"),
        ("~1.2.0", "1.2.0 1.2.9", "1.3.0 1.1.9 1.3.0-a"),
        (">=1.0.0 <2.0.0", "1.0.0 1.9.9", "2.0.0 2.0.0-a 0.9.0"),
        (">= 1.0.0, < 2.0.0", "1.0.0 1.9.9", "2.0.0"),
        (">1.0.0 <=2.0.0", "1.0.1 2.0.0", "1.0.0 2.0.1 2.0.0-a"),
        (">=1.0.0", "1.0.0 99.0.0", "1.0.0-a 99.0.0-a"),
        ("<1.0.0", "0.9.9", "1.0.0 1.0.0-a 0.9.9-a"),
        ("1.0.0 || ^3.0.0", "1.0.0 3.5.0", "2.0.0 4.0.0 3.5.0-a"),
        ("1.0.0-RC || 2.0.0||3.0.0", "1.0.0-rc 1.0.0-RC 2.0.0 3.0.0", "1.0.0 4.0.0"),
        ("1.0.0 || *", "1.0.0 2.0.0 2.0.0-a", ""),
    ] {
        for version in inside.split_whitespace() {
            assert!(range(text).contains(version), "{text} has {version}");
        }
        for version in outside.split_whitespace() {
            assert!(!range(text).contains(version), "{text} has not {version}");
        }
        for none in ["", "1.0", "1", "v1.0.0", "latest", "1.0.0.0"] {
            assert!(!range(text).contains(none), "{text} has not {none}");
        }
    }
}

#[test]
fn what_is_no_range() {
    for bad in [
        "",
        "1",
        "1.2",
        "1.x",
        "v1.0.0",
        "1.0.0 -",
        "1.0.0 - 2.0.0",
        "1.0.0..2.0.0",
        "..<2.0.0",
        "1.0.0..<",
        "1.0.0...",
        "1.0.0..<1.0.0",
        "2.0.0..<1.0.0",
        "2.0.0...1.0.0",
        "1.0.0..<2.0.0..<3.0.0",
        "1.0.0..<2.0.0 <3.0.0",
        "^",
        "^1.2",
        "~1",
        "^^1.0.0",
        ">",
        ">=",
        "!=1.0.0",
        "==1.0.0",
        ",",
        "1.0.0 ||",
        "1.0.0,",
        ",1.0.0",
        "1.0.0,,1.0.0",
        "||",
        "* 1.0.0",
        "from: \"1.0.0\"",
        "\"1.0.0\"",
        "01.0.0",
        "1.0.0-01",
        "^18446744073709551615.0.0",
        "99999999999999999999.0.0",
        "é",
    ] {
        assert!(SwiftRange::parse(bad).is_err(), "{bad}");
    }
    assert_eq!(SwiftRange::parse("^1.2").unwrap_err(), "'1.2' is no version of three numbers such as 1.2.3");
    assert_eq!(SwiftRange::parse("2.0.0..<1.0.0").unwrap_err(), "nothing is between 2.0.0 and 1.0.0");
}

fn any_version() -> impl Strategy<Value = String> {
    "[0-2]\\.[0-2]\\.[0-2](-(alpha|beta|rc)\\.[0-2])?"
}

proptest! {
    #[test]
    fn any_text_is_a_range_or_refused(
        text in "\\PC*|([<>=^~]{0,2}[0-2]\\.[0-2]\\.[0-2](-a)?(\\.\\.<|\\.\\.\\.|,| | \\|\\| )?){0,4}",
        version in any_version(),
    ) {
        if let Ok(range) = SwiftRange::parse(&text) {
            let again = SwiftRange::parse(text.trim()).unwrap();
            prop_assert!(range == again && range.contains(&version) == again.contains(&version));
        }
    }

    #[test]
    fn comparisons_agree_with_the_order(bound in any_version(), version in any_version()) {
        let parse = |text: &str| text.parse::<SwiftVersion>().unwrap();
        let order = parse(&version).cmp(&parse(&bound));
        let contains = |operator: &str| range(&format!("{operator}{bound}")).contains(&version);
        // A pre-release needs a bound that is one, and none of the release that ends the range.
        let is_let_in = !version.contains('-') || bound.contains('-');
        prop_assert_eq!(contains("<"), is_let_in && order.is_lt());
        prop_assert_eq!(contains("<="), is_let_in && order.is_le());
        prop_assert_eq!(contains(">"), is_let_in && order.is_gt());
        prop_assert_eq!(contains(">="), is_let_in && order.is_ge());
        prop_assert_eq!(contains(""), order.is_eq());
        prop_assert_eq!(contains("="), order.is_eq());
    }
}
