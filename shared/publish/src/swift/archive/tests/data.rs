//! Local headers and data.

use super::builder::{Item, Zip, deflate, field, package, zip64_field};
use super::{MANIFEST, accepted, refused, with};

const DAMAGED: &str = "whose data are damaged";
const DISAGREES: &str = "own header says something else";

fn text() -> Vec<u8> {
    (0..50_000_u32).flat_map(|number| number.to_string().into_bytes()).collect()
}

#[test]
fn both_headers_say_the_same() {
    let item = Item::deflated("p/a", b"content");
    let changes: [fn(&mut Item); 8] = [
        |item| item.local_name = b"p/b".to_vec(),
        |item| item.local_name = b"p/a/".to_vec(),
        |item| item.local_method = 0,
        |item| item.local_flags = 0,
        |item| item.local_flags |= 1 << 3,
        |item| item.local_checksum ^= 1,
        |item| item.local_size += 1,
        |item| item.local_compressed = 0,
    ];
    for (index, change) in changes.into_iter().enumerate() {
        for item in [Item::deflated("p/a", b"content"), Item::file("p/a", b"content")] {
            if index == 2 && item.method == 0 {
                continue;
            }
            refused(&with(item.change(change)), DISAGREES);
        }
    }
    // How hard the compressor tried is nobody's business.
    accepted(&with(item.change(|item| item.local_flags |= 0b10)));
}

#[test]
fn the_directory_points_to_local_headers() {
    let zip = |offset: u32| {
        let item = Item::file("p/a", &[0; 100]).change(|item| item.offset = Some(offset));
        package().item(item).item(Item::file("p/b", b"")).build()
    };
    let at =
        u32::try_from(package().build().windows(4).position(|four| four == b"PK\x01\x02").unwrap()).unwrap();
    accepted(&zip(at));
    refused(&zip(at + 1), "that is not followed by the next one");
    refused(&zip(0), "overlaps");
    refused(&zip(u32::MAX - 1), "that is not followed by the next one");
    let last = package().item(Item::file("p/a", b"").change(|item| item.offset = Some(u32::MAX - 1)));
    refused(&last.build(), "that is not followed by the next one");
    let only = Zip::default().item(Item::file("Package.swift", b"x").change(|item| item.offset = Some(1)));
    refused(&only.build(), "does not begin with its first entry");
    let stray =
        package().item(Item::file("p/a", b"").change(|item| item.extra = b"\x02\x00\x00\x00".to_vec()));
    let mut bytes = stray.build();
    bytes[at as usize + 2] = 9;
    refused(&bytes, "that is not where the directory says");
}

#[test]
fn nothing_lies_between_entries() {
    let between = Item::file("p/a", b"").change(|item| item.before = b"PK\x03\x04".to_vec());
    refused(&with(between), "that is not followed by the next one");
    let front = Zip::default().item(Item::file("Package.swift", b"x").change(|item| item.before = vec![0]));
    refused(&front.build(), "does not begin with its first entry");
    let back = package().change(|zip| zip.before_directory = vec![0; 30]);
    refused(&back.build(), "that is not followed by the next one");
    // An entry that the directory does not list.
    let hidden = Item::file("p/b", b"hidden");
    let visible = package().item(Item::file("p/a", b"")).item(hidden.clone()).build();
    let local = visible.windows(4).rposition(|four| four == b"PK\x03\x04").unwrap();
    let end = visible.windows(4).position(|four| four == b"PK\x01\x02").unwrap();
    let with_hidden = package().item(Item::file("p/a", b"")).change(|zip| {
        zip.before_directory = visible[local..end].to_vec();
    });
    refused(&with_hidden.build(), "that is not followed by the next one");
}

#[test]
fn entries_do_not_share_data() {
    // Two names for the same bytes.
    let zip = |second: u32| {
        package()
            .item(Item::file("p/b", &[1; 10]))
            .item(Item::file("p/a", b"").change(|item| item.offset = Some(second)))
            .build()
    };
    let at = u32::try_from(zip(0).windows(3).position(|three| three == b"p/b").unwrap() - 30).unwrap();
    refused(&zip(at), "overlaps");
    // A local file inside the data of another one.
    let inner = Zip::default().item(Item::file("p/inner", b"x")).build();
    let outer = |offset: u32| {
        package()
            .item(Item::file("p/outer", &inner[..40]))
            .item(Item::file("p/inner", b"x").change(|item| item.offset = Some(offset)))
            .build()
    };
    let at = outer(0).windows(7).position(|seven| seven == b"p/outer").unwrap() + 7;
    refused(&outer(u32::try_from(at).unwrap()), "overlaps");
    // A name, and data, that run into the next entry.
    let long = Item::file("p/a", b"").change(|item| item.local_extra = field(9, &[0; 300]));
    let bytes = package().item(long).item(Item::file("p/b", b"")).build();
    accepted(&bytes);
    let at = bytes.windows(3).position(|three| three == b"p/a").unwrap();
    let mut longer = bytes.clone();
    longer[at - 2..at].copy_from_slice(&60_000_u16.to_le_bytes());
    refused(&longer, "overlaps");
    let data = Item::file("p/a", b"12345678").change(|item| {
        (item.size, item.compressed, item.local_size, item.local_compressed) = (90, 90, 90, 90);
    });
    refused(&package().item(data).item(Item::file("p/b", b"")).build(), "overlaps");
}

#[test]
fn sizes_are_what_inflating_gives() {
    let text = text();
    let item = Item::deflated("p/a", &text);
    accepted(&with(item.clone()));
    for wrong in [0, 1, item.size - 1] {
        let item = item.clone().change(|item| (item.size, item.local_size) = (wrong, wrong));
        refused(&with(item), "unpacks to more than it says");
    }
    let larger = item.clone().change(|item| (item.size, item.local_size) = (item.size + 1, item.size + 1));
    refused(&with(larger), DAMAGED);
    let stored = Item::file("p/a", b"12345").change(|item| (item.size, item.local_size) = (4, 4));
    refused(&with(stored), "that is not compressed but has two sizes");
}

#[test]
fn checksums_are_right() {
    for item in [Item::file("p/a", b"content"), Item::deflated("p/a", b"content"), Item::file("p/a", b"")] {
        let item = item.change(|item| (item.checksum, item.local_checksum) = (7, 7));
        refused(&with(item), DAMAGED);
    }
    let damaged = Item::file("p/a", b"content").change(|item| item.data[3] ^= 1);
    refused(&with(damaged), DAMAGED);
}

#[test]
fn compressed_data_are_used_up_exactly() {
    let text = text();
    let with_data = |data: Vec<u8>| {
        let item = Item::deflated("p/a", &text).change(|item| {
            let length = u32::try_from(data.len()).unwrap();
            (item.data, item.compressed, item.local_compressed) = (data, length, length);
        });
        with(item)
    };
    let data = deflate(&text);
    accepted(&with_data(data.clone()));
    refused(&with_data([&data[..], &[0]].concat()), DAMAGED);
    refused(&with_data([&data[..], &data[..]].concat()), DAMAGED);
    refused(&with_data([&data[..], &vec![0; 200_000]].concat()), DAMAGED);
    refused(&with_data(data[..data.len() - 1].to_vec()), DAMAGED);
    refused(&with_data(data[..data.len() / 2].to_vec()), DAMAGED);
    refused(&with_data(Vec::new()), DAMAGED);
    refused(&with_data(vec![0xff; 500]), DAMAGED);
    // Blocks without content do not end the data, however many there are.
    refused(&with_data([0, 0, 0, 0xff, 0xff].repeat(50_000)), DAMAGED);
    // Neither a header nor a trailer as zlib has them.
    refused(&with_data([&[0x78, 0x9c][..], &data].concat()), DAMAGED);
}

#[test]
fn data_of_the_size_of_a_buffer_are_read() {
    for length in [65_535, 65_536, 65_537, 131_072] {
        let content = vec![b'x'; length];
        accepted(&package().item(Item::file("p/a", &content)).item(Item::deflated("p/b", &content)).build());
    }
}

#[test]
fn data_descriptors_are_read_in_all_their_forms() {
    for (has_signature, is_long) in [(false, false), (true, false), (false, true), (true, true)] {
        let zip = Zip::default()
            .item(Item::folder("p/"))
            .item(Item::deflated("p/Package.swift", MANIFEST.as_bytes()).streamed(has_signature, is_long))
            .item(Item::file("p/a", b"stored").streamed(has_signature, is_long));
        assert_eq!(accepted(&zip.build()).manifests[0].text, MANIFEST);
        let item = Item::deflated("p/a", b"content").streamed(has_signature, is_long);
        for index in 0..item.descriptor.len() {
            let item = item.clone().change(|item| item.descriptor[index] ^= 1);
            refused(&with(item), DISAGREES);
        }
        // Sizes may stand in the local header too, if they are right.
        let known = item.clone().change(|item| {
            (item.local_checksum, item.local_size) = (item.checksum, item.size);
        });
        accepted(&with(known));
        refused(&with(item.change(|item| item.local_size = 1)), DISAGREES);
    }
}

#[test]
fn a_descriptor_is_there_when_it_is_announced() {
    let item = Item::deflated("p/a", b"content").streamed(true, false);
    let reason = "that is not followed by the next one";
    refused(&with(item.clone().change(|item| item.descriptor.clear())), reason);
    refused(&with(item.clone().change(|item| item.descriptor.push(0))), reason);
    let unannounced =
        Item::file("p/a", b"content").change(|other| other.descriptor = item.descriptor.clone());
    refused(&with(unannounced), reason);
}

#[test]
fn sizes_in_zip64_fields_are_read() {
    let at = package().build().windows(4).position(|four| four == b"PK\x01\x02").unwrap() as u64;
    let item = Item::deflated("p/a", b"content").zip64(at);
    let archive = accepted(&package().item(item.clone()).build_zip64());
    let entry = &archive.entries[2];
    assert_eq!((entry.size, entry.offset), (7, at));
    accepted(&with(item.clone()));
    refused(
        &with(item.clone().change(|item| item.extra = zip64_field(&[7, 9]))),
        "without the sizes that it needs",
    );
    refused(&with(item.clone().change(|item| item.extra.clear())), "without the sizes that it needs");
    refused(&with(item.clone().change(|item| item.local_extra = zip64_field(&[7]))), DISAGREES);
    refused(&with(item.change(|item| item.local_extra = zip64_field(&[8, 9]))), DISAGREES);
    let huge = Item::deflated("p/a", b"content").zip64(at).change(|item| {
        item.extra = zip64_field(&[7, u64::MAX, at]);
        item.local_extra = zip64_field(&[7, u64::MAX]);
    });
    refused(&with(huge), "overlaps");
    let huge = Item::deflated("p/a", b"content").zip64(at).change(|item| {
        item.extra = zip64_field(&[u64::MAX, 9, at]);
    });
    refused(&with(huge), "unpacks to more than 4294967296 bytes");
    let far = Item::deflated("p/a", b"content").zip64(u64::MAX);
    refused(&with(far), "that is not followed by the next one");
    let far = Zip::default().item(Item::file("Package.swift", b"x").zip64(u64::MAX));
    refused(&far.build(), "does not begin with its first entry");
    // As Python and Info-ZIP write to a pipe: nothing is known before the descriptor.
    let streamed = Item::deflated("p/a", b"content").streamed(true, true).change(|item| {
        (item.local_size, item.local_compressed) = (u32::MAX, u32::MAX);
        item.local_extra = zip64_field(&[0, 0]);
    });
    accepted(&with(streamed));
}
