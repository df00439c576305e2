//! Which uploads are under way, so that a push that was interrupted can go on.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::failure::Result;
use crate::private_file::{self, Readers};
use crate::server::Server;
use crate::surroundings::Surroundings;
use crate::wire::CreateUpload;

/// The note about one upload: a file that is named after what is uploaded and where to.
#[derive(Debug)]
pub(crate) struct Note {
    path: PathBuf,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Content {
    server: String,
    repo: String,
    upload_id: String,
}

impl Note {
    /// The note for a request. Another server, repository, name or byte makes another note.
    pub(crate) fn of(surroundings: &Surroundings, server: &Server, request: &CreateUpload<'_>) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(server.to_string());
        hasher.update(b"\n");
        hasher.update(serde_json::to_vec(request).unwrap_or_default());
        let name = format!("{}.json", hex::encode(hasher.finalize()));
        Self { path: surroundings.state_home.join("granary/uploads").join(name) }
    }

    /// The upload that was begun, if there is a note. A damaged note is none.
    pub(crate) fn upload_id(&self) -> Option<String> {
        let text = private_file::read(&self.path).ok()??;
        serde_json::from_str::<Content>(&text).ok().map(|content| content.upload_id)
    }

    /// Notes that an upload was begun.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn write(&self, server: &Server, repo: &str, upload_id: &str) -> Result<()> {
        let content =
            Content { server: server.to_string(), repo: repo.to_owned(), upload_id: upload_id.to_owned() };
        let text = serde_json::to_string(&content).unwrap_or_default();
        private_file::replace(&self.path, &text, Readers::Owner)
    }

    /// Removes the note: the upload has ended. One that stays behind is found useless the next time.
    pub(crate) fn remove(&self) {
        let _ = std::fs::remove_file(&self.path);
    }
}
