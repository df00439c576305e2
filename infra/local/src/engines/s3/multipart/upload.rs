//! The folder of an upload under way.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::time::SystemTime;

use granary_model::{Ids as _, RandomIds};
use s3s::{S3Error, S3Result, s3_error};
use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

use crate::engines::folders;
use crate::engines::s3::object_file::{Headers, OpenObject};
use crate::engines::s3::store::Store;

/// File with the description.
const DESCRIPTION: &str = "upload.json";

/// What was said when the upload began.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Upload {
    pub(crate) bucket: String,
    pub(crate) key: String,
    /// As the protocol writes it.
    pub(crate) algorithm: Option<String>,
    /// Whether the checksum is one of the whole object, not of the parts' checksums.
    pub(crate) whole_object: bool,
    pub(crate) headers: Headers,
}

/// An upload that exists.
#[derive(Debug)]
pub(crate) struct UploadFolder {
    pub(crate) upload: Upload,
    folder: PathBuf,
    uploads: PathBuf,
}

/// An upload in a list.
#[derive(Debug)]
pub(crate) struct Listed {
    pub(crate) id: String,
    pub(crate) key: String,
    pub(crate) initiated: SystemTime,
}

impl UploadFolder {
    /// Makes the folder and returns the upload's id.
    pub(crate) fn create(store: &Store, upload: &Upload) -> io::Result<String> {
        let mut bytes = [0_u8; 16];
        RandomIds.fill(&mut bytes);
        let id = hex::encode(bytes);
        let folder = store.uploads().join(&id);
        std::fs::create_dir(&folder)?;
        let mut file = File::create_new(folder.join(DESCRIPTION))?;
        file.write_all(&serde_json::to_vec(upload)?)?;
        file.sync_all()?;
        folders::sync(&folder)?;
        folders::sync(&store.uploads())?;
        Ok(id)
    }

    /// The upload of this id, if it is one for this object.
    pub(crate) fn open(store: &Store, id: &str, bucket: &str, key: &str) -> S3Result<Self> {
        let made_here = id.len() == 32 && id.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'a'..=b'f'));
        if !made_here {
            return Err(no_such_upload());
        }
        let uploads = store.uploads();
        let folder = uploads.join(id);
        let text = match std::fs::read(folder.join(DESCRIPTION)) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(no_such_upload()),
            Err(error) => return Err(S3Error::internal_error(error)),
        };
        let upload: Upload = serde_json::from_slice(&text).map_err(S3Error::internal_error)?;
        if upload.bucket != bucket || upload.key != key {
            return Err(no_such_upload());
        }
        Ok(Self { upload, folder, uploads })
    }

    /// All uploads of a bucket, in no order.
    pub(crate) fn list(store: &Store, bucket: &str) -> io::Result<Vec<Listed>> {
        let mut listed = Vec::new();
        for entry in std::fs::read_dir(store.uploads())? {
            let entry = entry?;
            let description = entry.path().join(DESCRIPTION);
            // Not there if the upload was aborted or completed in the meantime, or begins just now.
            let read =
                std::fs::read(&description).and_then(|text| Ok((text, std::fs::metadata(&description)?)));
            let Ok((text, facts)) = read else { continue };
            // Not readable while it is being written.
            let Ok(upload) = serde_json::from_slice::<Upload>(&text) else { continue };
            if upload.bucket == bucket {
                let id = entry.file_name().to_string_lossy().into_owned();
                listed.push(Listed { id, key: upload.key, initiated: facts.modified()? });
            }
        }
        Ok(listed)
    }

    /// Numbers of the parts that are there, in order.
    pub(crate) fn part_numbers(&self) -> io::Result<Vec<i32>> {
        let mut numbers = Vec::new();
        for entry in std::fs::read_dir(&self.folder)? {
            let name = entry?.file_name();
            let number = name.to_str().and_then(|name| name.strip_prefix("part-")?.parse::<i32>().ok());
            numbers.extend(number);
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    fn part_path(&self, number: i32) -> PathBuf {
        self.folder.join(format!("part-{number:05}"))
    }

    /// Puts a flushed file in as a part, in place of one that was there.
    pub(crate) fn put_part(&self, file: NamedTempFile, number: i32) -> S3Result<()> {
        match file.persist(self.part_path(number)) {
            Ok(_) => folders::sync(&self.folder).map_err(S3Error::internal_error),
            // Aborted or completed in the meantime.
            Err(refused) if refused.error.kind() == io::ErrorKind::NotFound => Err(no_such_upload()),
            Err(refused) => Err(S3Error::internal_error(refused.error)),
        }
    }

    /// Opens a part.
    pub(crate) fn open_part(&self, number: i32) -> S3Result<OpenObject> {
        let part = OpenObject::open(&self.part_path(number)).map_err(S3Error::internal_error)?;
        part.ok_or_else(|| s3_error!(InvalidPart, "One or more of the specified parts could not be found."))
    }

    /// Removes the upload with all its parts.
    pub(crate) fn remove(&self) -> io::Result<()> {
        // First the description: without it the upload is gone, whatever else remains.
        match std::fs::remove_file(self.folder.join(DESCRIPTION)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        match std::fs::remove_dir_all(&self.folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        folders::sync(&self.uploads)
    }
}

fn no_such_upload() -> S3Error {
    s3_error!(NoSuchUpload, "The specified multipart upload does not exist.")
}
