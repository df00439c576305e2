//! Names beyond ASCII in an archive with symlinks.
//!
//! File systems take names for one that differ in bytes: APFS and HFS+ do not tell normal forms of Unicode apart,
//! HFS+ skips characters without width, others know a letter in several widths. Their tables differ, so none of
//! them is repeated here. It is enough that names in ASCII differ from each other everywhere, except by case: links
//! and their targets have to be in ASCII, and no other name may be able to become the name of a link.

use std::collections::HashMap;

use granary_model::Result;

use crate::zip_archive::directory::Entry;
use crate::zip_archive::kind::Kind;
use crate::zip_archive::{names, refuse_entry, tree};

/// Checks all names, if there are symlinks. The folder of the package, of `floor` parts, may have any name: it is
/// spelled in one way only.
pub(super) fn check(entries: &[Entry], floor: usize) -> Result<()> {
    let links = Links::new(entries, floor)?;
    if links.paths.is_empty() {
        return Ok(());
    }
    let mut nearest = HashMap::new();
    for entry in entries {
        let Some(folder) = folder_of_ambiguous(entry.path(), floor) else { continue };
        let parts = nearest.entry(names::folded(folder));
        let parts = *parts.or_insert_with_key(|folder| links.least_parts_below(folder));
        // What is not as deep as any link can neither be one nor lie below one.
        if parts.is_some_and(|parts| parts <= depth(entry.path())) {
            return Err(refuse_entry(
                &entry.name,
                "with characters in its name that not all systems are known to keep, where it could then be or lie below a symlink; rename it",
            ));
        }
    }
    Ok(())
}

/// Paths of all links as they are where case is ignored, sorted by parts, each with the number of them.
struct Links {
    paths: Vec<(String, usize)>,
}

impl Links {
    fn new(entries: &[Entry], floor: usize) -> Result<Self> {
        let mut paths = Vec::new();
        for link in entries.iter().filter(|entry| entry.kind == Kind::Link) {
            if !link.path().split('/').skip(floor).all(str::is_ascii) {
                return Err(refuse_entry(
                    &link.name,
                    "that is a symlink with a name beyond ASCII, which some systems take for another name; rename it",
                ));
            }
            paths.push((names::folded(link.path()), depth(link.path())));
        }
        paths.sort_by(|(a, _), (b, _)| tree::by_parts(a, b));
        Ok(Self { paths })
    }

    /// Parts of the path of the link nearest below a folder. All of them are looked at, but for each folder once:
    /// no more steps than there are bytes in the directory of the archive.
    fn least_parts_below(&self, folder: &str) -> Option<usize> {
        let first = self.paths.partition_point(|(path, _)| tree::by_parts(path, folder).is_le());
        let behind = self.paths.get(first..).unwrap_or_default().iter();
        let is_below = |path: &str| {
            folder.is_empty() || path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
        };
        behind.take_while(|(path, _)| is_below(path)).map(|(_, parts)| *parts).min()
    }
}

fn depth(path: &str) -> usize {
    path.split('/').count()
}

/// The folder with the first part of a path, behind `floor` others, that a system could take for one in ASCII.
fn folder_of_ambiguous(path: &str, floor: usize) -> Option<&str> {
    let mut start = 0;
    for (index, part) in path.split('/').enumerate() {
        if index >= floor && !part.is_ascii() && !part.chars().any(stays_beyond_ascii) {
            return Some(path.get(..start).unwrap_or_default().trim_end_matches('/'));
        }
        start += part.len() + 1;
    }
    None
}

/// Whether it is a common character that nobody skips and that neither a normal form nor the other case brings into
/// ASCII, as they do with `K` (the sign for kelvin), `ﬁ`, `ſ` and the Turkish `ı`. The list need not be complete.
pub(super) fn stays_beyond_ascii(character: char) -> bool {
    matches!(
        character,
        // Latin with accents, and the accents by themselves.
        '\u{c0}'..='\u{de}' | '\u{e0}'..='\u{12f}' | '\u{134}'..='\u{13e}' | '\u{141}'..='\u{148}'
            | '\u{14a}'..='\u{17e}' | '\u{300}'..='\u{34e}'
            // Greek, Cyrillic, Hebrew, Arabic.
            | '\u{391}'..='\u{3a1}' | '\u{3a3}'..='\u{3ce}' | '\u{400}'..='\u{45f}' | '\u{5d0}'..='\u{5ea}'
            | '\u{621}'..='\u{64a}'
            // Kana, Han, Hangul.
            | '\u{3041}'..='\u{3096}' | '\u{30a1}'..='\u{30fa}' | '\u{4e00}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}'
            // Pictures.
            | '\u{1f300}'..='\u{1f5ff}' | '\u{1f600}'..='\u{1f64f}'
    )
}
