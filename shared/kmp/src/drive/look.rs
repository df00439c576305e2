//! A look at a library before anything is spent on it.

use granary_model::kmp::AppleTarget;
use granary_model::{Error, Result};
use granary_storage::Key;
use granary_storage::rows::{BuildRow, KmpConfig, KmpSource, RepoRow};
use url::Url;

use super::{outstanding, repositories};
use crate::Work;
use crate::module::{LIMIT, Module, Place};
use crate::poll::{module_bytes, source_here};
use crate::source::{Answer, Validators};

/// What was seen.
pub(super) enum Seen {
    /// It can be built, from where the repository says, and for these targets if a Swift package is wanted.
    Fine(KmpConfig, Vec<AppleTarget>),
    /// It cannot, and waiting does not help.
    Unbuildable(String),
    /// The source does not answer as it should; perhaps later.
    Later(Option<granary_model::Timestamp>, String),
}

/// Reads the root module of a version and compares it with what is wanted.
pub(super) async fn look(work: &Work<'_>, build: &BuildRow) -> Result<Seen> {
    let repo: Option<RepoRow> = work.storage.get(&Key::Repo(build.repo.clone())).await?;
    let repo = repo.filter(|repo| repo.uid == build.repo_uid && !repo.deleting);
    let Some(repo) = repo else { return Ok(Seen::Unbuildable("the repository is gone".into())) };
    let Some(config) = repo.kmp_config.clone() else {
        return Ok(Seen::Unbuildable("the repository has no kmpConfig any more".into()));
    };
    let bytes = match config.source_type {
        KmpSource::External => match external(work, build, &config).await? {
            Ok(bytes) => bytes,
            Err(seen) => return Ok(seen),
        },
        KmpSource::Artifacts => match here(work, build, &repo, &config).await? {
            Some(bytes) => Some(bytes),
            None => return Ok(Seen::Unbuildable(missing(build))),
        },
    };
    let Some(bytes) = bytes else { return Ok(Seen::Unbuildable(missing(build))) };
    Ok(match Module::read(&bytes) {
        Err(error @ Error::Internal(_)) => return Err(error),
        Err(error) => Seen::Unbuildable(error.to_string()),
        Ok(module) => {
            let wanted = outstanding(build);
            match module.lacks(&wanted) {
                Some(why) => Seen::Unbuildable(why),
                None => Seen::Fine(config, module.targets(&wanted)),
            }
        }
    })
}

fn root(build: &BuildRow) -> Place {
    Place { group: build.group.clone(), artifact: build.artifact.clone(), version: build.version.clone() }
}

fn missing(build: &BuildRow) -> String {
    format!(
        "the source has no module metadata {}, which says what the library offers: it was published without Gradle, or is \
         no Kotlin Multiplatform library",
        root(build).path()
    )
}

async fn external(
    work: &Work<'_>,
    build: &BuildRow,
    config: &KmpConfig,
) -> Result<std::result::Result<Option<bytes::Bytes>, Seen>> {
    let sources = match repositories(work, config) {
        Ok(sources) => sources,
        Err(error) => return Ok(Err(Seen::Unbuildable(error.to_string()))),
    };
    let base = sources.first().map(String::as_str).unwrap_or_default();
    let Ok(url) = Url::parse(&format!("{base}/{}", root(build).path())) else {
        return Ok(Err(Seen::Unbuildable("the sourceUrl of this repository is no address".into())));
    };
    Ok(match work.kmp.sources()?.get(&url, &Validators::default(), LIMIT, work.now).await {
        Answer::Document(bytes, _) => Ok(Some(bytes)),
        Answer::Missing | Answer::Unchanged => Ok(None),
        Answer::Later(until, why) => Err(Seen::Later(until, why)),
        Answer::Failed(why) => Err(Seen::Later(None, why)),
    })
}

/// From a repository here, if it is still the one that was named and the owner of the one that builds may read it.
async fn here(
    work: &Work<'_>,
    build: &BuildRow,
    repo: &RepoRow,
    config: &KmpConfig,
) -> Result<Option<bytes::Bytes>> {
    match source_here(work, repo, config).await? {
        Some(source) => module_bytes(work, &source.id, &root(build)).await,
        None => Ok(None),
    }
}
