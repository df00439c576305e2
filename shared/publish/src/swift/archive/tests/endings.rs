//! The end of an archive.

use super::builder::{Item, package};
use super::{accepted, refused};

/// A good archive with other bytes at a distance from its end.
fn patched(mut bytes: Vec<u8>, from_end: usize, new: &[u8]) -> Vec<u8> {
    let at = bytes.len() - from_end;
    bytes[at..at + new.len()].copy_from_slice(new);
    bytes
}

#[test]
fn what_is_no_zip_is_refused() {
    for bytes in [
        &b""[..],
        b"PK",
        b"PK\x05\x06",
        b"not a zip file at all, but a text of some length",
        &vec![0; 70_000][..],
    ] {
        refused(bytes, "is no zip file");
    }
    let good = package().build();
    refused(&good[..good.len() - 1], "is no zip file");
    refused(&[&good[..], b"\n"].concat(), "is no zip file");
    refused(&[&good[..], &vec![0; 100_000]].concat(), "is no zip file");
    // Nothing but an end record.
    refused(&good[good.len() - 22..], "does not end where its end record begins");
    let empty = [&b"PK\x05\x06"[..], &[0; 18]].concat();
    refused(&empty, "is empty");
}

#[test]
fn a_comment_belongs_to_the_archive() {
    let with = |comment: &[u8]| package().change(|zip| zip.comment = comment.to_vec()).build();
    accepted(&with(b"3f786850e387550fdab836ed7e6dc881de23001b"));
    accepted(&with(&vec![b'c'; 16_000]));
    refused(&with(&vec![b'c'; 16_001]), "a comment of more than 16000 bytes");
    refused(&with(&vec![b'c'; 65_535]), "a comment of more than 16000 bytes");
    refused(&with(b"PK\x05\x06"), "several end-of-directory records");
    refused(&with(b".....PK\x05\x06....."), "several end-of-directory records");
    // A whole archive in the comment: the last signature is another one, and both comments fit.
    refused(&with(&package().build()), "several end-of-directory records");
}

#[test]
fn an_end_record_before_the_last_one_must_not_fit() {
    // The comment of this one, which lies in the data, runs to the end of the archive.
    let build = |length: u16| {
        let fake = [&b"PK\x05\x06"[..], &[0; 16], &length.to_le_bytes()].concat();
        package().item(Item::file("p/fake", &fake)).build()
    };
    let bytes = build(0);
    let at = bytes.windows(4).position(|window| window == b"PK\x05\x06").unwrap();
    let reach = u16::try_from(bytes.len() - at - 22).unwrap();
    accepted(&build(reach - 1));
    refused(&build(reach), "several end-of-directory records");
}

#[test]
fn a_zip_within_the_zip_is_content() {
    let inner = package().item(Item::file("p/x", b"x")).build();
    let nested = package().item(Item::file("p/A.xcframework.zip", &inner)).build();
    accepted(&nested);
    accepted(&package().item(Item::file("p/nested.zip", &nested)).build());
}

#[test]
fn the_directory_ends_where_the_end_record_begins() {
    let reason = "does not end where its end record begins";
    refused(&package().change(|zip| zip.after_directory = b"x".to_vec()).build(), reason);
    // Counted from behind a stub, as self-extracting archives do.
    refused(&[b"#!/bin/sh\n", &package().build()[..]].concat(), reason);
    let good = package().build();
    refused(&patched(good.clone(), 10, &[0]), reason);
    refused(&patched(good.clone(), 6, &[0xff, 0xff, 0xff, 0xff]), reason);
    refused(&patched(good, 10, &[0xff, 0xff, 0xff, 0xff]), reason);
}

#[test]
fn split_archives_are_refused() {
    let good = package().build();
    // This disk, the disk of the directory, the entries on this disk.
    for from_end in [18, 16, 14] {
        refused(&patched(good.clone(), from_end, &[1]), "is one part of a split archive");
    }
    refused(&super::with(Item::file("p/a", b"").change(|item| item.disk = 1)), "on another disk");
}

#[test]
fn the_number_of_entries_is_right() {
    let good = package().build();
    let counted = |count: u8| patched(patched(good.clone(), 14, &[count]), 12, &[count]);
    accepted(&counted(2));
    refused(&counted(1), "behind the last entry of its directory");
    refused(&counted(3), "fewer entries than it says");
    refused(&counted(0), "is empty");
    let padded = package().change(|zip| zip.in_directory = b"PK\x05\x05\x00\x00".to_vec());
    refused(&padded.build(), "behind the last entry of its directory");
    // Enough room for one more, but it is none.
    let padded = package().change(|zip| zip.in_directory = vec![0; 46]).build();
    refused(&patched(patched(padded, 14, &[3]), 12, &[3]), "damaged directory");
}

#[test]
fn zip64_is_read() {
    let zip = package().item(Item::file("p/a", b"12345"));
    let bytes = zip.build_zip64();
    assert_eq!(accepted(&bytes).entries, accepted(&zip.build()).entries);
    accepted(&zip.clone().change(|zip| zip.comment = b"comment".to_vec()).build_zip64());
    // All of it twice is fine if it is the same.
    let plain = zip.build();
    let both = patched(bytes.clone(), 22, &plain[plain.len() - 22..]);
    accepted(&both);
    let reason = "ZIP64 records that do not agree";
    // Entries here, entries, size and offset of the plain record.
    for (from_end, length) in [(14, 2), (12, 2), (10, 4), (6, 4)] {
        refused(&patched(both.clone(), from_end, &vec![1; length]), reason);
        refused(&patched(bytes.clone(), from_end, &vec![1; length]), reason);
    }
    // Its disks, then in the locator: number of disks, offset, disk.
    for (from_end, new) in [(18, 1), (16, 1), (26, 2), (34, 1), (38, 1)] {
        refused(&patched(bytes.clone(), from_end, &[new]), reason);
    }
    // In the ZIP64 record: signature, its size, both disks, entries here.
    for from_end in [98, 94, 82, 78, 74] {
        refused(&patched(bytes.clone(), from_end, &[9]), reason);
    }
    // Offset of the directory, then its size.
    refused(&patched(bytes.clone(), 50, &[9]), "does not end where");
    refused(&patched(bytes, 58, &[9]), "does not end where");
}

#[test]
fn a_locator_without_its_record_is_refused() {
    // It stands in the comment of the last entry, where only some readers look for it.
    let locator = [&b"PK\x06\x07"[..], &[0; 16]].concat();
    let hidden = super::with(Item::file("p/a", b"").change(|item| item.comment = locator));
    refused(&hidden, "ZIP64 records that do not agree");
    refused(&[&b"PK\x06\x07"[..], &[0; 16], b"PK\x05\x06", &[0xff; 16], &[0; 2]].concat(), "ZIP64 records");
    let lost = package().build_zip64();
    let gap = [&lost[..lost.len() - 42], b"x", &lost[lost.len() - 42..]].concat();
    refused(&gap, "ZIP64 records that do not agree");
}
