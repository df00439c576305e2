//! The structure of zips is tested with Swift's archives, in every detail.

use std::io::{Cursor, Write as _};

use granary_model::Error;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::*;

const TEXT: &str = r#"{"name":"acme/tool"}"#;

/// A zip of these files and folders; content that begins with `->` is a symlink.
fn zip(entries: &[(&str, &str)]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options =
        SimpleFileOptions::default().compression_method(CompressionMethod::Deflated).unix_permissions(0o644);
    for (name, content) in entries {
        if let Some(target) = content.strip_prefix("->") {
            zip.add_symlink(*name, target, options).unwrap();
        } else if name.ends_with('/') {
            zip.add_directory(*name, options).unwrap();
        } else {
            zip.start_file(*name, options).unwrap();
            zip.write_all(content.as_bytes()).unwrap();
        }
    }
    zip.finish().unwrap().into_inner()
}

fn read(bytes: &[u8]) -> Result<PackageArchive> {
    PackageArchive::read(&mut Cursor::new(bytes), &PackageLimits::default())
}

#[track_caller]
fn refused(bytes: &[u8], reason: &str) {
    match read(bytes) {
        Err(Error::Unprocessable(text)) => assert!(text.contains(reason), "'{text}' without '{reason}'"),
        other => panic!("{other:?} and not: {reason}"),
    }
}

#[track_caller]
fn refused_entries(entries: &[(&str, &str)], reason: &str) {
    refused(&zip(entries), reason);
}

#[test]
fn the_manifest_is_found_at_the_root_or_in_the_only_folder() {
    for entries in [
        &[("composer.json", TEXT)][..],
        &[("src/", ""), ("src/A.php", "<?php"), ("composer.json", TEXT), ("lib/B.php", "")],
        &[("src/composer.json", "{}"), ("composer.json", TEXT)],
        &[("tool-1.2/", ""), ("tool-1.2/composer.json", TEXT), ("tool-1.2/src/A.php", "")],
        &[("tool/composer.json", TEXT), (".DS_Store", "x")],
        &[("tool/composer.json", TEXT), ("tool/sub/composer.json", "{}")],
    ] {
        assert_eq!(read(&zip(entries)).unwrap().manifest, TEXT.as_bytes(), "{entries:?}");
    }
}

#[test]
fn where_composer_would_not_look_it_is_missing() {
    refused_entries(&[("src/A.php", "")], "has no file src/composer.json");
    refused_entries(&[("a/composer.json", TEXT), ("b/x", "")], "more than one top-level entry ('a', 'b')");
    refused_entries(&[("a/composer.json", TEXT), ("README.md", "")], "more than one top-level entry");
    refused_entries(&[("a/b/composer.json", TEXT)], "has no file a/composer.json");
    refused_entries(&[("Composer.json", TEXT)], "composer.json");
    refused_entries(&[("composer.json/", "")], "composer.json");
    refused_entries(
        &[("composer.json", TEXT), ("Composer.JSON", "{}")],
        "some systems take for composer.json",
    );
    refused_entries(&[], "is empty");
}

#[test]
fn what_unpacks_differently_or_elsewhere_is_refused() {
    refused_entries(&[("composer.json", TEXT), ("link", "->/etc/passwd")], "symlink");
    refused_entries(&[("composer.json", TEXT), ("link", "->composer.json")], "symlink");
    for (name, reason) in [
        ("../evil", "a part of dots"),
        ("a/../../evil", "a part of dots"),
        ("/evil", "an absolute path"),
        ("C:/evil", "an absolute path"),
        ("a\\evil", "a backslash"),
    ] {
        // The library cleans some names, so they are put in afterwards.
        let plain = "x".repeat(name.len());
        let bytes = zip(&[("composer.json", TEXT), (&plain, "evil")]);
        refused(&replaced(&bytes, plain.as_bytes(), name.as_bytes(), 2), reason);
    }
    let twice = zip(&[("composer.json", TEXT), ("composer.jsom", "{}")]);
    refused(&replaced(&twice, b"composer.jsom", b"composer.json", 2), "more than once");
    // The name differs in the directory only.
    let differs = zip(&[("composer.json", TEXT), ("aaaa", "{}")]);
    refused(&replaced_from(&differs, b"aaaa", b"bbbb", 1), "says something else than the directory");
    let mut trailing = zip(&[("composer.json", TEXT)]);
    trailing.extend_from_slice(b"more");
    refused(&trailing, "followed by something else");
    let mut two = zip(&[("composer.json", TEXT)]);
    two.extend_from_slice(&zip(&[("composer.json", "{}")]));
    refused(&two, "");
    refused(b"no zip at all", "is no zip file");
}

#[test]
fn limits_hold() {
    let bytes = zip(&[("composer.json", TEXT), ("zeros", &"0".repeat(300_000))]);
    let limits = PackageLimits { inflated_bytes: 200_000, ..PackageLimits::default() };
    let at = |limits| PackageArchive::read(&mut Cursor::new(&bytes), &limits);
    assert!(matches!(at(limits), Err(Error::Unprocessable(text)) if text.contains("unpacks to more than")));
    let limits = PackageLimits { ratio_from: 100_000, ..PackageLimits::default() };
    assert!(matches!(at(limits), Err(Error::Unprocessable(text)) if text.contains("times its size")));
    let limits = PackageLimits { entries: 1, ..PackageLimits::default() };
    assert!(matches!(at(limits), Err(Error::Unprocessable(text)) if text.contains("more than 1 entries")));
    let limits = PackageLimits { manifest_bytes: 10, ..PackageLimits::default() };
    assert!(matches!(at(limits), Err(Error::Unprocessable(text)) if text.contains("more than 10 bytes")));
}

/// The bytes with something replaced that is there so often.
#[track_caller]
fn replaced(bytes: &[u8], from: &[u8], to: &[u8], times: usize) -> Vec<u8> {
    let places = places(bytes, from);
    assert_eq!(places.len(), times);
    put(bytes, &places, to)
}

/// The same from one of the places on.
fn replaced_from(bytes: &[u8], from: &[u8], to: &[u8], first: usize) -> Vec<u8> {
    let places = places(bytes, from);
    put(bytes, &places[first..], to)
}

fn places(bytes: &[u8], what: &[u8]) -> Vec<usize> {
    bytes.windows(what.len()).enumerate().filter(|(_, window)| *window == what).map(|(at, _)| at).collect()
}

fn put(bytes: &[u8], places: &[usize], what: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for at in places {
        bytes[*at..at + what.len()].copy_from_slice(what);
    }
    bytes
}
