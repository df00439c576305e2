//! The request paths of the npm protocol, below `/api/npm/{repoId}`.
//!
//! A parser of its own rather than a router's patterns: a package name is one or two segments, and
//! `/{name}/{version}`, `/@{scope}/{name}` and `/-/...` overlap. One function decides, and one table test
//! shows what it decides.

use percent_encoding::percent_decode_str;

use crate::error::Error;
use crate::npm::{DistTag, NpmName, NpmVersion};

/// The `_rev` that a client read before it writes. npm sends `undefined` where a document had none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revision(String);

impl Revision {
    /// From the text of a `_rev`.
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// The head revision it names, if it names one: `_rev` is `<rev>-<incarnation>`.
    pub fn number(&self) -> Option<u64> {
        self.0.split('-').next()?.parse().ok()
    }
}

/// Every resource of the npm protocol that the registry knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NpmRoute {
    /// `/{name}`: the packument, publish, deprecate.
    Package(NpmName),
    /// `/{name}/-rev/{rev}`: unpublish, owner changes.
    PackageRevision(NpmName, Revision),
    /// `/{name}/{version-or-tag}`: one manifest.
    Manifest(NpmName, String),
    /// `/{name}/-/{file}` or `/-/tarball/{name}/{version}`: a tarball.
    Tarball(NpmName, NpmVersion),
    /// The same with `/-rev/{rev}`: the last step of unpublishing one version.
    TarballRevision(NpmName, NpmVersion, Revision),
    /// `/-/package/{name}/dist-tags`.
    DistTags(NpmName),
    /// `/-/package/{name}/dist-tags/{tag}`.
    DistTag(NpmName, DistTag),
    /// `/-/package/{name}/visibility`.
    Visibility(NpmName),
    /// `/-/package/{name}/access`.
    Access(NpmName),
    /// `/-/package/{name}/collaborators`.
    Collaborators(NpmName),
    /// `/-/ping`.
    Ping,
    /// `/-/whoami`.
    Whoami,
    /// `/-/v1/search`.
    Search,
    /// `/-/v1/login`: begins a login by web.
    WebLogin,
    /// `/-/v1/login/done/{session}`: where the client waits for it.
    WebLoginDone(String),
    /// `/-/user/org.couchdb.user:{name}`, with or without `/-rev/{rev}`: login by password, user look-up.
    CouchUser(String),
    /// `/-/user/token/{token}`: logout. The token is in the path, so this path is never logged.
    Logout(String),
    /// `/-/user/{user}/package`: packages a user can reach.
    UserPackages(String),
    /// `/-/org/{org}/package`: packages of an organisation.
    OrgPackages(String),
    /// `/-/org/{org}/user`: members of an organisation.
    OrgMembers(String),
    /// `/-/npm/v1/tokens`.
    Tokens,
    /// `/-/npm/v1/tokens/token/{key}`.
    Token(String),
    /// `/-/npm/v1/user`.
    Profile,
    /// `/-/npm/v1/keys`: public keys of registry signatures.
    Keys,
    /// `/-/npm/v1/attestations/{name}@{version}`.
    Attestations(NpmName, NpmVersion),
    /// `/-/npm/v1/security/advisories/bulk`.
    AuditBulk,
    /// `/-/npm/v1/security/audits` and `.../audits/quick`: the older audit.
    AuditQuick,
    /// Anything else below `/-/`.
    Unknown,
}

impl NpmRoute {
    /// Reads a canonical path (see [`crate::path::canonical_path`]) relative to the repository.
    ///
    /// # Errors
    /// `BadRequest` for a name, version or tag that breaks its grammar, `NotFound` for a file name that is
    /// no tarball of the package.
    pub fn parse(path: &str) -> Result<Self, Error> {
        let decoded: Vec<String> = path
            .trim_matches('/')
            .split('/')
            .map(|segment| percent_decode_str(segment).decode_utf8_lossy().into_owned())
            .collect();
        let segments: Vec<&str> = decoded.iter().map(String::as_str).collect();
        if let ["-", rest @ ..] = segments.as_slice() {
            return Self::parse_reserved(rest);
        }
        let (name, rest) = split_name(&segments)?;
        Self::parse_package(name, rest)
    }

    fn parse_package(name: NpmName, rest: &[&str]) -> Result<Self, Error> {
        Ok(match rest {
            [] => Self::Package(name),
            ["-rev", rev] => Self::PackageRevision(name, Revision((*rev).into())),
            // Yarn 1 and npm put the scope into the file name as well: `@s/n/-/@s/n-1.0.0.tgz`.
            ["-", file] | ["-", _, file] => {
                let version = version_of_file(&name, file)?;
                Self::Tarball(name, version)
            }
            ["-", file, "-rev", rev] | ["-", _, file, "-rev", rev] => {
                let version = version_of_file(&name, file)?;
                Self::TarballRevision(name, version, Revision((*rev).into()))
            }
            [selector] => Self::Manifest(name, (*selector).into()),
            _ => Self::Unknown,
        })
    }

    fn parse_reserved(rest: &[&str]) -> Result<Self, Error> {
        Ok(match rest {
            ["ping"] => Self::Ping,
            ["whoami"] => Self::Whoami,
            ["v1", "search"] => Self::Search,
            ["v1", "login"] => Self::WebLogin,
            ["v1", "login", "done", session] => Self::WebLoginDone((*session).into()),
            ["user", "token", token] => Self::Logout((*token).into()),
            ["user", user, "package"] => Self::UserPackages((*user).into()),
            ["user", user] | ["user", user, "-rev", _] => match user.strip_prefix("org.couchdb.user:") {
                Some(name) => Self::CouchUser(name.into()),
                None => Self::Unknown,
            },
            ["org", org, "package"] => Self::OrgPackages((*org).into()),
            ["org", org, "user"] => Self::OrgMembers((*org).into()),
            ["npm", "v1", "tokens"] => Self::Tokens,
            ["npm", "v1", "tokens", "token", key] => Self::Token((*key).into()),
            ["npm", "v1", "user"] => Self::Profile,
            ["npm", "v1", "keys"] => Self::Keys,
            ["npm", "v1", "attestations", rest @ ..] => {
                let joined = rest.join("/");
                let (name, version) = joined.rsplit_once('@').ok_or_else(|| not_found("attestations"))?;
                Self::Attestations(name.parse()?, version.parse()?)
            }
            ["npm", "v1", "security", "advisories", "bulk"] => Self::AuditBulk,
            ["npm", "v1", "security", "audits"] | ["npm", "v1", "security", "audits", "quick"] => {
                Self::AuditQuick
            }
            ["tarball", rest @ ..] => {
                let (name, rest) = split_name(rest)?;
                match rest {
                    [version] => Self::Tarball(name, version.parse()?),
                    [version, "-rev", rev] => {
                        Self::TarballRevision(name, version.parse()?, Revision((*rev).into()))
                    }
                    _ => Self::Unknown,
                }
            }
            ["package", rest @ ..] => {
                let (name, rest) = split_name(rest)?;
                match rest {
                    ["dist-tags"] => Self::DistTags(name),
                    ["dist-tags", tag] => Self::DistTag(name, tag.parse()?),
                    ["visibility"] => Self::Visibility(name),
                    ["access"] => Self::Access(name),
                    ["collaborators"] => Self::Collaborators(name),
                    _ => Self::Unknown,
                }
            }
            _ => Self::Unknown,
        })
    }
}

/// Takes a package name off the front: one segment, or two if the first begins with `@`.
fn split_name<'a, 'b>(segments: &'b [&'a str]) -> Result<(NpmName, &'b [&'a str]), Error> {
    match segments {
        [scope, base, rest @ ..] if scope.starts_with('@') => Ok((format!("{scope}/{base}").parse()?, rest)),
        [name, rest @ ..] => Ok((name.parse()?, rest)),
        [] => Err(Error::BadRequest("the path has no package name".into())),
    }
}

/// The version in a tarball's file name, which must belong to the package.
fn version_of_file(name: &NpmName, file: &str) -> Result<NpmVersion, Error> {
    file.strip_suffix(".tgz")
        .and_then(|stem| stem.strip_prefix(name.base())?.strip_prefix('-'))
        .and_then(|version| version.parse().ok())
        .ok_or_else(|| not_found(&format!("file '{}' of package '{name}'", file.escape_debug())))
}

fn not_found(what: &str) -> Error {
    Error::NotFound(format!("{what} not found"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> NpmName {
        text.parse().unwrap()
    }

    fn version(text: &str) -> NpmVersion {
        text.parse().unwrap()
    }

    #[test]
    fn every_path_finds_its_resource() {
        let rev = || Revision("3-x".into());
        let table = [
            ("/n", NpmRoute::Package(name("n"))),
            ("/@s/n", NpmRoute::Package(name("@s/n"))),
            ("/n/-rev/3-x", NpmRoute::PackageRevision(name("n"), rev())),
            ("/@s/n/-rev/3-x", NpmRoute::PackageRevision(name("@s/n"), rev())),
            ("/n/1.0.0", NpmRoute::Manifest(name("n"), "1.0.0".into())),
            ("/@s/n/latest", NpmRoute::Manifest(name("@s/n"), "latest".into())),
            ("/n/-/n-1.0.0.tgz", NpmRoute::Tarball(name("n"), version("1.0.0"))),
            ("/@s/n/-/n-1.0.0-rc.1.tgz", NpmRoute::Tarball(name("@s/n"), version("1.0.0-rc.1"))),
            ("/@s/n/-/@s/n-1.0.0.tgz", NpmRoute::Tarball(name("@s/n"), version("1.0.0"))),
            ("/-/tarball/@s/n/1.0.0", NpmRoute::Tarball(name("@s/n"), version("1.0.0"))),
            ("/-/tarball/n/1.0.0/-rev/3-x", NpmRoute::TarballRevision(name("n"), version("1.0.0"), rev())),
            ("/n/-/n-1.0.0.tgz/-rev/3-x", NpmRoute::TarballRevision(name("n"), version("1.0.0"), rev())),
            ("/-/package/@s/n/dist-tags", NpmRoute::DistTags(name("@s/n"))),
            ("/-/package/n/dist-tags/beta", NpmRoute::DistTag(name("n"), "beta".parse().unwrap())),
            ("/-/package/n/visibility", NpmRoute::Visibility(name("n"))),
            ("/-/package/n/access", NpmRoute::Access(name("n"))),
            ("/-/package/n/collaborators", NpmRoute::Collaborators(name("n"))),
            ("/-/ping", NpmRoute::Ping),
            ("/-/whoami", NpmRoute::Whoami),
            ("/-/v1/search", NpmRoute::Search),
            ("/-/v1/login", NpmRoute::WebLogin),
            ("/-/v1/login/done/abc", NpmRoute::WebLoginDone("abc".into())),
            ("/-/user/org.couchdb.user:ann", NpmRoute::CouchUser("ann".into())),
            ("/-/user/org.couchdb.user:ann/-rev/1-0", NpmRoute::CouchUser("ann".into())),
            ("/-/user/token/t", NpmRoute::Logout("t".into())),
            ("/-/user/ann/package", NpmRoute::UserPackages("ann".into())),
            ("/-/org/acme/package", NpmRoute::OrgPackages("acme".into())),
            ("/-/org/acme/user", NpmRoute::OrgMembers("acme".into())),
            ("/-/npm/v1/tokens", NpmRoute::Tokens),
            ("/-/npm/v1/tokens/token/k", NpmRoute::Token("k".into())),
            ("/-/npm/v1/user", NpmRoute::Profile),
            ("/-/npm/v1/keys", NpmRoute::Keys),
            ("/-/npm/v1/attestations/@s/n@1.0.0", NpmRoute::Attestations(name("@s/n"), version("1.0.0"))),
            ("/-/npm/v1/security/advisories/bulk", NpmRoute::AuditBulk),
            ("/-/npm/v1/security/audits/quick", NpmRoute::AuditQuick),
            ("/-/npm/v1/security/audits", NpmRoute::AuditQuick),
            ("/-/nothing", NpmRoute::Unknown),
            ("/n/a/b/c", NpmRoute::Unknown),
        ];
        for (path, expected) in table {
            assert_eq!(NpmRoute::parse(path).unwrap(), expected, "{path}");
        }
    }

    #[test]
    fn a_file_must_belong_to_its_package() {
        for path in [
            "/n/-/m-1.0.0.tgz",
            "/n/-/n-1.0.0.zip",
            "/n/-/n.tgz",
            "/n/-/n-latest.tgz",
            "/@s/n/-/s-n-1.0.0.tgz",
        ] {
            assert!(matches!(NpmRoute::parse(path), Err(Error::NotFound(_))), "{path}");
        }
        for path in ["/_n", "/@s", "/.n", "/-/package/n/dist-tags/1.0.0", "/-/tarball/n/x"] {
            assert!(matches!(NpmRoute::parse(path), Err(Error::BadRequest(_))), "{path}");
        }
    }

    #[test]
    fn revisions_name_a_head_or_nothing() {
        assert_eq!(Revision("17-abc".into()).number(), Some(17));
        assert_eq!(Revision("undefined".into()).number(), None);
    }
}
