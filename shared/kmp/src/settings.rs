//! Settings of the pipeline.

use std::path::PathBuf;
use std::time::Duration;

/// Settings of the pipeline; each with its variable and default.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Who builds.
    pub builder: Builder,
    /// `GRANARY_KMP_POLL_INTERVAL`: seconds between two looks at all watched libraries. Default 900.
    pub poll_interval: Duration,
    /// `GRANARY_KMP_DEBOUNCE`: seconds after a publish into a watched repository until it is looked at: a library is published
    /// as hundreds of files. Default 60, at most 900.
    pub debounce: Duration,
    /// `GRANARY_KMP_DEADLINE`: seconds after which a build without a result has failed. Default 10,800: the jobs of the workflow
    /// take 125 minutes together if each needs all that it may, and then they have waited for machines as well.
    pub deadline: Duration,
    /// `GRANARY_ALLOW_PRIVATE_SOURCES`: whether sources may be at private, link-local and loopback addresses, and without
    /// TLS. Default no.
    pub allow_private_sources: bool,
    /// How long a source may take for all of an answer. 15 seconds: several are asked within one request, which has 29.
    pub source_patience: Duration,
    /// How long GitHub may take for one answer, and twice as long as it may take to accept a connection. 10 seconds: there may be
    /// several within one request as well.
    pub github_patience: Duration,
    /// How long one request looks for new versions; what is not done by then is left to the queue. 20 seconds: gateways give up
    /// after half a minute.
    pub poll_patience: Duration,
    /// The public address of the registry, which jobs are told.
    pub public_url: String,
    /// Most bytes that a repository may hold (`GRANARY_REPO_QUOTA`), as the registry has it.
    pub repo_quota: Option<u64>,
}

/// Who builds.
#[derive(Debug, Clone)]
pub enum Builder {
    /// Nobody: builds wait.
    None,
    /// A workflow at GitHub.
    Github(Github),
    /// This machine, by the scripts in a folder (`GRANARY_KMP_BUILDER=local`, `GRANARY_KMP_SCRIPTS`): only npm packages.
    Local {
        /// Where the scripts are.
        scripts: PathBuf,
    },
}

/// A workflow at GitHub.
#[derive(Debug, Clone)]
pub struct Github {
    /// `GRANARY_GITHUB_API_URL`. Default `https://api.github.com`.
    pub api_url: String,
    /// `GRANARY_GITHUB_REPOSITORY`: `owner/name` of the repository with the workflow.
    pub repository: String,
    /// `GRANARY_GITHUB_WORKFLOW`: file name of the workflow. Default `kmp-build.yml`.
    pub workflow: String,
    /// `GRANARY_GITHUB_REF`: branch or tag that runs. Default `main`.
    pub git_ref: String,
    /// By whose right.
    pub credential: GithubCredential,
    /// `GRANARY_GITHUB_WEBHOOK_SECRET`: what webhooks are signed with; without it they are refused.
    pub webhook_secret: Option<Secret>,
    /// `GRANARY_GITHUB_OIDC_ISSUER`: who signs the jobs' ID tokens. Default `https://token.actions.githubusercontent.com`.
    pub oidc_issuer: String,
    /// `GRANARY_GITHUB_OIDC_AUDIENCE`: `aud` of those tokens. Default the public address of the registry.
    pub oidc_audience: String,
}

/// By whose right the workflow is started.
#[derive(Debug, Clone)]
pub enum GithubCredential {
    /// `GRANARY_GITHUB_TOKEN`: a personal access token.
    Token(Secret),
    /// `GRANARY_GITHUB_APP_ID` and `GRANARY_GITHUB_APP_KEY`: an App that is installed for the repository.
    App {
        /// Its id or client id.
        id: String,
        /// Its private key, PEM.
        key: Secret,
    },
}

/// A text that is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl Settings {
    /// The defaults for a registry at this address: nobody builds.
    pub fn local(public_url: &str) -> Self {
        Self {
            builder: Builder::None,
            poll_interval: Duration::from_mins(15),
            debounce: Duration::from_mins(1),
            deadline: Duration::from_hours(3),
            allow_private_sources: false,
            source_patience: Duration::from_secs(15),
            poll_patience: Duration::from_secs(20),
            github_patience: Duration::from_secs(10),
            public_url: public_url.into(),
            repo_quota: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the workflow stops by itself is not given up before.
    #[test]
    fn the_deadline_is_longer_than_all_jobs_of_the_workflow() {
        let workflow = include_str!("../../../infra/github/kmp-build.yml");
        let limits = workflow.lines().filter_map(|line| line.trim().strip_prefix("timeout-minutes:"));
        let minutes: Vec<u64> = limits.map(|text| text.trim().parse().unwrap()).collect();
        assert_eq!(minutes.len(), workflow.matches("runs-on:").count(), "each job has a limit");
        assert!(Duration::from_mins(minutes.iter().sum()) < Settings::local("").deadline, "{minutes:?}");
    }
}
