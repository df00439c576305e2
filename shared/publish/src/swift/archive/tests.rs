mod builder;
mod data;
mod endings;
mod entries;
mod layouts;
mod links;
mod properties;
mod spellings;
mod wrapping;

use std::io::{self, Cursor, Read, Seek, SeekFrom};

use super::*;
use builder::{Item, package};

/// Text of a manifest.
const MANIFEST: &str = "// swift-tools-version:5.9\nimport PackageDescription\n";

fn read(bytes: &[u8]) -> Result<SourceArchive> {
    SourceArchive::read(&mut Cursor::new(bytes), &ArchiveLimits::default())
}

#[track_caller]
fn accepted(bytes: &[u8]) -> SourceArchive {
    read(bytes).unwrap()
}

#[track_caller]
fn refused(bytes: &[u8], reason: &str) {
    refused_within(bytes, ArchiveLimits::default(), reason);
}

#[track_caller]
fn refused_within(bytes: &[u8], limits: ArchiveLimits, reason: &str) {
    match SourceArchive::read(&mut Cursor::new(bytes), &limits) {
        Err(Error::Unprocessable(text)) => assert!(text.contains(reason), "'{text}' without '{reason}'"),
        other => panic!("{other:?} and not: {reason}"),
    }
}

/// What `of` makes of each entry and its content, as the `zip` crate has them.
fn as_zip_has_them<T>(
    bytes: &[u8],
    of: impl Fn(&zip::read::ZipFile<'_, Cursor<&[u8]>>, Vec<u8>) -> T,
) -> Vec<T> {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
    (0..archive.len())
        .map(|index| {
            let mut file = archive.by_index(index).unwrap();
            let mut content = Vec::new();
            file.read_to_end(&mut content).unwrap();
            of(&file, content)
        })
        .collect()
}

/// A good package with one more entry.
fn with(item: Item) -> Vec<u8> {
    package().item(item).build()
}

#[test]
fn a_package_in_a_folder_is_read() {
    let bytes = package()
        .item(Item::deflated("p/Package@swift-6.0.swift", b"// swift-tools-version:6.0"))
        .item(Item::file("p/Package@swift-5.10.swift", b"// five"))
        .item(Item::deflated("p/Sources/A/A.swift", &vec![b'a'; 200_000]))
        .item(Item::file("README.md", b"beside the folder"))
        .build();
    let archive = accepted(&bytes);
    assert_eq!(archive.layout, Layout::Folder("p".into()));
    let manifests: Vec<_> =
        archive.manifests.iter().map(|manifest| (manifest.name.as_str(), manifest.text.as_str())).collect();
    assert_eq!(
        manifests,
        [
            ("Package.swift", MANIFEST),
            ("Package@swift-5.10.swift", "// five"),
            ("Package@swift-6.0.swift", "// swift-tools-version:6.0"),
        ]
    );
}

#[test]
fn an_archive_of_the_zip_crate_is_read() {
    use std::io::Write as _;
    use zip::write::SimpleFileOptions;
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default();
    zip.add_directory("p", options).unwrap();
    for (name, options) in [
        ("p/Package.swift", options),
        ("p/large.txt", options.large_file(true)),
        ("p/héllo.txt", options.compression_method(zip::CompressionMethod::Stored)),
    ] {
        zip.start_file(name, options).unwrap();
        zip.write_all(MANIFEST.as_bytes()).unwrap();
    }
    zip.add_symlink("p/link", "large.txt", options).unwrap();
    zip.set_comment("made by a test").unwrap();
    let bytes = zip.finish().unwrap().into_inner();
    assert_eq!(accepted(&bytes).manifests[0].text, MANIFEST);

    let mut zip = zip::ZipWriter::new_stream(Vec::new());
    zip.start_file("p/Package.swift", options).unwrap();
    zip.write_all(MANIFEST.as_bytes()).unwrap();
    let bytes = zip.finish().unwrap().into_inner();
    assert_eq!(accepted(&bytes).manifests[0].text, MANIFEST);
}

/// Gives few bytes at a time, is interrupted now and then, and counts seeks and the bytes that it gave.
struct Slow {
    bytes: Cursor<Vec<u8>>,
    turn: usize,
    seeks: usize,
    given: usize,
    fails_at: u64,
}

impl Slow {
    fn new(bytes: Vec<u8>) -> Self {
        Self { bytes: Cursor::new(bytes), turn: 0, seeks: 0, given: 0, fails_at: u64::MAX }
    }
}

impl Read for Slow {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.turn += 1;
        if self.turn.is_multiple_of(5) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        if self.bytes.position() > self.fails_at {
            return Err(io::Error::other("the store is gone"));
        }
        let few = buffer.len().min(1 + self.turn % 7);
        let count = self.bytes.read(&mut buffer[..few])?;
        self.given += count;
        Ok(count)
    }
}

impl Seek for Slow {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.seeks += 1;
        self.bytes.seek(to)
    }
}

/// Fifty entries, with extra fields and data that are longer than what is read at once.
fn many(zip: builder::Zip) -> builder::Zip {
    (0..50_u8).fold(zip, |zip, index| {
        let item = Item::deflated(&format!("p/{index}"), index.to_string().repeat(100).as_bytes());
        zip.item(match index % 10 {
            3 => item.change(|item| item.local_extra = builder::field(0x7a7a, &vec![index; 65_000])),
            7 => Item::file(&format!("p/{index}"), &vec![index; 70_000]).streamed(true, false),
            _ => item,
        })
    })
}

#[test]
fn the_data_are_read_in_one_sequence() {
    // Listed in another order than they lie there.
    let bytes = many(package()).reversed().build();
    let mut slow = Slow::new(bytes);
    let archive = SourceArchive::read(&mut slow, &ArchiveLimits::default()).unwrap();
    assert_eq!(archive.manifests[0].text, MANIFEST);
    assert!(slow.seeks < 10, "{}", slow.seeks);
}

#[test]
fn wrapping_goes_through_the_archive_once() {
    for zip in [many(builder::bare()), many(builder::bare()).reversed()] {
        let mut slow = Slow::new(zip.build());
        let archive = SourceArchive::read(&mut slow, &ArchiveLimits::default()).unwrap();
        (slow.seeks, slow.given) = (0, 0);
        let mut written = 0;
        let mut count = |piece: &[u8]| {
            written += piece.len();
            Ok(())
        };
        archive.wrap(&mut slow, "f", &mut count).unwrap();
        // To the end, for its length, and to the first data.
        assert_eq!(slow.seeks, 2);
        assert!(written > 350_000 && slow.given <= slow.bytes.get_ref().len(), "{written} {}", slow.given);
    }
}

/// Loses its end as soon as its beginning is read.
struct Shrinking(Cursor<Vec<u8>>);

impl Read for Shrinking {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Seek for Shrinking {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        if to == SeekFrom::Start(0) {
            self.0.get_mut().truncate(150_000);
        }
        self.0.seek(to)
    }
}

#[test]
fn a_reader_that_fails_is_named() {
    let bytes = package().item(Item::file("p/a", &[7; 1000])).build();
    let mut slow = Slow { fails_at: 300, ..Slow::new(bytes) };
    let error = SourceArchive::read(&mut slow, &ArchiveLimits::default()).unwrap_err().to_string();
    assert_eq!(error, "the archive cannot be read: the store is gone");
    let long = package().item(Item::file("p/a", &vec![7; 200_000])).build();
    let mut shrinking = Shrinking(Cursor::new(long));
    let error = SourceArchive::read(&mut shrinking, &ArchiveLimits::default()).unwrap_err().to_string();
    assert!(error.starts_with("the archive cannot be read"), "{error}");
}

#[test]
fn what_an_archive_may_cost_is_limited() {
    let limits = ArchiveLimits::default();
    let two = package().item(Item::file("p/a", b"12345")).build();
    let size = MANIFEST.len() as u64 + 5;
    for (limits, reason) in [
        (ArchiveLimits { entries: 2, ..limits }, "more than 2 entries"),
        (ArchiveLimits { directory_bytes: 100, ..limits }, "directory of more than 100 bytes"),
        (ArchiveLimits { inflated_bytes: size - 1, ..limits }, "unpacks to more than"),
        (
            ArchiveLimits { manifest_bytes: 10, ..limits },
            "'p/Package.swift' that is a manifest of more than 10",
        ),
    ] {
        refused_within(&two, limits, reason);
    }
    let exact = ArchiveLimits { entries: 3, inflated_bytes: size, manifest_bytes: size - 5, ..limits };
    SourceArchive::read(&mut Cursor::new(&two), &exact).unwrap();

    let dense = package().item(Item::deflated("p/zeros", &vec![0; 1_000_000])).build();
    let ratio = ArchiveLimits { ratio_from: 100_000, ..limits };
    refused_within(&dense, ratio, "more than 100 times its size");
    let ratio = ArchiveLimits { ratio_from: 2_000_000, ..limits };
    SourceArchive::read(&mut Cursor::new(&dense), &ratio).unwrap();
}

#[test]
fn messages_show_names_short_and_escaped() {
    let long = format!("p/{}\u{200b}{}", "x".repeat(70), "y".repeat(400));
    let Err(Error::Unprocessable(text)) = read(&with(Item::file(&long, b""))) else { panic!("accepted") };
    assert!(text.contains("\\u{200b}"), "{text}");
    assert!(text.contains("yyy...'") && text.len() < 250, "{text}");
}
