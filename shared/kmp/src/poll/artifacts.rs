//! Maven repositories of this registry as sources: their rows are read directly.

use granary_model::PackageType;
use granary_model::maven::{Coordinates, MavenVersion};
use granary_model::{OrgRole, RepoId, Visibility};
use granary_storage::rows::{HeadRow, KmpMarker, KmpSource, OrgRow, StoredFileRow, VersionRow, WatchedRef};
use granary_storage::{ObjectKey, PackageKey, Storage, Transaction};

use super::{Found, Key, KmpConfig, Listed, RepoRow, Result, Validators, WatchedRow, Work};
use crate::module::{LIMIT, Module, Place};

/// The libraries that may be watching an artifact of a repository. A list only says where to look.
pub async fn watchers(storage: &Storage, source: &PackageKey) -> Result<Vec<WatchedRef>> {
    // The last two only say which partition to list.
    let first = Key::WatcherOf(source.repo.clone(), String::new(), source.repo.clone(), String::new());
    storage.list_all(&first, &format!("{}#", source.name)).await
}

fn watcher(watched: &WatchedRow, source: RepoId) -> Key {
    let name = format!("{}:{}", watched.group, watched.artifact);
    Key::WatcherOf(source, name, watched.repo.clone(), watched.id.clone())
}

/// Makes sure that a publish into the source of a library leads to it, and one into the source that it was last looked for in
/// does not any more: the repository that watches may have got another one since.
pub(super) async fn enlist(work: &Work<'_>, watched: &WatchedRow, config: &KmpConfig) -> Result<()> {
    let source = config.source_repo_id.as_ref().filter(|_| config.source_type == KmpSource::Artifacts);
    let last = watched.poll.source.as_deref().and_then(|source| source.strip_prefix("repo:"));
    let last: Option<RepoId> = last.and_then(|id| id.parse().ok());
    if let Some(last) = last.filter(|last| source != Some(last)) {
        work.storage.delete(&watcher(watched, last)).await?;
    }
    let Some((source, uid)) = source.zip(config.source_repo_uid.as_ref()) else { return Ok(()) };
    let key = watcher(watched, source.clone());
    if work.storage.get::<WatchedRef>(&key).await?.is_some() {
        return Ok(());
    }
    let mut transaction = Transaction::new();
    transaction.put("watcher", &key, &WatchedRef { repo: watched.repo.clone(), id: watched.id.clone() })?;
    transaction.require("watched", Key::Watched(watched.repo.clone(), watched.id.clone()));
    transaction.require_repo("source", source, uid);
    // Refused: nobody watches it any more, or the source is gone, and whatever has its name is none of this library's.
    work.storage.commit(transaction).await.map(drop)
}

/// Takes a library off the list of those that watch an artifact, if it does not: it is gone, or its repository has another
/// source now. Whether it was.
///
/// Should it watch the artifact again, the next look puts it back.
pub async fn unlist(storage: &Storage, source: &PackageKey, place: &WatchedRef) -> Result<bool> {
    let WatchedRef { repo, id } = place;
    let (watched_key, repo_key) = (Key::Watched(repo.clone(), id.clone()), Key::Repo(repo.clone()));
    let source_key = Key::Repo(source.repo.clone());
    let (watched, row, source_row) = tokio::try_join!(
        Box::pin(storage.get::<WatchedRow>(&watched_key)),
        Box::pin(storage.get::<RepoRow>(&repo_key)),
        Box::pin(storage.get::<RepoRow>(&source_key)),
    )?;
    let config = row
        .as_ref()
        .filter(|row| watched.is_some_and(|watched| watched.repo_uid == row.uid))
        .and_then(super::config_of);
    let is_watching =
        config.zip(source_row.as_ref()).is_some_and(|(config, source)| config.is_source(source));
    if !is_watching {
        let key = Key::WatcherOf(source.repo.clone(), source.name.clone(), repo.clone(), id.clone());
        storage.delete(&key).await?;
    }
    Ok(!is_watching)
}

/// The versions of a library in a repository here, as whoever owns the repository that watches may read them.
pub(super) async fn list(
    work: &Work<'_>,
    watched: &WatchedRow,
    repo: &RepoRow,
    config: &KmpConfig,
) -> Result<Listed> {
    // As of one that does not exist; and without its name: whoever may read this repository reads these words.
    let hidden = || {
        Listed::Failed(
            "kmpConfig.sourceRepoId of this repository names none that its owner may read: have its owner invited there, or set \
             kmpConfig again, which has to be done as well when the source was deleted and made anew"
                .into(),
            None,
        )
    };
    let Some(id) = &config.source_repo_id else {
        return Ok(Listed::Failed("the kmpConfig of this repository names no source".into(), None));
    };
    let package = package(watched, id);
    let head_key = Key::Head(package.clone());
    let (source, head) =
        tokio::try_join!(Box::pin(source_here(work, repo, config)), work.storage.get::<HeadRow>(&head_key))?;
    let Some(source) = source else { return Ok(hidden()) };
    let known = head.filter(|head| head.repo_uid == source.uid && head.versions > 0);
    let Some(head) = known else {
        return Ok(Listed::Failed(
            format!(
                "the source repository has no {}:{}; check groupId and artifactId",
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

/// The repository here that another one has its libraries from, if it is still the one that was named there and the owner of
/// the other one may read it. Asked at each step: the name of a source may be somebody else's by now, who could make it
/// readable and have whatever is in it built and published.
pub(crate) async fn source_here(
    work: &Work<'_>,
    repo: &RepoRow,
    config: &KmpConfig,
) -> Result<Option<RepoRow>> {
    let Some(id) = &config.source_repo_id else { return Ok(None) };
    let source: Option<RepoRow> = work.storage.get(&Key::Repo(id.clone())).await?;
    let Some(source) = source.filter(|source| config.is_source(source)) else { return Ok(None) };
    Ok(may_read(work, repo, &source).await?.then_some(source))
}

/// Whether the owner of a repository may read another one.
async fn may_read(work: &Work<'_>, repo: &RepoRow, source: &RepoRow) -> Result<bool> {
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

/// The newest version, if it is new and not whole. A library is published as hundreds of files, of which the root module may
/// come first.
pub(super) async fn held_back<'a>(
    work: &Work<'_>,
    watched: &WatchedRow,
    config: &KmpConfig,
    found: &'a Found,
) -> Result<Option<&'a MavenVersion>> {
    let (Some(source), Some(newest)) = (&config.source_repo_id, found.newest_stable()) else {
        return Ok(None);
    };
    let marker = Key::BuildOf(watched.repo.clone(), watched.id.clone(), newest.to_string());
    if work.storage.get::<KmpMarker>(&marker).await?.is_some() {
        return Ok(None);
    }
    let is_whole = is_whole(work, watched, source, newest).await?;
    Ok((!is_whole).then_some(newest))
}

/// Whether all modules are there that the root module of a version points to; or it is nothing that could be built, which is
/// for the build to say.
async fn is_whole(
    work: &Work<'_>,
    watched: &WatchedRow,
    source: &RepoId,
    version: &MavenVersion,
) -> Result<bool> {
    let root =
        Place { group: watched.group.clone(), artifact: watched.artifact.clone(), version: version.clone() };
    let Some(bytes) = module_bytes(work, source, &root).await? else { return Ok(false) };
    let Ok(module) = Module::read(&bytes) else { return Ok(true) };
    let keys: Vec<Key> =
        module.needed(&watched.outputs).into_iter().map(|place| file_key(source, place)).collect();
    let files: Vec<Option<StoredFileRow>> = work.storage.read_all(&keys).await?;
    Ok(files.iter().all(|file| file.as_ref().is_some_and(StoredFileRow::is_live)))
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
