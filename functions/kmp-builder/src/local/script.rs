//! Running the scripts of a build, and ending them with all that they have started.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use granary_http::AppState;
use granary_kmp::store;
use granary_model::kmp::BuildStatus;
use granary_model::{Error, Result};
use granary_storage::rows::BuildRow;
use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::Command;

/// What scripts get of this process's environment: where programs are. No secret of the registry is among it.
const PASSED: [&str; 6] = ["PATH", "HOME", "JAVA_HOME", "LANG", "LC_ALL", "GRANARY_KOTLIN_COMPILER"];

/// Most bytes of what a script says that are looked at, from the end.
const LONGEST_WORDS: u64 = 2_000;

/// How often it is looked whether a build that is being made is still wanted.
const LOOK: Duration = Duration::from_secs(3);

/// How a script has ended.
pub(super) struct Ended {
    pub(super) is_fine: bool,
    pub(super) is_late: bool,
    pub(super) words: String,
}

/// What scripts are run for.
pub(super) struct Job<'a> {
    pub(super) state: &'a AppState,
    pub(super) build: &'a BuildRow,
    pub(super) folder: &'a Path,
    pub(super) secret: &'a str,
}

impl Job<'_> {
    /// Runs a script to its end, or until the build is given up or gone. Nothing but the token of this one build is told to it.
    pub(super) async fn script(&self, script: &Path, arguments: &[String]) -> Result<Ended> {
        let log = self.folder.join("log");
        let broken = |e: std::io::Error| {
            tracing::error!(error = %e, "a script of the local builder cannot be started");
            Error::Unprocessable(format!(
                "{} cannot be started; GRANARY_KMP_SCRIPTS says where the scripts are",
                script.file_name().unwrap_or_default().display()
            ))
        };
        let output = File::create(&log).map_err(broken)?;
        let mut command = Command::new(script);
        command.args(arguments).env_clear();
        for name in PASSED {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command
            .env("TMPDIR", self.folder)
            .env("GRANARY_URL", &self.state.config().public_url)
            .env("GRANARY_ALLOW_PRIVATE_SOURCES", self.state.config().kmp.allow_private_sources.to_string())
            .env("GRANARY_BUILD_ID", &self.build.id)
            .env("GRANARY_BUILD_TOKEN", self.secret)
            .env("GRANARY_REPO_ID", self.build.repo.as_str())
            // Runs have numbers. There is one of each attempt here.
            .env("GITHUB_RUN_ID", self.build.attempt.to_string())
            .env("GITHUB_RUN_ATTEMPT", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(output)
            // Whatever it has started ends with it.
            .process_group(0)
            .kill_on_drop(true);
        let mut child = command.spawn().map_err(broken)?;
        let group = Group(child.id().and_then(|id| Pid::from_raw(id.try_into().ok()?)));
        let left = self.build.deadline_at.saturating_sub(self.state.now().millis());
        let patience = Duration::from_millis(u64::try_from(left).unwrap_or(0));
        let ended = tokio::select! {
            ended = tokio::time::timeout(patience, child.wait()) => ended,
            () = self.gone() => return Err(Error::NotFound("the build is no longer wanted".into())),
        };
        drop(group);
        let is_fine = matches!(&ended, Ok(Ok(status)) if status.success());
        let words = tokio::task::spawn_blocking(move || tail(&log));
        let words = words.await.map_err(|e| Error::internal("reading what a script has said", e))?;
        Ok(Ended { is_fine, is_late: ended.is_err(), words })
    }

    /// Waits until nobody waits for this attempt any more: it was deleted, begun anew or given up.
    async fn gone(&self) {
        loop {
            tokio::time::sleep(LOOK).await;
            match store::load(&self.state.kmp_work(), &self.build.repo, &self.build.id).await {
                Ok(Some(row)) if row.attempt == self.build.attempt && row.status != BuildStatus::Failed => {}
                Ok(_) => return,
                Err(error) => {
                    tracing::warn!(%error, kmp.build = %self.build.id, "a build could not be looked at");
                }
            }
        }
    }
}

/// A script and all that it has started. What of it still runs when this is dropped ends: the script has ended without it, was
/// not done in time, or this process is told to end, which would leave a compiler behind.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        let Some(group) = self.0 else { return };
        match kill_process_group(group, Signal::KILL) {
            // Nothing of it runs any more.
            Ok(()) | Err(Errno::SRCH) => {}
            Err(error) => tracing::warn!(%error, "what a script has started may still run"),
        }
    }
}

/// The end of a log, however long it is. What cannot be read says nothing.
fn tail(log: &Path) -> String {
    let read = || -> std::io::Result<Vec<u8>> {
        let mut file = File::open(log)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(LONGEST_WORDS)))?;
        let mut bytes = Vec::new();
        // Whatever still writes to it makes this no longer.
        file.take(LONGEST_WORDS).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    String::from_utf8_lossy(&read().unwrap_or_default()).into_owned()
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn of_a_log_only_the_end_is_read() {
        let folder = tempfile::TempDir::new().unwrap();
        let log = folder.path().join("log");
        assert_eq!(tail(&log), "", "there is none");
        std::fs::write(&log, "short").unwrap();
        assert_eq!(tail(&log), "short");
        // More than fits into any memory; nothing is stored of what was not written.
        let mut file = File::create(&log).unwrap();
        file.set_len(1 << 40).unwrap();
        file.seek(SeekFrom::End(0)).unwrap();
        file.write_all("the reason".as_bytes()).unwrap();
        let words = tail(&log);
        assert_eq!(words.len(), 2_000);
        assert_eq!(words.trim_start_matches('\0'), "the reason");
    }
}
