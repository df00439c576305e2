//! The rows of a repository's list of packages, and which of them somebody looks for.

use granary_http::AppState;
use granary_model::{Error, PackageType, RepoId, Result};
use granary_storage::rows::PackageEntry;
use granary_storage::{Key, PackageKey, Page};

/// What sort keys of packages begin with that were published in the repository.
pub(crate) const PREFIX: &str = "PKG#";

/// What sort keys of packages begin with that came from its upstreams.
const FETCHED: &str = "UPKG#";

/// Rows that are read at a time where only some of them fit.
pub(crate) const ROWS: usize = 1_000;

/// Longest text to look for, in characters.
const MAX_TEXT: usize = 100;

/// What somebody looks for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Filter {
    /// In lower case.
    text: Option<String>,
    kind: Option<PackageType>,
    /// Whether what came from upstreams is looked for, and not what was published here.
    fetched: bool,
    /// Whether packages are shown as well of which no version can be had.
    with_empty: bool,
}

impl Filter {
    /// From the query of a request.
    ///
    /// # Errors
    /// `BadRequest` for a text of more than 100 characters, and for a type that there is not.
    pub(crate) fn new(text: Option<&str>, kind: Option<&str>) -> Result<Self> {
        let text = text.map(str::trim).filter(|text| !text.is_empty());
        if text.is_some_and(|text| text.chars().count() > MAX_TEXT) {
            return Err(Error::BadRequest(format!("text: at most {MAX_TEXT} characters")));
        }
        let kind = kind.filter(|kind| !kind.is_empty()).map(str::parse).transpose();
        let kind = kind.map_err(|error: Error| Error::BadRequest(format!("type: {error}")))?;
        Ok(Self { text: text.map(str::to_lowercase), kind, fetched: false, with_empty: false })
    }

    /// The same among packages of an origin: `upstream`, or `local` as without one.
    ///
    /// # Errors
    /// `BadRequest` for any other.
    pub(crate) fn with_origin(self, origin: Option<&str>) -> Result<Self> {
        match origin {
            None | Some("" | "local") => Ok(self),
            Some("upstream") => Ok(Self { fetched: true, ..self }),
            Some(_) => Err(Error::BadRequest("origin: it is 'local' or 'upstream'".into())),
        }
    }

    /// The same with packages of which no version can be had, for whoever may see why.
    pub(crate) fn with_empty(self, with_empty: bool) -> Self {
        Self { with_empty, ..self }
    }

    /// Whether what came from upstreams is looked for.
    pub(crate) fn is_fetched(&self) -> bool {
        self.fetched
    }

    /// Whether everything fits.
    pub(crate) fn is_empty(&self) -> bool {
        self.text.is_none() && self.kind.is_none()
    }

    /// What sort keys of all packages of the list begin with.
    pub(crate) fn root(&self) -> &'static str {
        if self.fetched { FETCHED } else { PREFIX }
    }

    /// What sort keys of packages begin with that may fit.
    pub(crate) fn prefix(&self) -> String {
        let root = self.root();
        self.kind.map_or_else(|| root.into(), |kind| format!("{root}{kind}#"))
    }

    /// How many rows to read at a time to find this many.
    pub(crate) fn rows_for(&self, wanted: usize) -> usize {
        if self.text.is_some() { ROWS } else { wanted.min(ROWS) }
    }

    /// Whether a package fits. One whose versions are all deleted fits nothing: what is left of it is nobody's business.
    pub(crate) fn fits(&self, entry: &PackageEntry) -> bool {
        let is_shown = entry.versions > 0 || self.with_empty;
        let Some(text) = &self.text else { return is_shown };
        let has = |field: &str| field.to_lowercase().contains(text);
        let texts = entry.description.iter().chain(&entry.keywords);
        is_shown && (has(&entry.name) || texts.into_iter().any(|field| has(field)))
    }

    /// Whether the text is the name of a package.
    pub(crate) fn names(&self, entry: &PackageEntry) -> bool {
        self.text.as_ref().is_some_and(|text| entry.name.to_lowercase() == *text)
    }
}

/// A row of the list, with the sort key that says what it is about.
pub(crate) type Listed = granary_storage::rows::Listed<PackageEntry>;

/// Reads one page of a repository's list, of rows that may fit.
pub(crate) async fn read(
    state: &AppState,
    repo: &RepoId,
    filter: &Filter,
    after: Option<&str>,
    rows: usize,
) -> Result<Page<Listed>> {
    let first = PackageKey { repo: repo.clone(), kind: PackageType::Npm, name: String::new() };
    let rows = i32::try_from(rows.clamp(1, ROWS)).unwrap_or(1);
    state.storage().list(&Key::PackageOf(first), &filter.prefix(), after, rows).await
}

#[cfg(test)]
mod tests {
    use granary_model::Timestamp;

    use super::*;

    fn entry(name: &str, description: &str, keyword: &str, versions: u64) -> PackageEntry {
        PackageEntry {
            name: name.into(),
            latest: None,
            description: Some(description.into()),
            keywords: vec!["x".into(), keyword.into()],
            versions,
            updated_at: Timestamp::from_millis(0),
            publisher: "user:ann".into(),
        }
    }

    #[test]
    fn texts_are_found_anywhere_in_any_case() {
        let package = entry("Org.Example:Lib", "Straße und ÄRGER", "Größe", 1);
        for text in ["lib", " ORG.EXAMPLE ", "ärger", "STRASSE", "größe", "x", "", "e:l"] {
            let filter = Filter::new(Some(text), None).unwrap();
            assert_eq!(filter.fits(&package), text != "STRASSE", "{text}");
            assert!(!filter.fits(&entry("lib", "ärger e:l", "größe", 0)), "{text}");
        }
        let filter = Filter::new(Some("ORG.example:lib"), None).unwrap();
        assert!(filter.names(&package) && !filter.names(&entry("lib", "org.example:lib", "x", 1)));
        assert!(!Filter::default().names(&package));
    }

    #[test]
    fn what_is_looked_for_is_checked() {
        assert!(Filter::new(Some(&"ä".repeat(100)), None).is_ok());
        assert!(Filter::new(Some(&"a".repeat(101)), None).is_err());
        assert!(Filter::new(None, Some("cargo")).unwrap_err().to_string().contains("type"));
        assert!(Filter::new(Some(" "), Some("")).unwrap().is_empty());
        assert_eq!(Filter::new(None, Some("npm")).unwrap().prefix(), "PKG#npm#");
        assert_eq!(Filter::default().prefix(), PREFIX);
    }
}
