//! A package and its versions as they are shown.

use std::collections::BTreeMap;

use granary_http::AppState;
use granary_model::maven::split_key;
use granary_model::npm::NpmName;
use granary_model::{PackageType, Result, Timestamp};
use granary_publish::details::{Details, ReadmeFormat, version_text};
use granary_publish::npm::foreign::About;
use granary_publish::policy::{Kept, kept};
use granary_storage::rows::{FileRow, HeadRow, VersionRow};
use serde::Serialize;
use serde_json::Value;
use url::Url;

use super::files::{Addresses, FileView};
use super::standing::{PackageOrigin, Standing};
use super::version::{Extras, FILES, MAX_README, beginning};
use crate::named::{Named, version_key};
use crate::routes::quarantine;

/// Most dependencies that are shown of a version.
const DEPENDENCIES: usize = 1_000;

/// Longest address that is shown, in bytes.
const MAX_ADDRESS: usize = 2_000;

/// The answer.
#[derive(Debug, Serialize)]
pub(super) struct PackageDetails {
    pub(super) package: PackageFacts,
    pub(super) version: Option<VersionDetails>,
    pub(super) versions: Vec<VersionLine>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next: Option<String>,
}

/// Who looks at what.
#[derive(Clone, Copy)]
pub(super) struct Seen<'a> {
    pub(super) state: &'a AppState,
    pub(super) named: &'a Named,
    /// Whether the caller belongs to the repository: only then are people shown.
    pub(super) insider: bool,
}

impl Seen<'_> {
    /// Whoever belongs to this repository need not belong to the one that the package is read from.
    fn person(&self, name: &str) -> Option<String> {
        let is_shown = self.insider && self.named.access.home.is_none() && self.named.head.upstream.is_none();
        Some(name.to_owned()).filter(|name| is_shown && !name.is_empty())
    }

    /// A version as reasons name it.
    pub(super) fn named_version(&self, version: &str) -> String {
        match self.kind() {
            PackageType::Npm => format!("{}@{version}", self.named.head.name),
            _ => format!("{} {version}", self.named.head.name),
        }
    }

    /// Why nobody gets a version that was published here.
    pub(super) fn kept(&self, row: &VersionRow) -> Option<Kept> {
        kept(&self.named.head, None, row, self.state.now())
    }

    pub(super) fn kind(&self) -> PackageType {
        self.named.package.kind
    }

    /// The package as a whole.
    pub(super) fn package(&self, downloads: u64) -> PackageFacts {
        let (kind, mut head) = (self.kind(), HeadRow::clone(&self.named.head));
        if !self.insider && !head.quarantine.is_empty() {
            // Nothing tells of a version that nobody gets.
            let aside = |version: &str| {
                let key = version_key(kind, version);
                head.quarantined(key.as_deref().unwrap_or(version)).is_some()
            };
            let tags = head.tags.iter().filter(|(_, version)| !aside(version));
            head.tags = tags.map(|(tag, version)| (tag.clone(), version.clone())).collect();
        }
        let is_own = self.insider && self.named.access.home.is_none();
        let scope = match kind {
            PackageType::Npm => {
                head.name.parse().ok().and_then(|name: NpmName| name.scope().map(str::to_owned))
            }
            _ => None,
        };
        let coordinates = Some(&head.name).filter(|_| kind == PackageType::Maven);
        let (group_id, artifact_id) = coordinates
            .and_then(|name| split_key(name).ok())
            .map(|(group, artifact)| (group.to_string(), artifact.to_string()))
            .unzip();
        let quarantine = is_own.then(|| quarantine::view(&head));
        let maintainers = head.maintainers.iter().filter_map(|user| self.person(user.as_str()));
        PackageFacts {
            id: format!("{kind}:{}", head.name),
            latest_version: head.latest().map(str::to_owned),
            created_at: Timestamp::from_millis(head.created_at).to_string(),
            updated_at: head.modified().to_string(),
            publisher: self.person(&head.publisher),
            maintainers: maintainers.collect(),
            name: head.name,
            package_type: kind,
            description: head.description,
            keywords: head.keywords,
            tags: head.tags,
            version_count: head.versions,
            download_count: downloads,
            scope,
            group_id,
            artifact_id,
            origin: PackageOrigin::of(*self),
            quarantine,
        }
    }
}

/// A package.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PackageFacts {
    id: String,
    name: String,
    package_type: PackageType,
    description: Option<String>,
    keywords: Vec<String>,
    latest_version: Option<String>,
    tags: BTreeMap<String, String>,
    version_count: u64,
    download_count: u64,
    created_at: String,
    updated_at: String,
    publisher: Option<String>,
    maintainers: Vec<String>,
    /// npm's scope without `@`.
    scope: Option<String>,
    /// Maven's coordinates; `null` for every other type.
    group_id: Option<String>,
    artifact_id: Option<String>,
    origin: Option<PackageOrigin>,
    /// What is put aside of it; only for those who belong to the repository.
    #[serde(skip_serializing_if = "Option::is_none")]
    quarantine: Option<Vec<Value>>,
}

impl PackageFacts {
    /// The same with what an upstream's document says of it.
    pub(super) fn with_document(self, versions: usize, tags: BTreeMap<String, String>) -> Self {
        Self { version_count: versions as u64, latest_version: tags.get("latest").cloned(), tags, ..self }
    }
}

/// The version that is shown.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct VersionDetails {
    version: String,
    published_at: String,
    publisher: Option<String>,
    deprecated: Option<String>,
    license: Option<String>,
    license_url: Option<String>,
    homepage: Option<String>,
    repository: Option<String>,
    files: Vec<FileView>,
    files_total: u64,
    dependencies: Vec<DependencyView>,
    dependencies_total: usize,
    readme: Option<ReadmeView>,
    #[serde(flatten)]
    standing: Standing,
}

#[derive(Debug, Serialize)]
struct DependencyView {
    name: String,
    range: String,
    kind: String,
}

#[derive(Debug, Serialize)]
struct ReadmeView {
    text: String,
    format: &'static str,
    truncated: bool,
}

impl VersionDetails {
    /// A live version, with what was read besides.
    pub(super) fn new(seen: Seen<'_>, row: &VersionRow, extras: Extras) -> Result<Self> {
        let kind = seen.kind();
        let mut details = Details::of(kind, row)?;
        let version = version_text(kind, row)?;
        if !extras.dependencies.is_empty() {
            details.dependencies = extras.dependencies;
        }
        let (files, files_total) = match extras.files {
            Some(files) => (files, row.file_count),
            None => (row.files.iter().take(FILES).cloned().collect(), row.files.len() as u64),
        };
        let kept = seen.kept(row);
        let standing = Standing::local(row, kept.as_ref(), &seen.named_version(&version));
        Ok(Self {
            files: file_views(seen, row, &version, files)?,
            files_total,
            published_at: row.published_at.to_string(),
            publisher: seen.person(&row.publisher),
            deprecated: row.deprecated.clone(),
            ..Self::said(version, details, extras.readme, standing)
        })
    }

    /// A version that comes from an upstream, with its row if its bytes are here.
    pub(super) fn foreign(
        seen: Seen<'_>,
        (version, published, row): (&str, Timestamp, Option<&VersionRow>),
        (about, extras): (About, Extras),
        standing: Standing,
    ) -> Result<Self> {
        let own = |row: &VersionRow| extras.files.unwrap_or_else(|| row.files.clone());
        let files = row.map(|row| file_views(seen, row, version, own(row))).transpose()?.unwrap_or_default();
        let readme = about.readme.map(|text| beginning(text, MAX_README));
        let dependencies =
            if extras.dependencies.is_empty() { about.details.dependencies } else { extras.dependencies };
        let details = Details { dependencies, ..about.details };
        Ok(Self {
            files_total: row.map_or(0, |row| row.file_count).max(files.len() as u64),
            files,
            published_at: published.to_string(),
            deprecated: about.deprecated,
            ..Self::said(version.to_owned(), details, readme, standing)
        })
    }

    /// What a version says of itself.
    fn said(version: String, details: Details, readme: Option<(String, bool)>, standing: Standing) -> Self {
        Self {
            version,
            published_at: String::new(),
            publisher: None,
            deprecated: None,
            license: details.license,
            license_url: details.license_url.as_deref().and_then(safe_address),
            homepage: details.homepage.as_deref().and_then(safe_address),
            repository: details.repository.as_deref().and_then(safe_address),
            files: Vec::new(),
            files_total: 0,
            dependencies_total: details.dependencies.len(),
            dependencies: details
                .dependencies
                .into_iter()
                .take(DEPENDENCIES)
                .map(|one| DependencyView { name: one.name, range: one.range, kind: one.kind })
                .collect(),
            readme: readme.map(|(text, truncated)| ReadmeView {
                text,
                format: match details.readme {
                    ReadmeFormat::Markdown => "markdown",
                    ReadmeFormat::Text => "text",
                },
                truncated,
            }),
            standing,
        }
    }
}

fn file_views(seen: Seen<'_>, row: &VersionRow, version: &str, files: Vec<FileRow>) -> Result<Vec<FileView>> {
    let Named { package, head, .. } = seen.named;
    let addresses = Addresses { state: seen.state, package, name: &head.name, row, version };
    files
        .into_iter()
        .map(|file| {
            let url = addresses.of(&file)?;
            Ok(FileView::new(file, url))
        })
        .collect()
}

/// A version in the list.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct VersionLine {
    version: String,
    published_at: String,
    publisher: Option<String>,
    deprecated: Option<String>,
    size: u64,
    file_count: u64,
    #[serde(flatten)]
    standing: Standing,
}

impl VersionLine {
    /// A version that comes from an upstream, with its row if its bytes are here: until then nothing says how large it is.
    pub(super) fn foreign(
        (version, published, row): (&str, Timestamp, Option<&VersionRow>),
        deprecated: Option<String>,
        standing: Standing,
    ) -> Self {
        let (files, size, count) =
            row.map_or((&[][..], 0, 0), |row| (row.files.as_slice(), row.size, row.file_count));
        Self {
            version: version.to_owned(),
            published_at: published.to_string(),
            publisher: None,
            deprecated,
            size: size + files.iter().map(|file| file.size).sum::<u64>(),
            file_count: count + files.len() as u64,
            standing,
        }
    }

    /// A version that the protocol lists.
    pub(super) fn new(seen: Seen<'_>, row: &VersionRow) -> Result<Self> {
        let of_rows = matches!(seen.kind(), PackageType::Maven | PackageType::Raw);
        let files: u64 = row.files.iter().map(|file| file.size).sum();
        // A tombstone goes on saying what it had, and nobody gets it any more.
        let (size, file_count) = match (row.is_live(), of_rows) {
            (false, _) => (0, 0),
            (true, true) => (row.size, row.file_count),
            (true, false) => (files, row.files.len() as u64),
        };
        let (version, kept) = (version_text(seen.kind(), row)?, seen.kept(row));
        Ok(Self {
            standing: Standing::local(row, kept.as_ref(), &seen.named_version(&version)),
            version,
            published_at: row.published_at.to_string(),
            publisher: seen.person(&row.publisher),
            deprecated: row.deprecated.clone(),
            size,
            file_count,
        })
    }
}

/// An address that a publisher wrote, if it is one that a browser can go to without harm: of a page, and without
/// credentials in it. What `git` is told to fetch by HTTPS can be looked at as well.
fn safe_address(text: &str) -> Option<String> {
    let text = text.trim();
    let url = Url::parse(text.strip_prefix("git+").unwrap_or(text)).ok()?;
    let is_page = matches!(url.scheme(), "http" | "https") && url.has_host();
    let is_plain = url.username().is_empty() && url.password().is_none();
    Some(String::from(url)).filter(|url| is_page && is_plain && url.len() <= MAX_ADDRESS)
}

#[cfg(test)]
mod tests {
    use super::safe_address;

    #[test]
    fn only_addresses_of_pages_are_shown() {
        for (text, shown) in [
            ("https://example.com/a", "https://example.com/a"),
            (" http://example.com ", "http://example.com/"),
            ("git+https://example.com/a/b.git", "https://example.com/a/b.git"),
            ("HTTPS://example.com/\"><script>", "https://example.com/%22%3E%3Cscript%3E"),
        ] {
            assert_eq!(safe_address(text).as_deref(), Some(shown), "{text}");
        }
        let long = format!("https://example.com/{}", "a".repeat(2_000));
        for bad in [
            "javascript:alert(1)",
            " javascript:alert(1)",
            "JaVaScRiPt:alert(1)",
            "java\nscript:alert(1)",
            "git+javascript:alert(1)",
            "data:text/html,<script>alert(1)</script>",
            "vbscript:x",
            "file:///etc/passwd",
            "git://example.com/a/b.git",
            "git+ssh://git@example.com/a/b.git",
            "git@example.com:a/b.git",
            "https://user:secret@example.com/",
            "https://user@example.com/",
            "//example.com",
            "/a",
            "example.com",
            "",
            "https://",
            &long,
        ] {
            assert_eq!(safe_address(bad), None, "{bad}");
        }
    }
}
