//! Headers in the directory: names, kinds, features.

use super::builder::{Item, Zip, bare, field, package, zip64_field};
use super::{MANIFEST, accepted, refused, with};

#[test]
fn names_that_could_leave_the_folder_or_change_are_refused() {
    for (name, reason) in [
        ("", "without a name"),
        ("/etc/passwd", "absolute path"),
        ("C:/Windows", "absolute path"),
        ("c:x", "absolute path"),
        ("p/../x", "a part of dots"),
        ("../x", "a part of dots"),
        ("p/./x", "a part of dots"),
        ("./p/x", "a part of dots"),
        ("p/..", "a part of dots"),
        ("p/.. /x", "a part of dots"),
        ("p/.../x", "a part of dots"),
        ("p/ /x", "a part of dots"),
        ("p//x", "an empty part"),
        ("p/x//", "an empty part"),
        ("/", "absolute path"),
        ("p\\x", "a backslash"),
        ("p/a\nb", "a control character"),
        ("p/a\0b", "a control character"),
        ("p/a\u{7f}", "a control character"),
        ("p/a\u{85}", "a control character"),
        ("p/a.swift;1", "which unzip takes off"),
        ("p/a.swift;", "which unzip takes off"),
        ("p/Package.swift;12", "which unzip takes off"),
    ] {
        refused(&with(Item::file(name, b"").change(|item| item.external = 0)), reason);
    }
    for name in
        ["p/a;b", "p/a;1/b", "p/..a", "p/a..", "p/a b", "p/a:b", "p/.gitignore", "p/é/日本.txt", "p/%2e%2e"]
    {
        accepted(&with(Item::file(name, b"")));
    }
}

#[test]
fn names_have_a_length() {
    let part = "x".repeat(255);
    accepted(&with(Item::file(&format!("p/{part}"), b"")));
    refused(&with(Item::file(&format!("p/{part}x"), b"")), "a part of more than 255 bytes");
    let long = format!("p/{part}/{part}/{part}/{}", "x".repeat(254));
    assert_eq!(long.len(), 1024);
    accepted(&with(Item::file(&long, b"")));
    refused(&with(Item::file(&format!("{long}x"), b"")), "a name of more than 1024 bytes");
}

#[test]
fn names_are_utf8_and_say_so() {
    refused(&with(Item::file("p/x", b"").named(b"p/\xe9")), "is not UTF-8");
    let unmarked = Item::file("p/é", b"").flagged(0);
    let time = field(0x5455, &[1, 0, 0, 0, 0]);
    for host in [3, 19] {
        accepted(&with(unmarked.clone().host(host)));
    }
    for host in [0, 10, 11] {
        refused(&with(unmarked.clone().host(host)), "does not read as UTF-8");
        let timed = unmarked.clone().host(host).change(|item| item.extra = time.clone());
        refused(&with(timed), "does not read as UTF-8");
        let marked = Item::file("p/é", b"").host(host);
        let both =
            marked.clone().change(|item| (item.extra, item.local_extra) = (time.clone(), time.clone()));
        accepted(&with(both));
        // Only of some systems it has to see the mark in this way, and in each of both headers.
        for which in 0..3 {
            let one = marked.clone().change(|item| match which {
                0 => item.extra = time.clone(),
                1 => item.local_extra = time.clone(),
                _ => {}
            });
            if host == 10 {
                accepted(&with(one));
            } else {
                refused(&with(one), "does not read as UTF-8");
            }
        }
        accepted(&with(Item::file("p/e", b"").flagged(0).host(host)));
    }
}

#[test]
fn the_unicode_path_must_say_the_same_name() {
    let path = |name: &str| {
        field(0x7075, &[&[1][..], &crc32fast::hash(b"p/a").to_le_bytes(), name.as_bytes()].concat())
    };
    let item = Item::file("p/a", b"");
    accepted(&with(item.clone().change(|item| item.extra = path("p/a"))));
    refused(&with(item.clone().change(|item| item.extra = path("p/b"))), "another name in its extra field");
    refused(
        &with(item.clone().change(|item| item.extra = field(0x7075, &[1]))),
        "another name in its extra field",
    );
    accepted(&with(item.clone().change(|item| item.local_extra = path("p/a"))));
    refused(&with(item.change(|item| item.local_extra = path("p/b"))), "own header says something else");
    refused(
        &with(Item::file("p/a", b"").flagged(0).change(|item| item.extra = path("p/a"))),
        "not marked as UTF-8",
    );
    let local = Item::file("p/a", b"").flagged(0).change(|item| item.local_extra = path("p/a"));
    refused(&with(local), "own header says something else");
    let marked = Item::file("p/é", b"").host(0);
    accepted(&with(marked.change(|item| (item.extra, item.local_extra) = (path("p/é"), path("p/é")))));
}

#[test]
fn extra_fields_are_whole_and_come_once() {
    let item = Item::file("p/a", b"");
    let times = [field(0x5455, &[1, 0, 0, 0, 0]), field(0x7875, &[1, 4, 0, 0, 0, 0, 4, 0, 0, 0, 0])].concat();
    let timed =
        item.clone().change(|item| (item.extra, item.local_extra) = (times[..9].into(), times.clone()));
    accepted(&with(timed));
    for extra in [&times[..8], &times[..12], &[0][..]] {
        refused(&with(item.clone().change(|item| item.extra = extra.into())), "a damaged extra field");
        refused(&with(item.clone().change(|item| item.local_extra = extra.into())), "a damaged extra field");
    }
    let twice = [zip64_field(&[1]), zip64_field(&[2])].concat();
    refused(&with(item.clone().change(|item| item.extra = twice.clone())), "the same extra field twice");
    refused(&with(item.change(|item| item.local_extra = twice)), "the same extra field twice");
}

#[test]
fn a_mode_in_an_extra_field_must_say_the_same_kind() {
    // Info-ZIP takes the mode of this field if the header has none, and would make a symlink.
    let asi = |mode: u16| field(0x756e, &[&[0; 4][..], &mode.to_le_bytes(), &[0; 8]].concat());
    let item = Item::file("p/a", b"../../etc");
    for mode in [0o100_644, 0o644] {
        accepted(&with(item.clone().change(|item| item.extra = asi(mode))));
    }
    for mode in [0o120_777, 0o040_755, 0o020_666] {
        let item = item.clone().mode(0).change(|item| item.extra = asi(mode));
        refused(&with(item), "of another kind in its extra field");
    }
    refused(&with(item.clone().change(|item| item.extra = field(0x756e, &[0; 5]))), "a damaged extra field");
    let link = Item::link("p/l", "a");
    accepted(&with(link.clone().change(|item| item.extra = asi(0o120_777))));
    refused(&with(link.change(|item| item.extra = asi(0o644))), "of another kind in its extra field");
    // bsdtar has attributes in local headers: version made by, internal and external.
    let xl = |mode: u16| field(0x6c78, &[&[7, 20, 3, 0, 0, 0, 0][..], &mode.to_le_bytes()].concat());
    accepted(&with(item.clone().change(|item| item.local_extra = xl(0o100_644))));
    accepted(&with(item.clone().change(|item| item.local_extra = field(0x6c78, &[3, 20, 3, 0, 0]))));
    refused(
        &with(item.clone().change(|item| item.local_extra = xl(0o120_777))),
        "own header says something else",
    );
    for broken in [&[7, 20, 3][..], &[0x87, 0, 20, 3, 0, 0, 0, 0, 0, 0], &[]] {
        refused(
            &with(item.clone().change(|item| item.local_extra = field(0x6c78, broken))),
            "a damaged extra field",
        );
    }
}

#[test]
fn only_files_folders_and_links_are_taken() {
    for mode in [0o010_644, 0o020_644, 0o060_644, 0o140_644, 0o150_000] {
        refused(&with(Item::file("p/x", b"").mode(mode)), "neither a file nor a folder nor a symlink");
        refused(
            &with(Item::file("p/x", b"").mode(mode).host(0)),
            "neither a file nor a folder nor a symlink",
        );
    }
    accepted(&with(Item::file("p/x", b"").mode(0o104_755)));
    refused(&with(Item::file("p/x", b"").change(|item| item.external |= 8)), "the label of a disk");
}

#[test]
fn name_and_mode_agree_on_folders() {
    accepted(&with(Item::folder("p/a/").mode(0)));
    refused(&with(Item::folder("p/a")), "whose name does not end with '/'");
    refused(
        &with(Item::folder("p/a").mode(0).host(0).change(|item| item.external = 0x10)),
        "does not end with '/'",
    );
    accepted(&with(Item::folder("p/a/").mode(0).host(0).change(|item| item.external = 0x10)));
    // Unix has its modes; the other bits mean nothing there.
    accepted(&with(Item::file("p/a", b"").change(|item| item.external |= 0x10)));
    refused(&with(Item::file("p/a/", b"")), "marked as a file but whose name ends with '/'");
    refused(&with(Item::link("p/a/", "x")), "marked as a file but whose name ends with '/'");
    refused(&with(Item::file("p/a/", b"content").mode(0)), "a folder with content");
    // As Java writes folders.
    accepted(&with(Item::deflated("p/a/", b"").mode(0).streamed(true, false)));
}

#[test]
fn links_are_made_on_unix() {
    accepted(&with(Item::link("p/l", "x")));
    for host in [0, 10, 19] {
        refused(&with(Item::link("p/l", "x").host(host)), "made by a system other than Unix");
    }
}

#[test]
fn features_that_some_readers_lack_are_refused() {
    for flags in [1, 1 | 1 << 3, 1 << 6, 1 << 13] {
        refused(&with(Item::file("p/x", b"").flagged(flags)), "is encrypted");
    }
    for flags in [1 << 4, 1 << 5, 1 << 7, 1 << 12, 1 << 14, 1 << 15] {
        refused(&with(Item::file("p/x", b"").flagged(flags)), "with flags that not every tool knows");
    }
    for method in [1, 9, 12, 14, 93, 95, 99] {
        let item = Item::file("p/x", b"").change(|item| (item.method, item.local_method) = (method, method));
        refused(&with(item), "another method than deflate");
    }
    for (needed, is_fine) in
        [(10, true), (45, true), (46, true), (0x0314, true), (47, false), (63, false), (0x022d, false)]
    {
        let bytes = with(Item::file("p/x", b"").change(|item| item.needed = needed));
        if is_fine {
            accepted(&bytes);
        } else {
            refused(&bytes, "needs a newer version");
        }
    }
}

#[test]
fn each_name_is_there_once() {
    for (first, second) in [
        (Item::file("p/a", b"1"), Item::file("p/a", b"2")),
        (Item::file("p/a", b"1"), Item::folder("p/a/")),
        (Item::folder("p/a/"), Item::folder("p/a/")),
        (Item::folder("p/a/"), Item::link("p/a", "b")),
    ] {
        for zip in [package().item(first.clone()).item(second.clone()), package().item(second).item(first)] {
            refused(&zip.item(Item::file("p/z", b"")).build(), "more than once");
        }
    }
    refused(&with(Item::file("p/Package.swift", b"another")), "more than once");
}

#[test]
fn nothing_lies_below_a_file_or_a_link() {
    for above in [Item::file("p/a", b""), Item::link("p/a", "b")] {
        for below in ["p/a/x", "p/a/x/y/z"] {
            let zip =
                package().item(Item::file(below, b"")).item(above.clone()).item(Item::file("p/a-b", b""));
            refused(&zip.build(), "below a file or a symlink");
        }
    }
    accepted(
        &package()
            .item(Item::file("p/a.b", b""))
            .item(Item::folder("p/a/"))
            .item(Item::file("p/a/b", b""))
            .build(),
    );
}

#[test]
fn names_may_differ_in_case_except_for_links() {
    let zip = |first: Item, second: Item| package().item(first).item(second).build();
    accepted(&zip(Item::file("p/a", b""), Item::file("p/A", b"")));
    accepted(&zip(Item::file("p/a/x", b""), Item::file("p/A/x", b"")));
    accepted(&zip(Item::file("p/ae/x", b""), Item::link("p/a", "ae")));
    for other in [Item::file("p/A", b""), Item::folder("p/A/"), Item::link("p/A", "b")] {
        refused(&zip(Item::link("p/a", "b"), other), "more than once");
    }
    // Through the link, on a system that takes both for one.
    refused(&zip(Item::link("p/a", "b"), Item::file("p/A/x", b"")), "below a file or a symlink");
    refused(&zip(Item::link("p/É", "b"), Item::file("p/é/x", b"")), "below a file or a symlink");
}

#[test]
fn manifests_are_not_taken_for_others() {
    for name in [
        "p/package.swift",
        "p/PACKAGE.SWIFT",
        "p/Package.swift.",
        "p/Package.swift ",
        "p/Package.swift:x",
        "p/Package.ſwift",
        "p/package@swift-5.9.swift",
        "p/Package@Swift-5.swift. .",
    ] {
        refused(&with(Item::file(name, b"x")), "take for that of a manifest");
    }
    refused(&bare().item(Item::file("PACKAGE.swift", b"x")).build(), "take for that of a manifest");
    for name in
        ["p/Package@swift-x.swift", "p/MyPackage.swift", "p/Sources/package.swift", "p/Package.swift.orig"]
    {
        accepted(&with(Item::file(name, b"x")));
    }
    let only_other = Zip::default().item(Item::file("p/package.swift", MANIFEST.as_bytes()));
    refused(&only_other.build(), "take for that of a manifest");
}
