//! The entries of a tar file, one after another.

use std::io::Read;

use granary_model::Result;
use tar::{EntryType, Header};

use super::extensions::{Extensions, PaxRecords};
use super::gunzip::Gunzip;
use super::{TarballLimits, refuse};
use crate::json_guard::shown;

const BLOCK: usize = 512;

/// Bytes of one extension header; a path has at most 4,096.
const MAX_EXTENSION: u64 = 256 * 1024;

/// A file or directory. Its content must be taken with [`Archive::content`] before the next entry.
pub(super) struct Entry {
    /// The path as the archive has it, not checked yet, without the slash a directory ends with.
    pub(super) path: String,
    pub(super) is_directory: bool,
    pub(super) size: u64,
}

/// A tar file that is read once.
///
/// The `tar` crate only decodes single headers here: its iterator reads extension headers of any size
/// into memory and follows rules of precedence that JavaScript's readers do not share.
pub(super) struct Archive<R> {
    input: Gunzip<R>,
    entries: usize,
    limits: TarballLimits,
}

impl<R: Read> Archive<R> {
    pub(super) fn new(reader: R, limits: TarballLimits) -> Result<Self> {
        Ok(Self { input: Gunzip::new(reader, limits)?, entries: 0, limits })
    }

    /// The next file or directory; `None` once the whole input has been read.
    pub(super) fn next_entry(&mut self) -> Result<Option<Entry>> {
        let mut extensions = Extensions::default();
        loop {
            let Some(header) = self.header()? else {
                if extensions.is_empty() {
                    return Ok(None);
                }
                return Err(refuse("ends after the header that announces a file"));
            };
            match header.entry_type() {
                EntryType::XHeader => {
                    let records = self.pax_records(&header)?;
                    extensions.set_pax(records)?;
                }
                EntryType::XGlobalHeader => {
                    self.count()?;
                    // `git archive` writes one with a comment. One that renames all files is a trap.
                    if self.pax_records(&header)?.decides_anything() {
                        return Err(refuse("has a global header that changes paths or sizes"));
                    }
                }
                EntryType::GNULongName => {
                    let name = self.extension(&header)?;
                    extensions.set_long_name(name)?;
                }
                kind => {
                    self.count()?;
                    return self.entry(&header, kind, extensions).map(Some);
                }
            }
        }
    }

    /// Reads past an entry's content and answers at most `keep` bytes from its beginning.
    pub(super) fn content(&mut self, entry: &Entry, keep: usize) -> Result<Vec<u8>> {
        self.take(entry.size, keep)
    }

    fn entry(&self, header: &Header, kind: EntryType, extensions: Extensions) -> Result<Entry> {
        let size = size_of(header)?;
        let bytes = header.path_bytes();
        let path = extensions.path(&bytes, size)?;
        let name = shown(&path);
        let what = match kind {
            EntryType::Regular | EntryType::Directory => None,
            EntryType::Symlink => Some("a symbolic link"),
            EntryType::Link | EntryType::GNULongLink => Some("a hard link"),
            EntryType::Char | EntryType::Block => Some("a device"),
            EntryType::Fifo => Some("a named pipe"),
            EntryType::GNUSparse => Some("a sparse file"),
            _ => Some("of an unknown kind"),
        };
        if let Some(what) = what {
            return Err(refuse(&format!(
                "has an entry '{name}' that is {what}; only files and directories are allowed"
            )));
        }
        let is_directory = kind.is_dir() || path.ends_with('/');
        if is_directory && size > 0 {
            // Some readers skip the bytes, others take them for the next header.
            return Err(refuse(&format!("has a directory '{name}' with content")));
        }
        if size > self.limits.unpacked {
            return Err(refuse(&format!("unpacks to more than {} bytes", self.limits.unpacked)));
        }
        let path = if is_directory { path.strip_suffix('/').unwrap_or(&path).to_owned() } else { path };
        Ok(Entry { path, is_directory, size })
    }

    fn count(&mut self) -> Result<()> {
        self.entries += 1;
        if self.entries > self.limits.entries {
            return Err(refuse(&format!("has more than {} entries", self.limits.entries)));
        }
        Ok(())
    }

    /// The next header, or `None` at the end marker, after which only zeros may come.
    fn header(&mut self) -> Result<Option<Header>> {
        let mut header = Header::new_old();
        let block: &mut [u8; BLOCK] = header.as_mut_bytes();
        if self.input.fill(block)? < BLOCK {
            return Err(refuse("is cut short"));
        }
        if block.iter().all(|&byte| byte == 0) {
            self.expect_zeros()?;
            return Ok(None);
        }
        // The field itself counts as eight spaces.
        let sum = block.iter().enumerate().fold(0_u32, |sum, (index, &byte)| {
            sum + u32::from(if (148..156).contains(&index) { b' ' } else { byte })
        });
        if header.cksum().ok() != Some(sum) {
            return Err(refuse("is no tar file, or a header of it is damaged"));
        }
        // Of others, readers disagree on whether a path has a first half; some do not read them at all.
        if header.as_ustar().is_none() && header.as_gnu().is_none() {
            return Err(refuse("has a header that is neither of the ustar nor of the GNU format"));
        }
        Ok(Some(header))
    }

    fn expect_zeros(&mut self) -> Result<()> {
        let mut buffer = [0; 8 * 1024];
        loop {
            let count = self.input.fill(&mut buffer)?;
            if count == 0 {
                return Ok(());
            }
            if buffer.iter().take(count).any(|&byte| byte != 0) {
                return Err(refuse("goes on after its end marker"));
            }
        }
    }

    fn pax_records(&mut self, header: &Header) -> Result<PaxRecords> {
        PaxRecords::parse(&self.extension(header)?)
    }

    fn extension(&mut self, header: &Header) -> Result<Vec<u8>> {
        let size = size_of(header)?;
        if size > MAX_EXTENSION {
            return Err(refuse(&format!("has an extension header over the limit of {MAX_EXTENSION} bytes")));
        }
        self.take(size, usize::try_from(size).unwrap_or(usize::MAX))
    }

    fn take(&mut self, size: u64, keep: usize) -> Result<Vec<u8>> {
        let mut kept = Vec::new();
        let mut buffer = [0; 16 * 1024];
        // `size` is at most the unpacked limit, so the padded size cannot overflow for any sane limit.
        let mut left = size.saturating_add(BLOCK as u64 - 1) / BLOCK as u64 * BLOCK as u64;
        let mut content = size;
        while left > 0 {
            let piece = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
            let slice = buffer.get_mut(..piece).unwrap_or_default();
            if self.input.fill(slice)? < piece {
                return Err(refuse("is cut short"));
            }
            let wanted = usize::try_from(content).unwrap_or(usize::MAX).min(piece).min(keep - kept.len());
            kept.extend_from_slice(slice.get(..wanted).unwrap_or_default());
            content = content.saturating_sub(piece as u64);
            left -= piece as u64;
        }
        Ok(kept)
    }
}

/// The size of what follows a header.
fn size_of(header: &Header) -> Result<u64> {
    let unreadable = || refuse("has a header whose size cannot be read");
    // Beyond octal there is a binary form for 8 GiB and more, which readers take differently.
    if header.as_old().size.first().is_none_or(|&byte| byte >= 0x80) {
        return Err(unreadable());
    }
    header.entry_size().map_err(|_| unreadable())
}
