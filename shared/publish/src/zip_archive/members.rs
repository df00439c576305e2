//! The data of all entries, read once from front to back.

use std::io::{Read, Seek};

use granary_model::Result;

use super::directory::{Entry, NO_UTF8};
use super::extra::Extra;
use super::format::{DESCRIPTOR, FLAGS_LEVEL, Fields, LOCAL, LOCAL_BYTES};
use super::inflate::Inflater;
use super::source::Source;
use super::{refuse, refuse_entry};

/// Checks every local header and all data against the directory, which begins at `directory`, and answers the
/// content of the entries that `keep` picks, by their position among all, which are in the order of their offsets.
///
/// Entries must follow each other without a gap: what lies between them is invisible to one reader and an entry
/// to another that goes from header to header.
pub(crate) fn read<R: Read + Seek>(
    source: &mut Source<'_, R>,
    entries: &mut [Entry],
    directory: u64,
    keep: impl Fn(usize, &Entry) -> bool,
) -> Result<Vec<(usize, Vec<u8>)>> {
    if entries.first().is_some_and(|first| first.offset != 0) {
        return Err(refuse("does not begin with its first entry; remove what is in front of it"));
    }
    let ends: Vec<u64> = entries.iter().skip(1).map(|entry| entry.offset).chain([directory]).collect();
    let mut inflater = Inflater::new();
    let mut kept = Vec::new();
    source.go_to(0)?;
    for (index, (entry, end)) in entries.iter_mut().zip(ends).enumerate() {
        let mut content = keep(index, entry).then(Vec::new);
        member(source, &mut inflater, entry, end, content.as_mut())?;
        kept.extend(content.map(|content| (index, content)));
    }
    Ok(kept)
}

/// Reads one entry from its local header to where the next one begins.
fn member<R: Read + Seek>(
    source: &mut Source<'_, R>,
    inflater: &mut Inflater,
    entry: &mut Entry,
    end: u64,
    content: Option<&mut Vec<u8>>,
) -> Result<()> {
    let header_bytes = header(source, entry, end)?;
    entry.data = entry.offset + header_bytes;
    let data_end = entry.data.checked_add(entry.compressed).filter(|data_end| *data_end <= end);
    let gap = end - data_end.ok_or_else(|| overlapping(entry))?;
    let is_gap_right = if entry.has_descriptor() { matches!(gap, 12 | 16 | 20 | 24) } else { gap == 0 };
    if !is_gap_right {
        return Err(refuse_entry(&entry.name, "that is not followed by the next one; make the archive anew"));
    }
    inflater.check(source, entry, content)?;
    if gap > 0 {
        let bytes = source.bytes(usize::try_from(gap).unwrap_or(0))?;
        if descriptor(&bytes) != Some((entry.checksum, entry.compressed, entry.size)) {
            return Err(disagreeing(entry));
        }
    }
    Ok(())
}

/// Checks the local header and answers its length.
fn header<R: Read + Seek>(source: &mut Source<'_, R>, entry: &Entry, end: u64) -> Result<u64> {
    if end.checked_sub(entry.offset).is_none_or(|room| room < LOCAL_BYTES) {
        return Err(overlapping(entry));
    }
    let fixed = source.bytes(30)?;
    let header = LocalHeader::parse(&fixed).ok_or_else(|| {
        refuse_entry(&entry.name, "that is not where the directory says; make the archive anew")
    })?;
    let rest = usize::from(header.name_length) + usize::from(header.extra_length);
    let length = LOCAL_BYTES + rest as u64;
    if length > end - entry.offset {
        return Err(overlapping(entry));
    }
    let rest = source.bytes(rest)?;
    let (name, extra) = rest.split_at_checked(header.name_length.into()).unwrap_or_default();
    let extra = Extra::parse(extra).map_err(|why| refuse_entry(&entry.name, why))?;
    if !header.agrees(entry) || name != entry.name.as_bytes() || !extra.agrees_on_name(name, entry.flags) {
        return Err(disagreeing(entry));
    }
    if !extra.makes_utf8(name, entry.made_by, entry.flags) {
        return Err(refuse_entry(&entry.name, NO_UTF8));
    }
    let mut modes = extra.modes().map_err(|why| refuse_entry(&entry.name, why))?;
    if !modes.all(|mode| entry.kind.agrees(mode)) {
        return Err(disagreeing(entry));
    }
    let sizes = extra.zip64([header.size, header.compressed]).ok_or_else(|| disagreeing(entry))?;
    if !header.has_right_sizes(entry, sizes) {
        return Err(disagreeing(entry));
    }
    Ok(length)
}

/// The fixed part of a local header.
struct LocalHeader {
    flags: u16,
    method: u16,
    checksum: u32,
    compressed: u32,
    size: u32,
    name_length: u16,
    extra_length: u16,
}

impl LocalHeader {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields(bytes);
        if fields.u32()? != LOCAL {
            return None;
        }
        let (_needed, flags, method) = (fields.u16()?, fields.u16()?, fields.u16()?);
        let _time_and_date = fields.u32()?;
        Some(Self {
            flags,
            method,
            checksum: fields.u32()?,
            compressed: fields.u32()?,
            size: fields.u32()?,
            name_length: fields.u16()?,
            extra_length: fields.u16()?,
        })
    }

    fn agrees(&self, entry: &Entry) -> bool {
        (self.flags ^ entry.flags) & !FLAGS_LEVEL == 0 && self.method == entry.method
    }

    /// Whether checksum and sizes are right. They are not known yet where a descriptor follows, and zero then.
    fn has_right_sizes(&self, entry: &Entry, [size, compressed]: [u64; 2]) -> bool {
        let may_be_zero = entry.has_descriptor();
        let is_right = |number: u64, expected: u64| number == expected || (may_be_zero && number == 0);
        is_right(self.checksum.into(), entry.checksum.into())
            && is_right(size, entry.size)
            && is_right(compressed, entry.compressed)
    }
}

/// Checksum, compressed size and size out of a descriptor, whose form shows in its length: with or without a
/// signature, with sizes of four or of eight bytes.
fn descriptor(bytes: &[u8]) -> Option<(u32, u64, u64)> {
    let mut fields = Fields(bytes);
    if matches!(bytes.len(), 16 | 24) && fields.u32()? != DESCRIPTOR {
        return None;
    }
    let checksum = fields.u32()?;
    if bytes.len() >= 20 {
        return Some((checksum, fields.u64()?, fields.u64()?));
    }
    Some((checksum, fields.u32()?.into(), fields.u32()?.into()))
}

fn overlapping(entry: &Entry) -> granary_model::Error {
    refuse_entry(&entry.name, "that overlaps with what comes after it; make the archive anew")
}

fn disagreeing(entry: &Entry) -> granary_model::Error {
    refuse_entry(
        &entry.name,
        "whose own header says something else than the directory; make the archive anew",
    )
}
