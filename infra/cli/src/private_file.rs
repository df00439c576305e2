//! Files that only their owner may read, replaced as a whole or not at all.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::failure::{Failure, Result};

/// Reads a text file; `None` if there is none.
///
/// # Errors
/// When it is there but cannot be read as text.
pub(crate) fn read(path: &Path) -> Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::file("read", path, &error)),
    }
}

/// Who may read a file that is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Readers {
    /// Its owner: mode 0600, whatever it was before.
    Owner,
    /// As before; for a new file, as the user's mask says.
    AsBefore,
}

/// Replaces a file by a rename, so that a reader and a crash find the old one or the new one. A link stays a
/// link: what it leads to is replaced.
///
/// # Errors
/// When the folder or the file cannot be written.
pub(crate) fn replace(path: &Path, text: &str, readers: Readers) -> Result<()> {
    let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let write = || -> std::io::Result<()> {
        let folder = path.parent().unwrap_or(Path::new("."));
        make_folder(folder, readers)?;
        let mut file = tempfile::Builder::new().prefix(".granary-").tempfile_in(folder)?;
        file.write_all(text.as_bytes())?;
        if readers == Readers::AsBefore {
            file.as_file().set_permissions(permissions(path, folder)?)?;
        }
        file.as_file().sync_all()?;
        file.persist(path)?;
        Ok(())
    };
    write().map_err(|error| Failure::file("write", path, &error))
}

/// Copies a file to the first free name behind it and says which; only its owner may read the copy.
///
/// # Errors
/// When the copy cannot be written.
pub(crate) fn back_up(path: &Path, text: &str) -> Result<PathBuf> {
    let mut number = 1_u32;
    loop {
        let mut name = path.as_os_str().to_owned();
        name.push(".granary-backup");
        if number > 1 {
            name.push(format!("-{number}"));
        }
        let copy = PathBuf::from(name);
        if copy.symlink_metadata().is_err() || number == u32::MAX {
            replace(&copy, text, Readers::Owner)?;
            return Ok(copy);
        }
        number += 1;
    }
}

#[cfg(unix)]
fn make_folder(folder: &Path, readers: Readers) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    let mode = if readers == Readers::Owner { 0o700 } else { 0o777 };
    fs::DirBuilder::new().recursive(true).mode(mode).create(folder)
}

#[cfg(not(unix))]
fn make_folder(folder: &Path, _: Readers) -> std::io::Result<()> {
    fs::create_dir_all(folder)
}

/// Permissions of the file, or those a new file in the folder gets: a temporary file is for its owner alone.
fn permissions(path: &Path, folder: &Path) -> std::io::Result<fs::Permissions> {
    if let Ok(known) = fs::metadata(path) {
        return Ok(known.permissions());
    }
    let probe = folder.join(format!(".granary-new-{}", std::process::id()));
    let made = fs::File::create_new(&probe)?.metadata()?.permissions();
    fs::remove_file(&probe)?;
    Ok(made)
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn private_files_are_private_even_if_they_were_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b/secret");
        replace(&path, "1", Readers::Owner).unwrap();
        assert_eq!(mode(&path), 0o600);
        assert_eq!(mode(path.parent().unwrap()), 0o700);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        replace(&path, "2", Readers::Owner).unwrap();
        assert_eq!((mode(&path), read(&path).unwrap().as_deref()), (0o600, Some("2")));
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn other_files_keep_their_mode_and_links_stay_links() {
        let folder = tempfile::tempdir().unwrap();
        let (real, link) = (folder.path().join("real"), folder.path().join("link"));
        fs::write(&real, "1").unwrap();
        fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        replace(&link, "2", Readers::AsBefore).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!((fs::read_to_string(&real).unwrap().as_str(), mode(&real)), ("2", 0o640));
    }

    #[test]
    fn backups_never_replace_one_another() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        let first = back_up(&path, "1").unwrap();
        let second = back_up(&path, "2").unwrap();
        assert_ne!(first, second);
        assert_eq!(fs::read_to_string(&first).unwrap(), "1");
        assert_eq!((fs::read_to_string(&second).unwrap().as_str(), mode(&second)), ("2", 0o600));
    }

    #[test]
    fn nothing_is_there() {
        assert_eq!(read(Path::new("/nonexistent/x")).unwrap(), None);
    }
}
