use proptest::prelude::*;

use super::*;

const VECTORS: &str = include_str!("../vectors/constraints.txt");

fn constraint(text: &str) -> Constraint {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn version(text: &str) -> ComposerVersion {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn versions_are_found_as_composer_finds_them() {
    let lines = VECTORS.lines().filter(|line| !line.starts_with('#'));
    let (mut versions, mut count) = (Vec::new(), 0);
    for line in lines {
        let (text, expected) = line.rsplit_once('\t').unwrap();
        if text == "version" {
            versions.push(version(expected));
            continue;
        }
        let found: String = match text.parse::<Constraint>() {
            Ok(constraint) => {
                versions.iter().map(|version| if constraint.contains(version) { '#' } else { '.' }).collect()
            }
            Err(_) => "!".into(),
        };
        assert_eq!(found, expected, "{text:?}");
        count += 1;
    }
    assert!(versions.len() == 50 && count > 500, "{count}");
}

#[test]
fn the_permissions_of_the_seed() {
    let five = constraint("5.*");
    for inside in ["5.0.0-dev", "5.0.0-beta1", "5.0", "5.9.9.9", "5.x-dev"] {
        assert!(five.contains(&version(inside)), "{inside}");
    }
    for outside in ["4.9.9", "4.x-dev", "6.0.0-dev", "6.0.0-beta1", "6.0", "dev-main", "50.0"] {
        assert!(!five.contains(&version(outside)), "{outside}");
    }
    assert!(
        constraint("*").contains(&version("dev-main")) && !constraint("*.*").contains(&version("dev-main"))
    );
}

#[test]
fn where_it_differs_from_composer() {
    // To Composer nothing at all is a branch, and so is everything behind `dev-`.
    for bad in ["-dev", "dev-a b", "!=dev-a#b", "dev-main - 2.0"] {
        assert!(bad.parse::<Constraint>().is_err(), "{bad}");
    }
    // Composer keeps the case of these, and then does not know the word.
    assert!(constraint("1.0.0-STABLE").contains(&version("1.0.0")));
    assert!(!constraint(">1.0@Alpha").contains(&version("1.0.0-alpha")));
    // Composer goes on with floating point here.
    assert!("^99999999999999999999.0".parse::<Constraint>().is_err());
    assert!("99999999999999999999.*".parse::<Constraint>().is_err());
}

#[test]
fn what_is_wrong_is_said() {
    let error = |text: &str| text.parse::<Constraint>().unwrap_err().to_string();
    let message = error(">=1.0 <abc");
    assert!(
        message.contains("'>=1.0 <abc' is no constraint of Composer") && message.contains("'abc'"),
        "{message}"
    );
    assert!(message.contains("^5.1 || ^6.0"), "{message}");
    assert!(error("").contains("everything is '*'"));
    assert!(error("1.0 ||").contains("before or behind"));
    assert!(error("~>1.0").contains("it is '~'"));
    assert!(error("1.é").contains("ASCII"));
    let long = error(&"5.* || ".repeat(2000));
    assert!(long.contains("longer than 1000 bytes") && long.len() < 400, "{long}");
}

#[test]
fn shapes_that_make_a_pattern_step_back() {
    let shapes = [
        "|", "||", "| ", ",", ", ", " ", "^", "~", "~>", ">", "=", "!", "<>", "*", ".*", "*.", "1.*.", "x.",
        "-", " - ", "1 - ", "1", "1.", "1-", "1-beta", "-1", ".1", "as ", " as ", "1 as ", "a", "@", "@dev",
        "#", "dev-", "dev-a#", "+", "1+a", "v", "1-beta.1", "2010-01-", "1 || ", "1,", "1, ", "-dev",
        "beta-", ".x-dev#",
    ];
    for shape in shapes {
        for first in ["", "1", "1-beta", "dev-a", "^1", "2010-01-01"] {
            for last in ["", "!", "1", " ", "x", "dev"] {
                let body = shape.repeat(900 / shape.len());
                let text = format!("{first}{body}{last}");
                // Nothing to say about the answer but that there is one.
                let _ = text.parse::<Constraint>();
                let _ = text.parse::<ComposerVersion>();
                let ten_kilobytes = format!("{first}{}{last}", shape.repeat(10_000 / shape.len()));
                assert!(ten_kilobytes.parse::<Constraint>().is_err());
            }
        }
    }
}

/// Versions that say how finished they are, which is what a comparison then begins or ends with.
fn named_version() -> impl Strategy<Value = ComposerVersion> {
    "(0|1|2|10)(\\.(0|1|2|10)){0,3}-(alpha|beta|b|p|patch)[0-3]?|(0|1|2)(\\.(0|1)){0,3}-dev"
        .prop_map(|text| version(&text))
}

proptest! {
    #[test]
    fn any_text_is_a_constraint_or_refused(
        text in "\\PC*|([v0-9x*.@+_#, |^~<>=!-]|dev|beta| as | - | \\|\\| ){0,40}",
        version in named_version(),
    ) {
        if let Ok(constraint) = text.parse::<Constraint>() {
            prop_assert_eq!(constraint.as_str(), text.trim_ascii());
            prop_assert_eq!(constraint.to_string(), constraint.as_str());
            let again: Constraint = constraint.as_str().parse().unwrap();
            prop_assert!(again == constraint);
            prop_assert_eq!(again.contains(&version), constraint.contains(&version));
        }
    }

    #[test]
    fn comparisons_agree_with_the_order(bound in named_version(), version in named_version()) {
        let contains = |operator: &str| constraint(&format!("{operator}{bound}")).contains(&version);
        prop_assert_eq!(contains("<"), version < bound);
        prop_assert_eq!(contains("<="), version <= bound);
        prop_assert_eq!(contains(">"), version > bound);
        prop_assert_eq!(contains(">="), version >= bound);
        prop_assert_eq!(contains("="), version == bound);
        prop_assert_eq!(contains("=="), version == bound);
        prop_assert_eq!(contains("!="), version != bound);
        prop_assert_eq!(contains(""), version == bound);
    }

    #[test]
    fn alternatives_add_and_parts_take_away(
        one in named_version(), two in named_version(), version in named_version(),
    ) {
        let (low, high) = (format!(">={one}"), format!("<{two}"));
        let contains = |text: String| constraint(&text).contains(&version);
        let (is_low, is_high) = (contains(low.clone()), contains(high.clone()));
        for joint in [" ", ", ", ",", " , ", "  "] {
            prop_assert_eq!(contains(format!("{low}{joint}{high}")), is_low && is_high);
        }
        for joint in [" || ", "||", "|", " | "] {
            prop_assert_eq!(contains(format!("{low}{joint}{high}")), is_low || is_high);
        }
    }
}
