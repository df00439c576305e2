//! The end of an archive, which says where its directory is.
//!
//! Readers look for it from the back and stop at different places: at the last signature, at the last one whose
//! comment fits, only in the last 16 KiB. An archive in which they could find different ones is refused.

use std::io::{Read, Seek};

use granary_model::Result;

use super::format::{
    END, END_64, END_64_BYTES, END_BYTES, Fields, IN_ZIP64, IN_ZIP64_SHORT, LOCATOR_64, LOCATOR_64_BYTES,
};
use super::refuse;
use super::source::Source;

/// Bytes from the back in which an end record can begin: itself and the longest comment there is.
const SEARCHED: u64 = END_BYTES + u16::MAX as u64;

/// Bytes of a comment: bsdtar looks for the end record in the last 16 KiB only.
const MAX_COMMENT: usize = 16_000;

/// Where the central directory is. It lies within the archive and ends where the end records begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Location {
    pub(crate) offset: u64,
    pub(crate) size: u64,
    pub(crate) entries: u64,
}

/// Finds the one end record.
pub(crate) fn find<R: Read + Seek>(source: &mut Source<'_, R>) -> Result<Location> {
    let length = source.length();
    let searched = length.min(SEARCHED);
    source.go_to(length - searched)?;
    let tail = source.bytes(usize::try_from(searched).unwrap_or(0))?;
    let at = single_end(&tail)?;
    let end = length - searched + at as u64;
    let record = tail.get(at..).and_then(EndRecord::parse).ok_or_else(cut_short)?;
    let (location, directory_end) = match locator(source, end)? {
        Some(locator) => (zip64(source, &record, &locator, end)?, end - LOCATOR_64_BYTES - END_64_BYTES),
        None => (record.location()?, end),
    };
    if location.offset.checked_add(location.size) != Some(directory_end) {
        return Err(refuse(
            "has a directory that does not end where its end record begins; make the archive anew and add nothing to it",
        ));
    }
    Ok(location)
}

/// Position of the only end record in the last bytes of an archive.
fn single_end(tail: &[u8]) -> Result<usize> {
    let signature = END.to_le_bytes();
    let mut last = None;
    let mut complete = Vec::new();
    for (at, _) in tail.windows(4).enumerate().filter(|(_, window)| *window == signature) {
        last = Some(at);
        if comment_length(tail, at).is_some_and(|comment| at + usize::from(comment) + 22 == tail.len()) {
            complete.push(at);
        }
    }
    match (complete.as_slice(), last) {
        ([], _) => Err(refuse(
            "is no zip file, or is cut short, or is followed by something else; make it anew and upload it again",
        )),
        // A signature of a record in the data, such as of a zip in the zip, comes before the end record. One that
        // comes after it stands in its comment.
        ([at], Some(last)) if *at == last => {
            if tail.len() - at > MAX_COMMENT + 22 {
                return Err(refuse(&format!(
                    "has a comment of more than {MAX_COMMENT} bytes; remove it with `zip -z`"
                )));
            }
            Ok(*at)
        }
        _ => Err(refuse("has several end-of-directory records; make it anew without a comment")),
    }
}

fn comment_length(tail: &[u8], at: usize) -> Option<u16> {
    let mut fields = Fields(tail.get(at..)?);
    fields.bytes(20)?;
    fields.u16()
}

/// The end record as it stands there.
struct EndRecord {
    disk: u16,
    directory_disk: u16,
    entries_here: u16,
    entries: u16,
    size: u32,
    offset: u32,
}

impl EndRecord {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields(bytes);
        fields.u32()?;
        Some(Self {
            disk: fields.u16()?,
            directory_disk: fields.u16()?,
            entries_here: fields.u16()?,
            entries: fields.u16()?,
            size: fields.u32()?,
            offset: fields.u32()?,
        })
    }

    /// What it says in an archive without ZIP64.
    fn location(&self) -> Result<Location> {
        if self.disk != 0 || self.directory_disk != 0 || self.entries_here != self.entries {
            return Err(several_disks());
        }
        Ok(Location { offset: self.offset.into(), size: self.size.into(), entries: self.entries.into() })
    }

    /// Whether it says the same, where it says something.
    fn agrees(&self, location: Location) -> bool {
        let short = |number: u16, expected: u64| number == IN_ZIP64_SHORT || u64::from(number) == expected;
        let long = |number: u32, expected: u64| number == IN_ZIP64 || u64::from(number) == expected;
        short(self.disk, 0)
            && short(self.directory_disk, 0)
            && short(self.entries_here, location.entries)
            && short(self.entries, location.entries)
            && long(self.size, location.size)
            && long(self.offset, location.offset)
    }
}

/// The ZIP64 locator in front of the end record, if there is one. Some readers always look for it there, others
/// only if a number of the end record is missing, so one that is there must be right.
fn locator<R: Read + Seek>(source: &mut Source<'_, R>, end: u64) -> Result<Option<Vec<u8>>> {
    let Some(at) = end.checked_sub(LOCATOR_64_BYTES) else { return Ok(None) };
    source.go_to(at)?;
    let bytes = source.bytes(20)?;
    Ok(Some(bytes).filter(|bytes| bytes.starts_with(&LOCATOR_64.to_le_bytes())))
}

fn zip64<R: Read + Seek>(
    source: &mut Source<'_, R>,
    record: &EndRecord,
    locator: &[u8],
    end: u64,
) -> Result<Location> {
    let at = end.checked_sub(LOCATOR_64_BYTES + END_64_BYTES).ok_or_else(bad_zip64)?;
    if located(locator) != Some(at) {
        return Err(bad_zip64());
    }
    source.go_to(at)?;
    let location = parse_zip64(&source.bytes(56)?).ok_or_else(bad_zip64)?;
    if !record.agrees(location) {
        return Err(bad_zip64());
    }
    Ok(location)
}

/// Where the locator says that the record is, on the only disk.
fn located(bytes: &[u8]) -> Option<u64> {
    let mut fields = Fields(bytes);
    let (_signature, disk, at, disks) = (fields.u32()?, fields.u32()?, fields.u64()?, fields.u32()?);
    (disk == 0 && disks <= 1).then_some(at)
}

fn parse_zip64(bytes: &[u8]) -> Option<Location> {
    let mut fields = Fields(bytes);
    let (signature, size) = (fields.u32()?, fields.u64()?);
    let (_made_by, _needed, disk, directory_disk) =
        (fields.u16()?, fields.u16()?, fields.u32()?, fields.u32()?);
    let (entries_here, entries) = (fields.u64()?, fields.u64()?);
    let location = Location { entries, size: fields.u64()?, offset: fields.u64()? };
    // The size leaves out the signature and itself. What may follow in it is encryption and proprietary data.
    let is_plain = signature == END_64 && size == END_64_BYTES - 12;
    (is_plain && disk == 0 && directory_disk == 0 && entries_here == entries).then_some(location)
}

fn cut_short() -> granary_model::Error {
    refuse("is cut short; upload it again")
}

fn several_disks() -> granary_model::Error {
    refuse("is one part of a split archive; make it in one piece")
}

fn bad_zip64() -> granary_model::Error {
    refuse("has ZIP64 records that do not agree with its end record; make it anew")
}
