//! Changes to a file of another program.

use std::path::{Path, PathBuf};

use crate::failure::Result;
use crate::private_file::{self, Readers};

/// A change to one file.
#[derive(Debug)]
pub(crate) struct FileEdit {
    /// Where it is.
    pub(super) path: PathBuf,
    /// Whether only its owner may read it: it holds a token.
    pub(super) private: bool,
    /// What it holds now, if it is there.
    pub(super) before: Option<String>,
    /// What it is to hold.
    pub(super) after: String,
    /// What has to be in it, for somebody who writes it by hand.
    pub(super) snippet: String,
}

/// What became of a change.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Applied {
    /// It holds that already.
    Unchanged,
    /// The file is new.
    Made,
    /// The file was changed; this is the copy of how it was.
    Changed(PathBuf),
}

impl FileEdit {
    /// A change by a function of the present text; without a file that is the empty text.
    ///
    /// # Errors
    /// When the file cannot be read, or as `change` says.
    pub(super) fn of(
        path: PathBuf,
        private: bool,
        snippet: String,
        change: impl FnOnce(&str) -> Result<String>,
    ) -> Result<Self> {
        let before = private_file::read(&path)?;
        let after = change(before.as_deref().unwrap_or_default())?;
        Ok(Self { path, private, before, after, snippet })
    }

    /// Writes it, after a copy of what was there.
    pub(super) fn apply(&self) -> Result<Applied> {
        let readers = if self.private { Readers::Owner } else { Readers::AsBefore };
        let Some(before) = &self.before else {
            private_file::replace(&self.path, &self.after, readers)?;
            return Ok(Applied::Made);
        };
        if *before == self.after && !(self.private && others_can_read(&self.path)) {
            return Ok(Applied::Unchanged);
        }
        let backup = private_file::back_up(&self.path, before)?;
        private_file::replace(&self.path, &self.after, readers)?;
        Ok(Applied::Changed(backup))
    }

    /// The lines that would go and come.
    pub(super) fn difference(&self) -> String {
        let before = self.before.as_deref().unwrap_or_default();
        let mut shown = match &self.before {
            Some(before) if *before == self.after => format!("{} stays as it is.\n", self.path.display()),
            Some(_) => format!("{} would be changed:\n\n", self.path.display()),
            None => format!("{} would be made:\n\n", self.path.display()),
        };
        let (old, new): (Vec<&str>, Vec<&str>) = (before.lines().collect(), self.after.lines().collect());
        let same_start = old.iter().zip(&new).take_while(|(left, right)| left == right).count();
        let (old, new) =
            (old.get(same_start..).unwrap_or_default(), new.get(same_start..).unwrap_or_default());
        let same_end =
            old.iter().rev().zip(new.iter().rev()).take_while(|(left, right)| left == right).count();
        for (sign, lines) in [("-", old), ("+", new)] {
            for line in lines.get(..lines.len() - same_end).unwrap_or_default() {
                shown.extend(["    ", sign, " ", line, "\n"]);
            }
        }
        shown
    }
}

#[cfg(unix)]
fn others_can_read(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).is_ok_and(|known| known.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn others_can_read(_: &Path) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lines_that_differ_are_shown() {
        let edit = FileEdit {
            path: "f".into(),
            private: false,
            before: Some("a\nb\nc\n".into()),
            after: "a\nB\nx\nc\n".into(),
            snippet: String::new(),
        };
        assert_eq!(edit.difference(), "f would be changed:\n\n    - b\n    + B\n    + x\n");
        let same = FileEdit { after: "a\nb\nc\n".into(), ..edit };
        assert_eq!(same.difference(), "f stays as it is.\n");
    }
}
