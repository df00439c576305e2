//! Every key of every table, in one place.

use std::fmt;

use granary_model::{OrgSlug, PackageType, RepoId, Sha256, TokenHash, UserId};

use crate::rows::RepoRow;

/// Which table a key belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Table {
    /// Everything that lasts.
    Registry,
    /// What expires by itself.
    Ephemeral,
    /// Download counts.
    Counters,
}

/// Longest partition key, in bytes; DynamoDB's limit.
const MAX_PK: usize = 2048;

/// Longest sort key, in bytes; DynamoDB's limit.
const MAX_SK: usize = 1024;

/// A package: repository, protocol and normalised name.
///
/// The name is the last part of the key text, so it may contain `/` without two packages ever sharing
/// a key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct PackageKey {
    /// The repository.
    pub repo: RepoId,
    /// The protocol.
    pub kind: PackageType,
    /// The normalised name.
    pub name: String,
}

impl fmt::Display for PackageKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.repo, self.kind, self.name)
    }
}

/// Whom a token acts for, and so in whose list it stands.
#[derive(Debug, Clone, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(tag = "kind", content = "id", rename_all = "lowercase")]
pub enum Subject {
    /// A user.
    User(UserId),
    /// An organisation.
    Org(OrgSlug),
    /// A repository.
    Repo(RepoId),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(id) => write!(f, "user:{id}"),
            Self::Org(slug) => write!(f, "org:{slug}"),
            Self::Repo(id) => write!(f, "repo:{id}"),
        }
    }
}

/// Whose licences, consumers and packages for sale something is: a user, an organisation, or a repository on its own.
#[derive(Debug, Clone, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct Tenant {
    /// The owner.
    pub subject: Subject,
    /// The `uid` of an organisation or repository, so that the next one of the same name has nothing of this.
    pub uid: Option<String>,
}

impl Tenant {
    /// Whether a repository is one of the tenant's: it decides what of it customers get.
    pub fn covers(&self, repo: &RepoRow) -> bool {
        match &self.subject {
            Subject::User(id) => repo.org.is_none() && repo.owner_id == *id,
            Subject::Org(slug) => repo.org.as_ref() == Some(slug) && repo.org_uid == self.uid,
            Subject::Repo(id) => repo.id == *id && Some(&repo.uid) == self.uid.as_ref(),
        }
    }
}

impl fmt::Display for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.uid {
            Some(uid) => write!(f, "{}:{uid}", self.subject),
            None => self.subject.fmt(f),
        }
    }
}

/// What a seller numbers, each on its own from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sequence {
    /// Packages.
    Packages,
    /// Versions.
    Versions,
    /// Consumers.
    Consumers,
    /// Permissions.
    Permissions,
}

impl Sequence {
    const fn name(self) -> &'static str {
        match self {
            Self::Packages => "packages",
            Self::Versions => "versions",
            Self::Consumers => "consumers",
            Self::Permissions => "permissions",
        }
    }
}

/// The key of one row.
///
/// Lists (my repositories, an organisation's repositories, a repository's packages, a subject's tokens)
/// are rows of the base table beside the rows they point at, written in the same transaction. So they
/// are strongly consistent, which an index never is, and no function needs rights on an index.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Key {
    /// A token by its hash.
    Token(TokenHash),
    /// The token of a build, by its hash.
    BuildToken(TokenHash),
    /// A user who signed in by browser, by the hash of what the browser keeps.
    Session(TokenHash),
    /// The same in the user's list, by its id.
    SessionOf(UserId, String),
    /// A token in the list of its subject, by its id.
    TokenOf(Subject, String),
    /// A user.
    User(UserId),
    /// An organisation.
    Org(OrgSlug),
    /// An organisation in a user's list.
    OrgOf(UserId, OrgSlug),
    /// A repository.
    Repo(RepoId),
    /// A repository in a user's list.
    RepoOfUser(UserId, RepoId),
    /// A repository in an organisation's list.
    RepoOfOrg(OrgSlug, RepoId),
    /// A repository in the list of public ones.
    PublicRepo(RepoId),
    /// Bytes and counts of a repository.
    Usage(RepoId),
    /// A package in its repository's list.
    PackageOf(PackageKey),
    /// A package from an upstream in its repository's list of those.
    FetchedPackageOf(PackageKey),
    /// A package's head.
    Head(PackageKey),
    /// One version of a package.
    Version(PackageKey, String),
    /// The readme of one version.
    Readme(PackageKey, String),
    /// One file of a version that grows file by file: package, version, file name.
    File(PackageKey, String, String),
    /// A Maven plugin by its group and artifact.
    MavenPlugin(RepoId, String, String),
    /// A Swift package by an address of its source: address, normalised name of the package.
    SwiftSource(RepoId, String, String),
    /// A stored blob.
    Blob(Sha256),
    /// An audit record: scope, month, id.
    Audit(String, String, String),
    /// An event that waits for its consumer: shard, id.
    Outbox(u8, String),
    /// A login by web that is under way.
    Login(String),
    /// Sign-in state handed to the identity provider.
    SignIn(String),
    /// An upload session.
    Upload(String),
    /// A hint that a repository of an owner holds certain bytes.
    Holder(String, Sha256, RepoId),
    /// Checksums that came before their file: package, version, file name.
    Expectation(PackageKey, String, String),
    /// Downloads of one version of a package on one day (days since 1970).
    Downloads(PackageKey, String, i64),
    /// All downloads of a package.
    DownloadTotal(PackageKey),
    /// All downloads of a repository.
    RepoDownloads(RepoId),
    /// A licence by the hash of its key.
    LicenceKey(TokenHash),
    /// A licence in its seller's list, by its id.
    Licence(Tenant, String),
    /// A consumer by the hash of its public key.
    ConsumerKey(TokenHash),
    /// A consumer in its seller's list, by its number.
    Consumer(Tenant, u64),
    /// A consumer by its e-mail address in lower case, and its number.
    ConsumerEmail(Tenant, String, u64),
    /// Which consumer has a permission, by the permission's number.
    Permission(Tenant, u64),
    /// A package for sale, by its number.
    SoldPackage(Tenant, u64),
    /// A version of a package for sale, by its number.
    SoldVersion(Tenant, u64),
    /// The same in the list of its package: number of the package, number of the version.
    SoldVersionOf(Tenant, u64, u64),
    /// The last number that a seller has given.
    Sequence(Tenant, Sequence),
    /// A token of the product API by its hash.
    ProductToken(Sha256),
    /// The same in its tenant's list.
    ProductTokenOf(Tenant, Sha256),
    /// A product, by its name.
    Product(Tenant, String),
    /// A version of a product: `uid` of the product, version.
    ProductVersion(String, String),
    /// An entity by its id.
    Entity(String),
    /// An entity by its short name.
    EntitySlug(String),
    /// A version of an entity: id of the entity, version.
    EntityVersion(String, String),
    /// Which version an id names: id of the entity, id of the version.
    EntityVersionId(String, String),
    /// The `package.json` of a version of an entity: id of the entity, version.
    EntityPackageJson(String, String),
    /// Versions of an entity by the digest of their sources: id of the entity, digest.
    EntitySource(String, String),
    /// An entity in the list of one of its publishers.
    EntityOfUser(UserId, String),
    /// An entity in the list of the organisation that owns it.
    EntityOfOrg(OrgSlug, String),
    /// An entity in the list of a user it is shared with.
    SharedWith(UserId, String),
    /// An entity in the list of a user who has shared it.
    SharedBy(UserId, String),
    /// An entity in the store of an organisation.
    StoreEntry(OrgSlug, String),
    /// A user by a verified e-mail address, in lower case.
    UserEmail(String),
    /// Files that are handed over in two steps.
    Handover(String),
    /// A watched library of a repository, by its id.
    Watched(RepoId, String),
    /// Which watched library of a repository has these coordinates: `group:artifact`.
    WatchedName(RepoId, String),
    /// A watched library in the list of all of them: part of the list, repository, id.
    WatchedOfAll(u8, RepoId, String),
    /// Who watches an artifact of a repository here: that repository, `group:artifact`, repository that watches, id.
    WatcherOf(RepoId, String, RepoId, String),
    /// A build of a repository, by its id.
    Build(RepoId, String),
    /// Which build a version of a watched library has: repository, id of the library, version.
    BuildOf(RepoId, String, String),
    /// A build that somebody has to go on with: part of the list, repository, id.
    BuildUnderWay(u8, RepoId, String),
    /// Which repository a build is of, by its id.
    BuildById(String),
    /// A look at a watched library that has been announced.
    PollPending(RepoId, String),
}

impl Key {
    /// What the sort keys of the files of one version begin with.
    pub fn files_of(version: &str) -> String {
        format!("FILE#{version}/")
    }

    /// Whether there can be such a row. Keys are made of what requests name, and DynamoDB takes one that is too long
    /// or empty for an invalid request, which would look like a store that is down; it is a row that is not there.
    pub(crate) fn is_possible(&self) -> bool {
        (1..=MAX_PK).contains(&self.pk().len()) && (1..=MAX_SK).contains(&self.sk().len())
    }

    /// Whether sort keys of the partition can begin with the text.
    pub(crate) fn can_begin(&self, prefix: &str) -> bool {
        (1..=MAX_PK).contains(&self.pk().len()) && prefix.len() <= MAX_SK
    }

    /// The table that holds the row.
    pub fn table(&self) -> Table {
        match self {
            Self::Login(_)
            | Self::SignIn(_)
            | Self::Upload(_)
            | Self::Handover(_)
            | Self::BuildToken(_)
            | Self::Session(_)
            | Self::SessionOf(..)
            | Self::PollPending(..)
            | Self::Holder(..)
            | Self::Expectation(..) => Table::Ephemeral,
            Self::Downloads(..) | Self::DownloadTotal(_) | Self::RepoDownloads(_) => Table::Counters,
            _ => Table::Registry,
        }
    }

    /// Partition key.
    pub fn pk(&self) -> String {
        match self {
            Self::Token(hash) => format!("TOKEN#{}", hash.as_str()),
            Self::BuildToken(hash) => format!("BUILDTOKEN#{}", hash.as_str()),
            Self::Session(hash) => format!("SESSION#{}", hash.as_str()),
            Self::SessionOf(user, _) => format!("SESSIONS#{user}"),
            Self::TokenOf(subject, _) => format!("SUBJECT#{subject}"),
            Self::User(id)
            | Self::OrgOf(id, _)
            | Self::RepoOfUser(id, _)
            | Self::EntityOfUser(id, _)
            | Self::SharedWith(id, _)
            | Self::SharedBy(id, _) => format!("USER#{id}"),
            Self::Org(slug)
            | Self::RepoOfOrg(slug, _)
            | Self::EntityOfOrg(slug, _)
            | Self::StoreEntry(slug, _) => format!("ORG#{slug}"),
            Self::Repo(id) | Self::Usage(id) => format!("REPO#{id}"),
            Self::PackageOf(package) | Self::FetchedPackageOf(package) => format!("REPO#{}", package.repo),
            Self::PublicRepo(_) => "PUBLIC".into(),
            Self::Head(package)
            | Self::Version(package, _)
            | Self::Readme(package, _)
            | Self::File(package, _, _) => format!("PKG#{package}"),
            Self::MavenPlugin(repo, group, _) => format!("MAVEN#{repo}/{group}"),
            Self::SwiftSource(repo, _, _) => format!("SWIFT#{repo}"),
            Self::Blob(digest) => format!("BLOB#{digest}"),
            Self::Audit(scope, month, _) => format!("AUDIT#{scope}#{month}"),
            Self::Outbox(shard, _) => format!("OUTBOX#{shard}"),
            Self::Login(id) => format!("LOGIN#{id}"),
            Self::SignIn(id) => format!("SIGNIN#{id}"),
            Self::Upload(id) => format!("UPLOAD#{id}"),
            Self::Holder(owner, digest, _) => format!("HELD#{owner}#{digest}"),
            Self::Expectation(package, _, _) => format!("EXPECT#{package}"),
            Self::Downloads(package, _, _) | Self::DownloadTotal(package) => format!("DL#{package}"),
            Self::RepoDownloads(repo) => format!("DLREPO#{repo}"),
            Self::LicenceKey(hash) => format!("LICENCEKEY#{}", hash.as_str()),
            Self::ConsumerKey(hash) => format!("CONSUMERKEY#{}", hash.as_str()),
            Self::Licence(tenant, _)
            | Self::Consumer(tenant, _)
            | Self::ConsumerEmail(tenant, _, _)
            | Self::Permission(tenant, _)
            | Self::SoldPackage(tenant, _)
            | Self::SoldVersion(tenant, _)
            | Self::SoldVersionOf(tenant, _, _)
            | Self::Sequence(tenant, _) => format!("SELLER#{tenant}"),
            Self::ProductToken(hash) => format!("PRODUCTTOKEN#{hash}"),
            Self::ProductTokenOf(tenant, _) | Self::Product(tenant, _) => format!("PRODUCTS#{tenant}"),
            Self::ProductVersion(uid, _) => format!("PRODUCT#{uid}"),
            Self::Entity(id)
            | Self::EntityVersion(id, _)
            | Self::EntityVersionId(id, _)
            | Self::EntityPackageJson(id, _)
            | Self::EntitySource(id, _) => format!("ENTITY#{id}"),
            Self::EntitySlug(slug) => format!("ENTITYSLUG#{slug}"),
            Self::UserEmail(email) => format!("EMAIL#{email}"),
            Self::Handover(id) => format!("HANDOVER#{id}"),
            Self::Watched(repo, _)
            | Self::WatchedName(repo, _)
            | Self::Build(repo, _)
            | Self::BuildOf(repo, _, _) => {
                format!("KMP#{repo}")
            }
            Self::WatchedOfAll(shard, _, _) => format!("WATCHED#{shard}"),
            Self::PollPending(repo, _) => format!("POLL#{repo}"),
            Self::WatcherOf(source, _, _, _) => format!("WATCHERS#{source}"),
            Self::BuildUnderWay(shard, _, _) => format!("BUILDS#{shard}"),
            Self::BuildById(id) => format!("BUILD#{id}"),
        }
    }

    /// Sort key.
    pub fn sk(&self) -> String {
        match self {
            Self::Token(_) | Self::ProductToken(_) | Self::BuildToken(_) => "TOKEN".into(),
            Self::TokenOf(_, id) => format!("TOKEN#{id}"),
            Self::Session(_) => "SESSION".into(),
            Self::SessionOf(_, id) => format!("SESSION#{id}"),
            Self::User(_) => "PROFILE".into(),
            Self::Org(_) => "ORG".into(),
            Self::OrgOf(_, slug) => format!("ORG#{slug}"),
            Self::Repo(_) => "REPO".into(),
            Self::RepoOfUser(_, id) | Self::RepoOfOrg(_, id) | Self::PublicRepo(id) => format!("REPO#{id}"),
            Self::Usage(_) => "USAGE".into(),
            Self::PackageOf(package) => format!("PKG#{}#{}", package.kind, package.name),
            Self::FetchedPackageOf(package) => format!("UPKG#{}#{}", package.kind, package.name),
            Self::Head(_) => "HEAD".into(),
            Self::Version(_, version)
            | Self::ProductVersion(_, version)
            | Self::EntityVersion(_, version) => {
                format!("VER#{version}")
            }
            Self::Readme(_, version) => format!("README#{version}"),
            // A version has no slash, so the files of one version are never among those of another.
            Self::File(_, version, file) | Self::Expectation(_, version, file) => {
                format!("FILE#{version}/{file}")
            }
            Self::MavenPlugin(_, _, artifact) => format!("PLUGIN#{artifact}"),
            // An address has no `#`.
            Self::SwiftSource(_, source, package) => format!("{source}#{package}"),
            Self::Blob(_) => "BLOB".into(),
            Self::Audit(_, _, id) | Self::Outbox(_, id) => id.clone(),
            Self::Login(_) => "LOGIN".into(),
            Self::SignIn(_) => "SIGNIN".into(),
            Self::Upload(_) => "UPLOAD".into(),
            Self::Holder(_, _, repo) => format!("REPO#{repo}"),
            Self::Downloads(_, version, day) => format!("DAY#{day}#{version}"),
            Self::DownloadTotal(_) | Self::RepoDownloads(_) => "TOTAL".into(),
            Self::LicenceKey(_) | Self::ConsumerKey(_) => "KEY".into(),
            Self::Licence(_, id) => format!("LICENCE#{id}"),
            // As many digits as the largest number has, so that texts are in the order of the numbers.
            Self::Consumer(_, id) => format!("CONSUMER#{id:020}"),
            // The number is last, and an address may contain anything but a line feed.
            Self::ConsumerEmail(_, email, id) => format!("EMAIL#{email}\n{id:020}"),
            Self::Permission(_, id) => format!("PERMISSION#{id:020}"),
            Self::SoldPackage(_, id) => format!("PACKAGE#{id:020}"),
            Self::SoldVersion(_, id) => format!("VERSION#{id:020}"),
            Self::SoldVersionOf(_, package, id) => format!("OF#{package:020}#{id:020}"),
            Self::Sequence(_, sequence) => format!("SEQUENCE#{}", sequence.name()),
            Self::ProductTokenOf(_, hash) => format!("TOKEN#{hash}"),
            Self::Product(_, name) => format!("PRODUCT#{name}"),
            Self::Entity(_) => "ENTITY".into(),
            Self::EntitySlug(_) => "SLUG".into(),
            Self::EntityVersionId(_, id) => format!("ID#{id}"),
            Self::EntityPackageJson(_, version) => format!("PACKAGEJSON#{version}"),
            Self::EntitySource(_, hash) => format!("SOURCE#{hash}"),
            Self::EntityOfUser(_, id) | Self::EntityOfOrg(_, id) => format!("ENTITY#{id}"),
            Self::SharedWith(_, id) => format!("SHARED#{id}"),
            Self::SharedBy(_, id) => format!("SHARES#{id}"),
            Self::StoreEntry(_, id) => format!("STORE#{id}"),
            Self::UserEmail(_) => "USER".into(),
            Self::Handover(_) => "HANDOVER".into(),
            Self::Watched(_, id) | Self::PollPending(_, id) => format!("WATCHED#{id}"),
            Self::WatchedName(_, name) => format!("NAME#{name}"),
            Self::WatchedOfAll(_, repo, id) | Self::BuildUnderWay(_, repo, id) => format!("{repo}#{id}"),
            // Neither coordinates nor names of repositories have a `#`.
            Self::WatcherOf(_, name, repo, id) => format!("{name}#{repo}#{id}"),
            Self::Build(_, id) => format!("BUILD#{id}"),
            Self::BuildOf(_, watched, version) => format!("OF#{watched}#{version}"),
            Self::BuildById(_) => "BUILD".into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn package(repo: &str, kind: PackageType, name: &str) -> PackageKey {
        PackageKey { repo: repo.parse().unwrap(), kind, name: name.into() }
    }

    fn tenant(name: &str, uid: Option<&str>) -> Tenant {
        Tenant { subject: Subject::Org(name.parse().unwrap()), uid: uid.map(str::to_owned) }
    }

    #[test]
    fn a_tenant_covers_what_it_owns_and_nothing_of_its_name_before() {
        let repo = |org: Option<(&str, &str)>| RepoRow {
            org: org.map(|(slug, _)| slug.parse().unwrap()),
            org_uid: org.map(|(_, uid)| uid.into()),
            ..RepoRow::new(
                "libs".parse().unwrap(),
                "r1".into(),
                "ann".parse().unwrap(),
                granary_model::Timestamp::from_millis(0),
            )
        };
        let (own, of_org) = (repo(None), repo(Some(("acme", "o1"))));
        let user = |id: &str| Tenant { subject: Subject::User(id.parse().unwrap()), uid: None };
        let single = |id: &str, uid: &str| Tenant {
            subject: Subject::Repo(id.parse().unwrap()),
            uid: Some(uid.into()),
        };
        // Each tenant against a repository of ann's own, and against one that she made in an organisation.
        for (tenant, owns, in_org) in [
            (user("ann"), true, false),
            (user("bob"), false, false),
            (tenant("acme", Some("o1")), false, true),
            (tenant("acme", Some("o0")), false, false),
            (tenant("acme", None), false, false),
            (single("libs", "r1"), true, true),
            (single("libs", "r0"), false, false),
            (single("other", "r1"), false, false),
        ] {
            assert_eq!((tenant.covers(&own), tenant.covers(&of_org)), (owns, in_org), "{tenant}");
        }
    }

    #[test]
    fn numbers_are_listed_in_their_order() {
        let mut keys: Vec<String> =
            [10_u64, 9, 100, 1].iter().map(|id| Key::Consumer(tenant("aa", None), *id).sk()).collect();
        keys.sort();
        let expected = [1_u64, 9, 10, 100].map(|id| format!("CONSUMER#{id:020}"));
        assert_eq!(keys, expected);
    }

    #[test]
    fn names_that_concatenate_alike_have_different_keys() {
        let mut seen = HashSet::new();
        for key in [
            Key::Head(package("aa", PackageType::Npm, "b-1")),
            Key::Head(package("aa-b", PackageType::Npm, "1")),
            Key::Head(package("aa", PackageType::Raw, "b-1")),
            Key::Head(package("aa", PackageType::Npm, "@x/y")),
            Key::Head(package("aa", PackageType::Npm, "x/y")),
            Key::Version(package("aa", PackageType::Npm, "b"), "1-1.0.0".into()),
            Key::Version(package("aa", PackageType::Npm, "b-1"), "1.0.0".into()),
            Key::Readme(package("aa", PackageType::Npm, "b-1"), "1.0.0".into()),
            Key::File(package("aa", PackageType::Raw, "b-1"), "1".into(), "x".into()),
            Key::File(package("aa", PackageType::Raw, "b-1"), "1-x".into(), "x".into()),
            Key::SwiftSource("aa".parse().unwrap(), "h/x".into(), "b.c".into()),
            Key::PackageOf(package("aa", PackageType::Npm, "b-1")),
            Key::FetchedPackageOf(package("aa", PackageType::Npm, "b-1")),
            Key::Usage("aa".parse().unwrap()),
            Key::Repo("aa".parse().unwrap()),
            Key::TokenOf(Subject::Org("aa".parse().unwrap()), "t".into()),
            Key::TokenOf(Subject::Repo("aa".parse().unwrap()), "t".into()),
            Key::TokenOf(Subject::User("aa".parse().unwrap()), "t".into()),
            Key::Licence(tenant("aa", Some("1")), "1".into()),
            Key::Licence(tenant("aa", None), "1".into()),
            Key::Consumer(tenant("aa", None), 1),
            Key::Consumer(tenant("aa", None), 11),
            Key::ConsumerEmail(tenant("aa", None), "a@b".into(), 1),
            Key::ConsumerEmail(tenant("aa", None), "a@b.c".into(), 1),
            Key::Permission(tenant("aa", None), 1),
            Key::SoldPackage(tenant("aa", None), 1),
            Key::SoldVersion(tenant("aa", None), 1),
            Key::SoldVersionOf(tenant("aa", None), 1, 1),
            Key::SoldVersionOf(tenant("aa", None), 11, 1),
            Key::Sequence(tenant("aa", None), Sequence::Packages),
            Key::Sequence(tenant("aa", None), Sequence::Versions),
            Key::Product(tenant("aa", None), "1".into()),
            Key::Product(tenant("aa", Some("1")), "1".into()),
            Key::ProductTokenOf(tenant("aa", None), Sha256::from_bytes([0; 32])),
            Key::ProductVersion("aa".into(), "1".into()),
            Key::Entity("aa".into()),
            Key::EntityVersion("aa".into(), "1".into()),
            Key::EntityVersionId("aa".into(), "1".into()),
            Key::EntityPackageJson("aa".into(), "1".into()),
            Key::EntitySource("aa".into(), "1".into()),
            Key::EntityOfUser("aa".parse().unwrap(), "1".into()),
            Key::SharedWith("aa".parse().unwrap(), "1".into()),
            Key::SharedBy("aa".parse().unwrap(), "1".into()),
            Key::EntityOfOrg("aa".parse().unwrap(), "1".into()),
            Key::StoreEntry("aa".parse().unwrap(), "1".into()),
        ] {
            assert!(seen.insert((key.pk(), key.sk())), "{key:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn package_keys_are_injective(
            a in ("[a-z][a-z0-9-]{0,6}[a-z0-9]", "[a-z@/.-]{1,8}"),
            b in ("[a-z][a-z0-9-]{0,6}[a-z0-9]", "[a-z@/.-]{1,8}"),
        ) {
            let make = |(repo, name): &(String, String)| repo.parse().ok().map(|repo| Key::Head(PackageKey { repo, kind: PackageType::Npm, name: name.clone() }));
            if let (Some(first), Some(second)) = (make(&a), make(&b)) {
                proptest::prop_assert_eq!(first == second, first.pk() == second.pk());
            }
        }
    }
}
