//! Symlinks.

use super::builder::{Item, Zip, bare, package};
use super::*;

const OUT: &str = "that is a symlink out of the package";
const CYCLE: &str = "that is a symlink which leads back to itself";

fn zip(links: &[(&str, &str)]) -> Vec<u8> {
    links.iter().fold(package(), |zip, (name, target)| zip.item(Item::link(name, target))).build()
}

#[test]
fn a_framework_keeps_its_links() {
    let framework = "p/Shared.xcframework/macos-arm64/Shared.framework";
    let zip = package()
        .item(Item::folder(&format!("{framework}/Versions/A/")))
        .item(Item::deflated(&format!("{framework}/Versions/A/Shared"), &[7; 5000]))
        .item(Item::file(&format!("{framework}/Versions/A/Headers/Shared.h"), b""))
        .item(Item::link(&format!("{framework}/Versions/Current"), "A"))
        .item(Item::link(&format!("{framework}/Shared"), "Versions/Current/Shared"))
        .item(Item::link(&format!("{framework}/Headers"), "Versions/Current/Headers"));
    accepted(&zip.build());
    let bare = zip.item(Item::file("Package.swift", MANIFEST.as_bytes()));
    assert_eq!(accepted(&bare.build()).layout, Layout::Bare);
}

#[test]
fn links_stay_in_the_folder() {
    for target in
        ["x", "./x", "x/", "x/..", "a/../b", "../x", "../x/../y", "..//x", "..", "missing/../../x", "..a"]
    {
        accepted(&zip(&[("p/s/l", target)]));
    }
    for target in ["../..", "../../p/x", "../x/../../p", "x/../../../p", "a/../../..", "./././../../x"] {
        refused(&zip(&[("p/s/l", target)]), OUT);
    }
    refused(&zip(&[("p/l", "..")]), OUT);
    accepted(&zip(&[("p/l", ".")]));
    accepted(&bare().item(Item::link("s/l", "../x")).item(Item::link("l", "s/..")).build());
    refused(&bare().item(Item::link("s/l", "../../x")).build(), OUT);
    refused(&bare().item(Item::link("l", "..")).build(), OUT);
}

#[test]
fn dots_after_a_link_go_up_from_where_it_leads() {
    // By its text the target stays inside; followed, it does not.
    refused(&zip(&[("p/a/b/c/up", "../.."), ("p/a/b/c/l", "up/../../x")]), OUT);
    accepted(&zip(&[("p/a/b/c/up", "../.."), ("p/a/b/c/l", "up/../x")]));
    // The other way round.
    accepted(&zip(&[("p/down", "a/b/c"), ("p/l", "down/../../x")]));
    accepted(&zip(&[("p/down", "a/b/c"), ("p/l", "down/../../../x")]));
    refused(&zip(&[("p/down", "a/b/c"), ("p/l", "down/../../../../x")]), OUT);
    // Through links of links, in any order.
    refused(&zip(&[("p/l", "m/../../x"), ("p/m", "n/o"), ("p/n", "s"), ("p/s/o", "..")]), OUT);
    accepted(&zip(&[("p/l", "m/x"), ("p/m", "n/o"), ("p/n", "s"), ("p/s/o", "..")]));
}

#[test]
fn links_do_not_lead_back_to_themselves() {
    for links in [
        &[("p/l", "l")][..],
        &[("p/l", "l/x")],
        &[("p/l", "./s/../l")],
        &[("p/a", "b"), ("p/b", "a")],
        &[("p/a", "s/b"), ("p/s/b", "../c/x"), ("p/c", "a")],
    ] {
        refused(&zip(links), CYCLE);
    }
    let chain = |length: usize| {
        let links: Vec<_> =
            (0..length).map(|index| (format!("p/{index}"), (index + 1).to_string())).collect();
        zip(&links.iter().map(|(name, target)| (name.as_str(), target.as_str())).collect::<Vec<_>>())
    };
    accepted(&chain(40));
    refused(&chain(41), CYCLE);
}

#[test]
fn links_are_followed_with_and_without_case() {
    // `S` is a folder of its own to one system and the link `s` to another, where the target leads out.
    refused(&zip(&[("p/x/s", ".."), ("p/x/l", "S/../y")]), OUT);
    // And the other way round: out of a folder, but inside where the link is followed.
    refused(&zip(&[("p/s", "a/b/c"), ("p/l", "S/../../y")]), OUT);
    accepted(&zip(&[("p/s", "a/b/c"), ("p/l", "s/../../y")]));
    refused(&zip(&[("p/s", "S")]), CYCLE);
}

#[test]
fn targets_mean_the_same_everywhere() {
    for (target, reason) in [
        ("", "a symlink without a target"),
        ("/etc/passwd", "a symlink to an absolute path"),
        ("C:x", "a symlink to an absolute path"),
        ("a\\..\\b", "a backslash or a control character"),
        ("a\0b", "a backslash or a control character"),
        ("a\nb", "a backslash or a control character"),
    ] {
        refused(&zip(&[("p/s/l", target)]), reason);
    }
    let item = Item::link("p/l", "x").change(|item| {
        item.data = b"\xe9".to_vec();
        (item.checksum, item.local_checksum) = (crc32fast::hash(b"\xe9"), crc32fast::hash(b"\xe9"));
    });
    refused(&with(item), "to a name that is not UTF-8");
}

#[test]
fn targets_are_bounded() {
    let long = "x".repeat(4096);
    accepted(&zip(&[("p/l", &long)]));
    refused(&zip(&[("p/l", &format!("{long}x"))]), "too long a target");
    let limits = ArchiveLimits { all_link_bytes: 8, ..ArchiveLimits::default() };
    let bytes = zip(&[("p/a", "1234"), ("p/b", "567"), ("p/c", "89")]);
    refused_within(&bytes, limits, "too many symlinks");
    let limits = ArchiveLimits { all_link_bytes: 9, ..limits };
    SourceArchive::read(&mut Cursor::new(&bytes), &limits).unwrap();
}

#[test]
fn following_links_is_bounded() {
    // Each link goes through the same long way, forty times over.
    let long = "x/../".repeat(800);
    let mut zip = package();
    for index in 0..39 {
        zip = zip.item(Item::link(&format!("p/{index}"), &format!("{long}{}", index + 1)));
    }
    let bytes =
        (0..200).fold(zip, |zip, index| zip.item(Item::link(&format!("p/z{index}"), &format!("{long}0"))));
    refused(&bytes.build(), "symlinks that take too long to follow");
}

#[test]
fn compressed_targets_are_read() {
    let target = "../../x";
    let link = Item::deflated("p/s/l", target.as_bytes()).mode(0o120_777);
    refused(&Zip::default().item(link).item(Item::file("p/Package.swift", b"x")).build(), OUT);
}
