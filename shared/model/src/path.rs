//! One canonical form for every request path.
//!
//! Three front doors give three forms of one path: plain HTTP and Function URLs keep the client's percent
//! encoding, API Gateway's HTTP API decodes it. Clients differ too (`@scope%2fname`, `@scope%2Fname`,
//! `%40scope%2Fname`, `@scope/name`). [`canonical_path`] folds all of them into one and refuses whatever
//! could mean two things, before any router looks at it.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::error::Error;

/// Longest path that is looked at, in bytes.
const MAX_LENGTH: usize = 2048;

/// What is percent-encoded in the canonical form: everything but unreserved characters and those that
/// package names and file names use a lot.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'@')
    .remove(b'+')
    .remove(b':')
    .remove(b'!')
    .remove(b'$')
    .remove(b'(')
    .remove(b')')
    .remove(b',')
    .remove(b'=')
    .remove(b'\'')
    .remove(b'*');

/// The canonical form of a request path, percent-encoded once, without a trailing slash.
///
/// # Errors
/// `BadRequest` for dot segments, empty segments, backslashes, control characters, `? # % ;` after
/// decoding (which covers double encoding), text that is not UTF-8, segments that end in a dot or space,
/// and encoded slashes anywhere but inside `@scope%2fname`.
pub fn canonical_path(raw: &str) -> Result<String, Error> {
    if raw.len() > MAX_LENGTH {
        return Err(refuse("it is longer than 2048 bytes"));
    }
    if is_canonical(raw) { Ok(raw.into()) } else { fold(raw) }
}

/// The canonical form, segment by segment.
fn fold(raw: &str) -> Result<String, Error> {
    let Some(rest) = raw.strip_prefix('/') else { return Err(refuse("it does not begin with '/'")) };
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let mut canonical = String::with_capacity(raw.len());
    if rest.is_empty() {
        // `//` must not pass for `/`.
        return if raw == "/" { Ok("/".into()) } else { Err(refuse("it has an empty segment")) };
    }
    for segment in rest.split('/') {
        let decoded = percent_decode_str(segment).decode_utf8().map_err(|_| refuse("it is not UTF-8"))?;
        let parts: Vec<&str> = decoded.split('/').collect();
        if parts.len() > 2 || (parts.len() == 2 && !decoded.starts_with('@')) {
            return Err(refuse("it has an encoded slash"));
        }
        for part in parts {
            check_segment(part)?;
            canonical.push('/');
            canonical.extend(utf8_percent_encode(part, ENCODED));
        }
    }
    Ok(canonical)
}

/// Whether a path is certainly in canonical form already, as nearly all are: it has nothing but characters that stand
/// for themselves, and no segment that could be refused.
fn is_canonical(raw: &str) -> bool {
    let mut before = 0;
    for (at, byte) in raw.bytes().enumerate() {
        let stands_for_itself = byte.is_ascii_alphanumeric() || b"-._~@+:!$(),='*".contains(&byte);
        let begins_a_segment = byte == b'/' && (at == 0 || before != b'/' && before != b'.');
        if !(begins_a_segment || stands_for_itself && at > 0) {
            return false;
        }
        before = byte;
    }
    !matches!(before, 0 | b'/' | b'.')
}

/// One segment of a path, percent-encoded as in the canonical form.
pub fn encode_segment(segment: &str) -> String {
    utf8_percent_encode(segment, ENCODED).to_string()
}

/// Refuses a decoded segment that could be read in more than one way.
fn check_segment(segment: &str) -> Result<(), Error> {
    if segment.is_empty() {
        return Err(refuse("it has an empty segment"));
    }
    if segment.bytes().all(|b| b == b'.') || segment.ends_with('.') {
        return Err(refuse("a segment ends with a dot"));
    }
    if segment.starts_with(' ') || segment.ends_with(' ') {
        return Err(refuse("a segment begins or ends with a space"));
    }
    if segment.chars().any(|c| c.is_control() || "\\?#%;".contains(c)) {
        return Err(refuse("it has a control character or one of \\ ? # % ;"));
    }
    Ok(())
}

fn refuse(why: &str) -> Error {
    Error::BadRequest(format!("the request path cannot be used: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_forms_of_one_path_become_one() {
        for form in [
            "/api/npm/r/@s%2fn",
            "/api/npm/r/@s%2Fn",
            "/api/npm/r/%40s%2fn",
            "/api/npm/r/@s/n",
            "/api/npm/r/@s/n/",
        ] {
            assert_eq!(canonical_path(form).unwrap(), "/api/npm/r/@s/n", "{form}");
        }
        assert_eq!(canonical_path("/a%20b/%C3%A9.jar").unwrap(), "/a%20b/%C3%A9.jar");
        assert_eq!(canonical_path("/a b/é.jar").unwrap(), "/a%20b/%C3%A9.jar");
        assert_eq!(canonical_path("/").unwrap(), "/");
        assert_eq!(canonical_path("/-/user/org.couchdb.user:ann").unwrap(), "/-/user/org.couchdb.user:ann");
        assert_eq!(canonical_path("/a+b").unwrap(), "/a+b");
        for path in ["/a+b", "/api/npm/@s/n", "/-/a.b/org.couchdb.user:ann", "/a!$(),='*~_-.b"] {
            assert!(is_canonical(path) && fold(path).unwrap() == path, "{path}");
        }
    }

    #[test]
    fn ambiguous_paths_are_refused() {
        for bad in [
            "",
            "a",
            "//",
            "/a//b",
            "/..",
            "/a/../b",
            "/%2e%2e/x",
            "/%2E%2E",
            "/a/%2e/b",
            "/./a",
            "/%252e%252e/x",
            "/a%2fb",
            "/a%5cb",
            "/a\\b",
            "/..%5c..%2fx",
            "/a%00b",
            "/a%0d%0ab",
            "/a%3fb",
            "/a%23b",
            "/a;p=1",
            "/a%3bp",
            "/a./b",
            "/a%20/b",
            "/a /b",
            "/%c0%ae%c0%ae/x",
            "/%ff",
            "/a%25b",
            "/a%",
            "/@s%2fn%2fm",
            "/@s%2f..",
            "/@s%2f",
            "/%2f%2f%2f..%2f..%2fetc%2fpasswd",
            "/@s%2f%2e%2e/x",
            "/a\u{85}b",
        ] {
            assert!(canonical_path(bad).is_err(), "{bad}");
        }
        assert!(canonical_path(&format!("/{}", "a".repeat(2048))).is_err());
    }

    proptest::proptest! {
        #[test]
        fn what_is_canonical_at_a_glance_is_so_when_it_is_folded(
            raw in "/?[a-z0-9@%.+~ /:;!$(),='*é\\\\-]{0,20}",
        ) {
            if is_canonical(&raw) {
                proptest::prop_assert_eq!(fold(&raw).unwrap(), raw);
            }
        }

        #[test]
        fn canonical_form_is_a_fixed_point(raw in "(/[a-z0-9@%.+~ -]{0,12}){1,5}") {
            if let Ok(once) = canonical_path(&raw) {
                proptest::prop_assert_eq!(canonical_path(&once).unwrap(), once);
            }
        }

        #[test]
        fn no_accepted_path_has_a_dot_segment(raw in "(/[a.%2eE5cCfF@/\\\\-]{0,8}){1,4}") {
            if let Ok(path) = canonical_path(&raw) {
                let decoded = percent_decode_str(&path).decode_utf8().unwrap().into_owned();
                proptest::prop_assert!(path == "/" || decoded.split('/').skip(1).all(|part| !part.is_empty() && part != "." && part != ".."));
                proptest::prop_assert!(!decoded.contains('\\') && !decoded.contains('%'));
            }
        }
    }
}
