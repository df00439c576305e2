//! What has a state: upload sessions of packages, and handovers of everything else.

use granary_model::{Result, Timestamp};
use granary_storage::rows::{CallerRef, Event, HandoverRow, UploadOrigin, UploadRow, UploadStatus};
use granary_storage::staging::staging_path;
use granary_storage::{Key, Storage};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// What says how far something has come, in its row.
#[derive(Debug)]
pub struct Course<'a> {
    /// Counts changes.
    pub rev: &'a mut u64,
    /// How far it has come.
    pub status: &'a mut UploadStatus,
    /// When it no longer counts, in seconds since 1970.
    pub expires_at: &'a mut i64,
    /// By whose right its files are published.
    pub caller: &'a mut Option<CallerRef>,
    /// Until when somebody is at work on it, in milliseconds since 1970.
    pub worked_until: &'a mut i64,
    /// Why it failed.
    pub error: &'a mut Option<String>,
}

/// The row of something whose files are sent to the bucket first, and verified and published when all are there.
pub trait Session: Clone + Serialize + DeserializeOwned + Send + Sync {
    /// What it is called in errors.
    const NAME: &'static str;

    /// The key of the one with this id.
    fn key_of(id: &str) -> Key;

    /// Its id.
    fn id(&self) -> &str;

    /// Whether it no longer counts.
    fn is_expired(&self, now: Timestamp) -> bool;

    /// How far it has come.
    fn status(&self) -> UploadStatus;

    /// The same, to be changed.
    fn course(&mut self) -> Course<'_>;

    /// The event that somebody has to finish it.
    fn event(&self) -> Event;

    /// Removes what was staged for it.
    fn remove_staged(&self, storage: &Storage) -> impl Future<Output = Result<()>> + Send;
}

impl Session for UploadRow {
    const NAME: &'static str = "upload";

    fn key_of(id: &str) -> Key {
        Key::Upload(id.to_owned())
    }

    fn id(&self) -> &str {
        &self.id
    }

    fn is_expired(&self, now: Timestamp) -> bool {
        Self::is_expired(self, now)
    }

    fn status(&self) -> UploadStatus {
        self.status
    }

    fn course(&mut self) -> Course<'_> {
        Course {
            rev: &mut self.rev,
            status: &mut self.status,
            expires_at: &mut self.expires_at,
            caller: &mut self.caller,
            worked_until: &mut self.worked_until,
            error: &mut self.error,
        }
    }

    fn event(&self) -> Event {
        Event::UploadCompleted { id: self.id.clone() }
    }

    async fn remove_staged(&self, storage: &Storage) -> Result<()> {
        for (index, file) in self.files.iter().enumerate() {
            let path = staging_path(&self.id, index);
            match &file.origin {
                UploadOrigin::Published | UploadOrigin::Stored { .. } => continue,
                UploadOrigin::Multipart { upload: Some(upload) } => {
                    storage.abort_multipart(&path, upload).await?;
                }
                UploadOrigin::Multipart { upload: None } | UploadOrigin::Single => {}
            }
            storage.delete_object(&path).await?;
        }
        Ok(())
    }
}

impl Session for HandoverRow {
    const NAME: &'static str = "handover";

    fn key_of(id: &str) -> Key {
        Key::Handover(id.to_owned())
    }

    fn id(&self) -> &str {
        &self.id
    }

    fn is_expired(&self, now: Timestamp) -> bool {
        Self::is_expired(self, now)
    }

    fn status(&self) -> UploadStatus {
        self.status
    }

    fn course(&mut self) -> Course<'_> {
        Course {
            rev: &mut self.rev,
            status: &mut self.status,
            expires_at: &mut self.expires_at,
            caller: &mut self.caller,
            worked_until: &mut self.worked_until,
            error: &mut self.error,
        }
    }

    fn event(&self) -> Event {
        Event::HandoverConfirmed { id: self.id.clone() }
    }

    async fn remove_staged(&self, storage: &Storage) -> Result<()> {
        for index in 0..self.files.len() {
            storage.delete_object(&staging_path(&self.id, index)).await?;
        }
        Ok(())
    }
}
