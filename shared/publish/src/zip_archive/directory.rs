//! The central directory: what an archive says it has.

use std::io::{Read, Seek};

use granary_model::Result;

use super::ending::Location;
use super::extra::Extra;
use super::format::{
    CENTRAL, CENTRAL_BYTES, DEFLATED, FLAG_DESCRIPTOR, FLAG_UTF8, FLAGS_LEVEL, Fields, STORED,
};
use super::kind::Kind;
use super::source::Source;
use super::{ArchiveLimits, names, refuse, refuse_entry};

/// Highest version of the format that Info-ZIP unpacks; it skips an entry that asks for more.
const MAX_NEEDED: u16 = 46;

/// In the other byte of the version: that it is the version of VMS, of which Info-ZIP unpacks fewer.
const VMS: u16 = 2;

/// The error of a name that is not read alike.
pub(crate) const NO_UTF8: &str =
    "whose name unzip does not read as UTF-8; make the archive with `zip` or `git archive`";

/// One entry, as the central directory has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// As it stands there, with the slash that a folder ends with.
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) made_by: u16,
    pub(crate) flags: u16,
    pub(crate) method: u16,
    pub(crate) time: u16,
    pub(crate) date: u16,
    pub(crate) checksum: u32,
    pub(crate) compressed: u64,
    pub(crate) size: u64,
    pub(crate) internal: u16,
    pub(crate) external: u32,
    /// Where its local header begins.
    pub(crate) offset: u64,
    /// Where its data begin, once the local header has been read.
    pub(crate) data: u64,
}

impl Entry {
    /// The name without the slash of a folder.
    pub(crate) fn path(&self) -> &str {
        self.name.strip_suffix('/').unwrap_or(&self.name)
    }

    pub(crate) fn has_descriptor(&self) -> bool {
        self.flags & FLAG_DESCRIPTOR != 0
    }
}

/// Reads all entries, and gives them in the order in which they lie in the archive. They may be listed in any.
pub(crate) fn read<R: Read + Seek>(
    source: &mut Source<'_, R>,
    location: Location,
    limits: &ArchiveLimits,
) -> Result<Vec<Entry>> {
    let count = check_size(location, limits)?;
    source.go_to(location.offset)?;
    let bytes = source.bytes(usize::try_from(location.size).unwrap_or(0))?;
    let mut fields = Fields(&bytes);
    let mut entries = Vec::with_capacity(count);
    for _ in 0..count {
        let header = Header::parse(&mut fields)
            .ok_or_else(|| refuse("has a damaged directory, or fewer entries than it says; make it anew"))?;
        entries.push(header.entry()?);
    }
    if !fields.is_empty() {
        return Err(refuse("has something behind the last entry of its directory; make it anew"));
    }
    entries.sort_by_key(|entry| entry.offset);
    Ok(entries)
}

fn check_size(location: Location, limits: &ArchiveLimits) -> Result<usize> {
    let count = usize::try_from(location.entries).unwrap_or(usize::MAX);
    if count == 0 {
        return Err(refuse("is empty; put the package into it"));
    }
    if count > limits.entries {
        return Err(refuse(&format!("has more than {} entries; leave some out", limits.entries)));
    }
    if location.size > limits.directory_bytes {
        return Err(refuse(&format!(
            "has a directory of more than {} bytes; leave files out or shorten their names",
            limits.directory_bytes
        )));
    }
    if location.entries * CENTRAL_BYTES > location.size {
        return Err(refuse("has a damaged directory, or fewer entries than it says; make it anew"));
    }
    Ok(count)
}

/// A central header as it stands there.
struct Header<'a> {
    made_by: u16,
    needed: u16,
    flags: u16,
    method: u16,
    time: u16,
    date: u16,
    checksum: u32,
    compressed: u32,
    size: u32,
    disk: u16,
    internal: u16,
    external: u32,
    offset: u32,
    name: &'a [u8],
    extra: &'a [u8],
}

impl<'a> Header<'a> {
    fn parse(fields: &mut Fields<'a>) -> Option<Self> {
        if fields.u32()? != CENTRAL {
            return None;
        }
        let (made_by, needed, flags, method) = (fields.u16()?, fields.u16()?, fields.u16()?, fields.u16()?);
        let (time, date, checksum) = (fields.u16()?, fields.u16()?, fields.u32()?);
        let (compressed, size) = (fields.u32()?, fields.u32()?);
        let (name_length, extra_length, comment_length) = (fields.u16()?, fields.u16()?, fields.u16()?);
        let (disk, internal, external, offset) = (fields.u16()?, fields.u16()?, fields.u32()?, fields.u32()?);
        let (name, extra) = (fields.bytes(name_length.into())?, fields.bytes(extra_length.into())?);
        fields.bytes(comment_length.into())?;
        Some(Self {
            made_by,
            needed,
            flags,
            method,
            time,
            date,
            checksum,
            compressed,
            size,
            disk,
            internal,
            external,
            offset,
            name,
            extra,
        })
    }

    fn entry(&self) -> Result<Entry> {
        let shown = String::from_utf8_lossy(self.name);
        self.checked().map_err(|why| refuse_entry(&shown, why))
    }

    /// The entry, or what is wrong with it as the end of a sentence that begins with the entry.
    fn checked(&self) -> Result<Entry, &'static str> {
        let name = std::str::from_utf8(self.name).map_err(|_| "whose name is not UTF-8; rename it")?;
        if let Some(fault) = names::fault(name) {
            return Err(fault);
        }
        self.check_features()?;
        let extra = Extra::parse(self.extra)?;
        if !extra.agrees_on_name(self.name, self.flags) {
            return Err(
                "that has another name in its extra field, or one that is not marked as UTF-8; make the archive anew",
            );
        }
        if !extra.makes_utf8(self.name, self.made_by, self.flags) {
            return Err(NO_UTF8);
        }
        let kind = Kind::of(name, self.made_by, self.external)?;
        if !extra.modes()?.all(|mode| kind.agrees(mode)) {
            return Err("that is of another kind in its extra field; make the archive anew");
        }
        let [size, compressed, offset] = self.numbers(&extra)?;
        if self.method == STORED && size != compressed {
            return Err("that is not compressed but has two sizes; make the archive anew");
        }
        if kind == Kind::Folder && size > 0 {
            return Err("that is a folder with content; make the archive anew");
        }
        Ok(Entry {
            name: name.to_owned(),
            kind,
            made_by: self.made_by,
            flags: self.flags,
            method: self.method,
            time: self.time,
            date: self.date,
            checksum: self.checksum,
            compressed,
            size,
            internal: self.internal,
            external: self.external,
            offset,
            data: 0,
        })
    }

    fn check_features(&self) -> Result<(), &'static str> {
        if self.flags & 0b0010_0000_0100_0001 != 0 {
            return Err("that is encrypted; make the archive without a password");
        }
        if self.flags & !(FLAGS_LEVEL | FLAG_DESCRIPTOR | FLAG_UTF8) != 0 {
            return Err("with flags that not every tool knows; make the archive with `zip`");
        }
        if self.method != STORED && self.method != DEFLATED {
            return Err("that is compressed by another method than deflate; make the archive with `zip`");
        }
        if self.needed & 0xff > MAX_NEEDED || self.needed >> 8 == VMS {
            return Err(
                "that needs a newer version of the format than unzip knows; make the archive with `zip`",
            );
        }
        Ok(())
    }

    /// Size, compressed size and offset.
    fn numbers(&self, extra: &Extra<'_>) -> Result<[u64; 3], &'static str> {
        // On disk 0xffff: the number stands in the ZIP64 field, and there is no archive of as many disks.
        if self.disk != 0 {
            return Err("on another disk of a split archive; make it in one piece");
        }
        extra
            .zip64([self.size, self.compressed, self.offset])
            .ok_or("without the sizes that it needs in a ZIP64 extra field; make the archive anew")
    }
}
