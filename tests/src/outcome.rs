//! What a client did.

use anyhow::{Result, ensure};
use serde_json::Value;

/// A finished run of a client.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The command line, for messages.
    pub command: String,
    /// Exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Outcome {
    /// Both streams, for messages that a client prints now here, now there.
    pub fn text(&self) -> String {
        format!("{}\n{}", self.stdout, self.stderr)
    }

    /// Itself when the client succeeded.
    ///
    /// # Errors
    /// When it failed; the error shows everything it printed.
    pub fn success(self) -> Result<Self> {
        ensure!(self.code == Some(0), "{self}");
        Ok(self)
    }

    /// Itself when the client failed and printed one of `words`, in whatever case.
    ///
    /// # Errors
    /// When it succeeded, or failed with other words.
    pub fn failure(self, words: &[&str]) -> Result<Self> {
        ensure!(self.code != Some(0), "this should have failed:\n{self}");
        let text = self.text().to_lowercase();
        ensure!(
            words.iter().any(|word| text.contains(&word.to_lowercase())),
            "this should have failed with one of {words:?}:\n{self}"
        );
        Ok(self)
    }

    /// Itself when the client printed `words`.
    ///
    /// # Errors
    /// When it did not.
    pub fn says(self, words: &str) -> Result<Self> {
        ensure!(self.text().contains(words), "'{words}' was not printed by:\n{self}");
        Ok(self)
    }

    /// Itself when the client printed none of `words`, in whatever case.
    ///
    /// # Errors
    /// When it did.
    pub fn without(self, words: &[&str]) -> Result<Self> {
        let text = self.text().to_lowercase();
        for word in words {
            ensure!(!text.contains(&word.to_lowercase()), "'{word}' was printed by:\n{self}");
        }
        Ok(self)
    }

    /// Checks that both clients failed, and that what they printed differs only in these words: whoever reads it
    /// cannot tell what is kept from them from what does not exist.
    ///
    /// # Errors
    /// When one succeeded, or they can be told apart.
    pub fn same_failure(&self, word: &str, other: &Self, other_word: &str) -> Result<()> {
        ensure!(self.code != Some(0) && other.code == self.code, "told apart:\n{self}\n{other}");
        ensure!(self.blotted(word) == other.blotted(other_word), "told apart:\n{self}\n{other}");
        Ok(())
    }

    /// Both streams without a word, and without the file of its own that npm names.
    fn blotted(&self, word: &str) -> String {
        let text = self.text().replace(word, "?");
        text.lines().filter(|line| !line.contains("debug-0.log")).collect::<Vec<_>>().join("\n")
    }

    /// Standard output as JSON. The last line is tried alone when the whole is not JSON, for Yarn's
    /// line-by-line form.
    ///
    /// # Errors
    /// When neither is JSON.
    pub fn json(&self) -> Result<Value> {
        let whole = self.stdout.trim();
        let last = whole.lines().last().unwrap_or_default();
        serde_json::from_str(whole)
            .or_else(|_| serde_json::from_str(last))
            .map_err(|error| anyhow::anyhow!("no JSON ({error}) from:\n{self}"))
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "$ {}\nexit code {:?}\n--- stdout\n{}\n--- stderr\n{}",
            self.command, self.code, self.stdout, self.stderr
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(stderr: &str) -> Outcome {
        Outcome { command: String::new(), code: Some(1), stdout: String::new(), stderr: stderr.into() }
    }

    #[test]
    fn failures_are_the_same_but_for_a_word() {
        let (known, unknown) =
            (failed("no 2.0 here\nlog: x-debug-0.log"), failed("no 3.0 here\nlog: y-debug-0.log"));
        known.same_failure("2.0", &unknown, "3.0").unwrap();
        known.same_failure("2.0", &failed("no 3.0 here, never"), "3.0").unwrap_err();
        let succeeded = Outcome { code: Some(0), ..known.clone() };
        succeeded.same_failure("2.0", &succeeded, "2.0").unwrap_err();
    }
}
