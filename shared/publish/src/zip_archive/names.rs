//! What entries may be named.

/// Bytes of a name.
pub(crate) const MAX_NAME: usize = 1024;

/// Bytes of one part of a name: file systems allow no more, and Info-ZIP cuts what is over.
const MAX_PART: usize = 255;

/// What is wrong with a name, as the end of a sentence that begins with the entry.
pub(crate) fn fault(name: &str) -> Option<&'static str> {
    if name.is_empty() {
        return Some("without a name; make the archive anew");
    }
    if name.len() > MAX_NAME {
        return Some("with a name of more than 1024 bytes; shorten it");
    }
    if name.chars().any(char::is_control) {
        return Some("with a control character in its name; rename it");
    }
    if name.contains('\\') {
        return Some("with a backslash in its name; separate folders with '/'");
    }
    if name.starts_with('/') || has_drive(name) {
        return Some("with an absolute path; make the archive with relative ones");
    }
    let path = name.strip_suffix('/').unwrap_or(name);
    if let Some(fault) = path.split('/').find_map(fault_of_part) {
        return Some(fault);
    }
    if !name.ends_with('/') && has_version_number(name) {
        return Some("whose name ends with ';' and a number, which unzip takes off; rename it");
    }
    None
}

fn fault_of_part(part: &str) -> Option<&'static str> {
    if part.is_empty() {
        return Some("with an empty part in its path; separate folders with one '/'");
    }
    // Windows takes dots and blanks off the end of a name.
    if part.trim_end_matches(['.', ' ']).is_empty() {
        return Some("with a part of dots in its path; make the archive without '.' and '..'");
    }
    (part.len() > MAX_PART).then_some("with a part of more than 255 bytes in its path; shorten it")
}

/// Whether it begins with a letter of a drive.
pub(crate) fn has_drive(path: &str) -> bool {
    let mut bytes = path.bytes();
    bytes.next().is_some_and(|letter| letter.is_ascii_alphabetic()) && bytes.next() == Some(b':')
}

/// Whether Info-ZIP would take the end of a name for a version number of VMS.
fn has_version_number(name: &str) -> bool {
    name.rsplit('/')
        .next()
        .and_then(|file| file.rsplit_once(';'))
        .is_some_and(|(_, version)| version.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The same for all names that file systems which ignore case take for one.
pub(crate) fn folded(name: &str) -> String {
    // Upper case first: there are two small letters for one large one.
    name.to_uppercase().to_lowercase()
}
