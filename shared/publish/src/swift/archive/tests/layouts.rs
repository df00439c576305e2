//! Where the package is.

use super::builder::{Item, Zip, bare, package};
use super::*;

fn manifest(name: &str) -> Item {
    Item::file(name, MANIFEST.as_bytes())
}

#[test]
fn a_manifest_at_the_root_makes_a_bare_archive() {
    let archive = accepted(
        &bare()
            .item(Item::file("Package@swift-6.0.swift", b"// six"))
            .item(Item::file("Sources/A/A.swift", b""))
            .item(Item::file("Tests/T.swift", b""))
            .item(manifest("Sources/Package.swift"))
            .build(),
    );
    assert_eq!(archive.layout, Layout::Bare);
    assert_eq!(archive.manifests.len(), 2);
    assert_eq!(archive.manifests[0].text, MANIFEST);
    assert_eq!(accepted(&bare().build()).layout, Layout::Bare);
}

#[test]
fn folders_need_no_entry_of_their_own() {
    let archive = accepted(&Zip::default().item(manifest("some name/Package.swift")).build());
    assert_eq!(archive.layout, Layout::Folder("some name".into()));
}

#[test]
fn there_is_one_top_level_folder() {
    let zip = Zip::default().item(manifest("a/Package.swift"));
    refused(
        &zip.clone().item(Item::file("b/x", b"")).build(),
        "has 2 top-level folders ('a', 'b'), and SwiftPM unpacks",
    );
    refused(&zip.clone().item(Item::folder("b/")).build(), "git archive --format=zip --prefix");
    refused(&zip.clone().item(Item::folder("A/")).build(), "has 2 top-level folders ('A', 'a')");
    refused(
        &zip.clone().item(Item::file("b/x", b"")).item(Item::folder("c/")).item(Item::folder("d/")).build(),
        "has 4 top-level folders ('a', 'b' and 2 more)",
    );
    refused(&zip.item(Item::file("__MACOSX/a/._Package.swift", b"")).build(), "leave out __MACOSX");
    refused(&Zip::default().item(Item::file("x.txt", b"")).build(), "no folder in which it could be");
}

#[test]
fn there_is_a_manifest() {
    let reason = "has no Package.swift, neither at its root nor in its top-level folder 'p'";
    for name in ["p/x.swift", "p/q/Package.swift", "p/Package@swift-5.9.swift"] {
        refused(&Zip::default().item(manifest(name)).build(), reason);
    }
}

#[test]
fn manifests_are_regular_files() {
    let reason = "in place of a manifest, which must be a regular file";
    for item in
        [Item::link("p/Package@swift-5.swift", "Package.swift"), Item::folder("p/Package@swift-5.swift/")]
    {
        refused(&with(item), reason);
    }
    refused(&with(manifest("p/Package@swift-5.swift/x")), reason);
    for name in ["p/Package.swift", "Package.swift"] {
        refused(&Zip::default().item(Item::link(name, "x")).item(Item::file("p/x", b"")).build(), reason);
    }
    refused(&Zip::default().item(Item::folder("p/Package.swift/")).build(), reason);
}

#[test]
fn manifests_have_content_that_is_text() {
    refused(&with(Item::file("p/Package@swift-5.9.swift", b"")), "is an empty manifest");
    refused(&with(Item::file("p/Package@swift-5.9.swift", b"// \xff")), "a manifest which is not UTF-8");
    refused(
        &Zip::default().item(Item::file("Package.swift", b"\xc3")).build(),
        "a manifest which is not UTF-8",
    );
    let text = "\u{feff}// swift-tools-version:5.9\r\n\0é";
    let archive = accepted(&Zip::default().item(Item::deflated("Package.swift", text.as_bytes())).build());
    assert_eq!(archive.manifests[0].text, text);
    let large = "/".repeat(1024 * 1024);
    accepted(&Zip::default().item(Item::deflated("p/Package.swift", large.as_bytes())).build());
    let larger = format!("{large}/");
    refused(
        &Zip::default().item(Item::deflated("p/Package.swift", larger.as_bytes())).build(),
        "a manifest of more than 1048576 bytes",
    );
}

#[test]
fn there_are_few_manifests() {
    let zip = |count: usize| {
        (0..count)
            .fold(package(), |zip, index| zip.item(manifest(&format!("p/Package@swift-5.{index}.swift"))))
    };
    assert_eq!(accepted(&zip(15).build()).manifests.len(), 16);
    refused(&zip(16).build(), "more than 16 manifests");
}

#[test]
fn names_of_manifests() {
    for (name, is_manifest) in [
        ("Package@swift-5.swift", true),
        ("Package@swift-5.9.swift", true),
        ("Package@swift-5.9.1.swift", true),
        ("Package@swift-5.9.1.2.swift", false),
        ("Package@swift-5..swift", false),
        ("Package@swift-.swift", false),
        ("Package@swift-5.9-dev.swift", false),
        ("Package@swift-5.9.swift~", false),
    ] {
        let archive = accepted(&with(manifest(&format!("p/{name}"))));
        assert_eq!(archive.manifests.len(), if is_manifest { 2 } else { 1 }, "{name}");
    }
}

#[test]
fn files_beside_the_folder_do_not_get_into_its_way() {
    accepted(&with(Item::file("LICENSE", b"beside")));
    for (beside, inside) in
        [("LICENSE", "p/LICENSE"), ("License", "p/LICENSE"), ("Sources", "p/Sources/A.swift")]
    {
        let zip = package().item(Item::file(beside, b"")).item(Item::file(inside, b""));
        refused(&zip.build(), "where SwiftPM moves one over the other");
    }
    // SwiftPM would find it beside the manifest of the folder.
    for name in ["Package@swift-5.9.swift", "package.swift"] {
        refused(&with(manifest(name)), "a manifest beside the top-level folder");
    }
    for target in ["p", "p/Package.swift", "x"] {
        refused(&with(Item::link("link", target)), "a symlink beside the top-level folder");
    }
}

#[test]
fn the_top_level_folder_is_no_link() {
    let zip = Zip::default().item(Item::link("p", "q")).item(manifest("p/Package.swift"));
    refused(&zip.build(), "below a file or a symlink");
    let zip = Zip::default().item(Item::link("p", ".")).item(manifest("q/Package.swift"));
    refused(&zip.build(), "a symlink beside the top-level folder");
}
