//! What the forms for a new repository and for its settings have in common.

use serde_json::{Map, Value, json};

use super::{KmpConfig, Repo};
use crate::back::Problem;
use crate::form::{Form, wrong};

/// The types of packages, with what they are for.
pub(crate) const TYPES: [(&str, &str); 6] = [
    ("npm", "JavaScript and TypeScript: npm, pnpm, Yarn, Bun"),
    ("maven", "Java, Kotlin, Scala, Android: Maven, Gradle, sbt, Ivy"),
    ("swift", "Swift packages: Swift Package Manager, Xcode"),
    ("composer", "PHP: Composer"),
    ("raw", "Any files: curl, scripts, installers"),
    (
        "kmp",
        "Kotlin Multiplatform: watches a Maven repository and builds npm and Swift packages of what is there",
    ),
];

/// What a form holds.
#[derive(Debug, Clone, Default)]
pub(super) struct RepoForm {
    pub(super) name: String,
    pub(super) description: String,
    pub(super) visibility: String,
    pub(super) types: Vec<String>,
    /// The organisation that a new repository is to belong to; empty for oneself.
    pub(super) owner: String,
    /// Builds of a snapshot to keep; empty for as many as before.
    pub(super) keep: String,
    pub(super) source: String,
    pub(super) source_repo: String,
    pub(super) source_url: String,
}

impl RepoForm {
    /// A form that nobody has filled in.
    pub(super) fn empty() -> Self {
        Self { visibility: "private".into(), source: "external".into(), ..Self::default() }
    }

    /// What somebody has filled in.
    pub(super) fn of(form: &Form) -> Self {
        let text = |name: &str| form.text(name).to_owned();
        Self {
            name: text("name"),
            description: form.text("description").replace("\r\n", "\n"),
            visibility: text("visibility"),
            types: form.all("type").into_iter().map(str::to_owned).collect(),
            owner: text("owner"),
            keep: text("keep"),
            source: text("source"),
            source_repo: text("sourceRepo"),
            source_url: text("sourceUrl"),
        }
    }

    /// The settings as they are.
    pub(super) fn as_is(repo: &Repo) -> Self {
        let config = repo.kmp_config.as_ref();
        let keep = repo.maven_config.as_ref().map(|config| config.keep_snapshot_builds.to_string());
        let empty = Self::empty();
        Self {
            description: repo.description.clone().unwrap_or_default(),
            visibility: repo.visibility.clone(),
            types: repo.package_types.clone(),
            keep: keep.unwrap_or_default(),
            source: config.map_or_else(|| empty.source.clone(), |config| config.kind.clone()),
            source_repo: config.and_then(|config| config.source_repo_id.clone()).unwrap_or_default(),
            source_url: config.and_then(|config| config.source_url.clone()).unwrap_or_default(),
            ..empty
        }
    }

    /// Whether a type is chosen.
    pub(super) fn has(&self, kind: &str) -> bool {
        self.types.iter().any(|chosen| chosen == kind)
    }

    /// The kind of source of a repository that had none: that of the field that was filled in, and where that says nothing,
    /// the one that is chosen.
    fn first_source(&self) -> &str {
        match (self.source_repo.is_empty(), self.source_url.is_empty()) {
            (false, true) => "artifacts",
            (true, false) => "external",
            _ => &self.source,
        }
    }

    /// The source of a repository for Kotlin Multiplatform. Of the two fields the one counts that is of this kind.
    fn kmp(&self, source: &str) -> Option<KmpConfig> {
        self.has("kmp").then(|| {
            let here = source == "artifacts";
            KmpConfig {
                kind: source.to_owned(),
                source_repo_id: here.then(|| self.source_repo.clone()),
                source_url: (!here).then(|| self.source_url.clone()),
            }
        })
    }

    /// What the interface is asked to make.
    pub(super) fn creation(&self) -> Value {
        let mut asked = Map::new();
        asked.insert("name".into(), json!(self.name));
        asked.insert("packageTypes".into(), json!(self.types));
        asked.insert("visibility".into(), json!(self.visibility));
        if !self.description.is_empty() {
            asked.insert("description".into(), json!(self.description));
        }
        if !self.owner.is_empty() {
            asked.insert("orgSlug".into(), json!(self.owner));
        }
        if let Some(config) = self.kmp(self.first_source()) {
            asked.insert("kmpConfig".into(), view(&config));
        }
        asked.into()
    }

    /// What the interface is asked to change: only what differs, so that saving a form does not take back what somebody else has
    /// changed elsewhere on it, and does not name the same source anew.
    ///
    /// # Errors
    /// For a number that is none.
    pub(super) fn changes(&self, repo: &Repo) -> Result<Map<String, Value>, Problem> {
        let mut asked = Map::new();
        let before = Self::as_is(repo);
        if self.description != before.description {
            let text = Some(&self.description).filter(|text| !text.is_empty());
            asked.insert("description".into(), json!(text));
        }
        if self.visibility != before.visibility {
            asked.insert("visibility".into(), json!(self.visibility));
        }
        if sorted(&self.types) != sorted(&before.types) {
            asked.insert("packageTypes".into(), json!(self.types));
        }
        if self.has("maven") && !self.keep.is_empty() && self.keep != before.keep {
            let builds: Option<u32> = self.keep.parse().ok();
            let builds =
                builds.ok_or_else(|| wrong("Snapshot builds to keep: a whole number, such as 10"))?;
            asked.insert("mavenConfig".into(), json!({ "keepSnapshotBuilds": builds }));
        }
        // Whoever has a source and chooses another kind says so, and is not second-guessed.
        let source = if repo.kmp_config.is_some() { &self.source } else { self.first_source() };
        if let Some(config) = self.kmp(source).filter(|config| repo.kmp_config.as_ref() != Some(config)) {
            asked.insert("kmpConfig".into(), view(&config));
        }
        Ok(asked)
    }
}

fn sorted(types: &[String]) -> Vec<&str> {
    let mut types: Vec<&str> = types.iter().map(String::as_str).collect();
    types.sort_unstable();
    types
}

fn view(config: &KmpConfig) -> Value {
    match (&config.source_repo_id, &config.source_url) {
        (Some(repo), _) => json!({ "sourceType": config.kind, "sourceRepoId": repo }),
        (None, url) => json!({ "sourceType": config.kind, "sourceUrl": url }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_source_is_of_the_kind_that_was_filled_in() {
        let made = |source: &str, repo: &str, url: &str| {
            let form = RepoForm {
                types: vec!["kmp".into()],
                source: source.into(),
                source_repo: repo.into(),
                source_url: url.into(),
                ..RepoForm::empty()
            };
            form.creation()["kmpConfig"].clone()
        };
        let here = json!({ "sourceType": "artifacts", "sourceRepoId": "jars" });
        let elsewhere = json!({ "sourceType": "external", "sourceUrl": "https://a.example/" });
        for source in ["external", "artifacts"] {
            assert_eq!(made(source, "jars", ""), here);
            assert_eq!(made(source, "", "https://a.example/"), elsewhere);
        }
        assert_eq!(made("artifacts", "jars", "https://a.example/"), here);
        assert_eq!(made("external", "jars", "https://a.example/"), elsewhere);
    }
}
