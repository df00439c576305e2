//! `granary push`.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::StreamExt as _;

use crate::api::Api;
use crate::arguments::{PushArguments, PushOptions};
use crate::credentials::{self, not_logged_in};
use crate::digest::measure;
use crate::failure::{Failure, Result};
use crate::plan::{self, Batches, LocalFile, LocalVersion, Plan, PlannedVersion};
use crate::progress::Progress;
use crate::report::{FileLine, Report, VersionLine};
use crate::screen::Screen;
use crate::session::{self, FileEnd};
use crate::surroundings::Surroundings;
use crate::transfer::Sender;

/// Publishes what the arguments name and returns the exit code.
///
/// # Errors
/// When it does not come to publishing anything; failures of single versions are in the report.
pub(crate) async fn push(
    arguments: &PushArguments,
    surroundings: &Surroundings,
    screen: &mut Screen,
) -> Result<u8> {
    let options = arguments.options();
    let (server, token) = credentials::find(surroundings, options.server.server.as_deref())?;
    let Some(token) = token else { return Err(not_logged_in(&server)) };
    let plan = plan::plan(&arguments.what)?;
    let shown = surroundings.can_draw && screen.may_draw();
    let left_out = plan.left_out.clone();
    let versions = read_all(plan, options, shown).await?;
    let api = Api::new(surroundings, server.clone(), Some(token))?;
    let total = versions.iter().flat_map(|version| &version.files).map(|file| file.measured.size).sum();
    let bar = if shown { Progress::shown(total, "Sending") } else { Progress::hidden() };
    let sender = Sender::new(options.jobs.into(), bar.clone());
    let versions = publish_all(&api, &sender, options, versions).await;
    bar.finish();
    let report = Report { server: server.to_string(), repo: options.repo.clone(), versions, left_out };
    report.tell(screen);
    Ok(report.exit_code())
}

/// Reads every file once for its size and digest.
async fn read_all(plan: Plan, options: &PushOptions, shown: bool) -> Result<Vec<LocalVersion>> {
    let sizes = plan.versions.iter().flat_map(|version| &version.files);
    let total = sizes.filter_map(|file| std::fs::metadata(&file.path).ok()).map(|known| known.len()).sum();
    let bar = if shown { Progress::shown(total, "Reading") } else { Progress::hidden() };
    let reading = futures::stream::iter(plan.versions)
        .map(|version| {
            let bar = bar.clone();
            async move {
                tokio::task::spawn_blocking(move || read_version(version, &bar))
                    .await
                    .map_err(|error| Failure::failed(error.to_string()))?
            }
        })
        .buffered(options.jobs.into());
    let versions = futures::TryStreamExt::try_collect(reading).await;
    bar.finish();
    versions
}

fn read_version(version: PlannedVersion, bar: &Progress) -> Result<LocalVersion> {
    let mut files = Vec::new();
    for file in version.files {
        let measured = measure(&file.path, bar)?;
        files.push(LocalFile { name: file.name, path: file.path, measured });
    }
    Ok(LocalVersion { coordinates: version.coordinates, files })
}

/// Publishes versions, several at a time. A failure that all of them would have ends it.
async fn publish_all(
    api: &Api,
    sender: &Sender,
    options: &PushOptions,
    versions: Vec<LocalVersion>,
) -> Vec<VersionLine> {
    let hopeless = AtomicBool::new(false);
    futures::stream::iter(versions)
        .map(|version| {
            let hopeless = &hopeless;
            async move {
                let mut line = line(&version);
                if hopeless.load(Ordering::Relaxed) {
                    line.not_tried = true;
                    return line;
                }
                if let Err(failure) = publish_version(api, sender, &options.repo, &version, &mut line).await {
                    if failure.kind.ends_the_run() {
                        hopeless.store(true, Ordering::Relaxed);
                    }
                    line.failure = Some(failure);
                }
                line
            }
        })
        .buffered(options.jobs.into())
        .collect()
        .await
}

async fn publish_version(
    api: &Api,
    sender: &Sender,
    repo: &str,
    version: &LocalVersion,
    line: &mut VersionLine,
) -> Result<()> {
    let batches = match plan::batches(api, repo, version).await? {
        Batches::AlreadyThere(files) => {
            line.files = files.iter().map(|file| file_line(file, Some(FileEnd::AlreadyPublished))).collect();
            sender.progress().forward(files.iter().map(|file| file.measured.size).sum());
            return Ok(());
        }
        Batches::Send(batches) => batches,
    };
    line.files = batches.iter().flatten().map(|file| file_line(file, None)).collect();
    for files in &batches {
        let done = session::publish(api, sender, repo, &version.coordinates, files).await?;
        line.sent += done.sent;
        line.upload_ids.extend(done.upload_id);
        line.package = line.package.take().or(done.package);
        line.version = line.version.take().or(done.version);
        note_ends(line, &done.files);
    }
    Ok(())
}

fn note_ends(line: &mut VersionLine, ends: &BTreeMap<String, FileEnd>) {
    for file in &mut line.files {
        if let Some(end) = ends.get(&file.name) {
            file.end = Some(*end);
        }
    }
}

fn line(version: &LocalVersion) -> VersionLine {
    VersionLine {
        package: version.coordinates.package(),
        version: version.coordinates.version.clone(),
        upload_ids: Vec::new(),
        files: version.files.iter().map(|file| file_line(file, None)).collect(),
        sent: 0,
        failure: None,
        not_tried: false,
    }
}

fn file_line(file: &LocalFile, end: Option<FileEnd>) -> FileLine {
    FileLine { name: file.name.clone(), size: file.measured.size, sha256: file.measured.sha256.clone(), end }
}
