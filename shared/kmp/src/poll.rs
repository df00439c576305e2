//! Looking for new versions of watched libraries.

mod artifacts;
mod discovery;
mod pending;

use std::collections::BTreeSet;

use granary_model::maven::MavenVersion;
use granary_model::{Error, PackageType, Result, Timestamp};
use granary_publish::Change;
use granary_publish::maven::listing::read_versions;
use granary_storage::rows::{KmpConfig, KmpSource, PollState, RepoRow, WatchedRow};
use granary_storage::{Commit, Key, Transaction};
use url::Url;

use crate::Work;
use crate::poll::discovery::Found;
use crate::source::{Answer, Validators};

pub(crate) use artifacts::{module_bytes, source_here};
pub use artifacts::{unlist, watchers};
pub use discovery::new_build;
pub use pending::{PollMessage, announce};

/// Longest list of versions, in bytes.
const LIST_LIMIT: usize = 1024 * 1024;

/// How long a source that has failed is left alone, in milliseconds, doubled with each failure up to 64 times as long.
const BACKOFF_MILLIS: i64 = 60_000;

/// What became of a look at one library. Not finding anything is none of the errors.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PollOutcome {
    /// Versions that are going to be built by themselves.
    pub new_versions: Vec<String>,
    /// Versions that were only noted.
    pub discovered_versions: Vec<String>,
    /// How many builds were made that begin by themselves.
    pub builds_triggered: usize,
    /// What went wrong, for whoever watches the library.
    pub errors: Vec<String>,
    /// Whether the newest version is still being published, so that it is worth looking again soon.
    pub incomplete: bool,
}

/// What a source says.
enum Listed {
    Versions(Vec<MavenVersion>, Validators),
    Unchanged,
    Failed(String, Option<i64>),
}

/// Where the libraries of a repository come from; `None` if it watches nothing, or not any more.
pub fn config_of(repo: &RepoRow) -> Option<&KmpConfig> {
    let is_watching = !repo.deleting && repo.package_types.contains(&PackageType::Kmp);
    repo.kmp_config.as_ref().filter(|_| is_watching)
}

/// Whether the source of a library may be asked by the schedule now. One that has failed is left alone for a while, if it is
/// somebody else's, and still the same one.
pub fn may_ask(work: &Work<'_>, watched: &WatchedRow, config: &KmpConfig) -> bool {
    let PollState { not_before, source, .. } = &watched.poll;
    let has_to_wait = work.now.millis() < *not_before;
    let is_same = source.as_deref() == Some(described(config).as_str());
    !(has_to_wait && is_same && config.source_type == KmpSource::External)
}

/// What is said to a person who asks for a look while the source has asked to be left alone; `None` if it may be asked.
///
/// After a failure of which the source has said nothing, people look again when they like.
pub fn refusal(work: &Work<'_>, watched: &WatchedRow, config: &KmpConfig) -> Option<String> {
    let PollState { told_to_wait, not_before, error, .. } = &watched.poll;
    (*told_to_wait && !may_ask(work, watched, config)).then(|| {
        let why = error.as_deref().unwrap_or("the source asks to be left alone");
        format!("{why}; it wants to be asked again after {}", Timestamp::from_millis(*not_before))
    })
}

/// Looks at the source of a library and makes builds of what is new there. Safe to do twice, and at the same time: of each
/// version there is one build.
///
/// # Errors
/// Of the stores only. What is wrong with the source is told in the outcome, and kept.
pub async fn poll_watched(work: &Work<'_>, watched: &WatchedRow, repo: &RepoRow) -> Result<PollOutcome> {
    let config = config_of(repo).ok_or_else(|| {
        Error::BadRequest(format!("repository '{}' has no kmpConfig, so there is nothing to watch", repo.id))
    })?;
    let source = described(config);
    artifacts::enlist(work, watched, config).await?;
    let listed = match config.source_type {
        KmpSource::External => external(work, watched, &source).await?,
        KmpSource::Artifacts => artifacts::list(work, watched, repo, config).await?,
    };
    let mut outcome = PollOutcome::default();
    let state = match listed {
        Listed::Unchanged => checked(work, watched, &source, None),
        Listed::Failed(why, until) => {
            let state = failed(work, watched, &source, &why, until);
            outcome.errors.push(why);
            state
        }
        Listed::Versions(versions, validators) => {
            let found = Found::of(&versions);
            let held_back = match config.source_type {
                KmpSource::Artifacts => artifacts::held_back(work, watched, config, &found).await?,
                KmpSource::External => None,
            };
            outcome.incomplete = held_back.is_some();
            discovery::record(work, watched, &found, held_back, &mut outcome).await?;
            // What was only looked at in part is looked at again, whatever the source says of changes.
            let validators =
                if outcome.incomplete || found.was_cut { Validators::default() } else { validators };
            let error = held_back.map(|version| {
                format!(
                    "the newest version {version} waits: its module metadata, or that of a module which it points to, is not in \
                     the source yet"
                )
            });
            PollState { error, ..checked(work, watched, &source, Some(validators)) }
        }
    };
    keep(work, watched, state).await?;
    Ok(outcome)
}

/// What a source is called where it is compared with another one.
fn described(config: &KmpConfig) -> String {
    match (&config.source_url, &config.source_repo_id) {
        (Some(url), _) => url.clone(),
        (None, Some(repo)) => format!("repo:{repo}"),
        (None, None) => String::new(),
    }
}

async fn external(work: &Work<'_>, watched: &WatchedRow, source: &str) -> Result<Listed> {
    let Some(url) = document(source, watched) else {
        return Ok(Listed::Failed("the sourceUrl of this repository is no address".into(), None));
    };
    let PollState { etag, last_modified, source: of, .. } = &watched.poll;
    let is_same = of.as_deref() == Some(source);
    let known = Validators { etag: etag.clone(), last_modified: last_modified.clone() };
    let known = if is_same { known } else { Validators::default() };
    Ok(match work.kmp.sources()?.get(&url, &known, LIST_LIMIT, work.now).await {
        Answer::Document(bytes, validators) => match read_versions(&bytes) {
            Ok(versions) => Listed::Versions(versions, validators),
            Err(error) => Listed::Failed(error.to_string(), None),
        },
        Answer::Unchanged => Listed::Unchanged,
        Answer::Missing => Listed::Failed(
            format!("the source has no {}:{}; check groupId and artifactId", watched.group, watched.artifact),
            None,
        ),
        Answer::Later(until, why) => Listed::Failed(why, until.map(Timestamp::millis)),
        Answer::Failed(why) => Listed::Failed(why, None),
    })
}

/// Address of a library's list of versions.
fn document(source: &str, watched: &WatchedRow) -> Option<Url> {
    let base = Url::parse(&format!("{}/", source.trim_end_matches('/'))).ok()?;
    base.join(&format!("{}/{}/maven-metadata.xml", watched.group.directory(), watched.artifact)).ok()
}

/// The state after a look that went well. `None` for validators: nothing has changed.
fn checked(work: &Work<'_>, watched: &WatchedRow, source: &str, new: Option<Validators>) -> PollState {
    let Validators { etag, last_modified } = new.unwrap_or_else(|| Validators {
        etag: watched.poll.etag.clone(),
        last_modified: watched.poll.last_modified.clone(),
    });
    PollState {
        etag,
        last_modified,
        source: Some(source.to_owned()),
        checked_at: work.now.millis(),
        not_before: 0,
        told_to_wait: false,
        failures: 0,
        error: None,
    }
}

fn failed(work: &Work<'_>, watched: &WatchedRow, source: &str, why: &str, until: Option<i64>) -> PollState {
    let is_same = watched.poll.source.as_deref() == Some(source);
    // Another source begins anew.
    let known = if is_same { watched.poll.clone() } else { PollState::default() };
    let failures = known.failures.saturating_add(1);
    let backoff = BACKOFF_MILLIS << (failures - 1).min(6);
    PollState {
        source: Some(source.to_owned()),
        checked_at: work.now.millis(),
        not_before: until.unwrap_or_else(|| work.now.plus_millis(backoff).millis()),
        told_to_wait: until.is_some(),
        failures,
        error: Some(why.to_owned()),
        ..known
    }
}

/// Keeps what is known, unless somebody has changed the library meanwhile: then the next look finds out by itself.
async fn keep(work: &Work<'_>, watched: &WatchedRow, poll: PollState) -> Result<()> {
    let row = WatchedRow { poll, rev: watched.rev + 1, ..watched.clone() };
    let mut transaction = Transaction::new();
    let key = Key::Watched(watched.repo.clone(), watched.id.clone());
    transaction.put_rev("watched", &key, &row, Some(watched.rev))?;
    if let Commit::Refused(_) = work.storage.commit(transaction).await? {
        tracing::debug!(kmp.watched = %watched.id, "a watched library was changed while it was looked at");
    }
    Ok(())
}
