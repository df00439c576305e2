//! The same archive with a top-level folder.

use std::io::{Read, Seek};

use granary_model::Result;

use crate::zip_archive::directory::Entry;
use crate::zip_archive::format::{
    CENTRAL, CENTRAL_BYTES, END, END_64, END_64_BYTES, EXTRA_ZIP64, FLAG_UTF8, FLAGS_LEVEL, Header, IN_ZIP64,
    IN_ZIP64_SHORT, LOCAL, LOCAL_BYTES, LOCATOR_64, MODE_FILE, MODE_FOLDER, MODE_LINK, MODE_TYPE, STORED,
};
use crate::zip_archive::kind::Kind;
use crate::zip_archive::source::Source;
use crate::zip_archive::{ArchiveLimits, names, refuse, refuse_entry};

/// Where modes come from.
const UNIX: u16 = 3;

/// Made by version 4.5 of the format on Unix, and what is needed to read ZIP64.
const ZIP64_VERSION: u16 = 45;

/// What is needed to read folders and deflate.
const PLAIN_VERSION: u16 = 20;

/// The first day that the format knows, in its form.
const FIRST_DAY: u16 = 0x21;

/// Writes entries below a folder: first the folder itself, then all in their order with their data copied as they
/// are, then the directory. Nothing in it depends on anything but the entries and the folder.
///
/// Entries are in the order of their data, so the source is read once from front to back.
pub(super) fn write<R: Read + Seek>(
    entries: &[Entry],
    source: &mut Source<'_, R>,
    folder: &str,
    limits: &ArchiveLimits,
    out: &mut impl FnMut(&[u8]) -> Result<()>,
) -> Result<()> {
    let (directory, end) = measure(entries, folder, limits)?;
    out(&Record::top(folder).local())?;
    for entry in entries {
        out(&Record::below(folder, entry).local())?;
        copy(source, entry, out)?;
    }
    let mut offset = 0;
    for record in records(entries, folder) {
        out(&record.central(offset))?;
        offset += record.span();
    }
    out(&ending(entries.len() as u64 + 1, directory, end - directory))
}

/// Where the directory of the new archive will begin and end. What would be refused when read is refused here.
fn measure(entries: &[Entry], folder: &str, limits: &ArchiveLimits) -> Result<(u64, u64)> {
    if folder.contains('/') || names::fault(folder).is_some() {
        return Err(refuse("cannot be put into a folder of that name; make it with a top-level folder"));
    }
    if entries.len() >= limits.entries {
        return Err(refuse("has too many entries to be put into a folder; leave some out"));
    }
    let (mut directory, mut size, mut inflated) = (0, 0, 0);
    for record in records(entries, folder) {
        if record.name.len() > names::MAX_NAME {
            let why = format!("whose name gets too long below the folder '{folder}'; shorten it");
            return Err(refuse_entry(&record.name, &why));
        }
        size += record.central_size(directory);
        directory += record.span();
        inflated += record.size;
    }
    if size > limits.directory_bytes {
        return Err(refuse("has too long a directory to be put into a folder; leave files out"));
    }
    limits.check_inflated(inflated, directory + size)?;
    Ok((directory, directory + size))
}

fn records<'a>(entries: &'a [Entry], folder: &'a str) -> impl Iterator<Item = Record> + 'a {
    std::iter::once(Record::top(folder)).chain(entries.iter().map(move |entry| Record::below(folder, entry)))
}

fn copy<R: Read + Seek>(
    source: &mut Source<'_, R>,
    entry: &Entry,
    out: &mut impl FnMut(&[u8]) -> Result<()>,
) -> Result<()> {
    source.go_to(entry.data)?;
    let mut left = entry.compressed;
    while left > 0 {
        let bytes = source.peek()?;
        let bytes = bytes.get(..usize::try_from(left).unwrap_or(usize::MAX)).unwrap_or(bytes);
        let count = bytes.len();
        out(bytes)?;
        source.consume(count);
        left -= count as u64;
    }
    Ok(())
}

/// An entry of the new archive.
pub(super) struct Record {
    name: String,
    made_by: u16,
    level: u16,
    method: u16,
    time: u16,
    date: u16,
    checksum: u32,
    compressed: u64,
    size: u64,
    internal: u16,
    external: u32,
}

impl Record {
    /// The folder itself.
    fn top(folder: &str) -> Self {
        Self {
            name: format!("{folder}/"),
            made_by: UNIX << 8 | ZIP64_VERSION,
            level: 0,
            method: STORED,
            time: 0,
            date: FIRST_DAY,
            checksum: 0,
            compressed: 0,
            size: 0,
            internal: 0,
            external: u32::from(MODE_FOLDER | 0o755) << 16 | 0x10,
        }
    }

    pub(super) fn below(folder: &str, entry: &Entry) -> Self {
        Self {
            name: format!("{folder}/{}", entry.name),
            // Without extra fields, Info-ZIP reads a name beyond ASCII as UTF-8 only if it comes from Unix.
            made_by: UNIX << 8 | (entry.made_by & 0xff),
            level: entry.flags & FLAGS_LEVEL,
            method: entry.method,
            time: entry.time,
            date: entry.date,
            checksum: entry.checksum,
            compressed: entry.compressed,
            size: entry.size,
            internal: entry.internal,
            external: external(entry),
        }
    }

    fn has_long_sizes(&self) -> bool {
        self.size >= IN_ZIP64.into() || self.compressed >= IN_ZIP64.into()
    }

    /// Bytes of local header and data.
    fn span(&self) -> u64 {
        let extra = if self.has_long_sizes() { 20 } else { 0 };
        LOCAL_BYTES + self.name.len() as u64 + extra + self.compressed
    }

    fn central_size(&self, offset: u64) -> u64 {
        CENTRAL_BYTES + self.name.len() as u64 + self.central_extra(offset).len() as u64
    }

    /// The local header, which has all sizes.
    pub(super) fn local(&self) -> Vec<u8> {
        let extra =
            if self.has_long_sizes() { zip64_extra(&[self.size, self.compressed]) } else { Vec::new() };
        let mut header = Header::default();
        header.u32(LOCAL);
        self.common(&mut header, !extra.is_empty(), extra.len());
        header.bytes(self.name.as_bytes()).bytes(&extra);
        header.0
    }

    pub(super) fn central(&self, offset: u64) -> Vec<u8> {
        let extra = self.central_extra(offset);
        let mut header = Header::default();
        header.u32(CENTRAL).u16(self.made_by);
        self.common(&mut header, !extra.is_empty(), extra.len());
        header.u16(0).u16(0).u16(self.internal).u32(self.external).u32(short(offset));
        header.bytes(self.name.as_bytes()).bytes(&extra);
        header.0
    }

    fn central_extra(&self, offset: u64) -> Vec<u8> {
        let sizes = if self.has_long_sizes() { vec![self.size, self.compressed] } else { Vec::new() };
        let offset = Some(offset).filter(|offset| *offset >= IN_ZIP64.into());
        zip64_extra(&sizes.into_iter().chain(offset).collect::<Vec<_>>())
    }

    /// What both headers have, from the version needed to the length of the extra field.
    fn common(&self, header: &mut Header, is_zip64: bool, extra: usize) {
        // Both or none: a local ZIP64 field must have both sizes.
        let in_zip64 = |size: u64| if self.has_long_sizes() { IN_ZIP64 } else { short(size) };
        header
            .u16(if is_zip64 { ZIP64_VERSION } else { PLAIN_VERSION })
            .u16(FLAG_UTF8 | self.level)
            .u16(self.method)
            .u16(self.time)
            .u16(self.date)
            .u32(self.checksum)
            .u32(in_zip64(self.compressed))
            .u32(in_zip64(self.size))
            .u16(u16::try_from(self.name.len()).unwrap_or(u16::MAX))
            .u16(u16::try_from(extra).unwrap_or(u16::MAX));
    }
}

/// Attributes with a mode, as Unix has it. Where there is none, one is made of the bit for what is read-only.
fn external(entry: &Entry) -> u32 {
    let mode = (entry.external >> 16) as u16;
    let permissions = match (entry.kind, entry.external & 1) {
        _ if mode != 0 => mode & !MODE_TYPE,
        (Kind::Folder, _) => 0o755,
        (_, 0) => 0o644,
        _ => 0o444,
    };
    let kind = match entry.kind {
        Kind::File => MODE_FILE,
        Kind::Folder => MODE_FOLDER,
        Kind::Link => MODE_LINK,
    };
    u32::from(kind | permissions) << 16 | (entry.external & 0xffff)
}

/// The number, or the mark that it stands in a ZIP64 field.
fn short(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(IN_ZIP64)
}

/// An extra field with these numbers; none without numbers.
fn zip64_extra(numbers: &[u64]) -> Vec<u8> {
    let mut field = Header::default();
    if !numbers.is_empty() {
        field.u16(EXTRA_ZIP64).u16(u16::try_from(numbers.len() * 8).unwrap_or(u16::MAX));
        for number in numbers {
            field.u64(*number);
        }
    }
    field.0
}

/// All that follows the directory.
pub(super) fn ending(entries: u64, offset: u64, size: u64) -> Vec<u8> {
    let mut header = Header::default();
    if entries >= IN_ZIP64_SHORT.into() || offset >= IN_ZIP64.into() {
        header.u32(END_64).u64(END_64_BYTES - 12).u16(UNIX << 8 | ZIP64_VERSION).u16(ZIP64_VERSION);
        header.u32(0).u32(0).u64(entries).u64(entries).u64(size).u64(offset);
        header.u32(LOCATOR_64).u32(0).u64(offset + size).u32(1);
    }
    let count = u16::try_from(entries).unwrap_or(IN_ZIP64_SHORT);
    header.u32(END).u16(0).u16(0).u16(count).u16(count).u32(short(size)).u32(short(offset)).u16(0);
    header.0
}
