//! Settings of asking upstreams.

use std::time::Duration;

use crate::seal::Keys;

/// Settings; each with its variable and default.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `GRANARY_ALLOW_PRIVATE_SOURCES`: whether upstreams may be at private, link-local and loopback addresses, and without
    /// TLS. Default no.
    pub allow_private: bool,
    /// `GRANARY_SECRET_KEY`: what credentials of upstreams are sealed with, 32 bytes in base64; several with commas between
    /// them, of which the first seals and each opens. The one-process server makes one in its data folder.
    pub keys: Keys,
    /// `GRANARY_UPSTREAM_TIMEOUT`: seconds that an upstream may take for a document, and to begin with a file; from 1 to 25.
    /// Default 20, because gateways give up after half a minute.
    pub patience: Duration,
    /// How long it may take for a file. 24 seconds where gateways give up, else an hour.
    pub file_patience: Duration,
    /// Largest file that is fetched, in bytes.
    pub max_file: u64,
    /// Most bytes that a repository keeps of its upstreams; `None` for no limit. The same as for what is published, and
    /// counted beside it.
    pub quota: Option<u64>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            allow_private: false,
            keys: Keys::default(),
            patience: Duration::from_secs(20),
            file_patience: Duration::from_hours(1),
            max_file: 5_000_000_000,
            quota: None,
        }
    }
}
