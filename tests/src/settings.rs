//! What the environment says about a run of the suites.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};

/// A registry that runs already, which the suites use instead of starting servers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// Its address, without a slash at the end: `GRANARY_URL`.
    pub url: String,
    /// A token of its administrator `admin`: `GRANARY_ADMIN_TOKEN`.
    pub admin_token: String,
    /// Where it believes that SwiftPM reaches it: `GRANARY_TLS_URL`. A port of `localhost` that is free, so that the
    /// suites can put their TLS front there.
    pub tls_url: Option<String>,
}

/// The registry that the environment names, if it names one; `scripts/aws-local` does.
///
/// # Errors
/// When only a part of what is needed is there.
pub fn attachment() -> Result<Option<Attachment>> {
    let tls_url = variable("GRANARY_TLS_URL");
    match (variable("GRANARY_URL"), variable("GRANARY_ADMIN_TOKEN")) {
        (None, None) => Ok(None),
        (Some(url), Some(admin_token)) => {
            Ok(Some(Attachment { url: url.trim_end_matches('/').to_owned(), admin_token, tls_url }))
        }
        _ => {
            bail!("GRANARY_URL and GRANARY_ADMIN_TOKEN go together: set both, or none to start servers here")
        }
    }
}

/// An output of the stack that was deployed, `GRANARY_STACK_<NAME>`, or another variable of `scripts/aws-local`.
///
/// # Errors
/// When it is not set: nothing was deployed.
pub fn deployed(name: &str) -> Result<String> {
    variable(name)
        .with_context(|| format!("{name} is not set: these suites are run by scripts/aws-local test"))
}

/// Root of the workspace.
pub fn workspace() -> PathBuf {
    let mut root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    root.pop();
    root
}

/// The server to test: `GRANARY_BIN`, or what `cargo build --release` leaves.
pub fn server_program() -> PathBuf {
    variable("GRANARY_BIN").map_or_else(|| workspace().join("target/release/granary"), PathBuf::from)
}

/// How often the crash and concurrency suites repeat: `GRANARY_ROUNDS`, which `scripts/soak` sets.
pub fn rounds(default: usize) -> usize {
    variable("GRANARY_ROUNDS").and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[expect(clippy::disallowed_methods, reason = "the suites share no code with the server's configuration")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
