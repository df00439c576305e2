//! Maven repositories of this registry as sources: their rows are read directly.

use granary_model::PackageType;
use granary_model::maven::{Coordinates, MavenVersion};
use granary_model::{OrgRole, RepoId, Visibility};
use granary_storage::rows::{HeadRow, OrgRow, StoredFileRow, VersionRow, WatchedRef};
use granary_storage::{ObjectKey, PackageKey, Storage};

use super::{Key, KmpConfig, Listed, RepoRow, Result, Validators, WatchedRow, Work};
use crate::module::{LIMIT, Module, Place};

/// Whether a version is whole. A library is published as hundreds of files, of which the root module may come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readiness {
    /// What its root module points to is there; or it is nothing that could be built, which is for the build to say.
    Complete,
    /// Some of it is not.
    Incomplete,
}

/// The libraries that watch an artifact of a repository. A list only says where to look.
pub async fn watchers(storage: &Storage, source: &PackageKey) -> Result<Vec<WatchedRef>> {
    // The last two only say which partition to list.
    let first = Key::WatcherOf(source.repo.clone(), String::new(), source.repo.clone(), String::new());
    storage.list_all(&first, &format!("{}#", source.name)).await
}

/// The versions of a library in a repository here, as whoever owns the repository that watches may read them.
pub(super) async fn list(
    work: &Work<'_>,
    watched: &WatchedRow,
    repo: &RepoRow,
    config: &KmpConfig,
) -> Result<Listed> {
    // As of one that does not exist.
    let hidden = |id: &RepoId| {
        Listed::Failed(format!("there is no repository '{id}' that the owner of this one may read"), None)
    };
    let Some(id) = &config.source_repo_id else {
        return Ok(Listed::Failed("the kmpConfig of this repository names no source".into(), None));
    };
    let package = package(watched, id);
    let (repo_key, head_key) = (Key::Repo(id.clone()), Key::Head(package.clone()));
    let (source, head) = tokio::try_join!(
        work.storage.get::<RepoRow>(&repo_key),
        work.storage.get::<HeadRow>(&head_key),
    )?;
    let Some(source) = source.filter(|source| !source.deleting) else { return Ok(hidden(id)) };
    if !may_read(work, repo, &source).await? {
        return Ok(hidden(id));
    }
    let known = head.filter(|head| head.repo_uid == source.uid && head.versions > 0);
    let Some(head) = known else {
        return Ok(Listed::Failed(
            format!(
                "repository '{id}' has no {}:{}; check groupId and artifactId",
                watched.group, watched.artifact
            ),
            None,
        ));
    };
    let etag = format!("{}:{}", source.uid, head.rev);
    if watched.poll.etag.as_deref() == Some(etag.as_str())
        && watched.poll.source.as_deref() == Some(super::described(config).as_str())
    {
        return Ok(Listed::Unchanged);
    }
    let rows: Vec<VersionRow> = work.storage.list_all(&Key::Version(package, String::new()), "VER#").await?;
    let versions = rows.iter().filter(|row| row.is_live() && row.complete);
    let versions = versions.filter_map(|row| row.version.parse::<MavenVersion>().ok()).collect();
    Ok(Listed::Versions(versions, Validators { etag: Some(etag), last_modified: None }))
}

fn package(watched: &WatchedRow, source: &RepoId) -> PackageKey {
    let name = format!("{}:{}", watched.group, watched.artifact);
    PackageKey { repo: source.clone(), kind: PackageType::Maven, name }
}

/// Whether the owner of a repository may read another one. Asked at each look: the name of a source may be somebody else's
/// by now.
pub(crate) async fn may_read(work: &Work<'_>, repo: &RepoRow, source: &RepoRow) -> Result<bool> {
    let is_own = source.visibility == Visibility::Public
        || source.members.contains_key(&repo.owner_id)
        || (source.org.is_some() && source.org == repo.org && source.org_uid == repo.org_uid);
    if is_own {
        return Ok(true);
    }
    let Some(slug) = &source.org else { return Ok(false) };
    let org: Option<OrgRow> = work.storage.get(&Key::Org(slug.clone())).await?;
    let role = org
        .filter(|org| source.org_uid.as_ref() == Some(&org.uid))
        .and_then(|org| org.members.get(&repo.owner_id).copied());
    Ok(role.is_some_and(|role| role >= OrgRole::Admin))
}

/// Whether all modules are there that the root module of a version points to.
pub(super) async fn readiness(
    work: &Work<'_>,
    watched: &WatchedRow,
    config: &KmpConfig,
    version: &MavenVersion,
) -> Result<Readiness> {
    let Some(source) = &config.source_repo_id else { return Ok(Readiness::Complete) };
    let root =
        Place { group: watched.group.clone(), artifact: watched.artifact.clone(), version: version.clone() };
    let Some(bytes) = module_bytes(work, source, &root).await? else { return Ok(Readiness::Incomplete) };
    let Ok(module) = Module::read(&bytes) else { return Ok(Readiness::Complete) };
    let keys: Vec<Key> =
        module.needed(&watched.outputs).into_iter().map(|place| file_key(source, place)).collect();
    let files: Vec<Option<StoredFileRow>> = work.storage.read_all(&keys).await?;
    let is_there = |file: &Option<StoredFileRow>| file.as_ref().is_some_and(StoredFileRow::is_live);
    Ok(if files.iter().all(is_there) { Readiness::Complete } else { Readiness::Incomplete })
}

/// The metadata of a module in a repository here, if it is there.
pub(crate) async fn module_bytes(
    work: &Work<'_>,
    source: &RepoId,
    place: &Place,
) -> Result<Option<bytes::Bytes>> {
    let file: Option<StoredFileRow> = work.storage.get(&file_key(source, place)).await?;
    let Some(file) = file.filter(|file| file.is_live() && file.file.size <= LIMIT as u64) else {
        return Ok(None);
    };
    work.storage.get_object(&ObjectKey::Blob(file.file.sha256)).await
}

fn file_key(source: &RepoId, place: &Place) -> Key {
    let Place { group, artifact, version } = place.clone();
    let name = format!("{artifact}-{version}.module");
    let coordinates = Coordinates { group, artifact, version };
    let package = PackageKey { repo: source.clone(), kind: PackageType::Maven, name: coordinates.key() };
    Key::File(package, coordinates.version.to_string(), name)
}
