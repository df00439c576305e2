//! Tarballs that two clients could read differently, or that reach outside of themselves.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use granary_testing::npm::NpmPackage;
use serde_json::json;
use tar::{EntryType, Header};

use super::support::{at, private, publish};

/// A tar entry whose header says exactly what it is told.
fn entry(path: &[u8], kind: EntryType, link: &[u8], content: &[u8]) -> Vec<u8> {
    let mut header = Header::new_ustar();
    header.as_old_mut().name[..path.len()].copy_from_slice(path);
    header.as_old_mut().linkname[..link.len()].copy_from_slice(link);
    header.set_entry_type(kind);
    header.set_mode(0o644);
    header.set_size(content.len() as u64);
    header.set_cksum();
    let mut bytes = header.as_bytes().to_vec();
    bytes.extend_from_slice(content);
    bytes.resize(bytes.len().div_ceil(512) * 512, 0);
    bytes
}

fn file(path: &str, content: &[u8]) -> Vec<u8> {
    entry(path.as_bytes(), EntryType::Regular, b"", content)
}

fn manifest() -> Vec<u8> {
    file("package/package.json", json!({ "name": "pad", "version": "1.0.0" }).to_string().as_bytes())
}

fn gzip(tar: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(tar).unwrap();
    encoder.finish().unwrap()
}

/// A tarball of these entries.
fn tarball(entries: &[Vec<u8>]) -> Vec<u8> {
    let mut tar = entries.concat();
    tar.resize(tar.len() + 1024, 0);
    gzip(&tar)
}

#[tokio::test]
async fn hostile_tarballs_are_refused_with_the_reason_and_leave_nothing() {
    let (app, ann) = private().await;
    publish(&ann, &NpmPackage::new("kept", "1.0.0")).await;
    let before = app.check_consistency("libs").await;
    let special = |kind: EntryType, link: &[u8]| tarball(&[manifest(), entry(b"package/x", kind, link, b"")]);
    let bin = |bin: serde_json::Value| NpmPackage::new("pad", "1.0.0").member("bin", bin).tarball();
    let mut bomb = [manifest(), file("package/zeros", &vec![0; 70 * 1024 * 1024])].concat();
    bomb.resize(bomb.len() + 1024, 0);
    let table: Vec<(&str, Vec<u8>, &str)> = vec![
        ("a symbolic link", special(EntryType::Symlink, b"/etc/passwd"), "link"),
        ("a symbolic link within", special(EntryType::Symlink, b"package.json"), "link"),
        ("a hard link", special(EntryType::Link, b"package/package.json"), "link"),
        ("a character device", special(EntryType::Char, b""), "device"),
        ("a block device", special(EntryType::Block, b""), "device"),
        ("a named pipe", special(EntryType::Fifo, b""), "pipe"),
        ("an absolute path", tarball(&[manifest(), file("/etc/passwd", b"x")]), "/etc/passwd"),
        ("a parent folder", tarball(&[manifest(), file("package/../../x", b"x")]), ".."),
        ("a drive", tarball(&[manifest(), file("package/C:\\x", b"x")]), "x"),
        ("a backslash", tarball(&[manifest(), file("package\\x", b"x")]), "\\"),
        ("two manifests", tarball(&[manifest(), manifest()]), "package.json"),
        (
            "two files of one name",
            tarball(&[manifest(), file("package/x", b"1"), file("package/x", b"2")]),
            "x",
        ),
        (
            "a manifest of another case",
            tarball(&[manifest(), file("package/Package.json", b"{}")]),
            "package.json",
        ),
        ("two top-level folders", tarball(&[manifest(), file("other/package.json", b"{}")]), "tarball"),
        (
            "a name that is not text",
            tarball(&[manifest(), entry(b"package/\xff", EntryType::Regular, b"", b"")]),
            "tarball",
        ),
        ("no manifest", tarball(&[file("package/index.js", b"")]), "no package.json"),
        ("a manifest that is no JSON", tarball(&[file("package/package.json", b"{")]), "package.json"),
        (
            "a manifest with a key twice",
            tarball(&[file("package/package.json", br#"{"name":"pad","version":"1.0.0","name":"pad"}"#)]),
            "package.json",
        ),
        ("a gzip bomb", gzip(&bomb), "tarball"),
        ("a program outside", bin(json!({ "pad": "../../outside" })), "program"),
        ("a program at an absolute path", bin(json!({ "pad": "/bin/sh" })), "program"),
        (
            "a folder of programs outside",
            NpmPackage::new("pad", "1.0.0").member("directories", json!({ "bin": "../bin" })).tarball(),
            "bin",
        ),
    ];
    for (what, tarball, text) in table {
        let response = ann.put_json(&at("pad"), &NpmPackage::new("pad", "1.0.0").body_with(&tarball)).await;
        assert_eq!(response.status, 400, "{what}: {}", response.text());
        assert!(response.error().contains(text), "{what}: '{}' does not say '{text}'", response.error());
        assert_eq!(app.check_consistency("libs").await, before, "{what}");
    }
    let good = tarball(&[manifest(), file("package/index.js", b"")]);
    let response = ann.put_json(&at("pad"), &NpmPackage::new("pad", "1.0.0").body_with(&good)).await;
    assert_eq!(response.status, 201, "the builder itself makes good tarballs: {}", response.text());
}
