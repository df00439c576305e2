//! What goes wrong, with what to do about it, and the exit code that tells scripts.

use std::fmt;

/// Result of everything in this crate.
pub(crate) type Result<T> = std::result::Result<T, Failure>;

/// Kind of a failure; each has an exit code and a name in `--json`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Anything that has no kind of its own.
    Failed,
    /// The command cannot be carried out as it was written.
    Usage,
    /// The version or file exists with other bytes.
    Conflict,
    /// No token, or one that the server does not know.
    NotLoggedIn,
    /// The token may not do this, or may not see the repository.
    NotAllowed,
    /// The server does not answer.
    Unreachable,
    /// Stopped by the user.
    Interrupted,
}

impl Kind {
    /// The exit code of a command that ends with this.
    pub(crate) const fn exit_code(self) -> u8 {
        match self {
            Self::Failed | Self::Unreachable => 1,
            Self::Usage => 2,
            Self::Conflict => 3,
            Self::NotLoggedIn | Self::NotAllowed => 4,
            // What shells answer for a program that was stopped by Ctrl-C.
            Self::Interrupted => 130,
        }
    }

    /// Stable name in `--json`.
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::Failed => "FAILED",
            Self::Usage => "USAGE",
            Self::Conflict => "CONFLICT",
            Self::NotLoggedIn => "NOT_LOGGED_IN",
            Self::NotAllowed => "NOT_ALLOWED",
            Self::Unreachable => "UNREACHABLE",
            Self::Interrupted => "INTERRUPTED",
        }
    }

    /// Whether everything else this run wants to do would fail in the same way.
    pub(crate) const fn ends_the_run(self) -> bool {
        matches!(self, Self::NotLoggedIn | Self::NotAllowed | Self::Unreachable)
    }
}

/// A failure in words for the user.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) struct Failure {
    /// Kind.
    pub(crate) kind: Kind,
    /// What went wrong.
    pub(crate) message: String,
    /// What to do now, as a sentence or a command.
    pub(crate) next: Option<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)?;
        match &self.next {
            Some(next) => write!(formatter, "\n  {next}"),
            None => Ok(()),
        }
    }
}

impl Failure {
    /// A failure of `kind`.
    pub(crate) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), next: None }
    }

    /// A failure that has no kind of its own.
    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self::new(Kind::Failed, message)
    }

    /// A command that cannot be carried out as it was written.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Kind::Usage, message)
    }

    /// A file that cannot be read or written.
    pub(crate) fn file(doing: &str, path: &std::path::Path, error: &std::io::Error) -> Self {
        Self::failed(format!("cannot {doing} {}: {error}", path.display()))
    }

    /// The same with what to do now.
    #[must_use]
    pub(crate) fn next(mut self, next: impl Into<String>) -> Self {
        self.next = Some(next.into());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_are_those_of_the_help() {
        let codes = [
            (Kind::Failed, 1),
            (Kind::Unreachable, 1),
            (Kind::Usage, 2),
            (Kind::Conflict, 3),
            (Kind::NotLoggedIn, 4),
            (Kind::NotAllowed, 4),
            (Kind::Interrupted, 130),
        ];
        for (kind, code) in codes {
            assert_eq!(kind.exit_code(), code, "{kind:?}");
        }
    }

    #[test]
    fn the_next_step_is_a_line_of_its_own() {
        let failure = Failure::failed("no").next("do this");
        assert_eq!(failure.to_string(), "no\n  do this");
    }
}
