//! Which addresses the registry may be sent to by what users write into settings.
//!
//! A source of packages is an address that somebody outside chooses, and its answers may redirect. Neither may lead the
//! registry to itself, to its neighbours, or to the metadata service of the machine it runs on. What is checked is the
//! address that is connected to, so that a name which means one thing now and another a moment later gains nothing.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::{fmt, io};

use futures::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::{Attempt, Policy};
use url::{Host, Url};

/// Most redirects that are followed.
const MAX_REDIRECTS: usize = 5;

/// Whether an address is one that everybody on the internet reaches.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = address.is_unspecified()
        || address.is_loopback()
        || address.is_private()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_broadcast()
        || address.is_documentation()
        || a == 0
        // Shared between providers and their customers, tests of networks, protocol assignments, reserved.
        || (a == 100 && (64..128).contains(&b))
        || (a == 198 && (18..20).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        || a >= 240;
    !special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    // An IPv4 address in any of its disguises is judged as what it is.
    if let Some(inner) = address.to_ipv4_mapped() {
        return is_public_v4(inner);
    }
    let parts = address.segments();
    let [first, second, ..] = parts;
    let embedded = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match (first, second) {
        // NAT64 and 6to4.
        (0x64, 0xff9b) => parts.get(2..6) == Some(&[0; 4]) && embedded(parts[6], parts[7]),
        (0x2002, high) => embedded(high, parts[2]),
        // Teredo, documentation, benchmarks, ORCHID.
        (0x2001, 0x0 | 0xdb8 | 0x2 | 0x10..=0x2f) | (0x3fff, 0x0..=0xfff) => false,
        // Global unicast is 2000::/3; nothing else is.
        _ => first & 0xe000 == 0x2000,
    }
}

/// The addresses of a name, by whoever knows them.
type Lookup = dyn Fn(String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> + Send + Sync;

/// Resolves names to public addresses only. The caller connects to what it is given, and asks nobody a second time.
#[derive(Clone)]
pub struct PublicNames {
    lookup: Arc<Lookup>,
    is_public: fn(IpAddr) -> bool,
}

impl fmt::Debug for PublicNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PublicNames")
    }
}

/// By what the machine knows of names.
impl Default for PublicNames {
    fn default() -> Self {
        let lookup = |name: String| -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
            Box::pin(async move {
                let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
                Ok(found.map(|address| address.ip()).collect())
            })
        };
        Self { lookup: Arc::new(lookup), is_public }
    }
}

impl PublicNames {
    /// By what somebody else says of names, and of addresses: where not even tests ask the machine.
    pub fn by(
        lookup: impl Fn(&str) -> io::Result<Vec<IpAddr>> + Send + Sync + 'static,
        is_public: fn(IpAddr) -> bool,
    ) -> Self {
        let lookup = move |name: String| -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
            let found = lookup(&name);
            Box::pin(async move { found })
        };
        Self { lookup: Arc::new(lookup), is_public }
    }
}

impl Resolve for PublicNames {
    fn resolve(&self, name: Name) -> Resolving {
        let (found, is_public) = ((self.lookup)(name.as_str().to_owned()), self.is_public);
        Box::pin(async move {
            // Whether there is such a name inside is nobody's business, so the same is said of one that is not known.
            let found = found.await.unwrap_or_else(|error| {
                tracing::debug!(%error, "a name could not be resolved");
                Vec::new()
            });
            let found = found.into_iter().filter(|address| is_public(*address));
            // The port is that of the request.
            let public: Vec<SocketAddr> = found.map(|address| SocketAddr::new(address, 0)).collect();
            if public.is_empty() {
                return Err(io::Error::other(NOT_FOUND).into());
            }
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}

/// What is said of an address that is not public.
pub const NOT_PUBLIC: &str = "the address is private: sources have to be on the internet, unless the operator allows private ones \
                              (GRANARY_ALLOW_PRIVATE_SOURCES)";

/// What is said of a name that is not known, or leads to nothing that is public.
pub const NOT_FOUND: &str = "the name leads to no public address: sources have to be on the internet, unless the operator allows \
                             private ones (GRANARY_ALLOW_PRIVATE_SOURCES)";

/// Whether an address may be asked, as far as it says by itself: TLS, no credentials, no private number. Names are looked at
/// when they are resolved.
///
/// # Errors
/// What is wrong, for its owner.
pub fn check(url: &Url, allow_private: bool) -> Result<(), &'static str> {
    if !url.username().is_empty() || url.password().is_some() {
        return Err("the address has credentials in it");
    }
    if allow_private {
        return match url.scheme() {
            "https" | "http" => Ok(()),
            _ => Err("the address is not one of http or https"),
        };
    }
    if url.scheme() != "https" {
        return Err("the address is not one of https");
    }
    let is_public_number = match url.host() {
        Some(Host::Ipv4(address)) => is_public_v4(address),
        Some(Host::Ipv6(address)) => is_public_v6(address),
        Some(Host::Domain(name)) => !name.trim_end_matches('.').eq_ignore_ascii_case("localhost"),
        None => false,
    };
    if is_public_number { Ok(()) } else { Err(NOT_PUBLIC) }
}

/// Follows a few redirects, each to where a source may be.
pub fn redirects(allow_private: bool) -> Policy {
    Policy::custom(move |attempt: Attempt<'_>| {
        if attempt.previous().len() > MAX_REDIRECTS {
            return attempt.error("too many redirects");
        }
        match check(attempt.url(), allow_private) {
            Ok(()) => attempt.follow(),
            Err(why) => attempt.error(format!("redirected: {why}")),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_internet_reaches_is_public() {
        for public in
            ["1.1.1.1", "93.184.216.34", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "::ffff:1.1.1.1"]
        {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
        for private in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "127.0.0.1",
            "127.8.8.8",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "::7f00:1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::a00:1",
            "2002:7f00:1::",
            "2001:db8::1",
            "2001::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "ff02::1",
            "100::1",
        ] {
            assert!(!is_public(private.parse().unwrap()), "{private}");
        }
        // Public IPv4 addresses in disguise.
        for disguised in ["64:ff9b::101:101", "2002:101:101::1"] {
            assert!(is_public(disguised.parse().unwrap()), "{disguised}");
        }
    }

    #[test]
    fn addresses_are_checked_before_they_are_asked() {
        let check = |text: &str, allow| check(&Url::parse(text).unwrap(), allow);
        for good in ["https://repo.example.com/maven2", "https://1.1.1.1/", "https://[2606:4700::1111]/x"] {
            check(good, false).unwrap();
        }
        for bad in [
            "http://repo.example.com/",
            "https://127.0.0.1/",
            "https://2130706433/",
            "https://0x7f.1/",
            "https://[::1]/",
            "https://localhost/",
            "https://LOCALHOST./",
            "https://169.254.169.254/latest/meta-data",
            "https://user:secret@repo.example.com/",
            "ftp://repo.example.com/",
            "file:///etc/passwd",
        ] {
            check(bad, false).unwrap_err();
        }
        check("http://127.0.0.1:8080/maven", true).unwrap();
        check("file:///etc/passwd", true).unwrap_err();
        check("http://user@127.0.0.1/", true).unwrap_err();
    }
}
