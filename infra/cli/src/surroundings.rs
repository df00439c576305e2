//! What the commands find around them: folders, variables, the terminal.

use std::ffi::OsString;
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
    /// When there is no home folder, the current folder is gone, or `GRANARY_TOKEN` holds no token.
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
            token: given_token(std::env::var_os("GRANARY_TOKEN"))?,
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

/// The token in a variable. An empty one counts as none: that is how build servers pass a secret that is not
/// set. Anything else that is no token is an error, since a kept token must not be used in its place.
fn given_token(value: Option<OsString>) -> anyhow::Result<Option<Secret>> {
    let Some(value) = value.filter(|value| !value.is_empty()) else { return Ok(None) };
    let token = value.to_str().and_then(Secret::new);
    token.map(Some).ok_or_else(|| anyhow::anyhow!("GRANARY_TOKEN holds no token: set it to one, or unset it"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_that_holds_no_token_is_an_error_unless_it_is_empty() {
        let given = |text: &str| given_token(Some(text.into()));
        assert_eq!(given_token(None).unwrap(), None);
        assert_eq!(given("").unwrap(), None);
        assert_eq!(given("art_x\n").unwrap(), Secret::new("art_x"));
        for bad in ["art secret", " ", "\u{e4}"] {
            let error = given(bad).unwrap_err().to_string();
            assert!(error.contains("GRANARY_TOKEN") && !error.contains("secret"), "{bad:?}: {error}");
        }
    }

    #[test]
    fn waits_double_up_to_two_seconds() {
        let folder = PathBuf::new;
        let surroundings = Surroundings {
            home: folder(),
            config_home: folder(),
            state_home: folder(),
            gradle_home: folder(),
            composer_home: None,
            working_folder: folder(),
            token: None,
            can_ask: false,
            can_draw: false,
            first_wait: Duration::from_millis(250),
        };
        let waits = [1, 2, 3, 4, 5, u32::MAX].map(|attempt| surroundings.wait(attempt).as_millis());
        assert_eq!(waits, [250, 500, 1000, 2000, 2000, 2000]);
    }
}
