//! Handing over what a job has uploaded, or why there is nothing.

use granary_model::kmp::BuildStatus;
use granary_model::swift::SwiftVersion;
use granary_model::{Error, PackageType, Result};
use granary_publish::Change;
use granary_publish::upload::parts::arrivals;
use granary_publish::upload::state::{LIFETIME_MILLIS, load};
use granary_storage::rows::{BuildResults, BuildRow, UploadRow, UploadStatus, VersionRow};
use granary_storage::{Commit, Key, PackageKey, Transaction};
use serde::Deserialize;

use super::sessions::Sessions;
use super::{JobBuild, ROUNDS, overtaken};
use crate::Work;
use crate::store;
use crate::token::packages;

/// Most characters of a reason that are kept.
const LONGEST_REASON: usize = 2_000;

/// What a job hands over: an upload for each package that is wanted, or the reason of a failure. With both, what is given is
/// published, and the build has failed all the same.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Completion {
    /// The npm package.
    pub npm: Option<UploadRef>,
    /// The Swift package.
    pub swift: Option<UploadRef>,
    /// Why there is not all of it.
    pub error: Option<String>,
}

/// An upload session.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct UploadRef {
    /// Its id; `None` if the version was found to be published already when the session was to begin.
    pub upload_id: Option<String>,
}

impl Completion {
    fn results(&self) -> BuildResults {
        let id = |upload: &Option<UploadRef>| upload.as_ref().and_then(|upload| upload.upload_id.clone());
        BuildResults { npm: id(&self.npm), swift: id(&self.swift) }
    }

    fn has_uploads(&self) -> bool {
        self.npm.is_some() || self.swift.is_some()
    }

    /// The reason, bounded.
    fn reason(&self) -> Option<String> {
        let text = self.error.as_deref()?;
        let kept = text.chars().filter(|c| !c.is_control() || *c == '\n').take(LONGEST_REASON);
        let kept = kept.collect::<String>().trim().to_owned();
        Some(if kept.is_empty() { "the job has failed and gave no reason".into() } else { kept })
    }
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Completed {
    /// It is going to be published.
    Accepted,
    /// The build is over.
    Over(BuildStatus),
}

/// Takes what a job hands over. Doing it twice is harmless.
///
/// # Errors
/// `BadRequest` that names what does not fit what the build is to publish, `Conflict` if the build was not claimed, is over,
/// or has been handed over with something else.
pub async fn complete(work: &Work<'_>, wanted: &JobBuild<'_>, completion: &Completion) -> Result<Completed> {
    if !completion.has_uploads() && completion.error.is_none() {
        return Err(Error::BadRequest(
            "name the uploads as {\"npm\":{\"uploadId\":..},\"swift\":{\"uploadId\":..}}, or the reason of the failure as \
             {\"error\":..}"
                .into(),
        ));
    }
    for _ in 0..ROUNDS {
        let build = wanted.find(work).await?;
        match build.status {
            BuildStatus::Building if build.claimed_by.is_some() => {}
            BuildStatus::Success if build.results.as_ref() == Some(&completion.results()) => {
                return Ok(Completed::Over(build.status));
            }
            BuildStatus::Success => return Err(Error::Conflict("this build is published already".into())),
            BuildStatus::Failed if !completion.has_uploads() => return Ok(Completed::Over(build.status)),
            BuildStatus::Failed => {
                let why = build.error.as_deref().unwrap_or("no reason is known");
                return Err(Error::Conflict(format!("this build has failed: {why}")));
            }
            _ => return Err(Error::Conflict("no run has claimed this build; start it first".into())),
        }
        let done = if completion.has_uploads() {
            hand_over(work, &build, completion).await?
        } else {
            give_up(work, &build, completion).await?
        };
        if let Some(done) = done {
            return Ok(done);
        }
    }
    Err(overtaken())
}

/// `None`: somebody else was faster.
async fn hand_over(work: &Work<'_>, build: &BuildRow, completion: &Completion) -> Result<Option<Completed>> {
    let results = completion.results();
    if let Some(known) = &build.results {
        if *known != results {
            return Err(Error::Conflict("this build has been completed with other uploads".into()));
        }
        store::tell(work, build).await;
        return Ok(Some(Completed::Accepted));
    }
    let sessions = match sessions(work, build, completion).await {
        Ok(sessions) => sessions,
        Err(error) => {
            // The same call, made a second time, finds uploads that the first one has taken since the build was read.
            let now = store::load(work, &build.repo, &build.id).await?;
            return if now.is_none_or(|now| now.rev != build.rev) { Ok(None) } else { Err(error) };
        }
    };
    let mut next = BuildRow {
        results: Some(results),
        error: completion.reason(),
        look_at: work.now.millis(),
        ..build.clone()
    };
    let change = Change::by_system(work.ids, work.now);
    let mut transaction = Transaction::new();
    store::write(work, build, &mut next, &change, &mut transaction, "kmp.complete")?;
    sessions.put(&mut transaction, |row| {
        row.status = UploadStatus::Processing;
        row.worked_until = 0;
        // What has been accepted in time must not expire while it waits to be verified.
        row.expires_at = work.now.plus_millis(LIFETIME_MILLIS).seconds();
    })?;
    if let Commit::Refused(_) = work.storage.commit(transaction).await? {
        return Ok(None);
    }
    store::tell(work, &next).await;
    Ok(Some(Completed::Accepted))
}

/// The sessions of what is handed over.
async fn sessions(work: &Work<'_>, build: &BuildRow, completion: &Completion) -> Result<Sessions> {
    Ok(Sessions {
        npm: checked(work, build, PackageType::Npm, completion).await?,
        swift: checked(work, build, PackageType::Swift, completion).await?,
    })
}

/// The session of one of the two packages, if it is what the build is to publish and all there.
async fn checked(
    work: &Work<'_>,
    build: &BuildRow,
    kind: PackageType,
    completion: &Completion,
) -> Result<Option<UploadRow>> {
    let refuse = |why: String| Err(Error::BadRequest(format!("{kind}: {why}")));
    let given = if kind == PackageType::Npm { &completion.npm } else { &completion.swift };
    let wanted = packages(build).into_iter().find(|(of, ..)| *of == kind);
    let (given, (_, name, version)) = match (given, wanted) {
        (None, None) => return Ok(None),
        (None, Some(_)) if completion.error.is_some() => return Ok(None),
        (None, Some((_, name, version))) => {
            return refuse(format!(
                "the build is to publish {name} {version}; name its upload, or why there is none"
            ));
        }
        (Some(_), None) => {
            return refuse("the build is not to publish such a package, or has done so".into());
        }
        (Some(given), Some(wanted)) => (given, wanted),
    };
    let Some(id) = &given.upload_id else {
        if is_published(work, build, kind, &name, &version).await? {
            return Ok(None);
        }
        return refuse(format!("{name} {version} is not published, so there has to be an upload of it"));
    };
    // Unknown ones and those of others read alike.
    let strange = || format!("the upload '{}' is none of this build", id.escape_debug());
    let found = load(work.storage, id, work.now).await?;
    let is_own = |row: &UploadRow| row.build.as_ref() == Some(&(build.id.clone(), build.attempt));
    let Some(row) = found.filter(is_own) else { return refuse(strange()) };
    let is_it = row.repo == build.repo
        && row.repo_uid == build.repo_uid
        && row.subject.kind() == kind
        && row.subject.package().as_deref() == Some(&name)
        && row.subject.version() == Some(&version);
    if !is_it {
        return refuse(format!("the upload '{}' is not of {name} {version}", id.escape_debug()));
    }
    if row.status != UploadStatus::Open {
        return refuse(format!("the upload '{}' is not open any more; begin a new one", id.escape_debug()));
    }
    let arrived = arrivals(work.storage, &row).await?;
    if arrived.iter().any(|(arrival, _)| !arrival.is_whole()) {
        return refuse("the file has not arrived whole yet; GET the upload for what is missing".into());
    }
    Ok(Some(row))
}

/// Whether a version that a build is to publish is there.
pub(super) async fn is_published(
    work: &Work<'_>,
    build: &BuildRow,
    kind: PackageType,
    name: &str,
    version: &str,
) -> Result<bool> {
    let package = PackageKey { repo: build.repo.clone(), kind, name: name.to_owned() };
    let key = match kind {
        PackageType::Swift => version.parse::<SwiftVersion>()?.key(),
        _ => version.to_owned(),
    };
    let row: Option<VersionRow> = work.storage.get(&Key::Version(package, key)).await?;
    Ok(row.is_some_and(|row| row.is_live()))
}

/// Ends a build because its job says so. `None`: somebody else was faster.
async fn give_up(work: &Work<'_>, build: &BuildRow, completion: &Completion) -> Result<Option<Completed>> {
    let why = completion.reason().unwrap_or_default();
    Ok(super::fail(work, build, &why).await?.then_some(Completed::Over(BuildStatus::Failed)))
}

/// Ends a build, and the sessions that were handed over, by a failure. `false`: somebody else was faster.
pub(super) async fn fail(work: &Work<'_>, build: &BuildRow, sessions: &Sessions, why: &str) -> Result<bool> {
    let mut next = BuildRow {
        status: BuildStatus::Failed,
        error: Some(why.chars().take(LONGEST_REASON).collect()),
        results: None,
        completed_at: Some(work.now),
        deadline_at: 0,
        look_at: 0,
        ..build.clone()
    };
    let change = Change::by_system(work.ids, work.now);
    let mut transaction = Transaction::new();
    store::write(work, build, &mut next, &change, &mut transaction, "kmp.fail")?;
    sessions.put(&mut transaction, |row| {
        row.status = UploadStatus::Failed;
        row.worked_until = 0;
        row.error = Some(why.to_owned());
    })?;
    if let Commit::Refused(_) = work.storage.commit(transaction).await? {
        return Ok(false);
    }
    sessions.clear(work).await;
    Ok(true)
}
