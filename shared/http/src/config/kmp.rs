//! Settings of the pipeline for Kotlin Multiplatform.

use std::time::Duration;

use granary_kmp::Settings;
use granary_kmp::settings::{Builder, Github, GithubCredential, Secret};
use granary_model::{Error, Result};

use super::understood;

/// Longest time after a publish until a watched repository is looked at, in seconds: what a message can be delayed by.
const MAX_DEBOUNCE: u64 = 900;

/// Applies the variables over what is set. `variable` gives one, if it is set and not empty.
pub(super) fn apply(settings: &mut Settings, variable: &dyn Fn(&str) -> Option<String>) -> Result<()> {
    let seconds = |name: &str| understood::<u64>(name, variable(name));
    if let Some(interval) = seconds("GRANARY_KMP_POLL_INTERVAL")? {
        settings.poll_interval = Duration::from_secs(interval.max(1));
    }
    if let Some(debounce) = seconds("GRANARY_KMP_DEBOUNCE")? {
        settings.debounce = Duration::from_secs(debounce.min(MAX_DEBOUNCE));
    }
    if let Some(deadline) = seconds("GRANARY_KMP_DEADLINE")? {
        settings.deadline = Duration::from_secs(deadline.max(1));
    }
    if let Some(allow) =
        understood::<bool>("GRANARY_ALLOW_PRIVATE_SOURCES", variable("GRANARY_ALLOW_PRIVATE_SOURCES"))?
    {
        settings.allow_private_sources = allow;
    }
    let github = github(settings, variable)?;
    settings.builder = match (variable("GRANARY_KMP_BUILDER").as_deref(), github) {
        (None | Some("github"), Some(github)) => Builder::Github(github),
        (None | Some("none"), _) => Builder::None,
        (Some("local"), _) => Builder::Local {
            scripts: variable("GRANARY_KMP_SCRIPTS").unwrap_or_else(|| "infra/github/build".into()).into(),
        },
        (Some("github"), None) => {
            return Err(Error::Internal(
                "GRANARY_KMP_BUILDER is 'github', and GRANARY_GITHUB_REPOSITORY is not set".into(),
            ));
        }
        (Some(other), _) => {
            return Err(Error::Internal(format!(
                "GRANARY_KMP_BUILDER is 'github', 'local' or 'none', not '{other}'"
            )));
        }
    };
    Ok(())
}

/// The workflow, if a repository is named.
fn github(settings: &Settings, variable: &dyn Fn(&str) -> Option<String>) -> Result<Option<Github>> {
    let Some(repository) = variable("GRANARY_GITHUB_REPOSITORY") else { return Ok(None) };
    if repository.split('/').count() != 2 || repository.split('/').any(str::is_empty) {
        return Err(Error::Internal("GRANARY_GITHUB_REPOSITORY is of the form owner/name".into()));
    }
    let app = variable("GRANARY_GITHUB_APP_ID").zip(variable("GRANARY_GITHUB_APP_KEY"));
    let credential = match (variable("GRANARY_GITHUB_TOKEN"), app) {
        (Some(token), _) => GithubCredential::Token(Secret(token)),
        (None, Some((id, key))) => GithubCredential::App { id, key: Secret(key.replace("\\n", "\n")) },
        (None, None) => {
            return Err(Error::Internal(
                "GRANARY_GITHUB_REPOSITORY is set, and neither GRANARY_GITHUB_TOKEN nor GRANARY_GITHUB_APP_ID with \
                 GRANARY_GITHUB_APP_KEY"
                    .into(),
            ));
        }
    };
    let or = |name: &str, default: &str| variable(name).unwrap_or_else(|| default.to_owned());
    Ok(Some(Github {
        api_url: or("GRANARY_GITHUB_API_URL", "https://api.github.com").trim_end_matches('/').to_owned(),
        repository,
        workflow: or("GRANARY_GITHUB_WORKFLOW", "kmp-build.yml"),
        git_ref: or("GRANARY_GITHUB_REF", "main"),
        credential,
        webhook_secret: variable("GRANARY_GITHUB_WEBHOOK_SECRET").map(Secret),
        oidc_issuer: or("GRANARY_GITHUB_OIDC_ISSUER", "https://token.actions.githubusercontent.com"),
        oidc_audience: or("GRANARY_GITHUB_OIDC_AUDIENCE", &settings.public_url),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(variables: &[(&str, &str)]) -> Result<Settings> {
        let mut settings = Settings::local("https://registry.example.com");
        let find = |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        apply(&mut settings, &find).map(|()| settings)
    }

    #[test]
    fn a_repository_with_a_credential_makes_github_the_builder() {
        let token = [("GRANARY_GITHUB_REPOSITORY", "acme/builds"), ("GRANARY_GITHUB_TOKEN", "secret-token")];
        let settings = applied(&token).unwrap();
        let Builder::Github(github) = &settings.builder else { panic!("{settings:?}") };
        assert_eq!(github.workflow, "kmp-build.yml");
        assert_eq!(github.oidc_audience, "https://registry.example.com");
        assert!(!format!("{settings:?}").contains("secret-token"));
        let app = [
            ("GRANARY_GITHUB_REPOSITORY", "acme/builds"),
            ("GRANARY_GITHUB_APP_ID", "1"),
            ("GRANARY_GITHUB_APP_KEY", "a\\nb"),
        ];
        let Builder::Github(github) = applied(&app).unwrap().builder else { panic!() };
        assert!(matches!(github.credential, GithubCredential::App { key, .. } if key.0 == "a\nb"));
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        for (variables, word) in [
            (vec![("GRANARY_GITHUB_REPOSITORY", "acme")], "owner/name"),
            (vec![("GRANARY_GITHUB_REPOSITORY", "acme/builds")], "GRANARY_GITHUB_TOKEN"),
            (vec![("GRANARY_KMP_BUILDER", "github")], "GRANARY_GITHUB_REPOSITORY"),
            (vec![("GRANARY_KMP_BUILDER", "other")], "other"),
            (vec![("GRANARY_KMP_POLL_INTERVAL", "soon")], "GRANARY_KMP_POLL_INTERVAL"),
            (vec![("GRANARY_ALLOW_PRIVATE_SOURCES", "1")], "GRANARY_ALLOW_PRIVATE_SOURCES"),
        ] {
            let error = applied(&variables).unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
        }
        assert!(matches!(applied(&[]).unwrap().builder, Builder::None));
        let local = applied(&[("GRANARY_KMP_BUILDER", "local")]).unwrap();
        assert!(matches!(local.builder, Builder::Local { .. }));
    }
}
