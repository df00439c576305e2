//! Addresses of source repositories, compared.

use std::fmt;

/// Longest address that is looked at, in bytes.
const MAX_LENGTH: usize = 500;

/// Where the source of a package is kept, in the one form that all spellings of an address have: host and path
/// in lower case, without scheme, user, default port and `.git`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceUrl(String);

impl SourceUrl {
    /// Reads `https://host/owner/name.git`, `ssh://git@host/owner/name` or `git@host:owner/name`; `None` if it
    /// is nothing of the kind.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if text.is_empty()
            || text.len() > MAX_LENGTH
            || text.chars().any(|c| c.is_control() || c.is_whitespace())
        {
            return None;
        }
        let text = text.to_lowercase();
        let (authority, path, port) = if let Some((scheme, rest)) = text.split_once("://") {
            let port = match scheme {
                "https" => "443",
                "http" => "80",
                "ssh" | "git+ssh" => "22",
                "git" => "9418",
                _ => return None,
            };
            let (authority, path) = rest.split_once('/')?;
            (authority, path, port)
        } else {
            let (authority, path) = text.split_once(':')?;
            (authority, path, "22")
        };
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        let host = host.strip_suffix(port).and_then(|host| host.strip_suffix(':')).unwrap_or(host);
        let path = path.split(['?', '#']).next().unwrap_or_default().trim_matches('/');
        let path = path.strip_suffix(".git").unwrap_or(path);
        if host.is_empty() || path.is_empty() || host.contains(['/', '#', '?']) {
            return None;
        }
        Some(Self(format!("{host}/{path}")))
    }

    /// The text to compare.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SourceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_spellings_of_one_address_are_one() {
        for text in [
            "https://example.com/mona/LinkedList",
            "https://example.com/mona/LinkedList.git",
            "HTTPS://EXAMPLE.COM/MONA/LINKEDLIST.GIT",
            "https://example.com:443/mona/linkedlist/",
            "http://example.com/mona/LinkedList",
            "https://user:secret@example.com/mona/LinkedList?x=1#y",
            "ssh://git@example.com/mona/LinkedList.git",
            "ssh://git@example.com:22/mona/LinkedList.git/",
            "git@example.com:mona/LinkedList.git",
            "example.com:mona/LinkedList",
            "git://example.com/mona/LinkedList",
        ] {
            assert_eq!(SourceUrl::parse(text).unwrap().as_str(), "example.com/mona/linkedlist", "{text}");
        }
        assert_eq!(
            SourceUrl::parse("https://example.com:8443/a/b").unwrap().as_str(),
            "example.com:8443/a/b"
        );
    }

    #[test]
    fn what_is_no_address_is_none() {
        for text in [
            "",
            "x",
            "file:///etc/passwd",
            "https://example.com",
            "https:///a",
            "a b:c",
            "https://e.com/",
            "/a/b",
        ] {
            assert!(SourceUrl::parse(text).is_none(), "{text}");
        }
        assert!(SourceUrl::parse(&format!("https://example.com/{}", "a".repeat(500))).is_none());
    }
}
