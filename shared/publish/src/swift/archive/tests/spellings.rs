//! Names that a file system may take for another one, beside symlinks.

use super::builder::{Item, Zip, bare, package};
use super::spelling::stays_beyond_ascii;
use super::*;

const LINK: &str = "that is a symlink with a name beyond ASCII";
const TARGET: &str = "that is a symlink to a name beyond ASCII";
const AMBIGUOUS: &str = "with characters in its name that not all systems are known to keep";

/// Only in one of these is it the `é` of the other.
const COMPOSED: &str = "é";
const DECOMPOSED: &str = "e\u{301}";

fn zip(links: &[(&str, &str)], files: &[&str]) -> Vec<u8> {
    let zip = files.iter().fold(package(), |zip, name| zip.item(Item::file(name, b"")));
    links.iter().fold(zip, |zip, (name, target)| zip.item(Item::link(name, target))).build()
}

#[test]
fn links_and_their_targets_are_in_ascii() {
    assert_ne!(COMPOSED, DECOMPOSED);
    // The first link leads out of the package where its target is the second one.
    for (target, name) in [(COMPOSED, DECOMPOSED), (DECOMPOSED, COMPOSED)] {
        let out = format!("{target}/../../x");
        let link = format!("p/a/{name}");
        refused(&zip(&[("p/a/l", &out), (&link, "b/c")], &[]), LINK);
        refused(&zip(&[("p/a/l", &out), ("p/a/e", "..")], &[]), TARGET);
    }
    for name in ["p/é", "p/日本/l", "p/s\u{200d}"] {
        refused(&zip(&[(name, "x")], &[]), LINK);
    }
    for target in ["é", "s/日本", "s\u{200d}/.."] {
        refused(&zip(&[("p/l", target)], &[]), TARGET);
    }
}

#[test]
fn the_folder_of_the_package_may_have_any_name() {
    for folder in [COMPOSED, DECOMPOSED, "\u{fb01}", "s\u{200d}"] {
        let zip = Zip::default()
            .item(Item::file(&format!("{folder}/Package.swift"), MANIFEST.as_bytes()))
            .item(Item::link(&format!("{folder}/a/l"), "../x"));
        accepted(&zip.clone().item(Item::file(&format!("{folder}/b/\u{fb01}"), b"")).build());
        refused(&zip.item(Item::file(&format!("{folder}/a/\u{fb01}"), b"")).build(), AMBIGUOUS);
    }
    refused(&bare().item(Item::link("é/l", "x")).build(), LINK);
}

#[test]
fn nothing_can_become_a_link_or_lie_below_one() {
    // Characters that are skipped, that are wide, that are two, that are canonically in ASCII.
    for name in
        ["s\u{200d}", "\u{ff53}", "\u{feff}s", "s\u{34f}", "\u{1fef}", "\u{37e}", "\u{fb01}", "\u{df}"]
    {
        for (link, file) in [
            ("p/s", format!("p/{name}")),
            ("p/s", format!("p/{name}/x")),
            ("p/a/s", format!("p/A/{name}/x")),
            ("p/a/b/s", format!("p/{name}/b/s")),
            ("p/a/b/s", format!("p/a/{name}/s/x/y")),
            ("p/a-b/s", format!("p/a-b/{name}")),
        ] {
            refused(&zip(&[(link, "t")], &[&file]), AMBIGUOUS);
        }
        // Not as deep as a link, or elsewhere.
        for (link, file) in [
            ("p/a/b/s", format!("p/{name}/b")),
            ("p/a/s", format!("p/{name}")),
            ("p/a/s", format!("p/b/{name}/x")),
            ("p/a-b/s", format!("p/a/{name}")),
            ("p/a/s", format!("p/a-b/{name}")),
        ] {
            accepted(&zip(&[(link, "t")], &[&file]));
        }
        accepted(&zip(&[], &[&format!("p/{name}"), "p/s"]));
    }
    let root = bare().item(Item::link("s", "t")).item(Item::file("s\u{200d}/x", b""));
    refused(&root.build(), AMBIGUOUS);
    // The nearest link counts, not the first.
    refused(&zip(&[("p/a/b/c/d", "t"), ("p/z", "t")], &["p/\u{fb01}"]), AMBIGUOUS);
    refused(&zip(&[("p/a-b/s", "t"), ("p/a/s", "t")], &["p/a/\u{fb01}"]), AMBIGUOUS);
    // In a folder whose name is known to stay as it is.
    accepted(&zip(&[("p/s", "t")], &["p/日本/\u{fb01}"]));
}

#[test]
fn common_names_beyond_ascii_may_be_beside_links() {
    let files =
        ["p/README-中文.md", "p/é", "p/e\u{301}", "p/naïve/x", "p/Привет", "p/한국어", "p/かな", "p/🎉"];
    accepted(&zip(&[("p/AGENTS.md", "CLAUDE.md"), ("p/e", "x")], &files));
}

#[test]
fn characters_that_stay_beyond_ascii_do_so_in_either_case() {
    let all: Vec<char> = ('\0'..=char::MAX).filter(|character| stays_beyond_ascii(*character)).collect();
    assert!(all.len() > 30_000);
    for character in all {
        let text = character.to_string();
        for form in [text.to_uppercase(), text.to_lowercase(), crate::zip_archive::names::folded(&text)] {
            assert!(!form.is_ascii(), "{character} becomes {form}");
        }
        assert!(!character.is_control());
    }
    for character in
        "azAZ09;`\u{212a}\u{17f}\u{131}\u{130}ßﬁ\u{200d}\u{feff}\u{ad}\u{34f}ªºｓ\u{132}\u{149}\u{37e}"
            .chars()
    {
        assert!(!stays_beyond_ascii(character), "{character:?}");
    }
}
