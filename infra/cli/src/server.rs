//! Addresses of registries.

use std::fmt;

use serde::{Deserialize, Serialize};
use url::Url;

use crate::failure::{Failure, Result};

/// The registry that is meant when nothing says otherwise: one started on this machine by `granary`.
const DEFAULT: &str = "http://localhost:8080";

/// Address of a registry, with a scheme and without a slash at the end.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Server(String);

impl Server {
    /// Reads an address.
    ///
    /// # Errors
    /// `Usage` for anything but `http://host` or `https://host`, with an optional port and path.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let refuse = |why: &str| {
            Err(Failure::usage(format!("'{text}' is no address of a registry: {why}"))
                .next("Write it like https://packages.example.com or http://localhost:8080"))
        };
        let Ok(url) = Url::parse(text) else { return refuse("it has to begin with https:// or http://") };
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return refuse("it has to begin with https:// or http://");
        }
        if url.query().is_some() || url.fragment().is_some() {
            return refuse("'?' and '#' cannot be in it");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return refuse("credentials do not belong into it");
        }
        Ok(Self(url.as_str().trim_end_matches('/').to_owned()))
    }

    /// The address with `path`, which begins with a slash, behind it.
    pub(crate) fn at(&self, path: &str) -> String {
        format!("{}{path}", self.0)
    }

    /// The address without its scheme: `host:port/path`.
    pub(crate) fn without_scheme(&self) -> &str {
        self.0.split_once("://").map_or(self.0.as_str(), |(_, rest)| rest)
    }

    /// Host name and, if it is not the scheme's own, port.
    pub(crate) fn host_and_port(&self) -> &str {
        let rest = self.without_scheme();
        rest.split_once('/').map_or(rest, |(host, _)| host)
    }

    /// Whether what is sent there can be read on the way.
    pub(crate) fn is_plain(&self) -> bool {
        self.0.starts_with("http:")
    }

    /// Whether it is on this machine.
    pub(crate) fn is_local(&self) -> bool {
        Url::parse(&self.0).is_ok_and(|url| is_loopback(&url))
    }
}

/// Whether an address names this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

impl Default for Server {
    fn default() -> Self {
        Self(DEFAULT.to_owned())
    }
}

impl fmt::Display for Server {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl TryFrom<String> for Server {
    type Error = Failure;

    fn try_from(text: String) -> Result<Self> {
        Self::parse(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_brought_into_one_form() {
        for (text, expected) in [
            ("http://localhost:8080/", "http://localhost:8080"),
            ("HTTPS://Packages.Example:443", "https://packages.example"),
            ("https://packages.example/registry/", "https://packages.example/registry"),
        ] {
            assert_eq!(Server::parse(text).unwrap().to_string(), expected);
        }
        for bad in ["localhost:8080", "", "ftp://x", "http://", "http://u:p@x", "http://x/?a", "http://x/#a"]
        {
            let failure = Server::parse(bad).unwrap_err();
            assert_eq!(failure.kind.exit_code(), 2, "{bad}");
        }
    }

    #[test]
    fn parts_of_an_address() {
        let server = Server::parse("https://packages.example:8443/registry").unwrap();
        assert_eq!(server.without_scheme(), "packages.example:8443/registry");
        assert_eq!(server.host_and_port(), "packages.example:8443");
        assert!(!server.is_plain() && !server.is_local());
        for local in ["http://localhost:1", "http://127.0.0.2", "http://[::1]:3"] {
            assert!(Server::parse(local).unwrap().is_local(), "{local}");
        }
    }
}
