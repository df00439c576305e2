//! Maven plugins: the descriptor in the jar.

use std::io::{self, Read, Seek, SeekFrom};

use zip::ZipArchive;

use super::xml::{Visitor, walk};

/// Where a plugin's jar describes it.
const DESCRIPTOR: &str = "META-INF/maven/plugin.xml";

/// Largest descriptor, in bytes. Plugins with many goals have a few hundred kilobytes.
const MAX_DESCRIPTOR: u64 = 4 * 1024 * 1024;

/// Most entries of a jar that is looked into: its whole directory is read into memory.
const MAX_ENTRIES: u16 = 20_000;

/// Largest directory of a jar that is looked into, in bytes.
const MAX_DIRECTORY: u32 = 4 * 1024 * 1024;

/// Most bytes that are read of a jar for its directory and descriptor together.
const MAX_READ: u64 = 12 * 1024 * 1024;

/// Longest name and prefix, in characters.
const MAX_NAME: usize = 200;

/// What a plugin says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PluginFacts {
    /// `goalPrefix`.
    pub prefix: Option<String>,
    /// `name`.
    pub name: Option<String>,
}

impl Visitor for PluginFacts {
    fn element(&mut self, path: &[String], text: &str) {
        let cut = || Some(text.chars().take(MAX_NAME).collect()).filter(|text: &String| !text.is_empty());
        match path {
            [_, name] if name == "goalPrefix" => self.prefix = cut(),
            [_, name] if name == "name" => self.name = cut(),
            _ => {}
        }
    }
}

/// The descriptor in a jar. `None` for a jar without one, and for what is no jar: this is not the place to
/// judge jars.
pub fn read_plugin(jar: impl Read + Seek) -> Option<PluginFacts> {
    let mut jar = jar;
    if !is_bounded(&mut jar)? {
        return None;
    }
    // What the end record says binds nobody who reads on from it: offsets in the large form, lies about
    // sizes, other records further ahead. So the reader itself gives up.
    let mut archive = ZipArchive::new(Bounded { jar, left: MAX_READ }).ok()?;
    let entry = archive.by_name(DESCRIPTOR).ok()?;
    let mut bytes = Vec::new();
    entry.take(MAX_DESCRIPTOR + 1).read_to_end(&mut bytes).ok()?;
    if bytes.len() as u64 > MAX_DESCRIPTOR {
        return None;
    }
    let mut facts = PluginFacts::default();
    walk("the plugin descriptor", &bytes, "plugin", &mut facts).ok()?.then_some(facts)
}

/// A reader that fails once more than a number of bytes were read, wherever in the file.
struct Bounded<R> {
    jar: R,
    left: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.jar.read(buffer)?;
        self.left = self
            .left
            .checked_sub(count as u64)
            .ok_or_else(|| io::Error::other("the directory of the archive is too large"))?;
        Ok(count)
    }
}

impl<R: Seek> Seek for Bounded<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.jar.seek(to)
    }
}

/// The prefix of a plugin that names none: what Maven makes of its artifact id.
pub fn derived_prefix(artifact: &str) -> String {
    let inner = artifact.strip_prefix("maven-").and_then(|rest| rest.strip_suffix("-plugin"));
    let outer = artifact.strip_suffix("-maven-plugin");
    outer.or(inner).filter(|prefix| !prefix.is_empty()).unwrap_or(artifact).to_owned()
}

/// Whether the directory at the end of the archive is of a size that can be read. One that needs the large
/// form of the format is not.
fn is_bounded(jar: &mut (impl Read + Seek)) -> Option<bool> {
    const RECORD: usize = 22;
    const COMMENT: u64 = 65_535;
    let length = jar.seek(SeekFrom::End(0)).ok()?;
    jar.seek(SeekFrom::Start(length.saturating_sub(COMMENT + RECORD as u64))).ok()?;
    let mut tail = Vec::new();
    jar.take(COMMENT + RECORD as u64).read_to_end(&mut tail).ok()?;
    let mut records = tail.windows(RECORD).filter(|record| record.starts_with(b"PK\x05\x06")).peekable();
    // Bytes that look like a second record may be the comment of the first one; none may be out of bounds.
    records.peek()?;
    Some(records.all(|record| {
        let entries =
            record.get(10..12).and_then(|bytes| bytes.first_chunk()).copied().map(u16::from_le_bytes);
        let size = record.get(12..16).and_then(|bytes| bytes.first_chunk()).copied().map(u32::from_le_bytes);
        entries.is_some_and(|count| count <= MAX_ENTRIES) && size.is_some_and(|size| size <= MAX_DIRECTORY)
    }))
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write as _};

    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::*;

    fn jar(entries: &[(&str, &[u8])]) -> Vec<u8> {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, bytes) in entries {
            writer.start_file(*name, SimpleFileOptions::default()).unwrap();
            writer.write_all(bytes).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    fn read(bytes: &[u8]) -> Option<PluginFacts> {
        read_plugin(Cursor::new(bytes))
    }

    #[test]
    fn a_plugin_describes_itself() {
        let descriptor = b"<plugin><name>Foo Plugin</name><goalPrefix>foo</goalPrefix><mojos><mojo><name>x</name></mojo></mojos></plugin>";
        let bytes = jar(&[("META-INF/MANIFEST.MF", b""), (DESCRIPTOR, descriptor)]);
        let facts = read(&bytes).unwrap();
        assert_eq!((facts.prefix.as_deref(), facts.name.as_deref()), (Some("foo"), Some("Foo Plugin")));
        let bare = read(&jar(&[(DESCRIPTOR, b"<plugin/>")])).unwrap();
        assert_eq!(bare, PluginFacts::default());
    }

    #[test]
    fn other_jars_describe_nothing() {
        let bomb = vec![b' '; usize::try_from(MAX_DESCRIPTOR).unwrap() + 10];
        for bytes in [
            jar(&[("a.class", b"x")]),
            jar(&[]),
            jar(&[(DESCRIPTOR, b"<mojo/>")]),
            jar(&[(DESCRIPTOR, b"<!DOCTYPE plugin><plugin/>")]),
            jar(&[(DESCRIPTOR, &bomb)]),
            b"no jar".to_vec(),
            Vec::new(),
            b"PK\x05\x06".to_vec(),
        ] {
            assert_eq!(read(&bytes), None);
        }
    }

    #[test]
    fn a_directory_that_is_too_large_is_not_read() {
        let mut bytes = jar(&[(DESCRIPTOR, b"<plugin/>")]);
        assert!(read(&bytes).is_some());
        let record = bytes.len() - 22;
        bytes[record + 10..record + 12].copy_from_slice(&u16::MAX.to_le_bytes());
        assert_eq!(is_bounded(&mut Cursor::new(&bytes)), Some(false));
        assert_eq!(read(&bytes), None);
    }

    #[test]
    fn no_more_is_read_than_a_plugin_needs() {
        // A directory of 20,000 entries with comments of 1,000 bytes: 20 MB, of which the end record says nothing.
        let mut bytes = Vec::new();
        for number in 0..20_000_u32 {
            bytes.extend_from_slice(b"PK\x01\x02\x14\0\x14\0\0\0\0\0\0\0\0\0");
            bytes.extend_from_slice(&[0; 12]);
            bytes.extend_from_slice(&[5, 0, 0, 0, 0xe8, 0x03]);
            bytes.extend_from_slice(&[0; 12]);
            bytes.extend_from_slice(format!("{number:05}").as_bytes());
            bytes.extend_from_slice(&[b'x'; 1000]);
        }
        bytes.extend_from_slice(b"PK\x05\x06\0\0\0\0");
        bytes.extend_from_slice(&20_000_u16.to_le_bytes());
        bytes.extend_from_slice(&20_000_u16.to_le_bytes());
        bytes.extend_from_slice(&46_u32.to_le_bytes());
        bytes.extend_from_slice(&[0; 6]);
        assert_eq!(is_bounded(&mut Cursor::new(&bytes)), Some(true), "it says that it is small");
        let mut bounded = Bounded { jar: Cursor::new(&bytes), left: MAX_READ };
        assert!(ZipArchive::new(&mut bounded).is_err());
        assert!(ZipArchive::new(Cursor::new(&bytes)).is_ok(), "only the bound refuses it");
        assert_eq!(read(&bytes), None);
    }

    #[test]
    fn prefixes_are_derived_like_maven_does() {
        for (artifact, prefix) in [
            ("foo-maven-plugin", "foo"),
            ("maven-foo-plugin", "foo"),
            ("foo", "foo"),
            ("maven-plugin", "maven-plugin"),
            ("-maven-plugin", "-maven-plugin"),
        ] {
            assert_eq!(derived_prefix(artifact), prefix);
        }
    }
}
