//! Whatever comes.

use proptest::prelude::*;

use super::builder::{Item, Zip, bare, package};
use super::*;

fn item() -> impl Strategy<Value = Item> {
    let content = prop::collection::vec(any::<u8>(), 0..300);
    let name = "[a-c]{1,2}(/[a-cé]{1,2}){0,2}";
    (name, content, 0..7_u8).prop_map(|(name, content, form)| match form {
        0 => Item::folder(&format!("{name}/")),
        1 => Item::link(&name, "x/y"),
        2 => Item::file(&name, &content),
        3 => Item::file(&name, &content).streamed(true, false),
        4 => Item::deflated(&name, &content).streamed(false, true),
        _ => Item::deflated(&name, &content),
    })
}

fn archive() -> impl Strategy<Value = Zip> {
    (prop::collection::vec(item(), 0..8), any::<bool>()).prop_map(|(items, is_reversed)| {
        let zip = items.into_iter().fold(bare(), Zip::item);
        if is_reversed { zip.reversed() } else { zip }
    })
}

/// Names and contents as the `zip` crate has them.
fn contents(bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    as_zip_has_them(bytes, |file, content| (file.name().unwrap().into_owned(), content))
}

/// Reads, and wraps what was taken.
fn try_all(bytes: &[u8]) -> Option<Vec<u8>> {
    let limits = ArchiveLimits { inflated_bytes: 1 << 20, ..ArchiveLimits::default() };
    let archive = SourceArchive::read(&mut Cursor::new(bytes), &limits).ok()?;
    if archive.layout != Layout::Bare {
        return None;
    }
    let mut out = Vec::new();
    archive
        .wrap(&mut Cursor::new(bytes), "f", &mut |piece| {
            out.extend_from_slice(piece);
            Ok(())
        })
        .unwrap();
    Some(out)
}

proptest! {
    #[test]
    fn wrapping_keeps_all_contents(zip in archive()) {
        let bytes = zip.build();
        let Some(out) = try_all(&bytes) else { return Ok(()) };
        let wrapped = accepted(&out);
        prop_assert_eq!(wrapped.layout, Layout::Folder("f".into()));
        let mut expected: Vec<_> =
            contents(&bytes).into_iter().map(|(name, content)| (format!("f/{name}"), content)).collect();
        expected.sort();
        let mut found = contents(&out).split_off(1);
        found.sort();
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn random_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..500)) {
        prop_assert!(read(&bytes).is_err());
        prop_assert!(read(&[&bytes[..], b"PK\x05\x06", &[0; 18]].concat()).is_err());
    }

    #[test]
    fn damaged_archives_do_not_panic(
        zip in archive(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = zip.build_zip64();
        for (index, byte) in &changes {
            let at = index.index(bytes.len());
            bytes[at] = *byte;
        }
        if let Some(out) = try_all(&bytes) {
            prop_assert!(read(&out).is_ok());
        }
    }

    #[test]
    fn cut_and_joined_archives_do_not_panic(
        zip in archive(),
        from in any::<prop::sample::Index>(),
        to in any::<prop::sample::Index>(),
    ) {
        let bytes = zip.build();
        let (from, to) = (from.index(bytes.len()), to.index(bytes.len()));
        try_all(&[&bytes[..from], &bytes[to..]].concat());
    }
}

/// Every byte of both headers and of the end record matters or is known not to.
#[test]
fn each_changed_byte_is_noticed() {
    let bytes = package().item(Item::deflated("p/a", b"content")).build_zip64();
    let original = accepted(&bytes);
    let mut changed = bytes.clone();
    for at in 0..bytes.len() {
        for bit in [0x01, 0x80] {
            changed[at] = bytes[at] ^ bit;
            if let Ok(archive) = read(&changed) {
                assert_eq!(
                    (&archive.layout, &archive.manifests),
                    (&original.layout, &original.manifests),
                    "{at}"
                );
                for (entry, before) in archive.entries.iter().zip(&original.entries) {
                    assert_eq!((&entry.name, entry.checksum), (&before.name, before.checksum), "{at}");
                    assert_eq!((entry.kind, entry.size), (before.kind, before.size), "{at}");
                }
            }
        }
        changed[at] = bytes[at];
    }
}
