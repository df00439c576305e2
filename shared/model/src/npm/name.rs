//! npm package names.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::name::text_newtype;

/// npm's own limit for a name, scope included.
const MAX_LENGTH: usize = 214;

text_newtype! {
    /// Name of an npm package, `name` or `@scope/name`.
    ///
    /// At most 214 characters of URL-safe ASCII, so no name can look like another one. Upper case is legal
    /// because old packages have it (`JSONStream`), but two packages never differ by case alone: rows are
    /// kept under [`NpmName::key`]. A plain name cannot begin with `.` or `_`, and `-` alone is npm's
    /// reserved prefix.
    NpmName
}

impl NpmName {
    /// The name that rows are kept under: lower-case, so that `Foo` and `foo` are one package.
    pub fn key(&self) -> String {
        self.as_str().to_ascii_lowercase()
    }

    /// The scope without `@`, if there is one.
    pub fn scope(&self) -> Option<&str> {
        self.as_str().strip_prefix('@')?.split_once('/').map(|(scope, _)| scope)
    }

    /// The name without its scope.
    pub fn base(&self) -> &str {
        self.as_str().split_once('/').map_or(self.as_str(), |(_, base)| base)
    }

    /// The form clients put into a path: `@scope%2fname`.
    pub fn escaped(&self) -> String {
        self.as_str().replacen('/', "%2f", 1)
    }

    /// The file name of a version's tarball. Scoped packages leave the scope out, as npmjs does; clients
    /// that rebuild the address themselves (Yarn 4) rely on it.
    pub fn tarball_file(&self, version: &crate::npm::NpmVersion) -> String {
        format!("{}-{version}.tgz", self.base())
    }
}

impl FromStr for NpmName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let refuse = |why: &str| {
            let shown: String = text.chars().take(60).collect();
            Err(Error::BadRequest(format!("'{}' is not an npm package name: {why}", shown.escape_debug())))
        };
        if text.len() > MAX_LENGTH {
            return refuse("it is longer than 214 characters");
        }
        let (scope, base) = match text.strip_prefix('@') {
            None => (None, text),
            Some(rest) => match rest.split_once('/') {
                Some((scope, base)) => (Some(scope), base),
                None => return refuse("a scoped name has the form @scope/name"),
            },
        };
        for (part, is_plain) in scope.map(|scope| (scope, true)).into_iter().chain([(base, scope.is_none())])
        {
            let Some(first) = part.bytes().next() else { return refuse("a part of it is empty") };
            // npm lets the second part of a scoped name begin with `_`.
            if first == b'.' || (first == b'_' && is_plain) {
                return refuse("it begins with '.' or '_'");
            }
            if !part.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b)) {
                return refuse("use only letters, digits, '-', '.', '_' and '~'");
            }
            if part.ends_with('.') {
                return refuse("a part of it ends with '.'");
            }
            if part == "-" {
                return refuse("'-' alone is reserved");
            }
        }
        if scope.is_none() && matches!(base, "node_modules" | "favicon.ico") {
            return refuse("the name is reserved");
        }
        Ok(Self(text.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_names() {
        for good in [
            "a",
            "left-pad",
            "@s/n",
            "@my-org/my.pkg_x~1",
            "0",
            "-x",
            "@s/_n",
            "JSONStream",
            &"a".repeat(214),
        ] {
            assert_eq!(good.parse::<NpmName>().unwrap().as_str(), good);
        }
    }

    #[test]
    fn bad_names() {
        let long = "a".repeat(215);
        for bad in [
            "",
            "@",
            "@/",
            "@s",
            "@s/",
            "@/n",
            "@s/n/m",
            "a/b",
            ".a",
            "_a",
            "-",
            "@s/-",
            "a b",
            "a%2fb",
            "a\\b",
            "a\0b",
            "ä",
            "\u{430}",
            "a;b",
            "a?b",
            "a#b",
            "..",
            "@../a",
            "@s/..",
            "a.",
            "node_modules",
            "favicon.ico",
            "a:b",
            "a@1",
            &long,
        ] {
            assert!(bad.parse::<NpmName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn names_that_differ_by_case_share_a_key() {
        let (upper, lower): (NpmName, NpmName) = ("@S/Foo".parse().unwrap(), "@s/foo".parse().unwrap());
        assert_ne!(upper, lower);
        assert_eq!(upper.key(), lower.key());
    }

    #[test]
    fn parts() {
        let name: NpmName = "@s/n".parse().unwrap();
        assert_eq!((name.scope(), name.base(), name.escaped().as_str()), (Some("s"), "n", "@s%2fn"));
        let plain: NpmName = "n".parse().unwrap();
        assert_eq!((plain.scope(), plain.base(), plain.escaped().as_str()), (None, "n", "n"));
        assert_eq!(name.tarball_file(&"1.0.0-rc.1".parse().unwrap()), "n-1.0.0-rc.1.tgz");
    }
}
