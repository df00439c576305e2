//! Kotlin Multiplatform: watching Maven repositories, building npm and Swift packages of what appears there, and publishing
//! them.
//!
//! The table is the truth: [`store`] has every transition of a build as one conditional write. Messages only say where to
//! look. [`Kmp`] is what all of it shares; whoever calls hands over the stores, the time and the ids as a [`Work`].

mod app_token;
pub mod builds;
pub mod drive;
pub mod github;
pub mod module;
pub mod poll;
pub mod results;
pub mod settings;
pub mod source;
pub mod store;
pub mod token;
pub mod watched;

use std::sync::OnceLock;

use granary_model::{Ids, Result, Timestamp};
use granary_storage::Storage;

use crate::settings::Builder;

pub use github::GithubClient;
pub use settings::Settings;
pub use source::Sources;

/// What the pipeline shares in one process: settings and HTTP clients.
#[derive(Debug)]
pub struct Kmp {
    /// Settings.
    pub settings: Settings,
    sources: OnceLock<Sources>,
    github: OnceLock<GithubClient>,
    pub(crate) identities: token::Identities,
    /// Builds that this process is at by itself.
    pub local: drive::local::Builds,
}

impl Kmp {
    /// By these settings. The clients are made when they are needed first: most functions never do.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            sources: OnceLock::new(),
            github: OnceLock::new(),
            identities: token::Identities::default(),
            local: drive::local::Builds::default(),
        }
    }

    /// What sources are asked with.
    ///
    /// # Errors
    /// `Internal` if there can be no HTTP client.
    pub fn sources(&self) -> Result<&Sources> {
        if let Some(sources) = self.sources.get() {
            return Ok(sources);
        }
        let sources = Sources::new(self.settings.allow_private_sources, self.settings.source_patience)?;
        Ok(self.sources.get_or_init(|| sources))
    }

    /// What GitHub is asked with, if builds are made there.
    ///
    /// # Errors
    /// `Internal` if the App's key is none, or if there can be no HTTP client.
    pub fn github(&self) -> Result<Option<&GithubClient>> {
        let Builder::Github(settings) = &self.settings.builder else { return Ok(None) };
        if let Some(github) = self.github.get() {
            return Ok(Some(github));
        }
        let github = GithubClient::new(settings, self.settings.github_patience)?;
        Ok(Some(self.github.get_or_init(|| github)))
    }
}

/// One piece of work: where everything is, when it happens, and where ids come from.
#[derive(Clone, Copy)]
pub struct Work<'a> {
    /// Tables, bucket, queues.
    pub storage: &'a Storage,
    /// Ids and secrets.
    pub ids: &'a dyn Ids,
    /// The present.
    pub now: Timestamp,
    /// Settings and clients.
    pub kmp: &'a Kmp,
}
