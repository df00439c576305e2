//! Whether names fit together, so that each becomes one file.

use std::cmp::Ordering;

use granary_model::Result;

use super::directory::Entry;
use super::kind::Kind;
use super::{names, refuse_entry};

/// Checks that no name is there twice and that nothing lies below a file or a link.
///
/// Names that differ in case only are two files, except where one of them is a link: on systems that take them
/// for one, other entries would be unpacked through it. Names beyond ASCII are for those who take links.
pub(crate) fn check(entries: &[Entry]) -> Result<()> {
    let exact = entries.iter().map(|entry| (entry.path(), entry)).collect();
    check_neighbours(exact, |_| true)?;
    if entries.iter().any(|entry| entry.kind == Kind::Link) {
        let folded: Vec<_> = entries.iter().map(|entry| (names::folded(entry.path()), entry)).collect();
        check_neighbours(folded, |pair| pair.iter().any(|entry| entry.kind == Kind::Link))?;
    }
    Ok(())
}

/// Compares each entry with the next one in order, if `counts` says so. Sorted by parts, everything below a path
/// comes directly after it.
fn check_neighbours<P: AsRef<str>>(
    mut sorted: Vec<(P, &Entry)>,
    counts: impl Fn([&Entry; 2]) -> bool,
) -> Result<()> {
    sorted.sort_by(|(a, _), (b, _)| by_parts(a.as_ref(), b.as_ref()));
    for ((path, entry), (next_path, next)) in sorted.iter().zip(sorted.iter().skip(1)) {
        if !counts([entry, next]) {
            continue;
        }
        let rest = next_path.as_ref().strip_prefix(path.as_ref());
        if rest == Some("") {
            return Err(refuse_entry(&next.name, "more than once; keep one of them"));
        }
        if entry.kind != Kind::Folder && rest.is_some_and(|rest| rest.starts_with('/')) {
            return Err(refuse_entry(&next.name, "that lies below a file or a symlink; rename one of them"));
        }
    }
    Ok(())
}

/// Order in which everything below a path comes directly after it.
pub(crate) fn by_parts(a: &str, b: &str) -> Ordering {
    // Names have no control characters, so the separator can come before everything else.
    let in_order = |byte| if byte == b'/' { 0 } else { byte };
    a.bytes().map(in_order).cmp(b.bytes().map(in_order))
}
