//! What the commands find around them: folders, variables, the terminal.

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::time::Duration;

use crate::secret::Secret;

/// Longest time to wait between two attempts at anything.
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// Folders, variables and terminal of the user. Tests make their own.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// The user's home folder.
    pub home: PathBuf,
    /// Where programs keep settings: `$XDG_CONFIG_HOME` or `~/.config`.
    pub config_home: PathBuf,
    /// Where programs keep what they want to remember: `$XDG_STATE_HOME` or `~/.local/state`.
    pub state_home: PathBuf,
    /// Gradle's folder: `$GRADLE_USER_HOME` or `~/.gradle`.
    pub gradle_home: PathBuf,
    /// Composer's folder, `$COMPOSER_HOME`, if it is set.
    pub composer_home: Option<PathBuf>,
    /// The current folder.
    pub working_folder: PathBuf,
    /// `GRANARY_TOKEN`, which wins over every stored token.
    pub token: Option<Secret>,
    /// Whether a person can be asked: standard input is a terminal.
    pub can_ask: bool,
    /// Whether progress can be drawn: standard error is a terminal.
    pub can_draw: bool,
    /// Wait before the second attempt at something that failed; it doubles from one attempt to the next, up
    /// to two seconds.
    pub first_wait: Duration,
}

impl Surroundings {
    /// Those of this process.
    ///
    /// # Errors
    /// When there is no home folder or the current folder is gone.
    pub fn of_this_process() -> anyhow::Result<Self> {
        let home = std::env::home_dir()
            .filter(|home| home.is_absolute())
            .ok_or_else(|| anyhow::anyhow!("there is no home folder: set HOME"))?;
        Ok(Self {
            config_home: folder("XDG_CONFIG_HOME").unwrap_or_else(|| home.join(".config")),
            state_home: folder("XDG_STATE_HOME").unwrap_or_else(|| home.join(".local/state")),
            gradle_home: folder("GRADLE_USER_HOME").unwrap_or_else(|| home.join(".gradle")),
            composer_home: folder("COMPOSER_HOME"),
            home,
            working_folder: std::env::current_dir()?,
            token: variable("GRANARY_TOKEN").and_then(|text| Secret::new(&text)),
            can_ask: std::io::stdin().is_terminal(),
            can_draw: std::io::stderr().is_terminal(),
            first_wait: Duration::from_millis(250),
        })
    }

    /// The wait before attempt `attempt`; the first repetition is 1.
    pub(crate) fn wait(&self, attempt: u32) -> Duration {
        self.first_wait.saturating_mul(1 << attempt.saturating_sub(1).min(16)).min(LONGEST_WAIT)
    }
}

/// A folder named by a variable. The XDG rules say to ignore relative ones.
fn folder(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute())
}

/// A variable that holds text. These belong to the user's own programs; the server's configuration is read
/// elsewhere.
fn variable(name: &str) -> Option<String> {
    std::env::var_os(name).and_then(|text| text.into_string().ok())
}
