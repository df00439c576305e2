//! Numbers of the zip format, and reading and writing them.

/// Begins a local header.
pub(crate) const LOCAL: u32 = 0x0403_4b50;
/// Begins a header in the central directory.
pub(crate) const CENTRAL: u32 = 0x0201_4b50;
/// Begins the end record.
pub(crate) const END: u32 = 0x0605_4b50;
/// Begins the end record of ZIP64.
pub(crate) const END_64: u32 = 0x0606_4b50;
/// Begins the record that says where the end record of ZIP64 is.
pub(crate) const LOCATOR_64: u32 = 0x0706_4b50;
/// May begin a data descriptor.
pub(crate) const DESCRIPTOR: u32 = 0x0807_4b50;

/// Bytes of a local header before the name.
pub(crate) const LOCAL_BYTES: u64 = 30;
/// Bytes of a central header before the name.
pub(crate) const CENTRAL_BYTES: u64 = 46;
/// Bytes of an end record before its comment.
pub(crate) const END_BYTES: u64 = 22;
/// Bytes of an end record of ZIP64 without extensible data.
pub(crate) const END_64_BYTES: u64 = 56;
/// Bytes of the locator.
pub(crate) const LOCATOR_64_BYTES: u64 = 20;

/// Flag: sizes and checksum follow the data in a descriptor.
pub(crate) const FLAG_DESCRIPTOR: u16 = 1 << 3;
/// Flag: the name is UTF-8.
pub(crate) const FLAG_UTF8: u16 = 1 << 11;
/// Flags: how hard the compressor tried, which no reader needs.
pub(crate) const FLAGS_LEVEL: u16 = 0b110;

/// Method: the data as they are.
pub(crate) const STORED: u16 = 0;
/// Method: deflate.
pub(crate) const DEFLATED: u16 = 8;

/// Identifier of the extra field with 64-bit sizes.
pub(crate) const EXTRA_ZIP64: u16 = 1;
/// In place of a 32-bit number that stands in the ZIP64 field.
pub(crate) const IN_ZIP64: u32 = u32::MAX;
/// In place of a 16-bit number that stands in the ZIP64 record.
pub(crate) const IN_ZIP64_SHORT: u16 = u16::MAX;

/// The bits of a Unix mode that say what the entry is.
pub(crate) const MODE_TYPE: u16 = 0o170_000;
/// Mode of a regular file.
pub(crate) const MODE_FILE: u16 = 0o100_000;
/// Mode of a folder.
pub(crate) const MODE_FOLDER: u16 = 0o040_000;
/// Mode of a symlink.
pub(crate) const MODE_LINK: u16 = 0o120_000;

/// Little-endian numbers, one after another.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fields<'a>(pub(crate) &'a [u8]);

impl<'a> Fields<'a> {
    /// The next bytes; `None` if there are not as many.
    pub(crate) fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(head)
    }

    pub(crate) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    pub(crate) fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.bytes(N)?.try_into().ok()
    }
}

/// The bytes of a header under construction.
#[derive(Debug, Default)]
pub(crate) struct Header(pub(crate) Vec<u8>);

impl Header {
    pub(crate) fn u16(&mut self, number: u16) -> &mut Self {
        self.bytes(&number.to_le_bytes())
    }

    pub(crate) fn u32(&mut self, number: u32) -> &mut Self {
        self.bytes(&number.to_le_bytes())
    }

    pub(crate) fn u64(&mut self, number: u64) -> &mut Self {
        self.bytes(&number.to_le_bytes())
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(bytes);
        self
    }
}
