//! What the environment says about a run of the suites.

use std::path::PathBuf;

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
