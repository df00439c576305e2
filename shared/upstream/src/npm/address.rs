//! Where things are at an npm registry.

use granary_model::Result;
use granary_model::npm::{NpmName, NpmVersion};
use granary_storage::rows::UpstreamRow;
use reqwest::header::HeaderValue;
use url::Url;

use crate::address::below;
use crate::net::{Ask, Failure};

/// The document of a package.
pub(super) fn document(row: &UpstreamRow, name: &NpmName) -> Result<Url, Failure> {
    below(row, &name.escaped())
}

/// The attestations of a version.
pub(super) fn attestations(row: &UpstreamRow, name: &NpmName, version: &NpmVersion) -> Result<Url, Failure> {
    below(row, &format!("-/npm/v1/attestations/{}@{version}", name.escaped()))
}

/// A tarball, at the address that the upstream's document says: on its own host or on one that is named for files. Anything
/// else might be anybody's. The credential is only for its own host.
pub(super) fn tarball<'a>(
    row: &UpstreamRow,
    address: &str,
    authorization: Option<&'a HeaderValue>,
) -> Result<(Url, Option<&'a HeaderValue>), Failure> {
    let url = Url::parse(address).map_err(|_| Failure::Wrong("the address of the tarball is none".into()))?;
    let own = row.url().and_then(|base| Url::parse(base).ok());
    let place =
        |url: &Url| (url.scheme().to_owned(), url.host_str().map(str::to_owned), url.port_or_known_default());
    if own.is_some_and(|own| place(&own) == place(&url)) {
        return Ok((url, authorization));
    }
    let host = url.host_str().unwrap_or_default();
    let named = match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    };
    if row.file_hosts.iter().any(|allowed| *allowed == named || *allowed == host) {
        return Ok((url, None));
    }
    Err(Failure::Wrong(
        "the tarball is on another host than the upstream; an administrator can allow that host (fileHosts)"
            .into(),
    ))
}

/// How documents are asked for: the full form, because only that one has times.
pub(super) const ACCEPT: &str = "application/json";

/// What is asked for at an address.
pub(super) fn ask(url: Url, authorization: Option<&HeaderValue>, patience: std::time::Duration) -> Ask<'_> {
    Ask { url, authorization, accept: ACCEPT, patience }
}

#[cfg(test)]
mod tests {
    use granary_model::{PackageType, Timestamp};
    use granary_storage::rows::UpstreamPlace;

    use super::*;

    fn row(url: &str) -> UpstreamRow {
        let place = UpstreamPlace::Remote { url: url.into() };
        let now = Timestamp::from_millis(0);
        let row = UpstreamRow::new("up".parse().unwrap(), "u".into(), PackageType::Npm, place, now);
        UpstreamRow { file_hosts: vec!["cdn.example.com".into(), "files.example.com:8443".into()], ..row }
    }

    #[test]
    fn addresses_are_made_of_what_was_parsed() {
        let row = row("https://registry.example.com/npm/");
        let scoped: NpmName = "@s/n".parse().unwrap();
        assert_eq!(document(&row, &scoped).unwrap().as_str(), "https://registry.example.com/npm/@s%2fn");
        let url = attestations(&row, &scoped, &"1.0.0-rc.1".parse().unwrap()).unwrap();
        assert_eq!(url.path(), "/npm/-/npm/v1/attestations/@s%2fn@1.0.0-rc.1");
    }

    #[test]
    fn tarballs_come_from_the_upstream_and_the_credential_stays_there() {
        let row = row("https://registry.example.com/npm/");
        let secret = HeaderValue::from_static("Bearer x");
        let sent = |address: &str| tarball(&row, address, Some(&secret)).map(|(_, sent)| sent.is_some());
        assert_eq!(sent("https://registry.example.com/a/-/a-1.0.0.tgz"), Ok(true));
        assert_eq!(sent("https://registry.example.com:443/a.tgz"), Ok(true));
        assert_eq!(sent("https://cdn.example.com/a.tgz"), Ok(false));
        assert_eq!(sent("https://files.example.com:8443/a.tgz"), Ok(false));
        for other in [
            "http://registry.example.com/a.tgz",
            "https://registry.example.com:8443/a.tgz",
            "https://registry.example.com.evil.example/a.tgz",
            "https://evil.example/registry.example.com/a.tgz",
            "https://files.example.com/a.tgz",
            "https://user@evil.example/a.tgz",
            "file:///etc/passwd",
            "/a.tgz",
            "",
        ] {
            assert!(sent(other).is_err(), "{other}");
        }
    }
}
