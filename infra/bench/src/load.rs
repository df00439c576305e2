//! Filling a repository in bulk.

use std::io::Write as _;
use std::num::NonZeroU64;
use std::ops::Range;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, ensure};
use clap::Args;
use futures::{StreamExt as _, TryStreamExt as _};
use granary_model::npm::{NpmName, NpmVersion};
use granary_model::{PackageType, RepoId, SystemClock};
use granary_storage::{PackageKey, Storage};
use serde_json::{Value, json};

use crate::copies::{Integrity, Original};
use crate::npm::publish_body;
use crate::registry::{Client, Registry};
use crate::{Place, print};

/// Bytes of a tarball.
const TARBALL: usize = 10_000;

/// Packages whose rows are made and written together.
const CHUNK: u64 = 1_000;

/// Chunks that are under way at the same time: while one waits for the disk others are made, and writes that wait share a
/// flush.
const AT_ONCE: usize = 16;

/// The package with many versions.
const VERSIONED: &str = "versioned";

/// The form that installing asks for.
const ABBREVIATED: &str = "application/vnd.npm.install-v1+json";

/// What to fill, and with what.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    place: Place,

    /// The repository to make, private and for npm; with --grow, one that is there
    #[arg(long, value_name = "NAME")]
    repo: RepoId,

    /// Packages of one version to put into it, `package-0000000` and so on
    #[arg(long, value_name = "N", default_value_t = 0)]
    packages: u64,

    /// Versions of one more package, `versioned`: 1.0.0, 1.0.1 and so on; 0: no such package
    #[arg(long, value_name = "M", default_value_t = 0)]
    versions: u64,

    /// Give a package of the repository, whose only version is 1.0.0, N versions: 1.0.0, 1.0.1 and so on; repeatable.
    /// The integrity of those that are added is made up, so only their metadata is of use
    #[arg(long, value_name = "NAME=N", conflicts_with_all = ["packages", "versions"])]
    grow: Vec<Growth>,
}

/// A package, and how many versions it is to have.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Growth {
    name: NpmName,
    versions: NonZeroU64,
}

impl FromStr for Growth {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let (name, versions) = text.rsplit_once('=').context("it is NAME=N")?;
        let versions = versions.parse().context("N is a whole number above 0")?;
        Ok(Self { name: name.parse()?, versions })
    }
}

/// Fills a repository. Progress goes to standard error, what is in it then to standard output.
pub(crate) async fn load(options: Options) -> anyhow::Result<()> {
    let Options { place, repo, packages, versions, grow } = options;
    let registry = Registry::open(&place.data, &place.public_url, Arc::new(SystemClock)).await?;
    let client = registry.process(None)?;
    let content = if grow.is_empty() {
        make(&client, &repo, packages, versions).await?
    } else {
        for growth in &grow {
            grow_published(&client, &repo, growth).await?;
        }
        let grown = grow.iter().map(|one| (one.name.to_string(), one.versions.get().into()));
        json!({ "repo": repo, "grown": grown.collect::<serde_json::Map<String, Value>>() })
    };
    client.state().write_counts().await?;
    print(content);
    Ok(())
}

/// Makes a repository with packages in it, and says what is in it then.
async fn make(client: &Client, repo: &RepoId, packages: u64, versions: u64) -> anyhow::Result<Value> {
    client.make("/api/repos", &json!({ "name": repo, "packageTypes": ["npm"] })).await?;
    if packages > 0 {
        fill(client, repo, packages).await?;
    }
    if versions > 0 {
        grow(client, repo, VERSIONED, versions).await?;
    }
    Ok(json!({
        "repo": repo, "packages": packages, "first": name_of(0)?,
        "versions": versions, "versioned": VERSIONED, "latest": format!("1.0.{}", versions.saturating_sub(1)),
    }))
}

/// Publishes the first version of a package, and follows it up.
async fn publish(client: &Client, repo: &RepoId, name: &NpmName) -> anyhow::Result<Original> {
    let body = publish_body(name.as_str(), "1.0.0", TARBALL)?;
    let path = format!("/api/npm/{repo}/{}", name.escaped());
    client.send(("PUT", &path), &[("content-type", "application/json")], body.into(), 201).await?;
    client.settle().await?;
    original(client, repo, name).await
}

/// A package that has been published once.
async fn original(client: &Client, repo: &RepoId, name: &NpmName) -> anyhow::Result<Original> {
    let package = PackageKey { repo: repo.clone(), kind: PackageType::Npm, name: name.key() };
    Original::read(client.storage(), package).await.with_context(|| format!("{name} in {repo}"))
}

/// Name of a package by its number, in the order of the numbers.
fn name_of(number: u64) -> anyhow::Result<NpmName> {
    Ok(format!("package-{number:07}").parse()?)
}

/// Puts packages of one version into a repository.
async fn fill(client: &Client, repo: &RepoId, packages: u64) -> anyhow::Result<()> {
    let original = Arc::new(publish(client, repo, &name_of(0)?).await?);
    if packages > 1 {
        original.count(client.storage(), packages - 1, packages - 1).await?;
    }
    let began = Instant::now();
    let starts = (1..packages).step_by(usize::try_from(CHUNK)?);
    let chunks = starts.map(|start| start..(start + CHUNK).min(packages));
    let mut written = futures::stream::iter(chunks)
        .map(|chunk| write(Arc::clone(&original), client.storage().clone(), chunk))
        .buffer_unordered(AT_ONCE);
    let mut done = 1;
    while let Some(count) = written.try_next().await? {
        // The chunks are of one size, but for the last.
        let before = done / 50_000;
        done += count;
        if done / 50_000 > before || done == packages {
            writeln!(std::io::stderr(), "{done} packages after {} s", began.elapsed().as_secs())?;
        }
    }
    ensure!(done == packages, "{done} packages were written instead of {packages}");
    Ok(())
}

/// Writes a chunk of packages, on whichever thread is free, and says how many they were.
async fn write(original: Arc<Original>, storage: Storage, chunk: Range<u64>) -> anyhow::Result<u64> {
    let count = chunk.end - chunk.start;
    let writing = tokio::spawn(async move {
        let mut rows = Vec::with_capacity(3 * usize::try_from(count)?);
        for number in chunk {
            rows.extend(original.package(&name_of(number)?)?);
        }
        storage.put_all(&rows).await?;
        anyhow::Ok(())
    });
    writing.await??;
    Ok(count)
}

/// Makes a package with many versions, and has its documents rendered.
pub(crate) async fn grow(client: &Client, repo: &RepoId, name: &str, versions: u64) -> anyhow::Result<()> {
    let original = publish(client, repo, &name.parse()?).await?;
    multiply(client.storage(), &original, versions, Integrity::Shared).await?;
    // What the server does after a publish: later readers find them in the bucket.
    for accept in [ABBREVIATED, "application/json"] {
        client.get(&format!("/api/npm/{repo}/{name}"), &[("accept", accept)], 200).await?;
    }
    Ok(())
}

/// Gives a package that others have published once many versions. Its documents are left to the server, which renders
/// them for its own address when they are asked for.
async fn grow_published(client: &Client, repo: &RepoId, growth: &Growth) -> anyhow::Result<()> {
    let original = original(client, repo, &growth.name).await?;
    multiply(client.storage(), &original, growth.versions.get(), Integrity::MadeUp).await
}

/// Writes the rows of a package that is to have so many versions, and counts those that are new.
async fn multiply(
    storage: &Storage,
    original: &Original,
    versions: u64,
    integrity: Integrity,
) -> anyhow::Result<()> {
    let all: Vec<NpmVersion> =
        (0..versions).map(|number| Ok(format!("1.0.{number}").parse()?)).collect::<anyhow::Result<_>>()?;
    let rows = original.versions(&all, integrity)?;
    if versions > 1 {
        original.count(storage, versions - 1, 0).await?;
    }
    storage.put_all(&rows).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;
    use granary_model::{FixedClock, Timestamp};
    use granary_publish::compress::gunzip;
    use granary_publish::digests::Digests;
    use granary_storage::Key;
    use granary_storage::rows::{BlobRow, HeadRow, PackageEntry, UsageRow, VersionRow};
    use tempfile::TempDir;

    use super::*;

    async fn registry() -> (Client, RepoId, RepoId, TempDir) {
        let folder = TempDir::new().unwrap();
        let clock = Arc::new(FixedClock::new(Timestamp::from_millis(1_790_000_000_000)));
        let registry = Registry::open(folder.path(), "http://localhost:8080", clock).await.unwrap();
        let client = registry.process(None).unwrap();
        for name in ["copied", "published"] {
            client.make("/api/repos", &json!({ "name": name, "packageTypes": ["npm"] })).await.unwrap();
        }
        (client, "copied".parse().unwrap(), "published".parse().unwrap(), folder)
    }

    /// The rows of a package, without what tells two repositories and two tarballs apart.
    async fn rows(client: &Client, repo: &RepoId, name: &str, version: &str) -> Vec<Value> {
        let package = PackageKey { repo: repo.clone(), kind: PackageType::Npm, name: name.into() };
        let storage = client.storage();
        let mut head: HeadRow = storage.get(&Key::Head(package.clone())).await.unwrap().unwrap();
        let entry: PackageEntry = storage.get(&Key::PackageOf(package.clone())).await.unwrap().unwrap();
        let key = Key::Version(package, version.into());
        let mut row: VersionRow = storage.get(&key).await.unwrap().unwrap();
        head.repo_uid = String::new();
        row.facts = gunzip(&row.facts).unwrap();
        for file in &mut row.files {
            *file = Digests::of(b"").file(file.name.clone(), &file.content_type);
        }
        let mut facts: Value = serde_json::from_slice(&std::mem::take(&mut row.facts)).unwrap();
        // That of the tarball, whose sources name the package.
        facts["unpacked_size"] = 0.into();
        vec![json!(head), json!(entry), json!(row), facts]
    }

    async fn usage(client: &Client, repo: &RepoId) -> [u64; 3] {
        let row: UsageRow = client.storage().get(&Key::Usage(repo.clone())).await.unwrap().unwrap();
        [row.bytes, row.versions, row.packages]
    }

    /// Publishes so many versions, one by one.
    async fn publish_versions(client: &Client, count: u64) {
        for number in 0..count {
            let body = publish_body(VERSIONED, &format!("1.0.{number}"), TARBALL).unwrap();
            let headers = [("content-type", "application/json")];
            let place = ("PUT", "/api/npm/published/versioned");
            client.send(place, &headers, body.into(), 201).await.unwrap();
        }
    }

    #[tokio::test]
    async fn copied_packages_are_what_publishing_writes() {
        let (client, copied, published, _folder) = registry().await;
        fill(&client, &copied, 1_003).await.unwrap();
        for number in [0, 1, 1_002] {
            let name = name_of(number).unwrap();
            publish(&client, &published, &name).await.unwrap();
            let [ours, theirs] =
                [&copied, &published].map(|repo| rows(&client, repo, name.as_str(), "1.0.0"));
            assert_eq!(ours.await, theirs.await, "{name}");
            for path in [name.to_string(), format!("-/tarball/{name}/1.0.0"), format!("{name}/1.0.0")] {
                client.get(&format!("/api/npm/copied/{path}"), &[], 200).await.unwrap();
            }
        }
        client.get("/api/npm/copied/package-0001003", &[], 404).await.unwrap();
        let [bytes, versions, packages] = usage(&client, &copied).await;
        assert_eq!([versions, packages], [1_003, 1_003]);
        assert_eq!(bytes % 1_003, 0);
        let found = client.get("/api/repos/copied/packages?limit=1000", &[], 200).await.unwrap();
        let found: Value = serde_json::from_slice(&found.body).unwrap();
        assert_eq!(found["packages"].as_array().unwrap().len(), 1_000);
        assert!(found["next"].is_string());
    }

    #[tokio::test]
    async fn copied_versions_are_what_publishing_writes() {
        let (client, copied, published, _folder) = registry().await;
        grow(&client, &copied, VERSIONED, 30).await.unwrap();
        publish_versions(&client, 30).await;
        for version in ["1.0.0", "1.0.13", "1.0.29"] {
            let mut both = Vec::new();
            for repo in [&copied, &published] {
                let mut found = rows(&client, repo, VERSIONED, version).await;
                // The clock stands still, so versions that are published in a row have one time.
                for (row, member) in
                    [(0, "created_at"), (0, "modified_at"), (1, "updated_at"), (2, "published_at")]
                {
                    found[row][member] = 0.into();
                }
                both.push(found);
            }
            assert_eq!(both[0], both[1], "{version}");
            let path = format!("/api/npm/copied/-/tarball/versioned/{version}");
            client.get(&path, &[], 200).await.unwrap();
        }
        assert_eq!(usage(&client, &copied).await[1..], [30, 1]);
        let document = client.get("/api/npm/copied/versioned", &[], 200).await.unwrap();
        let document: Value = serde_json::from_slice(&document.body).unwrap();
        assert_eq!(document["versions"].as_object().unwrap().len(), 30);
        assert_eq!(document["dist-tags"]["latest"], "1.0.29");
        let times = &document["time"];
        assert!(times["1.0.0"].as_str() < times["1.0.1"].as_str(), "{times}");
        assert_eq!(times["created"], times["1.0.0"]);
    }

    #[tokio::test]
    async fn the_shared_tarball_is_counted_for_each_copy() {
        let (client, copied, _, _folder) = registry().await;
        fill(&client, &copied, 12).await.unwrap();
        let package = PackageKey { repo: copied, kind: PackageType::Npm, name: name_of(5).unwrap().key() };
        let row: Option<VersionRow> =
            client.storage().get(&Key::Version(package, "1.0.0".into())).await.unwrap();
        let blob: Option<BlobRow> =
            client.storage().get(&Key::Blob(row.unwrap().files[0].sha256)).await.unwrap();
        assert_eq!(blob.unwrap().refs, 12);
    }

    #[tokio::test]
    async fn a_grown_package_is_answered_like_one_that_was_published() {
        let (client, grown, _, _folder) = registry().await;
        publish(&client, &grown, &VERSIONED.parse().unwrap()).await.unwrap();
        let growth: Growth = "versioned=300".parse().unwrap();
        grow_published(&client, &grown, &growth).await.unwrap();
        publish_versions(&client, 300).await;
        for accept in [ABBREVIATED, "application/json"] {
            let mut documents = Vec::new();
            let mut sizes = Vec::new();
            for repo in ["copied", "published"] {
                let path = format!("/api/npm/{repo}/versioned");
                let plain = client.get(&path, &[("accept", accept)], 200).await.unwrap().body;
                let headers = [("accept", accept), ("accept-encoding", "gzip")];
                let packed = client.get(&path, &headers, 200).await.unwrap();
                assert_eq!(packed.header("content-encoding").unwrap(), "gzip");
                sizes.push([plain.len(), packed.body.len()]);
                documents.push(serde_json::from_slice::<Value>(&plain).unwrap());
            }
            for (ours, theirs) in sizes[0].into_iter().zip(sizes[1]) {
                assert!(ours.abs_diff(theirs) * 20 < theirs, "{ours} instead of {theirs} bytes of {accept}");
            }
            for member in ["shasum", "integrity"] {
                let said = |document: &Value, version: &str| {
                    document["versions"][version]["dist"][member].as_str().unwrap().to_owned()
                };
                let different: std::collections::BTreeSet<String> =
                    (0..300).map(|number| said(&documents[0], &format!("1.0.{number}"))).collect();
                assert_eq!(different.len(), 300, "{member}");
                assert_eq!(said(&documents[0], "1.0.0"), said(&documents[1], "1.0.0"));
            }
        }
        assert_eq!(usage(&client, &grown).await[1..], [300, 1]);
        client.get("/api/npm/copied/-/tarball/versioned/1.0.299", &[], 200).await.unwrap();
    }

    #[tokio::test]
    async fn only_packages_with_the_first_version_grow() {
        let (client, copied, published, _folder) = registry().await;
        publish_versions(&client, 2).await;
        let growth: Growth = "versioned=3".parse().unwrap();
        let error = grow_published(&client, &published, &growth).await.unwrap_err();
        assert_eq!(format!("{error:#}"), "versioned in published: the package has 2 versions");
        let error = grow_published(&client, &copied, &growth).await.unwrap_err();
        assert_eq!(format!("{error:#}"), "versioned in copied: the package has no head");
        let body = publish_body(VERSIONED, "2.0.0", TARBALL).unwrap();
        let place = ("PUT", "/api/npm/copied/versioned");
        client.send(place, &[("content-type", "application/json")], body.into(), 201).await.unwrap();
        let error = grow_published(&client, &copied, &growth).await.unwrap_err();
        assert!(error.to_string().contains("none of those"), "{error}");
        assert_eq!(usage(&client, &copied).await[1..], [1, 1]);
    }

    /// The command line's options.
    fn options(data: &str, more: &[&str]) -> Result<Options, clap::Error> {
        let begin = ["granary-bench", "load", "--data", data, "--repo", "libs"];
        let parsed = crate::Cli::try_parse_from(begin.iter().chain(more))?;
        let crate::Command::Load(options) = parsed.command else { panic!("it is another command") };
        Ok(options)
    }

    #[tokio::test]
    async fn a_folder_that_was_filled_before_is_grown() {
        let folder = TempDir::new().unwrap();
        let data = folder.path().to_str().unwrap();
        load(options(data, &["--packages", "3"]).unwrap()).await.unwrap();
        let more = ["--grow", "package-0000001=4", "--grow", "package-0000002=2"];
        load(options(data, &more).unwrap()).await.unwrap();
        let clock = Arc::new(SystemClock);
        let registry = Registry::open(folder.path(), "http://localhost:8080", clock).await.unwrap();
        let client = registry.process(None).unwrap();
        for (number, versions) in [1, 4, 2].into_iter().enumerate() {
            let path = format!("/api/npm/libs/package-000000{number}");
            let document = client.get(&path, &[], 200).await.unwrap();
            let document: Value = serde_json::from_slice(&document.body).unwrap();
            assert_eq!(document["versions"].as_object().unwrap().len(), versions, "{number}");
        }
        assert_eq!(usage(&client, &"libs".parse().unwrap()).await[1..], [7, 3]);
    }

    #[test]
    fn what_is_to_grow_is_looked_at_first() {
        assert_eq!(options("data", &["--grow", "@acme/many=20"]).unwrap().grow[0].versions.get(), 20);
        for wrong in ["many", "many=", "many=0", "many=-1", "many=few", "=3", "a b=3"] {
            assert!(options("data", &["--grow", wrong]).is_err(), "{wrong}");
        }
        for other in ["--packages", "--versions"] {
            assert!(options("data", &["--grow", "many=3", other, "1"]).is_err(), "{other}");
        }
    }
}
