//! Who may do what, as SwiftPM's user gets to read it.

use anyhow::{Result, ensure};
use granary_tests::api::Visibility;
use granary_tests::swift::{Swift, resolved};

use super::{HELLO, Stage, WRONG_TOKEN};

/// What a program needs.
const DEPENDENCY: &str = "id: \"acme.hello\", from: \"1.0.0\"";

/// Without a token a public repository can be read and not published to, and a private one says who may. SwiftPM
/// up to 6.3.1 waits for ever if that answer asks for Basic credentials.
#[tokio::test]
async fn strangers() -> Result<()> {
    let stage = Stage::new(Visibility::Public).await?;
    stage.published(&stage.swift().await?, &HELLO, "acme.hello", "1.0.0").await?;
    let stranger = stage.stranger().await?;
    let program = stranger.program("program", DEPENDENCY, "acme.hello", "Hello")?;
    stranger.resolve(&program).await?.success()?;
    ensure!(resolved(&program)? == ["acme.hello 1.0.0"]);
    let library = stranger.library("intruder", &HELLO)?;
    let refused = stranger.publish(&library, "acme.intruder", "1.0.0", &[]).await?;
    refused.failure(&["server error 401: "])?.says("authentication is required")?;

    let closed = stage.secured.instance().name("closed");
    stage.admin.create(&closed, &["swift"], Visibility::Private).await?;
    let closed = format!("{}/api/swift/{closed}/", stage.secured.front().url());
    let stranger = Swift::new(&closed, &stage.certificates())?;
    stranger.set().await?.success()?;
    let program = stranger.program("program", DEPENDENCY, "acme.hello", "Hello")?;
    let refused = stranger.resolve(&program).await?;
    refused.failure(&["server error 401: "])?.says("authentication is required")?;
    Ok(())
}

/// A token that never was cannot log in, and does not resolve when it is written into the files by hand.
#[tokio::test]
async fn wrong_token_is_refused() -> Result<()> {
    let stage = Stage::new(Visibility::Private).await?;
    stage.published(&stage.swift().await?, &HELLO, "acme.hello", "1.0.0").await?;
    let user = stage.stranger().await?;
    user.login(WRONG_TOKEN).await?.failure(&["server error 401: "])?;
    ensure!(!user.home().join(".netrc").exists(), "a token that was refused is kept");

    // Right once, and revoked since.
    let user = stage.swift().await?;
    let netrc = user.home().join(".netrc");
    std::fs::write(&netrc, format!("machine localhost login token password {WRONG_TOKEN}\n"))?;
    let program = user.program("program", DEPENDENCY, "acme.hello", "Hello")?;
    user.resolve(&program).await?.failure(&["server error 401: "])?;
    let library = user.library("intruder", &HELLO)?;
    user.publish(&library, "acme.intruder", "1.0.0", &[]).await?.failure(&["server error 401: "])?;
    ensure!(stage.registry.status("acme/intruder").await? == 404, "it was published");
    Ok(())
}

/// A token that may only read resolves, and is told so when it publishes.
#[tokio::test]
async fn read_token_resolves_and_does_not_publish() -> Result<()> {
    let stage = Stage::new(Visibility::Private).await?;
    stage.published(&stage.swift().await?, &HELLO, "acme.hello", "1.0.0").await?;
    let reader = stage.swift_with(&stage.read_token().await?).await?;
    let program = reader.program("program", DEPENDENCY, "acme.hello", "Hello")?;
    reader.resolve(&program).await?.success()?;
    let library = reader.library("intruder", &HELLO)?;
    let refused = reader.publish(&library, "acme.intruder", "1.0.0", &[]).await?;
    refused.failure(&["server error 403: "])?;
    ensure!(stage.registry.status("acme/intruder").await? == 404, "it was published");
    Ok(())
}

/// A token of one repository opens no other one, and what it may not see is not there.
#[tokio::test]
async fn one_repository_says_nothing_of_another() -> Result<()> {
    let stage = Stage::new(Visibility::Private).await?;
    stage.published(&stage.swift().await?, &HELLO, "acme.hello", "1.0.0").await?;
    let other = stage.secured.instance().name("other");
    stage.admin.create(&other, &["swift"], Visibility::Private).await?;
    let token = stage.admin.sign_in("admin").await?.repo_token(&other, &["read"]).await?;
    let user = stage.stranger().await?;
    user.login(&token).await?.failure(&["server error 404: "])?;
    let unknown = stage.registry.with_token(Some(&token));
    ensure!(unknown.status("acme/hello").await? == 404 && unknown.status("acme/nothing").await? == 404);
    Ok(())
}

/// User and password instead of a token: what an older `registries.json` has.
#[tokio::test]
async fn basic_credentials_are_understood() -> Result<()> {
    let stage = Stage::new(Visibility::Private).await?;
    stage.published(&stage.swift().await?, &HELLO, "acme.hello", "1.0.0").await?;
    let user = stage.stranger().await?;
    user.login_as("anybody", stage.admin.token()).await?.success()?;
    let program = user.program("program", DEPENDENCY, "acme.hello", "Hello")?;
    user.resolve(&program).await?.success()?;
    let basic = stage.seen().iter().any(|head| head.contains("\r\nAuthorization: Basic "));
    ensure!(basic, "it sent no Basic credentials");
    Ok(())
}
