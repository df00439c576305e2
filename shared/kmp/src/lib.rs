//! Kotlin Multiplatform: watching Maven repositories, building npm and Swift packages of what appears there, and publishing
//! them.
//!
//! The table is the truth: [`store`] has every transition of a build as one conditional write. Messages only say where to
//! look. [`Kmp`] is what all of it shares; whoever calls hands over the stores, the time and the ids as a [`Work`].

pub mod settings;
pub mod store;

use granary_model::{Ids, Timestamp};
use granary_storage::Storage;

pub use settings::Settings;

/// What the pipeline shares in one process: settings and HTTP clients.
#[derive(Debug)]
pub struct Kmp {
    /// Settings.
    pub settings: Settings,
}

impl Kmp {
    /// By these settings.
    pub fn new(settings: Settings) -> Self {
        Self { settings }
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
