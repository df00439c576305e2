//! One upload from its beginning to its end.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use reqwest::StatusCode;

use crate::api::Api;
use crate::failure::{Failure, Result};
use crate::plan::LocalFile;
use crate::resume::Note;
use crate::transfer::{Sender, missing};
use crate::wire::{Coordinates, CreateUpload, FileClaim, FileStatus, Upload, UploadStatus};

/// Rounds of sending what is missing. Fresh addresses are good for an hour each, so this is a day.
const ROUNDS: u32 = 24;

/// Rounds in a row in which nothing arrives although addresses are fresh: the clock or the rights of the
/// registry are wrong, and going on will not help.
const FRUITLESS: u32 = 3;

/// Longest wait for the server to check what arrived.
const CHECKING: Duration = Duration::from_hours(1);

/// How a file came to be in its version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FileEnd {
    /// Its bytes were sent.
    Published,
    /// Its bytes were in the registry already, and are in this version now.
    AlreadyStored,
    /// It was in the version already.
    AlreadyPublished,
}

/// An upload that ended well.
#[derive(Debug)]
pub(crate) struct Done {
    /// Name of the session, if there was one.
    pub(crate) upload_id: Option<String>,
    /// Package and version as the server calls them.
    pub(crate) package: Option<String>,
    /// Version as the server calls it.
    pub(crate) version: Option<String>,
    /// The files by name.
    pub(crate) files: BTreeMap<String, FileEnd>,
    /// Bytes that were sent by this run.
    pub(crate) sent: u64,
}

/// Publishes files as one upload.
///
/// # Errors
/// When it fails; what arrived stays on the server for 24 hours and the next attempt goes on from there.
pub(crate) async fn publish(
    api: &Api,
    sender: &Sender,
    repo: &str,
    coordinates: &Coordinates,
    files: &[LocalFile],
) -> Result<Done> {
    let claims = files.iter().map(|file| FileClaim {
        name: &file.name,
        size: file.measured.size,
        sha256: &file.measured.sha256,
    });
    let request = CreateUpload { repo_id: repo, coordinates, files: claims.collect() };
    let note = Note::of(&api.surroundings, &api.server, &request);
    let upload = match resumed(api, repo, &note).await? {
        Some(upload) => upload,
        None => begun(api, &request, &note).await?,
    };
    let session = Session { api, sender, repo, files, note, id: upload.id.clone() };
    session.carry_through(upload).await
}

/// The upload that an earlier run began and that can go on.
async fn resumed(api: &Api, repo: &str, note: &Note) -> Result<Option<Upload>> {
    let Some(id) = note.upload_id() else { return Ok(None) };
    let upload = api.upload(repo, &id).await?;
    let usable = upload
        .filter(|upload| matches!(upload.status, UploadStatus::Open | UploadStatus::Processing))
        .filter(|upload| upload.id.as_deref() == Some(&*id));
    if usable.is_none() {
        // Also if it was completed: the answer to a new one says how things are now.
        note.remove();
    }
    Ok(usable)
}

async fn begun(api: &Api, request: &CreateUpload<'_>, note: &Note) -> Result<Upload> {
    let upload = api.create(request).await?;
    if let Some(id) = &upload.id {
        note.write(&api.server, request.repo_id, id)?;
    }
    Ok(upload)
}

struct Session<'a> {
    api: &'a Api,
    sender: &'a Sender,
    repo: &'a str,
    files: &'a [LocalFile],
    note: Note,
    id: Option<String>,
}

impl Session<'_> {
    async fn carry_through(&self, mut upload: Upload) -> Result<Done> {
        let ends = self.ends(&upload);
        self.advance_over_present(&upload);
        let mut sent = 0;
        let mut fruitless = 0;
        for _ in 0..ROUNDS {
            match upload.status {
                UploadStatus::Completed => {
                    self.note.remove();
                    return Ok(self.done(upload, ends, sent));
                }
                UploadStatus::Failed => {
                    self.note.remove();
                    let why = upload.error.unwrap_or_else(|| "the registry refused it".to_owned());
                    return Err(Failure::failed(why));
                }
                UploadStatus::Processing => upload = self.wait().await?,
                UploadStatus::Open => {
                    let pieces = missing(&upload, self.files)?;
                    if pieces.is_empty() {
                        upload = self.complete(&mut fruitless).await?;
                        continue;
                    }
                    let round = self.sender.send(self.api, pieces).await?;
                    sent += round.sent;
                    if round.expired {
                        fruitless = if round.sent == 0 { fruitless + 1 } else { 0 };
                        self.check(fruitless)?;
                        upload = self.look().await?;
                    } else {
                        upload = self.complete(&mut fruitless).await?;
                    }
                }
            }
        }
        Err(Failure::failed("the upload takes longer than a day").next("Run the same command again to go on"))
    }

    fn check(&self, fruitless: u32) -> Result<()> {
        if fruitless < FRUITLESS {
            return Ok(());
        }
        Err(Failure::failed("the storage refuses fresh addresses of the registry").next(format!(
            "Tell the operator of {}: clock, credentials or --s3-public-url of the server may be wrong",
            self.api.server
        )))
    }

    /// Asks to publish. Files may turn out to be missing although they were sent: then they are sent again.
    async fn complete(&self, fruitless: &mut u32) -> Result<Upload> {
        self.sender.progress().note("publishing");
        let refused = match self.api.complete(self.id()?).await? {
            Ok(upload) => return Ok(upload),
            Err(refused) => refused,
        };
        if refused.status == StatusCode::BAD_REQUEST
            && let Some(upload) = self.api.upload(self.repo, self.id()?).await?
            && upload.status == UploadStatus::Open
            && !missing(&upload, self.files)?.is_empty()
        {
            *fruitless += 1;
            self.check(*fruitless)?;
            return Ok(upload);
        }
        // The session has failed on the server too. For lack of rights it has not, and can go on.
        if !matches!(refused.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            self.note.remove();
        }
        Err(self.api.refusal(&refused, self.repo))
    }

    async fn look(&self) -> Result<Upload> {
        self.api.upload(self.repo, self.id()?).await?.ok_or_else(|| {
            self.note.remove();
            Failure::failed("the upload has expired or was removed").next("Run the same command again")
        })
    }

    /// Waits until the server has checked what arrived.
    async fn wait(&self) -> Result<Upload> {
        self.sender.progress().note("the registry checks the files");
        let (began, mut attempt) = (Instant::now(), 1);
        while began.elapsed() < CHECKING {
            tokio::time::sleep(self.api.surroundings.wait(attempt)).await;
            attempt += 1;
            let upload = self.look().await?;
            if upload.status != UploadStatus::Processing {
                return Ok(upload);
            }
        }
        Err(Failure::failed("the registry still checks the files after an hour")
            .next("Run the same command again later to see how it ended"))
    }

    fn id(&self) -> Result<&str> {
        self.id.as_deref().ok_or_else(|| Failure::failed("the server gives the upload no name"))
    }

    fn ends(&self, upload: &Upload) -> BTreeMap<String, FileEnd> {
        let all_there = upload.status == UploadStatus::Completed;
        let end = |file: &LocalFile| match upload.files.iter().find(|remote| remote.name == file.name) {
            Some(remote) if remote.status == FileStatus::Published => FileEnd::AlreadyPublished,
            Some(remote) if remote.status == FileStatus::Stored => FileEnd::AlreadyStored,
            _ if all_there => FileEnd::AlreadyPublished,
            _ => FileEnd::Published,
        };
        self.files.iter().map(|file| (file.name.clone(), end(file))).collect()
    }

    /// Moves the bar over what has not to be sent.
    fn advance_over_present(&self, upload: &Upload) {
        let all: u64 = self.files.iter().map(|file| file.measured.size).sum();
        let absent: u64 = match upload.status {
            UploadStatus::Open => {
                missing(upload, self.files).unwrap_or_default().iter().map(|piece| piece.size).sum()
            }
            _ => 0,
        };
        self.sender.progress().forward(all.saturating_sub(absent));
    }

    fn done(&self, upload: Upload, files: BTreeMap<String, FileEnd>, sent: u64) -> Done {
        Done {
            upload_id: self.id.clone(),
            package: upload.package_name,
            version: upload.version,
            files,
            sent,
        }
    }
}
