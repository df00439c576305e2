//! `scripts/deploy` and `scripts/destroy`, with a deployment of their own beside the one that the suites use.

use anyhow::{Context, Result, ensure};
use granary_tests::outcome::Outcome;
use granary_tests::settings::{deployed, workspace};
use granary_tests::workplace::Workplace;
use reqwest::{Client, StatusCode};

/// Runs one of the two scripts with the deployer's rights.
async fn run(place: &Workplace, script: &str, arguments: &[&str]) -> Result<Outcome> {
    let mut command = place.command(workspace().join("scripts").join(script), &place.path("projects"));
    for name in
        ["AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_TOOLS", "PATH"]
    {
        command.env(name, deployed(name)?);
    }
    command.env("AWS_DEFAULT_REGION", deployed("AWS_REGION")?);
    command.args(arguments);
    place.run(command).await?.success()
}

/// What a line that sets a variable sets it to.
fn variable(outcome: &Outcome, name: &str) -> Result<String> {
    let start = format!("export {name}=");
    let value = outcome.stdout.lines().find_map(|line| line.strip_prefix(&start));
    Ok(value.with_context(|| format!("no {name}: {outcome}"))?.trim_matches('\'').to_owned())
}

/// The token that was made.
fn token(outcome: &Outcome) -> Result<String> {
    let word = outcome.stdout.split_whitespace().find(|word| word.starts_with("art_"));
    Ok(word.with_context(|| format!("no token: {outcome}"))?.to_owned())
}

/// Whom the deployment takes the bearer of a token for.
async fn status_of(api: &str, token: &str) -> Result<StatusCode> {
    // By its path: the name of an API is not known to any resolver here.
    let url = format!("{}/_aws/execute-api/{api}/$default/api/repos", deployed("AWS_ENDPOINT_URL")?);
    Ok(Client::builder().no_proxy().build()?.get(url).bearer_auth(token).send().await?.status())
}

/// Deployed, a first token and another one, deployed again with a change, and removed with all data.
#[tokio::test]
async fn from_the_first_deployment_to_the_last() -> Result<()> {
    let place = Workplace::new()?;
    let (issuer, artifacts) = (deployed("GRANARY_IDP")?, deployed("GRANARY_ARTIFACTS")?);
    let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" };
    let (issuing, built) = (format!("OidcIssuer={issuer}"), format!("Architecture={architecture}"));
    let words = ["dev", "--yes", "--artifacts", &artifacts, "Admins=ops", &issuing, &built];
    let made = run(&place, "deploy", &words).await?.says("Granary is deployed at")?;
    let made = made.says("Token of the administrator 'ops'")?;
    let url = variable(&run(&place, "deploy", &["dev", "--variables"]).await?, "GRANARY_PUBLIC_URL")?;
    let api = url.split("//").nth(1).and_then(|host| host.split('.').next()).context("no API")?;
    ensure!(status_of(api, &token(&made)?).await? == StatusCode::OK, "the first token does not work");
    ensure!(status_of(api, "art_000000000000000000000000000000000000").await? == StatusCode::UNAUTHORIZED);

    let words = ["dev", "--yes", "--artifacts", &artifacts, "RepoQuotaBytes=1000"];
    let again = run(&place, "deploy", &words).await?;
    ensure!(!again.stdout.contains("art_"), "a token that nobody asked for: {again}");
    let changed = run(&place, "deploy", &["dev", "--variables"]).await?;
    ensure!(variable(&changed, "GRANARY_REPO_QUOTA_BYTES")? == "1000", "{changed}");
    ensure!(variable(&changed, "GRANARY_OIDC_ISSUER")? == issuer, "what was not named changed: {changed}");
    let another = token(&run(&place, "deploy", &["dev", "--token"]).await?)?;
    ensure!(status_of(api, &another).await? == StatusCode::OK, "another token does not work");

    run(&place, "destroy", &["dev", "--data", "--yes"]).await?.says("are gone")?;
    ensure!(status_of(api, &another).await? != StatusCode::OK, "it still answers");
    Ok(())
}
