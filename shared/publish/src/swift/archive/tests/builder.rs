//! Archives byte by byte, with each number as a test wants it.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::DeflateEncoder;

use super::MANIFEST;
use crate::zip_archive::format::*;

/// An entry under construction. What begins with `local` stands in its local header only.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) name: Vec<u8>,
    pub(super) local_name: Vec<u8>,
    /// Bytes in front of the local header.
    pub(super) before: Vec<u8>,
    /// Data as they are in the archive.
    pub(super) data: Vec<u8>,
    pub(super) descriptor: Vec<u8>,
    pub(super) made_by: u16,
    pub(super) needed: u16,
    pub(super) flags: u16,
    pub(super) local_flags: u16,
    pub(super) method: u16,
    pub(super) local_method: u16,
    pub(super) checksum: u32,
    pub(super) local_checksum: u32,
    pub(super) size: u32,
    pub(super) compressed: u32,
    pub(super) local_size: u32,
    pub(super) local_compressed: u32,
    pub(super) disk: u16,
    pub(super) external: u32,
    pub(super) extra: Vec<u8>,
    pub(super) local_extra: Vec<u8>,
    pub(super) comment: Vec<u8>,
    /// Where the directory says that it is, if not where it is.
    pub(super) offset: Option<u32>,
}

impl Item {
    fn new(name: &str, data: Vec<u8>, content: &[u8], method: u16, mode: u16) -> Self {
        let checksum = crc32fast::hash(content);
        let (size, compressed) = (u32::try_from(content.len()).unwrap(), u32::try_from(data.len()).unwrap());
        let external = u32::from(mode) << 16;
        Self {
            name: name.into(),
            local_name: name.into(),
            before: Vec::new(),
            data,
            descriptor: Vec::new(),
            made_by: 0x0314,
            needed: 20,
            flags: FLAG_UTF8,
            local_flags: FLAG_UTF8,
            method,
            local_method: method,
            checksum,
            local_checksum: checksum,
            size,
            compressed,
            local_size: size,
            local_compressed: compressed,
            disk: 0,
            external,
            extra: Vec::new(),
            local_extra: Vec::new(),
            comment: Vec::new(),
            offset: None,
        }
    }

    /// A file that is not compressed.
    pub(super) fn file(name: &str, content: &[u8]) -> Self {
        Self::new(name, content.to_vec(), content, STORED, MODE_FILE | 0o644)
    }

    pub(super) fn deflated(name: &str, content: &[u8]) -> Self {
        Self::new(name, deflate(content), content, DEFLATED, MODE_FILE | 0o755)
    }

    pub(super) fn folder(name: &str) -> Self {
        Self::new(name, Vec::new(), b"", STORED, MODE_FOLDER | 0o755)
    }

    pub(super) fn link(name: &str, target: &str) -> Self {
        Self::new(name, target.into(), target.as_bytes(), STORED, MODE_LINK | 0o777)
    }

    /// Makes any change.
    pub(super) fn change(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    /// Another name in both headers, which need not be UTF-8.
    pub(super) fn named(self, name: &[u8]) -> Self {
        self.change(|item| (item.name, item.local_name) = (name.into(), name.into()))
    }

    /// Other flags in both headers.
    pub(super) fn flagged(self, flags: u16) -> Self {
        self.change(|item| (item.flags, item.local_flags) = (flags, flags))
    }

    pub(super) fn mode(self, mode: u16) -> Self {
        self.change(|item| item.external = u32::from(mode) << 16)
    }

    pub(super) fn host(self, host: u16) -> Self {
        self.change(|item| item.made_by = host << 8 | 0x14)
    }

    /// With sizes and checksum behind the data.
    pub(super) fn streamed(self, has_signature: bool, is_long: bool) -> Self {
        self.flagged(FLAG_UTF8 | FLAG_DESCRIPTOR).change(|item| {
            let mut descriptor = Header::default();
            if has_signature {
                descriptor.u32(DESCRIPTOR);
            }
            descriptor.u32(item.checksum);
            if is_long {
                descriptor.u64(item.compressed.into()).u64(item.size.into());
            } else {
                descriptor.u32(item.compressed).u32(item.size);
            }
            item.descriptor = descriptor.0;
            (item.local_checksum, item.local_size, item.local_compressed) = (0, 0, 0);
        })
    }

    /// With all its numbers in the ZIP64 field of both headers.
    pub(super) fn zip64(self, offset: u64) -> Self {
        self.change(|item| {
            let sizes = [u64::from(item.size), item.compressed.into(), offset];
            item.extra = zip64_field(&sizes);
            item.local_extra = zip64_field(&sizes[..2]);
            (item.size, item.compressed, item.offset) = (IN_ZIP64, IN_ZIP64, Some(IN_ZIP64));
            (item.local_size, item.local_compressed) = (IN_ZIP64, IN_ZIP64);
        })
    }

    fn local(&self) -> Vec<u8> {
        let mut header = Header::default();
        header.bytes(&self.before).u32(LOCAL).u16(20).u16(self.local_flags).u16(self.local_method);
        header.u16(0x6000).u16(0x5a21);
        header.u32(self.local_checksum).u32(self.local_compressed).u32(self.local_size);
        header.u16(length(&self.local_name)).u16(length(&self.local_extra));
        header.bytes(&self.local_name).bytes(&self.local_extra).bytes(&self.data).bytes(&self.descriptor);
        header.0
    }

    fn central(&self, offset: u32) -> Vec<u8> {
        let mut header = Header::default();
        header.u32(CENTRAL).u16(self.made_by).u16(self.needed).u16(self.flags).u16(self.method);
        header.u16(0x6000).u16(0x5a21);
        header.u32(self.checksum).u32(self.compressed).u32(self.size);
        header.u16(length(&self.name)).u16(length(&self.extra)).u16(length(&self.comment));
        header.u16(self.disk).u16(1).u32(self.external).u32(self.offset.unwrap_or(offset));
        header.bytes(&self.name).bytes(&self.extra).bytes(&self.comment);
        header.0
    }
}

fn length(bytes: &[u8]) -> u16 {
    u16::try_from(bytes.len()).unwrap()
}

pub(super) fn deflate(content: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// An extra field.
pub(super) fn field(id: u16, content: &[u8]) -> Vec<u8> {
    let mut field = Header::default();
    field.u16(id).u16(length(content)).bytes(content);
    field.0
}

pub(super) fn zip64_field(numbers: &[u64]) -> Vec<u8> {
    field(1, &numbers.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<_>>())
}

/// An archive under construction.
#[derive(Clone, Debug, Default)]
pub(super) struct Zip {
    items: Vec<Item>,
    is_reversed: bool,
    /// Bytes between the last entry and the directory.
    pub(super) before_directory: Vec<u8>,
    /// Bytes behind the last header of the directory that it counts as its own.
    pub(super) in_directory: Vec<u8>,
    /// Bytes between the directory and the end record.
    pub(super) after_directory: Vec<u8>,
    pub(super) comment: Vec<u8>,
}

/// A good one: a folder `p` with a manifest.
pub(super) fn package() -> Zip {
    Zip::default().item(Item::folder("p/")).item(Item::deflated("p/Package.swift", MANIFEST.as_bytes()))
}

/// A good one without a folder.
pub(super) fn bare() -> Zip {
    Zip::default().item(Item::deflated("Package.swift", MANIFEST.as_bytes()))
}

impl Zip {
    pub(super) fn item(mut self, item: Item) -> Self {
        self.items.push(item);
        self
    }

    /// With a directory that lists the entries from the last to the first.
    pub(super) fn reversed(mut self) -> Self {
        self.is_reversed = true;
        self
    }

    pub(super) fn change(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    pub(super) fn build(&self) -> Vec<u8> {
        let Parts { mut bytes, offset, size } = self.up_to_directory();
        bytes.extend_from_slice(&self.after_directory);
        let count = u16::try_from(self.items.len()).unwrap();
        let mut end = Header::default();
        end.u32(END).u16(0).u16(0).u16(count).u16(count);
        end.u32(u32::try_from(size).unwrap()).u32(u32::try_from(offset).unwrap());
        end.u16(length(&self.comment)).bytes(&self.comment);
        bytes.extend_from_slice(&end.0);
        bytes
    }

    /// With a ZIP64 end record, and nothing in the plain one.
    pub(super) fn build_zip64(&self) -> Vec<u8> {
        let Parts { mut bytes, offset, size } = self.up_to_directory();
        bytes.extend_from_slice(&self.after_directory);
        let (count, at) = (self.items.len() as u64, bytes.len() as u64);
        let mut end = Header::default();
        end.u32(END_64).u64(44).u16(45).u16(45).u32(0).u32(0);
        end.u64(count).u64(count).u64(size as u64).u64(offset as u64);
        end.u32(LOCATOR_64).u32(0).u64(at).u32(1);
        end.u32(END).u16(0).u16(0).u16(IN_ZIP64_SHORT).u16(IN_ZIP64_SHORT).u32(IN_ZIP64).u32(IN_ZIP64);
        end.u16(length(&self.comment)).bytes(&self.comment);
        bytes.extend_from_slice(&end.0);
        bytes
    }

    fn up_to_directory(&self) -> Parts {
        let mut bytes = Vec::new();
        let mut directory = Vec::new();
        for item in &self.items {
            let at = u32::try_from(bytes.len() + item.before.len()).unwrap();
            directory.push(item.central(at));
            bytes.extend_from_slice(&item.local());
        }
        if self.is_reversed {
            directory.reverse();
        }
        bytes.extend_from_slice(&self.before_directory);
        let offset = bytes.len();
        bytes.extend_from_slice(&directory.concat());
        bytes.extend_from_slice(&self.in_directory);
        let size = bytes.len() - offset;
        Parts { bytes, offset, size }
    }
}

/// All but the end record, and where in it the directory is.
struct Parts {
    bytes: Vec<u8>,
    offset: usize,
    size: usize,
}
