use proptest::prelude::*;

use super::*;

const VERSIONS: &str = "0.9 1 1.0-alpha-1 1.0-beta-2 1.0-rc1 1.0-SNAPSHOT 1.0 1.0.0 1.0.1 1.1-SNAPSHOT 1.1 1.2 1.2.3 1.5 1.5.0 1.5-jre 1.10 2.0-alpha 2.0-alpha-1 2.0-beta-1 2.0-SNAPSHOT 2.0 2.0-sp1 2.0.1 3.0 10.0";

/// What Maven 3.8.7 finds among these versions, or `!` if it refuses the range.
const VECTORS: &[(&str, &str)] = &[
    ("[1.0,2.0)", ".#....###############....."),
    ("[1.0,2.0]", ".#....################...."),
    ("(1.0,2.0)", "........#############....."),
    ("(1.0,2.0]", "........##############...."),
    ("[1.0,2.0-alpha)", ".#....###########........."),
    ("(,1.0]", "########.................."),
    ("(,1.0)", "#.####...................."),
    ("[,1.0]", "########.................."),
    ("[1.0,)", ".#....####################"),
    ("(1.0,)", "........##################"),
    ("[1.0,]", ".#....####################"),
    ("(,)", "##########################"),
    ("[,]", "##########################"),
    ("[1.5]", ".............##..........."),
    ("[1.5.0]", ".............##..........."),
    ("(1.5)", "!"),
    ("[1.5)", "!"),
    ("(1.5]", "!"),
    ("1.5", ".............##..........."),
    ("1.0", ".#....##.................."),
    ("1.0.0", ".#....##.................."),
    ("1.0-SNAPSHOT", ".....#...................."),
    ("(,1.0],[1.2,)", "########...###############"),
    ("(,1.0),(1.0,)", "#.####..##################"),
    ("(,1.1),(1.1,)", "##########.###############"),
    ("[1.0,1.2),[1.5,2.0)", ".#....#####..########....."),
    ("[1.0,1.2], [1.5,2.0)", ".#....######.########....."),
    ("[1.0,1.2] , [1.5,2.0)", ".#....######.########....."),
    ("[ 1.0 , 2.0 )", ".#....###############....."),
    ("[1.0 ,2.0)", ".#....###############....."),
    ("[1.0],[1.5],[2.0]", ".#....##.....##......#...."),
    ("[1.0],[2.0],[1.5]", "!"),
    ("[2.0,1.0]", "!"),
    ("[1.0,1.0]", ".#....##.................."),
    ("(1.0,1.0)", "!"),
    ("[1.0,1.0)", "!"),
    ("[1.0,2.0),[1.5,3.0)", "!"),
    ("[1.0,2.0],[2.0,3.0]", ".#....###################."),
    ("(,2.0],[1.0,)", "!"),
    ("[1.0,2.0", "!"),
    ("[1.0", "!"),
    ("[", "!"),
    ("()", "!"),
    ("[,)", "##########################"),
    ("(,]", "##########################"),
    ("[1.0,2.0);[3.0,4.0)", "!"),
    ("[1.0,2.0),3.0", "!"),
    ("[1.0,2.0)x", "!"),
    ("[[1.0,2.0)]", "!"),
    ("[1.0,(2.0)]", "!"),
    ("[1,2)", ".#....###############....."),
    ("[1.5-jre,2)", "...............######....."),
    ("(1.0-SNAPSHOT,1.1-SNAPSHOT)", ".#....###................."),
];

fn range(text: &str) -> MavenRange {
    MavenRange::parse(text).unwrap_or_else(|why| panic!("{text}: {why}"))
}

#[test]
fn versions_are_found_as_maven_finds_them() {
    for (text, expected) in VECTORS {
        let found: String = match MavenRange::parse(text) {
            Ok(range) => VERSIONS
                .split_whitespace()
                .map(|version| if range.contains(version) { '#' } else { '.' })
                .collect(),
            Err(_) => "!".into(),
        };
        assert_eq!(found, *expected, "{text}");
    }
}

#[test]
fn where_it_differs_from_maven() {
    // Maven takes these for a version, sees no overlap behind an open end, or does not look at the comma.
    for bad in [
        "",
        "[]",
        "]",
        "1.0]",
        "1.0,2.0)",
        ",[1.0,2.0)",
        "[1.0,2.0),",
        "[1.0,2.0)[3.0,4.0)",
        "3.0,[1.0,2.0)",
        "[1.0,2.0,3.0]",
        "[1.0,),[2.0,)",
        "1.0 2.0",
        "1.0,2.0",
        "1.0/2",
        "é",
    ] {
        assert!(MavenRange::parse(bad).is_err(), "{bad}");
    }
    assert!(!range("(,)").contains("1.0/2") && !range("(,)").contains(""));
}

#[test]
fn what_is_wrong_is_said() {
    let why = |text: &str| MavenRange::parse(text).unwrap_err();
    assert_eq!(why("(1.5)"), "a single version stands between '[' and ']'");
    assert_eq!(why("[2.0,1.0]"), "nothing is in '2.0,1.0'");
    assert_eq!(why("[1.0,2.0],[1.5,3.0]"), "its parts overlap or are not in ascending order");
    assert_eq!(why("[1.0,2.0"), "a bracket is not closed");
    assert_eq!(why("[1.0,2/0]"), "'2/0' is no version");
}

fn any_version() -> impl Strategy<Value = String> {
    "[0-2](\\.[0-2]){0,2}(-(alpha|beta|rc|SNAPSHOT|sp|jre)(-[12])?)?"
}

proptest! {
    #[test]
    fn any_text_is_a_range_or_refused(text in "\\PC*|([\\[(]?[0-9.]{0,4}[,\\])]?){0,12}", version in any_version()) {
        if let Ok(range) = MavenRange::parse(&text) {
            prop_assert!(range == MavenRange::parse(text.trim()).unwrap());
            let _ = range.contains(&version);
        }
    }

    #[test]
    fn intervals_agree_with_the_order(bound in any_version(), version in any_version()) {
        let place = |text: &str| ComparableVersion::new(text);
        let contains = |text: String| range(&text).contains(&version);
        let order = place(&version).cmp(&place(&bound));
        prop_assert_eq!(contains(format!("[{bound},)")), order.is_ge());
        prop_assert_eq!(contains(format!("({bound},)")), order.is_gt());
        prop_assert_eq!(contains(format!("(,{bound}]")), order.is_le());
        prop_assert_eq!(contains(format!("(,{bound})")), order.is_lt());
        prop_assert_eq!(contains(format!("[{bound}]")), order.is_eq());
        prop_assert_eq!(contains(bound.clone()), order.is_eq());
        prop_assert_eq!(contains(format!("(,{bound}),({bound},)")), order.is_ne());
    }
}
