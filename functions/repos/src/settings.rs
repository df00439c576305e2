//! The settings of a repository as requests bring them, checked.

use std::collections::BTreeSet;

use axum::http::HeaderMap;
use granary_http::permit::Read;
use granary_http::{AppState, Fields, RepoAccess};
use granary_model::{Error, PackageType, RepoId, Result, Visibility};
use granary_storage::rows::{KmpConfig, KmpSource, MavenSettings, RepoRow};
use granary_upstream::guard;
use url::Url;

/// Longest description, in characters.
const MAX_DESCRIPTION: usize = 2000;

/// Longest address of a Maven repository elsewhere, in bytes.
const MAX_URL: usize = 2000;

/// How many builds of a snapshot can be kept. Not one: a client may be reading the one before the newest.
const SNAPSHOT_BUILDS: std::ops::RangeInclusive<u32> = 2..=1_000;

/// What becomes of the description.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) enum Description {
    /// It stays as it is.
    #[default]
    Keep,
    /// There is none from now on.
    Clear,
    /// This one.
    Set(String),
}

/// Settings in a request; `None` for what it does not name.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    /// Free text.
    pub(crate) description: Description,
    /// Who may read.
    pub(crate) visibility: Option<Visibility>,
    /// The protocols.
    pub(crate) package_types: Option<BTreeSet<PackageType>>,
    /// The Maven source.
    pub(crate) kmp_config: Option<KmpConfig>,
    /// How Maven artifacts are kept.
    pub(crate) maven: Option<MavenSettings>,
}

impl Settings {
    /// Names of the fields that [`Self::read`] knows.
    pub(crate) const FIELDS: [&str; 5] =
        ["description", "visibility", "packageTypes", "kmpConfig", "mavenConfig"];

    /// Reads the settings. A Maven repository here that is to be watched must be one that the caller may
    /// read.
    pub(crate) async fn read(state: &AppState, headers: &HeaderMap, fields: &Fields) -> Result<Self> {
        let kmp_config = match fields.object("kmpConfig")? {
            Some(config) => Some(kmp_config(state, headers, &config).await?),
            None => None,
        };
        Ok(Self {
            description: description(fields)?,
            visibility: fields.parsed("visibility")?,
            package_types: fields.list("packageTypes")?.map(package_types).transpose()?,
            kmp_config,
            maven: fields.object("mavenConfig")?.map(|config| maven_config(&config)).transpose()?,
        })
    }

    /// Whether the request names none.
    pub(crate) fn is_empty(&self) -> bool {
        self.description == Description::Keep
            && self.visibility.is_none()
            && self.package_types.is_none()
            && self.kmp_config.is_none()
            && self.maven.is_none()
    }

    /// Puts the settings into a row and checks that they fit together.
    pub(crate) fn apply(&self, row: &mut RepoRow) -> Result<()> {
        match &self.description {
            Description::Keep => {}
            Description::Clear => row.description = None,
            Description::Set(text) => row.description = Some(text.clone()),
        }
        row.visibility = self.visibility.unwrap_or(row.visibility);
        if let Some(types) = &self.package_types {
            row.package_types.clone_from(types);
        }
        if let Some(maven) = self.maven {
            if !row.package_types.contains(&PackageType::Maven) {
                return Err(Error::BadRequest(
                    "mavenConfig is only for repositories whose packageTypes include maven".into(),
                ));
            }
            row.maven = maven;
        }
        if !row.package_types.contains(&PackageType::Kmp) {
            row.kmp_config = None;
            if self.kmp_config.is_some() {
                return Err(Error::BadRequest(
                    "kmpConfig is only for repositories whose packageTypes include kmp".into(),
                ));
            }
            return Ok(());
        }
        if let Some(config) = &self.kmp_config {
            row.kmp_config = Some(config.clone());
        }
        if row.kmp_config.is_none() {
            return Err(Error::BadRequest("kmpConfig is required when packageTypes include kmp".into()));
        }
        Ok(())
    }
}

fn description(fields: &Fields) -> Result<Description> {
    match fields.text("description")? {
        None if fields.has("description") => Ok(Description::Clear),
        None => Ok(Description::Keep),
        Some(text) if text.chars().count() > MAX_DESCRIPTION => {
            Err(Error::BadRequest(format!("description: at most {MAX_DESCRIPTION} characters")))
        }
        Some(text) => Ok(Description::Set(text.into())),
    }
}

fn package_types(types: Vec<PackageType>) -> Result<BTreeSet<PackageType>> {
    let mut known = BTreeSet::new();
    for kind in types {
        if !known.insert(kind) {
            return Err(Error::BadRequest(format!("packageTypes: '{kind}' stands there twice")));
        }
    }
    if known.is_empty() {
        return Err(Error::BadRequest("packageTypes: name at least one type".into()));
    }
    Ok(known)
}

fn maven_config(fields: &Fields) -> Result<MavenSettings> {
    fields.only(&["keepSnapshotBuilds"])?;
    let number = Fields::required("mavenConfig.keepSnapshotBuilds", fields.number("keepSnapshotBuilds")?)?;
    // Through text: a number with a fraction, a sign or an exponent is none of those that are meant.
    let builds = number.to_string().parse().ok().filter(|builds| SNAPSHOT_BUILDS.contains(builds));
    builds.map(|keep_snapshot_builds| MavenSettings { keep_snapshot_builds }).ok_or_else(|| {
        Error::BadRequest(format!(
            "mavenConfig.keepSnapshotBuilds: a whole number from {} to {}",
            SNAPSHOT_BUILDS.start(),
            SNAPSHOT_BUILDS.end()
        ))
    })
}

async fn kmp_config(state: &AppState, headers: &HeaderMap, fields: &Fields) -> Result<KmpConfig> {
    fields.only(&["sourceType", "sourceRepoId", "sourceUrl"])?;
    let kind = Fields::required("kmpConfig.sourceType", fields.text("sourceType")?)?;
    let (repo, url) = (fields.text("sourceRepoId")?, fields.text("sourceUrl")?);
    match (kind, repo, url) {
        ("artifacts", Some(repo), None) => {
            let (id, uid) = maven_repo(state, headers, repo).await?;
            Ok(KmpConfig {
                source_type: KmpSource::Artifacts,
                source_repo_id: Some(id),
                source_repo_uid: Some(uid),
                source_url: None,
            })
        }
        ("external", None, Some(url)) => {
            let url = external_url(url, state.config().kmp.allow_private_sources)?;
            Ok(KmpConfig {
                source_type: KmpSource::External,
                source_repo_id: None,
                source_repo_uid: None,
                source_url: Some(url),
            })
        }
        ("artifacts", ..) => Err(Error::BadRequest(
            "kmpConfig: sourceType 'artifacts' takes sourceRepoId and nothing else".into(),
        )),
        ("external", ..) => {
            Err(Error::BadRequest("kmpConfig: sourceType 'external' takes sourceUrl and nothing else".into()))
        }
        _ => Err(Error::BadRequest("kmpConfig.sourceType is 'artifacts' or 'external'".into())),
    }
}

/// A Maven repository of this registry that the caller may read, with its `uid`.
async fn maven_repo(state: &AppState, headers: &HeaderMap, id: &str) -> Result<(RepoId, String)> {
    let id: RepoId =
        id.parse().map_err(|error| Error::BadRequest(format!("kmpConfig.sourceRepoId: {error}")))?;
    match RepoAccess::<Read>::authorize(state, headers, id.as_str(), None).await {
        Ok(access) if access.repo.package_types.contains(&PackageType::Maven) => {
            Ok((id, access.repo.uid.clone()))
        }
        Ok(_) => {
            Err(Error::BadRequest(format!("kmpConfig.sourceRepoId: '{id}' does not hold maven packages")))
        }
        Err(Error::NotFound(_)) => Err(Error::BadRequest(format!(
            "kmpConfig.sourceRepoId: there is no repository '{id}' you may read"
        ))),
        Err(error) => Err(error),
    }
}

/// The address of a Maven repository elsewhere. Secrets have no place in it, and paths are appended to
/// it. What its name means is checked when it is fetched.
fn external_url(text: &str, allow_private: bool) -> Result<String> {
    let wrong = |why: &str| Error::BadRequest(format!("kmpConfig.sourceUrl: {why}"));
    if text.len() > MAX_URL {
        return Err(wrong("the address is too long"));
    }
    let url = Url::parse(text).map_err(|_| wrong("it is not an address such as https://host/path"))?;
    if url.host_str().is_none() {
        return Err(wrong("it is not an address such as https://host/path"));
    }
    guard::check(&url, allow_private).map_err(wrong)?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("the address must have neither a query nor a fragment"));
    }
    Ok(url.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_maven_repositories() {
        assert_eq!(
            external_url("https://repo.example.org/maven2", false).unwrap(),
            "https://repo.example.org/maven2"
        );
        let long = format!("https://h/{}", "x".repeat(MAX_URL));
        for bad in [
            "",
            "repo",
            "http://h/x",
            "file:///etc/passwd",
            "https://u@h/",
            "https://u:p@h/",
            "https://h/#x",
            "https://h/?x",
            "https://127.0.0.1/m2",
            "https://[::1]/m2",
            "https://10.0.0.7/",
            "https://169.254.169.254/latest",
            "https://localhost/m2",
            &long,
        ] {
            assert!(external_url(bad, false).is_err(), "{bad}");
        }
        for near in ["http://127.0.0.1:8081/m2", "https://10.0.0.7/"] {
            assert_eq!(external_url(near, true).unwrap(), near);
        }
        for bad in ["file:///etc/passwd", "ftp://h/", "http://u:p@h/", "http://h/?x"] {
            assert!(external_url(bad, true).is_err(), "{bad}");
        }
    }

    #[test]
    fn types_are_a_set() {
        use PackageType::{Maven, Npm};
        assert_eq!(package_types(vec![Maven, Npm]).unwrap().len(), 2);
        assert!(package_types(vec![Npm, Npm]).is_err());
        assert!(package_types(Vec::new()).is_err());
    }
}
