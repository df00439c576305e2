//! Folders that survive a power cut.

use std::fs::File;
use std::io;
use std::path::Path;

/// Makes a folder, and says whether it is new.
pub(crate) fn create(folder: &Path) -> io::Result<bool> {
    match std::fs::create_dir(folder) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}

/// Makes a folder and those above it that are missing, and flushes each into the one above.
pub(crate) fn create_all(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    // A relative path of one name has the empty path above it, which stands for the current folder.
    let parent = folder.parent().map(|parent| if parent == Path::new("") { Path::new(".") } else { parent });
    let Some(parent) = parent else { return Ok(()) };
    create_all(parent)?;
    create(folder)?;
    sync(parent)
}

/// Makes what has come into a folder and left it survive a power cut.
pub(crate) fn sync(folder: &Path) -> io::Result<()> {
    // Folders cannot be opened on Windows, and need no flushing there.
    if cfg!(windows) { Ok(()) } else { File::open(folder)?.sync_all() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_missing_folders_are_made() {
        let root = tempfile::tempdir().unwrap();
        let deep = root.path().join("a/b/c");
        for _ in 0..2 {
            create_all(&deep).unwrap();
            assert!(deep.is_dir());
        }
        assert!(!create(&deep).unwrap());
        std::fs::write(deep.join("file"), b"").unwrap();
        assert!(create_all(&deep.join("file/d")).is_err());
    }
}
