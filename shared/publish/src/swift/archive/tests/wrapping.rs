//! The same archive below a folder.

use super::builder::{Item, Zip, bare, field};
use super::wrap::{Record, ending};
use super::*;
use crate::zip_archive::directory::{self, Entry};
use crate::zip_archive::ending::find;
use crate::zip_archive::format::*;

fn wrapped(bytes: &[u8], folder: &str) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    accepted(bytes).wrap(&mut Cursor::new(bytes), folder, &mut |piece| {
        out.extend_from_slice(piece);
        Ok(())
    })?;
    Ok(out)
}

/// Name, mode, time and checksum of the content of an entry.
type Content = (String, Option<u32>, Option<zip::DateTime>, u32);

/// All entries as another reader has them.
fn contents(bytes: &[u8]) -> Vec<Content> {
    as_zip_has_them(bytes, |file, content| {
        (file.name().unwrap().into_owned(), file.unix_mode(), file.last_modified(), crc32fast::hash(&content))
    })
}

fn framework() -> Zip {
    bare()
        .item(Item::folder("S.framework/Versions/A/"))
        .item(Item::deflated("S.framework/Versions/A/S", &vec![7; 100_000]).mode(0o100_755))
        .item(Item::link("S.framework/Versions/Current", "A"))
        .item(Item::link("S.framework/S", "Versions/Current/S"))
        .item(Item::file("Sources/é.swift", b"stored").streamed(true, false))
        .item(Item::deflated("Sources/b.swift", b"streamed").streamed(false, true))
        .item(Item::file("d.txt", b"").flagged(0))
        .item(Item::file("u.txt", b"u").change(|item| {
            item.extra = field(0x5455, &[1, 0, 0, 0, 0]);
            item.local_extra = field(0x5455, &[3, 0, 0, 0, 0, 0, 0, 0, 0]);
            item.comment = b"a comment".to_vec();
        }))
        .change(|zip| zip.comment = b"another".to_vec())
}

#[test]
fn a_bare_archive_gets_a_folder_and_keeps_all_else() {
    let bytes = framework().build();
    let out = wrapped(&bytes, "acme.shared").unwrap();
    let archive = accepted(&out);
    assert_eq!(archive.layout, Layout::Folder("acme.shared".into()));
    assert_eq!(archive.manifests, accepted(&bytes).manifests);
    let mut expected = contents(&bytes);
    for (name, ..) in &mut expected {
        *name = format!("acme.shared/{name}");
    }
    let found = contents(&out);
    assert_eq!(found[0].0, "acme.shared/");
    assert_eq!(found[1..], expected);
    // The compressed bytes themselves are the same ones.
    for (entry, original) in archive.entries[1..].iter().zip(&accepted(&bytes).entries) {
        let data = |bytes: &[u8], entry: &Entry| {
            let at = usize::try_from(entry.data).unwrap();
            bytes[at..at + usize::try_from(entry.compressed).unwrap()].to_vec()
        };
        assert!(data(&out, entry) == data(&bytes, original), "{}", entry.name);
        assert_eq!(entry.flags & !FLAGS_LEVEL, FLAG_UTF8);
        assert_eq!((entry.external, entry.internal), (original.external, original.internal));
        assert_eq!(entry.made_by >> 8, 3);
    }
}

#[test]
fn the_same_archive_gives_the_same_bytes() {
    let bytes = framework().build();
    assert_eq!(wrapped(&bytes, "a.b").unwrap(), wrapped(&bytes, "a.b").unwrap());
    // The form in which sizes are written does not matter, nor the order in which the directory lists the entries.
    let plain = bare().item(Item::deflated("a", b"content")).build();
    let streamed = bare().item(Item::deflated("a", b"content").streamed(true, true)).build_zip64();
    assert_eq!(wrapped(&plain, "f").unwrap(), wrapped(&streamed, "f").unwrap());
    let two = bare().item(Item::file("a", b"1"));
    let names: Vec<_> =
        contents(&wrapped(&two.build(), "f").unwrap()).into_iter().map(|entry| entry.0).collect();
    assert_eq!(names, ["f/", "f/Package.swift", "f/a"]);
    assert_eq!(wrapped(&two.build(), "f").unwrap(), wrapped(&two.reversed().build(), "f").unwrap());
}

#[test]
fn entries_of_other_systems_get_a_mode() {
    let time = field(0x5455, &[1, 0, 0, 0, 0]);
    let other = |item: Item, external: u32| item.host(0).change(|item| item.external = external);
    let bytes = bare()
        .item(other(Item::folder("f/"), 0x10))
        .item(
            other(Item::file("f/é", b""), 0x20)
                .change(|item| (item.extra, item.local_extra) = (time.clone(), time)),
        )
        .item(other(Item::file("f/read-only", b""), 1))
        .item(other(Item::file("f/program", b""), 0o100_755 << 16))
        .item(other(Item::file("f/permissions", b""), 0o600 << 16))
        .item(Item::file("f/unix", b"").mode(0))
        .build();
    let wrapped = accepted(&wrapped(&bytes, "w").unwrap());
    let found: Vec<_> = wrapped.entries[2..].iter().map(|entry| (entry.made_by, entry.external)).collect();
    let expected = [
        0o040_755 << 16 | 0x10,
        0o100_644 << 16 | 0x20,
        0o100_444 << 16 | 1,
        0o100_755 << 16,
        0o100_600 << 16,
        0o100_644 << 16,
    ];
    assert_eq!(found, expected.map(|external: u32| (0x0314, external)));
}

#[test]
fn names_that_get_too_long_are_refused() {
    let part = "x".repeat(250);
    let name = format!("{part}/{part}/{part}/{part}");
    let bytes = bare().item(Item::file(&name, b"")).build();
    wrapped(&bytes, &"f".repeat(1023 - name.len())).unwrap();
    let Err(Error::Unprocessable(text)) = wrapped(&bytes, &"f".repeat(1024 - name.len())) else {
        panic!("wrapped");
    };
    assert!(text.contains("whose name gets too long below the folder"), "{text}");
}

#[test]
fn what_would_not_be_read_is_not_written() {
    let bytes = bare().item(Item::deflated("zeros", &vec![0; 1_000_000])).build();
    for folder in ["", "a/b", "..", "a\\b", "/"] {
        assert!(matches!(wrapped(&bytes, folder), Err(Error::Unprocessable(_))), "{folder}");
    }
    let read = |limits: &ArchiveLimits| SourceArchive::read(&mut Cursor::new(&bytes), limits).unwrap();
    let directory_bytes = 46 * 2 + 13 + 5;
    let limits = ArchiveLimits { entries: 2, directory_bytes, ..ArchiveLimits::default() };
    for (limits, reason) in [
        (ArchiveLimits { directory_bytes: 1000, ..limits }, "too many entries"),
        (ArchiveLimits { entries: 3, ..limits }, "too long a directory"),
    ] {
        let result = read(&limits).wrap(&mut Cursor::new(&bytes), "f", &mut |_| panic!("written"));
        assert!(result.unwrap_err().to_string().contains(reason), "{reason}");
    }
}

#[test]
fn an_archive_with_a_folder_is_not_wrapped() {
    let bytes = package().build();
    assert!(matches!(wrapped(&bytes, "f"), Err(Error::Internal(_))));
}

#[test]
fn what_takes_the_bytes_can_stop() {
    let bytes = bare().build();
    let mut pieces = 0;
    let result = accepted(&bytes).wrap(&mut Cursor::new(&bytes), "f", &mut |_| {
        pieces += 1;
        if pieces == 3 { Err(Error::TooLarge("enough".into())) } else { Ok(()) }
    });
    assert!(matches!(result, Err(Error::TooLarge(_))));
    assert_eq!(pieces, 3);
}

/// Numbers of a size that no test can have as data.
#[test]
fn large_numbers_are_written_as_zip64() {
    let mut entry = accepted(&bare().build()).entries.remove(0);
    let limit = u64::from(u32::MAX);
    for (size, compressed, offset, extra) in [
        (limit - 1, limit - 1, limit - 1, 0),
        (limit - 1, 5, limit, 12),
        (limit, 5, 0, 20),
        (limit * 3, limit * 2, limit * 4, 28),
    ] {
        (entry.size, entry.compressed) = (size, compressed);
        let record = Record::below("f", &entry);
        let central = record.central(offset);
        assert_eq!(central.len(), 46 + "f/Package.swift".len() + extra);
        let mut bytes = central.clone();
        bytes.extend_from_slice(&ending(1, 0, central.len() as u64));
        let mut cursor = Cursor::new(&bytes);
        let mut source = Source::open(&mut cursor).unwrap();
        let location = find(&mut source).unwrap();
        let read = directory::read(&mut source, location, &ArchiveLimits::default()).unwrap().remove(0);
        assert_eq!((read.size, read.compressed, read.offset), (size, compressed, offset));
        let local = record.local();
        let local_extra = if size >= limit { 20 } else { 0 };
        assert_eq!(local.len(), 30 + "f/Package.swift".len() + local_extra);
        let mut extra = Fields(&local[30 + "f/Package.swift".len()..]);
        if local_extra > 0 {
            assert_eq!(local[18..26], [0xff; 8]);
            assert_eq!(
                (extra.u16(), extra.u16(), extra.u64(), extra.u64()),
                (Some(1), Some(16), Some(size), Some(compressed))
            );
        }
        assert!(extra.is_empty());
    }
    assert_eq!(ending(65_534, limit - 1, 0).len(), 22);
    assert_eq!(ending(65_535, 0, 0).len(), 98);
    assert_eq!(ending(1, limit, 0).len(), 98);
}

#[test]
fn an_archive_of_many_entries_is_wrapped() {
    let zip = (0..65_000).fold(bare(), |zip, index| zip.item(Item::file(&index.to_string(), b"")));
    let build = |more: usize| {
        (0..more).fold(zip.clone(), |zip, index| zip.item(Item::file(&format!("x{index}"), b""))).build()
    };
    // One more by the folder, and the count needs ZIP64.
    for (more, is_zip64) in [(532, false), (533, true)] {
        let bytes = build(more);
        let out = wrapped(&bytes, "f").unwrap();
        assert_eq!(out[out.len() - 42..].starts_with(b"PK\x06\x07"), is_zip64);
        assert_eq!(accepted(&out).entries.len(), 65_002 + more);
    }
}
