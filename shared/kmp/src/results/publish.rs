//! Publishing what a job has handed over.

use std::sync::Arc;

use granary_auth::Principal;
use granary_model::kmp::BuildStatus;
use granary_model::npm::DistTag;
use granary_model::{Error, PackageType, Result};
use granary_publish::joint::{Joint, JointPlace, publish_joint};
use granary_publish::upload::finish::{verified_npm, verified_swift};
use granary_storage::Key;
use granary_storage::rows::{BuildResults, BuildRow, BuildScope, RepoRow, UploadStatus, UploadSubject};

use super::complete::{fail, is_published};
use super::sessions::Sessions;
use crate::Work;
use crate::drive::outstanding;
use crate::store;
use crate::token::packages;

/// Verifies and publishes what a job has handed over: the packages become visible together, in the transaction that ends the
/// build and sets its flags.
///
/// Safe to do twice and at the same time. What is wrong with the bytes ends the build as well, and then nothing is published.
///
/// # Errors
/// `Unavailable` and `Internal`: it has to be tried again.
pub async fn publish(work: &Work<'_>, build: &BuildRow) -> Result<()> {
    let Some(results) = build.results.as_ref().filter(|_| build.status == BuildStatus::Building) else {
        return Ok(());
    };
    let mut sessions = Sessions::load(work, results).await?;
    if !sessions.take(work).await? {
        return Ok(());
    }
    let outcome = Box::pin(attempt(work, build, results, &mut sessions)).await;
    match outcome {
        Ok(true) => sessions.clear(work).await,
        // Somebody else has gone on with it, or has written something down meanwhile.
        Ok(false) => sessions.release(work).await,
        Err(error @ (Error::Unavailable(_) | Error::Internal(_))) => {
            sessions.release(work).await;
            return Err(error);
        }
        Err(error) => {
            fail(work, build, &sessions, &error.to_string()).await?;
        }
    }
    Ok(())
}

/// `false`: somebody else has changed the build or its uploads meanwhile.
async fn attempt(
    work: &Work<'_>,
    build: &BuildRow,
    results: &BuildResults,
    sessions: &mut Sessions,
) -> Result<bool> {
    let repo: Option<RepoRow> = work.storage.get(&Key::Repo(build.repo.clone())).await?;
    let repo = repo
        .filter(|repo| repo.uid == build.repo_uid && !repo.deleting)
        .ok_or_else(|| Error::NotFound("the repository is gone".into()))?;
    let held = sessions.clone();
    let verifying = Box::pin(verified(work, build, results, &held));
    let Some(joint) = sessions.keep(work, verifying).await else {
        return Ok(false);
    };
    let joint = joint?;
    let mut next = ended(work, build, results).await?;
    let scope = BuildScope {
        build: build.id.clone(),
        attempt: build.attempt,
        packages: packages(build),
        source: None,
    };
    let principal = Principal::Build { repo: repo.id.clone(), uid: repo.uid.clone(), scope: Arc::new(scope) };
    let place = JointPlace {
        storage: work.storage,
        ids: work.ids,
        now: work.now,
        repo: &repo,
        principal: &principal,
        quota: work.kmp.settings.repo_quota,
    };
    publish_joint(place, joint, |transaction, change| {
        store::write(work, build, &mut next, change, transaction, "kmp.publish")?;
        sessions.put(transaction, |row| {
            row.status = UploadStatus::Completed;
            row.worked_until = 0;
        })
    })
    .await
}

/// The build as it is when all that was handed over is published.
async fn ended(work: &Work<'_>, build: &BuildRow, results: &BuildResults) -> Result<BuildRow> {
    let mut next = BuildRow { completed_at: Some(work.now), deadline_at: 0, look_at: 0, ..build.clone() };
    let mut missing = Vec::new();
    for (kind, name, version) in packages(build) {
        let (flag, upload) = match kind {
            PackageType::Npm => (&mut next.npm_published, &results.npm),
            _ => (&mut next.swift_published, &results.swift),
        };
        *flag = upload.is_some() || is_published(work, build, kind, &name, &version).await?;
        if !*flag {
            missing.push(format!("{kind} package {name} {version}"));
        }
    }
    if missing.is_empty() {
        next.status = BuildStatus::Success;
        next.error = None;
    } else {
        next.status = BuildStatus::Failed;
        next.results = None;
        next.error = build
            .error
            .clone()
            .or_else(|| Some(format!("the job has not handed over: {}", missing.join(", "))));
    }
    Ok(next)
}

/// Verifies the bytes of both, by the code that every upload passes.
async fn verified(
    work: &Work<'_>,
    build: &BuildRow,
    results: &BuildResults,
    sessions: &Sessions,
) -> Result<Joint> {
    let wanted = outstanding(build);
    let mut joint = Joint::default();
    let version = build.package_version.as_ref().ok_or_else(|| {
        Error::BadRequest(format!("the version '{}' has no version of packages", build.version))
    })?;
    let gone = |kind: &str| Error::BadRequest(format!("{kind}: the upload is gone; build it again"));
    if let (Some(_), Some(name)) = (&results.npm, wanted.npm_wanted()) {
        let row = sessions.npm.as_ref().ok_or_else(|| gone("npm"))?;
        // The tag stays where it is if it names a higher version by then.
        let tag = if build.is_stable { DistTag::latest() } else { "next".parse()? };
        let npm = verified_npm(work.storage, work.now, row, (name.clone(), version.clone()), tag).await;
        joint.npm = Some(npm.map_err(|error| of("npm", error))?);
    }
    if let (Some(_), Some(identity)) = (&results.swift, wanted.swift_wanted()) {
        let row = sessions.swift.as_ref().ok_or_else(|| gone("swift"))?;
        let UploadSubject::Swift { description, .. } = row.subject.clone() else { return Err(gone("swift")) };
        let release = (identity.clone(), version.as_str().parse()?);
        let swift = verified_swift(work.storage, work.now, row, release, description).await;
        joint.swift = Some(swift.map_err(|error| of("swift", error))?);
    }
    Ok(joint)
}

/// Says of which package an error is.
fn of(kind: &str, error: Error) -> Error {
    match error {
        Error::Unavailable(_) | Error::Internal(_) => error,
        other => Error::Unprocessable(format!("{kind}: {other}")),
    }
}
