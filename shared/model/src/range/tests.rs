use proptest::prelude::*;

use super::*;

const KINDS: [PackageType; 6] = [
    PackageType::Npm,
    PackageType::Maven,
    PackageType::Swift,
    PackageType::Raw,
    PackageType::Kmp,
    PackageType::Composer,
];

fn range(kind: PackageType, text: &str) -> Range {
    Range::parse(kind, text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn each_protocol_has_its_grammar() {
    use PackageType::{Composer, Kmp, Maven, Npm, Raw, Swift};
    for (kind, text, inside, outside) in [
        (Npm, "^1.2.0", "1.9.0", "2.0.0"),
        (Kmp, "<2.0.0", "1.9.0", "2.0.0-rc.1"),
        (Composer, "5.*", "5.0.0.0-beta1", "6.0.0.0-beta1"),
        (Composer, "5.*", "5.0-b1", "6.0-b1"),
        (Composer, "2010-01-02", "2010.01.02", "2010.01.03"),
        (Composer, "dev-main", "dev-main", "dev-other"),
        (Maven, "[1.0,2.0)", "1.5-jre", "2.0"),
        (Maven, "1.5", "1.5.0", "1.6"),
        (Swift, "1.0.0..<2.0.0", "1.2.3", "2.0.0-beta"),
        (Swift, ">=1.0.0-RC.1", "1.0.0-rc.2", "0.9.0"),
        (Raw, "1.x", "1.2.3", "2.0.0"),
        (Raw, "2026.02.16", "2026.02.16", "2026.02.17"),
        (Raw, "2026-02-16", "2026-02-16", "2026-02-17"),
        // Not a semantic version: equal text is all that counts.
        (Raw, "1.0", "1.0", "1"),
        (Raw, "1.0", "1.0.5", "1.1.0"),
        (Raw, "nightly", "nightly", "stable"),
    ] {
        assert!(range(kind, text).contains(inside), "{kind} {text} has {inside}");
        assert!(!range(kind, text).contains(outside), "{kind} {text} has not {outside}");
    }
    for (kind, text) in [
        (Npm, "[1.0,2.0)"),
        (Npm, "1.0.0..<2.0.0"),
        (Maven, "^1.0"),
        (Maven, "5.*"),
        (Swift, "1.x"),
        (Composer, "[1.0,2.0)"),
        (Composer, "1.0.0..<2.0.0"),
        (Raw, "[1.0,2.0)"),
        (Raw, "a b"),
    ] {
        assert!(Range::parse(kind, text).is_err(), "{kind} {text}");
    }
}

#[test]
fn a_star_is_everything() {
    for (kind, version) in [
        (PackageType::Maven, "2.0-SNAPSHOT"),
        (PackageType::Swift, "2.0.0-beta"),
        (PackageType::Raw, "nightly"),
        (PackageType::Composer, "dev-main"),
        (PackageType::Npm, "2.0.0"),
        (PackageType::Kmp, "2.0.0"),
    ] {
        assert!(range(kind, "*").contains(version), "{kind}");
        assert!(range(kind, " * ") == range(kind, "*"), "{kind}");
        let is_npm = matches!(kind, PackageType::Npm | PackageType::Kmp);
        // npm's `*` leaves out pre-releases, and so what is no version at all.
        assert_eq!(range(kind, "*").contains("no version!"), !is_npm, "{kind}");
    }
    assert!(!range(PackageType::Npm, "*").contains("2.0.0-rc.1"));
    for (kind, text) in [
        (PackageType::Maven, "(,)"),
        (PackageType::Swift, ">=0.0.0"),
        (PackageType::Raw, ">=0.0.0"),
        (PackageType::Composer, "*.*"),
        (PackageType::Composer, "!=1.0"),
    ] {
        assert!(!range(kind, text).contains("no version!"), "{kind} {text}");
    }
}

#[test]
fn nothing_gives_everything_by_accident() {
    for kind in KINDS {
        for bad in [
            "",
            " ",
            "\t\n",
            "||",
            "|| 1.0.0",
            "1.0.0 ||",
            ",",
            "1.0.0,",
            "\0",
            "*\0",
            "\u{ff0a}",
            "1.0.0\u{a0}",
        ] {
            let parsed = Range::parse(kind, bad);
            assert!(matches!(parsed, Err(Error::BadRequest(_))), "{kind} {bad:?}");
        }
    }
}

#[test]
fn long_texts_are_not_looked_at() {
    for kind in KINDS {
        for shape in ["*", " ", "1.*.*.*", "||||", "^^^", "[", "(,", "1.0.0 ", "1.x || ", "é", "1-", "~>"] {
            let text = shape.repeat(10_000 / shape.len() + 1);
            let message = Range::parse(kind, &text).unwrap_err().to_string();
            assert!(message.contains("longer than 1000 bytes") && message.len() < 1000, "{kind} {message}");
            // As long as a range may be: any answer will do.
            let cut: String = text.chars().take(MAX_RANGE / 2).collect();
            let _ = Range::parse(kind, &cut);
        }
        let longest = format!("{:<1$}", "1.0.0", MAX_RANGE);
        assert_eq!(range(kind, &longest).as_str(), "1.0.0");
        assert!(Range::parse(kind, &format!("{longest} ")).is_err());
    }
}

#[test]
fn what_is_wrong_is_said() {
    for (kind, expected) in [
        (PackageType::Npm, ["range of npm", "^1.2.0"]),
        (PackageType::Composer, ["constraint of Composer", "5.*"]),
        (PackageType::Maven, ["version range of Maven", "[1.0,2.0)"]),
        (PackageType::Swift, ["range of Swift versions", "1.0.0..<2.0.0"]),
        (PackageType::Raw, ["version of files", "2026-02-16"]),
    ] {
        let message = Range::parse(kind, ">=1.0.0 <what?>").unwrap_err().to_string();
        assert!(expected.iter().all(|part| message.contains(part)), "{message}");
        assert!(message.contains("'>=1.0.0 <what?>'"), "{message}");
    }
}

proptest! {
    #[test]
    fn any_text_is_a_range_or_refused(
        text in "\\PC*|\\PC{0,40}|[\\[(\\]),0-9.x*^~<>=| -]{0,40}|[ -~]{0,40}",
        version in "\\PC{0,20}|[0-9]\\.[0-9](\\.[0-9])?(-beta)?",
    ) {
        for kind in KINDS {
            if let Ok(range) = Range::parse(kind, &text) {
                let again = Range::parse(kind, range.as_str()).unwrap();
                prop_assert!(again == range);
                prop_assert_eq!(again.contains(&version), range.contains(&version));
            }
        }
    }
}
