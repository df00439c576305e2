//! Extra fields of headers.

use super::format::{EXTRA_ZIP64, FLAG_UTF8, Fields, IN_ZIP64};

/// Info-ZIP's name in UTF-8, which readers prefer to the name in the header.
const UNICODE_PATH: u16 = 0x7075;
/// A Unix mode, which Info-ZIP uses if the header has none.
const ASI_UNIX: u16 = 0x756e;
/// Attributes in local headers, as bsdtar writes and reads them.
const LIBARCHIVE: u16 = 0x6c78;

/// The error of a field that cannot be read.
const DAMAGED: &str = "with a damaged extra field; make the archive anew";

/// What the extra fields of one header say, as far as a reader acts on it.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Extra<'a> {
    is_empty: bool,
    zip64: Option<&'a [u8]>,
    path: Option<&'a [u8]>,
    asi: Option<&'a [u8]>,
    libarchive: Option<&'a [u8]>,
}

impl<'a> Extra<'a> {
    /// Reads all fields; the error continues a sentence that begins with the entry.
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self, &'static str> {
        let mut fields = Fields(bytes);
        let mut extra = Self { is_empty: bytes.is_empty(), ..Self::default() };
        while !fields.is_empty() {
            let (id, content) = field(&mut fields).ok_or(DAMAGED)?;
            let slot = match id {
                EXTRA_ZIP64 => &mut extra.zip64,
                UNICODE_PATH => &mut extra.path,
                ASI_UNIX => &mut extra.asi,
                LIBARCHIVE => &mut extra.libarchive,
                _ => continue,
            };
            if slot.replace(content).is_some() {
                return Err("with the same extra field twice; make the archive anew");
            }
        }
        Ok(extra)
    }

    /// Whether it says no other name than this one. An entry that has its name in a field only to say that it is
    /// UTF-8 makes Info-ZIP take all data descriptors of the archive for longer ones.
    pub(crate) fn agrees_on_name(&self, name: &[u8], flags: u16) -> bool {
        // Version and checksum of the other name come first.
        self.path.is_none_or(|field| field.get(5..) == Some(name) && flags & FLAG_UTF8 != 0)
    }

    /// Whether Info-ZIP and bsdtar read this name as UTF-8, in the header that the field belongs to.
    ///
    /// On Unix the bytes are the name. Of another system it is in a code page unless marked, and of some Info-ZIP
    /// sees the mark only if there is any extra field.
    pub(crate) fn makes_utf8(&self, name: &[u8], made_by: u16, flags: u16) -> bool {
        let host = made_by >> 8;
        let is_seen = !self.is_empty || !matches!(host, 0 | 6 | 11);
        name.is_ascii() || matches!(host, 3 | 19) || (flags & FLAG_UTF8 != 0 && is_seen)
    }

    /// Modes that a reader might use in place of the one in the central header. The error as for
    /// [`Extra::parse`].
    pub(crate) fn modes(&self) -> Result<impl Iterator<Item = u16> + use<>, &'static str> {
        let asi = self.asi.map(|field| asi_mode(field).ok_or(DAMAGED)).transpose()?;
        let libarchive = self.libarchive.map(libarchive_mode).transpose()?;
        Ok(asi.into_iter().chain(libarchive.flatten()))
    }

    /// Numbers of the header that may stand in the ZIP64 field, in the order in which they stand there: sizes
    /// first uncompressed, then compressed, then an offset. `None` if one is missing.
    pub(crate) fn zip64<const N: usize>(&self, numbers: [u32; N]) -> Option<[u64; N]> {
        let mut field = Fields(self.zip64.unwrap_or_default());
        let mut found = [0; N];
        for (found, number) in found.iter_mut().zip(numbers) {
            *found = if number == IN_ZIP64 { field.u64()? } else { number.into() };
        }
        Some(found)
    }
}

fn field<'a>(fields: &mut Fields<'a>) -> Option<(u16, &'a [u8])> {
    let (id, size) = (fields.u16()?, fields.u16()?);
    Some((id, fields.bytes(size.into())?))
}

fn asi_mode(field: &[u8]) -> Option<u16> {
    let mut fields = Fields(field);
    fields.u32()?;
    fields.u16()
}

/// A bitmap of one byte, then what its bits announce: version made by, internal and external attributes, the first
/// two in two bytes each.
fn libarchive_mode(field: &[u8]) -> Result<Option<u16>, &'static str> {
    let (bitmap, rest) = field.split_first().filter(|(bitmap, _)| **bitmap < 0x80).ok_or(DAMAGED)?;
    if bitmap & 4 == 0 {
        return Ok(None);
    }
    let mut fields = Fields(rest);
    let before = 2 * (bitmap & 1) + (bitmap & 2);
    let external = fields.bytes(before.into()).and_then(|_| fields.u32()).ok_or(DAMAGED)?;
    Ok(u16::try_from(external >> 16).ok())
}
