//! Paths of the interface and of the console, put together from what requests and answers name.

use std::fmt::Write as _;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What stays as it is in a segment of a path. `@` and `:` are for npm's scopes and Maven's coordinates.
const SEGMENT: AsciiSet =
    NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'@').remove(b':');

/// One segment of a path; a slash in it does not end it.
pub(crate) fn segment(text: &str) -> String {
    utf8_percent_encode(text, &SEGMENT).to_string()
}

/// The last segments of a path: slashes in the text are slashes of the path.
pub(crate) fn tail(text: &str) -> String {
    text.split('/').map(segment).collect::<Vec<_>>().join("/")
}

/// A path of segments, each encoded: `path(&["api", "repos", name])` is `/api/repos/...`.
pub(crate) fn path(segments: &[&str]) -> String {
    segments.iter().fold(String::new(), |mut path, text| {
        // Writing to a string does not fail.
        let _ = write!(path, "/{}", segment(text));
        path
    })
}

/// A path with a query of those parameters that have a value.
pub(crate) fn with_query(path: &str, parameters: &[(&str, Option<&str>)]) -> String {
    let given: Vec<_> =
        parameters.iter().filter_map(|(name, value)| value.map(|value| (*name, value))).collect();
    if given.is_empty() {
        return path.to_owned();
    }
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(given).finish();
    format!("{path}?{query}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_requests_name_stays_in_its_place() {
        assert_eq!(path(&["api", "repos", "a/../b?c#d"]), "/api/repos/a%2F..%2Fb%3Fc%23d");
        assert_eq!(tail("@acme/app"), "@acme/app");
        assert_eq!(tail("com.example:app name"), "com.example:app%20name");
        assert_eq!(with_query("/x", &[("a", Some("1&2")), ("b", None)]), "/x?a=1%262");
        assert_eq!(with_query("/x", &[("b", None)]), "/x");
    }
}
