//! Where the object of a key lies.
//!
//! A key's segments become folders and its last segment a file, so that a person can find things. All that
//! could mean something to a file system is written as `%` and two hexadecimal digits, capital letters
//! included, because some file systems do not tell them from small ones. Further signs:
//!
//! - a file's name ends in `%`, so that key `a` and key `a/b` can both be there;
//! - an empty segment is `%_`;
//! - a segment too long for one name goes on in the next folder after a name that ends in `%+`.

use std::path::PathBuf;

/// Longest name that is made, in bytes. File systems allow 255.
const MAX_NAME: usize = 200;

const FILE: &str = "%";
const EMPTY: &str = "%_";
const CONTINUED: &str = "%+";

/// The file of this key, relative to its bucket's folder.
pub(crate) fn object_path(key: &str) -> PathBuf {
    let mut path = PathBuf::new();
    let (folders, file) = key.rsplit_once('/').map_or((None, key), |(before, last)| (Some(before), last));
    for segment in folders.into_iter().flat_map(|folders| folders.split('/')) {
        path.extend(names(segment));
    }
    let mut names = names(file);
    if let Some(last) = names.last_mut() {
        last.push_str(FILE);
    }
    path.extend(names);
    path
}

/// The folder below which the keys with this prefix are; some of the keys there may have another one.
pub(crate) fn prefix_folder(prefix: &str) -> (PathBuf, &str) {
    let Some((folders, _)) = prefix.rsplit_once('/') else { return (PathBuf::new(), "") };
    let path = folders.split('/').flat_map(names).collect();
    (path, prefix.get(..=folders.len()).unwrap_or(prefix))
}

/// A name found in a folder.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// An object whose key ends with this.
    File(String),
    /// A folder for the segment that ends with this.
    Folder(String),
    /// A folder in which a segment goes on that begins with this.
    Continued(String),
}

/// What a name stands for; `None` if this module did not make it.
pub(crate) fn parse(name: &str) -> Option<Found> {
    if let Some(encoded) = name.strip_suffix(CONTINUED) {
        return decode(encoded).map(Found::Continued);
    }
    if let Some(encoded) = name.strip_suffix(FILE) {
        return decode(encoded).map(Found::File);
    }
    decode(name).map(Found::Folder)
}

fn names(segment: &str) -> Vec<String> {
    if segment.is_empty() {
        return vec![EMPTY.to_owned()];
    }
    let mut names = Vec::with_capacity(1);
    let mut name = String::with_capacity(segment.len() + 8);
    for byte in segment.bytes() {
        if name.len() + 3 > MAX_NAME {
            name.push_str(CONTINUED);
            names.push(std::mem::take(&mut name));
        }
        let plain = byte.is_ascii_lowercase()
            || byte.is_ascii_digit()
            || matches!(byte, b'-' | b'_' | b'@' | b'+' | b'=' | b',' | b'!')
            || (byte == b'.' && !name.is_empty());
        if plain {
            name.push(char::from(byte));
        } else {
            name.push('%');
            name.push_str(&hex::encode([byte]));
        }
    }
    // Some file systems drop a dot at the end of a name.
    if name.ends_with('.') {
        name.pop();
        name.push_str("%2e");
    }
    names.push(name);
    names
}

fn decode(encoded: &str) -> Option<String> {
    if encoded == EMPTY {
        return Some(String::new());
    }
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        if first == b'%' {
            let (digits, after) = after.split_at_checked(2)?;
            bytes.extend(hex::decode(digits).ok()?);
            rest = after;
        } else {
            bytes.push(first);
            rest = after;
        }
    }
    String::from_utf8(bytes).ok().filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use std::path::Component;

    use super::*;

    const KEYS: [&str; 16] = [
        "a",
        "a/b",
        "A",
        "a%",
        "a%41",
        "../../etc/passwd",
        "./a",
        "a//b",
        "/",
        "a/",
        "..",
        "blobs/sha256/ab/abcd",
        "documents/u1/npm/@s/n/7.full.v1-00",
        "x\u{0}y\\z:*?",
        "größe/日本",
        "con.",
    ];

    fn key_of(path: &std::path::Path) -> String {
        let mut key = String::new();
        for component in path.components() {
            match parse(component.as_os_str().to_str().unwrap()).unwrap() {
                Found::File(end) => key.push_str(&end),
                Found::Folder(end) => {
                    key.push_str(&end);
                    key.push('/');
                }
                Found::Continued(start) => key.push_str(&start),
            }
        }
        key
    }

    #[test]
    fn every_key_has_a_path_of_its_own_that_leads_back() {
        let long = format!("{}/{}", "A".repeat(700), "é".repeat(150));
        let mut paths = std::collections::BTreeSet::new();
        for key in KEYS.iter().copied().chain([long.as_str()]) {
            let path = object_path(key);
            assert!(
                path.components().all(|c| matches!(c, Component::Normal(_))),
                "{key}: {}",
                path.display()
            );
            assert!(path.components().all(|c| c.as_os_str().len() <= MAX_NAME + 5), "{key}");
            assert_eq!(key_of(&path), key);
            let text = path.to_str().unwrap();
            assert_eq!(text, text.to_lowercase());
            assert!(paths.insert(path), "{key}");
        }
    }

    #[test]
    fn readable_where_it_can_be() {
        assert_eq!(object_path("blobs/sha256/ab/abcd").to_str(), Some("blobs/sha256/ab/abcd%"));
        assert_eq!(object_path("documents/u1/npm/@s/n").to_str(), Some("documents/u1/npm/@s/n%"));
    }

    #[test]
    fn a_prefix_has_the_folder_of_its_whole_segments() {
        assert_eq!(prefix_folder("a/b/c"), (PathBuf::from("a/b"), "a/b/"));
        assert_eq!(prefix_folder("a/b/"), (PathBuf::from("a/b"), "a/b/"));
        assert_eq!(prefix_folder("a"), (PathBuf::new(), ""));
    }
}
