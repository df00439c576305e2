//! What a job proves itself with: an ID token of GitHub, and the token of a build that it gets for it.

use std::sync::OnceLock;

use granary_auth::{HttpKeys, IdToken, KeySource, OidcVerifier};
use granary_model::{Error, PackageType, RawToken, Result, Timestamp, TokenKind};
use granary_storage::Key;
use granary_storage::rows::{BuildRow, BuildScope, BuildTokenRow, RepoRow};
use serde::Deserialize;

use crate::Work;
use crate::drive::outstanding;
use crate::github::run_title;
use crate::poll::source_here;
use crate::results::{JobBuild, ROUNDS, overtaken};
use crate::settings::{Builder, Github};
use crate::{store, watched};

/// How long the token of a build works at most, in milliseconds. It ends with the attempt it is for.
const LIFETIME_MILLIS: i64 = 3_600_000;

/// Verifies the ID tokens of jobs; made when the first one comes.
#[derive(Debug, Default)]
pub struct Identities(OnceLock<OidcVerifier>);

impl Identities {
    fn verifier(&self, github: &Github) -> Result<&OidcVerifier> {
        if let Some(verifier) = self.0.get() {
            return Ok(verifier);
        }
        let keys = KeySource::Http(HttpKeys::new(&github.oidc_issuer)?);
        let verifier = OidcVerifier::new(&github.oidc_issuer, &github.oidc_audience, keys);
        Ok(self.0.get_or_init(|| verifier))
    }
}

/// What GitHub says of a job.
#[derive(Debug, Clone, Deserialize)]
struct Claims {
    repository: String,
    workflow_ref: String,
    job_workflow_ref: Option<String>,
    event_name: String,
    run_id: String,
}

/// The token of a build, to be handed to its job once.
#[derive(Debug)]
pub struct Issued {
    /// The token.
    pub token: RawToken,
    /// When it stops working at the latest.
    pub expires_at: Timestamp,
}

/// Gives the job that proves itself with `identity` a token of its build. Each job of a run may ask for one of its own.
///
/// # Errors
/// `Unauthorized` for an ID token that is not GitHub's or not for this registry, `Forbidden` for one of another repository,
/// workflow or event, `NotFound` for an unknown build, `Conflict` if the build is not under way or another run has it,
/// `Unavailable` if GitHub does not say which run it is.
pub async fn exchange(work: &Work<'_>, wanted: &JobBuild<'_>, identity: &IdToken) -> Result<Issued> {
    let Builder::Github(github) = &work.kmp.settings.builder else {
        return Err(Error::NotFound("no builds are made at GitHub for this registry".into()));
    };
    let run = run_of(work, github, identity).await?;
    for _ in 0..ROUNDS {
        let build = wanted.find_under_way(work).await?;
        match build.run_id {
            Some(known) if known == run => return issue(work, &build).await,
            Some(_) => return Err(another_run()),
            None if name_run(work, &build, run).await? => {}
            None => continue,
        }
        return issue(work, &BuildRow { run_id: Some(run), ..build }).await;
    }
    Err(overtaken())
}

/// The run that an ID token is of, if it is of the workflow that builds.
async fn run_of(work: &Work<'_>, github: &Github, identity: &IdToken) -> Result<u64> {
    let verifier = work.kmp.identities.verifier(github)?;
    let job: Claims = verifier.verify_claims(identity, work.now).await.map_err(|error| match error {
        Error::Unauthorized(_) => Error::Unauthorized(format!(
            "the ID token is not valid: it has to be of a job at GitHub, fresh, and for the audience '{}'",
            github.oidc_audience
        )),
        other => other,
    })?;
    let refuse = |what: &str| {
        tracing::info!(kmp.claim = what, "the ID token of a job was refused");
        Err(Error::Forbidden(format!(
            "the ID token is of another {what} than the one that builds for this registry"
        )))
    };
    if !job.repository.eq_ignore_ascii_case(&github.repository) {
        return refuse("repository");
    }
    let workflows = std::iter::once(&job.workflow_ref).chain(&job.job_workflow_ref);
    for workflow in workflows {
        if !is_workflow(workflow, github) {
            return refuse("workflow");
        }
    }
    if job.event_name != "workflow_dispatch" {
        return refuse("event");
    }
    job.run_id.parse().or_else(|_| refuse("run"))
}

/// Whether a reference such as `acme/builds/.github/workflows/kmp-build.yml@refs/heads/main` is to the workflow that builds.
fn is_workflow(reference: &str, github: &Github) -> bool {
    let Some((path, git_ref)) = reference.split_once('@') else { return false };
    let file = format!("/.github/workflows/{}", github.workflow);
    let Some(repository) = path.strip_suffix(&file) else { return false };
    let wanted = &github.git_ref;
    let is_ref = git_ref == wanted
        || ["refs/heads/", "refs/tags/"].iter().any(|kind| git_ref.strip_prefix(kind) == Some(wanted));
    is_ref && repository.eq_ignore_ascii_case(&github.repository)
}

fn another_run() -> Error {
    Error::Conflict("another run has this build".into())
}

/// Notes that a run is the one of a build of which none was known, because GitHub's answer to the dispatch was lost. The run's
/// title says so, and GitHub is asked for it: what the job says of itself is only a number. `false`: the build has changed
/// meanwhile.
async fn name_run(work: &Work<'_>, build: &BuildRow, run: u64) -> Result<bool> {
    let Some(github) = work.kmp.github()? else { return Err(another_run()) };
    let found = github.get_run(run, work.now).await.map_err(|trouble| {
        Error::Unavailable(format!("GitHub does not say which run this is ({}); try again", trouble.words()))
    })?;
    let Some(found) = found.filter(|found| found.id == run && found.title == run_title(build)) else {
        return Err(another_run());
    };
    let mut next = BuildRow { run_id: Some(run), run_url: found.url, ..build.clone() };
    let mut change = granary_publish::Change::by_system(work.ids, work.now);
    store::transition(work, build, &mut next, &mut change, granary_storage::Transaction::new(), "kmp.run")
        .await
}

/// Makes a token of a build's present attempt: it uploads what is not published yet, and reads the repository here that the
/// library comes from. Whoever builds on this machine gets it directly.
///
/// # Errors
/// `NotFound` if the repository is gone, or if nobody watches the library any more.
pub async fn issue(work: &Work<'_>, build: &BuildRow) -> Result<Issued> {
    let gone = || Error::NotFound("build not found".into());
    let key = Key::Repo(build.repo.clone());
    let (repo, library) = tokio::try_join!(
        work.storage.get::<RepoRow>(&key),
        watched::load(work.storage, &build.repo, &build.watched),
    )?;
    let repo = repo.filter(|repo| repo.uid == build.repo_uid && !repo.deleting).ok_or_else(gone)?;
    library.filter(|library| library.repo_uid == repo.uid).ok_or_else(gone)?;
    let scope = BuildScope {
        build: build.id.clone(),
        attempt: build.attempt,
        packages: packages(build),
        source: source(work, &repo).await?,
    };
    let token = RawToken::generate(TokenKind::Build, work.ids);
    // In whole seconds, as the table counts them.
    let expires_at = work.now.plus_millis(LIFETIME_MILLIS).seconds();
    let row = BuildTokenRow {
        expires_at,
        repo: repo.id,
        repo_uid: repo.uid,
        watched: build.watched.clone(),
        scope,
    };
    work.storage.put(&Key::BuildToken(token.hash()), &row).await?;
    Ok(Issued { token, expires_at: Timestamp::from_millis(expires_at.saturating_mul(1000)) })
}

/// Protocol, normalised name and version of whatever an attempt is still to publish.
pub(crate) fn packages(build: &BuildRow) -> Vec<(PackageType, String, String)> {
    let Some(version) = &build.package_version else { return Vec::new() };
    let wanted = outstanding(build);
    let npm = wanted.npm_wanted().map(|name| (PackageType::Npm, name.key()));
    let swift = wanted.swift_wanted().map(|identity| (PackageType::Swift, identity.key()));
    npm.into_iter().chain(swift).map(|(kind, name)| (kind, name, version.to_string())).collect()
}

/// The repository here that the library comes from, if it is the one that was named and the owner of the one that watches may
/// read it now.
async fn source(work: &Work<'_>, repo: &RepoRow) -> Result<Option<(granary_model::RepoId, String)>> {
    let Some(config) = &repo.kmp_config else { return Ok(None) };
    Ok(source_here(work, repo, config).await?.map(|source| (source.id, source.uid)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{GithubCredential, Secret};

    #[test]
    fn only_the_workflow_that_builds_is_let_in() {
        let github = Github {
            api_url: "https://api.github.com".into(),
            repository: "acme/builds".into(),
            workflow: "kmp-build.yml".into(),
            git_ref: "main".into(),
            credential: GithubCredential::Token(Secret("x".into())),
            webhook_secret: None,
            oidc_issuer: "https://issuer.example".into(),
            oidc_audience: "https://registry.example".into(),
        };
        for good in [
            "acme/builds/.github/workflows/kmp-build.yml@refs/heads/main",
            "acme/builds/.github/workflows/kmp-build.yml@refs/tags/main",
            "Acme/Builds/.github/workflows/kmp-build.yml@refs/heads/main",
        ] {
            assert!(is_workflow(good, &github), "{good}");
        }
        for bad in [
            "",
            "acme/builds/.github/workflows/kmp-build.yml",
            "acme/builds/.github/workflows/kmp-build.yml@refs/heads/other",
            "acme/builds/.github/workflows/kmp-build.yml@refs/pull/1/merge",
            "acme/builds/.github/workflows/other.yml@refs/heads/main",
            "acme/builds/x/.github/workflows/kmp-build.yml@refs/heads/main",
            "evil/builds/.github/workflows/kmp-build.yml@refs/heads/main",
            "evil/.github/workflows/kmp-build.yml@acme/builds/.github/workflows/kmp-build.yml@refs/heads/main",
        ] {
            assert!(!is_workflow(bad, &github), "{bad}");
        }
    }
}
