//! What an entry is.

use super::format::{MODE_FILE, MODE_FOLDER, MODE_LINK, MODE_TYPE};

/// What an entry is unpacked as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    File,
    Folder,
    Link,
}

/// Host whose readers and writers have Unix modes.
const UNIX: u16 = 3;

/// Bit of the external attributes: a folder, on systems of Microsoft.
const DOS_FOLDER: u32 = 0x10;

/// Bit of the external attributes: the name of a disk, which Info-ZIP skips.
const DOS_LABEL: u32 = 0x08;

impl Kind {
    /// Decides by the slash at the end of a name and by the mode, which must agree: Info-ZIP goes by the name,
    /// bsdtar by the mode. The error continues a sentence that begins with the entry.
    pub(crate) fn of(name: &str, made_by: u16, external: u32) -> Result<Self, &'static str> {
        let host = made_by >> 8;
        let mode = (external >> 16) as u16 & MODE_TYPE;
        if external & DOS_LABEL != 0 {
            return Err("that is the label of a disk; leave it out");
        }
        match (mode, name.ends_with('/')) {
            (0 | MODE_FOLDER, true) => Ok(Self::Folder),
            (0 | MODE_FILE, false) if host == UNIX || external & DOS_FOLDER == 0 => Ok(Self::File),
            (0 | MODE_FILE | MODE_FOLDER, false) => Err(
                "that is marked as a folder but whose name does not end with '/'; make the archive with `zip`",
            ),
            // Info-ZIP and bsdtar write a file with the target in it, other readers make the link.
            (MODE_LINK, false) if host != UNIX => Err(
                "that is a link made by a system other than Unix, which readers take differently; make the archive on Unix",
            ),
            (MODE_LINK, false) => Ok(Self::Link),
            (MODE_FILE | MODE_LINK, true) => {
                Err("that is marked as a file but whose name ends with '/'; make the archive with `zip`")
            }
            _ => Err("that is neither a file nor a folder nor a symlink; leave it out"),
        }
    }

    /// Whether a mode that stands in another place says the same.
    pub(crate) fn agrees(self, mode: u16) -> bool {
        match mode & MODE_TYPE {
            0 => self != Self::Link,
            MODE_FILE => self == Self::File,
            MODE_FOLDER => self == Self::Folder,
            MODE_LINK => self == Self::Link,
            _ => false,
        }
    }
}
