//! What a push did, for people and for programs.

use serde_json::{Value, json};

use crate::failure::{Failure, Kind};
use crate::plan::LeftOut;
use crate::screen::Screen;
use crate::session::FileEnd;

/// A file in the report.
#[derive(Debug)]
pub(crate) struct FileLine {
    /// Name in the version.
    pub(crate) name: String,
    /// Bytes.
    pub(crate) size: u64,
    /// Hexadecimal SHA-256.
    pub(crate) sha256: String,
    /// How it ended; none if it did not get that far.
    pub(crate) end: Option<FileEnd>,
}

/// A version in the report.
#[derive(Debug)]
pub(crate) struct VersionLine {
    /// Package.
    pub(crate) package: Option<String>,
    /// Version.
    pub(crate) version: Option<String>,
    /// Names of the sessions.
    pub(crate) upload_ids: Vec<String>,
    /// The files.
    pub(crate) files: Vec<FileLine>,
    /// Bytes that were sent.
    pub(crate) sent: u64,
    /// Why it failed, if it did.
    pub(crate) failure: Option<Failure>,
    /// Whether it was not even begun, because everything before it failed in a way it would fail too.
    pub(crate) not_tried: bool,
}

impl VersionLine {
    fn label(&self) -> String {
        let package = self.package.as_deref().or_else(|| self.files.first().map(|file| file.name.as_str()));
        let package = package.unwrap_or("?");
        self.version.as_ref().map_or_else(|| package.to_owned(), |version| format!("{package} {version}"))
    }

    fn count(&self, end: FileEnd) -> usize {
        self.files.iter().filter(|file| file.end == Some(end)).count()
    }

    fn status(&self) -> &'static str {
        if self.not_tried {
            "notTried"
        } else if self.failure.is_some() {
            "failed"
        } else if self.count(FileEnd::AlreadyPublished) == self.files.len() {
            "skipped"
        } else {
            "published"
        }
    }
}

/// What a push did.
#[derive(Debug)]
pub(crate) struct Report {
    /// The registry.
    pub(crate) server: String,
    /// The repository.
    pub(crate) repo: String,
    /// The versions.
    pub(crate) versions: Vec<VersionLine>,
    /// Files that were left out on purpose.
    pub(crate) left_out: Vec<LeftOut>,
}

impl Report {
    /// The exit code: that of the most telling failure.
    pub(crate) fn exit_code(&self) -> u8 {
        let codes: Vec<u8> = self
            .versions
            .iter()
            .filter_map(|version| version.failure.as_ref().map(|failure| failure.kind.exit_code()))
            .collect();
        // A conflict is reported as one only if nothing worse happened: scripts take 3 as "exists already".
        let not_allowed = Kind::NotAllowed.exit_code();
        if codes.contains(&not_allowed) {
            return not_allowed;
        }
        let other = codes.iter().find(|code| **code != Kind::Conflict.exit_code());
        other.or(codes.first()).copied().unwrap_or(0)
    }

    fn number(&self, status: &str) -> usize {
        self.versions.iter().filter(|version| version.status() == status).count()
    }

    /// Tells it: one JSON document, or lines for people.
    pub(crate) fn tell(&self, screen: &mut Screen) {
        if screen.is_json() {
            screen.document(&self.json());
            return;
        }
        for version in &self.versions {
            let label = version.label();
            match (version.status(), &version.failure) {
                ("skipped", _) => screen.say(&format!("skipped    {label}: already published")),
                ("published", _) => screen.say(&format!("published  {label}{}", details(version))),
                ("notTried", _) => screen.problem(&format!("not tried  {label}")),
                (_, Some(failure)) => screen.problem(&format!("failed     {label}: {failure}")),
                _ => {}
            }
        }
        if !self.left_out.is_empty() {
            let strange: Vec<_> =
                self.left_out.iter().filter(|file| file.why.starts_with("not named")).collect();
            let count = self.left_out.len();
            screen.remark(&format!(
                "{count} files left out (checksums, metadata and notes of clients are not published)"
            ));
            for file in strange.iter().take(20) {
                screen.remark(&format!("  {}: {}", file.path.display(), file.why));
            }
        }
        let sent: u64 = self.versions.iter().map(|version| version.sent).sum();
        let (published, skipped) = (self.number("published"), self.number("skipped"));
        let failed = self.number("failed") + self.number("notTried");
        let line = format!(
            "{published} published, {skipped} skipped, {failed} failed; {} sent to {} at {}",
            indicatif::BinaryBytes(sent),
            self.repo,
            self.server
        );
        if failed == 0 { screen.say(&line) } else { screen.problem(&line) }
    }

    fn json(&self) -> Value {
        let versions: Vec<Value> = self.versions.iter().map(version_json).collect();
        let left_out: Vec<Value> = self
            .left_out
            .iter()
            .map(|file| json!({"path": file.path.to_string_lossy(), "reason": file.why}))
            .collect();
        json!({
            "ok": self.exit_code() == 0,
            "exitCode": self.exit_code(),
            "server": self.server,
            "repo": self.repo,
            "summary": {
                "published": self.number("published"),
                "skipped": self.number("skipped"),
                "failed": self.number("failed"),
                "notTried": self.number("notTried"),
                "bytesSent": self.versions.iter().map(|version| version.sent).sum::<u64>(),
            },
            "versions": versions,
            "leftOut": left_out,
        })
    }
}

/// What is worth knowing about a version that was published.
fn details(version: &VersionLine) -> String {
    let mut notes = Vec::new();
    let stored = version.count(FileEnd::AlreadyStored);
    let there = version.count(FileEnd::AlreadyPublished);
    if stored > 0 {
        notes.push(format!("{stored} already stored"));
    }
    if there > 0 {
        notes.push(format!("{there} already published"));
    }
    let files = version.files.len();
    let files = if files == 1 { "1 file".to_owned() } else { format!("{files} files") };
    if notes.is_empty() { format!(" ({files})") } else { format!(" ({files}, {})", notes.join(", ")) }
}

fn version_json(version: &VersionLine) -> Value {
    let files: Vec<Value> = version
        .files
        .iter()
        .map(|file| {
            let status = match file.end {
                Some(FileEnd::Published) => "published",
                Some(FileEnd::AlreadyStored) => "alreadyStored",
                Some(FileEnd::AlreadyPublished) => "alreadyPublished",
                None => "notPublished",
            };
            json!({"name": file.name, "size": file.size, "sha256": file.sha256, "status": status})
        })
        .collect();
    let mut answer = json!({
        "package": version.package,
        "version": version.version,
        "status": version.status(),
        "uploadIds": version.upload_ids,
        "bytesSent": version.sent,
        "files": files,
    });
    if let (Some(failure), Some(fields)) = (&version.failure, answer.as_object_mut()) {
        fields.insert("error".to_owned(), error(failure));
    }
    answer
}

/// A failure as JSON.
pub(crate) fn error(failure: &Failure) -> Value {
    json!({"code": failure.kind.code(), "message": failure.message, "next": failure.next})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(failure: Option<Kind>, ends: &[FileEnd]) -> VersionLine {
        let files = ends.iter().map(|end| FileLine {
            name: "f".into(),
            size: 1,
            sha256: "00".into(),
            end: Some(*end),
        });
        VersionLine {
            package: Some("p".into()),
            version: Some("1".into()),
            upload_ids: Vec::new(),
            files: files.collect(),
            sent: 0,
            failure: failure.map(|kind| Failure::new(kind, "no")),
            not_tried: false,
        }
    }

    fn code(failures: &[Option<Kind>]) -> u8 {
        let versions = failures.iter().map(|failure| version(*failure, &[FileEnd::Published])).collect();
        Report { server: String::new(), repo: String::new(), versions, left_out: Vec::new() }.exit_code()
    }

    #[test]
    fn the_exit_code_is_that_of_the_most_telling_failure() {
        assert_eq!(code(&[]), 0);
        assert_eq!(code(&[None, None]), 0);
        assert_eq!(code(&[None, Some(Kind::Conflict)]), 3);
        assert_eq!(code(&[Some(Kind::Conflict), Some(Kind::Failed)]), 1);
        assert_eq!(code(&[Some(Kind::Failed), Some(Kind::NotAllowed)]), 4);
    }

    #[test]
    fn a_version_is_skipped_only_if_all_of_it_was_there() {
        use FileEnd::{AlreadyPublished, AlreadyStored, Published};
        assert_eq!(version(None, &[AlreadyPublished, AlreadyPublished]).status(), "skipped");
        assert_eq!(version(None, &[AlreadyPublished, AlreadyStored]).status(), "published");
        assert_eq!(version(Some(Kind::Failed), &[Published]).status(), "failed");
        let line = details(&version(None, &[Published, AlreadyStored, AlreadyPublished]));
        assert_eq!(line, " (3 files, 1 already stored, 1 already published)");
    }
}
