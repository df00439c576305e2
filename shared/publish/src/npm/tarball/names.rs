//! Names of entries: what is allowed, and whether they fit together.

use granary_model::Result;

use super::refuse;
use crate::json_guard::shown;

/// Bytes of one path.
const MAX_PATH: usize = 4096;

/// Bytes of all paths together.
const MAX_PATHS: usize = 32 * 1024 * 1024;

/// All names of an archive so far, without the top-level folder.
#[derive(Default)]
pub(super) struct Names {
    root: Option<String>,
    below: Vec<(String, bool)>,
    bytes: usize,
}

impl Names {
    /// Takes the path of an entry and answers it without the top-level folder; empty for that folder.
    pub(super) fn add<'a>(&mut self, path: &'a str, is_directory: bool) -> Result<&'a str> {
        if let Some(why) = fault(path) {
            return Err(refuse(&format!("has an entry '{}' {why}", shown(path))));
        }
        let (root, below) = match path.split_once('/') {
            Some(parts) => parts,
            None if is_directory => (path, ""),
            None => return Err(refuse(&format!("has a file '{}' outside of a folder", shown(path)))),
        };
        match &self.root {
            None => self.root = Some(root.into()),
            Some(first) if first == root => {}
            Some(first) => {
                return Err(refuse(&format!(
                    "has an entry '{}' outside of its top-level folder '{}'",
                    shown(path),
                    shown(first)
                )));
            }
        }
        self.bytes += below.len();
        if self.bytes > MAX_PATHS {
            return Err(refuse(&format!("has names of more than {MAX_PATHS} bytes")));
        }
        self.below.push((below.into(), is_directory));
        Ok(below)
    }

    /// Checks that no name occurs twice and that no file is also a folder of other entries.
    pub(super) fn finish(mut self) -> Result<Listing> {
        // Compared by components, everything in a folder stands directly after it.
        self.below.sort_unstable_by(|(a, _), (b, _)| a.split('/').cmp(b.split('/')));
        for (first, second) in self.below.iter().zip(self.below.iter().skip(1)) {
            let ((name, is_directory), (next, next_is_directory)) = (first, second);
            if name == next && !(*is_directory && *next_is_directory) {
                return Err(refuse(&format!("has the file '{}' twice", shown(name))));
            }
            if !is_directory && next.strip_prefix(name.as_str()).is_some_and(|rest| rest.starts_with('/')) {
                return Err(refuse(&format!("has '{}' both as a file and as a folder", shown(name))));
            }
        }
        let files = self.below.into_iter().filter(|(_, is_directory)| !is_directory);
        Ok(Listing { root: self.root.unwrap_or_default(), files: files.map(|(name, _)| name).collect() })
    }
}

/// The files of an archive.
pub(super) struct Listing {
    /// The top-level folder.
    pub(super) root: String,
    files: Vec<String>,
}

impl Listing {
    /// Files below a folder, hidden ones left out, as npm's glob does.
    pub(super) fn below(&self, folder: Option<&str>) -> Vec<String> {
        let Some(folder) = folder else { return Vec::new() };
        let inside = |file: &&String| {
            file.strip_prefix(folder)
                .and_then(|rest| rest.strip_prefix('/'))
                .is_some_and(|rest| rest.split('/').all(|part| !part.starts_with('.')))
        };
        self.files.iter().filter(inside).cloned().collect()
    }
}

/// Whether a name below the package root is `package.json` to some file system: of another case, with
/// dots or spaces at its end (Windows), or naming a stream of it (NTFS).
pub(super) fn passes_for_manifest(path: &str) -> bool {
    let name = path.split(':').next().unwrap_or_default();
    name.trim_end_matches(['.', ' ']).eq_ignore_ascii_case("package.json")
}

fn fault(path: &str) -> Option<&'static str> {
    if path.is_empty() {
        return Some("without a name");
    }
    if path.len() > MAX_PATH {
        return Some("with a name of more than 4096 bytes");
    }
    if path.starts_with('/') {
        return Some("with an absolute path");
    }
    if path.chars().any(char::is_control) {
        return Some("with a control character in its name");
    }
    if path.contains('\\') {
        return Some("with a backslash in its name");
    }
    for part in path.split('/') {
        match part {
            "" => return Some("with an empty part in its path"),
            "." | ".." => return Some("with a part '.' or '..' in its path"),
            // node-tar takes `c:` off, wherever it comes first after stripping the top-level folder.
            _ if is_drive(part) => return Some("with a drive letter in its path"),
            _ => {}
        }
    }
    None
}

fn is_drive(part: &str) -> bool {
    matches!(part.as_bytes(), [letter, b':', ..] if letter.is_ascii_alphabetic())
}
