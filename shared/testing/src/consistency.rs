//! What must hold of the stores at any moment, whatever failed or raced before.

use std::collections::BTreeMap;

use granary_model::composer::ComposerVersion;
use granary_model::{PackageType, RepoId, Sha256};
use granary_publish::OUTBOX_SHARDS;
use granary_storage::rows::{
    BlobRow, Event, HeadRow, OutboxRow, PackageEntry, UsageRow, VersionRow, VersionStatus,
};
use granary_storage::{Key, PackageKey};

use crate::app::TestApp;

/// What the stores hold of a repository's packages, in a form that tests compare.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stored {
    /// `name@version` of each live version.
    pub live: Vec<String>,
    /// `name@version` of each deleted version.
    pub tombstones: Vec<String>,
    /// Digests of the objects below `blobs/`.
    pub blobs: Vec<String>,
    /// Number of records in the repository's audit log of this month.
    pub audit: usize,
    /// Events that wait in the outbox.
    pub waiting: Vec<Event>,
}

impl TestApp {
    /// The key of an npm package.
    pub fn package_key(&self, repo: &str, name: &str) -> PackageKey {
        PackageKey { repo: repo.parse().unwrap(), kind: PackageType::Npm, name: name.to_lowercase() }
    }

    /// All version rows of a package, tombstones included.
    pub async fn versions(&self, package: &PackageKey) -> Vec<VersionRow> {
        self.state().storage().list_all(&Key::Version(package.clone(), String::new()), "VER#").await.unwrap()
    }

    /// Events that wait in the outbox, oldest first.
    pub async fn outbox(&self) -> Vec<OutboxRow> {
        let mut rows: Vec<OutboxRow> = Vec::new();
        for shard in 0..OUTBOX_SHARDS {
            let key = Key::Outbox(shard, String::new());
            rows.extend(self.state().storage().list_all::<OutboxRow>(&key, "").await.unwrap());
        }
        rows.sort_by(|a, b| a.id.cmp(&b.id));
        rows
    }

    /// Digests of all stored bytes.
    pub async fn blobs(&self) -> Vec<String> {
        let paths = self.state().storage().list_objects("blobs/sha256/", None).await.unwrap();
        paths.into_iter().map(|path| path.rsplit('/').next().unwrap().to_owned()).collect()
    }

    /// What is stored of a repository, after checking that all of it agrees:
    ///
    /// - list, head and version rows name the same versions, and tags name live ones;
    /// - usage is the sum of the live files;
    /// - each live file's bytes are there, and no blob is counted too low or too high. This holds only if
    ///   the repository is the only one that holds files.
    pub async fn check_consistency(&self, repo: &str) -> Stored {
        self.check_packages(repo, PackageType::Npm).await
    }

    /// The same for the packages of another protocol whose versions are committed whole.
    pub async fn check_packages(&self, repo: &str, kind: PackageType) -> Stored {
        self.check_protocols(repo, &[kind]).await
    }

    /// The same for a repository that has packages of several protocols.
    pub async fn check_protocols(&self, repo: &str, kinds: &[PackageType]) -> Stored {
        let storage = self.state().storage();
        let id: RepoId = repo.parse().unwrap();
        let mut stored = Stored::default();
        let (mut usage, mut files) = (UsageRow::default(), BTreeMap::<Sha256, (u64, u64)>::new());
        let of_kind = |kind: PackageType, name: &str| PackageKey { kind, ..self.package_key(repo, name) };
        let mut entries: Vec<(PackageType, PackageEntry)> = Vec::new();
        for kind in kinds {
            let first = Key::PackageOf(of_kind(*kind, ""));
            let prefix = if kinds.len() == 1 { "PKG#".to_owned() } else { format!("PKG#{kind}#") };
            let listed: Vec<PackageEntry> = storage.list_all(&first, &prefix).await.unwrap();
            entries.extend(listed.into_iter().map(|entry| (*kind, entry)));
        }
        for (kind, entry) in entries {
            let key = of_kind(kind, &entry.name);
            let head: HeadRow =
                storage.get(&Key::Head(key.clone())).await.unwrap().expect("a listed package has a head");
            let versions = self.versions(&key).await;
            let live: Vec<&VersionRow> =
                versions.iter().filter(|row| row.status == VersionStatus::Live).collect();
            let name = |row: &VersionRow| format!("{}@{}", entry.name, row.version);
            stored.live.extend(live.iter().map(|row| name(row)));
            stored
                .tombstones
                .extend(versions.iter().filter(|row| row.status != VersionStatus::Live).map(name));
            assert_eq!(head.versions, live.len() as u64, "{} {live:?}", entry.name);
            assert_eq!(entry.versions, head.versions, "{}", entry.name);
            assert_eq!((&entry.name, &entry.latest), (&head.name, &head.latest().map(str::to_owned)));
            assert_eq!(head.latest().is_some(), !live.is_empty(), "{}", entry.name);
            for (tag, version) in &head.tags {
                // Composer's keys are normalised, and a tag is what people read.
                let key = match kind {
                    PackageType::Composer => {
                        version.parse::<ComposerVersion>().unwrap().normalized().to_owned()
                    }
                    _ => version.clone(),
                };
                assert!(live.iter().any(|row| row.version == key), "{} {tag} {version}", entry.name);
            }
            usage.packages += u64::from(!live.is_empty());
            for row in live {
                usage.versions += 1;
                for file in &row.files {
                    usage.bytes += file.size;
                    files.entry(file.sha256).or_insert((0, file.size)).0 += 1;
                }
            }
        }
        let counted: Option<UsageRow> = storage.get(&Key::Usage(id)).await.unwrap();
        assert_eq!(counted.unwrap_or_default(), usage);
        for (digest, (holders, size)) in &files {
            assert_eq!(storage.blob_size(*digest).await.unwrap(), Some(*size), "{digest}");
            let row: BlobRow =
                storage.get(&Key::Blob(*digest)).await.unwrap().expect("held bytes are counted");
            assert_eq!((row.refs, row.doomed), (*holders, false), "{digest}");
        }
        stored.blobs = self.blobs().await;
        for digest in &stored.blobs {
            let digest: Sha256 = digest.parse().unwrap();
            let row: BlobRow =
                storage.get(&Key::Blob(digest)).await.unwrap().expect("stored bytes are counted");
            assert_eq!(row.refs, files.get(&digest).map_or(0, |(holders, _)| *holders), "{digest}");
        }
        stored.audit = self.audit(&format!("repo:{repo}")).await.len();
        stored.waiting = self.outbox().await.into_iter().map(|row| row.event).collect();
        stored
    }
}
